//===- DriverStream.cpp - streams, captured graphs and events -----------------------------------------------------===//
//
// A captured graph is the list of what was submitted, with the values of all parameters at that time.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Driver.h"

using namespace lathe::ptx;

bool Driver::captures() const {
  for (const auto &[handle, stream] : streams)
    if (stream->capturing && stream->mode != CU_STREAM_CAPTURE_MODE_RELAXED)
      return true;
  return false;
}

CUresult Driver::submit(CUstream stream, Work work) {
  if (stream && !streams.count(stream))
    return CUDA_ERROR_INVALID_HANDLE;
  if (!stream || !stream->capturing)
    return work(*this);
  stream->captured.push_back(std::move(work));
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  LATHE_CALL(Context);
  if (flags > CU_STREAM_NON_BLOCKING)
    return CUDA_ERROR_INVALID_VALUE;
  auto fresh = std::make_unique<CUstream_st>();
  *stream = fresh.get();
  driver.streams[*stream] = std::move(fresh);
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
  LATHE_CALL(Context);
  if (stream && !driver.streams.count(stream))
    return CUDA_ERROR_INVALID_HANDLE;
  if (stream && stream->capturing)
    return report(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a stream that captures cannot be waited for");
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  LATHE_CALL(Context);
  return driver.streams.erase(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  LATHE_CALL(Context);
  if (!stream)
    return report(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot capture");
  if (!driver.streams.count(stream))
    return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing)
    return CUDA_ERROR_ILLEGAL_STATE;
  stream->capturing = true;
  stream->mode = mode;
  stream->captured.clear();
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  LATHE_CALL(Context);
  if (!driver.streams.count(stream))
    return CUDA_ERROR_INVALID_HANDLE;
  if (!stream->capturing)
    return CUDA_ERROR_ILLEGAL_STATE;
  stream->capturing = false;
  auto fresh = std::make_unique<CUgraph_st>();
  fresh->nodes.swap(stream->captured);
  *graph = fresh.get();
  driver.graphs[*graph] = std::move(fresh);
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long) {
  LATHE_CALL(Context);
  if (!driver.graphs.count(graph))
    return CUDA_ERROR_INVALID_HANDLE;
  auto fresh = std::make_unique<CUgraphExec_st>();
  fresh->nodes = graph->nodes;
  *exec = fresh.get();
  driver.execs[*exec] = std::move(fresh);
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  LATHE_CALL(Context);
  if (!driver.execs.count(exec) || (stream && !driver.streams.count(stream)))
    return CUDA_ERROR_INVALID_HANDLE;
  if (stream && stream->capturing)
    return report(CUDA_ERROR_NOT_SUPPORTED, "a graph's launch is not captured here");
  for (const Work &work : exec->nodes) {
    if (const CUresult result = work(driver)) {
      driver.failed = result;
      break;
    }
    if (driver.failed)
      break;
  }
  return CUDA_SUCCESS; // the next call says what happened
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
  LATHE_CALL(Context);
  return driver.execs.erase(exec) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuGraphDestroy(CUgraph graph) {
  LATHE_CALL(Context);
  return driver.graphs.erase(graph) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  LATHE_CALL(Context);
  auto fresh = std::make_unique<CUevent_st>();
  fresh->timed = !(flags & CU_EVENT_DISABLE_TIMING);
  *event = fresh.get();
  driver.events[*event] = std::move(fresh);
  return CUDA_SUCCESS;
}

static Work record(CUevent event) {
  return [event](Driver &driver) {
    if (!driver.events.count(event))
      return CUDA_ERROR_INVALID_HANDLE;
    event->recorded = true;
    event->at = std::chrono::steady_clock::now();
    return CUDA_SUCCESS;
  };
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  LATHE_CALL(Context);
  if (!driver.events.count(event))
    return CUDA_ERROR_INVALID_HANDLE;
  if (stream && driver.streams.count(stream) && stream->capturing)
    return CUDA_SUCCESS; // it only orders streams, and the graph has no node for it
  return driver.submit(stream, record(event));
}

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags) {
  LATHE_CALL(Context);
  if (flags == CU_EVENT_DEFAULT)
    return cuEventRecord(event, stream);
  if (!driver.events.count(event))
    return CUDA_ERROR_INVALID_HANDLE;
  if (flags != CU_EVENT_RECORD_EXTERNAL || !stream || !driver.streams.count(stream) || !stream->capturing)
    return CUDA_ERROR_INVALID_VALUE;
  return driver.submit(stream, record(event));
}

CUresult cuEventSynchronize(CUevent event) {
  LATHE_CALL(Context);
  return driver.events.count(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent begin, CUevent end) {
  LATHE_CALL(Context);
  if (!driver.events.count(begin) || !driver.events.count(end) || !begin->recorded || !end->recorded || !begin->timed ||
      !end->timed)
    return CUDA_ERROR_INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - begin->at).count();
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event) {
  LATHE_CALL(Context);
  return driver.events.erase(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
