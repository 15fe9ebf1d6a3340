#include "compiler/target/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include <gmock/gmock.h>

namespace lathe {
namespace {

// LLVM only warns of a name that it does not know, and makes code without it.
TEST(Target, LlvmKnowsAllNames) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64TargetMC();
  for (const TargetDesc &target : targets()) {
    if (target.device != DeviceKind::Cpu)
      continue;
    std::string problem;
    const llvm::Triple triple(target.triple);
    const llvm::Target *known = llvm::TargetRegistry::lookupTarget(triple, problem);
    ASSERT_NE(known, nullptr) << problem;
    std::unique_ptr<llvm::MCSubtargetInfo> info(known->createMCSubtargetInfo(triple, baseCpu(target.triple), ""));
    EXPECT_TRUE(info->isCPUStringValid(target.tune)) << target.name << ": " << target.tune;
    const std::string features = llvmFeatures(target);
    for (llvm::StringRef feature : llvm::split(features, ','))
      EXPECT_TRUE(llvm::any_of(info->getAllProcessorFeatures(),
                               [&](const auto &one) { return feature.drop_front() == one.Key; }))
          << target.name << ": " << feature.str();
  }
}

TEST(Target, FeaturesAsLlvmWritesThem) {
  EXPECT_EQ(llvmFeatures(*findTarget("x86-64-v3")), "+sse4.2,+avx,+avx2,+fma,+f16c");
  EXPECT_THAT(llvmFeatures(*findTarget("cascadelake")),
              testing::AllOf(testing::HasSubstr("+avx512vl,+avx512vnni"), testing::Not(testing::HasSubstr("bf16"))));
}

TEST(Target, TheHostRunsItsOwn) {
  EXPECT_EQ(findTarget("host")->name, hostTarget().name);
  EXPECT_EQ(hostFeatures() & hostTarget().features, hostTarget().features);
}

} // namespace
} // namespace lathe
