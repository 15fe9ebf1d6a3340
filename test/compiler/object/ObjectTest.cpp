//===- ObjectTest.cpp - objects, their needs, their cache --------------------------------------------------------===//
#include "compiler/object/Object.h"
#include "compiler/kernels/Signature.h"
#include "compiler/object/Cache.h"
#include "compiler/object/Load.h"
#include "test/TemporaryFolder.h"
#include "llvm/Support/MemoryBuffer.h"
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;
using testing::HasSubstr;
using testing::Not;

static Scheduled norm(int64_t columns, ActFormat output = ActFormat::Q16) {
  return {NormKernel{.kind = NormKind::RMS, .columns = columns, .eps = 1e-5, .output = output}, {}, "fallback"};
}

static Scheduled attend(const TargetDesc &target) {
  KernelDesc kernel = AttendKernel{9, 3, 64, 0.125, 0, 0, CacheFormat::F16, 32, 256};
  return {kernel, fallbackValues(kernel, target), "fallback"};
}

static Scheduled linear(const TargetDesc &target) {
  KernelDesc kernel = LinearKernel{
      .format = PackedFormat::Q4_1, .input = ActFormat::Q16, .columns = 576, .outputStride = 64, .rows = 6, .panels = 4};
  return {kernel, fallbackValues(kernel, target), "fallback"};
}

static llvm::Expected<std::string> compileOne(const Scheduled &kernel, const TargetDesc &target) {
  const std::vector<Scheduled> schedule = {kernel};
  const Backend &backend = backendFor(target);
  return compileUnit({backend, {}, schedule, target}, backend.units({}, schedule, target).front());
}

static std::string functionOf(const Scheduled &kernel, const TargetDesc &target) {
  return backendFor(target).units({}, {kernel}, target).front().functions.front();
}

static llvm::Expected<std::string> show(const char *form, const Scheduled &kernel, const TargetDesc &target,
                                        const char *stage = "object") {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (llvm::Error failed = printForm({backendFor(target), {}, {kernel}, target}, {stage, form, "#"}, out))
    return failed;
  return text;
}

static llvm::Expected<CompiledCode> compileMany(const std::vector<Scheduled> &kernels, const CompileOptions &options) {
  const TargetDesc target = hostTarget();
  return compileAll({backendFor(target), {}, kernels, target}, options);
}

static std::vector<std::string> codeOf(const CompiledCode &compiled) {
  std::vector<std::string> code;
  for (const CompiledUnit &one : compiled.units)
    code.push_back(one.code);
  return code;
}

class ObjectCache : public testing::Test {
protected:
  test::TemporaryFolder folder;
};

TEST(Object, EveryFormOfEveryTarget) {
  for (const TargetDesc &target : targetsOf(DeviceKind::Cpu)) {
    Scheduled one = attend(target);
    auto text = [&](llvm::Expected<std::string> bytes) {
      EXPECT_TRUE(bool(bytes)) << (bytes ? "" : llvm::toString(bytes.takeError()));
      return bytes ? *bytes : "";
    };
    EXPECT_TRUE(llvm::StringRef(text(compileOne(one, target)))
                    .starts_with("\x7f"
                                 "ELF"));
    EXPECT_THAT(text(show("asm", one, target)), HasSubstr(functionOf(one, target) + ":"));
    EXPECT_THAT(text(show("ll", one, target)), HasSubstr("define"));
    EXPECT_THAT(text(show("stmt", one, target)), HasSubstr("produce"));
  }
}

// The algorithm's loops are there without directives, and vectors only with them.
TEST(Object, LoopNestBeforeAndAfterScheduling) {
  const TargetDesc target = hostTarget();
  auto before = show("nest", attend(target), target, "kernels");
  auto after = show("nest", attend(target), target, "schedule");
  ASSERT_TRUE(before && after);
  EXPECT_THAT(*before, testing::AllOf(HasSubstr("partial_out"), Not(HasSubstr("vectorized"))));
  EXPECT_THAT(*after, testing::AllOf(HasSubstr("partial_out"), HasSubstr("vectorized")));
}

// Instructions of the machine that Halide makes its code for must not slip into code for others.
TEST(Object, OnlyInstructionsOfTheTarget) {
  for (const TargetDesc &target : targetsOf(DeviceKind::Cpu))
    for (const Scheduled &one : {attend(target), norm(576), linear(target)}) {
      auto assembly = show("asm", one, target);
      ASSERT_TRUE(bool(assembly));
      for (const char *foreign : {"extrq", "insertq", "tdpb", "tileload", "vcvtph2psx", "\tmovnts"})
        EXPECT_THAT(*assembly, Not(HasSubstr(foreign))) << target.name;
      if (!target.has(CpuAVX))
        EXPECT_THAT(*assembly, Not(HasSubstr("%ymm")));
      if (!target.has(CpuAVX512))
        EXPECT_THAT(*assembly, Not(HasSubstr("%zmm")));
      else
        EXPECT_THAT(*assembly, HasSubstr("%zmm"));
    }
}

TEST(Object, DotProductsOfFourBytesWhereTheTargetHasThem) {
  for (const TargetDesc &target : targetsOf(DeviceKind::Cpu)) {
    auto assembly = show("asm", linear(target), target);
    ASSERT_TRUE(bool(assembly)) << llvm::toString(assembly.takeError());
    const bool fours = target.features & (CpuAVX512_VNNI | CpuAVX_VNNI);
    EXPECT_EQ(llvm::StringRef(*assembly).contains("vpdpbusd"), fours) << target.name;
    EXPECT_EQ(llvm::StringRef(*assembly).contains("\tsdot\t"), target.has(CpuDOTPROD)) << target.name;
  }
}

TEST(Object, SameBytesEachTimeAndInEachThread) {
  std::vector<Scheduled> kernels;
  for (int64_t columns : {32, 64, 96, 128, 576, 1536})
    kernels.push_back(norm(columns));
  kernels.push_back(attend(hostTarget()));
  CompileOptions one, four;
  one.jobs = 1;
  four.jobs = 4;
  size_t calls = 0;
  four.progress = [&](size_t done, size_t total, const std::string &) {
    EXPECT_EQ(done, ++calls);
    EXPECT_EQ(total, kernels.size());
  };
  auto serial = compileMany(kernels, one), parallel = compileMany(kernels, four);
  ASSERT_TRUE(serial && parallel);
  EXPECT_EQ(calls, kernels.size());
  EXPECT_TRUE(codeOf(*serial) == codeOf(*parallel));
}

TEST(Object, ErrorsNameTheKernel) {
  Scheduled kernel = {AttendKernel{9, 3, 64, 0.125, 0, 0, CacheFormat::F16, 32, 256}, Values(), "fallback"};
  auto object = compileOne(kernel, hostTarget());
  ASSERT_FALSE(bool(object));
  std::string message = llvm::toString(object.takeError());
  EXPECT_THAT(message, HasSubstr(kernel.symbol()));
  EXPECT_THAT(message, HasSubstr("not one of the kernel's"));
}

TEST(Object, TwoSchedulesOfAKernelHaveTwoNames) {
  Scheduled first = norm(64), second = norm(64);
  second.schedule = 1;
  auto assembly = show("asm", second, hostTarget());
  ASSERT_TRUE(bool(assembly));
  EXPECT_EQ(second.symbol(), first.symbol() + "_schedule1");
  EXPECT_THAT(*assembly, HasSubstr(functionOf(second, hostTarget()) + ":"));
}

// A layout that changes where the symbol does not (a panel's, a page's) must not find the old code.
TEST(Object, KeysHoldAllThatDecides) {
  const TargetDesc target = *findTarget("x86-64-v3");
  auto keyOf = [&](const Scheduled &kernel, const TargetDesc &target) {
    const Backend &backend = backendFor(target);
    return KernelCache::key(backend.units({}, {kernel}, target).front(), backend, target);
  };
  const Scheduled kernel = attend(target);
  const std::string key = keyOf(kernel, target);
  EXPECT_THAT(key, HasSubstr(print(signature(kernel.kernel))));
  EXPECT_THAT(key, HasSubstr("\nhalide sources "));
  EXPECT_THAT(key, HasSubstr(" llvm "));
  Scheduled values = kernel, other = kernel;
  values.values = {{"heads", 1}};
  other.schedule = 1;
  for (const std::string &differs :
       {keyOf(values, target), keyOf(other, target), keyOf(kernel, *findTarget("x86-64-v4-vnni"))})
    EXPECT_NE(differs, key);
}

// That they compute is for test/kernels.
TEST(Object, CodeIsLoadedIntoThisProcess) {
  const TargetDesc target = hostTarget();
  Scheduled again = norm(64);
  again.schedule = 1;
  auto code = compileAndLoad({backendFor(target), {}, {norm(64), again, attend(target)}, target}, {});
  ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
  EXPECT_NE(code->function(0), nullptr);
  EXPECT_NE(code->function(0), code->function(1));
  EXPECT_NE(code->function(1), code->function(2));
}

TEST(Object, WhatCannotBeLoadedSaysWhy) {
  CompiledUnit unit{{.name = "norm", .key = "", .kernels = {0}, .functions = {"absent"}}, {}};
  auto messageOf = [&] { return llvm::toString(LoadedCode::load(unit).takeError()); };
  unit.code = "no object";
  EXPECT_THAT(messageOf(), HasSubstr("ld.lld"));
  unit.code = llvm::cantFail(compileOne(norm(64), hostTarget()));
  EXPECT_THAT(messageOf(), HasSubstr("norm does not define its function absent"));
  unit.unit.functions.clear(); // a program's
  EXPECT_THAT(messageOf(), HasSubstr("its device loads it"));
}

TEST_F(ObjectCache, SecondTimeFromTheCache) {
  std::vector<Scheduled> kernels = {norm(64), norm(96)};
  CompileOptions options;
  options.cacheDirectory = folder.file("below/here");
  auto first = compileMany(kernels, options), second = compileMany(kernels, options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->fromCache, 0u);
  EXPECT_EQ(second->fromCache, 2u);
  EXPECT_EQ(first->cacheProblem, "");
  EXPECT_TRUE(codeOf(*first) == codeOf(*second));
}

TEST_F(ObjectCache, DamagedEntriesAreNoEntries) {
  KernelCache cache{folder.path};
  std::string object(1000, 'x'), path = cache.path("key");
  ASSERT_FALSE(bool(cache.add("key", object)));
  ASSERT_EQ(cache.find("key"), object);
  EXPECT_EQ(cache.find("other"), std::nullopt);
  std::string good = (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
  auto damaged = [&](std::string bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return cache.find("key") == std::nullopt;
  };
  for (size_t size : {size_t(0), size_t(7), size_t(31), size_t(34), good.size() - 1})
    EXPECT_TRUE(damaged(good.substr(0, size))) << size;
  for (size_t at :
       {size_t(0), size_t(8), size_t(15), size_t(16), size_t(24), size_t(32), size_t(500), good.size() - 1}) {
    std::string bytes = good;
    bytes[at] ^= 0x40;
    EXPECT_TRUE(damaged(bytes)) << at;
  }
  EXPECT_TRUE(damaged(good + "x"));
  ASSERT_FALSE(bool(cache.add("key", object))); // written anew
  EXPECT_EQ(cache.find("key"), object);
}

TEST_F(ObjectCache, UnwritableCacheIsSaidAndHarmless) {
  std::ofstream(folder.file("file")) << "in the way";
  CompileOptions options;
  options.cacheDirectory = folder.file("file/cache");
  std::vector<Scheduled> kernels = {norm(64)};
  auto result = compileMany(kernels, options);
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(result->cacheProblem, HasSubstr("LATHE_CACHE_DIR"));
  EXPECT_FALSE(result->units[0].code.empty());
}
