//===- EmbedCases.cpp - rows of packed tables ---------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::EmbedCases() {
  std::vector<KernelCase> cases;
  for (PackedFormat format : packedFormats()) {
    const int64_t unit = packedColumns(format);
    // The first and the last row of a whole table, of one that ends within a panel.
    cases.push_back({.kernel = EmbedKernel{format, 288, 2 * unit + (unit == 1), 1}, .at = {0, 15, 16, 144, 287}});
    cases.push_back({.kernel = EmbedKernel{format, 37, unit == kGroup ? 576 : unit, 24}, .at = {0, 18, 36}});
  }
  for (auto [format, columns] : {std::pair(PackedFormat::F32, 7), {PackedFormat::F16, 172}, {PackedFormat::BF16, 17}})
    cases.push_back({.kernel = EmbedKernel{format, 17, columns}, .at = {0, 16}});
  cases.push_back(
      {.kernel = EmbedKernel{PackedFormat::F32, 19, 20, 1, 2}, .at = {0, 16}, .note = "positions from row 2"});

  for (PackedFormat format : {PackedFormat::F16, PackedFormat::Q4_0, PackedFormat::Q6_K})
    cases.push_back({.kernel = EmbedKernel{format, 2048, 2048, 1}, .at = {1000}, .benchmark = true});
  return cases;
}
