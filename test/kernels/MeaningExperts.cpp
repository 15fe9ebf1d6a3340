//===- MeaningExperts.cpp - what a kernel's description means: mixtures of experts ------------------------------===//
#include "test/kernels/Module.h"

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

static std::string routesType(int64_t choices) { return "tensor<?x" + std::to_string(choices) + "x!lathe.route>"; }

Expected<Example> test::meaning(const RouteKernel &k, const KernelCase &c) {
  const Draw draw(c);
  Module m;
  Example example{.before = {{"x", draw.argument("x")}}, .matrix = {}, .calls = {}};
  m.rows("x", example.before["x"], k.experts);
  std::string route = k.scoring == Scoring::Softmax ? "lathe.route softmax %x" : "lathe.route sigmoid %x";
  if (k.bias) {
    m.vector("bias", example.before["bias"] = draw.argument("bias"));
    route += " bias @bias";
  }
  if (k.keep < k.groups)
    route += " groups " + std::to_string(k.groups) + " keep " + std::to_string(k.keep);
  m.op("y", route + (k.normalise ? " normalize" : "") + option("scale", k.scale, 1) + " : " + rowsType(k.experts) +
                " -> " + routesType(k.choices));
  m.end("f", "y", routesType(k.choices));
  Expected<Matrix> y = m.run("f", {.ids = {0}});
  if (!y)
    return y.takeError();
  example.calls.push_back({{}, {{"y", row(*y, 0)}}});
  return example;
}

/// The table of a ChoiceLayout, from the choices in the order of their experts, those of an expert in whole tiles.
static Numbers table(const ChoiceLayout &l, const Matrix &choices) {
  std::vector<double> tiles(1 + l.tiles(), kFree), rows(l.places(), kFree),
      places(l.experts + l.rows * l.choices, kFree);
  int64_t next = 0;
  double expert = -1;
  for (int64_t i = 0; i < choices.rows; ++i) {
    const double *choice = choices.row(i); // row, which of its choices, expert
    if (choice[2] != expert)
      next = (next + l.tileRows - 1) / l.tileRows * l.tileRows;
    expert = choice[2];
    tiles[1 + next / l.tileRows] = expert;
    rows[next] = choice[0];
    places[l.experts + int64_t(choice[0]) * l.choices + int64_t(choice[1])] = double(next++);
  }
  tiles[0] = double((next + l.tileRows - 1) / l.tileRows);
  return {{"tiles", tiles}, {"rows", rows}, {"places", places}};
}

Expected<Example> test::meaning(const AssignKernel &k, const KernelCase &c) {
  const ChoiceLayout &l = k.layout;
  Module m;
  Example example;
  const std::string type = routesType(l.choices);
  for (auto [result, itsType] : {std::pair("routes", type.c_str()), std::pair("choices", "tensor<?x!lathe.choice>")}) {
    m.rows("x", Draw(c)("x", l.rows * l.experts), l.experts);
    m.op("routes", "lathe.route softmax %x : " + rowsType(l.experts) + " -> " + type);
    m.op("choices", "lathe.assign %routes experts " + std::to_string(l.experts) + " : " + type);
    m.end(result, result, itsType);
  }
  Expected<Matrix> routes = m.run("routes", {.ids = counting(l.rows)});
  if (!routes)
    return routes.takeError();
  example.before["routes"] = routes->values;
  for (int64_t present : c.at) {
    Expected<Matrix> choices = m.run("choices", {.ids = counting(present)});
    if (!choices)
      return choices.takeError();
    example.calls.push_back(
        {{{"tile", {0, 0, 0, 0, double(present)}}}, table(l, *choices), std::to_string(present) + " rows"});
  }
  return example;
}

Expected<Example> test::meaning(const CollectKernel &k, const KernelCase &c) {
  const Draw draw(c);
  Example example{
      .before = {{"x", draw.argument("x")}, {"weights", draw.argument("weights")}}, .matrix = {}, .calls = {}};
  const std::vector<double> &x = example.before["x"], &weights = example.before["weights"];
  Matrix chosen(k.choices, k.columns), choices(k.choices, 3), routes(1, 2 * k.choices);
  std::vector<double> places;
  for (int64_t j = 0; j < k.choices; ++j) {
    const int64_t place = (5 * j + k.places - 1) % k.places;
    places.push_back(double(place));
    std::copy_n(x.begin() + place * k.columns, k.columns, chosen.row(j));
    choices.row(j)[1] = choices.row(j)[2] = routes.row(0)[j] = double(j); // experts 0, 1, … of row 0
    routes.row(0)[k.choices + j] = weights[j];
  }
  example.calls.push_back({{{"places", places}}, {{"y", row(reference::collect(chosen, choices, routes), 0)}}});
  return example;
}
