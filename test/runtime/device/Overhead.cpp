// What the executor itself costs: `runtime_overhead [workers]` prints nanoseconds for a step, a phase and a call.
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuExecutor.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace lathe;

static int nothing(void **) { return 0; }

/// Median seconds of a step of `phases` phases of `tiles` calls each with `views` views.
static double stepSeconds(unsigned workers, uint32_t phases, uint32_t tiles, uint32_t views) {
  const lathe_dim dim{0, 4, 1, 0};
  const lathe_kernel kernel{"nothing", "-", nothing};
  const std::vector<lathe_view> view(phases * views, {LATHE_BASE_ARENA, 0, 0, {0, 4, 0}, {LATHE_FLOAT, 32, 1}, 1, 0});
  std::vector<lathe_call> calls;
  std::vector<lathe_phase> table;
  for (uint32_t i = 0; i < phases; ++i) {
    calls.push_back({0, LATHE_SCOPE_TILE, 1, i * views, views, 0});
    table.push_back({"", LATHE_PHASE_KERNELS, LATHE_ROWS_ALL, 1, tiles, 0, 0, 0, 0, i, 1, 0, 0, {}, {}, {}});
  }
  const lathe_program program{"", 1, 1, 0, 0, phases, 1 << 20, 0};
  lathe_model model{};
  lathe_variant variant{};
  model.vocabulary = variant.logits_stride = model.max_context = model.max_slots = variant.cache.max_pages = 1;
  variant.cache.split_positions = 64;
  variant.n_programs = variant.n_dims = variant.n_kernels = 1;
  variant.n_phases = variant.n_calls = phases;
  variant.n_views = phases * views;
  variant.programs = &program;
  variant.phases = table.data();
  variant.calls = calls.data();
  variant.views = view.data();
  variant.dims = &dim;
  variant.kernels = &kernel;
  const HostWeights none{{}};
  auto executor =
      CpuExecutor::create({.model = model, .variant = variant, .weights = none}, WorkerPool::create(workers).take())
          .take();
  const int32_t zero = 0;
  std::vector<double> times;
  for (int i = 0; i < 201; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!executor->run(0, {{&zero, 1}, {&zero, 1}, {&zero, 1}, {}}))
      std::abort();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(times, times.begin() + 100);
  return times[100];
}

int main(int argc, char **argv) {
  for (unsigned workers : {1u, argc > 1 ? unsigned(std::atoi(argv[1])) : 2u}) {
    const double one = stepSeconds(workers, 1, 1, 8), many = stepSeconds(workers, 1001, 1, 8);
    const double wide = stepSeconds(workers, 1, 100001, 8);
    std::printf(
        "%u workers: step of one phase %.0f ns, phase %.0f ns, call with 8 views %.1f ns of each worker's time\n",
        workers, one * 1e9, (many - one) / 1000 * 1e9, (wide - one) / 100000 * 1e9 * workers);
  }
}
