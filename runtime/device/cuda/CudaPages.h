//===- CudaPages.h - pages on a card --------------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_CUDAPAGES_H
#define LATHE_RUNTIME_DEVICE_CUDA_CUDAPAGES_H

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Memory.h"

namespace lathe::cuda {

/// [layers][pages][page bytes] on the card, zero at first. Each operation has ended when it returns. They can't say that
/// they failed: where they do, the card is lost, and the step after them says so.
class CudaPages final : public PageMemory {
public:
  static Result<std::unique_ptr<CudaPages>> create(const Card &card, const PageShape &shape);

  void zero(int32_t page) override;
  void copy(int32_t from, int32_t to) override;
  std::optional<CacheFault> findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                          uint32_t end) const override;

  CUdeviceptr address() const { return memory.address(); }
  /// Bytes from one layer to the next.
  uint64_t layerBytes() const { return shape.pages * shape.pageBytes; }

  /// The first failure of an operation since the last call.
  Result<void> takeFailure();

private:
  CudaPages(const Card &card, const PageShape &shape) : card(card), shape(shape) {}
  CUdeviceptr place(uint32_t layer, int32_t page) const {
    return memory.address() + layer * layerBytes() + uint64_t(page) * shape.pageBytes;
  }
  /// Asks `operation` for each layer and waits.
  template <typename Operation> bool forLayers(const char *doing, Operation operation) const;

  const Card &card;
  const PageShape shape;
  DeviceMemory memory;
  Stream stream;
  mutable PinnedMemory copied;        ///< a page of every layer, made when it is first wanted
  mutable std::optional<Error> failed;
};

} // namespace lathe::cuda

#endif
