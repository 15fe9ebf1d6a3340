//===- AssignCases.cpp - choices by expert ------------------------------------------------------------------------===//
#include "test/kernels/Case.h"
#include <array>

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::AssignCases() {
  std::vector<KernelCase> cases;
  auto assign = [](int64_t rows, int64_t choices, int64_t experts, int64_t tileRows) {
    return AssignKernel{{.rows = rows, .choices = choices, .experts = experts, .tileRows = tileRows}};
  };
  for (auto [rows, choices, experts, tileRows] :
       {std::array<int64_t, 4>{1, 1, 1, 1}, {8, 2, 3, 1}, {64, 2, 8, 6}, {64, 3, 40, 6}, {130, 8, 16, 24}, {70, 8, 300, 6}})
    cases.push_back(
        {.kernel = assign(rows, choices, experts, tileRows), .at = {1, std::max<int64_t>(1, rows / 2), rows}});
  cases.push_back({.kernel = assign(192, 4, 32, 6), .at = {192}, .benchmark = true});
  return cases;
}
