//===- Meaning.cpp - what a kernel's description means: rows without a past -------------------------------------===//
#include "test/kernels/Meaning.h"
#include "test/kernels/Module.h"
#include "test/kernels/PackedMatrix.h"
#include <limits>

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

Expected<Example> test::exampleOf(const KernelCase &kernelCase) {
  return std::visit([&](const auto &kernel) { return meaning(kernel, kernelCase); }, kernelCase.kernel);
}

std::vector<Argument> test::argumentsOf(const KernelDesc &kernel) {
  // Enough for the pages of a sequence and some of others, and for blocks of states.
  int64_t open = 6;
  if (const auto *attend = std::get_if<AttendKernel>(&kernel))
    open = attend->maxPages + 2;
  if (const auto *append = std::get_if<AppendKernel>(&kernel))
    open = std::min<int64_t>(append->maxPages, 30) + 2;
  std::vector<Argument> arguments = signature(kernel);
  for (Argument &argument : arguments)
    for (Argument::Dim &dim : argument.dims)
      if (dim.stride > 0 && dim.extent == std::numeric_limits<int32_t>::max() / dim.stride)
        dim.extent = open;
  return arguments;
}

int64_t test::countOf(const Argument &argument) {
  int64_t count = 1;
  for (const Argument::Dim &dim : argument.dims)
    count *= dim.extent;
  return count;
}

Expected<Example> test::meaning(const EmbedKernel &k, const KernelCase &c) {
  PackedMatrix table = randomMatrix(k.format, k.vocabulary, k.columns, c.seed);
  Module m;
  m.matrix("table", {table.values.begin(), table.values.begin() + k.vocabulary * k.columns}, k.columns);
  m.op("y", "lathe.embed %ids, @table" + option("scale", k.scale, 1) + option("offset", k.offset) + " : " +
                rowsType(k.columns));
  m.end("f", "y", rowsType(k.columns));
  Expected<Matrix> y = m.run("f", {.ids = {c.at.begin(), c.at.end()}});
  if (!y)
    return y.takeError();
  Example example{.before = {}, .matrix = std::move(table.bytes), .calls = {}};
  for (size_t i = 0; i < c.at.size(); ++i)
    example.calls.push_back({{{"ids", {double(c.at[i])}}}, {{"y", row(*y, i)}}});
  return example;
}

Expected<Example> test::meaning(const NormKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const std::string type = rowsType(k.columns);
  Module m;
  Example example{.before = {{"x", draw.argument("x")}}, .matrix = {}, .calls = {}};
  m.rows("x", example.before["x"], k.columns);
  std::string norm = k.kind == NormKind::RMS ? "lathe.norm rms %x" : "lathe.norm layer %x";
  if (k.kind != NormKind::None && !k.unweighted) {
    m.vector("weight", example.before["weight"] = draw.argument("weight"));
    norm += ", @weight";
  }
  if (k.bias) {
    m.vector("bias", example.before["bias"] = draw.argument("bias"));
    norm += " bias @bias";
  }
  norm += " eps " + text(k.eps) + (k.unitOffset ? " unit_offset" : "") + option("group", k.group) + " : " + type;
  if (k.kind != NormKind::None)
    m.op("n", norm);
  m.op("y", std::string("lathe.take_rows ") + (k.kind == NormKind::None ? "%x" : "%n") + ", %rows : " + type);
  m.end("f", "y", type);
  for (int64_t wanted : c.at) {
    Expected<Matrix> y = m.run(
        "f", {.ids = counting(std::max<int64_t>(1, k.gatherRows)), .positions = {}, .logitRows = {int32_t(wanted)}});
    if (!y)
      return y.takeError();
    example.calls.push_back({{}, {{"y", row(*y, 0)}}});
    if (k.gatherRows)
      example.calls.back().inputs = {{"rows", {double(wanted)}}};
  }
  return example;
}

/// The planes (of q8: the plane) of a linear's quantised rows, drawn, as arguments; the result is the numbers that they stand for. Scales
/// have 9 bits, so that a number of 24 bits is exact in f32.
static std::vector<double> drawQuantized(const LinearKernel &k, const KernelCase &c, Numbers &arguments) {
  const Draw draw(c);
  const bool q16 = k.input == ActFormat::Q16;
  const int64_t count = k.rows * k.columns, groups = count / scaleColumns(k.input);
  const bool integers = c.fill == Fill::Integers;
  const int64_t most = !q16 ? 127 : integers ? 260 : 32512;
  std::vector<double> whole = draw.integers("q", count, -most, most), scale = draw.integers("scale", groups, 1, 511);
  std::vector<double> q(count), low(count), sum(count / kSumColumns), x(count);
  for (double &step : scale) // about 1 for the middle of a plane's numbers
    step = integers ? 1.0 / 256 : step * (q16 ? 0x1p-22 : 0x1p-14);
  for (int64_t i = 0; i < count; ++i) {
    const auto v = int64_t(whole[i]);
    q[i] = q16 ? double((v + 128) >> 8) : double(v);
    low[i] = double(((v + 128) & 255) - 128);
    sum[i / kSumColumns] += whole[i];
    x[i] = whole[i] * scale[i / scaleColumns(k.input)];
  }
  arguments["q"] = std::move(q);
  if (q16)
    arguments["low"] = std::move(low);
  arguments["scale"] = std::move(scale);
  arguments["sum"] = std::move(sum);
  return x;
}

/// Rows of panels `first`, `first` + step, ….
static std::vector<double> panels(const std::vector<double> &numbers, int64_t panel, int64_t first, int64_t step) {
  std::vector<double> chosen;
  for (int64_t p = first * panel; p < int64_t(numbers.size()); p += step * panel)
    chosen.insert(chosen.end(), numbers.begin() + p, numbers.begin() + p + panel);
  return chosen;
}

Expected<Example> test::meaning(const LinearKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const int64_t pair = k.gated ? 2 : 1, width = k.panels / pair * kPanelRows;
  PackedMatrix w = randomMatrix(k.format, k.panels * kPanelRows, k.columns, c.seed, c.fill == Fill::Integers);
  Module m;
  Example example{.before = {}, .matrix = std::move(w.bytes), .calls = {}};
  Numbers &before = example.before;
  m.rows("x", k.input != ActFormat::F32 ? drawQuantized(k, c, before) : (before["x"] = draw.argument("x")), k.columns);
  if (k.bias)
    before["bias"] = draw.argument("bias");
  const std::string type = rowsType(width);
  std::string last;
  auto next = [&](const std::string &result, const std::string &text) { m.op(last = result, text); };
  const char *const parts[] = {"gate", "up"};
  for (int64_t i = 0; i < pair; ++i) {
    const std::string name = parts[i];
    m.matrix(name + ".w", panels(w.values, kPanelRows * k.columns, i, pair), k.columns);
    if (k.bias)
      m.vector(name + ".b", panels(before["bias"], kPanelRows, i, pair));
    next(name, "lathe.linear %x, [@" + name + ".w]" + (k.bias ? " bias [@" + name + ".b]" : "") + " : " +
                   rowsType(k.columns) + " -> " + type);
  }
  const ActivationShape &shape = k.shape;
  if (k.gated)
    next("glu", std::string("lathe.glu ") + wordOf(k.activation) + " %gate, %up" + option("slope", shape.slope, 1) +
                    option("clamp", shape.clamp, 0) + option("offset", shape.offset, 0) + " : " + type);
  else if (k.activation != Activation::None)
    next("act", std::string("lathe.activation ") + wordOf(k.activation) + " %gate" + option("slope", shape.slope, 1) +
                    " : " + type);
  if (k.scale != 1)
    next("scaled", "lathe.scale %" + last + " by " + text(k.scale) + " : " + type);
  if (k.softcap != 0)
    next("capped", "lathe.softcap %" + last + " cap " + text(k.softcap) + " : " + type);
  if (k.residual) {
    m.rows("residual", before["residual"] = draw.argument("residual"), width);
    next("sum", "lathe.add %residual, %" + last + " : " + type);
  }
  m.end("f", last, type);
  Expected<Matrix> y = m.run("f", {.ids = counting(k.rows)});
  if (!y)
    return y.takeError();
  example.calls.push_back({{}, {{"y", y->values}}});
  return example;
}

Expected<Example> test::meaning(const PointwiseKernel &k, const KernelCase &c) {
  const Draw draw(c);
  const std::string type = rowsType(k.columns), slope = option("slope", k.shape.slope, 1);
  Module m;
  Example example;
  Numbers &before = example.before;
  for (const Argument &argument : argumentsOf(k))
    if (!argument.output)
      before[argument.name] = draw(argument.name, countOf(argument));
  for (const char *learned : {"positive", "negative"})
    if (before.contains(learned))
      m.vector(learned, before[learned] = {learned[0] == 'p' ? 0.75 : 0.40625});
  m.rows("x", before["x"], k.columns);
  if (before.contains("z"))
    m.rows("z", before["z"], before["z"].size());
  if (k.weights)
    m.vector("weight", before["weight"]);
  switch (k.kind) {
  case Pointwise::Add:
    m.op("y", "lathe.add %x, %z" + option("scale", k.value, 1) + " : " + type);
    break;
  case Pointwise::Glu:
    m.op("y", std::string("lathe.glu ") + wordOf(k.activation) + " %x, %z" + slope + option("clamp", k.shape.clamp, 0) +
                  option("offset", k.shape.offset, 0) + " : " + type);
    break;
  case Pointwise::Activate:
    m.op("y", std::string("lathe.activation ") + wordOf(k.activation) + " %x" + slope +
                  (k.activation == Activation::XIELU ? " positive @positive negative @negative" : "") + " : " + type);
    break;
  case Pointwise::Scale:
    m.op("y", "lathe.scale %x by " + text(k.value) + (k.weights ? ", @weight" : "") + " : " + type);
    break;
  case Pointwise::Softcap:
    m.op("y", "lathe.softcap %x cap " + text(k.value) + " : " + type);
    break;
  case Pointwise::Clip:
    m.op("y", "lathe.clip %x limit " + text(k.value) + " : " + type);
    break;
  case Pointwise::Gate:
    m.op("y", "lathe.gate %x by %z : " + type + ", " + rowsType(1));
    break;
  }
  m.end("f", "y", type);
  Expected<Matrix> y = m.run("f", {.ids = {0}});
  if (!y)
    return y.takeError();
  example.calls.push_back({{}, {{"y", row(*y, 0)}}});
  return example;
}
