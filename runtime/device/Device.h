//===- Device.h - what runs a model's programs ----------------------------------------------------------*- C++ -*-===//
//
// A device is a kind of hardware of this machine: it says which of a model's variants it runs, holds what a context needs
// (weights, pages of the KV cache and of recurrent states, memory between phases) and walks the phase table of a step.
// What steps get and promise is the same on every device, and test/runtime/device/Conformance.h holds it to that.
//
//   Device         one a process; immutable, shared
//   DeviceWeights  weights.bin's data where the device reads it; one a model, immutable, shared
//   PageMemory     [layers][pages][page bytes]; one a context and kind of page
//   Executor       runs steps; one a context, which belongs to one thread at a time
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_DEVICE_H
#define LATHE_RUNTIME_DEVICE_DEVICE_H

#include "runtime/core/Result.h"
#include "runtime/core/TokenLogit.h"
#include "runtime/device/StepInputs.h"
#include "runtime/device/StepRecord.h"
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lathe {

struct DeviceOptions {
  unsigned threads = 0; ///< of a CPU: workers, the caller among them; 0: one for each core that this process may use
};

class DeviceWeights {
public:
  virtual ~DeviceWeights() = default;
};

/// The shape of a region of pages. Page 0 is the sink: no sequence has it, and it takes what padding rows write.
struct PageShape {
  uint32_t layers = 0;
  uint64_t pageBytes = 0; ///< of one layer
  uint32_t pages = 0;     ///< with the sink
  const char *what = "";  ///< for messages: "KV cache"
};

/// A key or value of the KV cache that is not finite.
struct CacheFault {
  uint32_t layer, position; ///< position: within the page
  bool key;                 ///< else a value
  bool nan;                 ///< else an infinity
};

class PageMemory {
public:
  virtual ~PageMemory() = default;
  /// Makes a page zero, or as another, in every layer.
  virtual void zero(int32_t page) = 0;
  virtual void copy(int32_t from, int32_t to) = 0;
  /// The first number that is not finite among those of positions begin .. end - 1 of a page of `cache`, by layers.
  virtual std::optional<CacheFault> findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                                  uint32_t end) const = 0;
};

class Executor {
public:
  virtual ~Executor() = default;
  /// The page table, to be filled before a step.
  virtual PageTable &pages() = 0;
  /// Runs one step of program number `program`. Fails, having run nothing, where the rows do not fit the program
  /// (StepInputs.h); fails with the kernel's name where one returns an error, and what the step has written is then
  /// undefined. The observer must not throw.
  virtual Result<void> run(size_t program, const StepRows &rows, const PhaseObserver &observer = {}) = 0;
  /// Logits of a row of the latest step, f32 [logits_stride], in the host's memory until the next step. Where the step
  /// was for the largest, after fetchLogits().
  virtual const float *logits(size_t row) const = 0;
  /// How many of the largest logits a step may be asked for; 0: the device does not look for them.
  virtual uint32_t mostLargest() const { return 0; }
  /// Those of a row of the latest step: at least as many as it was asked for, but for a smaller vocabulary. What is not a
  /// number comes before all, and +infinity then. Empty where it was asked for none.
  virtual LargestLogits largest(size_t row) const {
    (void)row;
    return {};
  }
  /// Brings all logits of a step that was for the largest.
  virtual Result<void> fetchLogits() { return {}; }
  /// Brings some of a row: `count` from `first` on, valid until the next step.
  virtual Result<std::span<const float>> fetchLogits(size_t row, size_t first, size_t count) {
    return std::span(logits(row) + first, count);
  }
  /// Workers of a CPU; 1 where there are no such things.
  virtual unsigned threads() const = 0;
  /// From now on steps are recorded in `into`, which outlives them; null: no longer. It slows a step by the time of two
  /// looks at the clock a phase. Of a device that knows no times of workers the record stays empty.
  void record(StepRecord *into) { recording = into; }

protected:
  StepRecord *recording = nullptr;
};

/// What an executor runs; all of it outlives the executor.
struct ExecutorInput {
  const lathe_model &model; ///< has passed checkTables (runtime/model)
  const lathe_variant &variant;
  const DeviceWeights &weights;
  PageMemory *cache = nullptr; ///< null where no layer has a cache
  PageMemory *state = nullptr; ///< null where no layer is recurrent
};

class Device {
public:
  virtual ~Device() = default;
  /// "cpu", "cuda:0".
  virtual std::string name() const = 0;
  /// What it is, for people: "NVIDIA H100 80GB HBM3".
  virtual std::string description() const = 0;
  /// What `lathe compile --target` makes code for it of: "host", "sm_90a".
  virtual std::string target() const = 0;
  /// Whether pages that nothing has written take no memory, so that a context may have more than it will use.
  virtual bool hasFreePages() const = 0;
  /// What keeps it from running a variant: "this processor lacks AVX2". Nothing: it runs it.
  virtual std::optional<std::string> lacks(const lathe_variant &variant) const = 0;
  /// `data` (weights.bin's) outlives the result.
  virtual Result<std::shared_ptr<const DeviceWeights>> load(std::span<const uint8_t> data) const = 0;
  virtual Result<std::unique_ptr<PageMemory>> createPages(const PageShape &shape) const = 0;
  virtual Result<std::unique_ptr<Executor>> createExecutor(const ExecutorInput &input,
                                                           const DeviceOptions &options) const = 0;
};

/// The devices of this machine that run variants for a lathe_device. GPUs are looked for when they are first asked for,
/// which takes a tenth of a second. Fails, saying why, where there is none.
Result<std::vector<std::shared_ptr<const Device>>> devices(uint32_t kind);
/// The one of that name: "cpu", "cuda:0", "cuda:1"; "cuda" is the first. Fails, listing what there is.
Result<std::shared_ptr<const Device>> findDevice(std::string_view name);

} // namespace lathe

#endif
