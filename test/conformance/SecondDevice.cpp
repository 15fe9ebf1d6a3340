//===- SecondDevice.cpp - the phase table, walked serially ------------------------------------------------------===//
#include "runtime/device/cpu/CpuDevice.h"
#include "test/conformance/Second.h"
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace lathe;

namespace {

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// A copy, where the CPU uses what is mapped.
struct CopiedWeights final : DeviceWeights {
  std::vector<uint8_t> data;
};

class SerialExecutor final : public Executor {
public:
  SerialExecutor(const ExecutorInput &input, StepInputs inputs)
      : variant(input.variant), inputs(std::move(inputs)),
        weights(static_cast<const CopiedWeights &>(input.weights).data.data()),
        cache(static_cast<HostPages *>(input.cache)), state(static_cast<HostPages *>(input.state)) {}

  ~SerialExecutor() override {
    for (void *library : libraries)
      dlclose(library);
    for (int file : files)
      close(file);
  }

  Result<void> setUp() {
    uint64_t arenaBytes = 1, scratchBytes = 1, wanted = 0;
    for (uint32_t i = 0; i < variant.n_programs; ++i) {
      arenaBytes = std::max(arenaBytes, variant.programs[i].arena_bytes);
      scratchBytes = std::max(scratchBytes, variant.programs[i].scratch_bytes);
      wanted = std::max<uint64_t>(wanted, variant.programs[i].max_logit_rows);
    }
    arena = AlignedBuffer::create(arenaBytes, "arena").take();
    scratch = AlignedBuffer::create(scratchBytes, "scratch").take();
    logitMemory = AlignedBuffer::create((wanted + paddingRows(variant)) * variant.logits_stride * 4, "logits").take();
    for (uint32_t i = 0; i < variant.n_units; ++i) {
      const lathe_unit &unit = variant.units[i];
      files.push_back(memfd_create(unit.name, 0)); // open while it is loaded: dlopen knows libraries by their paths
      const bool written = write(files.back(), unit.image, unit.image_bytes) == ssize_t(unit.image_bytes);
      const std::string path = "/proc/self/fd/" + std::to_string(files.back());
      void *library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
      if (!library)
        return error("unit ", unit.name, " cannot be loaded: ", dlerror());
      libraries.push_back(library);
    }
    return {};
  }

  PageTable &pages() override { return inputs; }
  unsigned threads() const override { return 1; }
  const float *logits(size_t row) const override {
    return reinterpret_cast<const float *>(logitMemory.data()) + row * variant.logits_stride;
  }

  Result<void> run(size_t program, const StepRows &rows, const PhaseObserver &observer) override {
    if (Result<void> fits = inputs.load(program, rows); !fits)
      return fits;
    const lathe_program &chosen = inputs.program();
    for (uint32_t i = 0; i < chosen.n_phases; ++i) {
      phase = variant.phases + chosen.first_phase + i;
      if (!phase->launch.unit)
        return error("phase ", phase->name, " is in no unit");
      const size_t tiles = walk();
      if (observer && tiles)
        observe(observer, i, tiles);
    }
    return {};
  }

private:
  const int32_t *choices() const {
    return reinterpret_cast<const int32_t *>(address(variant.views[phase->choices.table - 1]));
  }
  size_t rowsOf() const {
    return phase->rows == LATHE_ROWS_CHOICES ? size_t(*choices()) * phase->choices.tile_rows : inputs.rowsOf(*phase);
  }

  /// All tiles of the phase, the last first: their order must not matter.
  size_t walk() {
    const uint64_t rows = rowsOf(), rowTiles = phase->in_order ? rows != 0 : divideUp(rows, phase->rows_per_tile);
    const uint64_t splits = phase->splits ? inputs.splits() : 1;
    if (rowTiles)
      for (uint32_t c = phase->first_prologue; c < phase->first_prologue + phase->n_prologue; ++c)
        for (uint64_t m = 0; m < divideUp(rows, variant.calls[c].rows_per_call); ++m)
          call(variant.calls[c], m, 0, 0, 0, 0);
    for (uint64_t s = splits; s-- > 0;)
      for (uint64_t n = phase->column_tiles; n-- > 0;)
        for (uint64_t m = rowTiles; m-- > 0;)
          if (phase->in_order)
            for (uint64_t row = 0; row < rows; ++row)
              tile(row, n, s);
          else
            tile(m, n, s);
    return rowTiles * phase->column_tiles * splits;
  }

  void tile(uint64_t m, uint64_t n, uint64_t s) {
    const int64_t expert =
        phase->rows == LATHE_ROWS_CHOICES ? choices()[1 + m * phase->rows_per_tile / phase->choices.tile_rows] : 0;
    for (uint32_t c = phase->first_call; c < phase->first_call + phase->n_calls; ++c) {
      const lathe_call &made = variant.calls[c];
      const bool over = made.scope == LATHE_SCOPE_SPLITS;
      for (uint64_t split = over ? 0 : s; split < (over ? inputs.splits() : s + 1); ++split)
        for (uint32_t within = 0; within < phase->rows_per_tile / made.rows_per_call; ++within) {
          const size_t begin = m * phase->rows_per_tile + within * made.rows_per_call;
          const size_t end = begin + made.rows_per_call;
          for (size_t next = begin; next < end;) {
            first = next - begin;
            next = made.one_sequence ? inputs.runEnd(next, end) : end;
            count = next - begin - first;
            call(made, m, n, split, expert, within);
          }
        }
    }
  }

  /// Where a view starts.
  const uint8_t *address(const lathe_view &view) const {
    switch (view.base) {
    case LATHE_BASE_ARENA:
      return arena.data() + view.offset;
    case LATHE_BASE_SCRATCH:
      return scratch.data() + view.offset;
    case LATHE_BASE_WEIGHTS:
      return weights + view.offset;
    case LATHE_BASE_CACHE:
      return cache->data() + uint64_t(view.layer) * cache->layerBytes() + view.offset;
    case LATHE_BASE_STATE:
      return state->data() + uint64_t(view.layer) * state->layerBytes() + view.offset;
    case LATHE_BASE_LOGITS:
      return logitMemory.data() + view.offset;
    case LATHE_BASE_TILE:
      return reinterpret_cast<const uint8_t *>(tileNumbers) + view.offset;
    default:
      return reinterpret_cast<const uint8_t *>(const_cast<StepInputs &>(inputs).array(view.base).data()) + view.offset;
    }
  }

  void call(const lathe_call &made, uint64_t m, uint64_t n, uint64_t s, int64_t expert, uint64_t within) {
    const int32_t numbers[7] = {
        int32_t(m), int32_t(n), int32_t(s), 0, int32_t(inputs.rows()), int32_t(first), int32_t(count)};
    std::memcpy(tileNumbers, numbers, sizeof numbers);
    lathe_buffer buffers[LATHE_MAX_ARGUMENTS] = {};
    void *arguments[LATHE_MAX_ARGUMENTS];
    for (uint32_t i = 0; i < made.n_views; ++i) {
      const lathe_view &view = variant.views[made.first_view + i];
      buffers[i].host = const_cast<uint8_t *>(address(view)) + int64_t(m) * view.step[0] + int64_t(n) * view.step[1] +
                        int64_t(s) * view.step[2] + expert * view.step[3] + int64_t(within) * view.step[4];
      buffers[i].type = view.type;
      buffers[i].dimensions = int32_t(view.dimensions);
      buffers[i].dim = const_cast<lathe_dim *>(variant.dims + view.first_dim);
      arguments[i] = &buffers[i];
    }
    const std::string name = std::string(variant.kernels[made.kernel].symbol) + "_x86_64_v2_argv";
    auto function = reinterpret_cast<lathe_kernel_function>(dlsym(libraries[phase->launch.unit - 1], name.c_str()));
    function(arguments);
  }

  void observe(const PhaseObserver &observer, size_t index, size_t tiles) {
    PhaseEvent event{};
    event.phase = index;
    event.table = phase;
    event.seconds = 1e-9; // there is no clock in it
    event.tiles = tiles;
    if (phase->result) {
      const lathe_view &view = variant.views[phase->result - 1];
      event.fetch = [this, &view] { return reinterpret_cast<const float *>(address(view)); };
      event.rows = rowsOf();
      event.columns = size_t(variant.dims[view.first_dim].extent);
      event.rowStride = size_t(variant.dims[view.first_dim + 1].stride);
    }
    observer(event);
  }

  const lathe_variant &variant;
  StepInputs inputs;
  const uint8_t *weights;
  HostPages *cache, *state;
  AlignedBuffer arena, scratch, logitMemory;
  std::vector<int> files;
  std::vector<void *> libraries; ///< of the units
  const lathe_phase *phase = nullptr;
  int32_t tileNumbers[7] = {};
  size_t first = 0, count = 0; ///< of a call: which of its rows it is for
};

class SecondDevice final : public Device {
public:
  std::string name() const override { return "second"; }
  std::string description() const override { return "the second"; }
  std::string target() const override { return test::secondTarget().name; }
  bool hasFreePages() const override { return true; }
  std::optional<std::string> lacks(const lathe_variant &variant) const override {
    return variant.target == test::secondTarget().name ? std::nullopt
                                                       : std::optional<std::string>("this is the second");
  }
  Result<std::shared_ptr<const DeviceWeights>> load(std::span<const uint8_t> data) const override {
    auto weights = std::make_shared<CopiedWeights>();
    weights->data.assign(data.begin(), data.end());
    return std::shared_ptr<const DeviceWeights>(weights);
  }
  Result<std::unique_ptr<PageMemory>> createPages(const PageShape &shape) const override {
    return cpuDevice()->createPages(shape);
  }
  Result<std::unique_ptr<Executor>> createExecutor(const ExecutorInput &input, const DeviceOptions &) const override {
    Result<StepInputs> inputs = StepInputs::create(input.model, input.variant);
    if (!inputs)
      return inputs.takeError();
    auto executor = std::make_unique<SerialExecutor>(input, inputs.take());
    if (Result<void> ready = executor->setUp(); !ready)
      return ready.takeError();
    return std::unique_ptr<Executor>(std::move(executor));
  }
};

} // namespace

std::shared_ptr<const Device> test::secondDevice() {
  static const auto device = std::make_shared<const SecondDevice>();
  return device;
}
