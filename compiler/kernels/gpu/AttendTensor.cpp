//===- AttendTensor.cpp - partial softmax over one split of an f16 cache, by tensor cores -----------------------===//
//
// A block has one KV head and one split, and of each run of rows of one sequence all queries, 8 a tile: the heads of a row
// of a decode step, or of the rows of a prefill step. Products are m16n8k16 of f16 (PTX ISA 9.7.14) with keys and values
// as the 16 rows, since which row and column of a fragment is which of the cache is ours to choose as long as both
// operands agree: so a lane (g, t) = (lane / 4, lane % 4) reads the cache as it lies, without a copy in shared memory.
//
//   scores   a warp has 32 positions; a step is 16 components. Lane: positions 4g … 4g + 3 of components 4t … 4t + 3
//   values   a warp has 16 components; a step is 16 positions. Lane: components 2g, 2g + 1 of positions 4t … 4t + 3
//
// A query, made large by a power of two, and a weight are each the sum of two f16, 22 bits of it. A query's sums have the
// same instructions in the same order however many are beside it; positions that others see add zeros to them. So its bits
// do not depend on the other rows of its step.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Attend.h"
#include "compiler/kernels/gpu/Math.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::gpu;
using llvm::divideCeil;

namespace {

constexpr int64_t kQueries = 8;               ///< of a tile
constexpr int64_t kStep = 16;                 ///< of what a product sums over
constexpr int64_t kHalf = 32;                 ///< positions of a warp
constexpr int64_t kComponents = 16;                ///< components of a warp
constexpr int64_t kMaxTiles = 4;              ///< whose scores a thread keeps
constexpr int64_t kMaxRows = 32;              ///< one for each lane
constexpr double kWeight = 1024;              ///< what weights are multiplied by, so that f16 has their rests, too

class TensorAttend {
public:
  TensorAttend(const AttendKernel &k, TileCall &call)
      : k(k), call(call), c(call.code), keys(call.array("K")), values(call.array("V")), out(call.array("partial")),
        g(shiftRight(c.lane(), 2)), t(c.lane() & 3), warp(c.warp()), size(k.headSize), valueSize(k.valueSize()),
        group(k.heads / k.kvHeads), split(k.splitPositions), pages(split / kPagePositions),
        rounds(divideCeil(split, kWarps * kHalf)) {
    const int64_t all = divideCeil(k.rows * group, kQueries);
    passes = divideCeil(all, std::max<int64_t>(1, kMaxTiles / rounds));
    tiles = divideCeil(all, passes);
    queries = tiles * kQueries;
    blocks = valueSize / kComponents;
    groups = llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, kWarps / blocks)));
    while (steps() % groups)
      groups /= 2;
    start = call.tile.s * double(split);
  }

  void run() {
    if (k.rows == 1)
      return runRows(c.i32(0), c.i32(1));
    // Bit r: row r is of the same sequence as the one before it, and follows it.
    V rows = min(call.tile.rowsLeft, double(k.rows)), own = min(c.lane(), rows - 1), before = max(own - 1, 0);
    const Array &slots = call.array("slots"), &positions = call.array("positions");
    V follows = (c.lane() > 0) & (c.lane() < rows) & (slots.at({own}) == slots.at({before})) &
                (positions.at({own}) == positions.at({before}) + 1);
    V mask = c.warpSum(select(follows, c.i32(1) << c.lane(), c.i32(0)));
    c.loop(c.i32(0), rows, 1, [&](V row) {
      V rest = shiftRight(mask, row);
      c.ifThen((rest & 1) == 0, [&] {
        V ones = shiftRight(rest, 1), above = (ones ^ -1) & (ones + 1); // the lowest bit that is none
        runRows(row, (shiftRight(bitsOf(toF32(above)), 23) & 0xff) - 126);
      });
    });
  }

private:
  int64_t steps() const { return split / kStep; }
  V inSplit(V place) { return min(max(place, 0), double(split)); }

  /// Rows [first, first + count) of one sequence.
  void runRows(V first, V count) {
    firstRow = first, rowCount = count;
    V before = call.array("positions").at({first}) - start;
    V last = k.rows == 1 ? before : call.array("positions").at({first + count - 1}) - start;
    begin = k.window ? inSplit(before + double(1 - k.window)) : c.i32(0);
    end = inSplit(last + 1);
    V seen = begin < end;
    c.ifThen(seen, [&] {
      if (passes == 1)
        runQueries(c.i32(0));
      else
        c.loop(c.i32(0), c.i32(passes), 1, [&](V pass) { runQueries(pass * double(queries)); });
    });
    // Splits beyond a row are not joined, but one that its window has left is.
    c.ifThen(k.rows == 1 ? !seen : !seen & (last >= 0), [&] {
      c.eachOf(count * double(group * (valueSize + 2)), [&](V i) {
        V component = i % (valueSize + 2), query = i / double(valueSize + 2);
        V number = fromBits(select(component == 0, c.i32(static_cast<int32_t>(0xff800000)), c.i32(0))); // -inf
        out.store({component, query % group, firstRow + query / double(group)}, number);
      });
    });
  }

  /// So many queries of the rows, from one on.
  void runQueries(V first) {
    firstQuery = first;
    const int64_t mark = c.sharedMark();
    begins = c.shared(ElementType::I32, {queries}), ends = c.shared(ElementType::I32, {queries});
    factors = c.shared(ElementType::F32, {queries});
    if (k.alibi)
      slopes = c.shared(ElementType::F32, {queries}), distances = c.shared(ElementType::I32, {queries});
    highs = c.shared(ElementType::F32, {queries, kWarps}), totals = c.shared(ElementType::F32, {queries, kWarps});
    physical = c.shared(ElementType::I32, {pages});
    const int64_t passing = c.sharedMark();
    fragments = c.shared(ElementType::I32, {4, kWarpThreads, tiles, size / kStep});
    V slot = call.array("slots").at({firstRow}), firstPage = call.tile.s * double(pages);
    c.eachOf(pages, [&](V page) {
      V known = min(max(page, begin / double(kPagePositions)), (end - 1) / double(kPagePositions));
      physical.store({page}, call.array("pages").at({firstPage + known, slot}));
    });
    loadQueries();
    c.barrier();
    std::vector<std::vector<V>> scores;
    for (int64_t round = 0; round < rounds; ++round)
      scores.push_back(multiplyKeys(warp + double(round * kWarps)));
    c.freeShared(passing);
    fragments = c.shared(ElementType::I32, {4, kWarpThreads, tiles, steps()});
    weigh(scores);
    for (int64_t b = 0; b < blocks; b += kWarps)
      mixValues(b, passing);
    if (passes > 1 || k.rows > 1)
      c.barrier(); // the next ones write where these read
    c.freeShared(mark);
  }

  //===-- queries -----------------------------------------------------------------------------------------------===//

  /// The row and head of the pass's query `i`, and whether there is one.
  struct Query {
    V row, head, real;
  };
  Query queryAt(V i) {
    V query = firstQuery + i, row = query / double(group);
    return {firstRow + min(row, rowCount - 1), query % group, row < rowCount};
  }

  /// Each warp every 8th query: all numbers of it under way, then by the power of two that makes the largest 256 … 511.
  void loadQueries() {
    const int64_t pieces = divideCeil(size, 4 * kWarpThreads);
    const Array &q = call.array("q");
    std::vector<V> numbers;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      Query query = queryAt(warp + double(tile * kQueries));
      for (int64_t j = 0; j < pieces; ++j)
        for (int64_t i = 0; i < 4; ++i)
          numbers.push_back(q.at({min((c.lane() + double(j * kWarpThreads)) * 4, double(size - 4)) + double(i),
                                  query.head, query.row}));
    }
    for (int64_t tile = 0; tile < tiles; ++tile) {
      V query = warp + double(tile * kQueries);
      const V *own = &numbers[tile * pieces * 4];
      V largest = abs(own[0]);
      for (int64_t i = 1; i < pieces * 4; ++i)
        largest = max(largest, abs(own[i]));
      V exponent = min(max(shiftRight(bitsOf(c.warpMax(largest)), 23), 16), 245);
      V up = fromBits((c.i32(262) - exponent) << 23), down = fromBits((exponent - 8) << 23);
      for (int64_t j = 0; j < pieces; ++j) {
        V piece = c.lane() + double(j * kWarpThreads);
        std::vector<V> scaled;
        for (int64_t i = 0; i < 4; ++i)
          scaled.push_back(own[j * 4 + i] * up);
        auto store = [&] {
          fragments.storeWords({c.i32(0), warp * 4 + (piece & 3), c.i32(tile), shiftRight(piece, 2)}, halves(scaled));
        };
        if (size % (4 * kWarpThreads) == 0)
          store();
        else
          c.ifThen(piece < double(size / 4), store);
      }
      c.ifThen(c.lane() == 0, [&] { describeQuery(query, down); });
    }
  }

  void describeQuery(V i, V down) {
    Query query = queryAt(i);
    V position = call.array("positions").at({query.row}), place = position - start;
    auto ifReal = [&](V number) { return select(query.real, number, c.i32(0)); };
    begins.store({i}, k.window ? ifReal(inSplit(place + double(1 - k.window))) : c.i32(0));
    ends.store({i}, ifReal(inSplit(place + 1)));
    V factor = c.f32(static_cast<float>(k.scale));
    if (k.scales)
      factor = factor * call.array("scales").at({query.head});
    if (k.every) {
      V entry = min((position + 1) / double(k.every), double(k.temperatures - 1));
      factor = factor * call.array("temperatures").at({entry});
    }
    factors.store({i}, factor * down);
    if (k.alibi) {
      slopes.store({i}, call.array("slopes").at({query.head}));
      distances.store({i}, -place);
    }
  }

  /// Four f32 as f16 and the f16 of what they lack, in pairs.
  std::vector<V> halves(const std::vector<V> &numbers) {
    std::vector<V> upper, lower;
    for (V number : numbers) {
      upper.push_back(f32ToHalfBits(number));
      lower.push_back(f32ToHalfBits(number - halfToF32(upper.back())));
    }
    auto pair = [](V a, V b) { return a | (b << 16); };
    return {pair(upper[0], upper[1]), pair(upper[2], upper[3]), pair(lower[0], lower[1]), pair(lower[2], lower[3])};
  }

  //===-- scores ------------------------------------------------------------------------------------------------===//

  /// Of 32 positions: [i][tile][4], of positions 4g + 2i, of both the next, and queries 2t, 2t + 1.
  std::vector<V> multiplyKeys(V half) {
    V place = half * double(kHalf);
    const std::vector<V> zeros(2 * tiles * 4, c.f32(0));
    return c.ifElse((place < end) & (place + double(kHalf) > begin), [&] {
      V page = physical.at({place / double(kPagePositions)});
      Array own = from(keys, {place % kPagePositions + g * 4, t * 4, page});
      const int64_t batch = tiles <= 2 ? 8 : 4, all = size / kStep;
      auto add = [&](V first, int64_t count, std::vector<V> sums) {
        Array at = from(own, {c.i32(0), first * double(kStep), c.i32(0)});
        std::vector<std::vector<V>> loaded;
        for (int64_t step = 0; step < count; ++step)
          for (int64_t i = 0; i < 4; ++i)
            loaded.push_back(at.streamedWords({c.i32(0), c.i32(step * kStep + i), c.i32(0)}, 2));
        c.warpBarrier(); // all are under way
        for (int64_t step = 0; step < count; ++step) {
          std::vector<V> key[2];
          for (int64_t i = 0; i < 2; ++i)
            key[i] = paired({loaded[step * 4][i], loaded[step * 4 + 1][i], loaded[step * 4 + 2][i], loaded[step * 4 + 3][i]});
          for (int64_t tile = 0; tile < tiles; ++tile) {
            std::vector<V> query = fragments.words({c.i32(0), c.lane(), c.i32(tile), first + double(step)}, 4);
            for (int64_t part : {1, 0}) // the small products first
              for (int64_t i = 0; i < 2; ++i)
                multiply(&sums[(i * tiles + tile) * 4], key[i], query[2 * part], query[2 * part + 1]);
          }
        }
        return sums;
      };
      std::vector<V> sums = zeros;
      if (all / batch > 1)
        sums = c.loop(c.i32(0), c.i32(all / batch * batch), batch, sums,
                      [&](V step, const std::vector<V> &before) { return add(step, batch, before); });
      else if (all >= batch)
        sums = add(c.i32(0), batch, sums);
      return all % batch ? add(c.i32(all / batch * batch), all % batch, sums) : sums;
    }, [&] { return zeros; });
  }

  /// Numbers of four columns, two rows a word, as a product's operand: the upper row of the first two columns, the lower,
  /// and of the others.
  std::vector<V> paired(const std::vector<V> &words) {
    auto permuted = [&](const char *choice, V a, V b) {
      return c.ptx(std::string("prmt.b32 $0, $1, $2, ") + choice + ";", {c.i32Type()}, {a, b}, false)[0];
    };
    return {permuted("0x5410", words[0], words[1]), permuted("0x7632", words[0], words[1]),
            permuted("0x5410", words[2], words[3]), permuted("0x7632", words[2], words[3])};
  }

  void multiply(V *sums, const std::vector<V> &rows, V first, V second) {
    std::vector<V> operands = rows;
    operands.insert(operands.end(), {first, second, sums[0], sums[1], sums[2], sums[3]});
    std::vector<V> added = c.ptx("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, "
                                 "{$8, $9}, {$10, $11, $12, $13};",
                                 std::vector<mlir::Type>(4, c.f32Type()), operands);
    std::copy(added.begin(), added.end(), sums);
  }

  //===-- weights -----------------------------------------------------------------------------------------------===//

  /// Numbers of the lane's two queries of a tile.
  std::vector<V> ofQueries(const Array &array, int64_t tile, std::optional<int64_t> ofWarp = std::nullopt) {
    std::vector<V> index = {t * 2 + double(tile * kQueries)};
    if (ofWarp)
      index.push_back(c.i32(*ofWarp));
    std::vector<V> words = array.words(index, 2);
    if (array.argument.type == ElementType::F32)
      for (V &word : words)
        word = fromBits(word);
    return words;
  }

  /// Weights go to `fragments`, as the products with values want them.
  void weigh(std::vector<std::vector<V>> &scores) {
    auto positionOf = [&](int64_t round, int64_t j) {
      return (warp + double(round * kWarps)) * double(kHalf) + g * 4 + double(j);
    };
    /// The score of the j-th of a lane's positions and its query e.
    auto scoreAt = [&](int64_t round, int64_t tile, int64_t j, int64_t e) -> V & {
      return scores[round][((j / 2) * tiles + tile) * 4 + j % 2 * 2 + e];
    };
    auto join = [&](const Array &ofWarps, bool sum, const std::function<V(int64_t, int64_t, int64_t, int64_t)> &number) {
      for (int64_t tile = 0; tile < tiles; ++tile) {
        std::vector<V> both;
        for (int64_t e = 0; e < 2; ++e) {
          V all;
          for (int64_t round = 0; round < rounds; ++round)
            for (int64_t j = 0; j < 4; ++j) {
              V one = number(round, tile, j, e);
              all = !all.code ? one : sum ? all + one : max(all, one);
            }
          for (int64_t mask = 16; mask >= 4; mask /= 2)
            all = sum ? all + c.shuffleXor(all, mask) : max(all, c.shuffleXor(all, mask));
          both.push_back(bitsOf(all));
        }
        c.ifThen(g == 0, [&] { ofWarps.storeWords({t * 2 + double(tile * kQueries), warp}, both); });
      }
      c.barrier();
    };

    for (int64_t tile = 0; tile < tiles; ++tile) {
      std::vector<V> first = ofQueries(begins, tile), last = ofQueries(ends, tile), factor = ofQueries(factors, tile);
      std::vector<V> slope, distance;
      if (k.alibi)
        slope = ofQueries(slopes, tile), distance = ofQueries(distances, tile);
      for (int64_t round = 0; round < rounds; ++round)
        for (int64_t j = 0; j < 4; ++j)
          for (int64_t e = 0; e < 2; ++e) {
            V p = positionOf(round, j), score = scoreAt(round, tile, j, e) * factor[e];
            if (k.softcap != 0)
              score = softcap(score, k.softcap);
            if (k.alibi)
              score = score + slope[e] * toF32(p + distance[e]);
            scoreAt(round, tile, j, e) = select((p >= first[e]) & (p < last[e]), score, c.f32(kUnseen));
          }
    }
    join(highs, false, scoreAt);
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
          V half = warp + double(round * kWarps), step = half * 2 + shiftRight(g, 2);
          auto store = [&] {
            fragments.storeWords({c.i32(0), placeOf(t * 8 + double(4 * e) + (g & 3)), c.i32(tile), step}, halves(scaled));
          };
          if ((round + 1) * kWarps * kHalf <= split)
            store();
          else
            c.ifThen(half < double(split / kHalf), store);
        }
    }
    join(totals, true, scoreAt);
    c.eachOf(queries, [&](V i) {
      Query query = queryAt(i);
      V high = highs.at({i, c.i32(0)}), total = totals.at({i, c.i32(0)});
      for (int64_t j = 1; j < kWarps; ++j) {
        high = max(high, highs.at({i, c.i32(j)}));
        total = total + totals.at({i, c.i32(j)});
      }
      V seen = begins.at({i}) < ends.at({i});
      c.ifThen(query.real, [&] {
        out.store({c.i32(0), query.head, query.row},
                  fromBits(select(seen, bitsOf(high), c.i32(static_cast<int32_t>(0xff800000)))));
        out.store({c.i32(1), query.head, query.row}, total);
      });
    });
  }

  /// Where a lane's piece of a fragment lies, so that those who write at once write to different banks.
  V placeOf(V lane) { return lane ^ (shiftRight(lane, 3) * 2); }

  //===-- values ------------------------------------------------------------------------------------------------===//

  /// Of 8 blocks of components from `firstBlock` on, one a warp; of fewer blocks, groups of warps have parts of the steps.
  void mixValues(int64_t firstBlock, int64_t sharedMark) {
    const int64_t count = steps() / groups;
    V block = groups == 1 ? warp + double(firstBlock) : warp % blocks, part = groups == 1 ? c.i32(0) : warp / double(blocks);
    V active = groups == 1 ? block < double(blocks) : part < double(groups);
    const std::vector<V> zeros(2 * tiles * 4, c.f32(0));
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
        c.warpBarrier(); // all are under way
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

    V component = block * double(kComponents) + g * 2;
    auto eachSum = [&](const std::function<void(V component, V query, V sum)> &use) {
      c.ifThen(active, [&] {
        for (int64_t tile = 0; tile < tiles; ++tile)
          for (int64_t e = 0; e < 2; ++e)
            for (int64_t i = 0; i < 2; ++i)
              use(component + double(i), t * 2 + double(tile * kQueries + e), sums[tile * 4 + i * 2 + e]);
      });
    };
    auto give = [&](V component, V i, V sum) {
      Query query = queryAt(i);
      c.ifThen(query.real, [&] { out.store({component + 2, query.head, query.row}, sum); });
    };
    if (groups == 1)
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

  /// Two components of four positions of a step. What no row of the run sees may be no number: then it is another's.
  std::vector<V> loadValues(V block, V step) {
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

  const AttendKernel &k;
  TileCall &call;
  Code &c;
  const Array &keys, &values, &out;
  const V g, t, warp;
  const int64_t size, valueSize, group, split, pages;
  const int64_t rounds;           ///< a warp has so many times 32 positions
  int64_t passes, tiles, queries; ///< of a pass
  int64_t blocks, groups;         ///< of components; of warps for one block
  V start;                        ///< the split's first position
  V firstRow, rowCount, firstQuery;
  V begin, end;                   ///< what any of the rows sees, from the split's start
  Array begins, ends, factors, slopes, distances; ///< of queries
  Array highs, totals;                            ///< of queries, for each warp
  Array physical;                                 ///< the split's pages
  Array fragments;                                ///< of queries, then of weights: {upper pairs, lower pairs}
};

} // namespace

bool gpu::usesTensorCores(const AttendKernel &k) {
  return k.cache == CacheFormat::F16 && k.headSize % kStep == 0 && k.valueSize() % kComponents == 0;
}

int64_t gpu::mostRows(const AttendKernel &k) {
  const int64_t tiles = kMaxTiles / divideCeil(k.splitPositions, kWarps * kHalf);
  return usesTensorCores(k) ? std::clamp<int64_t>(tiles * kQueries / (k.heads / k.kvHeads), 1, kMaxRows) : 1;
}

void gpu::writeTensorAttend(const AttendKernel &k, TileCall &call) { TensorAttend(k, call).run(); }
