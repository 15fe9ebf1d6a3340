//===- Registry.cpp - the CPU kernel families -------------------------------------------------------------------===//
#include "compiler/kernels/halide/Registry.h"
#include "compiler/kernels/halide/Builder.h"
#include "compiler/kernels/halide/Spaces.h"
#include <stdexcept>

using namespace lathe;

/// A builder of one kind of description as a builder of any.
template <class Kernel, Built (*function)(const Kernel &, const TargetDesc &, const Values &)>
static Built any(const KernelDesc &kernel, const TargetDesc &target, const Values &values) {
  return function(std::get<Kernel>(kernel), target, values);
}
template <class Kernel, std::vector<Parameter> (*function)(const Kernel &, const TargetDesc &)>
static std::vector<Parameter> any(const KernelDesc &kernel, const TargetDesc &target) {
  return function(std::get<Kernel>(kernel), target);
}

const std::vector<Family> &lathe::families() {
  // In the order of KernelDesc's alternatives.
  static const std::vector<Family> all = {
      {"embed", any<EmbedKernel, buildEmbed>, any<EmbedKernel, embedSpace>, {1, 0}},
      {"norm", any<NormKernel, buildNorm>, any<NormKernel, normSpace>, {16, 4}},
      {"linear", any<LinearKernel, buildLinear>, any<LinearKernel, linearSpace>, {64, 64}},
      {"append", any<AppendKernel, buildAppend>, any<AppendKernel, appendSpace>, {8, 8}},
      {"attend", any<AttendKernel, buildAttend>, any<AttendKernel, attendSpace>, {64, 64}},
      {"combine", any<CombineKernel, buildCombine>, any<CombineKernel, combineSpace>, {16, 16}},
      {"pointwise", any<PointwiseKernel, buildPointwise>, any<PointwiseKernel, pointwiseSpace>, {16, 4}},
      {"conv", any<ConvKernel, buildConv>, any<ConvKernel, convSpace>, {16, 16}},
      {"scan", any<ScanKernel, buildScan>, any<ScanKernel, scanSpace>, {64, 64}},
      {"route", any<RouteKernel, buildRoute>, any<RouteKernel, routeSpace>, {64, 1}},
      {"assign", any<AssignKernel, buildAssign>, any<AssignKernel, assignSpace>, {0, 0}},
      {"collect", any<CollectKernel, buildCollect>, any<CollectKernel, collectSpace>, {16, 16}},
      {"rotate", any<RotateKernel, buildRotate>, any<RotateKernel, rotateSpace>, {8, 8}},
  };
  return all;
}

const Family &lathe::familyOf(const KernelDesc &kernel) { return families()[kernel.index()]; }

Values lathe::fallbackValues(const KernelDesc &kernel, const TargetDesc &target) {
  Values values;
  for (const Parameter &parameter : familyOf(kernel).space(kernel, target))
    values.set(parameter.name, parameter.fallback);
  return values;
}

int64_t Values::operator[](const std::string &name) const {
  for (const auto &[key, value] : list)
    if (key == name)
      return value;
  throw std::out_of_range("the schedule has no value '" + name + "'");
}

void Values::set(const std::string &name, int64_t value) {
  for (auto &entry : list)
    if (entry.first == name) {
      entry.second = value;
      return;
    }
  list.emplace_back(name, value);
}

std::string Values::print() const {
  std::string text;
  for (const auto &[name, value] : list)
    text += (text.empty() ? "" : " ") + name + "=" + std::to_string(value);
  return text;
}
