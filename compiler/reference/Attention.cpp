//===- Attention.cpp - the KV cache and what reads it ------------------------------------------------------------===//
#include "compiler/reference/Attention.h"
#include "compiler/support/Error.h"
#include "compiler/support/Half.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::reference;

/// Each run of `size` numbers (a power of two) times Hadamard's matrix.
template <typename T> static void hadamard(std::vector<T> &x, size_t size) {
  for (size_t width = 1; width < size; width *= 2)
    for (size_t i = 0; i < x.size(); ++i)
      if (!(i & width)) {
        const T first = x[i], second = x[i + width];
        x[i] = first + second;
        x[i + width] = first - second;
      }
}

template <typename T>
std::optional<HeadBytes<T>> reference::bytesOf(llvm::ArrayRef<T> head, int64_t spread) {
  HeadBytes<T> bytes{{head.begin(), head.end()}};
  hadamard(bytes.numbers, spread);
  T largest = 0;
  for (T number : bytes.numbers) {
    if (!std::isfinite(float(number)))
      return std::nullopt;
    largest = std::max(largest, std::abs(number));
  }
  const bool zero = largest < T(0x1p-100);
  bytes.scale = zero ? T(0) : largest / T(127 * spread);
  for (T &number : bytes.numbers)
    number = zero ? T(0) : number * (127 / largest);
  return bytes;
}

/// The numbers of a row's heads, rounded to those of `format`, of q8 with this `spread`.
template <typename T>
static llvm::Error keep(const T *row, int64_t columns, int64_t heads, CacheFormat format, int64_t spread,
                        const char *what, std::vector<T> &out) {
  out.assign(row, row + columns);
  auto refuse = [&](llvm::ArrayRef<T> numbers) {
    auto isLess = [](T a, T b) { return std::abs(a) < std::abs(b) || (std::isnan(b) && !std::isnan(a)); };
    return makeError("a {0} is {1:e2}, which {2} {3} cache cannot hold; --kv f32 would be right", what,
                     double(*std::max_element(numbers.begin(), numbers.end(), isLess)),
                     format == CacheFormat::F16 ? "an" : "a", nameOf(format));
  };
  const int64_t size = columns / heads;
  switch (format) {
  case CacheFormat::F32:
    break;
  case CacheFormat::F16:
    for (int64_t i = 0; i < columns; ++i)
      if (!std::isfinite(out[i] = halfToFloat(floatToHalf(float(row[i])))))
        return refuse({row + i, 1});
    break;
  case CacheFormat::Q8:
    for (int64_t i = 0; i < columns; i += size) {
      const llvm::ArrayRef<T> head(row + i, size);
      std::optional<HeadBytes<T>> bytes = bytesOf(head, spread);
      if (!bytes)
        return refuse(head);
      for (T &number : bytes->numbers)
        number = std::nearbyint(number) * bytes->scale;
      hadamard(bytes->numbers, spread); // its own inverse, up to the factor that is in the scale
      std::copy(bytes->numbers.begin(), bytes->numbers.end(), out.begin() + i);
    }
    break;
  }
  return llvm::Error::success();
}

template <typename T>
llvm::Error reference::append(Cache<T> &cache, int64_t layer, int64_t kvHeads, const Matrix<T> &key,
                              const Matrix<T> &value, Places places, CacheFormat format) {
  const int64_t spread = spreadOf(key.columns / kvHeads);
  for (int64_t r = 0; r < key.rows; ++r) {
    CachedSequence<T> &sequence = cache[{layer, places.slots[r]}];
    const int64_t position = places.positions[r], length = sequence.keys.size();
    if (position < 0 || position > length)
      return makeError("positions[{0}] = {1} does not follow sequence {2}, which has {3} positions in layer {4}", r,
                       position, places.slots[r], length, layer);
    if (position == length) {
      sequence.keys.emplace_back();
      sequence.values.emplace_back();
    }
    if (llvm::Error error = keep(key.row(r), key.columns, kvHeads, format, spread, "key", sequence.keys[position]))
      return error;
    if (llvm::Error error = keep(value.row(r), value.columns, kvHeads, format, 1, "value", sequence.values[position]))
      return error;
  }
  return llvm::Error::success();
}

/// Partial softmax {m, l, o[valueSize]} of one head over positions [begin, end); q is the head's query, at `position`.
template <typename T>
static void attendSplit(const CachedSequence<T> &sequence, const AttentionShape &shape, int64_t head, const T *q,
                        int64_t position, int64_t begin, int64_t end, T *partial) {
  const int64_t size = shape.valueSize, kvHead = head / (shape.heads / shape.kvHeads);
  T &m = partial[0] = -std::numeric_limits<T>::infinity(), &l = partial[1] = 0, *o = partial + 2;
  std::fill(o, o + size, T(0));
  if (begin >= end)
    return;
  T scale = T(shape.scale) * (shape.scales.empty() ? T(1) : T(shape.scales[head]));
  if (shape.every > 0)
    scale *= T(1) + T(shape.temperature) * std::log(T(1 + (position + 1) / shape.every));
  std::vector<T> scores(end - begin);
  for (int64_t p = begin; p < end; ++p) {
    T score = scale * dot(q, sequence.keys[p].data() + kvHead * shape.headSize, shape.headSize);
    if (shape.softcap > 0)
      score = T(shape.softcap) * std::tanh(score / T(shape.softcap));
    if (!shape.alibi.empty())
      score += T(shape.alibi[head]) * T(p - position);
    scores[p - begin] = score;
  }
  m = *std::max_element(scores.begin(), scores.end());
  for (int64_t p = begin; p < end; ++p) {
    const T weight = std::exp(scores[p - begin] - m);
    l += weight;
    for (int64_t i = 0; i < size; ++i)
      o[i] += weight * sequence.values[p][kvHead * size + i];
  }
}

template <typename T>
llvm::Expected<Matrix<T>> reference::attend(const Cache<T> &cache, const AttentionShape &shape, int64_t split,
                                            const Matrix<T> &query, Places places) {
  int64_t last = 0;
  for (int32_t position : places.positions)
    last = std::max<int64_t>(last, position);
  const int64_t splits = last / split + 1, partial = shape.valueSize + 2;
  Matrix<T> result(query.rows, splits * shape.heads * partial);
  for (int64_t r = 0; r < query.rows; ++r) {
    const int64_t position = places.positions[r];
    auto sequence = cache.find({shape.layer, places.slots[r]});
    if (position < 0 || sequence == cache.end() || position >= int64_t(sequence->second.keys.size()))
      return makeError("positions[{0}] = {1} of sequence {2} is not in the cache of layer {3}", r, position,
                       places.slots[r], shape.layer);
    const int64_t first = shape.window > 0 ? std::max<int64_t>(0, position - shape.window + 1) : 0;
    for (int64_t s = 0; s < splits; ++s)
      for (int64_t h = 0; h < shape.heads; ++h)
        attendSplit(sequence->second, shape, h, query.row(r) + h * shape.headSize, position, std::max(first, s * split),
                    std::min(position + 1, (s + 1) * split), result.row(r) + (s * shape.heads + h) * partial);
  }
  return result;
}

template <typename T>
Matrix<T> reference::combine(const Matrix<T> &partials, int64_t heads, int64_t headSize, const std::vector<T> &sinks) {
  const int64_t partial = headSize + 2, splits = partials.columns / (heads * partial);
  Matrix<T> result(partials.rows, heads * headSize);
  for (int64_t r = 0; r < partials.rows; ++r)
    for (int64_t h = 0; h < heads; ++h) {
      auto at = [&](int64_t s) { return partials.row(r) + (s * heads + h) * partial; };
      T highest = at(0)[0], sum = 0, *y = result.row(r) + h * headSize;
      for (int64_t s = 1; s < splits; ++s)
        highest = std::max(highest, at(s)[0]);
      if (!sinks.empty()) {
        highest = std::max(highest, sinks[h]);
        sum = std::exp(sinks[h] - highest);
      }
      for (int64_t s = 0; s < splits; ++s) {
        const T weight = std::exp(at(s)[0] - highest);
        sum += weight * at(s)[1];
        for (int64_t i = 0; i < headSize; ++i)
          y[i] += weight * at(s)[2 + i];
      }
      for (int64_t i = 0; i < headSize; ++i)
        y[i] /= sum;
    }
  return result;
}

namespace lathe::reference {
#define INSTANTIATE(T)                                                                                                 \
  template std::optional<HeadBytes<T>> bytesOf(llvm::ArrayRef<T>, int64_t);                                            \
  template llvm::Error append(Cache<T> &, int64_t, int64_t, const Matrix<T> &, const Matrix<T> &, Places,              \
                              CacheFormat);                                                                            \
  template llvm::Expected<Matrix<T>> attend(const Cache<T> &, const AttentionShape &, int64_t, const Matrix<T> &,      \
                                            Places);                                                                   \
  template Matrix<T> combine(const Matrix<T> &, int64_t, int64_t, const std::vector<T> &);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
} // namespace lathe::reference
