//===- ObjectTest.cpp - objects, their needs, their cache --------------------------------------------------------===//
#include "compiler/object/Object.h"
#include "compiler/kernels/Signature.h"
#include "compiler/object/Cache.h"
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

class ObjectCache : public testing::Test {
protected:
  test::TemporaryFolder folder;
};

TEST(Object, EveryFormOfEveryTarget) {
  for (const TargetDesc &target : targets()) {
    Scheduled one = attend(target);
    auto text = [&](ObjectForm form) {
      auto bytes = compileKernel(one, target, form);
      EXPECT_TRUE(bool(bytes)) << (bytes ? "" : llvm::toString(bytes.takeError()));
      return bytes ? *bytes : "";
    };
    EXPECT_TRUE(llvm::StringRef(text(ObjectForm::Object))
                    .starts_with("\x7f"
                                 "ELF"));
    EXPECT_THAT(text(ObjectForm::Assembly), HasSubstr(one.symbol() + "_argv:"));
    EXPECT_THAT(text(ObjectForm::LLVM), HasSubstr("define"));
    EXPECT_THAT(text(ObjectForm::Stmt), HasSubstr("produce"));
  }
}

// Zen 4's and Sapphire Rapids' own instructions must not slip into code for every AVX-512 VNNI machine.
TEST(Object, OnlyInstructionsOfTheTarget) {
  for (const TargetDesc &target : targets())
    for (const Scheduled &one : {attend(target), norm(576)}) {
      auto assembly = compileKernel(one, target, ObjectForm::Assembly);
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

TEST(Object, SameBytesEachTimeAndInEachThread) {
  TargetDesc target = hostTarget();
  std::vector<Scheduled> kernels;
  for (int64_t columns : {32, 64, 96, 128, 576, 1536})
    kernels.push_back(norm(columns));
  kernels.push_back(attend(target));
  CompileOptions one, four;
  one.jobs = 1;
  four.jobs = 4;
  size_t calls = 0;
  four.progress = [&](size_t done, size_t total, const std::string &) {
    EXPECT_EQ(done, ++calls);
    EXPECT_EQ(total, kernels.size());
  };
  auto serial = compileAll(kernels, target, one), parallel = compileAll(kernels, target, four);
  ASSERT_TRUE(serial && parallel);
  EXPECT_EQ(calls, kernels.size());
  EXPECT_TRUE(serial->objects == parallel->objects);
}

TEST(Object, ErrorsNameTheKernel) {
  Scheduled kernel = {AttendKernel{9, 3, 64, 0.125, 0, 0, CacheFormat::F16, 32, 256}, Values(), "fallback"};
  auto object = compileKernel(kernel, hostTarget(), ObjectForm::Object);
  ASSERT_FALSE(bool(object));
  std::string message = llvm::toString(object.takeError());
  EXPECT_THAT(message, HasSubstr(kernel.symbol()));
  EXPECT_THAT(message, HasSubstr("'heads'"));
}

TEST(Object, TwoSchedulesOfAKernelHaveTwoNames) {
  Scheduled first = norm(64), second = norm(64);
  second.schedule = 1;
  auto assembly = compileKernel(second, hostTarget(), ObjectForm::Assembly);
  ASSERT_TRUE(bool(assembly));
  EXPECT_EQ(second.symbol(), first.symbol() + "_schedule1");
  EXPECT_THAT(*assembly, HasSubstr(second.symbol() + "_argv:"));
}

// A layout that changes where the symbol does not (a panel's, a page's) must not find the old code.
TEST(Object, KeysHoldAllThatDecides) {
  const TargetDesc target = *findTarget("x86-64-v3");
  const Scheduled kernel = attend(target);
  const std::string key = KernelCache::key(kernel, target);
  EXPECT_THAT(key, HasSubstr(print(signature(kernel.kernel))));
  EXPECT_THAT(key, HasSubstr("\nsources "));
  Scheduled values = kernel, other = kernel;
  values.values = {{"heads", 1}};
  other.schedule = 1;
  for (const std::string &differs : {KernelCache::key(values, target), KernelCache::key(other, target),
                                     KernelCache::key(kernel, *findTarget("x86-64-v4"))})
    EXPECT_NE(differs, key);
}

TEST_F(ObjectCache, SecondTimeFromTheCache) {
  std::vector<Scheduled> kernels = {norm(64), norm(96)};
  CompileOptions options;
  options.cacheDirectory = folder.file("below/here");
  auto first = compileAll(kernels, hostTarget(), options), second = compileAll(kernels, hostTarget(), options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->fromCache, 0u);
  EXPECT_EQ(second->fromCache, 2u);
  EXPECT_EQ(first->cacheProblem, "");
  EXPECT_TRUE(first->objects == second->objects);
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
  auto result = compileAll(kernels, hostTarget(), options);
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(result->cacheProblem, HasSubstr("LATHE_CACHE_DIR"));
  EXPECT_FALSE(result->objects[0].empty());
}
