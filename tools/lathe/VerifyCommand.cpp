//===- VerifyCommand.cpp - lathe verify: a bundle against the reference, at length ------------------------------===//
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "compiler/verify/Reference.h"
#include "compiler/verify/Verify.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

struct Options {
  std::string bundle;
  DeviceFlags device;
  bool json = false;
};

/// Multiply-adds of the reference: some ten seconds.
constexpr double kBudget = 1e10;

std::string scientific(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1e", value);
  return text;
}

/// Phases of one name in all layers as one line: the worst of them.
void print(const Verification &verification) {
  Table table({"phase", "NMSE", "bound", "formats", "worst in"});
  std::vector<const Deviation *> worst;
  for (const Deviation &deviation : verification.deviations) {
    auto same = llvm::find_if(worst, [&](const Deviation *other) {
      return other->program == deviation.program && withoutLayer(other->phase) == withoutLayer(deviation.phase);
    });
    if (same == worst.end())
      worst.push_back(&deviation);
    else if (deviation.nmse() > (*same)->nmse())
      *same = &deviation;
  }
  for (const Deviation *deviation : worst)
    table.add({deviation->program + ": " + withoutLayer(deviation->phase).str(), scientific(deviation->nmse()),
               scientific(deviation->bound()), scientific(deviation->formats.nmse()), deviation->phase});
  llvm::outs() << table.text();
}

nlohmann::ordered_json json(const Verification &verification) {
  nlohmann::ordered_json phases = nlohmann::ordered_json::array();
  for (const Deviation &deviation : verification.deviations)
    phases.push_back({{"program", deviation.program},
                      {"phase", deviation.phase},
                      {"nmse", deviation.nmse()},
                      {"bound", deviation.bound()},
                      {"formats_nmse", deviation.formats.nmse()}});
  return {{"tokens", verification.tokens},
          {"steps", verification.steps},
          {"logits_nmse", verification.logitsNmse()},
          {"formats_nmse", verification.formatsNmse()},
          {"phases", phases}};
}

llvm::Error verifyBundle(const Options &options) {
  llvm::Expected<std::shared_ptr<const Model>> model = openModel(options.bundle, options.device);
  if (!model)
    return model.takeError();
  if (Result<void> whole = (*model)->verifyWeights(); !whole)
    return makeError("{0}: {1}", options.bundle, whole.message());
  llvm::Expected<ReferenceModel> reference = referenceOf(*model, options.bundle, ReferenceLevel::Fused);
  if (!reference)
    return reference.takeError();
  Progress progress;
  llvm::Expected<Verification> verification =
      verify(*model, *reference->module, reference->weights,
             {.threads = options.device.threads, .budget = kBudget, .progress = [&](size_t step, size_t steps) {
                progress.show("verify: step " + std::to_string(step + 1) + " of " + std::to_string(steps));
              }});
  progress.clear();
  if (!verification)
    return makeError("{0}: {1}", options.bundle, llvm::toString(verification.takeError()));
  if (options.json)
    llvm::outs() << json(*verification).dump() << '\n';
  else
    print(*verification);
  if (llvm::Error error = verification->judge(options.bundle))
    return error;
  if (!options.json)
    llvm::outs() << "verified: " << verification->tokens << " tokens in " << verification->steps
                 << " steps, logits NMSE " << scientific(verification->logitsNmse()) << " (formats: NMSE "
                 << scientific(verification->formatsNmse()) << ')' << "; the weights are as they were packed\n";
  return llvm::Error::success();
}

} // namespace

void addVerify(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(kVerify.name, kVerify.help);
  command->add_option("bundle", options->bundle, "what 'lathe compile' wrote")->required();
  addDeviceFlags(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  onChosen(*command, options, outcome, verifyBundle);
}

} // namespace lathe::cli
