//===- Cases.cpp - all families' cases ----------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;

std::vector<std::vector<test::KernelCase>> test::allCases() {
  return {
#define LATHE_FAMILY(Name, ...) Name##Cases(),
#include "compiler/kernels/Families.def"
  };
}
