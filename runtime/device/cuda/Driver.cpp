#include "runtime/device/cuda/Driver.h"
#include <cstdlib>
#include <dlfcn.h>

namespace lathe::cuda {

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
    return error("the CUDA driver ", library, " has no ", #name, ": one of version 12.0 or newer would be right");
  LATHE_CUDA_DRIVER_API(X)
#undef X
  if (CUresult code = driver.cuInit(0))
    return error("the CUDA driver ", library, " does not start: ", driver.words(code));
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
