//===- Program.h - phases as plain data, before and after scheduling ------------------------------------*- C++ -*-===//
//
// What the kernels stage makes of a fused module and every later stage reads: for each kind of step a list of phases,
// each a grid of tiles and the calls that a tile makes (runtime/abi/model_abi.h has the same tables as the runtime
// reads them). Offsets are final; steps are bytes for one row, one column unit (a panel of a linear, a KV head of
// attention) and one split, which the link stage multiplies by the tile sizes that the schedule stage has chosen.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_PROGRAM_H
#define LATHE_COMPILER_KERNELS_PROGRAM_H

#include "compiler/kernels/Kernel.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// Where an argument lives; the order is lathe_base's.
enum class Base {
  Arena,
  Scratch,
  Weights,
  Cache,
  Ids,
  Positions,
  Slots,
  Pages,
  LogitRows,
  Logits,
  Tile,
  Lengths,
  State,
  Blocks
};
/// "arena", …: in programs and tables as text.
const char *baseName(Base base);

/// One argument of a call.
struct View {
  Base base = Base::Arena;
  std::string weight = {}; ///< Weights: name of a PackedWeight or Table; offset counts from its start
  int64_t layer = 0;       ///< Cache, State
  int64_t offset = 0;      ///< bytes
  int64_t perRow = 0;      ///< bytes to move for one row
  int64_t perColumn = 0;   ///< bytes to move for one column unit
  int64_t perSplit = 0;    ///< bytes to move for one split
  int64_t perExpert = 0;   ///< bytes to move for one expert, in phases of choices

  bool operator==(const View &) const = default;
};

enum class Scope { Tile, Splits, Worker };

/// One kernel with its arguments, in signature() order.
struct Call {
  KernelDesc kernel;
  Scope scope = Scope::Tile;
  std::vector<View> views;
  int schedule = 0; ///< which of the kernel's schedules: set by the schedule stage, 0 unless phases want different ones

  std::string symbol() const { return lathe::symbol(kernel, schedule); }
};

/// What the rows of a phase are: a step's rows; those of them whose logits are wanted; choices of experts, in the
/// places that a table of an earlier phase gives them; or one, for the step as a whole.
enum class RowKind { Step, Logits, Choices, Once };

/// A table that an assign kernel writes to the arena.
struct ChoiceTable {
  ChoiceLayout layout;
  int64_t offset = 0; ///< bytes

  View tiles() const { return {.base = Base::Arena, .offset = offset}; }
  bool operator==(const ChoiceTable &other) const { return offset == other.offset; }
};

/// How a device that launches a phase as a whole does so (lathe_launch).
struct Launch {
  std::string entry; ///< empty: calls are made one by one
  int64_t threads = 0, sharedBytes = 0;
  bool early = false;
};

/// A grid of tiles. A call that takes fewer rows than a tile has (rowsOf) is made for each of them in turn.
/// A column unit of a linear is a panel of its weights, so a gated linear has two for 16 columns of its result.
struct Phase {
  std::string name;
  RowKind rowKind = RowKind::Step;
  ChoiceTable choices; ///< of a phase whose rows are choices
  int64_t columns = 1; ///< column units
  int64_t rowsPerTile = 1, columnsPerTile = 1;
  bool inOrder = false; ///< a tile has all rows and makes its calls for each in turn: only so may State change
  bool splits = false;  ///< the grid's third dimension is the splits of the context
  /// Of a worker: what its prologue makes of all rows; without a prologue, of each row of a tile by itself. A multiple
  /// of 64.
  int64_t scratchBytes = 0;
  std::vector<Call> prologue; ///< scope Worker, one row a call
  std::vector<Call> calls;
  std::optional<View> result; ///< f32 [rows, resultColumns] that verification may compare
  int64_t resultColumns = 0, resultStride = 0;
  std::optional<int64_t> hidden; ///< the result is this hidden state: what layer `hidden`, or the head, reads
  Work work = {};
  Launch launch = {}; ///< the object stage has it from the backend
};

struct Program {
  std::string name; ///< "decode", "prefill"
  int64_t maxRows = 1, maxLogitRows = 1;
  bool distinctSequences = false;
  int64_t arenaBytes = 0;
  std::vector<Phase> phases;

  /// Of a worker.
  int64_t scratchBytes() const;

  /// At most.
  int64_t rows(const Phase &phase) const {
    return phase.rowKind == RowKind::Step      ? maxRows
           : phase.rowKind == RowKind::Logits  ? maxLogitRows
           : phase.rowKind == RowKind::Choices ? phase.choices.layout.places()
                                               : 1;
  }
};

/// The call whose kernel chooses the phase's tile: its linear, else its attention, else the first.
size_t leadingCall(const Phase &phase);
/// The phase's linear; null when it has none.
const LinearKernel *linearOf(const Phase &phase);
/// Rows of a step that one call takes.
int64_t rowsOf(const KernelDesc &kernel);
/// Whether a call is for rows of one sequence that follow one another: made for each run of such among its rows.
bool takesRuns(const KernelDesc &kernel);
/// The kernel as it is called for a tile of so many rows and column units.
KernelDesc withTile(const KernelDesc &kernel, int64_t rows, int64_t columns);
/// Whether a phase takes one row a tile: rows in order, the step as a whole, and rows that look up their choices, since
/// padding rows have none.
bool takesOneRow(const Phase &phase);
/// Whether a phase may run in tiles of `rows` x `columns`: both divide the grid (tiles are never partial: a step with
/// fewer rows computes garbage in the rest of its last tile), its kernels take so many, a gated linear keeps its pairs
/// of panels together, and choices their table's tiles.
bool tileFits(const Program &program, const Phase &phase, int64_t rows, int64_t columns);
/// Gives a phase its tile; tileFits must hold.
void setTile(Phase &phase, int64_t rows, int64_t columns);

/// One matrix or vector of weights.bin (see lathe.packed).
///
/// Matrix: the sources' rows follow one another, then zero rows up to a panel. Interleaved (two sources of n rows
/// each): panel 2i is rows [16i, 16i + 16) of the first, panel 2i + 1 the same rows of the second, both padded with
/// zero rows. Vector (rows = 1): f32 elements, the sources' one after another, readable up to a multiple of 16.
/// Interleaved (the bias of a gated linear): elements in the order of the matrix's rows, padded in the same way.
///
/// With experts, each source is so many equal parts, and all this holds of the parts of each expert, one after another;
/// a vector's parts are padded too.
struct PackedWeight {
  std::string name;
  std::vector<std::string> sources; ///< roles
  PackedFormat format = PackedFormat::F32;
  bool vector = false;
  bool interleave = false;
  int64_t rows = 0, columns = 0; ///< of all sources together, before padding
  int64_t bytes = 0; ///< matrix: panels() * panelBytes(format, columns); vector: 4 each element, of panels if padded
  int64_t experts = 1;

  bool operator==(const PackedWeight &) const = default;

  /// Rows (a vector's elements) of one expert.
  int64_t expertRows() const { return (vector ? columns : rows) / experts; }
  /// Panels of 16 rows (vector: of 16 elements) of one expert, and of all.
  int64_t expertPanels() const { return interleave ? 2 * panelsOf(expertRows() / 2) : panelsOf(expertRows()); }
  int64_t panels() const { return experts * expertPanels(); }
  /// Whether a vector's elements lie in panels, not just one after another.
  bool padded() const { return interleave || experts > 1; }
};

/// A computed f32 array of weights.bin (rotary tables).
struct Table {
  std::string name;
  std::vector<float> values;

  bool operator==(const Table &) const = default;
};

struct CacheLayout {
  int64_t layers = 0, kvHeads = 0, headSize = 0, valueSize = 0;
  CacheFormat format = CacheFormat::F16;
  int64_t maxPages = 0, splitPositions = 0;
  int64_t pageBytes() const { return kvHeads * cacheHead(format, headSize, valueSize).bytes; } ///< of one layer
};

/// What a sequence has in each recurrent layer: lathe.conv's lines, then lathe.scan's numbers.
struct StateLayout {
  int64_t layers = 0, scanOffset = 0, bytes = 0; ///< of one layer; multiples of 64
};

/// All that is compiled for one model.
struct ProgramSet {
  std::vector<Program> programs; ///< by maxRows
  std::vector<PackedWeight> weights;
  std::vector<Table> tables;
  CacheLayout cache;
  StateLayout state;
  int64_t vocabulary = 0, logitsStride = 0, maxContext = 0, maxSlots = 0;
  int64_t feedAgainBeyond = 0; ///< lathe_model.feed_again_beyond
  std::string plan;            ///< lathe_variant.plan
};

/// The work of a phase of `set`, whose calls have all their views. Matrices (of linears, convolutions, scans) are counted
/// without padding, so phase.work has their weight bytes and operations already.
Work workOf(const ProgramSet &set, const Phase &phase);

/// The set as text: what --emit=kernels prints.
std::string print(const ProgramSet &set);

} // namespace lathe

#endif
