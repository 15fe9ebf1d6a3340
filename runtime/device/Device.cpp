#include "runtime/device/Device.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cuda/CudaDevice.h"

namespace lathe {

Result<std::vector<std::shared_ptr<const Device>>> devices(uint32_t kind) {
  if (kind == LATHE_DEVICE_CUDA)
    return cudaDevices();
  return std::vector<std::shared_ptr<const Device>>{cpuDevice()};
}

Result<std::shared_ptr<const Device>> findDevice(std::string_view name) {
  if (name == "cpu")
    return cpuDevice();
  const Result<std::vector<std::shared_ptr<const Device>>> gpus = devices(LATHE_DEVICE_CUDA);
  if (name.starts_with("cuda") && !gpus)
    return error("device ", name, " is not here: ", gpus.message());
  std::string known = "cpu";
  for (size_t i = 0; gpus && i < gpus->size(); ++i) {
    const std::shared_ptr<const Device> &gpu = (*gpus)[i];
    if (gpu->name() == name || (name == "cuda" && i == 0))
      return gpu;
    known += ", " + gpu->name() + " (" + gpu->description() + ")";
  }
  return error("device ", name, " is not here; there is ", known);
}

} // namespace lathe
