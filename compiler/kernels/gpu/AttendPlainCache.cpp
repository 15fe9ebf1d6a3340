//===- AttendPlainCache.cpp - attention by products one by one: what reads the cache ----------------------------===//
#include "compiler/kernels/gpu/AttendPlain.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::gpu;
using llvm::divideCeil;

void PlainAttend::multiplyKeys(const Page &page) {
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

void PlainAttend::mixValues(int64_t firstUnit, int64_t units) {
  const int64_t slices = teamWarps * kWarpThreads / units, turns = divideCeil(kPagePositions, slices);
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

std::vector<V> PlainAttend::inBatches(int64_t turns, int64_t items, std::vector<V> sums,
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

std::vector<V> PlainAttend::read(const Array &array, const std::vector<V> &index, int64_t count) {
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

std::vector<V> PlainAttend::numbersOf(const std::vector<V> &words, int64_t count) {
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

std::vector<V> PlainAttend::headsOf(const Array &array, V place) {
  std::vector<V> numbers;
  for (int64_t i = 0; i < vectors; ++i)
    for (V word : array.words({code.i32(0), place, code.i32(i)}, vector))
      numbers.push_back(fromBits(word));
  return numbers;
}

std::vector<V> PlainAttend::fold(std::vector<V> numbers, int64_t inner, int64_t lowest, V &place) {
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

void PlainAttend::storeRun(const Array &array, std::vector<V> index, int64_t count,
                           const std::function<V(int64_t)> &number) {
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
