//===- PhaseKernel.cpp - a phase as one kernel of a GPU ----------------------------------------------------------===//
#include "compiler/kernels/gpu/PhaseKernel.h"
#include "compiler/kernels/Signature.h"
#include "compiler/kernels/gpu/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/xxhash.h"
#include <numeric>
#include <sstream>

using namespace mlir;

namespace lathe::gpu {

namespace {

bool isParameter(const View &view) { return view.base != Base::Scratch && view.base != Base::Tile; }

/// Bytes that every start of the view is a multiple of, up to the largest load's: bases are aligned.
int64_t alignmentOf(const Phase &phase, const View &view) {
  int64_t alignment = 16;
  for (int64_t bytes : {view.offset, view.perRow, view.perColumn * phase.columnsPerTile, view.perSplit, view.perExpert})
    alignment = std::gcd(alignment, bytes);
  return alignment;
}

/// Rows of a tile of a step that waits for its weights.
constexpr int64_t kFewRows = 8;
/// Of a warp's weights: all blocks that an H100 runs at once then fetch 34 MB, which its L2 of 50 MB holds.
constexpr int64_t kEarlyBytes = 4096;

class Writer {
public:
  Writer(ModuleOp module, const Phase &phase, const ValuesOf &values, const TargetDesc &target)
      : phase(phase), values(values), b(module.getBodyRegion()), code(b, target) {}

  int64_t run(StringRef entry) {
    startFunction(entry);
    if (beginsEarly(code.target)) {
      code.ptx("griddepcontrol.launch_dependents;", {}, {});
      fetchWeights();
      code.ptx("griddepcontrol.wait;", {}, {}); // in every block, so that a phase never ends before the one before it
    }
    code.reserveShared(phase.scratchBytes * scratchRows()); // at the start: views count from there
    V m = code.blockIndex(1), n = code.blockIndex(0), s = code.blockIndex(2);
    V rows = header(0), own = phase.rowKind == RowKind::Logits    ? header(1)
                              : phase.rowKind == RowKind::Choices ? loadI32(table(), 0) * phase.choices.layout.tileRows
                              : phase.rowKind == RowKind::Once    ? code.i32(1)
                                                                  : rows;
    V there = phase.inOrder ? own > 0 : m * phase.rowsPerTile < own;
    if (phase.splits)
      there = there & (s < header(2));
    code.ifThen(there, [&] {
      writePrologue(own, rows);
      if (phase.inOrder)
        code.loop(code.i32(0), own, 1, [&](V row) {
          writeCalls(row, n, s, own, rows);
          code.barrier(); // the next row reads the state that this one leaves
        });
      else
        writeCalls(m, n, s, own, rows);
    });
    LLVM::ReturnOp::create(b, code.loc(), ValueRange());
    return code.sharedBytes();
  }

private:
  /// Sets out on the first weights that each warp of a linear of few rows reads, while the phase before still runs.
  void fetchWeights() {
    const size_t leader = leadingCall(phase);
    const auto *linear = std::get_if<LinearKernel>(&phase.calls[leader].kernel);
    if (!linear || phase.rowsPerTile > kFewRows || phase.rowKind == RowKind::Choices)
      return;
    size_t place = 0;
    for (const Call &call : phase.prologue)
      place += llvm::count_if(call.views, isParameter);
    for (size_t i = 0; i < leader; ++i)
      place += llvm::count_if(phase.calls[i].views, isParameter);
    const std::vector<Argument> arguments = signature(phase.calls[leader].kernel);
    for (size_t i = 0; arguments[i].name != "w"; ++i)
      place += isParameter(phase.calls[leader].views[i]);
    const int64_t tile = phase.columnsPerTile * panelBytes(linear->format, linear->columns);
    const int64_t share = tile / kWarps / 16 * 16, bytes = std::min(share, kEarlyBytes);
    if (!bytes)
      return;
    code.ifThen(code.lane() == 0, [&] {
      V at = toI64(code.blockIndex(0)) * code.i64(tile) + toI64(shiftRight(code.thread(), 5)) * code.i64(share) -
             code.i64(matrixOffsets(linear->format, linear->columns)[0]); // from the panels' start
      Value from = LLVM::GEPOp::create(b, code.loc(), parameters[place].getType(), b.getI8Type(), parameters[place],
                                       ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(at.value)});
      code.ptx("cp.async.bulk.prefetch.L2.global [$0], $1;", {}, {code.wrap(from), code.i32(bytes)});
    });
  }

  int64_t scratchRows() const { return phase.prologue.empty() ? phase.rowsPerTile : 1; }

  void startFunction(StringRef entry) {
    size_t count = 1 + (phase.rowKind == RowKind::Choices);
    for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
      for (const Call &call : *calls)
        count += llvm::count_if(call.views, isParameter);
    auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), SmallVector<Type>(count, global));
    auto function = LLVM::LLVMFuncOp::create(b, code.loc(), entry, type);
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({int32_t(kThreads)}));
    b.setInsertionPointToStart(function.addEntryBlock(b));
    parameters = function.getArguments();
  }

  V loadI32(Value pointer, int64_t place) {
    Value at = LLVM::GEPOp::create(b, code.loc(), pointer.getType(), b.getI32Type(), pointer,
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(place)});
    return code.wrap(LLVM::LoadOp::create(b, code.loc(), b.getI32Type(), at, 4));
  }
  V loadI32(Value pointer, V place) {
    Value at = LLVM::GEPOp::create(b, code.loc(), pointer.getType(), b.getI32Type(), pointer,
                                   ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(toI64(place).value)});
    return code.wrap(LLVM::LoadOp::create(b, code.loc(), b.getI32Type(), at, 4));
  }
  V header(int64_t place) { return loadI32(parameters.back(), place); }
  Value table() { return parameters[parameters.size() - 2]; }

  void writePrologue(V own, V rows) {
    if (phase.prologue.empty())
      return;
    code.loop(code.i32(0), own, 1, [&](V row) {
      next = 0;
      for (const Call &call : phase.prologue) {
        write(call, row, code.i32(0), code.i32(0), std::nullopt, std::nullopt, own, rows);
        code.barrier();
      }
    });
    first = next;
  }

  void writeCalls(V m, V n, V s, V own, V rows) {
    std::optional<V> expert;
    if (phase.rowKind == RowKind::Choices)
      expert = loadI32(table(), m * phase.rowsPerTile / double(phase.choices.layout.tileRows) + 1);
    next = first;
    for (size_t i = 0; i < phase.calls.size(); ++i) {
      const Call &call = phase.calls[i];
      assert(call.scope == Scope::Tile && "the plan puts splits into the grid");
      const size_t views = next;
      if (i)
        code.barrier();
      if (rowsOf(call.kernel) == phase.rowsPerTile) {
        write(call, m, n, s, std::nullopt, expert, own, rows);
        continue;
      }
      V left = own - m * phase.rowsPerTile;
      code.loop(code.i32(0), min(left, code.i32(phase.rowsPerTile)), 1, [&](V within) {
        next = views;
        write(call, m, n, s, within, expert, own, rows);
        code.barrier();
      });
    }
  }

  /// `within`: which of the tile's rows, for a call that takes one of several.
  void write(const Call &call, V m, V n, V s, std::optional<V> within, std::optional<V> expert, V own, V rows) {
    const bool worker = call.scope == Scope::Worker;
    const std::vector<Argument> arguments = signature(call.kernel);
    std::vector<Array> arrays;
    V row = worker ? m : within ? m * phase.rowsPerTile + *within : m * phase.rowsPerTile;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const View &view = call.views[i];
      if (view.base == Base::Tile)
        continue;
      arrays.push_back({&code, start(view), arguments[i], view.base == Base::Weights, alignmentOf(phase, view)});
      V offset = code.i64(0);
      auto move = [&](int64_t bytes, V count) {
        if (bytes)
          offset = offset + toI64(count) * code.i64(bytes);
      };
      move(view.perRow, row);
      if (view.base == Base::Scratch && within)
        move(phase.scratchBytes, *within);
      if (!worker) {
        move(view.perColumn * phase.columnsPerTile, n);
        move(view.perSplit, s);
        if (expert)
          move(view.perExpert, *expert);
      }
      V moved = arrays.back().isShared() ? toI32(offset) : offset;
      arrays.back().pointer = LLVM::GEPOp::create(b, code.loc(), arrays.back().pointer.getType(), b.getI8Type(),
                                                  arrays.back().pointer, ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(moved.value)});
    }
    const int64_t mark = code.sharedMark();
    TileCall tile(code, call.kernel, values(call), {row, n, s, rows, own - row}, std::move(arrays));
    std::visit([&](const auto &kernel) { writeKernel(kernel, tile); }, call.kernel);
    code.freeShared(mark);
  }

  Value start(const View &view) {
    if (view.base == Base::Scratch)
      return code.sharedAt(view.offset);
    return parameters[next++];
  }

  const Phase &phase;
  const ValuesOf &values;
  OpBuilder b;
  Code code;
  MutableArrayRef<BlockArgument> parameters;
  size_t next = 0, first = 0; ///< parameters: of the next view; of the calls' first
};

} // namespace

TileCall::TileCall(Code &code, const KernelDesc &kernel, const Values &values, Tile tile, std::vector<Array> list)
    : code(code), values(values), tile(tile) {
  for (Array &array : list)
    arrays.emplace(array.argument.name, std::move(array));
}

bool beginsEarly(const TargetDesc &target) { return target.sm >= 90; }

std::string entryOf(const Phase &phase, const ValuesOf &values) {
  std::ostringstream all;
  all << static_cast<int>(phase.rowKind) << " " << phase.rowsPerTile << " " << phase.columnsPerTile << " "
      << phase.inOrder << phase.splits << " " << phase.scratchBytes << " ";
  if (phase.rowKind == RowKind::Choices)
    all << phase.choices.layout.tileRows;
  for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
    for (const Call &call : *calls) {
      all << "\n" << static_cast<int>(call.scope) << " " << call.symbol() << " " << print(signature(call.kernel)) << " "
          << values(call).print();
      for (const View &view : call.views)
        all << " " << isParameter(view) << (view.base == Base::Weights) << " "
            << (view.base == Base::Scratch ? view.offset : 0) << " " << alignmentOf(phase, view) << " " << view.perRow << " " << view.perColumn << " "
            << view.perSplit << " " << view.perExpert;
    }
  const uint64_t hash = llvm::xxh3_64bits(llvm::StringRef(all.str()));
  return phase.calls[leadingCall(phase)].symbol() + "_" + llvm::utohexstr(hash, /*LowerCase=*/true);
}

int64_t writePhaseKernel(ModuleOp module, const Phase &phase, const ValuesOf &values,
                         const TargetDesc &target) {
  return Writer(module, phase, values, target).run(entryOf(phase, values));
}

OwningOpRef<ModuleOp> kernelModule(MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                      scf::SCFDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder b(module->getBodyRegion());
  LLVM::GlobalOp::create(b, module->getLoc(), LLVM::LLVMArrayType::get(b.getI8Type(), 0), /*isConstant=*/false,
                         LLVM::Linkage::External, kSharedSymbol, Attribute(), /*alignment=*/128, /*addrSpace=*/3);
  return module;
}

} // namespace lathe::gpu
