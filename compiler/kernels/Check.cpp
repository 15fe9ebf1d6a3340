//===- Check.cpp - proves that programs stay inside their memory ------------------------------------------------===//
#include "compiler/kernels/Check.h"
#include "compiler/kernels/Signature.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace lathe;
using llvm::Error;
using llvm::formatv;

namespace {

/// A dimension of memory: `extent` places, `step` bytes apart.
struct Axis {
  int64_t step, extent;
};

/// Bytes of the arena that an argument reaches over all tiles.
struct Reach {
  const View *view;
  const Argument *argument;
  Scope scope;
  int64_t begin, end;
};

class Checker {
public:
  explicit Checker(const ProgramSet &set) : set(set) {
    for (const PackedWeight &weight : set.weights)
      weightBytes[weight.name] = weight.vector ? llvm::alignTo(weight.bytes, 64) : weight.bytes;
    for (const Table &table : set.tables)
      weightBytes[table.name] = table.values.size() * sizeof(float);
  }

  Error run() {
    for (const Program &p : set.programs) {
      program = &p;
      for (const Phase &ph : p.phases) {
        phase = &ph;
        where = formatv("program {0}, phase \"{1}\"", p.name, ph.name).str();
        if (Error wrong = checkPhase())
          return wrong;
      }
    }
    return Error::success();
  }

private:
  Error error(const llvm::Twine &what) const { return llvm::createStringError(where + ": " + what); }

  int64_t maxSplits() const { return llvm::divideCeil(set.maxContext, std::max<int64_t>(1, set.cache.splitPositions)); }

  Error checkPhase() {
    const LinearKernel *linear = linearOf(*phase);
    if (!tileFits(*program, *phase, phase->rowsPerTile, phase->columnsPerTile))
      return error(formatv("tiles of {0} x {1} do not divide {2} x {3} (or split a gated pair)", phase->rowsPerTile,
                           phase->columnsPerTile, program->rows(*phase), phase->columns));
    if (linear && (linear->rows != phase->rowsPerTile || linear->panels != phase->columnsPerTile))
      return error("its linear has another tile than its grid");
    if (phase->inOrder && (linear || phase->rowsPerTile != 1 || !phase->prologue.empty() || phase->splits))
      return error("has rows in order, and a linear, a prologue, splits or tiles of several rows");
    if (phase->rowKind == RowKind::Choices &&
        phase->choices.offset + phase->choices.layout.bytes() > program->arenaBytes)
      return error("its table of choices leaves the arena");
    reads.clear(), writes.clear();
    // The signatures outlive this function's loops because `reads` and `writes` point into them.
    std::vector<std::vector<Argument>> signatures;
    signatures.reserve(phase->prologue.size() + phase->calls.size());
    for (const std::vector<Call> *calls : {&phase->prologue, &phase->calls})
      for (const Call &call : *calls) {
        if ((call.scope == Scope::Worker) != (calls == &phase->prologue))
          return error(symbol(call.kernel) + " has a scope that its list does not run");
        if (call.scope != Scope::Worker && phase->rowsPerTile % rowsOf(call.kernel))
          return error(formatv("{0} takes {1} rows, which do not divide the tile's {2}", symbol(call.kernel),
                               rowsOf(call.kernel), phase->rowsPerTile));
        signatures.push_back(signature(call.kernel));
        if (call.views.size() != signatures.back().size())
          return error(formatv("{0} has {1} arguments and {2} views", symbol(call.kernel), signatures.back().size(),
                               call.views.size()));
        for (auto [argument, view] : llvm::zip(signatures.back(), call.views))
          if (Error wrong = checkView(call, argument, view))
            return error(formatv("{0}, argument {1}: {2}", symbol(call.kernel), argument.name,
                                 llvm::toString(std::move(wrong))));
      }
    return checkOverlaps();
  }

  /// How a view moves in this phase.
  std::vector<Axis> moves(const Call &call, const View &view) const {
    int64_t rows = program->rows(*phase);
    if (call.scope == Scope::Worker)
      return {{view.perRow, rows}};
    const int64_t taken = rowsOf(call.kernel);
    std::vector<Axis> axes = {{view.perRow * taken, rows / taken},
                              {view.perColumn * phase->columnsPerTile, phase->columns / phase->columnsPerTile}};
    if (phase->splits || call.scope == Scope::Splits)
      axes.push_back({view.perSplit, maxSplits()});
    if (view.perExpert)
      axes.push_back({view.perExpert, phase->choices.layout.experts});
    if (view.base == Base::Scratch && phase->prologue.empty())
      axes.push_back({phase->scratchBytes * taken, phase->rowsPerTile / taken});
    return axes;
  }

  Error checkView(const Call &call, const Argument &argument, const View &view) {
    auto wrong = [](const llvm::Twine &what) { return llvm::createStringError(what); };
    if (view.offset < 0 || view.perRow < 0 || view.perColumn < 0 || view.perSplit < 0 || view.perExpert < 0)
      return wrong("moves backwards");
    if (view.perExpert && (phase->rowKind != RowKind::Choices || call.scope == Scope::Worker))
      return wrong("moves by experts where rows have none");
    int64_t bytes = elementBytes(argument.type);
    if (argument.spanBytes() / bytes > std::numeric_limits<int32_t>::max())
      return wrong("has more elements than a kernel can index (2^31)");

    Argument inside = argument;
    if (view.base == Base::Cache) { // which page is the kernel's choice, from the page table
      if (argument.dims.size() != 3 || argument.dims[2].stride * bytes != set.cache.pageBytes())
        return wrong("does not go from page to page");
      inside.dims.pop_back();
    }
    if (view.base == Base::State) { // so is the block of the state
      if (!phase->inOrder)
        return wrong("changes a state whose rows are not in order");
      if (argument.dims.size() != 4 || argument.dims[3].stride * bytes != set.state.bytes)
        return wrong("does not go from block to block");
      inside.dims.pop_back();
    }
    if (view.base == Base::Pages) { // so is the line of it, from the row's slot
      if (argument.dims.size() != 2 || argument.dims[0].extent != set.cache.maxPages)
        return wrong("is not the page table");
      inside.dims.pop_back();
    }
    int64_t end = view.offset + inside.spanBytes();
    std::vector<Axis> axes = moves(call, view);
    for (const Axis &axis : axes)
      end += axis.step * (axis.extent - 1);
    int64_t limit = limitOf(view);
    if (limit < 0)
      return wrong(formatv("weight {0} does not exist", view.weight));
    if (end > limit)
      return wrong(formatv("reaches byte {0} of {1}", end, limit));
    if (view.offset % bytes)
      return wrong(formatv("offset {0} is not aligned to its elements", view.offset));

    if (argument.output && call.scope == Scope::Worker && view.base != Base::Scratch)
      return wrong("every worker writes it");
    if (argument.output && view.base != Base::Scratch && view.base != Base::Arena && view.base != Base::Logits &&
        view.base != Base::Cache && view.base != Base::State)
      return wrong("is written and may only be read");
    if (!argument.output && view.base == Base::Logits)
      return wrong("is read and may only be written");
    if (view.base != Base::Scratch && argument.output && call.scope != Scope::Worker)
      if (Error overlap = checkDisjoint(inside, axes, view.base))
        return overlap;
    if (view.base == Base::Arena)
      (argument.output ? writes : reads).push_back({&view, &argument, call.scope, view.offset, end});
    return Error::success();
  }

  /// Bytes behind a view's base; -1 when there is no such weight.
  int64_t limitOf(const View &view) const {
    switch (view.base) {
    case Base::Arena:
      return program->arenaBytes;
    case Base::Scratch:
      return program->scratchBytes();
    case Base::Weights: {
      auto found = weightBytes.find(view.weight);
      return found == weightBytes.end() ? -1 : found->second;
    }
    case Base::Cache:
      return set.cache.pageBytes();
    case Base::State:
      return set.state.bytes;
    case Base::Blocks:
    case Base::Ids:
    case Base::Positions:
    case Base::Slots:
    case Base::Lengths:
      return program->maxRows * 4;
    case Base::Pages:
      return set.cache.maxPages * 4;
    case Base::LogitRows:
      return program->maxLogitRows * 4;
    case Base::Logits:
      return program->maxLogitRows * set.logitsStride * 4;
    case Base::Tile:
      return 7 * 4;
    }
    return 0;
  }

  /// Places of all axes, taken together as digits of a number, must be different bytes: sorted by step, each axis steps
  /// over all that the smaller ones reach. Rows write other places of the cache by their positions and pages; splits by
  /// theirs.
  Error checkDisjoint(const Argument &argument, const std::vector<Axis> &moves, Base base) const {
    std::vector<Axis> axes;
    for (const Argument::Dim &dim : argument.dims)
      axes.push_back({dim.stride * elementBytes(argument.type), dim.extent});
    if (base == Base::Cache || base == Base::State)
      axes.push_back(moves[1]);
    else
      axes.insert(axes.end(), moves.begin(), moves.end());
    llvm::erase_if(axes, [](const Axis &axis) { return axis.extent == 1; });
    llvm::sort(axes, [](const Axis &a, const Axis &b) { return a.step < b.step; });
    int64_t reach = elementBytes(argument.type);
    for (const Axis &axis : axes) {
      if (axis.step < reach)
        return llvm::createStringError("two tiles write the same bytes");
      reach += axis.step * (axis.extent - 1);
    }
    return Error::success();
  }

  Error checkOverlaps() const {
    auto meet = [](const Reach &a, const Reach &b) { return a.begin < b.end && b.begin < a.end; };
    for (const Reach &write : writes) {
      for (const Reach &read : reads) {
        bool replaces = *read.view == *write.view && read.argument->dims == write.argument->dims &&
                        read.scope == Scope::Tile && write.scope == Scope::Tile;
        if (meet(read, write) && !replaces)
          return error(formatv("{0} is overwritten by {1} of another tile", read.argument->name, write.argument->name));
      }
      for (const Reach &other : writes)
        if (&other != &write && meet(other, write))
          return error(formatv("outputs {0} and {1} overlap", other.argument->name, write.argument->name));
    }
    return Error::success();
  }

  const ProgramSet &set;
  llvm::StringMap<int64_t> weightBytes;
  const Program *program = nullptr;
  const Phase *phase = nullptr;
  std::string where;
  std::vector<Reach> reads, writes; ///< of the arena, by the present phase
};

} // namespace

Error lathe::check(const ProgramSet &set) { return Checker(set).run(); }
