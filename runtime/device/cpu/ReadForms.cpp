#include "runtime/device/cpu/ReadForms.h"

namespace lathe {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kAhead = 1024; ///< bytes of a stream from where it is read to where lines are asked for
constexpr size_t kSums = 8;     ///< that hide the latency of an addition

/// In vectors of kBytes. To be inlined into a function that may use such vectors.
template <size_t kBytes, size_t kStreams, bool kPrefetch>
[[gnu::always_inline]] inline uint64_t readAs(const uint8_t *piece, size_t bytes) {
  using Vector [[gnu::vector_size(kBytes)]] = uint64_t;
  constexpr size_t kLines = kStreams < 8 ? 8 / kStreams : 1; // of a stream at once
  const size_t stride = bytes / kStreams / 512 * 512;
  Vector sums[kSums] = {};
  for (size_t at = 0; at < stride; at += kLines * kLine)
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kStreams * kLines; ++i) {
      const uint8_t *line = piece + i / kLines * stride + at + i % kLines * kLine;
      if constexpr (kPrefetch)
        __builtin_prefetch(line + kAhead);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < kLine / kBytes; ++v)
        sums[(i + v) % kSums] += *reinterpret_cast<const Vector *>(line + v * kBytes);
    }
  for (size_t i = 1; i < kSums; ++i)
    sums[0] += sums[i];
  uint64_t total = 0;
  for (size_t i = 0; i < kBytes / 8; ++i)
    total += sums[0][i];
  return total;
}

template <size_t kStreams, bool kPrefetch>
[[gnu::target("avx512f")]] uint64_t read512(const uint8_t *piece, size_t bytes) {
  return readAs<64, kStreams, kPrefetch>(piece, bytes);
}
template <size_t kStreams, bool kPrefetch>
[[gnu::target("avx2")]] uint64_t read256(const uint8_t *piece, size_t bytes) {
  return readAs<32, kStreams, kPrefetch>(piece, bytes);
}
template <size_t kStreams, bool kPrefetch> uint64_t read128(const uint8_t *piece, size_t bytes) {
  return readAs<16, kStreams, kPrefetch>(piece, bytes);
}

#define LATHE_READ_FORMS(read)                                                                                         \
  std::vector<ReadForm> {                                                                                              \
    {"1 stream", read<1, false>}, {"1 stream, prefetch", read<1, true>}, {"4 streams", read<4, false>},                \
        {"4 streams, prefetch", read<4, true>}, {"8 streams", read<8, false>}, {"8 streams, prefetch", read<8, true>}, \
        {"16 streams", read<16, false>}, {"16 streams, prefetch", read<16, true>},                                     \
  }

} // namespace

const std::vector<ReadForm> &readForms() {
  static const std::vector<ReadForm> forms = __builtin_cpu_supports("avx512f") ? LATHE_READ_FORMS(read512)
                                             : __builtin_cpu_supports("avx2")  ? LATHE_READ_FORMS(read256)
                                                                               : LATHE_READ_FORMS(read128);
  return forms;
}

} // namespace lathe
