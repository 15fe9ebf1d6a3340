//===- DriverModule.cpp - modules and functions -------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Driver.h"
#include <cstring>

using namespace lathe::ptx;

static constexpr unsigned newestPtx = 90; ///< what a driver of CUDA 13.0 takes

/// Whether an image is PTX text, rather than a cubin or anything else.
static bool isPtx(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[at])))
      ++at;
    else if (text.substr(at, 2) == "//")
      at = std::min(text.find('\n', at), text.size());
    else if (text.substr(at, 2) == "/*")
      at = std::min(text.find("*/", at), text.size() - 2) + 2;
    else
      return text.substr(at, 8) == ".version";
  }
  return false;
}

/// Puts the module's variables into memory; those in .shared have no place of their own.
static std::map<std::string, uint64_t> placeVariables(Driver &driver, CUmod_st &module, const PtxModule &ptx) {
  std::map<std::string, uint64_t> addresses;
  for (const PtxVariable &variable : ptx.variables) {
    if (variable.space == "shared")
      continue;
    if (variable.external || variable.unsized)
      throw PtxError(variable.line, "the variable '" + variable.name + "' is defined elsewhere");
    const uint64_t address = driver.memory->allocate(std::max<uint64_t>(variable.size, 1), false);
    module.variables.push_back(address);
    addresses[variable.name] = address;
    uint8_t *host = driver.memory->host(address, variable.size);
    std::memset(host, 0, variable.size);
    std::memcpy(host, variable.data.data(), variable.data.size());
  }
  for (const PtxVariable &variable : ptx.variables)
    for (const auto &[offset, symbol] : variable.relocations) {
      const auto target = addresses.find(symbol.name);
      if (target == addresses.end())
        throw PtxError(variable.line, "'" + symbol.name + "' has no address");
      const uint64_t address = target->second + symbol.offset;
      std::memcpy(driver.memory->host(addresses[variable.name] + offset, 8), &address, 8);
    }
  return addresses;
}

static void unplace(Driver &driver, const CUmod_st &module) {
  for (CUdeviceptr each : module.variables)
    driver.memory->free(each);
}

static CUresult load(Driver &driver, CUmodule *result, const void *image, std::string &message) {
  if (!image || !result)
    return CUDA_ERROR_INVALID_VALUE;
  const char *bytes = static_cast<const char *>(image);
  if (std::memcmp(bytes,
                  "\x7f"
                  "ELF",
                  4) == 0 ||
      std::memcmp(bytes, "\x50\xed\x55\xba", 4) == 0) {
    message = "the image is a binary, and only PTX is run here";
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  if (!isPtx(bytes)) {
    message = "the image is not PTX";
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  auto module = std::make_unique<CUmod_st>();
  try {
    const PtxModule ptx = parsePtx(bytes);
    const int sm = driver.limits.sm;
    if (ptx.version > newestPtx) {
      message = "PTX " + std::to_string(ptx.version / 10) + "." + std::to_string(ptx.version % 10) + " is too new";
      return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    }
    if (ptx.exact ? int(ptx.target) != sm : int(ptx.target) > sm) {
      message = "PTX for sm_" + std::to_string(ptx.target) + (ptx.exact ? "a" : "") + " does not run on sm_" +
                std::to_string(sm);
      return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    const std::map<std::string, uint64_t> addresses = placeVariables(driver, *module, ptx);
    for (const PtxFunction &function : ptx.functions) {
      if (!function.entry || !function.defined)
        continue;
      auto entry = std::make_unique<CUfunc_st>();
      entry->program = Decoder(ptx, addresses).decode(function);
      if (int(entry->program->staticSharedBytes) > driver.limits.sharedPerBlock)
        throw PtxError(function.line, "'" + function.name + "' uses too much shared memory: " +
                                          std::to_string(entry->program->staticSharedBytes) + " bytes");
      module->functions[function.name] = std::move(entry);
    }
  } catch (const PtxError &error) {
    unplace(driver, *module);
    message = error.what();
    return CUDA_ERROR_INVALID_PTX;
  }
  *result = module.get();
  for (const auto &[name, function] : module->functions)
    driver.functions[function.get()] = module.get();
  driver.modules[module.get()] = std::move(module);
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
  LATHE_CALL(Context);
  std::string message;
  const CUresult result = load(driver, module, image, message);
  if (!result)
    return result;
  char *log = nullptr;
  size_t size = 0;
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
      log = static_cast<char *>(values[i]);
    else if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
      size = reinterpret_cast<size_t>(values[i]);
  if (log && size) {
    std::strncpy(log, message.c_str(), size - 1);
    log[size - 1] = 0;
  }
  // That a binary is none for this device is what every bundle with one meets here, before its PTX.
  return result == CUDA_ERROR_NO_BINARY_FOR_GPU ? result : report(result, message);
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleUnload(CUmodule module) {
  LATHE_CALL(Context);
  const auto found = driver.modules.find(module);
  if (found == driver.modules.end())
    return CUDA_ERROR_INVALID_HANDLE;
  unplace(driver, *module);
  for (const auto &[name, function] : module->functions)
    driver.functions.erase(function.get());
  driver.modules.erase(found);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  LATHE_CALL(Context);
  if (!driver.modules.count(module))
    return CUDA_ERROR_INVALID_HANDLE;
  const auto found = module->functions.find(name);
  if (found == module->functions.end())
    return CUDA_ERROR_NOT_FOUND;
  *function = found->second.get();
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  LATHE_CALL(Context);
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
    return CUDA_SUCCESS;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
      value + int(function->program->staticSharedBytes) > driver.limits.sharedOptIn)
    return report(CUDA_ERROR_INVALID_VALUE, "cuFuncSetAttribute of " + function->program->name + ": " +
                                                std::to_string(value) + " is too much, or the attribute cannot be set");
  function->dynamicShared = value;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  LATHE_CALL(Context);
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  const Program &program = *function->program;
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    *value = program.maxThreads;
    break;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    *value = program.staticSharedBytes;
    break;
  case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    *value = 0;
    break;
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    *value = program.localBytes;
    break;
  case CU_FUNC_ATTRIBUTE_NUM_REGS:
    *value = 64;
    break; // no allocation of registers happens here
  case CU_FUNC_ATTRIBUTE_PTX_VERSION:
  case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
    *value = driver.limits.sm;
    break;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    *value = std::max(function->dynamicShared, driver.limits.sharedPerBlock - int(program.staticSharedBytes));
    break;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int blockSize, size_t dynamic) {
  LATHE_CALL(Context);
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  if (blockSize <= 0)
    return CUDA_ERROR_INVALID_VALUE;
  const DeviceLimits &limits = driver.limits;
  const size_t shared = function->program->staticSharedBytes + dynamic + 1024;
  const int threads = (blockSize + 31) / 32 * 32;
  *blocks = int(shared) > limits.sharedPerProcessor || blockSize > int(function->program->maxThreads)
                ? 0
                : std::min({limits.threadsPerProcessor / threads, int(limits.sharedPerProcessor / shared),
                            limits.blocksPerProcessor, 65536 / (64 * threads)});
  return CUDA_SUCCESS;
}
