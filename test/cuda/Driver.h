//===- Driver.h - the state behind the driver's functions -----------------------------------------------*- C++ -*-===//
//
// libcuda-sim.so: one device, whose kernels are PTX that the interpreter runs. As with the real driver
//   - a call without cuInit, or without a context of the calling thread, is refused;
//   - a kernel that faults is reported by the calls after its launch, all of them: the context is lost;
//   - handles that were destroyed are refused (CUDA_ERROR_INVALID_HANDLE), not followed.
// Unlike it, streams run at once, in the calling thread and with one lock for all calls. What went wrong stands on
// stderr, in one line that begins with "cuda-sim:".
//
//   LATHE_CUDA_SIM_SM       compute capability, 90 when not said
//   LATHE_CUDA_SIM_VERSION  of the driver, 13000 when not said
//   LATHE_CUDA_SIM_MEMORY   bytes of device memory, 4 GiB
//   LATHE_CUDA_SIM_THREADS  host threads for blocks, all that there are
//   LATHE_CUDA_SIM_STATS    when set: each launch's instructions and time on stderr
//
// They are read by cuInit, and when the primary context is made anew.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_DRIVER_H
#define LATHE_TEST_CUDA_DRIVER_H

#include "runtime/device/cuda/DriverApi.h"
#include "test/cuda/Block.h"
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#define LATHE_DECLARE_DRIVER(name, parameters)                                                                         \
  extern "C" __attribute__((visibility("default"))) CUresult name parameters;
LATHE_CUDA_DRIVER_API(LATHE_DECLARE_DRIVER)
#undef LATHE_DECLARE_DRIVER

namespace lathe::ptx {
struct Driver;
/// A piece of work of a stream or graph, with its parameters' values.
using Work = std::function<CUresult(Driver &)>;
} // namespace lathe::ptx

struct CUctx_st {};
struct CUfunc_st {
  std::shared_ptr<const lathe::ptx::Program> program;
  int dynamicShared = 0; ///< what cuFuncSetAttribute allowed
};
struct CUmod_st {
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
  std::vector<CUdeviceptr> variables;
};
struct CUgraph_st {
  std::vector<lathe::ptx::Work> nodes;
};
struct CUgraphExec_st {
  std::vector<lathe::ptx::Work> nodes;
};
struct CUstream_st {
  bool capturing = false;
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::vector<lathe::ptx::Work> captured;
};
struct CUevent_st {
  bool timed = true, recorded = false;
  std::chrono::steady_clock::time_point at;
};

namespace lathe::ptx {

/// What the simulated device is, from its compute capability.
struct DeviceLimits {
  int sm = 90;
  uint64_t memory = uint64_t(4) << 30;
  int sharedPerBlock = 48 << 10, sharedOptIn = 227 << 10, sharedPerProcessor = 228 << 10;
  int threadsPerProcessor = 2048, blocksPerProcessor = 32;
};

struct Driver {
  ~Driver() { destroy(); } ///< after a fault a program cannot free what it has

  std::recursive_mutex lock;
  bool initialized = false;
  DeviceLimits limits;
  unsigned references = 0; ///< of the primary context
  CUctx_st context;
  CUresult failed = CUDA_SUCCESS; ///< sticky
  std::unique_ptr<Memory> memory;
  std::set<void *> hostMemory;
  std::map<CUmodule, std::unique_ptr<CUmod_st>> modules;
  std::map<CUfunction, CUmodule> functions;
  std::map<CUstream, std::unique_ptr<CUstream_st>> streams;
  std::map<CUgraph, std::unique_ptr<CUgraph_st>> graphs;
  std::map<CUgraphExec, std::unique_ptr<CUgraphExec_st>> execs;
  std::map<CUevent, std::unique_ptr<CUevent_st>> events;

  void readEnvironment();
  void create();
  void destroy();
  /// Does it, or adds it to what the stream captures.
  CUresult submit(CUstream stream, Work work);
  /// Whether a call that stream capture forbids may be made now.
  bool captures() const;
};

Driver &driver();

/// One line on stderr; returns the error.
CUresult report(CUresult error, const std::string &what);

/// A call of the API: holds the lock, and knows whether the call may go on.
class Call {
public:
  enum Wants { Nothing, Initialized, Context, NoCapture };
  explicit Call(Wants wants = Context);
  CUresult error = CUDA_SUCCESS;

private:
  std::lock_guard<std::recursive_mutex> guard;
};

#define LATHE_CALL(wants)                                                                                              \
  ::lathe::ptx::Call call(::lathe::ptx::Call::wants);                                                                  \
  if (call.error)                                                                                                      \
    return call.error;                                                                                                 \
  [[maybe_unused]] ::lathe::ptx::Driver &driver = ::lathe::ptx::driver()

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_DRIVER_H
