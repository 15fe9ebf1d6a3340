// What the machine is measured to do. Rates are the machine's; what holds of any are their order and their bookkeeping.
#include "runtime/device/cpu/Limits.h"
#include "runtime/core/AlignedBuffer.h"
#include "runtime/device/cpu/OperationForms.h"
#include "runtime/device/cpu/ReadForms.h"
#include <algorithm>
#include <gtest/gtest.h>

namespace lathe {
namespace {

// A form that left bytes out would be faster than memory.
TEST(ReadForms, ReadEveryWord) {
  constexpr size_t kBytes = 16 * 512 * 3;
  AlignedBuffer memory = AlignedBuffer::create(kBytes, "test").take();
  for (size_t word = 0; word < kBytes / 8; word += 65) { // all places of a line in turn
    memory.as<uint64_t>()[word] = 1;
    for (const ReadForm &form : readForms())
      EXPECT_EQ(form.read(memory.data(), kBytes), 1u) << form.name << ", word " << word;
    memory.as<uint64_t>()[word] = 0;
  }
}

TEST(OperationForms, Run) {
  ASSERT_FALSE(f32Forms().empty());
  for (const std::vector<OperationForm> *forms : {&f32Forms(), &dot4Forms()})
    for (const OperationForm &form : *forms) {
      form.loop(1000);
      EXPECT_GT(form.perIteration, 0) << form.name;
    }
}

TEST(MachineMeter, TriesAllFormsAndGoesOnWithTheFastOnes) {
  MachineMeter meter = MachineMeter::create(1, {100'000, 40'000'000}).take();
  ASSERT_TRUE(meter.measure());
  ASSERT_TRUE(meter.measure());
  size_t steps = 0;
  for (const Roof &roof : meter.roofs()) {
    steps += roof.name == "step";
    EXPECT_GT(roof.limit(), 0) << roof.name;
    const RoofForm &best = roof.best();
    EXPECT_TRUE(std::ranges::any_of(best.samples, [](const RoofForm::Sample &s) { return s.round == 0; }));
    for (const RoofForm &form : roof.forms) {
      EXPECT_FALSE(form.samples.empty()) << roof.name << ", " << form.name;
      EXPECT_LE(form.limit(), roof.limit()) << roof.name << ", " << form.name;
    }
  }
  EXPECT_EQ(steps, 2u);
  // Fewer bytes are never read more slowly.
  const double memory = meter.limits().readBytesPerSecond, large = meter.limits(40'000'000).readBytesPerSecond;
  EXPECT_GE(large, memory);
  EXPECT_GE(meter.limits(100'000).readBytesPerSecond, large);
  EXPECT_GT(meter.limits().f32OperationsPerSecond, 1e8);
}

TEST(MachineMeter, RefusesTooManyThreads) {
  EXPECT_NE(MachineMeter::create(100'000).message().find("at most 1024"), std::string::npos);
}

} // namespace
} // namespace lathe
