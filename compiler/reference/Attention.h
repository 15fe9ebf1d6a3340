//===- Attention.h - the KV cache and what reads it ---------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_REFERENCE_ATTENTION_H
#define LATHE_COMPILER_REFERENCE_ATTENTION_H

#include "compiler/layout/Rows.h"
#include "compiler/reference/Matrix.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <map>
#include <optional>

namespace lathe::reference {

/// Keys [kv_heads * head_size] and values [kv_heads * value_size] of each position, for each layer and sequence.
template <typename T> struct CachedSequence {
  std::vector<std::vector<T>> keys, values;
};
template <typename T> using Cache = std::map<std::pair<int64_t, int32_t>, CachedSequence<T>>;

/// The attributes of lathe.attention and lathe.attend.
struct AttentionShape {
  int64_t layer, heads, kvHeads, headSize, valueSize;
  double scale;
  int64_t window;
  double softcap;
  llvm::ArrayRef<double> alibi = {}; ///< a slope for each head, or none
  double temperature = 0;
  int64_t every = 0;
  std::vector<double> scales = {}; ///< multiplies the scores of each head, or none
};

/// Where the rows of a step are.
struct Places {
  llvm::ArrayRef<int32_t> positions, slots;
};

/// A head's key or value in a cache of q8 (layout/Rows.h): `numbers` are those that are rounded to bytes, of a key H
/// times it over h * scale; `spread` is h, of a value 1. Nothing where the cache cannot hold them.
template <typename T> struct HeadBytes {
  std::vector<T> numbers;
  T scale = 0;
};
template <typename T> std::optional<HeadBytes<T>> bytesOf(llvm::ArrayRef<T> head, int64_t spread);

/// lathe.append, rounded to what a cache of `format` keeps (f32: not at all).
template <typename T>
llvm::Error append(Cache<T> &cache, int64_t layer, int64_t kvHeads, const Matrix<T> &key, const Matrix<T> &value,
                   Places places, CacheFormat format = CacheFormat::F32);

/// lathe.attend: [rows, splits * heads * (value_size + 2)], with as many splits as the row of the highest position
/// sees.
template <typename T>
llvm::Expected<Matrix<T>> attend(const Cache<T> &cache, const AttentionShape &shape, int64_t split,
                                 const Matrix<T> &query, Places places);

/// lathe.combine, of heads of values; `sinks` has a score for each head, or none.
template <typename T>
Matrix<T> combine(const Matrix<T> &partials, int64_t heads, int64_t headSize, const std::vector<T> &sinks);

} // namespace lathe::reference

#endif
