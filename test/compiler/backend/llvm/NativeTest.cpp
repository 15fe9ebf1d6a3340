#include "compiler/backend/llvm/Native.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include <gmock/gmock.h>

using testing::HasSubstr;
using testing::Not;

namespace lathe {
namespace {

/// What Halide writes for its Zen 4: one call of an x86 intrinsic, T (T, A, A) or T (A).
std::string bitcode(const std::string &intrinsic, const std::string &type, const std::string &arguments) {
  const std::string layout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128";
  std::string parameters, values;
  int count = 0;
  for (llvm::StringRef one : llvm::split(arguments, ';')) {
    const std::string name = "%v" + std::to_string(count++), comma = count == 1 ? "" : ", ";
    parameters += comma + "ptr " + name;
    values += comma + one.str() + " %l" + std::to_string(count - 1);
  }
  std::string text = "target datalayout = \"" + layout + "\"\ntarget triple = \"x86_64--linux-gnu\"\ndefine void @f(" +
                     parameters + ") #0 {\n";
  count = 0;
  for (llvm::StringRef one : llvm::split(arguments, ';'))
    text += "%l" + std::to_string(count) + " = load " + one.str() + ", ptr %v" + std::to_string(count) + "\n", ++count;
  text += "%r = call " + type + " @" + intrinsic + "(" + values + ")\nstore " + type +
          " %r, ptr %v0\nret void\n}\ndeclare " + type + " @" + intrinsic + "(" +
          llvm::join(llvm::split(arguments, ';'), ", ") +
          ")\nattributes #0 = { \"target-cpu\"=\"znver4\" \"target-features\"=\"+avx512vnni,+sse4a\" }\n";
  llvm::LLVMContext context;
  llvm::SMDiagnostic problem;
  auto module = llvm::parseAssemblyString(text, problem, context);
  EXPECT_TRUE(module) << problem.getMessage().str() << "\n" << text;
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(*module, stream);
  return bytes;
}

std::string dot() {
  return bitcode("llvm.x86.avx512.vpdpbusd.512", "<16 x i32>", "<16 x i32>;<64 x i8>;<64 x i8>");
}

std::string made(const std::string &bitcode, const char *target, NativeForm form) {
  Emitted emitted = compileBitcode(bitcode, *findTarget(target), form);
  return emitted.error.empty() ? emitted.bytes : "error: " + emitted.error;
}

TEST(Native, DotProductsAreOfTheTargetsWidth) {
  for (const char *target : {"cascadelake", "icelake-server", "sapphirerapids", "x86-64-v4-vnni"})
    EXPECT_THAT(made(dot(), target, NativeForm::Assembly),
                testing::ContainsRegex("vpdpbusd\t[^\n]*%zmm[0-9]+, %zmm[0-9]+\n"))
        << target;
  const std::string narrow = made(dot(), "alderlake", NativeForm::Assembly);
  EXPECT_THAT(narrow, testing::ContainsRegex("\\{vex\\}.vpdpbusd\t[^\n]*%ymm[0-9]+, %ymm[0-9]+\n"));
  EXPECT_THAT(narrow, Not(HasSubstr("zmm")));
}

// The same sums in the same lanes.
TEST(Native, HalvesAreJoinedInOrder) {
  const std::string ir = made(dot(), "alderlake", NativeForm::IR);
  EXPECT_THAT(ir, HasSubstr("shufflevector <64 x i8> %l1, <64 x i8> poison, <32 x i32> <i32 32, i32 33"));
  EXPECT_THAT(ir, testing::ContainsRegex("shufflevector <8 x i32> [^,]*, <8 x i32> [^,]*, <16 x i32> <i32 0, i32 1"));
  EXPECT_THAT(ir, Not(HasSubstr("vpdpbusd.512")));
}

TEST(Native, AttributesAreTheTargets) {
  const std::string ir = made(dot(), "icelake-server", NativeForm::IR);
  EXPECT_THAT(ir, testing::AllOf(HasSubstr("\"target-cpu\"=\"x86-64\""), HasSubstr("\"tune-cpu\"=\"icelake-server\""),
                                 HasSubstr(llvmFeatures(*findTarget("icelake-server")))));
  EXPECT_THAT(ir, testing::AllOf(Not(HasSubstr("znver4")), Not(HasSubstr("sse4a"))));
}

// LLVM would end the process: "Cannot select".
TEST(Native, AnInstructionThatTheTargetHasNotIsAnError) {
  const std::string brain = bitcode("llvm.x86.avx512bf16.cvtneps2bf16.512", "<16 x bfloat>", "<16 x float>");
  EXPECT_THAT(made(brain, "sapphirerapids", NativeForm::Object), HasSubstr("ELF"));
  EXPECT_EQ(made(brain, "cascadelake", NativeForm::Object),
            "error: Halide's code needs llvm.x86.avx512bf16.cvtneps2bf16.512, which the target has not");
  EXPECT_THAT(made(dot(), "x86-64-v3", NativeForm::Object), HasSubstr("needs llvm.x86.avx512.vpdpbusd.256"));
  const std::string unknown = bitcode("llvm.x86.avx512.permvar.qi.512", "<64 x i8>", "<64 x i8>;<64 x i8>");
  EXPECT_THAT(made(unknown, "sapphirerapids", NativeForm::Object), HasSubstr("needs llvm.x86.avx512.permvar.qi.512"));
}

TEST(Native, SameBytesEachTime) {
  EXPECT_EQ(made(dot(), "alderlake", NativeForm::Object), made(dot(), "alderlake", NativeForm::Object));
}

TEST(Native, WhatIsNoBitcodeIsAnError) {
  EXPECT_THAT(made("no bitcode", "x86-64-v3", NativeForm::Object), HasSubstr("error: "));
  EXPECT_THAT(made(dot().substr(0, 200), "x86-64-v3", NativeForm::Object), HasSubstr("error: "));
}

} // namespace
} // namespace lathe
