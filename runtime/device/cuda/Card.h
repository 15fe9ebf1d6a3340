//===- Card.h - one GPU, and what went wrong on it ------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_CARD_H
#define LATHE_RUNTIME_DEVICE_CUDA_CARD_H

#include "runtime/core/Result.h"
#include "runtime/device/cuda/Driver.h"
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace lathe::cuda {

/// A GPU and its primary context, which is made when it is first entered (0.1 s) and lives as long as the process. Any
/// thread may use it. An error that a kernel made takes the context with it: from then on everything on the card fails.
class Card {
public:
  static Result<std::unique_ptr<const Card>> create(const Driver &driver, int ordinal);
  Card(const Card &) = delete;

  /// Of the driver; null where there is none.
  const Driver &driver;
  std::string name;  ///< "cuda:0"
  std::string model; ///< "NVIDIA H100 80GB HBM3"
  uint32_t sm = 0;   ///< compute capability, 90 for 9.0

  /// Makes the card's context the calling thread's: before anything else is asked of the driver.
  Result<void> enter() const;
  /// The driver's handle of the card.
  CUdevice handle() const { return device; }
  /// The error that `code` is, told with what was being done: "copying weights".
  Error failure(CUresult code, const std::string &doing) const;

private:
  Card(const Driver &driver, CUdevice device) : driver(driver), device(device) {}

  CUdevice device;
  mutable std::mutex lock;
  mutable CUcontext context = nullptr;
  mutable bool lost = false; ///< a kernel's error took the context
};

/// The cards of this machine, found once. Fails where there is no driver or no card.
Result<std::vector<const Card *>> cards();

/// A handle of the driver on a card, given back when it goes. Move-only.
template <typename Handle, CUresult (*Driver::*kGiveBack)(Handle)> class Owned {
public:
  Owned() = default;
  Owned(const Card &card, Handle handle) : card(&card), handle(handle) {}
  Owned(Owned &&other) noexcept : card(other.card), handle(std::exchange(other.handle, Handle())) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(card, other.card);
    std::swap(handle, other.handle);
    return *this;
  }
  ~Owned() {
    if (handle && card->enter()) // of a context that is lost, nothing is to be given back
      (card->driver.*kGiveBack)(handle);
  }

  Handle get() const { return handle; }
  explicit operator bool() const { return handle; }

private:
  const Card *card = nullptr;
  Handle handle = Handle();
};

using Stream = Owned<CUstream, &Driver::cuStreamDestroy_v2>;
using Event = Owned<CUevent, &Driver::cuEventDestroy_v2>;
using GraphExec = Owned<CUgraphExec, &Driver::cuGraphExecDestroy>;
using Module = Owned<CUmodule, &Driver::cuModuleUnload>;

/// Ordered with no other stream.
Result<Stream> createStream(const Card &card);
Result<Event> createEvent(const Card &card);

} // namespace lathe::cuda

#endif
