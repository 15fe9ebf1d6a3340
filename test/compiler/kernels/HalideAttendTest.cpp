//===- HalideAttendTest.cpp - append, attend and combine over a paged cache -------------------------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include "test/compiler/kernels/Rotations.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// The sequence's pages in the pool (kOpenExtent pages); slot 1 of the table.
constexpr int kPool[] = {4, 0, 5, 2};

/// page table [maxPages, slots]: slot 1 is ours, all else points nowhere.
void fillPlace(KernelRun &run, int64_t maxPages, int64_t position, int64_t split) {
  run.fill("positions", [&](int64_t) { return static_cast<double>(position); });
  run.fill("slots", [](int64_t) { return 1.0; });
  run.fill("pages", [&](int64_t i) {
    int64_t page = i % maxPages;
    bool ours = i / maxPages == 1 && page < 4 && page <= position / kPagePositions;
    return ours ? kPool[page] : -1000000.0;
  });
  run.fill("tile", [&](int64_t i) { return i == 2 ? static_cast<double>(split) : 77.0; });
}

double cacheRounded(CacheFormat format, double value) {
  return format == CacheFormat::F16 ? halfValue(halfBits(value)) : value;
}

double temperature(int64_t entry) { return 1 + 0.125 * static_cast<double>(entry); }

/// Partial softmax of one head in f64: {m, l, o...}.
std::vector<double> referenceAttend(const AttendKernel &k, const std::vector<double> &q, const std::vector<double> &key,
                                    const std::vector<double> &value, int64_t position, int64_t split, double slope,
                                    double scale) {
  std::vector<double> partial(k.valueSize() + 2, 0.0), scores;
  int64_t begin = std::max(split * k.splitPositions, k.window ? position - k.window + 1 : 0);
  int64_t end = std::min(position + 1, (split + 1) * k.splitPositions);
  partial[0] = -kInfinity;
  for (int64_t p = begin; p < end; ++p) {
    double score = 0;
    for (int64_t c = 0; c < k.headSize; ++c)
      score += q[c] * key[p * k.headSize + c];
    score *= k.scale * scale * (k.every ? temperature((position + 1) / k.every) : 1);
    scores.push_back((k.softcap != 0 ? k.softcap * std::tanh(score / k.softcap) : score) +
                     slope * static_cast<double>(p - position));
    partial[0] = std::max(partial[0], scores.back());
  }
  for (int64_t p = begin; p < end; ++p) {
    double weight = std::exp(scores[p - begin] - partial[0]);
    partial[1] += weight;
    for (int64_t c = 0; c < k.valueSize(); ++c)
      partial[2 + c] += weight * value[p * k.valueSize() + c];
  }
  return partial;
}

void checkAttend(const AttendKernel &k, const TargetDesc &target, std::initializer_list<int64_t> positions) {
  const int64_t group = k.heads / k.kvHeads, length = k.maxPages * kPagePositions;
  KernelRun run(k, target);
  std::vector<double> q = randomValues(group * k.headSize, 11), key = randomValues(length * k.headSize, 12),
                      value = randomValues(length * k.valueSize(), 13);
  for (std::vector<double> *list : {&key, &value})
    for (double &v : *list)
      v = cacheRounded(k.cache, v);
  run.fill("q", q);
  auto slope = [&](int64_t h) { return k.alibi ? std::exp2(-0.5 * static_cast<double>(h + 1)) : 0.0; };
  if (k.alibi)
    run.fill("slopes", slope);
  auto scale = [&](int64_t h) { return k.scales ? 0.5 + 0.25 * static_cast<double>(h) : 1.0; };
  if (k.scales)
    run.fill("scales", scale);
  if (k.every)
    run.fill("temperatures", temperature);
  for (int64_t position : positions) {
    // What the row may not see must not matter, whatever its bits are.
    double poison = kInfinity;
    auto element = [&](const std::vector<double> &from, int64_t size, int64_t pool, int64_t place, int64_t c) {
      for (int64_t page = 0; page < k.maxPages; ++page)
        if (kPool[page] == pool && page * kPagePositions + place <= position)
          return from[(page * kPagePositions + place) * size + c];
      return poison;
    };
    const int64_t size = k.headSize, valueSize = k.valueSize();
    run.fill("K", [&](int64_t i) { return element(key, size, i / 64 / size, i % 64, i / 64 % size); });
    run.fill("V", [&](int64_t i) {
      return element(value, valueSize, i / valueSize / 64, i / valueSize % 64, i % valueSize);
    });
    for (int64_t split = 0; split * k.splitPositions < length; ++split) {
      fillPlace(run, k.maxPages, position, split);
      run.call();
      std::vector<double> reference;
      for (int64_t h = 0; h < group; ++h) {
        std::vector<double> head(q.begin() + h * k.headSize, q.begin() + (h + 1) * k.headSize);
        std::vector<double> partial = referenceAttend(k, head, key, value, position, split, slope(h), scale(h));
        reference.insert(reference.end(), partial.begin(), partial.end());
      }
      SCOPED_TRACE(testing::Message() << "position " << position << " split " << split);
      run.expectNear("partial", reference);
    }
  }
}

/// `length`: of the sequence, for rotations that depend on it.
void checkAppend(const AppendKernel &k, const TargetDesc &target, int64_t position, int64_t split = 0,
                 int64_t length = 0) {
  const int64_t group = k.heads / k.kvHeads, size = k.headSize, valueSize = k.valueSize();
  KernelRun run(k, target);
  fillPlace(run, k.maxPages, position, split);
  std::vector<double> q = randomValues(group * size, 21), key = randomValues(size, 22),
                      value = randomValues(valueSize, 23);
  if (k.rotation.rotated) {
    fillRotation(run, k.rotation, k.maxPages, length);
    run.fill("q", q);
  }
  run.fill("k", key);
  run.fill("v", value);
  run.fill("K", [](int64_t) { return 99.0; });
  run.fill("V", [](int64_t) { return 99.0; });
  run.call();

  if (k.rotation.rotated)
    run.expectNear("qr", rotatedHeads(k.rotation, size, q, position, length));
  key = rotatedHeads(k.rotation, size, key, position, length);
  bool writes = !k.splitPositions || position / k.splitPositions == split;
  std::vector<double> keys(run.count("K"), 99.0), values(run.count("V"), 99.0);
  int64_t page = kPool[position / kPagePositions], place = position % kPagePositions;
  for (int64_t c = 0; c < size && writes; ++c)
    keys[(page * size + c) * 64 + place] = key[c];
  for (int64_t c = 0; c < valueSize && writes; ++c)
    values[(page * 64 + place) * valueSize + c] = value[c];
  run.expectNear("K", keys, k.cache == CacheFormat::F16 ? 8192 : 1);
  run.expectNear("V", values, k.cache == CacheFormat::F16 ? 8192 : 1);
}

void checkRotate(const RotateKernel &k, const TargetDesc &target, int64_t position, int64_t length = 0) {
  KernelRun run(k, target);
  const std::vector<double> x = randomValues(k.heads * k.headSize, 24);
  fillRotation(run, k.rotation, k.maxPages, length);
  run.fill("positions", [&](int64_t) { return static_cast<double>(position); });
  run.fill("x", x);
  run.call();
  run.expectNear("y", rotatedHeads(k.rotation, k.headSize, x, position, length));
}

void checkCombine(const CombineKernel &k, const TargetDesc &target, int64_t position) {
  KernelRun run(k, target);
  const int64_t splits = position / k.splitPositions + 1, width = k.headSize + 2;
  std::vector<double> partial = randomValues(width * k.heads * k.maxSplits, 31);
  for (int64_t s = 0; s < k.maxSplits; ++s)
    for (int64_t h = 0; h < k.heads; ++h) {
      double *p = &partial[(s * k.heads + h) * width];
      p[1] = std::fabs(p[1]) + 1;
      if (s >= splits)
        p[0] = 1e30;                   // stale
      else if (s == 0 && splits > 1) { // out of the window
        p[0] = -kInfinity;
        std::fill(p + 1, p + width, 0.0);
      }
    }
  run.fill("partial", partial);
  run.fill("positions", [&](int64_t) { return static_cast<double>(position); });
  auto sink = [&](int64_t h) { return h % 3 ? 0.5 * static_cast<double>(h) - 1 : 40; }; // some take all
  if (k.sinks)
    run.fill("sinks", sink);
  run.call();
  std::vector<double> reference;
  for (int64_t h = 0; h < k.heads; ++h) {
    double high = k.sinks ? sink(h) : -kInfinity, sum = 0;
    for (int64_t s = 0; s < splits; ++s)
      high = std::max(high, partial[(s * k.heads + h) * width]);
    std::vector<double> mixed(k.headSize, 0.0);
    if (k.sinks)
      sum = std::exp(sink(h) - high);
    for (int64_t s = 0; s < splits; ++s) {
      const double *p = &partial[(s * k.heads + h) * width];
      double weight = std::exp(p[0] - high);
      sum += weight * p[1];
      for (int64_t c = 0; c < k.headSize; ++c)
        mixed[c] += weight * p[2 + c];
    }
    for (double m : mixed)
      reference.push_back(m / sum);
  }
  if (k.output == ActFormat::F32)
    run.expectNear("y", reference);
  else
    expectQuantized(run, reference);
}

} // namespace

TEST(HalideAttend, HeadSizes) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t size : {8, 12, 20, 64, 80, 128, 256})
      for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16})
        checkAttend({6, 2, size, 1 / std::sqrt(double(size)), 0, 0, cache, 4, 256}, target, {0, 63, 64, 200});
}

TEST(HalideAttend, Groups) {
  for (int64_t heads : {1, 2, 4, 5, 7, 71})
    checkAttend({heads, 1, 16, 0.25, 0, 0, CacheFormat::F16, 4, 128}, hostTarget(), {0, 100, 255});
}

TEST(HalideAttend, WindowSoftcapAndSplits) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t window : {0, 1, 17, 64, 100})
      for (double softcap : {0.0, 5.0})
        checkAttend({4, 2, 32, 0.2, window, softcap, CacheFormat::F16, 4, 64}, target,
                    {0, 15, 16, 17, 63, 64, 127, 129, 255});
}

TEST(HalideAttend, ScalesAndTemperatures) {
  for (const TargetDesc &target : runnableTargets()) {
    AttendKernel k{10, 2, 20, 0.3, 7, 20, CacheFormat::F32, 4, 64, true, true, 50, 6};
    checkAttend(k, target, {0, 48, 49, 50, 255});
    k = {5, 5, 12, 0.3, 0, 0, CacheFormat::F16, 4, 256, false, true, 0, 0};
    checkAttend(k, target, {0, 63, 200});
    k = {4, 1, 80, 0.1, 0, 0, CacheFormat::F16, 4, 256, false, false, 64, 5};
    checkAttend(k, target, {0, 63, 200, 255});
  }
}

TEST(HalideAttend, Alibi) {
  for (const TargetDesc &target : runnableTargets()) {
    checkAttend({5, 5, 12, 0.3, 0, 0, CacheFormat::F32, 4, 256, true}, target, {0, 63, 200});
    checkAttend({10, 2, 20, 0.3, 7, 20, CacheFormat::F16, 4, 64, true}, target, {0, 17, 64, 255});
  }
}

// The schedule must not show in the result: 0 ULP between register tiles.
TEST(HalideAttend, SameBitsForEverySchedule) {
  for (const TargetDesc &target : runnableTargets()) {
    AttendKernel k{6, 1, 64, 0.125, 0, 0, CacheFormat::F16, 4, 256};
    std::vector<double> first;
    const std::vector<Parameter> space = backendFor(target).space(k, {}, target).parameters;
    for (int64_t heads : space.front().choices) {
      KernelRun run(k, target, {{"heads", heads}});
      fillPlace(run, k.maxPages, 200, 0);
      for (const char *name : {"q", "K", "V"})
        run.fill(name, randomValues(run.count(name), 5));
      run.call();
      if (first.empty())
        first = run.read("partial");
      run.expectEqual("partial", first);
    }
  }
}

TEST(HalideAppend, RotatesAndWrites) {
  for (const TargetDesc &target : runnableTargets())
    for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16})
      for (Pairing pairing : {Pairing::HalfSplit, Pairing::Interleaved})
        for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {80, 32}, {12, 12}, {20, 6}, {8, 0}})
          for (int64_t position : {0, 63, 64, 255})
            if (target.name == hostTarget().name || size == 64)
              checkAppend({6, 2, size, {rotated, pairing}, cache, 4}, target, position);
}

TEST(HalideAppend, ValuesOfAnotherSize) {
  for (const TargetDesc &target : runnableTargets())
    for (auto [size, valueSize] : {std::pair<int64_t, int64_t>{64, 48}, {12, 20}, {20, 12}})
      for (CacheFormat cache : {CacheFormat::F32, CacheFormat::F16}) {
        AppendKernel append{6, 2, size, {size / 2, Pairing::HalfSplit}, cache, 4};
        append.ownValueSize = valueSize;
        checkAppend(append, target, 130);
        AttendKernel attend{6, 2, size, 0.3, 0, 0, cache, 4, 128};
        attend.ownValueSize = valueSize;
        checkAttend(attend, target, {0, 130, 255});
      }
}

TEST(HalideRotate, HeadsAndPairings) {
  for (const TargetDesc &target : runnableTargets())
    for (Pairing pairing : {Pairing::HalfSplit, Pairing::Interleaved})
      for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {80, 32}, {12, 12}, {20, 6}})
        for (int64_t heads : {1, 5})
          checkRotate({heads, size, {rotated, pairing}, 4}, target, 200);
}

TEST(HalideAppend, RotatesByTheSequencesLength) {
  for (const TargetDesc &target : runnableTargets())
    for (auto [size, rotated] : {std::pair<int64_t, int64_t>{64, 64}, {12, 12}, {20, 6}})
      for (int64_t length : {1, 100, 101, 250, 256}) {
        const Rotation switched{rotated, Pairing::HalfSplit, LengthRule::Switch, 100},
            grown{rotated, Pairing::HalfSplit, LengthRule::Grow, 100, 157, 1.25};
        for (const Rotation &rotation : {switched, grown}) {
          checkAppend({6, 2, size, rotation, CacheFormat::F32, 4}, target, length - 1, 0, length);
          checkRotate({5, size, rotation, 4}, target, length - 1, length);
        }
      }
}

// As exact at position 100000 as at 0: angles are reduced in f64.
TEST(HalideAppend, RotatesFarFromTheStart) {
  for (const TargetDesc &target : runnableTargets())
    for (LengthRule rule : {LengthRule::None, LengthRule::Switch, LengthRule::Grow}) {
      constexpr int64_t position = 100000, length = 131072;
      Rotation rotation{64, Pairing::HalfSplit, rule};
      rotation.limit = rule == LengthRule::None ? 0 : 4096;
      rotation.grown = rule == LengthRule::Grow ? length - rotation.limit + 1 : 0;
      KernelRun run(AppendKernel{1, 1, 64, rotation, CacheFormat::F32, 2048}, target);
      fillRotation(run, rotation, 2048, length);
      run.fill("positions", [](int64_t) { return static_cast<double>(position); });
      for (const char *one : {"slots", "pages", "tile"})
        run.fill(one, [](int64_t) { return 1.0; });
      for (const char *zero : {"K", "V", "v"})
        run.fill(zero, [](int64_t) { return 0.0; });
      const std::vector<double> q = randomValues(64, 41);
      run.fill("q", q);
      run.fill("k", q);
      run.call();
      run.expectNear("qr", rotatedHeads(rotation, 64, q, position, length));
    }
}

TEST(HalideAppend, OnlyTheSplitOfThePositionWrites) {
  for (int64_t split : {0, 1, 2, 3})
    checkAppend({6, 2, 64, {64, Pairing::HalfSplit}, CacheFormat::F16, 4, 64}, hostTarget(), 130, split);
}

TEST(HalideCombine, SplitsAndFormats) {
  for (const TargetDesc &target : runnableTargets())
    for (int64_t size : {8, 12, 20, 64, 80})
      for (int64_t position : {0, 63, 64, 255}) {
        checkCombine({5, size, 5 * (size + 2), 4, 64, ActFormat::F32}, target, position);
        checkCombine({8, size, 8 * (size + 2), 4, 64, ActFormat::Q16}, target, position);
        checkCombine({5, size, 5 * (size + 2), 4, 64, ActFormat::F32, true}, target, position);
      }
  checkCombine({71, 64, 71 * 66, 1, 256, ActFormat::F32}, hostTarget(), 5);
}
