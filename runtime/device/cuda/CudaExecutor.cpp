#include "runtime/device/cuda/CudaExecutor.h"
#include "runtime/device/cuda/CudaWeights.h"
#include <algorithm>
#include <bit>
#include <cstdlib>

namespace lathe::cuda {

Result<std::unique_ptr<CudaExecutor>> CudaExecutor::create(const Card &card, const ExecutorInput &input) {
  Result<StepInputs> inputs = StepInputs::create(input.model, input.variant);
  if (!inputs)
    return inputs.takeError();
  std::unique_ptr<CudaExecutor> executor(new CudaExecutor(card, input.variant, inputs.take()));
  if (Result<void> done = executor->setUp(input); !done)
    return done.takeError();
  return executor;
}

Result<void> CudaExecutor::setUp(const ExecutorInput &input) {
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  Result<InputBlock> made = InputBlock::create(card, variant, inputs);
  if (!made)
    return made.takeError();
  block.emplace(made.take());
  // Programs run one at a time and keep nothing between steps, so one arena serves all.
  uint64_t arenaBytes = 0, wanted = 0;
  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    arenaBytes = std::max(arenaBytes, variant.programs[i].arena_bytes);
    wanted = std::max<uint64_t>(wanted, variant.programs[i].max_logit_rows);
  }
  const uint64_t logitBytes = (wanted + paddingRows(variant)) * variant.logits_stride * sizeof(float);
  for (const auto &[into, bytes, what] : {std::tuple(&arena, arenaBytes, "memory between phases"),
                                          std::tuple(&deviceLogits, logitBytes, "logits")}) {
    Result<DeviceMemory> memory = DeviceMemory::createZero(card, bytes, what);
    if (!memory)
      return memory.takeError();
    *into = memory.take();
  }
  Result<Stream> order = createStream(card);
  if (!order)
    return order.takeError();
  stream = order.take();

  bases.start[LATHE_BASE_ARENA] = arena.address();
  bases.start[LATHE_BASE_WEIGHTS] = static_cast<const CudaWeights &>(input.weights).memory.address();
  bases.start[LATHE_BASE_LOGITS] = deviceLogits.address();
  for (uint32_t base : {LATHE_BASE_IDS, LATHE_BASE_POSITIONS, LATHE_BASE_SLOTS, LATHE_BASE_PAGES, LATHE_BASE_LOGIT_ROWS,
                        LATHE_BASE_LENGTHS, LATHE_BASE_BLOCKS})
    bases.start[base] = block->address(base);
  bases.header = block->header();
  cache = static_cast<CudaPages *>(input.cache);
  state = static_cast<CudaPages *>(input.state);
  if (cache) {
    bases.cache = cache->address();
    bases.cacheLayerBytes = cache->layerBytes();
  }
  if (state) {
    bases.state = state->address();
    bases.stateLayerBytes = state->layerBytes();
  }
  Result<Launches> planned = Launches::create(card, variant, bases);
  if (!planned)
    return planned.takeError();
  launches.emplace(planned.take());
  if (cache)
    cache->checkWith(launches->pageCheck());
  largestLogits.emplace(card, launches->largest(),
                        Largest::Rows{.logits = deviceLogits.address(),
                                      .stride = variant.logits_stride,
                                      .count = input.model.vocabulary,
                                      .scales = block->scales()});
  const char *asked = std::getenv("CUDA_LAUNCH_BLOCKING"); // as the driver has it
  blocking = asked && *asked && *asked != '0';
  return makeRoom(1);
}

Result<void> CudaExecutor::makeRoom(size_t logitRows) {
  const uint64_t rowBytes = variant.logits_stride * sizeof(float), have = hostLogits.size() / rowBytes;
  if (logitRows <= have)
    return {};
  Result<PinnedMemory> memory = PinnedMemory::create(card, std::max(logitRows, have * 2) * rowBytes, "logits");
  if (!memory)
    return memory.takeError();
  graphs.clear(); // they copy to what there was
  recordedKey.reset();
  hostLogits = memory.take();
  return {};
}

Result<void> CudaExecutor::makeRoomForLargest() {
  bool moved = false;
  Result<void> made = largestLogits->makeRoom(inputs.logitRows(), kept, moved);
  if (moved) {
    graphs.clear();
    recordedKey.reset();
  }
  return made;
}

uint32_t CudaExecutor::splitsOf(uint64_t wanted) const {
  const uint64_t positions = uint64_t(variant.cache.max_pages) * LATHE_PAGE_POSITIONS;
  const uint64_t most = (positions + variant.cache.split_positions - 1) / variant.cache.split_positions;
  return uint32_t(std::min(std::bit_ceil(wanted), std::max(most, wanted)));
}

Result<void> CudaExecutor::run(size_t program, const StepRows &rows, const PhaseObserver &observer) {
  if (Result<void> fits = inputs.load(program, rows); !fits)
    return fits;
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  for (CudaPages *pages : {cache, state})
    if (pages)
      if (Result<void> sound = pages->takeFailure(); !sound)
        return sound;
  if (rows.largest > mostLargest())
    return error("a step is asked for the ", rows.largest, " largest logits; at most ", mostLargest(), " are possible");
  kept = rows.largest ? Largest::keptFor(rows.largest) : 0;
  sums = kept && !rows.temperatures.empty();
  if (Result<void> room = kept ? makeRoomForLargest() : makeRoom(inputs.logitRows()); !room)
    return room;
  splits = splitsOf(inputs.splits());
  if (CUresult code = block->take(inputs, uint32_t(inputs.splits()), rows.temperatures, stream.get()))
    return card.failure(code, "copying the page table");
  Result<void> done = observer || blocking ? runWatched(observer)
                      : recording          ? runRecorded(program)
                                           : runGraph(program);
  if (done && kept)
    largestLogits->take(inputs.logitRows(), kept, rows.temperatures);
  return done;
}

Result<void> CudaExecutor::runGraph(size_t program) {
  auto [step, isNew] = graphs.find(keyOf(program));
  if (isNew) {
    if (Result<void> started = enqueue(); !started)
      return started;
    return wait();
  }
  if (!step->graph) {
    Result<GraphExec> graph = capture(card, stream, [this] { return enqueue(); });
    if (!graph)
      return graph.takeError();
    step->graph = graph.take();
  }
  if (Result<void> started = start(step->graph); !started)
    return started;
  return wait();
}

Result<void> CudaExecutor::start(const GraphExec &graph) {
  if (CUresult code = card.driver.cuGraphLaunch(graph.get(), stream.get()))
    return card.failure(code, std::string("starting a step of program ") + inputs.program().name);
  return {};
}

Result<void> CudaExecutor::enqueue() {
  if (CUresult code = block->copy(stream.get()))
    return card.failure(code, "copying the rows of a step");
  bool first = true; // which waits for the rows
  for (uint32_t i = 0; i < inputs.program().n_phases; ++i) {
    const lathe_phase &phase = variant.phases[inputs.program().first_phase + i];
    const Grid grid = gridOf(variant, phase, inputs, splits);
    if (grid.tiles() == 0)
      continue; // no logits are wanted
    if (Result<void> started = launch(phase, grid, phase.launch.early && !first); !started)
      return started;
    first = false;
  }
  return bringLogits();
}

Result<void> CudaExecutor::launch(const lathe_phase &phase, const Grid &grid, bool early) {
  if (CUresult code = launches->launch(card, phase, grid, early, stream.get()))
    return card.failure(code, Launches::describe(phase, grid) + ", of program " + inputs.program().name);
  return {};
}

Result<void> CudaExecutor::bringLogits() {
  if (!kept || !inputs.logitRows())
    return copyLogits();
  if (CUresult code = largestLogits->enqueue(inputs.logitRows(), kept, sums, stream.get()))
    return card.failure(code, "looking for the largest logits");
  return {};
}

Result<void> CudaExecutor::fetchLogits() {
  if (!kept)
    return {};
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  if (Result<void> room = makeRoom(inputs.logitRows()); !room)
    return room;
  if (Result<void> copied = copyLogits(); !copied)
    return copied;
  return wait();
}

Result<std::span<const float>> CudaExecutor::fetchLogits(size_t row, size_t first, size_t count) {
  if (!kept)
    return std::span(logits(row) + first, count);
  if (Result<void> entered = card.enter(); !entered)
    return entered.takeError();
  if (Result<void> room = makeRoom(inputs.logitRows()); !room)
    return room.takeError();
  const uint64_t at = (row * variant.logits_stride + first) * sizeof(float);
  if (CUresult code = card.driver.cuMemcpyDtoHAsync_v2(hostLogits.data() + at, deviceLogits.address() + at,
                                                       count * sizeof(float), stream.get()))
    return card.failure(code, "copying logits");
  if (Result<void> done = wait(); !done)
    return done.takeError();
  return std::span(logits(row) + first, count);
}

Result<void> CudaExecutor::copyLogits() {
  const uint64_t bytes = inputs.logitRows() * variant.logits_stride * sizeof(float);
  if (bytes)
    if (CUresult code =
            card.driver.cuMemcpyDtoHAsync_v2(hostLogits.data(), deviceLogits.address(), bytes, stream.get()))
      return card.failure(code, "copying logits");
  return {};
}

Result<void> CudaExecutor::wait() {
  if (CUresult code = card.driver.cuStreamSynchronize(stream.get()))
    return card.failure(code, std::string("a step of program ") + inputs.program().name + " with " +
                                  std::to_string(inputs.rows()) +
                                  " rows (CUDA_LAUNCH_BLOCKING=1 in the environment names the phase)");
  return {};
}

} // namespace lathe::cuda
