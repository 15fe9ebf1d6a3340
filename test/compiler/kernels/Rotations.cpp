#include "test/compiler/kernels/Rotations.h"
#include <cmath>

using namespace lathe;
using namespace lathe::test;

static double frequencyOf(const Rotation &k, int64_t i, int64_t length) {
  const double frequency = std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(k.rotated));
  const auto beyond = static_cast<double>(length - k.limit);
  if (k.rule == LengthRule::None || beyond <= 0)
    return frequency;
  if (k.rule == LengthRule::Switch)
    return frequency / static_cast<double>(i + 2);
  return frequency * std::pow(1 + beyond / 8, -static_cast<double>(i) / 5);
}

void lathe::test::fillRotation(KernelRun &run, const Rotation &k, int64_t maxPages, int64_t length) {
  if (k.rule != LengthRule::None)
    run.fill("lengths", [&](int64_t) { return static_cast<double>(length); });
  auto halves = [](int64_t i, double number) { return i % 2 ? number - toF32(number) : number; };
  if (k.rule == LengthRule::Grow) {
    run.fill("frequencies", [&](int64_t i) { return halves(i, frequencyOf(k, i / 2, k.limit)); });
    run.fill("growth", [&](int64_t i) { return halves(i, std::pow(1 + static_cast<double>(i / 2) / 8, -0.2)); });
    return;
  }
  auto table = [&](double unit, int64_t entries) {
    return [&k, unit, entries](int64_t i) {
      const int64_t entry = i / k.rotated, pair = i / 2 % (k.rotated / 2);
      const double angle =
          unit * static_cast<double>(entry % entries) * frequencyOf(k, pair, k.limit + (entry < entries ? 0 : 1));
      return i % 2 ? std::sin(angle) : std::cos(angle);
    };
  };
  run.fill("high", table(64, maxPages));
  run.fill("low", table(1, 64));
}

std::vector<double> lathe::test::rotatedHeads(const Rotation &k, int64_t headSize, const std::vector<double> &heads,
                                              int64_t position, int64_t length) {
  std::vector<double> turned = heads;
  const int64_t pairs = k.rotated / 2;
  for (int64_t head = 0; head < static_cast<int64_t>(heads.size()); head += headSize)
    for (int64_t i = 0; i < pairs; ++i) {
      const bool interleaved = k.pairing == Pairing::Interleaved;
      const int64_t a = head + (interleaved ? 2 * i : i), b = interleaved ? a + 1 : a + pairs;
      const double angle = static_cast<double>(position) * frequencyOf(k, i, length);
      turned[a] = k.magnitude * (heads[a] * std::cos(angle) - heads[b] * std::sin(angle));
      turned[b] = k.magnitude * (heads[b] * std::cos(angle) + heads[a] * std::sin(angle));
    }
  return turned;
}
