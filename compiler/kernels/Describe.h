//===- Describe.h - the kernels stage: fused modules become plain data ----------------------------------*- C++ -*-===//
//
// describe() reads what fusion made, phases with places in an arena, and says which kernels run them and on what bytes.
// How the ops of a phase become calls:
//
//   linear          row ops before it (norm, quantize, combine, take_rows, what is pointwise) are its prologue: run by
//                   every worker, once, for all rows, into scratch. Ops after it are its epilogue. Grid: rows x panels.
//   append, attend  (decode) grid rows x KV heads x splits; the query turns into scratch; one tile of a row appends.
//   append          (prefill) grid rows x KV heads.
//   attend, combine (prefill) grid rows x KV heads; a tile walks its row's splits, partials in scratch, and joins them.
//   conv, scan      grid channels or heads; a tile takes all rows in order, since each changes its sequence's state.
//   assign          once a step: the choices of experts by expert. Phases after it have the choices as their rows, each
//                   tile with the weights of its expert; a collect goes back to the step's rows.
//   embed, row ops  (rotations that attention does not read are among them) grid rows; between its kernels a tile keeps
//                   its row in scratch.
//
// A norm, copy, join or pointwise op and the quantize that alone reads it are one kernel, and so are take_rows and the
// norm or quantize that follows it. Embeddings are of the function's first argument, ids, or its second, positions.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_DESCRIBE_H
#define LATHE_COMPILER_KERNELS_DESCRIBE_H

#include "compiler/dialect/Lathe.h"
#include "compiler/kernels/Program.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <utility>
#include <vector>

namespace lathe {

struct DescribeOptions {
  std::optional<CacheFormat> cache; ///< absent: f32 when all matrices are f32, else f16
  int64_t maxSlots = 0;             ///< sequences of one step; 0: as many as the largest decode program has rows
};

/// The programs of a fused module (see compiler/fusion/Passes.h), checked (Check.h). Linears have tiles of 1 row and 1
/// panel (2 when gated); the schedule stage chooses better ones with setTile. Errors name the function, the phase and
/// the op.
llvm::Expected<ProgramSet> describe(mlir::ModuleOp module, const DescribeOptions &options = {});

/// The tables of a rotation as kernels read them (Kernel.h): high and low, or frequencies and growth where it grows.
std::pair<std::vector<float>, std::vector<float>> rotaryTables(ir::RotationOp rotation, int64_t maxPages,
                                                               int64_t maxContext);
/// What scores are multiplied by, for each (position + 1) / every; see lathe.attention.
std::vector<double> temperatureTable(double temperature, int64_t every, int64_t maxContext);

} // namespace lathe

#endif
