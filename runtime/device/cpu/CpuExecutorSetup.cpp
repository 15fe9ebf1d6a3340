// What the executor does before and after a step's parallel region: memory, messages.
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuExecutor.h"
#include <algorithm>

namespace lathe {

namespace {
constexpr uint64_t kPage = 4096;
uint64_t roundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
} // namespace

Result<std::unique_ptr<CpuExecutor>> CpuExecutor::create(const ExecutorInput &input,
                                                         std::unique_ptr<WorkerPool> workers) {
  Result<StepInputs> inputs = StepInputs::create(input.model, input.variant);
  if (!inputs)
    return inputs.takeError();
  std::unique_ptr<CpuExecutor> executor(new CpuExecutor(input.variant, inputs.take(), std::move(workers)));
  if (Result<void> done = executor->allocate(input); !done)
    return done.takeError();
  return executor;
}

Result<void> CpuExecutor::allocate(const ExecutorInput &input) {
  // Programs run one at a time and keep nothing between steps, so one arena serves all.
  uint64_t arenaBytes = 0, scratchBytes = 0, wanted = 0;
  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    const lathe_program &program = variant.programs[i];
    arenaBytes = std::max(arenaBytes, program.arena_bytes);
    scratchBytes = std::max(scratchBytes, program.scratch_bytes);
    wanted = std::max<uint64_t>(wanted, program.max_logit_rows);
  }
  const uint64_t scratchStride = roundUp(std::max<uint64_t>(scratchBytes, 1), kPage);
  const struct {
    AlignedBuffer &into;
    uint64_t bytes;
    const char *what;
    AlignedBuffer::Pages pages = AlignedBuffer::Pages::Normal;
  } wants[] = {{arena, arenaBytes, "memory between phases", AlignedBuffer::Pages::Huge},
               {scratch, scratchStride * workers->size(), "workers' scratch", AlignedBuffer::Pages::Huge},
               {logitMemory, (wanted + paddingRows(variant)) * variant.logits_stride * sizeof(float), "logits"}};
  for (const auto &want : wants) {
    Result<AlignedBuffer> got = AlignedBuffer::create(want.bytes, want.what, want.pages);
    if (!got)
      return got.takeError();
    want.into = got.take();
  }

  bases.start[LATHE_BASE_ARENA] = arena.data();
  // Mapped read-only: a write would fault.
  bases.start[LATHE_BASE_WEIGHTS] = const_cast<uint8_t *>(static_cast<const HostWeights &>(input.weights).data.data());
  bases.start[LATHE_BASE_LOGITS] = logitMemory.data();
  for (uint32_t base : {LATHE_BASE_IDS, LATHE_BASE_POSITIONS, LATHE_BASE_SLOTS, LATHE_BASE_PAGES, LATHE_BASE_LOGIT_ROWS,
                        LATHE_BASE_LENGTHS, LATHE_BASE_BLOCKS})
    bases.start[base] = reinterpret_cast<uint8_t *>(inputs.array(base).data());
  if (auto *cache = static_cast<HostPages *>(input.cache)) {
    bases.cache = cache->data();
    bases.cacheLayerBytes = cache->layerBytes();
  }
  if (auto *pages = static_cast<HostPages *>(input.state)) {
    bases.state = pages->data();
    bases.stateLayerBytes = pages->layerBytes();
  }
  plan = makePlan(variant, bases);

  state = std::vector<Worker>(workers->size());
  for (size_t i = 0; i < state.size(); ++i) {
    Worker &worker = state[i];
    for (size_t k = 0; k < LATHE_MAX_ARGUMENTS; ++k)
      worker.arguments[k] = &worker.buffers[k];
    worker.local[size_t(Local::Scratch)] = reinterpret_cast<uintptr_t>(scratch.data() + i * scratchStride);
    worker.local[size_t(Local::Tile)] = reinterpret_cast<uintptr_t>(worker.tile);
    worker.tile[3] = int32_t(i);
  }
  return {};
}

Result<void> CpuExecutor::run(size_t program, const StepRows &rows, const PhaseObserver &watching) {
  if (Result<void> fits = inputs.load(program, rows); !fits)
    return fits;
  observer = &watching;
  nextTile.store(0, std::memory_order_relaxed);
  failed.store(false, std::memory_order_relaxed);
  if (recording)
    recording->beginStep(inputs.program(), inputs.rows(), workers->size());
  if (watching)
    phaseStart = Clock::now();
  auto body = [this](unsigned worker) { walk(worker); };
  workers->run(body);
  if (recording)
    recording->endStep();
  if (failed.load())
    return failureMessage();
  return {};
}

Error CpuExecutor::failureMessage() const {
  const char *phase = "?";
  for (uint32_t i = 0; i < inputs.program().n_phases; ++i) {
    const lathe_phase &candidate = variant.phases[inputs.program().first_phase + i];
    if (failedCall - candidate.first_call < candidate.n_calls ||
        failedCall - candidate.first_prologue < candidate.n_prologue)
      phase = candidate.name;
  }
  return error("phase \"", phase, "\" of program ", inputs.program().name, ": kernel ",
               variant.kernels[variant.calls[failedCall].kernel].symbol, " failed with code ", failedCode);
}

} // namespace lathe
