//===- Emit.cpp - one kernel through Halide's code generator ----------------------------------------------------===//
#include "compiler/object/Emit.h"
#include "compiler/kernels/halide/Builder.h"
#include "compiler/support/MemoryFile.h"
#include "runtime/abi/model_abi.h"
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <mutex>

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
static_assert(uint32_t(CpuSSE42) == LATHE_CPU_SSE4_2 && uint32_t(CpuAVX) == LATHE_CPU_AVX &&
              uint32_t(CpuAVX2) == LATHE_CPU_AVX2 && uint32_t(CpuFMA) == LATHE_CPU_FMA &&
              uint32_t(CpuF16C) == LATHE_CPU_F16C && uint32_t(CpuAVX512) == LATHE_CPU_AVX512 &&
              uint32_t(CpuAVX512VNNI) == LATHE_CPU_AVX512_VNNI && uint32_t(CpuAVX512BF16) == LATHE_CPU_AVX512_BF16 &&
              uint32_t(CpuAVX512Icelake) == LATHE_CPU_AVX512_ICELAKE && uint32_t(CpuSSE4A) == LATHE_CPU_SSE4A);
static_assert(kPagePositions == LATHE_PAGE_POSITIONS);

namespace {

/// Errors as exceptions; warnings (such as: f16 is emulated on a target without F16C) are none of the user's business.
class Reporter : public Halide::CompileTimeErrorReporter {
  void warning(const char *) override {}
  void error(const char *message) override { throw Halide::CompileError(message); }
};

void installReporter() {
  static Reporter reporter;
  static std::once_flag once;
  std::call_once(once, [] { Halide::set_custom_compile_time_error_reporter(&reporter); });
}

Halide::OutputFileType outputType(ObjectForm form) {
  switch (form) {
  case ObjectForm::Object:
    return Halide::OutputFileType::object;
  case ObjectForm::Assembly:
    return Halide::OutputFileType::assembly;
  case ObjectForm::LLVM:
    return Halide::OutputFileType::llvm_assembly;
  case ObjectForm::Stmt:
    return Halide::OutputFileType::stmt;
  }
  return Halide::OutputFileType::object;
}

} // namespace

Emitted lathe::emit(const KernelDesc &kernel, const Values &values, const TargetDesc &target, ObjectForm form,
                    const std::string &symbol) {
  installReporter();
  try {
    Built built = build(kernel, target, values);
    MemoryFile file; // Halide writes to names only
    if (!file)
      return {"", std::string("no file in memory for the code generator: ") + std::strerror(errno)};
    // Argv without metadata: that holds the Funcs' names, which count up over a process.
    Halide::Module module = built.pipeline.compile_to_module(built.arguments, symbol, halideTarget(target),
                                                             Halide::LinkageType::ExternalPlusArgv);
    module.compile({{outputType(form), file.path()}});
    std::string bytes = file.bytes();
    if (bytes.empty())
      return {"", "the code generator wrote nothing"};
    return {std::move(bytes), ""};
  } catch (const Halide::Error &error) {
    return {"", error.what()};
  } catch (const std::exception &error) {
    return {"", error.what()};
  }
}
