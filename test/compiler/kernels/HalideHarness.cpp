//===- HalideHarness.cpp - compiles a kernel, runs it, compares it ----------------------------------------------===//
#include "test/compiler/kernels/HalideHarness.h"
#include "compiler/object/AbiType.h"
#include "test/TemporaryFolder.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <numeric>
#include <sys/mman.h>
#include <unistd.h>

using namespace lathe;
using namespace lathe::test;

static constexpr size_t kPage = 4096, kFront = 256;
static constexpr uint8_t kCanary = 0xA5;

GuardedBytes::GuardedBytes(size_t size) : bytes(size) {
  size_t used = (size + kFront + kPage - 1) / kPage * kPage;
  mapped = used + kPage;
  mapping = static_cast<uint8_t *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (mapping == MAP_FAILED || mprotect(mapping + used, kPage, PROT_NONE))
    abort();
  begin = mapping + used - size;
  memset(mapping, kCanary, begin - mapping);
}

GuardedBytes::~GuardedBytes() { munmap(mapping, mapped); }

bool GuardedBytes::intact() const {
  for (const uint8_t *p = mapping; p != begin; ++p)
    if (*p != kCanary)
      return false;
  return true;
}

lathe_kernel_function lathe::test::compileAndLoad(const KernelDesc &kernel, const TargetDesc &target,
                                                  const Values &values) {
  static std::map<std::string, lathe_kernel_function> loaded;
  std::string key = symbol(kernel) + " " + target.name + " " + values.print();
  if (auto found = loaded.find(key); found != loaded.end())
    return found->second;
  const std::vector<Scheduled> schedule = {{kernel, values, "fallback"}};
  const Backend &backend = backendFor(target);
  const CodeUnit unit = backend.units({}, schedule, target).front();
  Emitted object = backend.compile(unit, {}, schedule, target);
  EXPECT_EQ(object.error, "") << key;
  if (!object.error.empty())
    return nullptr;
  TemporaryFolder folder;
  std::ofstream(folder.file("k.o"), std::ios::binary) << object.bytes;
  // memcpy and memset are the C library's, which the test has.
  std::string link = std::string(LATHE_LLD_PATH) + " -shared -o " + folder.file("k.so") + " " + folder.file("k.o");
  EXPECT_EQ(std::system(link.c_str()), 0) << link;
  void *library = dlopen(folder.file("k.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  if (!library)
    return nullptr;
  auto function = reinterpret_cast<lathe_kernel_function>(dlsym(library, unit.functions.front().c_str()));
  EXPECT_NE(function, nullptr) << key;
  return loaded[key] = function;
}

KernelRun::KernelRun(const KernelDesc &kernel, const TargetDesc &target)
    : KernelRun(kernel, target, fallbackValues(kernel, target)) {}

KernelRun::KernelRun(const KernelDesc &kernel, const TargetDesc &target, const Values &values)
    : kernel(kernel), target(target), function(compileAndLoad(kernel, target, values)) {
  for (Argument argument : signature(kernel)) {
    for (Argument::Dim &dim : argument.dims)
      if (dim.stride > 0 && dim.extent == std::numeric_limits<int32_t>::max() / dim.stride)
        dim.extent = kOpenExtent;
    auto storage = std::make_shared<GuardedBytes>(argument.spanBytes());
    std::vector<lathe_dim> dims;
    for (const Argument::Dim &dim : argument.dims)
      dims.push_back({0, static_cast<int32_t>(dim.extent), static_cast<int32_t>(dim.stride), 0});
    slots.push_back({argument, storage, storage->data(), dims, {}});
  }
}

const KernelRun::Slot &KernelRun::slot(const std::string &name) const {
  for (const Slot &slot : slots)
    if (slot.argument.name == name)
      return slot;
  ADD_FAILURE() << symbol(kernel) << " has no argument " << name;
  return slots.front();
}

int64_t KernelRun::count(const std::string &name) const {
  int64_t count = 1;
  for (const Argument::Dim &dim : slot(name).argument.dims)
    count *= dim.extent;
  return count;
}

int64_t KernelRun::offset(const Slot &slot, int64_t index) {
  int64_t elements = 0;
  for (const Argument::Dim &dim : slot.argument.dims) {
    elements += index % dim.extent * dim.stride;
    index /= dim.extent;
  }
  return elements * elementBytes(slot.argument.type);
}

template <class T> static void store(uint8_t *place, T value) { memcpy(place, &value, sizeof value); }
template <class T> static double load(const uint8_t *place) {
  T value;
  memcpy(&value, place, sizeof value);
  return static_cast<double>(value);
}

void KernelRun::fill(const std::string &name, const std::function<double(int64_t)> &value) {
  const Slot &s = slot(name);
  for (int64_t i = 0, n = count(name); i < n; ++i) {
    uint8_t *place = s.host + offset(s, i);
    double v = value(i);
    switch (s.argument.type) {
    case ElementType::F32:
      store(place, static_cast<float>(v));
      break;
    case ElementType::F16:
      store(place, halfBits(v));
      break;
    case ElementType::BF16:
      store(place, static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(v)) >> 16));
      break;
    case ElementType::I8:
      store(place, static_cast<int8_t>(v));
      break;
    case ElementType::U8:
      store(place, static_cast<uint8_t>(v));
      break;
    case ElementType::U16:
      store(place, static_cast<uint16_t>(v));
      break;
    case ElementType::I32:
      store(place, static_cast<int32_t>(v));
      break;
    }
  }
}

void KernelRun::fill(const std::string &name, const std::vector<double> &values) {
  ASSERT_EQ(static_cast<int64_t>(values.size()), count(name)) << name;
  fill(name, [&](int64_t i) { return values[i]; });
}

bool lathe::test::isMatrixPart(const std::string &argument) {
  return argument == "w" || argument == "wh" || argument == "d" || argument == "m" || argument == "s" ||
         argument == "t";
}

void KernelRun::fillMatrix(const std::vector<uint8_t> &panels) {
  auto storage = std::make_shared<GuardedBytes>(panels.size());
  memcpy(storage->data(), panels.data(), panels.size());
  const auto *linear = std::get_if<LinearKernel>(&kernel);
  const auto *embed = std::get_if<EmbedKernel>(&kernel);
  const std::vector<int64_t> offsets =
      linear ? matrixOffsets(linear->format, linear->columns) : matrixOffsets(embed->format, embed->columns);
  size_t part = 0;
  for (Slot &s : slots)
    if (isMatrixPart(s.argument.name)) {
      s.storage = storage;
      s.host = storage->data() + offsets.at(part++);
      ASSERT_LE(s.host + s.argument.spanBytes(), storage->data() + storage->size()) << s.argument.name;
    }
}

uint8_t *KernelRun::bytes(const std::string &name) { return slot(name).host; }

std::vector<double> KernelRun::read(const std::string &name) const {
  const Slot &s = slot(name);
  std::vector<double> values(count(name));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint8_t *place = s.host + offset(s, i);
    switch (s.argument.type) {
    case ElementType::F32:
      values[i] = load<float>(place);
      break;
    case ElementType::F16:
      values[i] = halfValue(static_cast<uint16_t>(load<uint16_t>(place)));
      break;
    case ElementType::BF16:
      values[i] = std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(place)) << 16);
      break;
    case ElementType::I8:
      values[i] = load<int8_t>(place);
      break;
    case ElementType::U8:
      values[i] = load<uint8_t>(place);
      break;
    case ElementType::U16:
      values[i] = load<uint16_t>(place);
      break;
    case ElementType::I32:
      values[i] = load<int32_t>(place);
      break;
    }
  }
  return values;
}

void KernelRun::call() {
  ASSERT_NE(function, nullptr) << symbol(kernel) << " was not compiled";
  std::vector<void *> arguments;
  for (Slot &s : slots) {
    s.buffer = {};
    s.buffer.host = s.host;
    s.buffer.type = abiType(s.argument.type);
    s.buffer.dimensions = static_cast<int32_t>(s.dims.size());
    s.buffer.dim = s.dims.data();
    arguments.push_back(&s.buffer);
  }
  EXPECT_EQ(function(arguments.data()), 0);
  for (const Slot &s : slots)
    EXPECT_TRUE(s.storage->intact()) << symbol(kernel) << " wrote in front of " << s.argument.name;
}

void KernelRun::expectNear(const std::string &name, const std::vector<double> &reference, double slack) const {
  std::vector<double> values = read(name);
  ASSERT_EQ(values.size(), reference.size()) << name;
  Tolerance tolerance = kernelFamily(kernel).tolerance;
  double epsilon = std::numeric_limits<float>::epsilon(), worst = 0;
  size_t place = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == reference[i])
      continue;
    double allowed = (tolerance.absolute + tolerance.relative * std::fabs(reference[i])) * epsilon * slack;
    double error = std::fabs(values[i] - reference[i]) / allowed;
    if (!(error <= worst)) {
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
      place = i;
    }
  }
  EXPECT_LE(worst, 1) << symbol(kernel) << " [" << target.name << "] " << name << "[" << place << "] is "
                      << values[place] << ", should be " << reference[place] << ": " << worst << " of the tolerance";
}

void KernelRun::expectEqual(const std::string &name, const std::vector<double> &reference) const {
  std::vector<double> values = read(name);
  ASSERT_EQ(values.size(), reference.size()) << name;
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], reference[i]) << symbol(kernel) << " [" << target.name << "] " << name << "[" << i << "]";
}

std::vector<TargetDesc> lathe::test::runnableTargets() {
  std::map<std::pair<int64_t, bool>, TargetDesc> best; // by what algorithms and directives ask a target for
  for (const TargetDesc &target : targets())
    if (target.device == DeviceKind::Cpu && (hostFeatures() & target.features) == target.features)
      best[{target.lanes, target.features & (CpuAVX512_VNNI | CpuAVX_VNNI)}] = target;
  std::vector<TargetDesc> result;
  for (auto &[asked, target] : best)
    result.push_back(std::move(target));
  return result;
}

std::vector<double> lathe::test::randomValues(int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double &value : values)
    value = toF32(normal(random));
  return values;
}

std::vector<double> lathe::test::randomIntegers(int64_t count, uint64_t seed, int range) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> uniform(-range, range);
  std::vector<double> values(count);
  for (double &value : values)
    value = uniform(random);
  return values;
}

double lathe::test::toF32(double value) { return static_cast<float>(value); }
uint16_t lathe::test::halfBits(double value) { return std::bit_cast<uint16_t>(static_cast<_Float16>(value)); }
double lathe::test::halfValue(uint16_t bits) { return static_cast<double>(std::bit_cast<_Float16>(bits)); }

void lathe::test::expectQuantized(const KernelRun &run, const std::vector<double> &row) {
  std::vector<double> q = run.read("q"), low = run.read("low"), scale = run.read("scale"), sum = run.read("sum");
  ASSERT_EQ(q.size(), row.size());
  for (size_t i = 0; i < q.size(); ++i)
    q[i] = 256 * q[i] + low[i];
  ASSERT_EQ(sum.size() * 16, row.size());
  for (size_t s = 0; s < sum.size(); ++s)
    EXPECT_EQ(sum[s], std::accumulate(q.begin() + s * 16, q.begin() + s * 16 + 16, 0.0))
        << symbol(run.kernel) << " sum " << s;
  for (size_t g = 0; g < scale.size(); ++g) {
    double high = 0;
    for (size_t i = g * 32; i < g * 32 + 32; ++i)
      high = std::max(high, std::fabs(row[i]));
    double step = high / 32512;
    EXPECT_NEAR(scale[g], step, step * 1e-4) << symbol(run.kernel) << " scale of group " << g;
    for (size_t i = g * 32; i < g * 32 + 32; ++i)
      // A half for the rounding; the rest for f32 of the row itself, which is 2^9 times finer than a step.
      ASSERT_NEAR(q[i] * step, row[i], step * 0.6) << symbol(run.kernel) << " q[" << i << "]";
  }
}
