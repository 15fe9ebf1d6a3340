//===- Exponential.h - exp with the same bits everywhere -----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_SAMPLE_EXPONENTIAL_H
#define LATHE_RUNTIME_SAMPLE_EXPONENTIAL_H

namespace lathe {

/// e^x for x <= 0, to about 1e-15 relative. The C library's exp differs between systems in the last bit, and with it which
/// token a seed draws; this one is additions and multiplications in a fixed order.
double exponential(double x);

} // namespace lathe

#endif
