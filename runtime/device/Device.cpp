#include "runtime/device/Device.h"
#include "runtime/device/cpu/CpuDevice.h"

namespace lathe {

const std::vector<std::shared_ptr<const Device>> &devices() {
  static const std::vector<std::shared_ptr<const Device>> all = {cpuDevice()};
  return all;
}

Result<std::shared_ptr<const Device>> findDevice(std::string_view name) {
  std::string known;
  for (const std::shared_ptr<const Device> &device : devices()) {
    if (device->name() == name)
      return device;
    known += (known.empty() ? "" : ", ") + device->name();
  }
  return error("device ", name, " is not here; there is ", known);
}

} // namespace lathe
