#include "runtime/device/cuda/Driver.h"
#include <cstdlib>
#include <dlfcn.h>

namespace lathe::cuda {

/// 12.3: whose JIT takes PTX 8.3 (compiler/backend/nvvm/Ptx.cpp), and which captures launches that begin early.
static constexpr int kVersion = 12030;
static constexpr char kWanted[] = "12.3 or newer";

static Result<Driver> load() {
  const char *named = std::getenv("LATHE_CUDA_DRIVER");
  const char *library = named && *named ? named : "libcuda.so.1";
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    return error("no CUDA driver: ", why ? why : library);
  }
  Driver driver;
#define X(name, parameters)                                                                                            \
  if (void *found = dlsym(handle, #name))                                                                              \
    driver.name = reinterpret_cast<CUresult(*) parameters>(found);                                                     \
  else                                                                                                                 \
    return error("the CUDA driver ", library, " has no ", #name, ": one of version ", kWanted, " would be right");
  LATHE_CUDA_DRIVER_API(X)
#undef X
  if (CUresult code = driver.cuInit(0))
    return error("the CUDA driver ", library, " does not start: ", driver.words(code));
  int version = 0;
  if (CUresult code = driver.cuDriverGetVersion(&version))
    return error("the CUDA driver ", library, " does not tell its version: ", driver.words(code));
  if (version < kVersion)
    return error("the CUDA driver ", library, " is of version ", version / 1000, ".", version % 1000 / 10,
                 "; one of version ", kWanted, " would be right");
  return driver;
}

Result<const Driver *> Driver::get() {
  static const auto &loaded = *new Result<Driver>(load()); // it outlives what is on the cards
  if (!loaded)
    return loaded.failure();
  return &*loaded;
}

std::string Driver::words(CUresult code) const {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(code, &name) || !name)
    return "error " + std::to_string(int(code)) + " of the CUDA driver";
  if (cuGetErrorString(code, &text) || !text)
    return name;
  return std::string(name) + " (" + text + ")";
}

} // namespace lathe::cuda
