//===- PointwiseCases.cpp - rows element by element ---------------------------------------------------------------===//
#include "test/kernels/Case.h"

using namespace lathe;
using namespace lathe::test;

std::vector<KernelCase> test::PointwiseCases() {
  std::vector<KernelCase> cases;
  auto add = [&](const PointwiseKernel &kernel) { cases.push_back({.kernel = kernel}); };
  for (int64_t columns : {1, 15, 16, 17, 60, 64})
    add({.kind = Pointwise::Add, .columns = columns, .value = 0.7});
  add({.kind = Pointwise::Add, .columns = 37, .value = 1});
  for (Pointwise kind : {Pointwise::Scale, Pointwise::Softcap, Pointwise::Clip})
    add({.kind = kind, .columns = 37, .value = 0.8});
  for (int64_t weights : {1, 37})
    add({.kind = Pointwise::Scale, .columns = 37, .value = 0.8, .weights = weights});
  add({.kind = Pointwise::Gate, .columns = 21});
  for (Activation activation :
       {Activation::SiLU, Activation::GELUErf, Activation::GELUTanh, Activation::ReLU, Activation::ReLUSquared}) {
    add({.kind = Pointwise::Activate, .columns = 37, .activation = activation});
    add({.kind = Pointwise::Glu, .columns = 37, .activation = activation});
    add({.kind = Pointwise::Activate, .columns = 37, .activation = activation, .shape = {1.702}});
    add({.kind = Pointwise::Glu, .columns = 37, .activation = activation, .shape = {1.702, 0.75, 1}});
  }
  for (double slope : {1.0, 1.5})
    add({.kind = Pointwise::Activate, .columns = 37, .activation = Activation::XIELU, .shape = {slope}});
  add({.kind = Pointwise::Glu, .columns = 96, .activation = Activation::SiLU, .output = ActFormat::Q16});
  add({.kind = Pointwise::Glu, .columns = 4128, .activation = Activation::SiLU, .output = ActFormat::Q16});
  add({.kind = Pointwise::Add, .columns = 4099, .value = 1});
  add({.kind = Pointwise::Clip, .columns = 576, .value = 0.5, .output = ActFormat::Q16});
  add({.kind = Pointwise::Clip, .columns = 576, .value = 0.5, .output = ActFormat::Q8});
  for (double spread : {0.0, 1e-40, 30.0}) // where exponentials end
    for (Activation activation : {Activation::SiLU, Activation::GELUErf, Activation::GELUTanh})
      cases.push_back({.kernel = PointwiseKernel{.kind = Pointwise::Activate, .columns = 64, .activation = activation},
                       .spread = spread});
  for (const PointwiseKernel &kernel :
       {PointwiseKernel{.kind = Pointwise::Add, .columns = 37, .value = 1},
        PointwiseKernel{.kind = Pointwise::Scale, .columns = 37, .value = -0.8},
        PointwiseKernel{.kind = Pointwise::Clip, .columns = 37, .value = 0.8},
        PointwiseKernel{.kind = Pointwise::Activate, .columns = 37, .activation = Activation::ReLU}})
    cases.push_back({.kernel = kernel, .fill = Fill::Infinite});

  for (int64_t columns : {1536, 8192})
    cases.push_back({.kernel = PointwiseKernel{.kind = Pointwise::Glu,
                                               .columns = columns,
                                               .activation = Activation::SiLU,
                                               .output = ActFormat::Q16},
                     .benchmark = true});
  return cases;
}
