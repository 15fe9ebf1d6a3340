//===- Activations.h - activations in f64, for the tests of kernels that end in one -------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_KERNELS_ACTIVATIONS_H
#define LATHE_TEST_COMPILER_KERNELS_ACTIVATIONS_H

#include "compiler/kernels/Kernel.h"

namespace lathe::test {

/// XIELU: with 0.7 for what is positive and 0.4 for the rest.
double activated(Activation activation, double x, const ActivationShape &shape = {});
double gatedUnit(Activation activation, double gate, double up, const ActivationShape &shape);

} // namespace lathe::test

#endif
