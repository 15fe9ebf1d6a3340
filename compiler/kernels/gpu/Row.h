//===- Row.h - how a block's threads share a row of numbers ---------------------------------------------*- C++ -*-===//
//
// Each thread has runs of 4 neighbouring columns (of 1, where the row is no multiple of that), those of a turn side by
// side:
//
//   thread   0    1    2   …  255 |  0  …
//   columns  0-3  4-7  8-11 …     |  1024-1027 …
//
// so a quantised row's groups of 32 or 16 columns are 8 or 4 neighbouring lanes.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ROW_H
#define LATHE_COMPILER_KERNELS_GPU_ROW_H

#include "compiler/kernels/gpu/Kernel.h"

namespace lathe::gpu {

/// Columns that a thread has.
struct Columns {
  int64_t width = 1;    ///< of a run
  std::vector<V> first; ///< of each run
  /// Of each run, whether it is the thread's; without code where that is known. Else it stands in the place of another:
  /// it may be read, and is neither written nor counted.
  std::vector<V> own;

  size_t size() const { return first.size() * width; }
  V at(size_t i) const { return i % width ? first[i / width] + double(i % width) : first[i / width]; }
  /// Element i's value where the column is the thread's, else `other`.
  V owned(size_t i, V value, double other) const {
    V mine = own[i / width];
    return mine.code ? select(mine, value, value.same(other)) : value;
  }
};

/// The most columns of which threads hold all of theirs at once, and what each of them then has.
inline constexpr int64_t kHeldColumns = 16384, kHeld = kHeldColumns / kThreads;

/// As writeRow, for a thread's columns together: values(columns) gives columns.size() numbers. Of at most `most`
/// elements at once, so that rows of up to most * kThreads columns ask once, with the same code in all threads: there may
/// be barriers in values().
void writeColumns(TileCall &call, ActFormat format, int64_t columns, int64_t most,
                  const std::function<std::vector<V>(const Columns &)> &values);

/// A row's f32 numbers at these columns. `rest` are the indices behind the column.
std::vector<V> loadColumns(const Array &array, const Columns &columns, const std::vector<V> &rest = {});

} // namespace lathe::gpu

#endif
