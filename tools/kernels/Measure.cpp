//===- Measure.cpp - how long a call of a kernel takes --------------------------------------------------------===//
#include "tools/kernels/Measure.h"
#include "compiler/kernels/Program.h"
#include "compiler/object/Load.h"
#include "compiler/support/Error.h"
#include "test/kernels/Compare.h"
#include <algorithm>
#include <chrono>
#include <numeric>

using namespace lathe;
using namespace lathe::test;
using llvm::Error;
using llvm::Expected;

namespace {

using Clock = std::chrono::steady_clock;

/// Long beside the clock's own time, short beside a disturbance.
constexpr double kRoundSeconds = 1e-3;

bool isCache(const Argument &argument) {
  return argument.name == "K" || argument.name == "V" || argument.name == "S";
}

/// What the description alone does not say of a phase's work: products with matrices, and the bytes of these.
void addMatrix(const KernelDesc &kernel, int64_t matrixBytes, Work &work) {
  if (const auto *k = std::get_if<LinearKernel>(&kernel)) {
    work.weightBytes += matrixBytes;
    work.operations += 2 * k->rows * k->panels * kPanelRows * k->columns;
  } else if (const auto *k = std::get_if<ConvKernel>(&kernel)) {
    work.operations += 2 * k->channels * k->width;
  } else if (const auto *k = std::get_if<ScanKernel>(&kernel)) {
    work.operations += 6 * k->heads * k->headSize * k->stateSize;
  }
}

/// The work of one call, as that of a phase that makes no other.
Work workOfCall(const KernelDesc &kernel, int64_t matrixBytes) {
  ProgramSet set;
  set.weights.push_back({.name = "matrix", .sources = {}});
  Phase phase;
  addMatrix(kernel, matrixBytes, phase.work);
  Call call{kernel, Scope::Tile, {}};
  for (const Argument &argument : argumentsOf(kernel)) {
    View view;
    if (isMatrixPart(kernel, argument.name))
      view = {.base = Base::Weights, .weight = "matrix"};
    else if (argument.name == "high" || argument.name == "low" || argument.name == "frequencies" ||
             argument.name == "growth")
      view.base = Base::Weights;
    else if (isCache(argument))
      view.base = Base::Cache;
    else if (argument.name == "state")
      view.base = Base::State, set.state.bytes = argument.dims.back().stride * elementBytes(argument.type);
    else if (argument.type == ElementType::I32 && !argument.output)
      view.base = Base::Positions; // what says where a row is
    call.views.push_back(view);
  }
  phase.calls.push_back(std::move(call));
  return workOf(set, phase);
}

/// A call's share of what attention does for the positions that its row sees.
void addPositions(const KernelCase &kernelCase, size_t calls, const Work &work, Measurement &result) {
  const auto *attend = std::get_if<AttendKernel>(&kernelCase.kernel);
  if (!attend)
    return;
  double seen = 0;
  for (int64_t position : kernelCase.at)
    seen += double(attend->window ? std::min(attend->window, position + 1) : position + 1);
  seen /= double(calls) * double(attend->kvHeads); // work is of all heads, a call of one KV head's
  result.bytes += seen * double(work.cacheBytes);
  result.operations += seen * double(work.positionOperations);
}

/// The case's calls, each with memory of its own, as often as fill the megabytes.
Expected<std::vector<std::unique_ptr<KernelRun>>> copiesOf(const Example &example, const KernelDesc &kernel,
                                                           int64_t megabytes, lathe_kernel_function function) {
  int64_t bytes = example.matrix.size();
  for (const Argument &argument : argumentsOf(kernel))
    if (isCache(argument))
      bytes += countOf(argument) * elementBytes(argument.type);
  bytes *= example.calls.size();
  const int64_t copies = bytes ? std::max<int64_t>(1, (megabytes << 20) / bytes) : 1;
  std::vector<std::unique_ptr<KernelRun>> runs;
  for (int64_t copy = 0; copy < copies; ++copy)
    for (const Example::Call &call : example.calls) {
      KernelRun &run = *runs.emplace_back(std::make_unique<KernelRun>(kernel));
      if (!example.matrix.empty())
        run.setMatrix(example.matrix);
      run.set(example.before);
      run.set(call.inputs);
      if (Error wrong = run.call(function))
        return std::move(wrong);
      if (copy || &call != &example.calls.front())
        continue;
      Expected<Worst> worst = compare(run, call.outputs, kernelFamily(kernel).tolerance);
      if (!worst)
        return worst.takeError();
      if (worst->share > 1)
        return makeError("{0} {1}: {2} of what is tolerated", symbol(kernel), worst->where, worst->share);
    }
  return runs;
}

double timed(const std::vector<std::unique_ptr<KernelRun>> &runs, lathe_kernel_function function, int64_t repeats) {
  const Clock::time_point begin = Clock::now();
  for (int64_t i = 0; i < repeats; ++i)
    for (const auto &run : runs)
      function(const_cast<void **>(run->pointers.data()));
  return std::chrono::duration<double>(Clock::now() - begin).count() / double(repeats) / double(runs.size());
}

} // namespace

Expected<Measurement> lathe::measure(const KernelCase &kernelCase, const TargetDesc &target, const Values &values,
                                     const MeasureOptions &options) {
  const KernelDesc &kernel = kernelCase.kernel;
  Expected<Example> example = exampleOf(kernelCase);
  if (!example)
    return example.takeError();
  const std::vector<Scheduled> schedule = {{kernel, values, "measured"}};
  Expected<LoadedCode> code = compileAndLoad({backendFor(target), {}, schedule, target},
                                             {.jobs = 1, .cacheDirectory = options.cacheDirectory, .progress = {}});
  if (!code)
    return code.takeError();
  const lathe_kernel_function function = code->function(0);
  auto runs = copiesOf(*example, kernel, options.megabytes, function);
  if (!runs)
    return runs.takeError();

  Measurement result{
      .family = kernelFamily(kernel).name, .symbol = symbol(kernel), .target = target.name, .values = values};
  const Work work = workOfCall(kernel, example->matrix.size());
  result.bytes = double(work.weightBytes + work.activationBytes);
  result.operations = double(work.operations);
  addPositions(kernelCase, example->calls.size(), work, result);

  std::vector<double> rounds = {timed(*runs, function, 1)};
  const auto repeats = int64_t(kRoundSeconds / (rounds.front() * double(runs->size()))) + 1;
  for (const Clock::time_point begin = Clock::now();
       std::chrono::duration<double>(Clock::now() - begin).count() < options.seconds;)
    rounds.push_back(timed(*runs, function, repeats));
  std::ranges::nth_element(rounds, rounds.begin() + rounds.size() / 2);
  result.nanoseconds = rounds[rounds.size() / 2] * 1e9;
  return result;
}
