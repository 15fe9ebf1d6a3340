//===- Builder.cpp - from a kernel's description to a Halide pipeline -------------------------------------------===//
#include "compiler/kernels/halide/Builder.h"
#include <stdexcept>

using namespace lathe;

Halide::Target lathe::halideTarget(const TargetDesc &target) {
  using T = Halide::Target;
  if (target.has(CpuASIMD)) {
    // ARMFp16 stands for f16 that the machine converts. Its arithmetic, which not every one has, no kernel uses.
    T result(T::Linux, T::ARM, 64, {T::NoRuntime, T::NoAsserts, T::NoBoundsQuery, T::ARMv82a, T::ARMFp16});
    if (target.has(CpuDOTPROD))
      result.set_feature(T::ARMDotProd);
    return result;
  }
  T result(T::Linux, T::X86, 64, {T::NoRuntime, T::NoAsserts, T::NoBoundsQuery, T::SSE41});
  auto add = [&](uint32_t needed, std::initializer_list<T::Feature> features) {
    if (target.has(needed))
      for (T::Feature feature : features)
        result.set_feature(feature);
  };
  add(CpuAVX, {T::AVX});
  add(CpuAVX2, {T::AVX2});
  add(CpuFMA, {T::FMA});
  add(CpuF16C, {T::F16C});
  add(CpuAVX512, {T::AVX512, T::AVX512_Skylake});
  // Halide's only way to VNNI without AMX. What else it brings never gets into code: compiler/backend/llvm.
  if (target.features & (CpuAVX512_VNNI | CpuAVX_VNNI))
    result.set_feature(T::AVX512_Zen4);
  return result;
}

Halide::Type lathe::halideType(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return Halide::Float(32);
  case ElementType::F16:
    return Halide::Float(16);
  case ElementType::BF16:
    return Halide::BFloat(16);
  case ElementType::I8:
    return Halide::Int(8);
  case ElementType::U8:
    return Halide::UInt(8);
  case ElementType::U16:
    return Halide::UInt(16);
  case ElementType::I32:
    return Halide::Int(32);
  }
  return {};
}

static void fixDimension(Halide::Internal::Dimension dimension, const Argument::Dim &dim) {
  dimension.set_bounds(0, static_cast<int>(dim.extent)).set_stride(static_cast<int>(dim.stride));
}

KernelBuilder::KernelBuilder(const KernelDesc &kernel, const TargetDesc &target)
    : target(target), arguments(signature(kernel)) {
  for (const Argument &argument : arguments) {
    if (argument.output)
      continue;
    Halide::ImageParam param(halideType(argument.type), static_cast<int>(argument.dims.size()), argument.name);
    for (size_t i = 0; i < argument.dims.size(); ++i)
      fixDimension(param.dim(static_cast<int>(i)), argument.dims[i]);
    inputs.emplace(argument.name, param);
  }
}

Halide::ImageParam KernelBuilder::in(const std::string &name) const { return inputs.at(name); }

Halide::Expr KernelBuilder::load(const std::string &name, const std::vector<Halide::Expr> &index) const {
  return Halide::Internal::Call::make(in(name).parameter(), index);
}

int KernelBuilder::extent(const std::string &name, int dimension) const {
  for (const Argument &argument : arguments)
    if (argument.name == name)
      return static_cast<int>(argument.dims.at(dimension).extent);
  throw std::out_of_range("no argument is called '" + name + "'");
}

void KernelBuilder::out(const std::string &name, Halide::Func func) {
  for (const Argument &argument : arguments)
    if (argument.output && argument.name == name)
      for (size_t i = 0; i < argument.dims.size(); ++i)
        fixDimension(func.output_buffer().dim(static_cast<int>(i)), argument.dims[i]);
  outputs.emplace(name, func);
}

Built KernelBuilder::finish() {
  Built built;
  std::vector<Halide::Func> funcs;
  for (const Argument &argument : arguments)
    if (argument.output)
      funcs.push_back(outputs.at(argument.name));
    else
      built.arguments.push_back(inputs.at(argument.name));
  built.pipeline = Halide::Pipeline(funcs);
  return built;
}
