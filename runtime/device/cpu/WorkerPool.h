//===- WorkerPool.h - the threads that run steps --------------------------------------------------------*- C++ -*-===//
//
// N workers: the caller is worker 0, N - 1 threads are made once. run() is one parallel region: every worker executes
// the same function once. Between regions the threads spin for a bounded time, then sleep; starting a region costs a
// system call only if one sleeps.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_WORKERPOOL_H
#define LATHE_RUNTIME_DEVICE_CPU_WORKERPOOL_H

#include "runtime/core/Result.h"
#include "runtime/device/cpu/Spin.h"
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace lathe {

class WorkerPool {
public:
  static constexpr unsigned kMaxWorkers = 1024;

  /// `workers` of them; 0: usableCores(). Fails where there are too many or the system gives no more threads.
  static Result<std::unique_ptr<WorkerPool>> create(unsigned workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool &) = delete;
  WorkerPool &operator=(const WorkerPool &) = delete;

  unsigned size() const { return count; }
  /// How long a worker spins for another one before it gives way: next to nothing where there are more workers than
  /// cores.
  uint32_t spins() const { return spinLimit; }

  /// body(worker) on every worker; returns when all have returned. For one caller at a time.
  template <typename Body> void run(Body &body) {
    start([](void *context, unsigned worker) { (*static_cast<Body *>(context))(worker); }, &body);
  }

private:
  using Function = void (*)(void *context, unsigned worker);

  explicit WorkerPool(unsigned count);
  void start(Function body, void *argument);
  void serve(unsigned worker);

  const unsigned count;
  uint32_t spinLimit;
  Function function = nullptr; ///< written before `epoch` is raised, read after; null: the threads end
  void *context = nullptr;
  alignas(kApart) std::atomic<uint32_t> epoch{0};    ///< number of the region
  alignas(kApart) std::atomic<uint32_t> running{0};  ///< threads that have not finished it
  alignas(kApart) std::atomic<uint32_t> sleeping{0}; ///< threads that need a wake-up
  std::vector<std::thread> threads;
};

} // namespace lathe

#endif
