//===- ScanCases.cpp - selective scans ----------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::ScanCases() {
  std::vector<KernelCase> cases;
  const std::vector<int64_t> at = {0, 1, 2, 3, 4};
  auto ofChannels = [](int64_t heads, int64_t state) {
    return ScanKernel{.heads = heads,
                      .headSize = 1,
                      .stateSize = state,
                      .groups = 1,
                      .groupHeads = heads,
                      .byChannel = true,
                      .stateElements = panelsOf(heads) * kPanelRows * state + 16};
  };
  auto ofHeads = [](int64_t headSize, int64_t state, int64_t groups) {
    return ScanKernel{.heads = 2,
                      .headSize = headSize,
                      .stateSize = state,
                      .groups = groups,
                      .groupHeads = 4,
                      .stateElements = 2 * headSize * state + 16};
  };
  for (int64_t heads : {2, 15, 16, 17, 37, 48})
    cases.push_back({.kernel = ofChannels(heads, 5), .at = at});
  for (int64_t headSize : {1, 10, 16, 64})
    for (int64_t groups : {1, 3})
      cases.push_back({.kernel = ofHeads(headSize, 6, groups), .at = at});
  for (int64_t state : {16, 32})
    cases.push_back({.kernel = ofChannels(20, state), .at = at});
  cases.push_back({.kernel = ofHeads(20, 32, 1), .at = at});
  ScanKernel limited = ofHeads(10, 6, 3);
  limited.dtMin = 0.5, limited.dtMax = 0.9;
  cases.push_back({.kernel = limited, .at = at});
  cases.push_back({.kernel = ofHeads(16, 6, 1), .at = {0, 1, 2, 0, 1}, .note = "position 0 begins anew"});

  cases.push_back({.kernel = ofChannels(256, 16), .at = {0, 1, 2, 3}, .benchmark = true});
  cases.push_back({.kernel = ofHeads(64, 128, 1), .at = {0, 1, 2, 3}, .benchmark = true});
  return cases;
}
