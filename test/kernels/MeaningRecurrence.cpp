//===- MeaningRecurrence.cpp - what a kernel's description means: rows that change a state ----------------------===//
#include "test/kernels/Module.h"
#include <cmath>

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

namespace {

/// The block of the state that is ours, and what is in all of them before.
constexpr int64_t kOurs = 2;
constexpr double kGarbage = 1e9;

/// [channels][columns] in panels of 16 channels, the last one filled up with whatever.
std::vector<double> inPanels(const std::vector<double> &numbers, int64_t columns) {
  const auto channels = int64_t(numbers.size()) / columns;
  std::vector<double> panels(panelsOf(channels) * kPanelRows * columns, 7);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < columns; ++i)
      panels[(c / kPanelRows * columns + i) * kPanelRows + c % kPanelRows] = numbers[c * columns + i];
  return panels;
}

/// The state after a call: our block is another one, the others are as they were.
std::vector<double> othersKept(const KernelDesc &kernel) {
  for (const Argument &argument : argumentsOf(kernel))
    if (argument.name == "state") {
      std::vector<double> state(countOf(argument), kGarbage);
      const int64_t block = countOf(argument) / argument.dims.back().extent;
      std::fill_n(state.begin() + kOurs * block, block, kFree);
      return state;
    }
  return {};
}

std::vector<double> filled(std::vector<double> numbers, const KernelDesc &kernel, const std::string &name) {
  for (const Argument &argument : argumentsOf(kernel))
    if (argument.name == name)
      numbers.resize(countOf(argument), kFree);
  return numbers;
}

} // namespace

Expected<Example> test::meaning(const ConvKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const auto rows = int64_t(c.at.size());
  const std::string type = rowsType(k.channels);
  const std::vector<double> x = draw("x", rows * k.channels), w = draw("w", k.channels * k.width),
                            bias = draw("bias", k.channels);
  Module m;
  m.rows("x", x, k.channels);
  m.matrix("w", w, k.width);
  if (k.bias)
    m.vector("bias", bias);
  m.op("y",
       std::string("lathe.conv %x, %positions, %slots, @w") + (k.bias ? " bias @bias" : "") + " layer 0 : " + type);
  if (k.activation != Activation::None)
    m.op("a", std::string("lathe.activation ") + wordOf(k.activation) + " %y : " + type);
  m.end("f", k.activation == Activation::None ? "y" : "a", type);
  Expected<Matrix> y = m.run("f", {counting(rows), {c.at.begin(), c.at.end()}});
  if (!y)
    return y.takeError();
  Example example{.before = {{"w", inPanels(w, k.width)}, {"blocks", {kOurs}}}, .matrix = {}, .calls = {}};
  if (k.bias)
    example.before["bias"] = inPanels(bias, 1);
  std::vector<double> state = othersKept(k);
  example.before["state"] = std::vector<double>(state.size(), kGarbage);
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<double> input(x.begin() + r * k.channels, x.begin() + (r + 1) * k.channels);
    example.calls.push_back({{{"x", input}, {"positions", {double(c.at[r])}}},
                             {{"y", filled(row(*y, r), k, "y")}, {"state", state}},
                             "position " + std::to_string(c.at[r])});
  }
  return example;
}

Expected<Example> test::meaning(const ScanKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const auto rows = int64_t(c.at.size());
  // The op has the heads of all calls; ours are the last.
  const int64_t heads = k.groups * k.groupHeads, first = heads - k.heads, channels = heads * k.headSize;
  const int64_t parameters = k.groups * k.stateSize, decays = k.byChannel ? k.stateSize : 1;
  const std::vector<double> x = draw("x", rows * channels), dt = draw("dt", rows * heads),
                            b = draw("b", rows * parameters), cs = draw("c", rows * parameters), d = draw("d", heads),
                            bias = draw("dt_bias", heads);
  std::vector<double> a = draw("a", heads * decays);
  for (double &decay : a)
    decay = -std::fabs(decay);
  Module m;
  m.rows("x", x, channels);
  m.rows("dt", dt, heads);
  m.rows("b", b, parameters);
  m.rows("c", cs, parameters);
  m.matrix("a", a, k.byChannel ? decays : heads);
  m.vector("d", d);
  m.vector("dt_bias", bias);
  m.op("y", "lathe.scan %x, %dt, %b, %c, %positions, %slots a @a d @d dt_bias @dt_bias layer 0 groups " +
                std::to_string(k.groups) + option("dt_min", k.dtMin, 0) + option("dt_max", k.dtMax, 0) + " : " +
                rowsType(channels) + ", " + rowsType(heads) + ", " + rowsType(parameters) + ", " +
                rowsType(parameters));
  m.end("f", "y", rowsType(channels));
  Expected<Matrix> y = m.run("f", {counting(rows), {c.at.begin(), c.at.end()}});
  if (!y)
    return y.takeError();

  auto own = [&](const std::vector<double> &numbers, int64_t r, int64_t width) { // of row r, each head's `width`
    const auto begin = numbers.begin() + (r * heads + first) * width;
    return std::vector<double>(begin, begin + k.heads * width);
  };
  auto whole = [&](const std::vector<double> &numbers, int64_t r) {
    return std::vector<double>(numbers.begin() + r * parameters, numbers.begin() + (r + 1) * parameters);
  };
  Example example{
      .before = {{"blocks", {kOurs}}, {"tile", {0, double(first / k.heads), 0, 0}}}, .matrix = {}, .calls = {}};
  for (auto &[name, numbers] : {std::pair("d", d), std::pair("dt_bias", bias)})
    example.before[name] = k.byChannel ? inPanels(own(numbers, 0, 1), 1) : own(numbers, 0, 1);
  example.before["a"] = k.byChannel ? inPanels(own(a, 0, decays), decays) : own(a, 0, 1);
  const std::vector<double> state = othersKept(k);
  example.before["state"] = std::vector<double>(state.size(), kGarbage);
  for (int64_t r = 0; r < rows; ++r)
    example.calls.push_back(
        {{{"x", own(x, r, k.headSize)},
          {"dt", own(dt, r, 1)},
          {"b", whole(b, r)},
          {"c", whole(cs, r)},
          {"positions", {double(c.at[r])}}},
         {{"y", filled(part(*y, r, first * k.headSize, k.heads * k.headSize), k, "y")}, {"state", state}},
         "position " + std::to_string(c.at[r])});
  return example;
}
