//===- Launched.cpp - kernels on a CUDA device ---------------------------------------------------------------------===//
#include "test/kernels/Launched.h"
#include "compiler/backend/nvvm/Ptx.h"
#include "compiler/kernels/gpu/Attend.h"
#include "compiler/kernels/gpu/PhaseKernel.h"
#include "compiler/support/Error.h"
#include "runtime/abi/model_abi.h"
#include "runtime/device/cuda/Driver.h"
#include "test/kernels/Meaning.h"
#include "test/kernels/Run.h"
#include <algorithm>
#include <cstdio>
#include <set>

using namespace lathe;
using namespace lathe::test;
using llvm::Error;
using llvm::Expected;

namespace {

int64_t aligned(int64_t bytes) { return (bytes + 255) / 256 * 256; }

/// What nobody writes while a program runs.
bool isWeight(const KernelDesc &kernel, const std::string &argument) {
  static const std::set<std::string> names = {"weight", "bias", "high", "low", "frequencies", "growth", "sinks"};
  return isMatrixPart(kernel, argument) || names.contains(argument);
}

/// The driver and its first device, whose context is this thread's.
const cuda::Driver *device() {
  static const cuda::Driver *const found = []() -> const cuda::Driver * {
    Result<const cuda::Driver *> driver = cuda::Driver::get();
    CUdevice first;
    CUcontext context;
    if (!driver || (*driver)->cuDeviceGet(&first, 0) || (*driver)->cuDevicePrimaryCtxRetain(&context, first) ||
        (*driver)->cuCtxSetCurrent(context))
      return nullptr;
    return *driver;
  }();
  return found;
}

/// Device memory of one call, freed with it.
class Memory {
public:
  explicit Memory(const cuda::Driver &driver) : driver(driver) {}
  Memory(const Memory &) = delete;
  ~Memory() {
    for (CUdeviceptr pointer : all)
      driver.cuMemFree_v2(pointer);
  }
  CUresult allocate(int64_t bytes, CUdeviceptr &pointer) {
    const CUresult result = driver.cuMemAlloc_v2(&pointer, bytes);
    if (!result)
      all.push_back(pointer);
    return result;
  }

private:
  const cuda::Driver &driver;
  std::vector<CUdeviceptr> all;
};

} // namespace

std::optional<TargetDesc> test::deviceTarget() {
  const cuda::Driver *driver = device();
  int major, minor;
  if (!driver || driver->cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0) ||
      driver->cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0))
    return std::nullopt;
  const int64_t sm = major * 10 + minor;
  std::optional<TargetDesc> best;
  for (const TargetDesc &target : targets())
    if (target.device == DeviceKind::Cuda && target.sm <= sm && (target.sm == sm || target.name.back() != 'a'))
      best = target;
  return best;
}

Program test::programOf(const KernelDesc &kernel) {
  Call call;
  call.kernel = kernel;
  for (const Argument &argument : argumentsOf(kernel)) {
    View view;
    if (argument.name == "tile")
      view.base = Base::Tile;
    else if (!argument.output && isWeight(kernel, argument.name))
      view.base = Base::Weights;
    if (argument.output) // blocks do not write to each other's
      view.perColumn = view.perSplit = aligned(argument.spanBytes());
    call.views.push_back(view);
  }
  Phase phase;
  phase.rowKind = std::holds_alternative<AssignKernel>(kernel) ? RowKind::Once : RowKind::Step;
  phase.rowsPerTile = rowsOf(kernel);
  phase.splits = true;
  phase.calls = {std::move(call)};
  Program program;
  program.maxRows = phase.rowsPerTile;
  program.phases = {std::move(phase)};
  return program;
}

bool test::isLaunched(const KernelDesc &kernel) {
  const auto *attend = std::get_if<AttendKernel>(&kernel);
  return !attend || attend->rows <= gpu::mostRows(*attend);
}

Expected<LaunchedModule> test::launchedModule(const std::vector<Scheduled> &schedule, const TargetDesc &target) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  LaunchedModule result;
  std::map<std::string, int64_t> sharedBytes;
  for (const Scheduled &one : schedule) {
    const Program program = programOf(one.kernel);
    const Phase &phase = program.phases[0];
    const gpu::ValuesOf values = [&](const Call &) -> const Values & { return one.values; };
    const std::string entry = gpu::entryOf(phase, values);
    if (!sharedBytes.contains(entry))
      sharedBytes[entry] = gpu::writePhaseKernel(*module, phase, values, target);
    result.launches.push_back({entry, 256, sharedBytes[entry]});
  }
  Emitted ptx = ptxOf(*module, target);
  if (!ptx.error.empty())
    return makeError("{0}", ptx.error);
  result.ptx = std::move(ptx.bytes);
  return result;
}

struct Launched::State {
  const cuda::Driver &driver;
  std::vector<Scheduled> schedule;
  std::vector<Launch> launches;
  CUmodule module = nullptr;
  std::vector<CUfunction> functions = {};

  CUresult run(size_t i, void **arguments) const;
};

Expected<std::shared_ptr<const Launched>> Launched::of(const std::vector<Scheduled> &schedule,
                                                       const TargetDesc &target) {
  const cuda::Driver *driver = device();
  if (!driver)
    return makeError("there is no CUDA device");
  Expected<LaunchedModule> module = launchedModule(schedule, target);
  if (!module)
    return module.takeError();
  auto launched = std::make_shared<Launched>();
  launched->state.reset(new State{*driver, schedule, module->launches});
  std::vector<char> log(4096);
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  if (CUresult code = driver->cuModuleLoadDataEx(&launched->state->module, module->ptx.c_str(), 2, options, values))
    return makeError("{0}: {1}", driver->words(code), log.data());
  for (const Launch &launch : module->launches) {
    CUfunction &function = launched->state->functions.emplace_back();
    if (CUresult code = driver->cuModuleGetFunction(&function, launched->state->module, launch.entry.c_str()))
      return makeError("{0}: {1}", launch.entry, driver->words(code));
    if (launch.sharedBytes > 48 << 10)
      if (CUresult code = driver->cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                                     int(launch.sharedBytes)))
        return makeError("{0}: {1} bytes of shared memory: {2}", launch.entry, launch.sharedBytes, driver->words(code));
  }
  return launched;
}

Launched::~Launched() {
  if (state && state->module)
    state->driver.cuModuleUnload(state->module);
}

CUresult Launched::State::run(size_t i, void **arguments) const {
  const KernelDesc &kernel = schedule[i].kernel;
  const std::vector<Argument> list = argumentsOf(kernel);
  Memory memory(driver);
  struct Place {
    uint8_t *host;
    int64_t bytes;
    CUdeviceptr pointer = 0;
  };
  std::vector<Place> places;
  int32_t n = 0, s = 0, rows = int32_t(rowsOf(kernel)), first = 0;
  for (size_t a = 0; a < list.size(); ++a) {
    uint8_t *host = static_cast<const lathe_buffer *>(arguments[a])->host;
    places.push_back({host, list[a].spanBytes()});
    if (list[a].name != "tile")
      continue;
    const auto *tile = reinterpret_cast<const int32_t *>(host);
    if (std::holds_alternative<AssignKernel>(kernel))
      rows = tile[4];
    else if (std::holds_alternative<ScanKernel>(kernel))
      n = tile[1];
    else
      s = tile[2];
    if (takesRuns(kernel)) // a block finds the runs among its rows itself: it gets the one alone
      first = tile[5], rows = tile[6];
  }
  // The parts of a matrix are one array.
  uint8_t *begin = nullptr, *end = nullptr;
  for (size_t a = 0; a < list.size(); ++a)
    if (isMatrixPart(kernel, list[a].name)) {
      begin = begin ? std::min(begin, places[a].host) : places[a].host;
      end = std::max(end, places[a].host + places[a].bytes);
    }
  CUdeviceptr matrix = 0;
  if (begin)
    if (CUresult code = memory.allocate(end - begin, matrix))
      return code;
  if (begin)
    if (CUresult code = driver.cuMemcpyHtoD_v2(matrix, begin, end - begin))
      return code;

  std::vector<CUdeviceptr> parameters;
  auto ours = [&](size_t a) { return list[a].output ? (n + s) * aligned(places[a].bytes) : 0; };
  for (size_t a = 0; a < list.size(); ++a) {
    Place &place = places[a];
    if (list[a].name == "tile")
      continue;
    if (isMatrixPart(kernel, list[a].name)) {
      place.pointer = matrix + (place.host - begin);
    } else {
      if (CUresult code = memory.allocate(ours(a) + place.bytes, place.pointer))
        return code;
      if (CUresult code = driver.cuMemcpyHtoD_v2(place.pointer + ours(a), place.host, place.bytes))
        return code;
    }
    const bool ofRow = list[a].name == "positions" || list[a].name == "slots" || list[a].name == "q" || list[a].output;
    const int64_t step = ofRow && first ? list[a].dims.back().stride * elementBytes(list[a].type) : 0;
    parameters.push_back(place.pointer + ours(a) + first * step - ours(a));
  }
  const int32_t header[8] = {rows, 0, s + 1};
  CUdeviceptr headerPlace;
  if (CUresult code = memory.allocate(sizeof header, headerPlace))
    return code;
  if (CUresult code = driver.cuMemcpyHtoD_v2(headerPlace, header, sizeof header))
    return code;
  parameters.push_back(headerPlace);
  std::vector<void *> pointers;
  for (CUdeviceptr &parameter : parameters)
    pointers.push_back(&parameter);
  if (CUresult code = driver.cuLaunchKernel(functions[i], n + 1, 1, s + 1, unsigned(launches[i].threads), 1, 1,
                                            unsigned(launches[i].sharedBytes), nullptr, pointers.data(), nullptr))
    return code;
  if (CUresult code = driver.cuCtxSynchronize())
    return code;
  for (size_t a = 0; a < list.size(); ++a)
    if (list[a].output)
      if (CUresult code = driver.cuMemcpyDtoH_v2(places[a].host, places[a].pointer + ours(a), places[a].bytes))
        return code;
  return CUDA_SUCCESS;
}

int Launched::call(size_t i, void **arguments) const {
  const CUresult code = state->run(i, arguments);
  if (code)
    fprintf(stderr, "%s: %s\n", state->launches[i].entry.c_str(), state->driver.words(code).c_str());
  return code;
}
