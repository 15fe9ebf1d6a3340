#include "runtime/device/cpu/WorkerPool.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include <algorithm>
#include <system_error>

namespace lathe {

namespace {
// About 10 to 30 microseconds by processor. Longer than nearly all waits for a tile; but where another program holds
// one of the cores, the worker waited for may stand in line behind the one that spins, and each step then costs this
// much.
constexpr uint32_t kSpins = 512;
constexpr uint32_t kCrowdedSpins = 16; // more workers than cores: who waits is in the way
constexpr uint32_t kIdleYields = 2000; // then up to about a millisecond before sleeping: longer than sampling a token
} // namespace

WorkerPool::WorkerPool(unsigned count) : count(count) {
  spinLimit = count > std::max(1u, usableCores()) ? kCrowdedSpins : kSpins;
}

Result<std::unique_ptr<WorkerPool>> WorkerPool::create(unsigned workers) {
  if (workers == 0)
    workers = usableCores();
  if (workers > kMaxWorkers)
    return error(workers, " threads are asked for; at most ", kMaxWorkers, " are possible");
  std::unique_ptr<WorkerPool> pool(new WorkerPool(workers));
  try {
    for (unsigned worker = 1; worker < workers; ++worker)
      pool->threads.emplace_back([raw = pool.get(), worker] { raw->serve(worker); });
  } catch (const std::system_error &failure) {
    return error("thread ", pool->threads.size() + 1, " of ", workers, " cannot be started: ", failure.what());
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  function = nullptr;
  epoch.fetch_add(1);
  epoch.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

void WorkerPool::start(Function body, void *argument) {
  if (count > 1) {
    function = body;
    context = argument;
    running.store(count - 1, std::memory_order_relaxed);
    // Sequentially consistent against serve(): either we see that a thread sleeps or it sees the new region.
    epoch.fetch_add(1);
    if (sleeping.load() > 0)
      epoch.notify_all();
  }
  body(argument, 0);
  if (count > 1)
    waitUntil([&] { return running.load(std::memory_order_acquire) == 0; }, spinLimit);
}

void WorkerPool::serve(unsigned worker) {
  uint32_t seen = 0;
  for (;;) {
    const auto called = [&] { return epoch.load(std::memory_order_acquire) != seen; };
    for (uint32_t i = 0; i < spinLimit && !called(); ++i)
      relax();
    for (uint32_t i = 0; i < kIdleYields && !called(); ++i)
      std::this_thread::yield();
    if (!called()) {
      sleeping.fetch_add(1);
      epoch.wait(seen);
      sleeping.fetch_sub(1, std::memory_order_relaxed);
    }
    ++seen; // regions come one at a time: the next is not started before this one has ended
    if (!function)
      return;
    function(context, worker);
    running.fetch_sub(1, std::memory_order_release);
  }
}

} // namespace lathe
