//===- Space.h - what the schedule of a kernel may vary -------------------------------------------------*- C++ -*-===//
//
// A schedule is a value for each parameter of a space. Two parameters are of the phase and not of the code: the tile,
// "tile_rows" x "tile_columns", which the kernel that leads the phase chooses for all of its calls.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_BACKEND_SPACE_H
#define LATHE_COMPILER_BACKEND_SPACE_H

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace lathe {

/// The values of a schedule in the order of their space: {"unroll", 4}, ….
class Values {
public:
  Values() = default;
  Values(std::initializer_list<std::pair<std::string, int64_t>> values) : list(values) {}

  /// The value of that name; the space has it, or the caller is wrong.
  int64_t operator[](const std::string &name) const;
  const int64_t *find(const std::string &name) const;
  void set(const std::string &name, int64_t value);
  /// "unroll=4 split=2": in keys and records.
  std::string print() const;
  const std::vector<std::pair<std::string, int64_t>> &all() const { return list; }
  bool operator==(const Values &) const = default;

private:
  std::vector<std::pair<std::string, int64_t>> list;
};

inline constexpr char kTileRows[] = "tile_rows", kTileColumns[] = "tile_columns";

/// One value of a schedule: what it may be, and what it is when nothing is known.
struct Parameter {
  std::string name;
  std::vector<int64_t> choices; ///< ascending; `fallback` is one of them
  int64_t fallback;
};

struct Space {
  std::vector<Parameter> parameters;
  /// What values must keep to together: a register tile that divides the tile. Absent: nothing.
  std::function<bool(const Values &)> constraint;

  Values fallback() const;
  /// Whether `values` has one of its choices for each parameter, nothing else, and keeps to the constraint.
  bool holds(const Values &values) const;
};

/// The phase that a kernel is called in, as far as a schedule depends on it.
struct Grid {
  int64_t rows = 1;        ///< of a step, at most
  int64_t columns = 1;     ///< column units: panels of a linear, KV heads of attention, …
  int64_t choiceRows = 0;  ///< > 0: the rows are choices of experts, so many in a tile of their table
  bool memoryBound = true; ///< a step has few of these rows: they are bound by weights, not by arithmetic
  bool anyNumber = false;  ///< and any number of them, for each is of another sequence
  bool fixedRows = false;  ///< a tile takes one row: rows in order, one row for the step
  bool leads = false;      ///< the kernel chooses the phase's tile
};

} // namespace lathe

#endif
