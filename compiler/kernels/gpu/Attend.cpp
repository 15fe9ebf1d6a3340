//===- Attend.cpp - partial softmax over one split of the KV cache ----------------------------------------------===//
//
// A block has one row, one KV head and one split. Its warps form teams of a page each. Keys: a thread has 8 positions of
// every n-th component, so that a warp reads lines whole; values: a few components of every n-th position. Each number of
// the cache is read once for up to 8 heads, and all of a thread's loads of a batch are under way before the first is used.
// What threads have in part is added over lanes (a tree), then over warps in their order: bits depend on nothing but the
// row's own position, query and cache. Pages that the row does not see are not read; of a page that it sees in part, a
// value of no weight is another's again, since what the cache holds there may be no number.
//
// The softmax of arXiv:1706.03762 in the partial form of arXiv:1805.02867, as kernels/halide/Attend.cpp has it.
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

constexpr int64_t kMaxHeads = 8;        ///< whose sums a thread keeps at once
constexpr int64_t kOctet = 8;           ///< positions of a thread's piece of a key component
constexpr int64_t kSumBytes = 16 << 10; ///< of shared memory for the sums of values, unless one head has more

int64_t powerBelow(int64_t number) { return llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, number))); }

class Attend {
public:
  Attend(const AttendKernel &k, TileCall &call)
      : k(k), call(call), code(call.code), keys(call.array("K")), values(call.array("V")), out(call.array("partial")),
        size(k.headSize), valueSize(k.valueSize()), group(k.heads / k.kvHeads), split(k.splitPositions) {
    assert(k.rows == 1 && "one row a block");
    pages = split / kPagePositions;
    teamWarps = powerBelow(kWarps / pages);
    teams = kWarps / teamWarps;
    int64_t limit = kMaxHeads; // two or three arrays of its positions in shared memory
    while (limit > 1 && limit * split * 4 * (1 + teamWarps) > 32 << 10)
      limit /= 2;
    chunks = divideCeil(group, limit);
    heads = divideCeil(group, chunks);
    vector = heads > 2 ? 4 : heads;
    vectors = divideCeil(heads, vector);
    keySlices = teamWarps * kWarpThreads / (kPagePositions / kOctet);
    keyTurns = divideCeil(size, keySlices);
    bytes = elementBytes(keys.argument.type);
    width = std::min<int64_t>(8, 16 / bytes);
    while (valueSize % width || (width > 1 && width * bytes < 4))
      width /= 2;
  }

  void run() {
    team = code.warp() / double(teamWarps), teamThread = code.thread() % (teamWarps * kWarpThreads);
    position = call.array("positions").at({code.i32(0)});
    V start = call.tile.s * double(split);
    distance = start - position;
    auto inSplit = [&](V place) { return min(max(place, 0), double(split)); };
    begin = k.window ? inSplit(1 - distance - double(k.window)) : code.i32(0);
    end = inSplit(1 - distance);
    V seen = begin < end;
    code.ifThen(seen, [&] {
      findPages();
      if (chunks == 1)
        return runHeads(code.i32(0));
      code.loop(code.i32(0), code.i32(chunks), 1, [&](V chunk) { runHeads(chunk * double(heads)); });
    });
    code.ifThen(!seen, [&] {
      code.eachOf(group * (valueSize + 2), [&](V i) {
        V c = i % (valueSize + 2);
        out.store({c, i / double(valueSize + 2), code.i32(0)},
                  fromBits(select(c == 0, code.i32(static_cast<int32_t>(0xff800000)), code.i32(0)))); // -inf
      });
    });
  }

private:
  /// A page of the split that a team has.
  struct Page {
    V number, physical, seen;
  };

  void findPages() {
    const Array &table = call.array("pages");
    V slot = call.array("slots").at({code.i32(0)});
    for (int64_t round = 0; round * teams < pages; ++round) {
      V number = team + double(round * teams), first = number * double(kPagePositions);
      V seen = (first < end) & (first + double(kPagePositions) > begin);
      // Of an unseen one any entry of the table.
      V logical = call.tile.s * double(pages) + number, known = position / double(kPagePositions);
      V physical = table.at({min(logical, known), slot});
      found.push_back({number, physical, seen});
      code.ifThen(seen, [&] { fetchPage(physical); });
    }
  }

  /// Towards L2, while the queries are on their way.
  void fetchPage(V physical) {
    const int64_t line = 128 / bytes;
    auto fetch = [&](const Array &array, int64_t elements) {
      Array page = from(array, {code.i32(0), code.i32(0), physical});
      code.loop(teamThread * double(line), code.i32(elements), teamWarps * kWarpThreads * line, [&](V i) {
        code.ptx("prefetch.global.L2 [$0];", {}, {code.wrap(page.address({i, code.i32(0), code.i32(0)}))});
      });
    };
    fetch(keys, size * kPagePositions);
    fetch(values, valueSize * kPagePositions);
  }

  void runHeads(V firstHead) {
    first = firstHead;
    const int64_t mark = code.sharedMark();
    query = code.shared(ElementType::F32, {vector, keyTurns * keySlices, vectors});
    weights = code.shared(ElementType::F32, {vector, split, vectors});
    highs = code.shared(ElementType::F32, {kWarps}), totals = code.shared(ElementType::F32, {kWarps});
    const int64_t passing = code.sharedMark();
    dots = code.shared(ElementType::F32, {split, heads, teamWarps});
    loadQuery();
    code.barrier();
    for (const Page &page : found)
      code.ifThen(page.seen, [&] { multiplyKeys(page); });
    code.barrier();
    weigh();
    code.freeShared(passing);
    const int64_t all = valueSize / width, atOnce = std::min(all, teamWarps * kWarpThreads);
    for (int64_t unit = 0; unit < all; unit += atOnce)
      mixValues(unit, std::min(atOnce, all - unit));
    code.freeShared(mark);
  }

  //===-- scores ------------------------------------------------------------------------------------------------===//

  void loadQuery() {
    const int64_t padded = keyTurns * keySlices;
    const Array &q = call.array("q");
    code.eachOf(padded * heads, [&](V i) {
      V c = i % padded, h = i / double(padded);
      V number = q.at({min(c, double(size - 1)), min(first + h, double(group - 1)), code.i32(0)});
      query.store({h % vector, c, h / double(vector)}, select(c < double(size), number, code.f32(0)));
    });
    if (k.cache != CacheFormat::Q8)
      return;
    for (int64_t step = 1; step < spreadOf(size); step *= 2) { // Hadamard's matrix, as the keys were spread
      code.barrier();
      code.eachOf(heads * (size / 2), [&](V i) {
        V h = i / double(size / 2), pair = i % (size / 2);
        V c = pair / double(step) * double(2 * step) + pair % step;
        auto at = [&](V component) { return std::vector<V>{h % vector, component, h / double(vector)}; };
        V a = query.at(at(c)), b = query.at(at(c + double(step)));
        query.store(at(c), a + b);
        query.store(at(c + double(step)), a - b);
      });
    }
  }

  void multiplyKeys(const Page &page) {
    V octet = code.lane() % (kPagePositions / kOctet), slice = teamThread / double(kPagePositions / kOctet);
    Array own = from(keys, {octet * double(kOctet), code.i32(0), page.physical});
    const bool whole = size % keySlices == 0;
    Array ownSlice = whole ? from(own, {code.i32(0), slice, code.i32(0)}) : own;
    Array querySlice = from(query, {code.i32(0), slice, code.i32(0)});
    std::vector<V> sums(kOctet * heads, code.f32(0));
    sums = inBatches(keyTurns, kOctet, sums, [&](const Turn &turn) {
      V c = turn.at(keySlices);
      return read(ownSlice, {code.i32(0), whole ? c : min(slice + c, double(size - 1)), code.i32(0)}, kOctet);
    }, [&](const Turn &turn, const std::vector<V> &key, std::vector<V> &sum) {
      std::vector<V> q = headsOf(querySlice, turn.at(keySlices));
      for (int64_t i = 0; i < kOctet; ++i)
        for (int64_t h = 0; h < heads; ++h)
          sum[i * heads + h] = multiplyAdd(key[i], q[h], sum[i * heads + h]);
    });
    V place = page.number * double(kPagePositions) + octet * double(kOctet);
    sums = fold(std::move(sums), heads, kPagePositions / kOctet, place);
    const int64_t left = sums.size() / heads;
    V warp = teamThread / double(kWarpThreads);
    for (int64_t h = 0; h < heads; ++h)
      storeRun(dots, {place, code.i32(h), warp}, left, [&](int64_t i) { return sums[i * heads + h]; });
  }

  //===-- weights -----------------------------------------------------------------------------------------------===//

  /// Each head has so many warps.
  void weigh() {
    const int64_t warps = powerBelow(kWarps / heads), count = divideCeil(split, warps * kWarpThreads);
    V warp = code.warp(), own = warp / double(warps), h = min(own, double(heads - 1));
    V head = min(first + h, double(group - 1));
    V real = (own < double(heads)) & (first + own < double(group));
    V factor = code.f32(static_cast<float>(k.scale));
    if (k.scales)
      factor = factor * call.array("scales").at({head});
    if (k.every) {
      V entry = min((position + 1) / double(k.every), double(k.temperatures - 1));
      factor = factor * call.array("temperatures").at({entry});
    }
    std::vector<V> places, scores, seen, valueScales;
    for (int64_t j = 0; j < count; ++j) {
      V p = ((warp % warps) + double(j * warps)) * double(kWarpThreads) + code.lane();
      const bool beyond = split % (warps * kWarpThreads) != 0 && j == count - 1;
      seen.push_back((p >= begin) & (p < end));
      places.push_back(p);
      V within = beyond ? min(p, double(split - 1)) : p;
      V score = dots.at({within, h, code.i32(0)});
      for (int64_t part = 1; part < teamWarps; ++part)
        score = score + dots.at({within, h, code.i32(part)});
      if (k.cache == CacheFormat::Q8) {
        V visible = min(max(p, begin), end - 1);
        V physical = call.array("pages").at({call.tile.s * double(pages) + visible / double(kPagePositions),
                                             call.array("slots").at({code.i32(0)})});
        auto scale = [&](int64_t which) {
          return call.array("S").at({visible % kPagePositions, code.i32(which), physical});
        };
        score = score * scale(0);
        valueScales.push_back(scale(1));
      }
      score = score * factor;
      if (k.softcap != 0)
        score = softcap(score, k.softcap);
      if (k.alibi)
        score = score + call.array("slopes").at({head}) * toF32(distance + p);
      scores.push_back(select(seen.back(), score, code.f32(kUnseen)));
    }
    auto join = [&](const std::vector<V> &numbers, const Array &ofWarps, bool sum) {
      V all = numbers[0];
      for (size_t j = 1; j < numbers.size(); ++j)
        all = sum ? all + numbers[j] : max(all, numbers[j]);
      all = sum ? code.warpSum(all) : code.warpMax(all);
      code.ifThen(code.lane() == 0, [&] { ofWarps.store({warp}, all); });
      code.barrier();
      for (int64_t i = 0; i < warps; ++i) {
        V one = ofWarps.at({h * double(warps) + double(i)});
        all = i == 0 ? one : sum ? all + one : max(all, one);
      }
      return all;
    };
    V high = join(scores, highs, false);
    std::vector<V> shares;
    for (int64_t j = 0; j < count; ++j) {
      V share = select(seen[j], exponential(scores[j] - high), code.f32(0));
      shares.push_back(share);
      V weight = k.cache == CacheFormat::Q8 ? share * valueScales[j] : share;
      code.ifThen((own < double(heads)) & (places[j] < double(split)),
                  [&] { weights.store({h % vector, places[j], h / double(vector)}, weight); });
    }
    V total = join(shares, totals, true); // its barrier is that of the weights, too
    code.ifThen(real & (code.lane() == 0) & (warp % warps == code.i32(0)), [&] {
      out.store({code.i32(0), head, code.i32(0)}, high);
      out.store({code.i32(1), head, code.i32(0)}, total);
    });
  }

  //===-- values ------------------------------------------------------------------------------------------------===//

  /// Of `units` times `width` components, from unit `firstUnit` on.
  void mixValues(int64_t firstUnit, int64_t units) {
    const int64_t threads = teamWarps * kWarpThreads, slices = threads / units, turns = divideCeil(kPagePositions, slices);
    const bool lanes = units < kWarpThreads && llvm::isPowerOf2_64(units); // a warp's slices are joined by lanes
    V unit = teamThread % units, slice = teamThread / double(units);
    Array own = from(values, {(unit + double(firstUnit)) * double(width), code.i32(0), code.i32(0)});
    std::vector<V> sums(width * heads, code.f32(0));
    for (const Page &page : found)
      sums = code.ifElse(page.seen, [&] {
        Array ofPage = from(own, {code.i32(0), code.i32(0), page.physical});
        V start = page.number * double(kPagePositions), low = begin - start, high = end - start - 1;
        Array weightsOfPage = from(weights, {code.i32(0), start, code.i32(0)});
        const bool whole = kPagePositions % slices == 0;
        auto placeOf = [&](const Turn &turn) { return slice + turn.at(slices); };
        return inBatches(turns, width, sums, [&](const Turn &turn) {
          V p = min(max(placeOf(turn), max(low, 0)), min(high, double(kPagePositions - 1)));
          return read(ofPage, {code.i32(0), p, code.i32(0)}, width);
        }, [&](const Turn &turn, const std::vector<V> &value, std::vector<V> &sum) {
          V p = placeOf(turn);
          std::vector<V> weight = headsOf(weightsOfPage, whole ? p : min(p, double(kPagePositions - 1)));
          for (int64_t h = 0; h < heads; ++h) {
            V w = whole ? weight[h] : select(p < double(kPagePositions), weight[h], code.f32(0));
            for (int64_t i = 0; i < width; ++i)
              sum[i * heads + h] = multiplyAdd(w, value[i], sum[i * heads + h]);
          }
        });
      }, [&] { return sums; });

    V place = unit * double(width), part = lanes ? code.warp() : team * double(slices) + slice;
    if (lanes)
      sums = fold(std::move(sums), heads, units, place);
    const int64_t left = sums.size() / heads, parts = lanes ? kWarps : teams * slices, columns = units * width;
    const int64_t atOnce = std::clamp<int64_t>(kSumBytes / (parts * columns * 4), 1, heads);
    const int64_t mark = code.sharedMark();
    Array ofParts = code.shared(ElementType::F32, {columns, atOnce, parts});
    for (int64_t h0 = 0; h0 < heads; h0 += atOnce) {
      const int64_t count = std::min(atOnce, heads - h0);
      code.ifThen(slice < double(slices), [&] {
        for (int64_t h = 0; h < count; ++h)
          storeRun(ofParts, {place, code.i32(h), part}, left, [&](int64_t i) { return sums[i * heads + h0 + h]; });
      });
      code.barrier();
      code.eachOf(count * columns, [&](V i) {
        V c = i % columns, h = i / double(columns), head = first + double(h0) + h;
        V sum = ofParts.at({c, h, code.i32(0)});
        for (int64_t j = 1; j < parts; ++j)
          sum = sum + ofParts.at({c, h, code.i32(j)});
        code.ifThen(head < double(group), [&] {
          out.store({c + double(2 + firstUnit * width), head, code.i32(0)}, sum);
        });
      });
      code.barrier();
    }
    code.freeShared(mark);
  }

  //===-- what both sides are made of ---------------------------------------------------------------------------===//

  /// A thread's turn: of a batch that is a constant or not, `within` it.
  struct Turn {
    V batch; ///< the batch's first turn
    int64_t within;
    V at(int64_t step) const { return batch * double(step) + double(within * step); }
  };

  /// For each turn load() and, when a whole batch is under way, use(), which changes the sums. `items`: numbers of a load.
  std::vector<V> inBatches(int64_t turns, int64_t items, std::vector<V> sums,
                           const std::function<std::vector<V>(const Turn &)> &load,
                           const std::function<void(const Turn &, const std::vector<V> &, std::vector<V> &)> &use) {
    const int64_t registers = std::max<int64_t>(1, items * bytes / 4);
    const int64_t batch = std::max<int64_t>(1, (heads <= 2 ? 64 : heads <= 4 ? 32 : 16) / registers);
    auto run = [&](V begin, int64_t count, std::vector<V> sum) {
      std::vector<std::vector<V>> loaded;
      for (int64_t i = 0; i < count; ++i)
        loaded.push_back(load({begin, i}));
      if (count > 1)
        code.warpBarrier(); // no load moves down past it
      for (int64_t i = 0; i < count; ++i)
        use({begin, i}, numbersOf(loaded[i], items), sum);
      return sum;
    };
    const int64_t whole = turns / batch;
    if (whole > 2)
      sums = code.loop(code.i32(0), code.i32(whole * batch), batch, sums,
                       [&](V i, const std::vector<V> &carried) { return run(i, batch, carried); });
    else
      for (int64_t i = 0; i < whole; ++i)
        sums = run(code.i32(i * batch), batch, std::move(sums));
    return run(code.i32(whole * batch), turns % batch, std::move(sums));
  }

  /// `count` elements of the cache as they lie there, in words if they fill some.
  std::vector<V> read(const Array &array, const std::vector<V> &index, int64_t count) {
    if (count * bytes < 4) {
      V one = array.at(index);
      return {one.isFloat() ? one : toF32(one)};
    }
    std::vector<V> words;
    for (int64_t i = 0, n = count * bytes / 4; i < n; i += 4) {
      std::vector<V> at = index;
      at[0] = at[0] + double(i * 4 / bytes);
      for (V word : array.streamedWords(at, std::min<int64_t>(4, n - i)))
        words.push_back(word);
    }
    return words;
  }

  std::vector<V> numbersOf(const std::vector<V> &words, int64_t count) {
    if (count * bytes < 4)
      return words;
    std::vector<V> numbers;
    for (V word : words) {
      if (bytes == 4)
        numbers.push_back(fromBits(word));
      if (bytes == 2)
        for (V half : {word, shiftRight(word, 16)})
          numbers.push_back(halfToF32(half));
      if (bytes == 1) { // as the lowest bits of 2^23 + 128 + x
        V above = word ^ code.i32(static_cast<int32_t>(0x80808080));
        for (int64_t i = 0; i < 4; ++i)
          numbers.push_back(fromBits((shiftRight(above, 8 * i) & 0xff) | 0x4b000000) - double((1 << 23) + 128));
      }
    }
    return numbers;
  }

  /// A number for each head: entry `place` of [vector][place][vectors].
  std::vector<V> headsOf(const Array &array, V place) {
    std::vector<V> numbers;
    for (int64_t i = 0; i < vectors; ++i)
      for (V word : array.words({code.i32(0), place, code.i32(i)}, vector))
        numbers.push_back(fromBits(word));
    return numbers;
  }

  /// Sums over the lanes that differ in bits from `lowest` on. `numbers` is [items][inner]; of an even number of items
  /// each lane keeps one half, the other lane the other; `place` moves to the first of those that a lane has in the end.
  std::vector<V> fold(std::vector<V> numbers, int64_t inner, int64_t lowest, V &place) {
    for (int64_t mask = kWarpThreads / 2; mask >= lowest; mask /= 2) {
      const size_t half = numbers.size() / 2;
      if (numbers.size() / inner % 2) {
        for (V &number : numbers)
          number = number + code.shuffleXor(number, mask);
        continue;
      }
      V upper = (code.lane() & mask) != 0;
      for (size_t i = 0; i < half; ++i)
        numbers[i] = select(upper, numbers[half + i], numbers[i]) +
                     code.shuffleXor(select(upper, numbers[i], numbers[half + i]), mask);
      numbers.resize(half);
      place = place + select(upper, code.i32(half / inner), code.i32(0));
    }
    return numbers;
  }

  /// Stores `count` consecutive numbers; a power of two of them is aligned to itself.
  void storeRun(const Array &array, std::vector<V> index, int64_t count, const std::function<V(int64_t)> &number) {
    const int64_t step = count % 4 == 0 ? 4 : count % 2 == 0 ? 2 : 1;
    V start = index[0];
    for (int64_t i = 0; i < count; i += step) {
      std::vector<V> words;
      for (int64_t j = 0; j < step; ++j)
        words.push_back(bitsOf(number(i + j)));
      index[0] = start + double(i);
      array.storeWords(index, words);
    }
  }

  const AttendKernel &k;
  TileCall &call;
  Code &code;
  const Array &keys, &values, &out;
  const int64_t size, valueSize, group, split;
  int64_t pages;
  int64_t teamWarps, teams;     ///< a team has every teams-th page
  int64_t chunks, heads;        ///< so many heads are computed at once, `chunks` times
  int64_t vector, vectors;      ///< numbers of heads as they are read from shared memory
  int64_t keySlices, keyTurns;  ///< a thread has every keySlices-th component
  int64_t bytes, width;         ///< of an element of the cache; components of a value that a thread loads at once
  V team, teamThread, position;
  V distance;                   ///< from the row's position to the split's first: not above 0 where it is seen
  V begin, end;                 ///< that the row sees, from the split's start
  V first;                      ///< of the group's heads
  std::vector<Page> found;      ///< of the thread's team
  Array query, weights, highs, totals, dots;
};

} // namespace

void gpu::writeKernel(const AttendKernel &k, TileCall &call) {
  assert(k.rows <= mostRows(k) && "as many as the space has");
  usesTensorCores(k) ? writeTensorAttend(k, call) : Attend(k, call).run();
}
