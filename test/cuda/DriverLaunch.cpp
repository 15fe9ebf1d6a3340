//===- DriverLaunch.cpp - a kernel's launch -----------------------------------------------------------------------===//
#include "test/cuda/Driver.h"
#include <cstring>

using namespace lathe::ptx;

/// What the driver itself checks before a kernel starts; an empty text when all is well.
static std::string refuse(const Driver &driver, const CUfunc_st &function, const CUlaunchConfig &config) {
  const Program &program = *function.program;
  const uint32_t block[3] = {config.blockDimX, config.blockDimY, config.blockDimZ};
  const uint64_t threads = uint64_t(block[0]) * block[1] * block[2];
  if (!config.gridDimX || !config.gridDimY || !config.gridDimZ || config.gridDimY > 65535 || config.gridDimZ > 65535 ||
      config.gridDimX > 0x7FFFFFFF)
    return "a grid of " + std::to_string(config.gridDimX) + " x " + std::to_string(config.gridDimY) + " x " +
           std::to_string(config.gridDimZ);
  if (!threads || threads > 1024 || block[2] > 64)
    return "blocks of " + std::to_string(threads) + " threads";
  if (threads > program.maxThreads)
    return "blocks of " + std::to_string(threads) + " threads, where the kernel allows " +
           std::to_string(program.maxThreads);
  if (program.exactThreads && !std::equal(block, block + 3, program.threads))
    return "blocks of other threads than the kernel's .reqntid";
  const int allowed = std::max(function.dynamicShared, driver.limits.sharedPerBlock - int(program.staticSharedBytes));
  if (int(config.sharedMemBytes) > allowed)
    return std::to_string(config.sharedMemBytes) + " bytes of dynamic shared memory, where " + std::to_string(allowed) +
           " are allowed";
  return "";
}

static CUresult launch(const CUlaunchConfig &config, CUfunction function, void **parameters, void **extra) {
  LATHE_CALL(Context);
  if (!driver.functions.count(function))
    return CUDA_ERROR_INVALID_HANDLE;
  const std::string name = function->program->name;
  if (extra)
    return report(CUDA_ERROR_NOT_SUPPORTED, "launch of " + name + ": parameters through `extra`");
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute &attribute = config.attrs[i];
    const auto &cluster = attribute.value.clusterDim;
    const bool known =
        attribute.id == CU_LAUNCH_ATTRIBUTE_IGNORE || attribute.id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE ||
        attribute.id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION ||
        (attribute.id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION && cluster.x * cluster.y * cluster.z == 1);
    if (!known)
      return report(CUDA_ERROR_NOT_SUPPORTED,
                    "launch of " + name + ": attribute " + std::to_string(attribute.id) + " is not known here");
  }
  if (const std::string why = refuse(driver, *function, config); !why.empty())
    return report(CUDA_ERROR_INVALID_VALUE, "launch of " + name + ": " + why);
  std::vector<uint8_t> values(function->program->parameterBytes);
  for (size_t i = 0; i < function->program->parameters.size(); ++i) {
    if (!parameters || !parameters[i])
      return report(CUDA_ERROR_INVALID_VALUE, "launch of " + name + ": parameter " + std::to_string(i) + " is missing");
    std::memcpy(values.data() + function->program->parameters[i].offset, parameters[i],
                function->program->parameters[i].bytes);
  }
  const Grid grid{{config.gridDimX, config.gridDimY, config.gridDimZ},
                  {config.blockDimX, config.blockDimY, config.blockDimZ},
                  config.sharedMemBytes};
  const std::weak_ptr<const Program> weak = function->program;
  return driver.submit(config.hStream, [weak, grid, values, name](Driver &driver) {
    const std::shared_ptr<const Program> program = weak.lock();
    if (!program)
      return report(CUDA_ERROR_INVALID_HANDLE, "launch of " + name + ": its module is unloaded");
    const Failure failure = runKernel(*program, grid, values.data(), *driver.memory);
    if (failure.error) {
      driver.failed = failure.error; // the next call says so
      report(failure.error, failure.message);
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters,
                        void **extra) {
  return launch({gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, nullptr, 0}, function, parameters,
                extra);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra) {
  if (!config)
    return CUDA_ERROR_INVALID_VALUE;
  return launch(*config, function, parameters, extra);
}
