//===- Tables.h - the tables of a bundle, filled ------------------------------------------------------*- C++ -*-===//
//
// From scheduled ProgramSets, one a variant, to the structs of runtime/abi/model_abi.h, in memory. Here a view's steps for one row,
// column unit and split become steps for a tile, and names become indices. model() is a complete lathe_model except for
// the kernels' functions, which are symbols until they are linked (EmitModel.h).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_TABLES_H
#define LATHE_COMPILER_LINK_TABLES_H

#include "compiler/kernels/Program.h"
#include "compiler/link/Pack.h"
#include "compiler/target/Target.h"
#include "runtime/abi/model_abi.h"
#include "llvm/Support/raw_ostream.h"
#include <deque>

namespace lathe {

/// A compiled kernel that the bundle holds.
struct LinkedKernel {
  std::string symbol;   ///< symbol(kernel)
  std::string schedule; ///< "tuned", "nearest KEY" or "fallback"
  std::string function; ///< linker symbol of its lathe_kernel_function; empty where units hold the code
};

/// Code that the device loads by itself: all phases of a program.
struct LinkedUnit {
  std::string name;
  size_t program; ///< index in the set
  uint32_t kind;  ///< lathe_unit_kind
  llvm::StringRef image;
};

/// The model compiled for one target.
struct LinkedVariant {
  const ProgramSet *set;
  TargetDesc target;
  std::vector<LinkedKernel> kernels;
  std::vector<LinkedUnit> units = {};
};

/// What a bundle says of itself.
struct ModelInfo {
  std::string name; ///< of the model
  std::string spec; ///< textproto
};

/// Owns all that its model() points to. Movable: nothing moves in memory.
class ModelTables {
public:
  /// Fails if a call's kernel is not among `kernels`, or the programs leave their memory (compiler/kernels/Check.h).
  /// `layout` is that of the variants' sets, in their order.
  static llvm::Expected<ModelTables> make(llvm::ArrayRef<LinkedVariant> variants, const WeightsLayout &layout,
                                          const ModelInfo &info);

  const lathe_model &model() const { return table; }
  void setBuildId(uint64_t id) { table.build_id = id; }
  /// Linker symbols, one a kernel of that variant.
  const std::vector<std::string> &functions(size_t variant) const { return parts[variant].functions; }

private:
  friend class TableBuilder;
  /// A variant's tables.
  struct Part {
    std::vector<std::string> functions;
    std::vector<lathe_program> programs;
    std::vector<lathe_phase> phases;
    std::vector<lathe_call> calls;
    std::vector<lathe_view> views;
    std::vector<lathe_dim> dims;
    std::vector<lathe_kernel> kernels;
    std::vector<lathe_unit> units;
  };
  lathe_model table = {};
  std::deque<std::string> texts; // deques: their elements stay where they are
  std::deque<Part> parts;
  std::vector<lathe_variant> variants;
  std::vector<lathe_weight> weights;
};

/// The tables as text: what --emit=link prints.
void printTables(const lathe_model &model, llvm::raw_ostream &out);

} // namespace lathe

#endif
