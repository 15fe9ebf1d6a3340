#include "runtime/device/cpu/Limits.h"
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <immintrin.h>
#include <memory>
#include <thread>
#include <vector>

namespace lathe {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Runs `body(thread)` on all threads at once; seconds until the last has ended.
double timeThreads(unsigned threads, const std::function<void(unsigned)> &body) {
  double start = now();
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads; ++t)
    others.emplace_back(body, t);
  body(0);
  for (std::thread &other : others)
    other.join();
  return now() - start;
}

/// Operations a second of `loop(iterations)`, which does `perIteration` of them: the best of three short runs.
double rate(unsigned threads, void (*loop)(int64_t), double perIteration) {
  const int64_t iterations = 4'000'000;
  double best = 0;
  for (int run = 0; run < 3; ++run)
    best = std::max(best, double(threads) * iterations * perIteration /
                              timeThreads(threads, [&](unsigned) { loop(iterations); }));
  return best;
}

// Assembly, because the question is what the units can take: ten independent accumulators cover the latency of two
// units, and no compiler may fold the loop away. Callers check that the CPU has the instructions.
#define LATHE_TEN(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9)
#define LATHE_ZERO_ALL                                                                                                 \
  asm volatile("vzeroall" ::: LATHE_TEN_CLOBBERED, "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15") // no denormals
#define LATHE_TEN_CLOBBERED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9"

#define LATHE_FMA256(r) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #r "\n"
void fma256(int64_t n) {
  LATHE_ZERO_ALL;
  for (int64_t i = 0; i < n; ++i)
    asm volatile(LATHE_TEN(LATHE_FMA256)::: LATHE_TEN_CLOBBERED);
}
#define LATHE_FMA512(r) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #r "\n"
void fma512(int64_t n) {
  LATHE_ZERO_ALL;
  for (int64_t i = 0; i < n; ++i)
    asm volatile(LATHE_TEN(LATHE_FMA512)::: LATHE_TEN_CLOBBERED);
}
#define LATHE_MUL128(r) "mulps %%xmm14, %%xmm" #r "\n addps %%xmm15, %%xmm" #r "\n"
void mul128(int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    asm volatile(LATHE_TEN(LATHE_MUL128)::: LATHE_TEN_CLOBBERED);
}
#define LATHE_VNNI(r) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #r "\n"
void dot512(int64_t n) {
  LATHE_ZERO_ALL;
  for (int64_t i = 0; i < n; ++i)
    asm volatile(LATHE_TEN(LATHE_VNNI)::: LATHE_TEN_CLOBBERED);
}
#define LATHE_MADD(t, r)                                                                                               \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #t "\n vpmaddwd %%ymm" #t ", %%ymm13, %%ymm" #t "\n vpaddd %%ymm" #t            \
  ", %%ymm" #r ", %%ymm" #r "\n"
void dot256(int64_t n) {
  LATHE_ZERO_ALL;
  for (int64_t i = 0; i < n; ++i)
    asm volatile(LATHE_MADD(0, 6) LATHE_MADD(1, 7) LATHE_MADD(2, 8) LATHE_MADD(3, 9)::: LATHE_TEN_CLOBBERED);
}

/// Sums `words`, read in eight streams as the kernels read weights.
uint64_t sumStreams(const uint64_t *words, size_t count) {
  constexpr size_t kStreams = 8, kLine = 8;
  size_t stride = count / kStreams;
  uint64_t sums[kLine] = {};
  for (size_t at = 0; at + kLine <= stride; at += kLine)
    for (size_t stream = 0; stream < kStreams; ++stream)
      for (size_t i = 0; i < kLine; ++i)
        sums[i] += words[stream * stride + at + i];
  uint64_t total = 0;
  for (uint64_t sum : sums)
    total += sum;
  return total;
}

double readRate(unsigned threads) {
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };
  // Far beyond every cache, but smaller where memory is short.
  for (size_t bytes = size_t(512) << 20; bytes >= size_t(64) << 20; bytes /= 2) {
    std::unique_ptr<void, Free> memory(std::aligned_alloc(4096, bytes));
    if (!memory)
      continue;
    auto *words = static_cast<uint64_t *>(memory.get());
    size_t perThread = bytes / sizeof(uint64_t) / threads / 64 * 64;
    std::vector<uint64_t> sums(threads);
    timeThreads(threads,
                [&](unsigned t) { std::fill_n(words + t * perThread, perThread, t); }); // touch where it is read
    double best = 0;
    for (int run = 0; run < 4; ++run)
      best = std::max(best, double(perThread) * threads * sizeof(uint64_t) / timeThreads(threads, [&](unsigned t) {
                              sums[t] += sumStreams(words + t * perThread, perThread);
                            }));
    volatile uint64_t keep = sums[0];
    (void)keep;
    return best;
  }
  return 0;
}

std::string cpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0)
      return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

} // namespace

MachineLimits measureMachine(unsigned threads) {
  MachineLimits limits;
  limits.cpu = cpuName();
  limits.threads = threads;
  limits.readBytesPerSecond = readRate(threads);
  if (__builtin_cpu_supports("avx512f")) {
    limits.f32OperationsPerSecond = rate(threads, fma512, 10 * 16 * 2);
    limits.f32Form = "AVX-512 FMA";
  } else if (__builtin_cpu_supports("fma")) {
    limits.f32OperationsPerSecond = rate(threads, fma256, 10 * 8 * 2);
    limits.f32Form = "AVX2 FMA";
  } else {
    limits.f32OperationsPerSecond = rate(threads, mul128, 10 * 4 * 2);
    limits.f32Form = "SSE multiply, add";
  }
  if (__builtin_cpu_supports("avx512vnni")) {
    limits.dot4OperationsPerSecond = rate(threads, dot512, 10 * 64 * 2);
    limits.dot4Form = "AVX-512 vpdpbusd";
  } else if (__builtin_cpu_supports("avx2")) {
    limits.dot4OperationsPerSecond = rate(threads, dot256, 4 * 32 * 2);
    limits.dot4Form = "AVX2 vpmaddubsw, vpmaddwd";
  }
  return limits;
}

} // namespace lathe
