//===- Program.cpp - tiles of phases, and programs as text ------------------------------------------------------===//
#include "compiler/kernels/Program.h"
#include "compiler/kernels/Signature.h"
#include <algorithm>
#include <sstream>

using namespace lathe;

const char *lathe::baseName(Base base) {
  static const char *const names[] = {"arena", "scratch",    "weights", "cache", "ids",     "positions", "slots",
                                      "pages", "logit_rows", "logits",  "tile",  "lengths", "state",     "blocks"};
  return names[static_cast<int>(base)];
}

namespace {

void print(std::ostream &out, const View &view) {
  out << baseName(view.base);
  if (view.base == Base::Weights)
    out << " " << view.weight;
  if (view.base == Base::Cache || view.base == Base::State)
    out << " " << view.layer;
  if (view.offset)
    out << " +" << view.offset;
  if (view.perRow)
    out << " +" << view.perRow << "*m";
  if (view.perColumn)
    out << " +" << view.perColumn << "*n";
  if (view.perSplit)
    out << " +" << view.perSplit << "*s";
  if (view.perExpert)
    out << " +" << view.perExpert << "*e";
}

void print(std::ostream &out, const Call &call) {
  static const char *const scopes[] = {"tile", "splits", "worker"};
  out << "    " << scopes[static_cast<int>(call.scope)] << " " << call.symbol() << "\n";
  std::vector<Argument> arguments = signature(call.kernel);
  for (size_t i = 0; i < arguments.size(); ++i) {
    out << "      " << (arguments[i].output ? "-> " : "   ") << arguments[i].name << " = ";
    print(out, call.views[i]);
    out << "\n";
  }
}

void print(std::ostream &out, const Program &program, const Phase &phase) {
  static const char *const kinds[] = {" rows", " logit rows", " choices", " step"};
  out << "  phase \"" << phase.name << "\": " << program.rows(phase) << kinds[static_cast<int>(phase.rowKind)] << " / "
      << phase.rowsPerTile << " x " << phase.columns << " / " << phase.columnsPerTile
      << (phase.splits ? " x splits" : "") << (phase.inOrder ? ", rows in order" : "");
  if (phase.work.weightBytes)
    out << ", " << phase.work.weightBytes << " weight bytes";
  if (phase.work.operations)
    out << ", " << phase.work.operations << " operations a row";
  if (phase.work.cacheBytes)
    out << ", " << phase.work.cacheBytes << " cache bytes and " << phase.work.positionOperations
        << " operations a position";
  if (phase.hidden)
    out << ", hidden state " << *phase.hidden;
  out << "\n";
  for (const Call &call : phase.prologue)
    print(out, call);
  for (const Call &call : phase.calls)
    print(out, call);
}

} // namespace

size_t lathe::leadingCall(const Phase &phase) {
  auto first = [&]<class Kernel>(const Kernel *) {
    return std::ranges::find_if(phase.calls,
                                [](const Call &call) { return std::holds_alternative<Kernel>(call.kernel); }) -
           phase.calls.begin();
  };
  const size_t calls = phase.calls.size(), linear = first(static_cast<const LinearKernel *>(nullptr));
  const size_t attend = first(static_cast<const AttendKernel *>(nullptr));
  return linear < calls ? linear : attend < calls ? attend : 0;
}

const LinearKernel *lathe::linearOf(const Phase &phase) {
  return std::get_if<LinearKernel>(&phase.calls[leadingCall(phase)].kernel);
}

int64_t lathe::rowsOf(const KernelDesc &kernel) {
  const auto *linear = std::get_if<LinearKernel>(&kernel);
  const auto *attend = std::get_if<AttendKernel>(&kernel);
  return linear ? linear->rows : attend ? attend->rows : 1;
}

bool lathe::takesRuns(const KernelDesc &kernel) {
  const auto *attend = std::get_if<AttendKernel>(&kernel);
  return attend && attend->rows > 1;
}

int64_t Program::scratchBytes() const {
  int64_t most = 0;
  for (const Phase &phase : phases)
    most = std::max(most, phase.scratchBytes * (phase.prologue.empty() ? phase.rowsPerTile : 1));
  return most;
}

KernelDesc lathe::withTile(const KernelDesc &kernel, int64_t rows, int64_t columns) {
  KernelDesc tiled = kernel;
  if (auto *linear = std::get_if<LinearKernel>(&tiled)) {
    linear->rows = rows;
    linear->panels = columns;
  }
  if (auto *attend = std::get_if<AttendKernel>(&tiled); attend && attend->takesRows())
    attend->rows = rows;
  return tiled;
}

bool lathe::takesOneRow(const Phase &phase) {
  auto collects = [](const Call &call) { return std::holds_alternative<CollectKernel>(call.kernel); };
  return phase.inOrder || phase.rowKind == RowKind::Once || std::ranges::any_of(phase.calls, collects);
}

bool lathe::tileFits(const Program &program, const Phase &phase, int64_t rows, int64_t columns) {
  if (rows < 1 || columns < 1 || program.rows(phase) % rows || phase.columns % columns)
    return false;
  const LinearKernel *linear = linearOf(phase);
  const int64_t choiceRows = phase.rowKind == RowKind::Choices ? phase.choices.layout.tileRows : 0;
  if (linear)
    return (!choiceRows || rows == choiceRows) && (!linear->gated || columns % 2 == 0);
  return columns == 1 && (rows == 1 || (!takesOneRow(phase) && phase.prologue.empty())) &&
         (!choiceRows || choiceRows % rows == 0);
}

void lathe::setTile(Phase &phase, int64_t rows, int64_t columns) {
  phase.rowsPerTile = rows;
  phase.columnsPerTile = columns;
  for (Call &call : phase.calls)
    call.kernel = withTile(call.kernel, rows, columns);
}

std::string lathe::print(const ProgramSet &set) {
  std::ostringstream out;
  const CacheLayout &cache = set.cache;
  out << "cache: " << cache.layers << " layers, " << cache.kvHeads << " heads x " << cache.headSize;
  if (cache.valueSize != cache.headSize)
    out << " and " << cache.valueSize;
  out << ", " << nameOf(cache.format) << ", " << cache.maxPages
      << " pages a sequence, splits of " << cache.splitPositions << " positions\n";
  if (set.state.layers)
    out << "state: " << set.state.layers << " layers of " << set.state.bytes << " bytes, the scan's from byte "
        << set.state.scanOffset << "\n";
  out << "logits: " << set.vocabulary << ", stride " << set.logitsStride << "; context " << set.maxContext << "; "
      << set.maxSlots << " sequences\n";
  if (set.feedAgainBeyond)
    out << "sequences longer than " << set.feedAgainBeyond << " are fed again\n";
  for (const PackedWeight &weight : set.weights) {
    out << "weight " << weight.name << ": " << packedName(weight.format) << " " << weight.rows << " x "
        << weight.columns << ", " << weight.bytes << " bytes" << (weight.interleave ? ", interleaved" : "");
    if (weight.experts > 1)
      out << ", " << weight.experts << " experts";
    out << "\n";
  }
  for (const Table &table : set.tables)
    out << "table " << table.name << ": " << table.values.size() << "\n";
  for (const Program &program : set.programs) {
    out << "program " << program.name << ": " << program.maxRows << " rows, " << program.maxLogitRows << " logit rows"
        << (program.distinctSequences ? " of distinct sequences" : "") << ", arena " << program.arenaBytes
        << " bytes, scratch " << program.scratchBytes() << " bytes\n";
    for (const Phase &phase : program.phases)
      ::print(out, program, phase);
  }
  return out.str();
}
