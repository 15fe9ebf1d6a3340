#include "runtime/device/cpu/WorkerPool.h"
#include <chrono>
#include <gmock/gmock.h>

namespace lathe {
namespace {

TEST(WorkerPool, RunsEachWorkerOnce) {
  for (unsigned workers : {1u, 2u, 3u, 7u}) {
    auto pool = WorkerPool::create(workers).take();
    EXPECT_EQ(pool->size(), workers);
    const std::thread::id caller = std::this_thread::get_id();
    std::vector<std::atomic<int>> runs(workers);
    for (int round = 1; round <= 200; ++round) {
      auto body = [&](unsigned worker) {
        ++runs[worker];
        EXPECT_EQ(worker == 0, std::this_thread::get_id() == caller);
      };
      pool->run(body);
      for (const std::atomic<int> &count : runs)
        ASSERT_EQ(count, round);
    }
  }
}

TEST(WorkerPool, WakesSleepers) {
  auto pool = WorkerPool::create(3).take();
  std::atomic<int> runs = 0;
  auto body = [&](unsigned) { ++runs; };
  for (int round = 1; round <= 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // long past the spinning
    pool->run(body);
    ASSERT_EQ(runs, 3 * round);
  }
}

TEST(WorkerPool, ChoosesASize) {
  EXPECT_GE(WorkerPool::create(0).take()->size(), 1u);
  EXPECT_THAT(WorkerPool::create(5000).message(), testing::HasSubstr("5000 threads are asked for; at most 1024"));
}

TEST(Barrier, LastRunsAloneAndIsSeenByAll) {
  constexpr unsigned kWorkers = 3;
  auto pool = WorkerPool::create(kWorkers).take();
  Barrier barrier(kWorkers, pool->spins());
  int shared = 0; // plain: the barrier orders it
  auto body = [&](unsigned) {
    for (int round = 1; round <= 1000; ++round) {
      barrier.arrive([&] { ++shared; });
      EXPECT_EQ(shared, round);
      barrier.arrive([] {});
    }
  };
  pool->run(body);
  EXPECT_EQ(shared, 1000);
}

} // namespace
} // namespace lathe
