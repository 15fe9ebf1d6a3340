//===- LinearStaged.cpp - linears of many rows, by tensor cores out of shared memory -----------------------------===//
//
// A block copies steps of its panels and activations into a ring of buffers, `buffers` - 1 steps ahead of the one it
// multiplies. Warps lie over the tile as a grid (Spread); each has the products of its panels and groups of rows in
// registers, and adds them to the tile's sums in shared memory where a segment ends.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Linear.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

/// The grid of warps that has the fewest products a warp, and of those the one with the fewest operands.
Spread gpu::spreadOf(int64_t rows, int64_t panels) {
  const int64_t allGroups = (rows + kTokens - 1) / kTokens;
  std::optional<Spread> best;
  auto cost = [](const Spread &one) { return std::pair(one.groups * one.panels, one.groups + one.panels); };
  for (int64_t rowWarps = 1; rowWarps <= kWarps; rowWarps *= 2) {
    const int64_t panelWarps = kWarps / rowWarps;
    const Spread one{rowWarps, panelWarps, (allGroups + rowWarps - 1) / rowWarps, (panels + panelWarps - 1) / panelWarps};
    if (!best || cost(one) < cost(*best))
      best = one;
  }
  return *best;
}

static int64_t bufferBytes(const LinearKernel &k, const Spread &spread) {
  return k.input != ActFormat::F32 ? dotBufferBytes(k, spread) : halfBufferBytes(k, spread);
}

int64_t gpu::stagedBytes(const LinearKernel &k, int64_t buffers) {
  const Spread spread = spreadOf(k.rows, k.panels);
  return spread.sumBytes() + buffers * bufferBytes(k, spread);
}

namespace {

class Staged {
public:
  Staged(const LinearKernel &k, TileCall &call, StagedProducts &products, const Spread &spread, const Array &sums)
      : k(k), call(call), c(call.code), products(products), spread(spread), sums(sums), buffers(call.values["buffers"]),
        bytes(bufferBytes(k, spread)), ring(c.sharedAt(c.reserveShared(buffers * bytes))), copies(products.copies()) {}

  void write() {
    const int64_t steps = stepsOf(k);
    V warp = c.warp();
    V firstPanel = warp / double(spread.rowWarps) * double(spread.panels);
    V firstGroup = warp % spread.rowWarps * double(spread.groups);
    V own = firstGroup * double(kTokens) < call.tile.rowsLeft; // the warp has rows that there are
    std::vector<V> none(spread.panels * spread.groups * 4, c.f32(0));
    addToSums(firstPanel, firstGroup, none, /*first=*/true);
    for (int64_t i = 0; i < buffers - 1; ++i) {
      if (i < steps)
        startCopies(c.i32(i), c.i32(i * bytes));
      c.commitCopies();
    }
    // Where the ring is read and written goes from segment to segment.
    const std::vector<V> start = {c.i32(0), c.i32((buffers - 1) * bytes)};
    c.loop(c.i32(0), c.i32(kSegments), 1, start, [&](V segment, const std::vector<V> &places) {
      V begin = segment * double(steps) / double(kSegments), end = (segment + 1) * double(steps) / double(kSegments);
      std::vector<V> carried = none;
      carried.insert(carried.end(), places.begin(), places.end());
      carried = c.loop(begin, end, 1, carried, [&](V step, const std::vector<V> &before) {
        std::vector<V> values(before.begin(), before.begin() + none.size());
        V read = before[none.size()], written = before[none.size() + 1];
        c.waitCopies(buffers - 2);
        c.barrier(); // others' copies are there, and nobody reads the buffer before this one any more
        V ahead = step + double(buffers - 1);
        c.ifThen(ahead < double(steps), [&] { startCopies(ahead, written); });
        c.commitCopies();
        values = c.ifElse(own, [&] { return multiplied(step, read, firstPanel, firstGroup, values); },
                          [&] { return values; });
        for (V place : {read, written})
          values.push_back(select(place == double((buffers - 1) * bytes), c.i32(0), place + double(bytes)));
        return values;
      });
      addToSums(firstPanel, firstGroup, {carried.begin(), carried.begin() + none.size()}, /*first=*/false);
      return std::vector<V>(carried.begin() + none.size(), carried.end());
    });
    c.waitCopies(0);
    c.barrier();
  }

private:
  void startCopies(V step, V place) {
    mlir::Value buffer = c.moved(ring, place);
    for (const StepCopy &copy : copies)
      for (int64_t first = 0; first < copy.units; first += kThreads) {
        V i = c.thread() + double(first);
        auto start = [&] {
          c.copyAsync(c.moved(buffer, copy.to(i)), copy.from(i, step), copy.bytes,
                      copy.given ? std::optional(copy.given(i, step)) : std::nullopt);
        };
        if (first + kThreads <= copy.units)
          start();
        else
          c.ifThen(i < double(copy.units), start);
      }
  }

  std::vector<V> multiplied(V step, V place, V firstPanel, V firstGroup, std::vector<V> values) {
    products.from(c.moved(ring, place), step, firstPanel, firstGroup);
    for (int64_t slice = 0; slice < products.slices(); ++slice) {
      std::vector<std::vector<V>> weights;
      for (int64_t p = 0; p < spread.panels; ++p)
        weights.push_back(products.weights(p, slice));
      for (int64_t group = 0; group < spread.groups; ++group) {
        const std::vector<V> operand = products.operand(group, slice);
        for (int64_t p = 0; p < spread.panels; ++p)
          products.multiply(&values[(group * spread.panels + p) * 4], weights[p], operand);
      }
    }
    return values;
  }

  /// The thread's own elements: no other thread reads them before the end.
  void addToSums(V firstPanel, V firstGroup, const std::vector<V> &values, bool first) {
    auto [upper, lower] = products.panelRows();
    V pair = (c.lane() & 3) * 2;
    for (int64_t group = 0; group < spread.groups; ++group)
      for (int64_t p = 0; p < spread.panels; ++p)
        for (int64_t i = 0; i < 4; ++i) {
          const std::vector<V> at = {i < 2 ? upper : lower, (firstGroup + double(group)) * double(kTokens) + pair + double(i % 2),
                                     firstPanel + double(p), c.i32(0)};
          V value = values[(group * spread.panels + p) * 4 + i];
          sums.store(at, first ? value : sums.at(at) + value);
        }
  }

  const LinearKernel &k;
  TileCall &call;
  Code &c;
  StagedProducts &products;
  const Spread spread;
  const Array &sums;
  const int64_t buffers, bytes;
  const mlir::Value ring;
  const std::vector<StepCopy> copies;
};

} // namespace

Array gpu::writeStagedSums(const LinearKernel &k, TileCall &call) {
  Code &c = call.code;
  const Spread spread = spreadOf(k.rows, k.panels);
  Array sums = c.shared(ElementType::F32, {spread.sumBytes() / 4});
  sums.argument.dims = {{kPanelRows, 1},
                        {spread.allGroups() * kTokens, Spread::kRowStride},
                        {spread.allPanels(), spread.panelStride()},
                        {1, 1}};
  std::unique_ptr<StagedProducts> products =
      k.input != ActFormat::F32 ? stagedDotProducts(k, call, spread) : stagedHalfProducts(k, call, spread);
  Staged(k, call, *products, spread, sums).write();
  return sums;
}
