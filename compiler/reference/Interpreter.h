//===- Interpreter.h - what every op of the dialect means ---------------------------------------------*- C++ -*-===//
//
// Executes a module of lathe ops, before fusion and after it, naively and in f64 or f32: the definition of every op and
// the oracle of every test. Slow, short, obvious.
//
//   reference::Interpreter<double> oracle(module, weights);
//   auto logits = oracle.step("prefill", {ids, positions, slots, logitRows});   // Expected<Matrix<double>>
//
// Weights come row by row through WeightLookup and are dequantised as they are used, so the whole model is never in
// memory. The module must be verified, outlive the interpreter and stay as it is.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_REFERENCE_INTERPRETER_H
#define LATHE_COMPILER_REFERENCE_INTERPRETER_H

#include "compiler/dialect/Lathe.h"
#include "compiler/reference/Attention.h"
#include "compiler/reference/Experts.h"
#include "compiler/reference/Matrix.h"
#include "compiler/reference/Recurrence.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>

namespace lathe::reference {

/// One weight's rows. `read` fills out[columns] with the exact values of a row, or fails, and may be called from several
/// threads.
struct WeightRows {
  int64_t rows = 0, columns = 0;
  std::function<llvm::Error(int64_t row, float *out)> read;
};
/// Finds a weight by its role, the name of a lathe.weight.
using WeightLookup = std::function<llvm::Expected<WeightRows>(llvm::StringRef role)>;

/// The inputs of one forward pass. Row r is token ids[r] at positions[r] of sequence slots[r]; the rows of a sequence
/// come in the order of their positions and follow what is cached without a gap (a position that is cached already is
/// replaced; lathe.conv and lathe.scan can go back to position 0 only). Logits are computed for rows logitRows[i].
struct Step {
  llvm::ArrayRef<int32_t> ids, positions, slots, logitRows;
  /// Known length of each row's sequence, for rotations that depend on it. None: the step has the last tokens that are
  /// known, so the length is one more than the highest position of the row's sequence.
  llvm::ArrayRef<int32_t> lengths = {};
};

struct Options {
  bool quantized = false; ///< lathe.quantize rounds; false: it passes its input through, so activations are exact
  /// Keys and values are rounded to it, and an error if it cannot hold them; f32: they are exact.
  CacheFormat cache = CacheFormat::F32;
  unsigned threads = 1; ///< for lathe.linear; results do not depend on it
};

template <typename T> class Interpreter {
public:
  /// Sees every result that is rows of numbers, in order, those inside phases too; a partial softmax [rows, splits,
  /// width] has splits * width columns; Experts.h has the form of choices.
  using Observer = std::function<void(mlir::OpResult result, const Matrix<T> &value)>;

  Interpreter(mlir::ModuleOp module, WeightLookup weights, Options options = {});

  /// Runs a function of (ids, positions, slots, logit_rows) or (…, logit_rows, lengths); gives its result, logits
  /// [logitRows, vocabulary]. An error names the input or the op. The cache keeps what a failed step has written.
  llvm::Expected<Matrix<T>> step(llvm::StringRef function, const Step &step);

  void observe(Observer newObserver) { observer = std::move(newObserver); }
  /// Lets another say what rows of lathe.route choose.
  void decide(Chooser<T> newChooser) { chooser = std::move(newChooser); }
  /// Forgets all sequences.
  void reset() {
    cache.clear();
    convStates.clear();
    scanStates.clear();
  }

private:
  using Shared = std::shared_ptr<const Matrix<T>>;
  /// What the values of one block hold: rows of numbers or indices.
  struct Frame {
    llvm::DenseMap<mlir::Value, Shared> rows;
    llvm::DenseMap<mlir::Value, llvm::ArrayRef<int32_t>> indices;
  };

  llvm::Expected<std::vector<Shared>> run(mlir::Block &block, Frame &frame);
  llvm::Error execute(mlir::Operation &op, Frame &frame);
  llvm::Error execute(ir::PhaseOp phase, Frame &frame);
  /// The result of an op that has one and no region; ops without a result give an empty matrix.
  llvm::Expected<Matrix<T>> evaluate(mlir::Operation &op, Frame &frame);

  /// The shape of an attention or attend, whose own scales are read.
  template <typename Op> llvm::Expected<AttentionShape> shapeOf(Op op);
  llvm::Expected<Matrix<T>> evaluate(ir::EmbedOp op, llvm::ArrayRef<int32_t> ids);
  llvm::Expected<Matrix<T>> evaluate(ir::NormOp op, const Matrix<T> &input);
  /// `choices` is null for a linear without experts.
  llvm::Expected<Matrix<T>> evaluate(ir::LinearOp op, const Matrix<T> &input, const Matrix<T> *choices);

  llvm::Expected<Matrix<T>> evaluate(ir::ConvOp op, const Matrix<T> &input, Places places);
  llvm::Expected<Matrix<T>> evaluate(ir::ScanOp op, const Matrix<T> &input, const Matrix<T> &dt, const Matrix<T> &b,
                                     const Matrix<T> &c, Places places);

  /// The rows of the weights behind `symbol`, each source by itself.
  llvm::Expected<std::vector<WeightRows>> sources(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);
  /// The one matrix behind `symbol`, whole.
  llvm::Expected<Matrix<T>> matrix(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);
  /// The vectors behind `symbol`, end to end; empty for no symbol.
  llvm::Expected<std::vector<T>> vector(mlir::Operation *user, mlir::FlatSymbolRefAttr symbol);

  mlir::ModuleOp module;
  WeightLookup lookup;
  Options options;
  Observer observer;
  Chooser<T> chooser;
  mlir::SymbolTableCollection symbols;
  llvm::StringMap<WeightRows> found;
  Cache<T> cache;
  States<T> convStates, scanStates;
};

extern template class Interpreter<float>;
extern template class Interpreter<double>;

} // namespace lathe::reference

#endif
