#include "runtime/device/cuda/Graphs.h"
#include <algorithm>

namespace lathe::cuda {

std::pair<Graphs::Entry *, bool> Graphs::find(const StepKey &key) {
  ++clock;
  if (const auto known = std::ranges::find(entries, key, &Entry::key); known != entries.end()) {
    known->used = clock;
    return {&*known, false};
  }
  if (entries.size() == kMost)
    entries.erase(std::ranges::min_element(entries, {}, &Entry::used));
  entries.push_back({key, {}, clock});
  return {&entries.back(), true};
}

Result<GraphExec> capture(const Card &card, const Stream &stream, const std::function<Result<void>()> &enqueue) {
  // Of this thread: what others ask of the driver meanwhile is no part of it and goes on.
  if (CUresult code = card.driver.cuStreamBeginCapture_v2(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
    return card.failure(code, "beginning a graph");
  Result<void> enqueued = enqueue();
  CUgraph graph = nullptr;
  const CUresult ended = card.driver.cuStreamEndCapture(stream.get(), &graph);
  if (!enqueued || ended) {
    if (graph)
      card.driver.cuGraphDestroy(graph);
    return enqueued ? card.failure(ended, "ending a graph") : enqueued.takeError();
  }
  CUgraphExec made = nullptr;
  const CUresult code = card.driver.cuGraphInstantiateWithFlags(&made, graph, 0);
  card.driver.cuGraphDestroy(graph);
  if (code)
    return card.failure(code, "making a graph ready");
  return GraphExec(card, made);
}

} // namespace lathe::cuda
