//===- AttendValues.cpp - attention by tensor cores: values by their weights ------------------------------------===//
#include "compiler/kernels/gpu/AttendTensor.h"

using namespace lathe;
using namespace lathe::gpu;

/// What no row of the run sees may be no number: then it is another's.
std::vector<V> TensorAttend::loadValues(V block, V step) {
  V first = begin / double(kPagePositions), last = (end - 1) / double(kPagePositions);
  V page = min(max(step / double(kPagePositions / kStep), first), last), at = physical.at({page});
  V low = max(begin - page * double(kPagePositions), 0);
  V high = min(end - 1 - page * double(kPagePositions), double(kPagePositions - 1));
  V place = step % (kPagePositions / kStep) * double(kStep) + t * 4;
  std::vector<V> words;
  for (int64_t i = 0; i < 4; ++i)
    words.push_back(values.streamedWords(
        {block * double(kComponents) + g * 2, min(max(place + double(i), low), high), at}, 1)[0]);
  return words;
}

void TensorAttend::mixValues(int64_t firstBlock, int64_t sharedMark) {
  const int64_t count = steps() / groups;
  const bool whole = groups == 1;
  V block = whole ? warp + double(firstBlock) : warp % blocks, part = whole ? c.i32(0) : warp / double(blocks);
  V active = whole ? block < double(blocks) : part < double(groups);
  const std::vector<V> zeros(2 * tiles * 4, c.f32(0)); // of the upper parts of weights, then of the lower
  std::vector<V> sums = c.ifElse(active, [&] {
    int64_t batch = tiles <= 2 ? 8 : 4;
    while (count % batch)
      batch /= 2;
    V low = begin / double(kStep * batch) * double(batch), high = (end + double(kStep - 1)) / double(kStep);
    V first = part * double(count);
    return c.loop(max(first, low), min(first + double(count), high), batch, zeros, [&](V step, std::vector<V> sums) {
      std::vector<std::vector<V>> loaded;
      for (int64_t i = 0; i < batch; ++i)
        loaded.push_back(loadValues(block, step + double(i)));
      c.warpBarrier(); // no load moves down past it
      for (int64_t i = 0; i < batch; ++i) {
        std::vector<V> value = paired(loaded[i]);
        for (int64_t tile = 0; tile < tiles; ++tile) {
          std::vector<V> weight = fragments.words({c.i32(0), placeOf(c.lane()), c.i32(tile), step + double(i)}, 4);
          for (int64_t part : {1, 0})
            multiply(&sums[(part * tiles + tile) * 4], value, weight[2 * part], weight[2 * part + 1]);
        }
      }
      return sums;
    });
  }, [&] { return zeros; });
  for (int64_t i = 0; i < tiles * 4; ++i)
    sums[i] = (sums[tiles * 4 + i] + sums[i]) * (1 / kWeight);

  auto eachSum = [&](const std::function<void(V component, V query, V sum)> &use) {
    c.ifThen(active, [&] {
      for (int64_t tile = 0; tile < tiles; ++tile)
        for (int64_t e = 0; e < 2; ++e)
          for (int64_t i = 0; i < 2; ++i)
            use(block * double(kComponents) + g * 2 + double(i), t * 2 + double(tile * kQueries + e),
                sums[tile * 4 + i * 2 + e]);
    });
  };
  auto give = [&](V component, V i, V sum) {
    Query query = queryAt(i);
    c.ifThen(query.real, [&] { out.store({component + 2, query.head, query.row}, sum); });
  };
  if (whole)
    return eachSum(give);
  c.barrier(); // the weights have been read
  c.freeShared(sharedMark);
  Array parts = c.shared(ElementType::F32, {valueSize, queries, groups});
  eachSum([&](V component, V query, V sum) { parts.store({component, query, part}, sum); });
  c.barrier();
  c.eachOf(valueSize * queries, [&](V i) {
    V component = i % valueSize, query = i / double(valueSize), sum = parts.at({component, query, c.i32(0)});
    for (int64_t j = 1; j < groups; ++j)
      sum = sum + parts.at({component, query, c.i32(j)});
    give(component, query, sum);
  });
}
