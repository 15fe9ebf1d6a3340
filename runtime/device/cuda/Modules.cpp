#include "runtime/device/cuda/Modules.h"
#include <cstring>

namespace lathe::cuda {

/// The first line of what a compiler has written that says something.
static std::string firstLine(std::string_view log) {
  log.remove_prefix(std::min(log.find_first_not_of(" \t\r\n"), log.size()));
  return std::string(log.substr(0, log.find_first_of("\r\n")));
}

Result<Module> Modules::loadOne(const lathe_unit &unit) const {
  // PTX must end with a zero, which is no part of a unit.
  const std::string text = unit.kind == LATHE_UNIT_PTX
                               ? std::string(static_cast<const char *>(unit.image), unit.image_bytes)
                               : std::string();
  char log[4096] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  CUmodule module = nullptr;
  const CUresult code = card->driver.cuModuleLoadDataEx(
      &module, unit.kind == LATHE_UNIT_PTX ? text.c_str() : unit.image, std::size(options), options, values);
  if (!code)
    return Module(*card, module);
  log[sizeof log - 1] = 0;
  const std::string line = firstLine(log);
  return card->failure(code, std::string("loading ") + (unit.kind == LATHE_UNIT_PTX ? "PTX" : "machine code") +
                                 " of unit " + unit.name + (line.empty() ? "" : ": " + line));
}

Result<CUmodule> Modules::load(uint32_t unit) {
  if (const auto known = loaded.find(unit); known != loaded.end())
    return known->second.get();
  for (uint32_t tried = unit;; ++tried) {
    Result<Module> module = loadOne(variant->units[tried]);
    if (module)
      return loaded.emplace(unit, module.take()).first->second.get();
    if (tried + 1 == variant->n_units || std::strcmp(variant->units[tried].name, variant->units[tried + 1].name) != 0)
      return module.takeError();
  }
}

Result<CUfunction> Modules::function(const lathe_launch &launch) {
  const uint32_t unit = launch.unit - 1;
  Function &function = functions[{unit, launch.entry}];
  if (!function.handle) {
    Result<CUmodule> module = load(unit);
    if (!module)
      return module.takeError();
    if (CUresult code = card->driver.cuModuleGetFunction(&function.handle, *module, launch.entry))
      return card->failure(code, std::string("finding ") + launch.entry + " in unit " + variant->units[unit].name);
  }
  if (launch.shared_bytes > function.shared) {
    if (CUresult code = card->driver.cuFuncSetAttribute(
            function.handle, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(launch.shared_bytes)))
      return card->failure(code, "asking for " + std::to_string(launch.shared_bytes) +
                                     " bytes of shared memory for " + launch.entry);
    function.shared = launch.shared_bytes;
  }
  return function.handle;
}

} // namespace lathe::cuda
