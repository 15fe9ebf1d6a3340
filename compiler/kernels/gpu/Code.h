//===- Code.h - the code of a block of threads, while it is written ------------------------------------*- C++ -*-===//
//
// Wraps an MLIR builder that stands in a kernel (llvm.func with nvvm.kernel; arith, scf, llvm and nvvm ops). A tile
// function is code of a whole block of kThreads threads: they share its loops over elements (eachOf), and barrier()
// stands between what some threads write and others read. Loops and conditions around a barrier must be the same for all
// threads. A kernel begins and ends as if behind a barrier: PhaseKernel puts one between calls.
//
//   code.eachOf(columns, [&](V i) { y.store({i}, x.at({i}) * 2); });
//
// Sums over a block have one fixed order (blockSum), so results do not depend on timing.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_CODE_H
#define LATHE_COMPILER_KERNELS_GPU_CODE_H

#include "compiler/kernels/Signature.h"
#include "compiler/kernels/gpu/Value.h"
#include "compiler/target/Target.h"
#include <optional>

namespace lathe::gpu {

/// Name of the block's shared memory in a module.
inline constexpr char kSharedSymbol[] = "shared";

/// Of every block. One number for all, so that a row op repeated in another phase has the same bits.
inline constexpr int64_t kThreads = 256, kWarpThreads = 32, kWarps = kThreads / kWarpThreads;

/// Memory of a kernel's argument, or of shared memory, as the signature describes it.
struct Array {
  Code *code = nullptr;
  mlir::Value pointer; ///< !llvm.ptr<1> (global) or <3> (shared)
  Argument argument;
  bool constant = false; ///< nobody writes it while the kernel runs: weights
  int64_t alignment = 16; ///< bytes that its start is a multiple of, up to 16

  /// The element; integers as i32, f16 and bf16 as f32. One index a dimension, the innermost first.
  V at(const std::vector<V> &index) const;
  void store(const std::vector<V> &index, V value) const;
  /// `count` (1, 2 or 4) consecutive 32-bit words from an element on, as i32. It must be aligned to all of them.
  std::vector<V> words(const std::vector<V> &index, int64_t count) const;
  /// The same of what is read once: past L1. ptxas may move a load down to where its result is used; a barrier after
  /// several keeps them all under way at once (which it does not of loads by ld.global.nc).
  std::vector<V> streamedWords(const std::vector<V> &index, int64_t count) const;
  void storeWords(const std::vector<V> &index, const std::vector<V> &words) const;
  /// The address of an element.
  mlir::Value address(const std::vector<V> &index) const;
  bool isShared() const;
};

class Code {
public:
  Code(mlir::OpBuilder &builder, const TargetDesc &target) : b(builder), target(target) {}
  Code(const Code &) = delete;

  mlir::OpBuilder &b;
  const TargetDesc &target;
  mlir::Location loc() const { return b.getUnknownLoc(); }

  V i32(int64_t number);
  V i64(int64_t number);
  V f32(double number);
  V f64(double number);
  V boolean(bool value);
  V wrap(mlir::Value value) { return {this, value}; }

  // Where the thread is.
  V thread(); ///< in the block
  V lane();   ///< in the warp
  V warp();   ///< of the block; the same for all threads of a warp
  V blockIndex(int dimension);

  // Control.
  void loop(V begin, V end, int64_t step, const std::function<void(V i)> &body);
  /// Carries values from turn to turn; gives the last.
  std::vector<V> loop(V begin, V end, int64_t step, const std::vector<V> &first,
                      const std::function<std::vector<V>(V i, const std::vector<V> &carried)> &body);
  void ifThen(V condition, const std::function<void()> &body);
  std::vector<V> ifElse(V condition, const std::function<std::vector<V>()> &then,
                        const std::function<std::vector<V>()> &otherwise);
  /// Each i of [0, count) once, in some thread of the block.
  void eachOf(V count, const std::function<void(V i)> &body);
  void eachOf(int64_t count, const std::function<void(V i)> &body) { eachOf(i32(count), body); }

  // Threads together.
  void barrier();
  void warpBarrier();
  V shuffleXor(V value, int64_t mask); ///< of i32 or f32, within the warp
  V shuffle(V value, V fromLane);
  /// Over all lanes of the warp, the same in each of them: a tree, so one fixed order.
  V warpSum(V value);
  V warpMax(V value);
  /// Over all threads of the block, the same in each; has two barriers.
  V blockSum(V value);
  V blockMax(V value);

  /// Shared memory of the block, for as long as the kernel runs or until the mark is freed; aligned to 16 bytes.
  Array shared(ElementType type, std::vector<int64_t> extents);
  int64_t sharedMark() const { return used; }
  void freeShared(int64_t mark) { used = mark; }
  int64_t sharedBytes() const { return most; }
  mlir::Value sharedAt(int64_t byte);
  int64_t reserveShared(int64_t bytes);

  // Memory by addresses.
  mlir::Value moved(mlir::Value pointer, V bytes);
  mlir::Value moved(mlir::Value pointer, int64_t bytes);
  /// `count` (1, 2 or 4) words, to all of which the address is aligned, as i32.
  std::vector<V> loadWords(mlir::Value pointer, int64_t count, bool constant = false);
  /// Starts a copy of 4, 8 or 16 bytes from global memory to shared memory; of the first `given` of them, zeros behind.
  void copyAsync(mlir::Value shared, mlir::Value global, int64_t bytes, std::optional<V> given = {});
  /// Ends the group of the thread's copies since the last one.
  void commitCopies();
  /// Until all of the thread's groups but the last `staying` are there; a barrier makes them seen by others.
  void waitCopies(int64_t staying);

  /// Inline PTX; operands are numbered behind the results. `effects`: it stays where it is written, as what all lanes of a
  /// warp must reach together has to.
  std::vector<V> ptx(const std::string &text, const std::vector<mlir::Type> &results, const std::vector<V> &operands,
                     bool effects = true);
  mlir::Type i32Type() { return b.getI32Type(); }
  mlir::Type f32Type() { return b.getF32Type(); }

private:
  V reduce(V value, bool sum);
  int64_t used = 0, most = 0;
};

} // namespace lathe::gpu

#endif
