#include "runtime/device/cuda/LimitForms.h"

namespace lathe::cuda {
namespace {

std::string number(unsigned i) { return std::to_string(i); }

/// Registers name0, name1, …, so many from the first on, between commas.
std::string registers(const char *name, unsigned first, unsigned count) {
  std::string list;
  for (unsigned i = first; i < first + count; ++i)
    list += (list.empty() ? "%" : ", %") + (name + number(i));
  return "{" + list + "}";
}

/// What all kernels begin with: %thread, %threads (of the grid), the parameters.
/// `resident`: blocks that a multiprocessor must have room for.
std::string begin(const std::string &entry, unsigned threads, unsigned resident, const std::string &declared) {
  return ".visible .entry " + entry +
         "(.param .u64 data, .param .u32 iterations, .param .u32 passes, .param .u64 out)\n.maxntid " + number(threads) +
         ", 1, 1\n.minnctapersm " + number(resident) + "\n{\n"
         ".reg .pred %more, %write;\n.reg .b32 %block, %size, %lane, %grid, %thread, %threads, %left, %count, %turns, "
         "%seed;\n.reg .b64 %from, %at, %stride, %offset, %into;\n" +
         declared +
         "ld.param.u64 %from, [data];\nld.param.u32 %count, [iterations];\nld.param.u32 %turns, [passes];\n"
         "ld.param.u64 %into, [out];\nmov.u32 %block, %ctaid.x;\nmov.u32 %size, %ntid.x;\nmov.u32 %lane, %tid.x;\n"
         "mov.u32 %grid, %nctaid.x;\nmad.lo.u32 %thread, %block, %size, %lane;\nmul.lo.u32 %threads, %grid, %size;\n";
}

/// `body` so often as the parameters say; then `last`, which leaves a number in %seed.
std::string loop(const std::string &prepare, const std::string &body, const std::string &last) {
  return "PASS:\n" + prepare + "mov.u32 %left, %count;\nLOOP:\n" + body +
         "sub.u32 %left, %left, 1;\nsetp.ne.u32 %more, %left, 0;\n@%more bra LOOP;\n"
         "sub.u32 %turns, %turns, 1;\nsetp.ne.u32 %more, %turns, 0;\n@%more bra PASS;\n" +
         last +
         // Nobody knows that it never is this number.
         "setp.eq.u32 %write, %seed, 0x9e3779b9;\n@%write st.global.u32 [%into], %seed;\nret;\n}\n";
}

/// Each thread has `loads` loads of 16 bytes under way; in an iteration all threads read one stretch after another.
std::string reading(unsigned loads, unsigned blocks) {
  std::string body;
  for (unsigned i = 0; i < loads; ++i)
    body += "ld.global.nc.L1::no_allocate.v4.u32 " + registers("v", 4 * i, 4) + ", [%at];\n" +
            "add.u64 %at, %at, %stride;\n";
  for (unsigned i = 0; i < 4 * loads; ++i)
    body += "xor.b32 %s" + number(i % 4) + ", %s" + number(i % 4) + ", %v" + number(i) + ";\n";
  return begin("read" + number(loads), 256, blocks, ".reg .b32 %v<" + number(4 * loads) + ">, %s<4>;\n") +
         "mul.wide.u32 %offset, %thread, 16;\nadd.u64 %from, %from, %offset;\nmul.wide.u32 %stride, %threads, 16;\n"
         "mov.b32 %s0, 0;\nmov.b32 %s1, 0;\nmov.b32 %s2, 0;\nmov.b32 %s3, 0;\n" +
         loop("mov.b64 %at, %from;\n", body,
              "xor.b32 %s0, %s0, %s1;\nxor.b32 %s2, %s2, %s3;\nxor.b32 %seed, %s0, %s2;\n");
}

constexpr unsigned kSums = 16; ///< independent ones, which cover an instruction's latency
constexpr unsigned kTimes = 4; ///< that each is added to in an iteration

std::string f32() {
  std::string first, body, last = "mov.b32 %seed, 0;\n";
  for (unsigned i = 0; i < kSums; ++i) {
    first += "add.u32 %seed, %thread, " + number(i) + ";\ncvt.rn.f32.u32 %f" + number(i) + ", %seed;\n";
    last += "mov.b32 %lane, %f" + number(i) + ";\nxor.b32 %seed, %seed, %lane;\n";
  }
  for (unsigned i = 0; i < kSums * kTimes; ++i)
    body += "fma.rn.f32 %f" + number(i % kSums) + ", %f" + number(i % kSums) + ", %a, %b;\n";
  return begin("f32", 128, 8, ".reg .f32 %f<" + number(kSums) + ">, %a, %b;\n") +
         "mov.f32 %a, 0f3F7FF000;\nmov.f32 %b, 0f3A83126F;\n" + first + loop("", body, last); // 0.99976, 0.001
}

constexpr unsigned kTiles = 8; ///< independent sums of a warp

/// Products by mma.sync on registers whose bits differ from lane to lane: `fixed` bits of their words are set, `random` ones
/// are the thread's.
std::string products(const char *entry, const char *instruction, const char *fixed, const char *random) {
  std::string first, body, last = "mov.b32 %seed, 0;\n";
  for (unsigned i = 0; i < 6; ++i) // four words of A, two of B
    first += "add.u32 %seed, %thread, " + number(i * 7919) + ";\nmul.lo.u32 %seed, %seed, 0x9e3779b1;\n" +
             "and.b32 %seed, %seed, " + random + ";\nor.b32 %o" + number(i) + ", %seed, " + fixed + ";\n";
  for (unsigned i = 0; i < 4 * kTiles; ++i) {
    first += "mov.b32 %d" + number(i) + ", 0;\n";
    last += "xor.b32 %seed, %seed, %d" + number(i) + ";\n";
  }
  for (unsigned i = 0; i < 2 * kTiles; ++i) {
    const std::string sums = registers("d", i % kTiles * 4, 4);
    body += std::string(instruction) + " " + sums + ", " + registers("o", 0, 4) + ", " + registers("o", 4, 2) + ", " +
            sums + ";\n";
  }
  return begin(entry, 128, 8, ".reg .b32 %d<" + number(4 * kTiles) + ">, %o<6>;\n") + first + loop("", body, last);
}

} // namespace

const std::vector<LimitForm> &limitForms() {
  static const std::vector<LimitForm> forms = [] {
    std::vector<LimitForm> all;
    for (const auto &[loads, blocks] : {std::pair(4u, 8u), {8u, 4u}, {8u, 8u}, {16u, 4u}})
      all.push_back({Roof::Kind::Read,
                     number(loads) + " loads of 16 bytes a thread, " + number(blocks) + " blocks of 256",
                     "read" + number(loads), 256, blocks, 16.0 * loads});
    for (unsigned blocks : {2u, 4u, 8u}) {
      const std::string warps = ", " + number(blocks * 4) + " warps";
      all.push_back({Roof::Kind::F32, "fma.rn.f32" + warps, "f32", 128, blocks, 2.0 * kSums * kTimes});
      all.push_back({Roof::Kind::Half, "mma.sync m16n8k16 bf16" + warps, "half", 128, blocks,
                     2.0 * 16 * 8 * 16 * 2 * kTiles / 32});
      all.push_back({Roof::Kind::Dot4, "mma.sync m16n8k32 s8" + warps, "bytes", 128, blocks,
                     2.0 * 16 * 8 * 32 * 2 * kTiles / 32});
    }
    return all;
  }();
  return forms;
}

const std::string &limitKernels() {
  static const std::string text =
      ".version 7.4\n.target sm_80\n.address_size 64\n" + reading(4, 8) + reading(8, 8) + reading(16, 4) + f32() +
      // bf16 of either sign between 1 and 2
      products("half", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", "0x3f803f80", "0x807f807f") +
      products("bytes", "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", "0", "0xffffffff");
  return text;
}

} // namespace lathe::cuda
