//===- LinearCases.cpp - GEMV and GEMM ----------------------------------------------------------------------------===//
#include "test/kernels/Case.h"
#include <array>
#include <optional>

using namespace lathe;
using namespace lathe::test;

/// Of `columns`, or the next number of them that rows of the format have.
static LinearKernel linear(PackedFormat format, int64_t columns, int64_t rows, int64_t panels,
                           std::optional<ActFormat> input = {}) {
  const int64_t unit = packedColumns(format);
  LinearKernel k{};
  k.format = format;
  k.input = input.value_or(isInteger(format) ? ActFormat::Q16 : ActFormat::F32);
  k.columns = (columns + unit - 1) / unit * unit;
  k.rows = rows;
  k.panels = panels;
  k.outputStride = panels * kPanelRows;
  return k;
}

std::vector<KernelCase> test::LinearCases() {
  std::vector<KernelCase> cases;
  for (PackedFormat format : packedFormats()) {
    // One row and many; panels and rows that a register tile divides, and that it does not.
    for (auto [columns, rows, panels] :
         {std::array<int64_t, 3>{64, 1, 2}, {96, 7, 3}, {576, 6, 4}, {576, 24, 1}, {576, 5, 5}}) {
      const KernelDesc kernel = linear(format, columns, rows, panels);
      cases.push_back({.kernel = kernel});
      if (columns < 576)
        cases.push_back({.kernel = kernel, .fill = Fill::Integers, .exact = true, .note = "each product is one's own"});
    }
    LinearKernel k = linear(format, 160, 12, 4);
    k.gated = true, k.activation = Activation::SiLU;
    cases.push_back({.kernel = k});
    for (ActFormat input : {ActFormat::Q8, ActFormat::F32})
      if (isInteger(format))
        for (auto [columns, rows, panels] : {std::array<int64_t, 3>{64, 1, 2}, {96, 7, 3}, {576, 12, 4}}) {
          const KernelDesc kernel = linear(format, columns, rows, panels, input);
          cases.push_back({.kernel = kernel, .schedules = columns == 576 && format == PackedFormat::Q4_1});
          if (columns < 576)
            cases.push_back({.kernel = kernel, .fill = Fill::Integers, .exact = true});
        }
  }
  for (int64_t columns : {1, 3, 7, 172, 575})
    cases.push_back({.kernel = linear(PackedFormat::F32, columns, 3, 2)});
  for (PackedFormat format : {PackedFormat::F32, PackedFormat::Q4_1}) {
    for (Activation activation : {Activation::None, Activation::SiLU, Activation::GELUErf, Activation::GELUTanh,
                                  Activation::ReLU, Activation::ReLUSquared})
      for (bool gated : {false, true}) {
        if (gated && activation == Activation::None)
          continue; // which no op is
        LinearKernel k = linear(format, 64, 2, 4);
        k.activation = activation;
        k.gated = gated;
        k.bias = true;
        k.residual = !gated;
        k.scale = gated ? 1 : 0.5;
        k.softcap = activation == Activation::None ? 3 : 0;
        cases.push_back({.kernel = k});
        k.shape = gated ? ActivationShape{1.702, 0.75, 1} : ActivationShape{1.702};
        if (activation != Activation::None)
          cases.push_back({.kernel = k});
      }
    LinearKernel k = linear(format, 64, 2, 3);
    k.outputStride += 5 * kPanelRows; // a part of wider rows
    k.residual = true;
    cases.push_back({.kernel = k});
  }
  for (double spread : {0.0, 1e-40}) // zeros, denormals
    cases.push_back({.kernel = linear(PackedFormat::F32, 64, 2, 4), .spread = spread});
  cases.push_back({.kernel = linear(PackedFormat::F32, 64, 2, 4), .fill = Fill::Infinite, .note = "stays not finite"});
  for (PackedFormat format :
       {PackedFormat::F32, PackedFormat::F16, PackedFormat::Q4_1, PackedFormat::Q8_0, PackedFormat::Q6_K})
    cases.push_back({.kernel = linear(format, 96, 12, 8), .schedules = true});
  LinearKernel pairs = linear(PackedFormat::Q2_K, 256, 12, 8);
  pairs.gated = true, pairs.activation = Activation::SiLU;
  cases.push_back({.kernel = pairs, .schedules = true});

  for (auto [columns, panels] : {std::pair<int64_t, int64_t>{576, 36}, {2048, 8}, {8192, 4}})
    for (PackedFormat format :
         {PackedFormat::F16, PackedFormat::Q4_0, PackedFormat::Q4_1, PackedFormat::Q8_0, PackedFormat::Q6_K})
      for (int64_t rows : {1, 24})
        if (columns % packedColumns(format) == 0) {
          cases.push_back({.kernel = linear(format, columns, rows, panels), .benchmark = true});
          if (isInteger(format))
            cases.push_back({.kernel = linear(format, columns, rows, panels, ActFormat::Q8), .benchmark = true});
        }
  return cases;
}
