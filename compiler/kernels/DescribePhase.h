//===- DescribePhase.h - one phase as calls and views (private to describe) -----------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_DESCRIBEPHASE_H
#define LATHE_COMPILER_KERNELS_DESCRIBEPHASE_H

#include "compiler/dialect/Lathe.h"
#include "compiler/kernels/Program.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace lathe {

inline constexpr int64_t kF32 = 4; ///< bytes

Activation activationOf(ir::Activation activation);
ActivationShape shapeOf(ir::ActivationOp activation);
ActivationShape shapeOf(ir::GluOp glu);
ActFormat formatOf(mlir::Value value);

/// Where a value of rows lies.
struct Place {
  Base base = Base::Arena;
  int64_t offset = 0; ///< of row 0
  int64_t perRow = 0; ///< f32 and partials: bytes between rows as the grid moves
  int64_t columns = 0;
  ActFormat format = ActFormat::F32; ///< quantised: a block of arrays (quantizedBlock) for `rows` rows
  int64_t rows = 0;                  ///< rows of the array
  RowKind rowKind = RowKind::Step;
  ChoiceTable choices = {};        ///< of rows that are choices, and of a table of choices
  std::optional<View> chosen = {}; ///< the place is a whole array, and a row is chosen from it by this index

  bool quantized() const { return format != ActFormat::F32; }
};

/// What phases of one module share.
struct DescribeContext {
  DescribeContext(mlir::ModuleOp module, ProgramSet &set) : symbols(module), set(set) {}
  int64_t maxSplits() const;

  mlir::SymbolTable symbols;
  int64_t choiceTileRows = 0; ///< of the plan
  ProgramSet &set;
  llvm::StringMap<size_t> weights; ///< index in set.weights by the name of the lathe.packed
  llvm::StringSet<> rotations;     ///< whose tables are made
};

/// Describes one lathe.phase as a phase of `program`, whose scratch grows as needed. `outer` has the places of earlier
/// phases' results and gets this one's; `bases` says what each argument of the function is used as, which must be one
/// thing.
class PhaseDescriber {
public:
  PhaseDescriber(ir::PhaseOp op, DescribeContext &context, Program &program, llvm::DenseMap<mlir::Value, Place> &outer,
                 llvm::DenseMap<mlir::Value, Base> &bases)
      : op(op), body(op.getBody().front()), context(context), program(program), outer(outer), bases(bases) {}

  llvm::Expected<Phase> run();

private:
  llvm::Error error(mlir::Operation *at, const llvm::Twine &what);

  // Where values lie.
  llvm::Error setRows();
  llvm::Error placeInputs();
  llvm::Error placeResults();
  Place rowsPlace(mlir::Value value, Base base, int64_t offset, int64_t rows) const;
  /// Where an op's result goes: the phase's result, or scratch, for all rows in a prologue and for one row in a tile.
  Place destination(mlir::Value value, Scope scope);
  int64_t allocate(int64_t bytes); ///< of scratch
  llvm::Expected<Place> source(mlir::Operation *user, mlir::Value value);
  /// For a kernel that reads one row of f32 where it lies: fails if the rows are quantised or chosen.
  llvm::Expected<Place> plainSource(mlir::Operation *user, mlir::Value value);
  /// The phase's result inside of it; null where it has none.
  mlir::Value given() const;

  // Views.
  /// Whether the value is a function's second argument: steps take (ids, positions, slots, logit rows).
  bool isPositions(mlir::Value value);
  /// An i32 argument of the function, used as `base`.
  llvm::Expected<View> index(mlir::Operation *user, mlir::Value value, Base base);
  /// The row (and those after it) of an f32 array; `perColumn` bytes further for a column unit.
  static View rows(const Place &place, int64_t perColumn = 0);
  /// A row as arguments of its kernel: one view, or three when quantised. `unit`: columns of a column unit.
  static void addRow(std::vector<View> &views, const Place &place, int64_t unit = 0);
  /// The arguments w, d, m of a packed matrix; `perColumn`: bytes of a column unit.
  static void addMatrix(std::vector<View> &views, const PackedWeight &packed, int64_t perColumn);
  View vector(mlir::FlatSymbolRefAttr symbol, int64_t perColumn = 0) const;
  const PackedWeight &weight(mlir::FlatSymbolRefAttr symbol) const;

  // Ops on single rows (DescribePhase.cpp).
  llvm::Error describeOps();
  llvm::Error addRowOp(mlir::Operation *o, Scope scope, std::vector<Call> &calls);
  llvm::Error addSlice(ir::SliceOp slice);
  llvm::Error addChosen(mlir::Operation *o, View index, Scope scope, std::vector<Call> &calls);
  llvm::Error addTakeRows(ir::TakeRowsOp take, Scope scope, std::vector<Call> &calls);
  llvm::Error addNorm(mlir::Operation *o, mlir::Value result, Scope scope, std::vector<Call> &calls);
  llvm::Error addNormKernel(mlir::Operation *o, const Place &from, NormKernel kernel, std::vector<View> vectors,
                            mlir::Value result, Scope scope, std::vector<Call> &calls);
  llvm::Error addPointwise(mlir::Operation *o, mlir::Value result, Scope scope, std::vector<Call> &calls);
  llvm::Error addRotate(ir::RopeOp rope, Scope scope, std::vector<Call> &calls);
  llvm::Error addCombine(ir::CombineOp combine, mlir::Value result, Scope scope, std::vector<Call> &calls);

  // Recurrent mixers (DescribeRecurrence.cpp).
  llvm::Error describeConv(ir::ConvOp conv);
  llvm::Error describeScan(ir::ScanOp scan);
  llvm::Error addSlices();

  // Matrices (DescribeLinear.cpp).
  llvm::Error addEmbed(ir::EmbedOp embed);
  llvm::Error describeLinear(ir::LinearOp linear);
  llvm::Error addEpilogue(mlir::Operation *o, LinearKernel &kernel, mlir::Value &result, mlir::Value &residual);

  // Mixtures of experts (DescribeExperts.cpp).
  /// The table behind a list of choices.
  llvm::Expected<ChoiceTable> table(mlir::Operation *user, mlir::Value choices);
  llvm::Error addDispatch(ir::DispatchOp dispatch, Scope scope, std::vector<Call> &calls);
  llvm::Error addRoute(ir::RouteOp route, Scope scope, std::vector<Call> &calls);
  llvm::Error addCollect(ir::CollectOp collect, mlir::Value result, Scope scope, std::vector<Call> &calls);
  llvm::Error describeAssign(ir::AssignOp assign);

  // Attention (DescribeAttention.cpp).
  llvm::Error describeAttention(ir::AppendOp append, ir::AttendOp attend);
  llvm::Error addAppend(ir::AppendOp append, ir::AttendOp attend);
  llvm::Error addAttend(ir::AttendOp attend, Scope scope);
  llvm::Error addGroupCombine(ir::AttendOp attend);
  llvm::Expected<std::vector<View>> rowViews(mlir::Operation *user, mlir::Value positions, mlir::Value slots);
  void addCache(std::vector<View> &views, int64_t layer) const;
  /// What a kernel must know of a rotation, and the views of its tables, which are made once.
  llvm::Expected<Rotation> addRotation(ir::RopeOp rope, std::vector<View> &views);
  llvm::Error makeTables(ir::RotationOp rotation);
  /// The name of a table of these numbers, "KIND.0", …: one for equal ones.
  std::string numbersTable(llvm::StringRef kind, llvm::ArrayRef<double> numbers);

  ir::PhaseOp op;
  mlir::Block &body;
  DescribeContext &context;
  Program &program;
  llvm::DenseMap<mlir::Value, Place> &outer;
  llvm::DenseMap<mlir::Value, Base> &bases;
  llvm::DenseMap<mlir::Value, Place> places; ///< values of this phase
  llvm::DenseSet<mlir::Operation *> fused;   ///< quantizes that another op's kernel does
  int64_t scratch = 0;
  Phase phase;
};

} // namespace lathe

#endif
