//===- Eval.cpp - lathe eval: logits for given token ids --------------------------------------------------------===//
#include "compiler/support/Unfinished.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Compile.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/Evaluate.h"
#include "tools/run/Run.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>
#include <thread>

namespace lathe::cli {
namespace {

struct Options {
  std::string source, ids, logits;
  InputOptions input;
  ProgramFlags program;
  bool reference = false, layers = false, json = false;
  unsigned step = 0;
  DeviceFlags device;
};

/// The most likely next id after each position of each sequence.
std::vector<std::vector<int32_t>> mostLikely(const Evaluation &evaluation, const IdBatch &batch) {
  std::vector<std::vector<int32_t>> next(batch.size());
  const float *logits = evaluation.logits.data();
  for (auto [sequence, ids] : llvm::zip_equal(next, batch))
    for (size_t i = 0; i < ids.size(); ++i, logits += evaluation.vocabulary)
      sequence.push_back(int32_t(std::max_element(logits, logits + evaluation.vocabulary) - logits));
  return next;
}

void printNext(const Evaluation &evaluation, const IdBatch &batch, bool json) {
  std::vector<std::vector<int32_t>> next = mostLikely(evaluation, batch);
  if (json) {
    nlohmann::ordered_json out = {{"batch", batch.size()}};
    if (sameLengths(batch))
      out["length"] = batch.front().size();
    out["next"] = next;
    llvm::outs() << out.dump() << '\n';
    return;
  }
  for (const auto &sequence : next) {
    for (size_t i = 0; i < sequence.size(); ++i)
      llvm::outs() << (i ? " " : "") << sequence[i];
    llvm::outs() << '\n';
  }
}

llvm::Expected<ReferenceModel> openReference(const Options &options) {
  if (isBundle(options.source)) {
    llvm::Expected<std::shared_ptr<const Model>> bundle = openModel(options.source, options.device.target);
    if (!bundle)
      return bundle.takeError();
    return referenceOf(std::move(*bundle), options.source, ReferenceLevel::Imported);
  }
  llvm::Expected<Input> input = readInput(options.source, options.input);
  if (!input)
    return input.takeError();
  return referenceOf(std::make_shared<const Input>(std::move(*input)), options.source, ReferenceLevel::Imported);
}

/// The bundle, or one that is compiled for this call. Once it is open its files may go.
llvm::Expected<OpenBundle> openProgram(const Options &options) {
  if (isBundle(options.source)) {
    noticeInterrupts();
    return openBundle(options.source, options.device);
  }
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

llvm::Expected<Evaluation> evaluate(const Options &options, const IdBatch &batch) {
  if (options.reference) {
    noticeInterrupts();
    llvm::Expected<ReferenceModel> model = openReference(options);
    if (!model)
      return model.takeError();
    unsigned threads =
        options.device.threads ? options.device.threads : std::max(1u, std::thread::hardware_concurrency());
    return evaluateReference(*model, batch, options.layers, threads);
  }
  llvm::Expected<OpenBundle> bundle = openProgram(options);
  if (!bundle)
    return bundle.takeError();
  return evaluateProgram(*bundle->context, batch, options.layers, options.step);
}

llvm::Error eval(const Options &options) {
  if (isBundle(options.source))
    if (llvm::Error wrong = refuseFlags(options.source, options.input, options.program))
      return wrong;
  llvm::Expected<IdBatch> batch = readIds(options.ids);
  if (!batch)
    return batch.takeError();
  llvm::Expected<Evaluation> evaluation = evaluate(options, *batch);
  if (!evaluation)
    return evaluation.takeError();
  if (options.logits.empty()) {
    printNext(*evaluation, *batch, options.json);
    return llvm::Error::success();
  }
  std::vector<NamedTensor> tensors;
  evaluation->layers.push_back({"logits", {evaluation->vocabulary}, std::move(evaluation->logits)});
  for (NamedTensor &tensor : evaluation->layers)
    for (NamedTensor &part : bySequence(std::move(tensor), *batch))
      tensors.push_back(std::move(part));
  if (llvm::Error error = writeSafetensors(options.logits, tensors))
    return error;
  if (options.json) {
    nlohmann::ordered_json out = {{"logits", options.logits}};
    if (sameLengths(*batch))
      out["shape"] = tensors.back().shape;
    llvm::outs() << out.dump() << '\n';
  }
  return llvm::Error::success();
}

} // namespace

void addEval(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand("eval", "logits for given token ids");
  command->add_option("source", options->source, "a bundle, or an input of 'lathe compile'")->required();
  command
      ->add_option("--ids", options->ids,
                   ".safetensors with input_ids, I64 [B, T]; or a text, a sequence a line, of whatever lengths")
      ->required();
  command->add_option("--logits", options->logits,
                      "write them as F32 [B, T, V] to this .safetensors file, or where sequences differ in length as "
                      "logits.0, logits.1, ... [1, T, V]; without it the most likely next ids are printed");
  command->add_flag("--reference", options->reference, "by the reference interpreter, in f64, not by compiled code");
  CLI::Option *layers = command->add_flag("--dump-layers", options->layers,
                                          "write hidden.0, what the first layer reads, to hidden.L, what the head "
                                          "reads, as F32 [B, T, D] too");
  layers->needs("--logits");
  command
      ->add_option("--step", options->step,
                   "tokens that one step takes: 1 is how decoding goes (default: as many as the program can take)")
      ->check(CLI::PositiveNumber)
      ->excludes("--reference");
  addInputFlags(*command, options->input);
  addProgramFlags(*command, options->program);
  addDeviceFlags(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  onChosen(*command, options, outcome, eval);
}

} // namespace lathe::cli
