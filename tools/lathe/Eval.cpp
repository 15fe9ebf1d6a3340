//===- Eval.cpp - lathe eval: logits for given token ids --------------------------------------------------------===//
#include "tools/lathe/Eval.h"
#include "tools/run/Run.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

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

/// Whether the runtime alone can do it.
bool needsCompiler(const EvalOptions &options) { return options.reference || !isBundle(options.source); }

llvm::Expected<Evaluation> evaluate(const EvalOptions &options, const IdBatch &batch) {
  if (needsCompiler(options))
    return options.byCompiler(options, batch);
  noticeInterrupts();
  llvm::Expected<OpenBundle> bundle = openBundle(options.source, options.device);
  if (!bundle)
    return bundle.takeError();
  return evaluateProgram(*bundle->context, batch, options.layers, options.step);
}

llvm::Error eval(const EvalOptions &options) {
  if (needsCompiler(options) && !options.byCompiler)
    return llvm::make_error<NeedsCompiler>();
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

void addEval(CLI::App &app, Outcome &outcome, EvaluateFunction *byCompiler) {
  auto options = std::make_shared<EvalOptions>();
  options->byCompiler = byCompiler;
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
