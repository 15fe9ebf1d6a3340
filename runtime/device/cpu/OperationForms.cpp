#include "runtime/device/cpu/OperationForms.h"

namespace lathe {
namespace {

// Assembly, because the question is what the units can take: ten independent accumulators cover the latency of two
// units, and no compiler may fold the loop away. What is not asked of the processor first is not run.
#define LATHE_TEN(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9)
#define LATHE_TEN_CLOBBERED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9"
#define LATHE_ZERO_ALL                                                                                                 \
  asm volatile("vzeroall" ::: LATHE_TEN_CLOBBERED, "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15") // no denormals
#define LATHE_LOOP(name, prepare, instructions)                                                                        \
  void name(int64_t n) {                                                                                               \
    prepare;                                                                                                           \
    for (int64_t i = 0; i < n; ++i)                                                                                    \
      asm volatile(instructions::: LATHE_TEN_CLOBBERED);                                                               \
  }

#define LATHE_FMA512(r) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #r "\n"
#define LATHE_FMA256(r) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #r "\n"
#define LATHE_MUL128(r) "mulps %%xmm14, %%xmm" #r "\n addps %%xmm15, %%xmm" #r "\n"
LATHE_LOOP(fma512, LATHE_ZERO_ALL, LATHE_TEN(LATHE_FMA512))
LATHE_LOOP(fma256, LATHE_ZERO_ALL, LATHE_TEN(LATHE_FMA256))
LATHE_LOOP(mul128, , LATHE_TEN(LATHE_MUL128))

#define LATHE_DOT512(r) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #r "\n"
#define LATHE_DOT256(r) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #r "\n"
LATHE_LOOP(dot512, LATHE_ZERO_ALL, LATHE_TEN(LATHE_DOT512))
LATHE_LOOP(dot256, LATHE_ZERO_ALL, LATHE_TEN(LATHE_DOT256))

// Codes below 16: eight vectors of products in pairs are added as i16 before one multiplication takes them to i32.
#define LATHE_PAIR256(t, r) "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #t "\n vpaddsw %%ymm" #t ", %%ymm" #r ", %%ymm" #r "\n"
#define LATHE_WIDEN256(t, r) "vpmaddwd %%ymm" #r ", %%ymm15, %%ymm" #t "\n vpaddd %%ymm" #t ", %%ymm9, %%ymm9\n"
#define LATHE_PAIR128(t, r)                                                                                            \
  "movdqa %%xmm14, %%xmm" #t "\n pmaddubsw %%xmm15, %%xmm" #t "\n paddsw %%xmm" #t ", %%xmm" #r "\n"
#define LATHE_WIDEN128(t, r)                                                                                           \
  "movdqa %%xmm15, %%xmm" #t "\n pmaddwd %%xmm" #r ", %%xmm" #t "\n paddd %%xmm" #t ", %%xmm9\n"
#define LATHE_FOUR(F) F(0, 4) F(1, 5) F(2, 6) F(3, 7)
#define LATHE_SIXTEEN(F) LATHE_FOUR(F) LATHE_FOUR(F) LATHE_FOUR(F) LATHE_FOUR(F)
LATHE_LOOP(pairs256, LATHE_ZERO_ALL,
           LATHE_SIXTEEN(LATHE_PAIR256) LATHE_SIXTEEN(LATHE_PAIR256) LATHE_FOUR(LATHE_WIDEN256))
LATHE_LOOP(pairs128, , LATHE_SIXTEEN(LATHE_PAIR128) LATHE_SIXTEEN(LATHE_PAIR128) LATHE_FOUR(LATHE_WIDEN128))

} // namespace

const std::vector<OperationForm> &f32Forms() {
  static const std::vector<OperationForm> forms = [] {
    std::vector<OperationForm> some;
    if (__builtin_cpu_supports("avx512f"))
      some.push_back({"AVX-512 FMA", fma512, 10 * 16 * 2});
    if (__builtin_cpu_supports("fma"))
      some.push_back({"AVX2 FMA", fma256, 10 * 8 * 2});
    if (some.empty())
      some.push_back({"SSE multiply, add", mul128, 10 * 4 * 2});
    return some;
  }();
  return forms;
}

const std::vector<OperationForm> &dot4Forms() {
  static const std::vector<OperationForm> forms = [] {
    std::vector<OperationForm> some;
    if (__builtin_cpu_supports("avx512vnni"))
      some.push_back({"AVX-512 vpdpbusd", dot512, 10 * 64 * 2});
    if (__builtin_cpu_supports("avxvnni"))
      some.push_back({"AVX-VNNI vpdpbusd", dot256, 10 * 32 * 2});
    if (__builtin_cpu_supports("avx2"))
      some.push_back({"AVX2 vpmaddubsw, vpmaddwd", pairs256, 32 * 32 * 2});
    else if (__builtin_cpu_supports("ssse3"))
      some.push_back({"SSSE3 pmaddubsw, pmaddwd", pairs128, 32 * 16 * 2});
    return some;
  }();
  return forms;
}

} // namespace lathe
