//===- ConvCases.cpp - causal convolutions ------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

static ConvKernel conv(int64_t channels, int64_t width) {
  return {.channels = channels,
          .width = width,
          .bias = width != 2,
          .activation = width == 4 ? Activation::SiLU : Activation::None,
          .stateElements = panelsOf(channels) * kPanelRows * width + 32};
}

std::vector<KernelCase> test::ConvCases() {
  std::vector<KernelCase> cases;
  for (int64_t channels : {2, 15, 16, 17, 48})
    for (int64_t width : {1, 2, 4})
      cases.push_back({.kernel = conv(channels, width), .at = {0, 1, 2, 3, 4, 5, 6}});
  cases.push_back({.kernel = conv(17, 4), .at = {0, 1, 2, 0, 1}, .note = "position 0 begins anew"});

  cases.push_back({.kernel = conv(256, 4), .at = {0, 1, 2, 3}, .benchmark = true});
  return cases;
}
