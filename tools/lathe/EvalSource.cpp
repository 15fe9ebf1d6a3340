#include "tools/lathe/EvalSource.h"
#include "compiler/support/Unfinished.h"
#include "compiler/verify/Reference.h"
#include "tools/lathe/Compile.h"
#include "tools/run/Run.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include <numeric>
#include <thread>

namespace lathe::cli {
namespace {

llvm::Expected<ReferenceModel> openReference(const EvalOptions &options) {
  if (isBundle(options.source)) {
    llvm::Expected<std::shared_ptr<const Model>> bundle = openToRead(options.source, options.device.target);
    if (!bundle)
      return bundle.takeError();
    return referenceOf(std::move(*bundle), options.source, ReferenceLevel::Imported);
  }
  llvm::Expected<Input> input = readInput(options.source, options.input);
  if (!input)
    return input.takeError();
  return referenceOf(std::make_shared<const Input>(std::move(*input)), options.source, ReferenceLevel::Imported);
}

/// A bundle that is compiled for this call. Once it is open its files may go.
llvm::Expected<OpenBundle> compileAndOpen(const EvalOptions &options) {
  llvm::SmallString<128> folder;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("lathe-eval", folder))
    return makeError("{0}: {1}", folder, code.message());
  Unfinished listed(folder);
  llvm::scope_exit removeFolder([&] { llvm::sys::fs::remove_directories(folder); });
  std::string path = (folder + "/bundle").str();
  Progress progress;
  PipelineOptions pipeline = pipelineOptions(options.input, options.program, options.device.threads, progress);
  if (!options.device.target.empty()) {
    llvm::Expected<std::vector<TargetDesc>> targets = parseTargets(options.device.target);
    if (!targets)
      return targets.takeError();
    pipeline.targets = std::move(*targets);
  }
  Compilation compilation(options.source, std::move(pipeline));
  auto finish = [](Compilation &) {
    noticeInterrupts(); // not before: a compilation that is interrupted ends at once, and cleans up
    return llvm::Error::success();
  };
  if (llvm::Error error = compile(compilation, path, finish))
    return std::move(error);
  return openBundle(path, options.device);
}

/// Runs @prefill on each sequence at once, in f64.
llvm::Expected<Evaluation> evaluateReference(const ReferenceModel &model, const IdBatch &batch, bool layers,
                                             unsigned threads) {
  Evaluation evaluation;
  LayerRecorder recorder(evaluation.layers, batch);
  reference::Interpreter<double> oracle(*model.module, model.weights, {.quantized = false, .threads = threads});
  if (layers)
    oracle.observe([&](mlir::OpResult result, const reference::Matrix<double> &value) {
      if (std::optional<int64_t> hidden = ir::hiddenOf(result.getOwner()))
        recorder.add(*hidden, llvm::ArrayRef(value.values), size_t(value.columns));
    });
  for (size_t i = 0; i < batch.size(); ++i) {
    if (interrupted())
      return llvm::make_error<Interrupted>();
    std::vector<int32_t> positions(batch[i].size()), slots(batch[i].size(), 0);
    std::iota(positions.begin(), positions.end(), 0);
    oracle.reset();
    auto logits = oracle.step("prefill", {batch[i], positions, slots, /*logitRows=*/positions});
    if (!logits)
      return makeError("sequence {0}: {1}", i, llvm::toString(logits.takeError()));
    evaluation.vocabulary = size_t(logits->columns);
    evaluation.logits.insert(evaluation.logits.end(), logits->values.begin(), logits->values.end());
    llvm::ArrayRef<float> all = evaluation.logits;
    if (llvm::Error error = checkFinite(i, all.take_back(logits->values.size()), evaluation.vocabulary))
      return std::move(error);
  }
  return evaluation;
}

} // namespace

llvm::Expected<Evaluation> evaluateSource(const EvalOptions &options, const IdBatch &batch) {
  if (options.reference) {
    noticeInterrupts();
    llvm::Expected<ReferenceModel> model = openReference(options);
    if (!model)
      return model.takeError();
    unsigned threads =
        options.device.threads ? options.device.threads : std::max(1u, std::thread::hardware_concurrency());
    return evaluateReference(*model, batch, options.layers, threads);
  }
  llvm::Expected<OpenBundle> bundle = compileAndOpen(options);
  if (!bundle)
    return bundle.takeError();
  return evaluateProgram(*bundle->context, batch, options.layers, options.step);
}

} // namespace lathe::cli
