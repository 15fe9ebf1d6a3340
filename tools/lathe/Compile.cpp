//===- Compile.cpp - lathe compile: a model goes in, a bundle comes out -----------------------------------------===//
#include "tools/lathe/Compile.h"
#include "compiler/object/Cache.h"
#include "compiler/support/File.h"
#include "compiler/verify/Reference.h"
#include "compiler/verify/Verify.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Program.h"
#include "tools/lathe/Quantization.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

namespace lathe::cli {
namespace {

struct Options {
  std::string path, output, target = "host", emit, quantizeReport;
  std::vector<std::string> schedules;
  int64_t sequences = 0;
  InputOptions input;
  ProgramFlags program;
  unsigned jobs = 0;
  bool programOnly = false;
  bool noVerify = false, executable = false;
};

/// "models/SmolLM2.Q4_1.gguf" -> "SmolLM2.Q4_1.lathe", in the working folder.
std::string defaultOutput(llvm::StringRef path) {
  std::string name = nameOfPath(path);
  if (!llvm::sys::fs::is_directory(path))
    name = llvm::sys::path::stem(name).str();
  return name + ".lathe";
}

/// The program that an executable for the processor of the targets is made of: lathe-standalone, beside this one, or
/// lathe-standalone-aarch64.
llvm::Expected<std::string> standaloneProgram(llvm::ArrayRef<TargetDesc> targets) {
  std::string name = "lathe-standalone", preset = "default";
  const llvm::Triple triple(targets.front().triple), own(hostTarget().triple);
  if (triple.getArch() != own.getArch()) {
    preset = triple.getArchName();
    name += "-" + preset;
  }
  std::string path = besideProgram(name);
  if (!llvm::sys::fs::exists(path))
    return makeError("--executable: {0} for {1} is not there; 'cmake --preset {2}' and 'cmake --build --preset {2}' make "
                     "it",
                     path, targets.front().name, preset);
  return path;
}

uint64_t sizeOf(const std::string &folder) {
  uint64_t total = 0;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator file(folder, code), end; file != end && !code; file.increment(code)) {
    uint64_t size = 0;
    if (!llvm::sys::fs::file_size(file->path(), size))
      total += size;
  }
  return total;
}

/// What was made, in two lines.
void summarise(const Compilation &c, const std::string &output, uint64_t bytes) {
  llvm::raw_ostream &out = llvm::errs();
  out << output << ": " << bytesText(double(bytes)) << '\n';
  for (const Variant &variant : c.variants) {
    out << variant.target.name << ": ";
    for (const Program &program : variant.set.programs)
      out << program.phases.size() << " phases " << program.name << ", ";
    size_t tuned = 0, nearest = 0;
    for (const Scheduled &kernel : variant.schedule) {
      tuned += kernel.tag == "tuned";
      nearest += llvm::StringRef(kernel.tag).starts_with("nearest");
    }
    out << variant.schedule.size() << " kernels: " << tuned << " tuned, " << nearest << " nearest, "
        << variant.schedule.size() - tuned - nearest << " fallback\n";
  }
  for (const std::string &warning : c.warnings)
    out << "warning: " << warning << '\n';
}

/// What keeps this machine from running a variant of the bundle in `folder`; empty: it runs it.
std::string lackedFor(const TargetDesc &target, const std::string &folder) {
  if (target.device == DeviceKind::Cpu)
    return target.features & ~hostFeatures() ? "this machine cannot run " + target.name : "";
  const std::string none = "no device here runs " + target.name + " (";
  Result<std::shared_ptr<const Model>> model = Model::open(folder, {.target = target.name, .toRun = false});
  if (!model)
    return none + model.message() + ")";
  const lathe_variant &variant = (*model)->variant();
  Result<std::vector<std::shared_ptr<const Device>>> there = devices(variant.device);
  if (!there)
    return none + there.message() + ")";
  std::string lacks = "there is none";
  for (const std::shared_ptr<const Device> &device : *there) {
    const std::optional<std::string> lacked = device->lacks(variant);
    if (!lacked)
      return "";
    lacks = *lacked;
  }
  return none + lacks + ")";
}

/// A variant in the staging folder against the reference on the checkpoint's own weights: so that packing is checked
/// too. What --quantize makes exists in the bundle only, and is taken from there.
llvm::Expected<Verification> checkStaged(Compilation &c, const Variant &variant, const Options &options,
                                         Progress &progress) {
  Result<std::shared_ptr<const Model>> model = Model::open(c.staging->path(), {.target = variant.target.name});
  if (!model)
    return toLlvm(model.failure());
  std::shared_ptr<const Model> staged = model.take();
  reference::WeightLookup weights = lookupIn(*c.input.weights);
  std::optional<ReferenceModel> packed;
  if (c.input.model.weight_format() != spec::WEIGHT_FORMAT_UNSPECIFIED) { // quantising takes longer than the steps do
    llvm::Expected<ReferenceModel> read = referenceOf(staged, options.path, ReferenceLevel::Fused);
    if (!read)
      return read.takeError();
    packed = std::move(*read);
    weights = packed->weights;
  }
  return verify(staged, *variant.module, std::move(weights),
                {.threads = options.jobs, .progress = [&](size_t step, size_t steps) {
                   progress.show("verify: step " + std::to_string(step + 1) + " of " + std::to_string(steps));
                 }});
}

llvm::Error compileToBundle(const Options &options) {
  auto start = std::chrono::steady_clock::now();
  std::string output = options.output.empty() ? defaultOutput(options.path) : options.output;
  Progress progress;
  llvm::Expected<std::vector<TargetDesc>> targets = parseTargets(options.target);
  if (!targets)
    return targets.takeError();
  PipelineOptions pipeline = pipelineOptions(options.input, options.program, options.jobs, progress);
  pipeline.targets = std::move(*targets);
  pipeline.schedules = options.schedules;
  pipeline.sequences = options.sequences;
  pipeline.programOnly = options.programOnly;
  if (options.executable) {
    llvm::Expected<std::string> program = standaloneProgram(pipeline.targets);
    if (!program)
      return program.takeError();
    pipeline.standalone = std::move(*program);
  }
  Compilation c(options.path, std::move(pipeline));
  std::string verdict;
  uint64_t bytes = 0;
  auto finish = [&](Compilation &c) -> llvm::Error {
    bytes = sizeOf(c.staging->path());
    if (options.programOnly)
      verdict = "not verified: lathe-random-weights has to make its weights.bin\n";
    else if (options.noVerify)
      verdict = "not verified, as --no-verify asks\n";
    for (const Variant &variant : c.variants) {
      if (options.noVerify || options.programOnly)
        break;
      if (const std::string lacked = lackedFor(variant.target, c.staging->path()); !lacked.empty()) {
        verdict += "not verified: " + lacked + "; 'lathe verify' on one that can will tell\n";
        continue;
      }
      llvm::Expected<Verification> verification = checkStaged(c, variant, options, progress);
      if (!verification)
        return makeError("{0}: verification: {1}", output, llvm::toString(verification.takeError()));
      const Deviation &worst = verification->worst();
      verdict += llvm::formatv("verified{0}: {1} tokens in {2} steps; logits NMSE {3:e1} (formats: NMSE "
                               "{4:e1}); phase nearest its bound: {5} \"{6}\", {7:e1} of {8:e1}\n",
                               c.variants.size() > 1 ? " " + variant.target.name : "", verification->tokens,
                               verification->steps, verification->logitsNmse(), verification->formatsNmse(),
                               worst.program, worst.phase, worst.nmse(), worst.bound());
      if (llvm::Error over = verification->judge(output))
        return over;
    }
    return llvm::Error::success();
  };
  llvm::Error error = compile(c, output, finish);
  progress.clear();
  if (error)
    return error;
  summarise(c, output, bytes);
  if (const QuantizationLog *log = c.input.quantization.get())
    if (llvm::Error wrong = reportQuantization(*log, options.quantizeReport))
      return wrong;
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  llvm::errs() << verdict << llvm::formatv("compiled in {0:f1} s\n", seconds.count());
  return llvm::Error::success();
}

llvm::Error compileCommand(const Options &options) {
  if (!options.quantizeReport.empty() && options.input.quantize.empty())
    return llvm::make_error<UsageError>("--quantize-report goes with --quantize");
  if (options.emit.empty())
    return compileToBundle(options);
  if (!options.output.empty())
    return llvm::make_error<UsageError>("--emit prints to stdout and writes no bundle, so -o has no meaning beside it");
  llvm::StringRef stage = llvm::StringRef(options.emit).split(',').first;
  if (llvm::none_of(stages(), [&](const Stage &known) { return known.name == stage; })) {
    std::string names;
    for (const Stage &known : stages())
      names += (names.empty() ? "" : ", ") + known.name.str();
    return llvm::make_error<UsageError>("--emit: no stage '" + stage.str() + "'; one of " + names + " would be right");
  }
  std::string text;
  llvm::raw_string_ostream out(text); // whole or not at all
  Progress progress;
  llvm::Expected<std::vector<TargetDesc>> targets = parseTargets(options.target);
  if (!targets)
    return targets.takeError();
  PipelineOptions pipeline = pipelineOptions(options.input, options.program, options.jobs, progress);
  pipeline.targets = std::move(*targets);
  pipeline.schedules = options.schedules;
  pipeline.sequences = options.sequences;
  Compilation c(options.path, std::move(pipeline));
  llvm::Error error = emit(c, options.emit, out);
  progress.clear();
  if (error)
    return error;
  llvm::outs() << text;
  return llvm::Error::success();
}

} // namespace

PipelineOptions pipelineOptions(const InputOptions &input, const ProgramFlags &program, unsigned jobs,
                                Progress &progress) {
  PipelineOptions options;
  options.input = input;
  options.cache = findCacheFormat(program.cache);
  options.activations = findActFormat(program.activations);
  options.jobs = jobs;
  options.cacheDirectory = defaultCacheDirectory();
  options.progress = [&progress](llvm::StringRef stage, uint64_t done, uint64_t total) {
    progress.show(llvm::formatv("{0}: {1} %", stage, total ? done * 100 / total : 100).str());
  };
  return options;
}

void addCompile(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(kCompile.name, kCompile.help);
  command->add_option("input", options->path, "a .gguf, a Hugging Face folder, a llama2.c .bin, or a spec textproto")
      ->required();
  command->add_option("-o", options->output, "the bundle's folder (default: the input's name with .lathe)");
  command->add_option(
      "--target", options->target,
      "instruction sets of the kernels, as in x86-64-v3,x86-64-v4-vnni; the best that a machine has is run "
      "(default: this machine's)");
  addInputFlags(*command, options->input);
  addProgramFlags(*command, options->program);
  command->add_option("--quantize-report", options->quantizeReport, "write the error of each tensor to a JSON file");
  command
      ->add_option("--sequences", options->sequences,
                   "sequences that one step can take (default: 8); 1 makes the smallest program")
      ->check(CLI::Range(1, 4096));
  command->add_option("--schedules", options->schedules,
                      "a file of schedule records (schedules/schedule.proto) beside those that lathe carries; may be "
                      "given several times, and later ones go first");
  command->add_option("--emit", options->emit,
                      "print a stage, STAGE or STAGE,FORM: spec, import, fusion, kernels, "
                      "schedule, object, link; a form may follow, as in object,asm");
  command->add_flag("--executable", options->executable, "make one program that needs nothing of Lathe, not a folder");
  command
      ->add_flag("--program-only", options->programOnly,
                 "write model.so alone: to be measured with random weights, which lathe-random-weights makes there")
      ->excludes("--executable");
  command->add_flag("--no-verify", options->noVerify, "do not run the program against the reference at the end");
  command->add_option("--jobs", options->jobs, "threads of the compiler (default: all cores)")
      ->check(CLI::Range(1, 1024));
  onChosen(*command, options, outcome, compileCommand);
}

} // namespace lathe::cli
