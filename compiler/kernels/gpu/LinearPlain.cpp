//===- LinearPlain.cpp - weights that tensor cores do not take, times f32 ----------------------------------------===//
//
// A thread has one row of a panel and one of kSlices slices of the columns, for up to kTokens rows of activations at a time;
// slices are joined in their order.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Decode.h"
#include "compiler/kernels/gpu/Linear.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

static constexpr int64_t kSlices = kThreads / kPanelRows;

void gpu::writePlainSums(const LinearKernel &k, TileCall &call, const Array &sums) {
  Code &c = call.code;
  const int64_t mark = c.sharedMark(), rows = std::min(k.rows, kTokens);
  Array parts = c.shared(ElementType::F32, {kPanelRows, kSlices, rows});
  V n = c.thread() & kPanelRows - 1, slice = shiftRight(c.thread(), 4);
  V begin = c.i32(k.columns) * slice / double(kSlices), end = c.i32(k.columns) * (slice + 1) / double(kSlices);
  c.loop(c.i32(0), c.i32(k.panels), 1, [&](V panel) {
    c.loop(c.i32(0), c.i32(k.rows), rows, [&](V first) {
      auto row = [&](int64_t r) { return min(first + double(r), c.i32(k.rows - 1)); };
      std::vector<V> zeros(rows, c.f32(0));
      std::vector<V> own = c.loop(begin, end, 1, zeros, [&](V column, const std::vector<V> &before) {
        V weight = elementAt(call, k.format, n, panel, column);
        std::vector<V> after;
        for (int64_t r = 0; r < rows; ++r)
          after.push_back(multiplyAdd(weight, call.array("x").at({column, row(r)}), before[r]));
        return after;
      });
      for (int64_t r = 0; r < rows; ++r)
        parts.store({n, slice, c.i32(r)}, own[r]);
      c.barrier();
      c.eachOf(rows * kPanelRows, [&](V i) {
        V at = i & kPanelRows - 1, r = shiftRight(i, 4);
        V total = c.f32(0);
        for (int64_t s = 0; s < kSlices; ++s)
          total = total + parts.at({at, c.i32(s), r});
        c.ifThen(first + r < double(k.rows), [&] { sums.store({at, first + r, panel, c.i32(0)}, total); });
      });
      c.barrier();
    });
  });
  c.freeShared(mark);
}
