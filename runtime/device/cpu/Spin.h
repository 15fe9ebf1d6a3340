//===- Spin.h - waiting for another worker --------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_SPIN_H
#define LATHE_RUNTIME_DEVICE_CPU_SPIN_H

#include <atomic>
#include <cstdint>
#include <thread>

namespace lathe {

/// Bytes that two workers must not share when both write: two lines, because processors fetch lines in pairs.
inline constexpr size_t kApart = 128;

/// Tells the processor that this is a waiting loop.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

/// Waits until done() holds: `spins` rounds of the processor's pause (tens of nanoseconds each), then giving way to
/// other threads between looks, so that a worker without a core of its own does not hold up the one it waits for.
template <typename Done> inline void waitUntil(Done done, uint32_t spins) {
  for (uint32_t i = 0; i < spins; ++i) {
    if (done())
      return;
    relax();
  }
  while (!done())
    std::this_thread::yield();
}

/// All of `count` workers arrive before any goes on. The last to arrive runs a function of its own first, alone: what
/// it writes is seen by all. Sense reversing: the phase number stands for the sense.
class Barrier {
public:
  explicit Barrier(uint32_t count, uint32_t spins) : count(count), spins(spins) {}

  template <typename Last> void arrive(Last last) {
    const uint32_t phase = released.load(std::memory_order_relaxed); // cannot move before we have arrived
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      arrived.store(0, std::memory_order_relaxed);
      last();
      released.store(phase + 1, std::memory_order_release);
      return;
    }
    waitUntil([&] { return released.load(std::memory_order_acquire) != phase; }, spins);
  }

private:
  const uint32_t count, spins;
  alignas(kApart) std::atomic<uint32_t> arrived{0};
  alignas(kApart) std::atomic<uint32_t> released{0};
};

} // namespace lathe

#endif
