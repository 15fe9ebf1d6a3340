//===- Adapt.cpp - a module made for one machine, for another ---------------------------------------------------===//
#include "compiler/backend/llvm/Adapt.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/Analysis/VectorUtils.h"

using namespace lathe;
using llvm::Error;
using llvm::Function;
using llvm::Intrinsic::ID;

namespace {

/// Intrinsics of machines by how their names begin, the first that fits, and the features that they need. AVX-512's are
/// listed one by one, for its names don't say which part of it they are of. One that isn't here is an error.
struct Needs {
  llvm::StringRef prefix;
  uint32_t features;
};
constexpr uint32_t kOther = ~0u; // a feature that no target has
constexpr Needs kNeeds[] = {
    {"llvm.x86.sse4a.", CpuSSE4A},
    {"llvm.x86.sse", CpuSSE4_2},
    {"llvm.x86.ssse3.", CpuSSE4_2},
    {"llvm.x86.avx.", CpuAVX},
    {"llvm.x86.avx2.", CpuAVX2},
    {"llvm.x86.fma.", CpuFMA},
    {"llvm.x86.vcvtph2ps.", CpuF16C},
    {"llvm.x86.vcvtps2ph.", CpuF16C},
    {"llvm.x86.avx512.vpdpbusd.512", CpuAVX512_VNNI},
    {"llvm.x86.avx512.vpdpwssd.512", CpuAVX512_VNNI},
    {"llvm.x86.avx512.pmaddw.d.512", CpuAVX512},
    {"llvm.x86.avx512.pmaddubs.w.512", CpuAVX512},
    {"llvm.x86.avx512.pmulh.w.512", CpuAVX512},
    {"llvm.x86.avx512.pmulhu.w.512", CpuAVX512},
    {"llvm.x86.avx512.pmul.hr.sw.512", CpuAVX512},
    {"llvm.x86.avx512bf16.", CpuAVX512_BF16},
    {"llvm.aarch64.neon.sdot.", CpuDOTPROD},
    {"llvm.aarch64.neon.udot.", CpuDOTPROD},
    {"llvm.aarch64.neon.usdot.", kOther}, // i8mm
    {"llvm.aarch64.neon.smmla.", kOther},
    {"llvm.aarch64.neon.ummla.", kOther},
    {"llvm.aarch64.neon.usmmla.", kOther},
    {"llvm.aarch64.neon.bf", kOther},     // bf16
    {"llvm.aarch64.neon.fml", kOther},    // fp16fml
    {"llvm.aarch64.neon.sqrdml", kOther}, // rdm
    {"llvm.aarch64.neon.vc", kOther},     // complxnum
    {"llvm.aarch64.neon.", CpuASIMD},
};

/// Of vectors of up to 256 bits, where either of two will do.
constexpr llvm::StringRef kNarrowDots[] = {"llvm.x86.avx512.vpdpbusd.", "llvm.x86.avx512.vpdpwssd."};

bool has(const TargetDesc &target, llvm::StringRef intrinsic) {
  auto begins = [&](llvm::StringRef prefix) { return intrinsic.starts_with(prefix); };
  if (llvm::any_of(kNarrowDots, begins) && !intrinsic.ends_with(".512"))
    return target.has(CpuAVX512_VNNI) || target.has(CpuAVX_VNNI);
  const Needs *found = llvm::find_if(kNeeds, [&](const Needs &needs) { return begins(needs.prefix); });
  return found != std::end(kNeeds) && target.has(found->features);
}

/// Intrinsics of 512 bits that work lane by lane, and what does half of one.
struct Halved {
  ID whole, half;
};
constexpr Halved kHalved[] = {
    {llvm::Intrinsic::x86_avx512_vpdpbusd_512, llvm::Intrinsic::x86_avx512_vpdpbusd_256},
    {llvm::Intrinsic::x86_avx512_vpdpwssd_512, llvm::Intrinsic::x86_avx512_vpdpwssd_256},
    {llvm::Intrinsic::x86_avx512_pmaddw_d_512, llvm::Intrinsic::x86_avx2_pmadd_wd},
    {llvm::Intrinsic::x86_avx512_pmaddubs_w_512, llvm::Intrinsic::x86_avx2_pmadd_ub_sw},
};

/// The lanes of `vector` from the first or from the middle on.
llvm::Value *halfOf(llvm::IRBuilder<> &builder, llvm::Value *vector, bool upper) {
  const int lanes = llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements() / 2;
  return builder.CreateShuffleVector(vector, llvm::createSequentialMask(upper ? lanes : 0, lanes, 0));
}

/// Replaces all calls of `wide`, and removes it.
void halve(Function &wide, ID half) {
  for (llvm::User *user : llvm::make_early_inc_range(wide.users())) {
    auto *call = llvm::cast<llvm::CallInst>(user);
    llvm::IRBuilder<> builder(call);
    llvm::Value *halves[2];
    for (bool upper : {false, true}) {
      llvm::SmallVector<llvm::Value *> arguments;
      for (llvm::Value *argument : call->args())
        arguments.push_back(halfOf(builder, argument, upper));
      halves[upper] = builder.CreateIntrinsic(half, arguments);
    }
    const int lanes = llvm::cast<llvm::FixedVectorType>(call->getType())->getNumElements();
    call->replaceAllUsesWith(
        builder.CreateShuffleVector(halves[0], halves[1], llvm::createSequentialMask(0, lanes, 0)));
    call->eraseFromParent();
  }
  wide.eraseFromParent();
}

} // namespace

Error lathe::adapt(llvm::Module &module, const TargetDesc &target) {
  if (target.lanes < 16)
    for (const Halved &halved : kHalved)
      if (Function *wide = module.getFunction(llvm::Intrinsic::getName(halved.whole)))
        halve(*wide, halved.half);
  for (Function &function : module) {
    const llvm::StringRef name = function.getName();
    const bool ofAMachine = name.starts_with("llvm.x86.") || name.starts_with("llvm.aarch64.");
    if (function.isIntrinsic() && !function.use_empty() && ofAMachine && !has(target, name))
      return llvm::createStringError("Halide's code needs " + name + ", which the target has not");
    // Of the processor only how fast its instructions are; which there are, features say.
    function.addFnAttr("target-cpu", baseCpu(target.triple));
    function.addFnAttr("tune-cpu", target.tune);
    function.addFnAttr("target-features", llvmFeatures(target));
    // Vectors wider than this become several, also where the machine has registers for them.
    function.addFnAttr("min-legal-vector-width", std::to_string(32 * target.lanes));
    function.addFnAttr("prefer-vector-width", std::to_string(32 * target.lanes));
  }
  return Error::success();
}
