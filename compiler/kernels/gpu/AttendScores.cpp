//===- AttendScores.cpp - attention by tensor cores: scores and weights -----------------------------------------===//
#include "compiler/kernels/gpu/AttendTensor.h"
#include "compiler/kernels/gpu/Math.h"

using namespace lathe;
using namespace lathe::gpu;

std::vector<V> TensorAttend::halves(const std::vector<V> &numbers) {
  std::vector<V> upper, lower;
  for (V number : numbers) {
    upper.push_back(f32ToHalfBits(number));
    lower.push_back(f32ToHalfBits(number - halfToF32(upper.back())));
  }
  auto pair = [](V a, V b) { return a | (b << 16); };
  return {pair(upper[0], upper[1]), pair(upper[2], upper[3]), pair(lower[0], lower[1]), pair(lower[2], lower[3])};
}

std::vector<V> TensorAttend::paired(const std::vector<V> &words) {
  auto permuted = [&](const char *choice, V a, V b) {
    return c.ptx(std::string("prmt.b32 $0, $1, $2, ") + choice + ";", {c.i32Type()}, {a, b}, false)[0];
  };
  return {permuted("0x5410", words[0], words[1]), permuted("0x7632", words[0], words[1]),
          permuted("0x5410", words[2], words[3]), permuted("0x7632", words[2], words[3])};
}

void TensorAttend::multiply(V *sums, const std::vector<V> &rows, V first, V second) {
  std::vector<V> operands = rows;
  operands.insert(operands.end(), {first, second, sums[0], sums[1], sums[2], sums[3]});
  std::vector<V> added = c.ptx("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, "
                               "{$8, $9}, {$10, $11, $12, $13};",
                               std::vector<mlir::Type>(4, c.f32Type()), operands);
  std::copy(added.begin(), added.end(), sums);
}

//===-- scores --------------------------------------------------------------------------------------------------===//

Array TensorAttend::keysOfLane(V half, V page) {
  return from(keys, {half * double(kPositions) % kPagePositions + g * 4, t * 4, page});
}

std::vector<V> TensorAttend::loadKeys(const Array &own, V first, int64_t count) {
  Array at = from(own, {c.i32(0), first * double(kStep), c.i32(0)});
  std::vector<V> words;
  for (int64_t step = 0; step < count; ++step)
    for (int64_t i = 0; i < 4; ++i)
      for (V word : at.streamedWords({c.i32(0), c.i32(step * kStep + i), c.i32(0)}, 2))
        words.push_back(word);
  c.warpBarrier(); // no load moves down past it
  return words;
}

std::vector<V> TensorAttend::multiplyKeys(V half, const std::vector<V> &early) {
  const std::vector<V> zeros(2 * tiles * 4, c.f32(0));
  auto add = [&](V first, int64_t count, const std::vector<V> &words, std::vector<V> sums) {
    for (int64_t step = 0; step < count; ++step)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        std::vector<V> query = fragments.words({c.i32(0), c.lane(), c.i32(tile), first + double(step)}, 4);
        for (int64_t part : {1, 0}) // the small products first
          for (int64_t i = 0; i < 2; ++i) {
            const V *own = &words[step * 8 + i];
            multiply(&sums[(i * tiles + tile) * 4], paired({own[0], own[2], own[4], own[6]}), query[2 * part],
                     query[2 * part + 1]);
          }
      }
    return sums;
  };
  const int64_t all = size / kStep, batch = std::min<int64_t>(all, tiles <= 2 ? 8 : 4);
  return c.ifElse(isSeen(half), [&] {
    if (!early.empty())
      return add(c.i32(0), all, early, zeros);
    Array own = keysOfLane(half, physical.at({half / double(kPagePositions / kPositions)}));
    auto run = [&](V step, int64_t count, const std::vector<V> &sums) {
      return add(step, count, loadKeys(own, step, count), sums);
    };
    const int64_t whole = all / batch * batch;
    std::vector<V> sums = c.loop(c.i32(0), c.i32(whole), batch, zeros, [&](V step, const std::vector<V> &before) {
      return run(step, batch, before);
    });
    return whole < all ? run(c.i32(whole), all - whole, sums) : sums;
  }, [&] { return zeros; });
}

//===-- weights -------------------------------------------------------------------------------------------------===//

std::vector<V> TensorAttend::ofQueries(const Array &array, int64_t tile, std::optional<int64_t> ofWarp) {
  std::vector<V> index = {t * 2 + double(tile * kQueries)};
  if (ofWarp)
    index.push_back(c.i32(*ofWarp));
  std::vector<V> words = array.words(index, 2);
  if (array.argument.type == ElementType::F32)
    for (V &word : words)
      word = fromBits(word);
  return words;
}

void TensorAttend::join(const Array &ofWarps, int64_t tile, bool sum,
                        const std::function<V(int64_t, int64_t, int64_t)> &number) {
  auto joined = [&](V a, V b) { return sum ? a + b : max(a, b); };
  std::vector<V> both;
  for (int64_t e = 0; e < 2; ++e) {
    V all = number(0, 0, e);
    for (int64_t i = 1; i < rounds * 4; ++i)
      all = joined(all, number(i / 4, i % 4, e));
    for (int64_t mask = kWarpThreads / 2; mask >= 4; mask /= 2) // lanes of other positions
      all = joined(all, c.shuffleXor(all, mask));
    both.push_back(bitsOf(all));
  }
  c.ifThen(g == 0, [&] { ofWarps.storeWords({t * 2 + double(tile * kQueries), warp}, both); });
}

void TensorAttend::weigh(std::vector<std::vector<V>> &scores) {
  /// Of the j-th of a lane's positions in a round and its query e.
  auto scoreAt = [&](int64_t round, int64_t tile, int64_t j, int64_t e) -> V & {
    return scores[round][(j / 2 * tiles + tile) * 4 + j % 2 * 2 + e];
  };
  for (int64_t tile = 0; tile < tiles; ++tile) {
    std::vector<V> first = ofQueries(begins, tile), last = ofQueries(ends, tile), factor = ofQueries(factors, tile);
    std::vector<V> slope, distance;
    if (k.alibi)
      slope = ofQueries(slopes, tile), distance = ofQueries(distances, tile);
    for (int64_t round = 0; round < rounds; ++round)
      for (int64_t j = 0; j < 4; ++j)
        for (int64_t e = 0; e < 2; ++e) {
          V p = (warp + double(round * kWarps)) * double(kPositions) + g * 4 + double(j);
          V score = scoreAt(round, tile, j, e) * factor[e];
          if (k.softcap != 0)
            score = softcap(score, k.softcap);
          if (k.alibi)
            score = score + slope[e] * toF32(p + distance[e]);
          scoreAt(round, tile, j, e) = select((p >= first[e]) & (p < last[e]), score, c.f32(kUnseen));
        }
    join(highs, tile, false, [&](int64_t round, int64_t j, int64_t e) { return scoreAt(round, tile, j, e); });
  }
  c.barrier();
  for (int64_t tile = 0; tile < tiles; ++tile) {
    std::vector<V> high = ofQueries(highs, tile, 0);
    for (int64_t i = 1; i < kWarps; ++i) {
      std::vector<V> one = ofQueries(highs, tile, i);
      for (int64_t e = 0; e < 2; ++e)
        high[e] = max(high[e], one[e]);
    }
    for (int64_t round = 0; round < rounds; ++round)
      for (int64_t e = 0; e < 2; ++e) {
        std::vector<V> scaled;
        for (int64_t j = 0; j < 4; ++j) {
          V &score = scoreAt(round, tile, j, e);
          score = select(score <= kUnseen / 2, c.f32(0), exponential(score - high[e]));
          scaled.push_back(score * kWeight);
        }
        V half = warp + double(round * kWarps), step = half * double(kPositions / kStep) + shiftRight(g, 2);
        auto store = [&] {
          fragments.storeWords({c.i32(0), placeOf(t * 8 + double(4 * e) + (g & 3)), c.i32(tile), step}, halves(scaled));
        };
        if ((round + 1) * kWarps * kPositions <= split)
          store();
        else
          c.ifThen(half < double(split / kPositions), store);
      }
    join(totals, tile, true, [&](int64_t round, int64_t j, int64_t e) { return scoreAt(round, tile, j, e); });
  }
  c.barrier();
  writeMaxima();
}

void TensorAttend::writeMaxima() {
  c.eachOf(queries, [&](V i) {
    Query query = queryAt(i);
    V high = highs.at({i, c.i32(0)}), total = totals.at({i, c.i32(0)});
    for (int64_t j = 1; j < kWarps; ++j) {
      high = max(high, highs.at({i, c.i32(j)}));
      total = total + totals.at({i, c.i32(j)});
    }
    V seen = begins.at({i}) < ends.at({i});
    c.ifThen(query.real, [&] {
      out.store({c.i32(0), query.head, query.row}, fromBits(select(seen, bitsOf(high), c.i32(kInfinityBelow))));
      out.store({c.i32(1), query.head, query.row}, total);
    });
  });
}
