//===- Backend.cpp - the backends of this build -----------------------------------------------------------------===//
#include "compiler/backend/Backend.h"
#include "compiler/backend/halide/Halide.h"
#include "compiler/backend/nvvm/Nvvm.h"
#include <cassert>

using namespace lathe;

const std::vector<const Backend *> &lathe::backends() {
  static const std::vector<const Backend *> all = {&halideBackend(), &nvvmBackend()};
  return all;
}

const Backend &lathe::backendFor(const TargetDesc &target) {
  for (const Backend *backend : backends())
    if (backend->device == target.device)
      return *backend;
  assert(false && "a target without a backend: targets() lists only those that have one");
  __builtin_unreachable();
}

Values lathe::fallbackValues(const KernelDesc &kernel, const TargetDesc &target) {
  return backendFor(target).space(kernel, {}, target).fallback();
}
