//===- CombineCases.cpp - joins of splits -------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::CombineCases() {
  std::vector<KernelCase> cases;
  const std::vector<int64_t> at = {0, 63, 64, 255};
  for (int64_t size : {8, 12, 20, 64, 80}) {
    cases.push_back({.kernel = CombineKernel{5, size, partialsOf(5, size), 4, 64}, .at = at});
    for (ActFormat format : {ActFormat::Q16, ActFormat::Q8})
      cases.push_back({.kernel = CombineKernel{8, size, partialsOf(8, size), 4, 64, format}, .at = at});
    cases.push_back({.kernel = CombineKernel{5, size, partialsOf(5, size), 4, 64, ActFormat::F32, true}, .at = at});
  }
  cases.push_back({.kernel = CombineKernel{8, 20, partialsOf(8, 20), 4, 64, ActFormat::Q16, true}, .at = at});
  cases.push_back({.kernel = CombineKernel{71, 64, partialsOf(71, 64), 1, 256}, .at = {5}});
  cases.push_back({.kernel = CombineKernel{40, 12, partialsOf(40, 12), 128, 64}, .at = {130, 8191}});
  cases.push_back({.kernel = CombineKernel{65, 128, partialsOf(65, 128), 2, 64, ActFormat::Q8}, .at = {64}});
  cases.push_back({.kernel = CombineKernel{5, 20, partialsOf(7, 20), 4, 64}, .at = at, .note = "some heads of more"});

  for (auto [heads, size] : {std::pair<int64_t, int64_t>{9, 64}, {32, 64}})
    cases.push_back({.kernel = CombineKernel{heads, size, partialsOf(heads, size), 8, 256, ActFormat::Q16},
                     .at = {1023},
                     .benchmark = true});
  return cases;
}
