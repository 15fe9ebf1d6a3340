#include "runtime/device/cuda/Card.h"

namespace lathe::cuda {

namespace {

/// Errors after which the driver refuses everything else.
bool takesTheContext(CUresult code) {
  switch (code) {
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_LAUNCH_TIMEOUT:
  case CUDA_ERROR_ASSERT:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_INVALID_ADDRESS_SPACE:
  case CUDA_ERROR_INVALID_PC:
  case CUDA_ERROR_LAUNCH_FAILED:
    return true;
  default:
    return false;
  }
}

} // namespace

Result<std::unique_ptr<const Card>> Card::create(const Driver &driver, int ordinal) {
  const std::string name = "cuda:" + std::to_string(ordinal);
  CUdevice device;
  char model[256] = "";
  int major = 0, minor = 0;
  for (CUresult code :
       {driver.cuDeviceGet(&device, ordinal), driver.cuDeviceGetName(model, sizeof model, device),
        driver.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device),
        driver.cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device)})
    if (code)
      return error(name, ": asking what it is: ", driver.words(code));
  std::unique_ptr<Card> card(new Card(driver, device));
  card->name = name;
  card->model = model;
  card->sm = uint32_t(major * 10 + minor);
  return std::unique_ptr<const Card>(std::move(card));
}

Result<void> Card::enter() const {
  const std::lock_guard guard(lock);
  if (lost)
    return error(name, ": a kernel has failed on it, and it takes nothing more from this process");
  if (!context)
    if (CUresult code = driver.cuDevicePrimaryCtxRetain(&context, device))
      return error(name, ": making its context: ", driver.words(code));
  if (CUresult code = driver.cuCtxSetCurrent(context))
    return error(name, ": entering its context: ", driver.words(code));
  return {};
}

Error Card::failure(CUresult code, const std::string &doing) const {
  const bool last = takesTheContext(code);
  if (last) {
    const std::lock_guard guard(lock);
    lost = true;
  }
  return error(name, ": ", doing, ": ", driver.words(code),
               last ? "; the device takes nothing more from this process" : "");
}

Result<std::vector<const Card *>> cards() {
  using All = std::vector<std::unique_ptr<const Card>>;
  static const auto &found = *new Result<All>([]() -> Result<All> { // they outlive what is on them
    Result<const Driver *> driver = Driver::get();
    if (!driver)
      return driver.takeError();
    int count = 0;
    if (CUresult code = (*driver)->cuDeviceGetCount(&count))
      return error("the CUDA driver does not tell its devices: ", (*driver)->words(code));
    if (count == 0)
      return error("the CUDA driver finds no device");
    All all;
    for (int i = 0; i < count; ++i) {
      Result<std::unique_ptr<const Card>> card = Card::create(**driver, i);
      if (!card)
        return card.takeError();
      all.push_back(card.take());
    }
    return all;
  }());
  if (!found)
    return found.failure();
  std::vector<const Card *> all;
  for (const std::unique_ptr<const Card> &card : *found)
    all.push_back(card.get());
  return all;
}

Result<Stream> createStream(const Card &card) {
  CUstream stream;
  if (CUresult code = card.driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING))
    return card.failure(code, "making a stream");
  return Stream(card, stream);
}

Result<Event> createEvent(const Card &card) {
  CUevent event;
  if (CUresult code = card.driver.cuEventCreate(&event, CU_EVENT_DEFAULT))
    return card.failure(code, "making an event");
  return Event(card, event);
}

} // namespace lathe::cuda
