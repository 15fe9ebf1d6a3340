//===- HalideEmbedTest.cpp - rows out of every packed format ----------------------------------------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include "test/compiler/kernels/PackedMatrix.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

static void check(const EmbedKernel &k, const TargetDesc &target) {
  PackedMatrix table = randomMatrix(k.format, k.vocabulary, k.columns, 7);
  KernelRun run(k, target);
  run.fillMatrix(table.bytes);
  for (int64_t id : {k.offset, k.vocabulary / 2, k.vocabulary - 1}) {
    run.fill("ids", [&](int64_t) { return static_cast<double>(id - k.offset); });
    run.call();
    std::vector<double> reference(k.columns);
    for (int64_t c = 0; c < k.columns; ++c)
      reference[c] = k.scale * table.values[id * k.columns + c];
    // What cancels when a minimum is subtracted keeps the product's rounding.
    run.expectNear("y", reference, isInteger(k.format) && panelLayout(k.format).minimum ? 64 : 2);
  }
}

TEST(HalideEmbed, AllFormats) {
  for (const TargetDesc &target : runnableTargets())
    for (PackedFormat format : packedFormats()) {
      const bool blocks = packedColumns(format) > 64;
      check({format, 288, blocks ? 512 : 64, 1}, target);
      check({format, 37, blocks ? 256 : 576, 24}, target);
    }
}

TEST(HalideEmbed, OddColumns) {
  check({PackedFormat::F32, 17, 7, 1}, hostTarget());
  check({PackedFormat::F16, 16, 172, 1}, hostTarget());
}

TEST(HalideEmbed, Offset) { check({PackedFormat::F32, 19, 20, 1, 2}, hostTarget()); }
