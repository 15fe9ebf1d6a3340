//===- RotateCases.cpp - rotated heads ----------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::RotateCases() {
  std::vector<KernelCase> cases;
  for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {80, 32}, {12, 12}, {20, 6}})
    for (Pairing pairing : {Pairing::HalfSplit, Pairing::Interleaved})
      for (int64_t heads : {1, 5})
        cases.push_back({.kernel = RotateKernel{heads, size, {rotated, pairing}, 4}, .at = {0, 63, 64, 200}});
  for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {12, 12}, {20, 6}})
    for (int64_t length : {1, 100, 101, 250, 256}) // up to the limit, and beyond
      for (const Rotation &rotation : {Rotation{rotated, Pairing::HalfSplit, LengthRule::Switch, 100},
                                       Rotation{rotated, Pairing::HalfSplit, LengthRule::Grow, 100, 157, 1.25}})
        cases.push_back({.kernel = RotateKernel{5, size, rotation, 4}, .at = {length - 1}, .length = length});

  cases.push_back({.kernel = RotateKernel{32, 64, {64, Pairing::HalfSplit}, 128}, .at = {5000}, .benchmark = true});
  return cases;
}
