#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/device/cuda/CudaExecutor.h"
#include "runtime/device/cuda/CudaWeights.h"
#include <algorithm>
#include <string_view>

namespace lathe {

namespace {

/// "9.0"
std::string capability(uint32_t sm) { return std::to_string(sm / 10) + "." + std::to_string(sm % 10); }

class CudaDevice final : public Device {
public:
  explicit CudaDevice(const cuda::Card &card) : card(card) {}

  std::string name() const override { return card.name; }
  std::string description() const override { return card.model; }
  std::string target() const override { return "sm_" + std::to_string(card.sm) + (card.sm == 90 ? "a" : ""); }
  bool hasFreePages() const override { return false; }

  std::optional<std::string> lacks(const lathe_variant &variant) const override {
    if (variant.device != LATHE_DEVICE_CUDA)
      return "this is a GPU";
    if (variant.sm == card.sm)
      return std::nullopt;
    const std::string is = "this " + card.model + " has compute capability " + capability(card.sm) + ", ";
    if (std::string_view(variant.target).ends_with("a")) // code of one architecture's own instructions
      return is + "which must be " + capability(variant.sm);
    if (card.sm < variant.sm)
      return is + "which must be " + capability(variant.sm) + " at least";
    // Machine code runs on later cards of its generation, PTX on all.
    const bool ptx = std::any_of(variant.units, variant.units + variant.n_units,
                                 [](const lathe_unit &unit) { return unit.kind == LATHE_UNIT_PTX; });
    if (card.sm / 10 != variant.sm / 10 && !ptx)
      return is + "and there is no PTX for it";
    return std::nullopt;
  }

  Result<std::shared_ptr<const DeviceWeights>> load(std::span<const uint8_t> data) const override {
    return cuda::loadWeights(card, data);
  }

  Result<std::unique_ptr<PageMemory>> createPages(const PageShape &shape) const override {
    Result<std::unique_ptr<cuda::CudaPages>> pages = cuda::CudaPages::create(card, shape);
    if (!pages)
      return pages.takeError();
    return std::unique_ptr<PageMemory>(pages.take());
  }

  Result<std::unique_ptr<Executor>> createExecutor(const ExecutorInput &input, const DeviceOptions &) const override {
    Result<std::unique_ptr<cuda::CudaExecutor>> executor = cuda::CudaExecutor::create(card, input);
    if (!executor)
      return executor.takeError();
    return std::unique_ptr<Executor>(executor.take());
  }

private:
  const cuda::Card &card;
};

} // namespace

Result<std::vector<std::shared_ptr<const Device>>> cudaDevices() {
  using All = std::vector<std::shared_ptr<const Device>>;
  static const Result<All> found = []() -> Result<All> {
    Result<std::vector<const cuda::Card *>> cards = cuda::cards();
    if (!cards)
      return cards.takeError();
    All all;
    for (const cuda::Card *card : *cards)
      all.push_back(std::make_shared<const CudaDevice>(*card));
    return all;
  }();
  return found;
}

} // namespace lathe
