//===- NormCases.cpp - norms and copies ---------------------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::NormCases() {
  std::vector<KernelCase> cases;
  auto add = [&](const NormKernel &kernel, int64_t row = 0) { cases.push_back({.kernel = kernel, .at = {row}}); };
  for (NormKind kind : {NormKind::None, NormKind::RMS, NormKind::Layer}) {
    for (int64_t columns : {1, 15, 16, 17, 31, 32, 33, 48, 172, 577}) // sums run in 32 lanes
      add({.kind = kind, .columns = columns, .eps = 1e-5});
    for (int64_t columns : {32, 64, 576, 11008})
      add({.kind = kind, .columns = columns, .eps = 1e-5, .output = ActFormat::Q16});
  }
  for (NormKind kind : {NormKind::RMS, NormKind::Layer}) {
    for (bool bias : {false, true})
      for (bool offset : {false, true})
        for (int64_t gather : {0, 3})
          add({kind, 172, 1e-6, bias, offset, ActFormat::F32, gather}, std::max<int64_t>(0, gather - 1));
    for (int64_t group : {12, 20, 64, 80})
      add({.kind = kind, .columns = 5 * group, .eps = 1e-6, .bias = group == 20, .group = group});
    add({.kind = kind, .columns = 60, .eps = 1e-5, .unweighted = true});
    add({.kind = kind, .columns = 60, .eps = 1e-5, .bias = true, .group = 12, .unweighted = true});
    add({.kind = kind, .columns = 60, .eps = 1e-5, .bias = true, .group = 20, .wide = true});
  }
  add({NormKind::Layer, 64, 1e-6, true, true, ActFormat::Q16, 5}, 4);
  add({.kind = NormKind::None, .columns = 17, .gatherRows = 3}, 1);
  add({.kind = NormKind::RMS, .columns = 96, .eps = 1e-6, .output = ActFormat::Q16, .group = 12});
  add({.kind = NormKind::RMS, .columns = 36, .eps = 1e-6, .gatherRows = 3, .group = 12}, 2);

  for (NormKind kind : {NormKind::None, NormKind::RMS, NormKind::Layer}) // more than the threads of a block hold
    for (ActFormat output : {ActFormat::F32, ActFormat::Q16})
      add({.kind = kind, .columns = 16416, .eps = 1e-5, .output = output});
  add({.kind = NormKind::RMS, .columns = 2047, .eps = 1e-5});

  for (double spread : {0.0, 1e-40, 1e-18, 1e15}) // zeros, f32's denormals, what squares make denormal or great
    for (NormKind kind : {NormKind::None, NormKind::RMS, NormKind::Layer})
      for (ActFormat output : {ActFormat::F32, ActFormat::Q16, ActFormat::Q8})
        if (spread != 1e15 || kind != NormKind::None || output == ActFormat::F32)
          cases.push_back(
              {.kernel = NormKernel{.kind = kind, .columns = 64, .eps = 1e-5, .output = output}, .spread = spread});
  cases.push_back({.kernel = NormKernel{.kind = NormKind::Layer, .columns = 577, .eps = 1e-5},
                   .shift = 1,
                   .note = "a mean far from zero"});

  for (int64_t columns : {576, 2048})
    for (ActFormat output : {ActFormat::F32, ActFormat::Q16, ActFormat::Q8})
      cases.push_back({.kernel = NormKernel{.kind = NormKind::RMS, .columns = columns, .eps = 1e-5, .output = output},
                       .benchmark = true});
  return cases;
}
