//===- Halide.cpp - the CPU's backend ---------------------------------------------------------------------------===//
#include "compiler/backend/halide/Halide.h"
#include "KernelStamp.h"
#include "compiler/backend/llvm/Native.h"
#include "compiler/kernels/Signature.h"
#include "compiler/kernels/halide/Stages.h"
#include "compiler/support/MemoryFile.h"
#include "runtime/abi/model_abi.h"
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iostream>
#include <mutex>
#include <sstream>

using namespace lathe;

// The runtime hands a kernel lathe_buffers, and the kernel takes them for what Halide passes.
#define LATHE_SAME_FIELD(ours, theirs, field)                                                                          \
  static_assert(offsetof(ours, field) == offsetof(theirs, field) && sizeof(ours::field) == sizeof(theirs::field))
static_assert(sizeof(lathe_buffer) == sizeof(halide_buffer_t) && sizeof(lathe_dim) == sizeof(halide_dimension_t));
static_assert(sizeof(lathe_type) == sizeof(halide_type_t));
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, device);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, device_interface);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, host);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, flags);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, type);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, dimensions);
LATHE_SAME_FIELD(lathe_buffer, halide_buffer_t, dim);
LATHE_SAME_FIELD(lathe_dim, halide_dimension_t, min);
LATHE_SAME_FIELD(lathe_dim, halide_dimension_t, extent);
LATHE_SAME_FIELD(lathe_dim, halide_dimension_t, stride);
LATHE_SAME_FIELD(lathe_type, halide_type_t, bits);
LATHE_SAME_FIELD(lathe_type, halide_type_t, lanes);
#undef LATHE_SAME_FIELD
static_assert(int(LATHE_INT) == halide_type_int && int(LATHE_UINT) == halide_type_uint &&
              int(LATHE_FLOAT) == halide_type_float && int(LATHE_BFLOAT) == halide_type_bfloat);
static_assert(kPagePositions == LATHE_PAGE_POSITIONS);

namespace {

/// Errors as exceptions; warnings (such as: f16 is emulated on a target without F16C) are none of the user's business.
class Reporter : public Halide::CompileTimeErrorReporter {
  void warning(const char *) override {}
  void error(const char *message) override { throw Halide::CompileError(message); }
};

/// What `make` gives; Halide's exceptions end here.
template <class Make> Emitted guarded(Make make) {
  static Reporter reporter;
  static std::once_flag once;
  std::call_once(once, [] { Halide::set_custom_compile_time_error_reporter(&reporter); });
  try {
    return make();
  } catch (const Halide::Error &error) {
    return {"", error.what()};
  } catch (const std::exception &error) {
    return {"", error.what()};
  }
}

Space space(const KernelDesc &kernel, const Grid &grid, const TargetDesc &target) {
  return std::visit([&](const auto &k) { return kernelSpace(k, grid, target); }, kernel);
}

/// The kernel's pipeline; without values its directives are left out.
Built build(const KernelDesc &kernel, const TargetDesc &target, const Values *values) {
  return std::visit(
      [&](const auto &k) {
        KernelBuilder args(k, target);
        auto stages = defineKernel(k, args);
        if (values)
          scheduleKernel(stages, k, target, *values);
        return args.finish();
      },
      kernel);
}

/// What the linker calls a kernel: one library may hold the code of several targets.
std::string linkerName(const Scheduled &kernel, const TargetDesc &target) {
  std::string name = kernel.symbol() + "_" + target.name;
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '+' || c == '.'; }, '_');
  return name;
}

/// What Halide makes of a kernel.
Emitted generate(const Scheduled &kernel, const TargetDesc &target, Halide::OutputFileType type) {
  if (!space(kernel.kernel, {}, target).holds(kernel.values))
    return {"", "the schedule is not one of the kernel's"};
  return guarded([&]() -> Emitted {
    Built built = build(kernel.kernel, target, &kernel.values);
    MemoryFile file; // Halide writes to names only
    if (!file)
      return {"", std::string("no file in memory for the code generator: ") + std::strerror(errno)};
    // Argv without metadata: that holds the Funcs' names, which count up over a process.
    Halide::Module module = built.pipeline.compile_to_module(
        built.arguments, linkerName(kernel, target), halideTarget(target), Halide::LinkageType::ExternalPlusArgv);
    module.compile({{type, file.path()}});
    std::string bytes = file.bytes();
    if (bytes.empty())
      return {"", "the code generator wrote nothing"};
    return {std::move(bytes), ""};
  });
}

/// What LLVM makes of that.
Emitted native(const Scheduled &kernel, const TargetDesc &target, NativeForm form) {
  Emitted bitcode = generate(kernel, target, Halide::OutputFileType::bitcode);
  return bitcode.error.empty() ? compileBitcode(bitcode.bytes, target, form) : bitcode;
}

std::vector<CodeUnit> units(const ProgramSet &, const std::vector<Scheduled> &schedule, const TargetDesc &target) {
  std::vector<CodeUnit> units;
  for (size_t i = 0; i < schedule.size(); ++i) {
    const std::string symbol = schedule[i].symbol();
    units.push_back({.name = symbol,
                     .key = symbol + "\n" + print(signature(schedule[i].kernel)) + "\n" + schedule[i].values.print(),
                     .kernels = {i},
                     .functions = {linkerName(schedule[i], target) + "_argv"}});
  }
  return units;
}

Emitted compile(const CodeUnit &unit, const ProgramSet &, const std::vector<Scheduled> &schedule,
                const TargetDesc &target) {
  return native(schedule[unit.kernels.front()], target, NativeForm::Object);
}

/// The pipeline's loop nest, which Halide writes to std::cerr and nowhere else.
Emitted nest(const Scheduled &kernel, const TargetDesc &target, const Values *values) {
  static std::mutex oneAtATime;
  std::lock_guard lock(oneAtATime);
  return guarded([&]() -> Emitted {
    Built built = build(kernel.kernel, target, values);
    std::ostringstream text;
    struct Redirected {
      std::streambuf *before;
      ~Redirected() { std::cerr.rdbuf(before); }
    } redirected{std::cerr.rdbuf(text.rdbuf())};
    built.pipeline.print_loop_nest();
    return {text.str(), ""};
  });
}

Emitted printKernel(const Backend::Form &form, const Scheduled &kernel, const TargetDesc &target) {
  const std::string_view name = form.name;
  if (name == "nest")
    return nest(kernel, target, form.stage == std::string_view("kernels") ? nullptr : &kernel.values);
  if (name == "stmt")
    return generate(kernel, target, Halide::OutputFileType::stmt);
  return native(kernel, target, name == "asm" ? NativeForm::Assembly : NativeForm::IR);
}

void printForm(const Backend::Form &form, const ProgramSet &, const std::vector<Scheduled> &schedule,
               const TargetDesc &target, const Backend::Show &show) {
  for (const Scheduled &kernel : schedule)
    if (!show(kernel.symbol(), printKernel(form, kernel, target)))
      return;
}

} // namespace

const Backend &lathe::halideBackend() {
  static const Backend backend = {
      .name = "halide",
      .device = DeviceKind::Cpu,
      .stamp = LATHE_KERNEL_STAMP,
      .plan = [](const TargetDesc &) { return FusionOptions(); },
      .space = space,
      .units = units,
      .compile = compile,
      .forms = {{"kernels", "nest", "#"},
                {"schedule", "nest", "#"},
                {"object", "asm", "#"},
                {"object", "ll", ";"},
                {"object", "stmt", "#"}},
      .print = printForm,
  };
  return backend;
}
