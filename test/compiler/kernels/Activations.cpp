#include "test/compiler/kernels/Activations.h"
#include <algorithm>
#include <cmath>

using namespace lathe;

static double plain(Activation activation, double x) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::SiLU:
    return x / (1 + std::exp(-x));
  case Activation::GELUErf:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::GELUTanh:
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::ReLU:
    return std::max(x, 0.0);
  case Activation::ReLUSquared:
    return std::max(x, 0.0) * std::max(x, 0.0);
  case Activation::XIELU: // with the numbers 0.7 and 0.4
    return (x > 0 ? 0.7 * x * x : 0.9 * (std::expm1(x) - x)) + 0.5 * x;
  }
  return x;
}

double lathe::test::activated(Activation activation, double x, const ActivationShape &shape) {
  return plain(activation, shape.slope * x) / shape.slope;
}

double lathe::test::gatedUnit(Activation activation, double gate, double up, const ActivationShape &shape) {
  if (shape.clamp != 0) {
    gate = std::min(gate, shape.clamp);
    up = std::clamp(up, -shape.clamp, shape.clamp);
  }
  return activated(activation, gate, shape) * (up + shape.offset);
}
