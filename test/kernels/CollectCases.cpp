//===- CollectCases.cpp - sums of choices -------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::CollectCases() {
  std::vector<KernelCase> cases;
  for (ActFormat format : {ActFormat::F32, ActFormat::Q16, ActFormat::Q8})
    for (int64_t columns : {1, 7, 15, 17, 20, 32, 576})
      for (int64_t choices : {1, 2, 8})
        if (format == ActFormat::F32 || columns % kGroup == 0)
          cases.push_back(
              {.kernel = CollectKernel{.columns = columns, .choices = choices, .places = 13, .output = format}});
  for (ActFormat format : {ActFormat::F32, ActFormat::Q16}) // more than the threads of a block hold at once
    cases.push_back({.kernel = CollectKernel{.columns = 4128, .choices = 3, .places = 5, .output = format}});
  cases.push_back({.kernel = CollectKernel{.columns = 2048, .choices = 4, .places = 256}, .benchmark = true});
  return cases;
}
