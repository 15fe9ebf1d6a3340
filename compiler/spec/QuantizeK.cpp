#include "compiler/spec/QuantizeK.h"
#include "compiler/support/Half.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <cstdlib>
#include <limits>

namespace lathe {

namespace {

/// The nearest integer, held to [low, high]; not-a-number gives low. Both are small, so that adding 1.5 * 2^23 leaves
/// no bits for a fraction.
inline float toNearest(float value, float low, float high) {
  value = value > low ? value : low;
  value = value < high ? value : high;
  return (value + 12582912.0f) - 12582912.0f;
}

/// What the numbers of one group become: scale * integer + minimum.
struct Fit {
  float scale = 0, minimum = 0;
};

/// Sums over a group for integers q.
struct Sums {
  float q = 0, qq = 0, xq = 0;
};

/// Sums run in this many lanes, so that they become vectors: additions of floats keep their order.
constexpr int lanes = 8;

float total(const float (&sums)[lanes]) {
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <int n> Sums sumsOf(const float *x, float offset, float inverse, float low, float high) {
  float q[lanes] = {}, qq[lanes] = {}, xq[lanes] = {};
  for (int i = 0; i < n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const float integer = toNearest((x[i + j] - offset) * inverse, low, high);
      q[j] += integer;
      qq[j] += integer * integer;
      xq[j] += x[i + j] * integer;
    }
  return {total(q), total(qq), total(xq)};
}

/// Integers 0 .. top, minimum <= 0.
template <int n> Fit fitWithMinimum(const float *x, float top) {
  float low = 0, high = x[0], sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    sum += x[i];
    squares += x[i] * x[i];
  }
  Fit best{0, low};
  if (!(high > low))
    return best;
  double least = std::numeric_limits<double>::infinity();
  for (int k = -5; k <= 5; ++k) {
    const Sums s = sumsOf<n>(x, low, (top + 0.2f * static_cast<float>(k)) / (high - low), 0, top);
    if (!(s.qq > 0))
      continue;
    const double determinant = double(n) * s.qq - double(s.q) * s.q; // 0: all integers are one
    double scale = double(s.xq) / s.qq, minimum = 0;
    if (const double slope = (n * double(s.xq) - double(sum) * s.q) / determinant;
        determinant > 0 && sum < slope * s.q) {
      scale = slope;
      minimum = (sum - slope * s.q) / n;
    }
    const double error = squares - 2 * (scale * s.xq + minimum * sum) + scale * scale * s.qq +
                         2 * scale * minimum * s.q + n * minimum * minimum;
    if (error < least) {
      least = error;
      best = {static_cast<float>(scale), static_cast<float>(minimum)};
    }
  }
  return best;
}

/// Integers -half .. half - 1, no minimum; the number of largest magnitude is near -half.
template <int n> Fit fitSymmetric(const float *x, float half) {
  float extreme = 0;
  for (int i = 0; i < n; ++i)
    extreme = std::fabs(x[i]) > std::fabs(extreme) ? x[i] : extreme;
  Fit best;
  if (extreme == 0)
    return best;
  double most = 0; // of what the fit takes from the squared error
  for (int k = -5; k <= 5; ++k) {
    const Sums s = sumsOf<n>(x, 0, -(half + 0.2f * static_cast<float>(k)) / extreme, -half, half - 1);
    const double gain = s.qq > 0 ? double(s.xq) * s.xq / s.qq : 0;
    if (gain > most) {
      most = gain;
      best.scale = s.xq / s.qq;
    }
  }
  return best;
}

/// The squared error of a group's nearest integers when its factors are known.
template <int n> float errorOf(const float *x, float scale, float minimum, float low, float high) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  float error[lanes] = {};
  for (int i = 0; i < n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const float q = toNearest((x[i + j] - minimum) * inverse, low, high);
      const float difference = scale * q + minimum - x[i + j];
      error[j] += difference * difference;
    }
  return total(error);
}

struct Range {
  int low, high;
};

/// Chooses a group's integer scales near what was fitted, and its integers.
template <int n>
void settle(const float *x, const Fit &fit, Range scales, Range minimums, float low, float high, IntegerBlock &block,
            int group) {
  auto nearest = [](float value, float unit, Range range) {
    return static_cast<int>(
        toNearest(unit != 0 ? value / unit : 0, static_cast<float>(range.low), static_cast<float>(range.high)));
  };
  const int scale = nearest(fit.scale, block.d, scales), minimum = nearest(fit.minimum, block.m, minimums);
  auto factors = [&](int s, int m) {
    return Fit{block.d * static_cast<float>(s), block.hasMinimum ? block.m * static_cast<float>(m) : 0};
  };
  int bestScale = scale, bestMinimum = minimum;
  float least = std::numeric_limits<float>::infinity();
  for (int s = std::max(scale - 1, scales.low); s <= std::min(scale + 1, scales.high); ++s)
    for (int m = std::max(minimum - 1, minimums.low); m <= std::min(minimum + 1, minimums.high); ++m) {
      const Fit tried = factors(s, m);
      if (const float error = errorOf<n>(x, tried.scale, tried.minimum, low, high); error < least) {
        least = error;
        bestScale = s;
        bestMinimum = m;
      }
    }
  const Fit chosen = factors(bestScale, bestMinimum);
  const float inverse = chosen.scale != 0 ? 1 / chosen.scale : 0;
  for (int i = 0; i < n; ++i)
    block.values[group * n + i] = static_cast<int8_t>(toNearest((x[i] - chosen.minimum) * inverse, low, high));
  block.scales[group] = static_cast<int8_t>(bestScale);
  block.minimums[group] = static_cast<int8_t>(bestMinimum);
}

float throughHalf(float value) { return halfToFloat(floatToHalf(value)); }

/// Q4_K, Q5_K: eight groups of 32, scales and minima of six bits.
void withMinimums(const float *in, float top, IntegerBlock &block) {
  constexpr int n = 32, groups = maxBlockColumns / n;
  constexpr Range sixBits{0, 63};
  Fit fits[groups];
  float scale = 0, minimum = 0;
  for (int g = 0; g < groups; ++g) {
    fits[g] = fitWithMinimum<n>(in + n * g, top);
    scale = fits[g].scale > scale ? fits[g].scale : scale;
    minimum = fits[g].minimum < minimum ? fits[g].minimum : minimum;
  }
  block.group = n;
  block.hasMinimum = true;
  block.d = throughHalf(scale / 63);
  block.m = throughHalf(minimum / 63);
  for (int g = 0; g < groups; ++g)
    settle<n>(in + n * g, fits[g], sixBits, sixBits, 0, top, block, g);
}

/// Q6_K: sixteen groups of 16, signed scales of eight bits; the largest becomes -128.
void symmetric(const float *in, IntegerBlock &block) {
  constexpr int n = 16, groups = maxBlockColumns / n;
  constexpr float half = 32;
  Fit fits[groups];
  float scale = 0;
  for (int g = 0; g < groups; ++g) {
    fits[g] = fitSymmetric<n>(in + n * g, half);
    scale = std::fabs(fits[g].scale) > std::fabs(scale) ? fits[g].scale : scale;
  }
  block.group = n;
  block.hasMinimum = false;
  block.d = throughHalf(scale / -128);
  for (int g = 0; g < groups; ++g)
    settle<n>(in + n * g, fits[g], {-128, 127}, {0, 0}, -half, half - 1, block, g);
}

} // namespace

void quantizeK(Format format, const float *in, uint8_t *out) {
  IntegerBlock block;
  switch (format) {
  case Format::Q4_K:
    withMinimums(in, 15, block);
    break;
  case Format::Q5_K:
    withMinimums(in, 31, block);
    break;
  case Format::Q6_K:
    symmetric(in, block);
    break;
  default:
    llvm_unreachable("the caller asks formatInfo first");
  }
  putTogether(format, block, out);
}

} // namespace lathe
