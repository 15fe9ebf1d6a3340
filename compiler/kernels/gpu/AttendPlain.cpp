//===- AttendPlain.cpp - attention by products one by one: the row, its scores and weights ----------------------===//
#include "compiler/kernels/gpu/AttendPlain.h"
#include "compiler/kernels/gpu/Math.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::gpu;
using llvm::divideCeil;

static int64_t powerBelow(int64_t number) {
  return llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, number)));
}

PlainAttend::PlainAttend(const AttendKernel &k, TileCall &call)
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

void PlainAttend::run() {
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
                fromBits(select(c == 0, code.i32(kInfinityBelow), code.i32(0))));
    });
  });
}

void PlainAttend::findPages() {
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

void PlainAttend::fetchPage(V physical) {
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

void PlainAttend::runHeads(V firstHead) {
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

void PlainAttend::loadQuery() {
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

void PlainAttend::weigh() {
  const int64_t warps = powerBelow(kWarps / heads), count = divideCeil(split, warps * kWarpThreads);
  V warp = code.warp(), own = warp / double(warps), h = min(own, double(heads - 1));
  V head = min(first + h, double(group - 1));
  V real = (own < double(heads)) & (first + own < double(group));
  V factor = scoreFactor(k, call, position, head);
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
