//===- Nmse.h - how far numbers are from those that are right -----------------------------------------*- C++ -*-===//
//
// The normalised mean squared error, sum (got - want)^2 / sum want^2: what every comparison of the compiler and of its
// tests means by NMSE. A number that is not finite, on either side, makes it infinite: there is no bound that such a
// comparison keeps.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SUPPORT_NMSE_H
#define LATHE_COMPILER_SUPPORT_NMSE_H

#include <cmath>
#include <limits>

namespace lathe {

struct SquaredError {
  double error = 0, power = 0; ///< sums of squares: of the differences, and of what is right

  void add(double got, double want) {
    error += (got - want) * (got - want); // not finite where one of the two is not
    power += want * want;
  }
  void add(const SquaredError &other) {
    error += other.error;
    power += other.power;
  }
  double nmse() const {
    if (!std::isfinite(error))
      return std::numeric_limits<double>::infinity();
    return error == 0 ? 0 : error / power;
  }
};

} // namespace lathe

#endif
