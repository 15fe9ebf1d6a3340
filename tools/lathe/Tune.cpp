//===- Tune.cpp - lathe tune: schedules found by measuring --------------------------------------------------------===//
#include "Commit.h"
#include "compiler/support/File.h"
#include "compiler/support/Output.h"
#include "compiler/tune/Tuner.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Compile.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/TuneReport.h"
#include "tools/run/Run.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <ctime>

namespace lathe::cli {
namespace {

struct Options {
  std::string source, output, target, check, explain;
  double budget = 60;
  std::vector<std::string> families, schedules, merge;
  InputOptions input;
  ProgramFlags program;
  int64_t sequences = 0;
  unsigned threads = 0, jobs = 0;
  uint64_t seed = 1;
  bool fresh = false, json = false;
};

/// "models/SmolLM2.Q4_1.gguf" -> "SmolLM2.Q4_1.schedules.textproto", in the working folder.
std::string defaultOutput(llvm::StringRef path) {
  std::string name = nameOfPath(path);
  if (!llvm::sys::fs::is_directory(path))
    name = llvm::sys::path::stem(name).str();
  return name + ".schedules.textproto";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char day[16];
  std::strftime(day, sizeof day, "%Y-%m-%d", std::gmtime(&now));
  return day;
}

llvm::Expected<std::unique_ptr<tune::Subject>> readSubject(const Options &options, tune::Workspace &workspace,
                                                           Progress &progress) {
  PipelineOptions pipeline = pipelineOptions(options.input, options.program, options.jobs, progress);
  pipeline.schedules = options.schedules;
  pipeline.sequences = options.sequences;
  if (isBundle(options.source)) {
    if (llvm::Error wrong = refuseFlags(options.source, options.input, options.program))
      return std::move(wrong);
    llvm::Expected<std::shared_ptr<const Model>> bundle = openModel(options.source, {.target = options.target, .device = "cpu"});
    if (!bundle)
      return bundle.takeError();
    return tune::subjectOfBundle(*bundle, options.source, pipeline);
  }
  llvm::Expected<std::vector<TargetDesc>> targets = parseTargets(options.target.empty() ? "host" : options.target);
  if (!targets)
    return targets.takeError();
  if (targets->size() != 1)
    return llvm::make_error<UsageError>("--target: one at a time is tuned");
  if (const TargetDesc &target = targets->front();
      target.device != DeviceKind::Cpu || (target.features & ~hostFeatures()))
    return makeError("--target {0}: this machine cannot run it, so nothing can be measured", target.name);
  pipeline.targets = std::move(*targets);
  return tune::subjectOfInput(options.source, pipeline, workspace);
}

/// What is measured, and where its candidates are made.
struct Measured {
  std::unique_ptr<tune::Workspace> workspace;
  std::unique_ptr<tune::Subject> subject;
};

llvm::Expected<Measured> open(const Options &options, Progress &progress) {
  llvm::Expected<std::unique_ptr<tune::Workspace>> workspace = tune::Workspace::create();
  if (!workspace)
    return workspace.takeError();
  llvm::Expected<std::unique_ptr<tune::Subject>> subject = readSubject(options, **workspace, progress);
  if (!subject)
    return subject.takeError();
  return Measured{std::move(*workspace), std::move(*subject)};
}

tune::TuneOptions tuneOptions(const Options &options, Progress &progress) {
  tune::TuneOptions tuning;
  tuning.budget = options.budget;
  tuning.threads = options.threads;
  tuning.seed = options.seed;
  tuning.families = options.families;
  tuning.output = options.output.empty() ? defaultOutput(options.source) : options.output;
  tuning.fresh = options.fresh;
  tuning.commit = LATHE_COMMIT;
  tuning.date = today();
  tuning.progress = [&progress](const std::string &text) { progress.show(text); };
  tuning.interrupted = [] { return interrupted() != 0; };
  return tuning;
}

llvm::Error search(const Options &options) {
  Progress progress;
  llvm::Expected<Measured> measured = open(options, progress);
  if (!measured)
    return measured.takeError();
  const tune::TuneOptions tuning = tuneOptions(options, progress);
  noticeInterrupts(); // from here on all that was found is kept
  llvm::Expected<tune::TuneResult> result = tune::tune(*measured->subject, *measured->workspace, tuning);
  progress.clear();
  if (!result)
    return result.takeError();
  llvm::outs() << reportText(*result);
  llvm::raw_ostream &log = llvm::errs();
  if (result->before)
    log << "went on from " << result->before << " measurements of " << tuning.output << ".journal\n";
  log << result->measured << " candidates measured; ";
  if (result->records)
    log << tuning.output << ": " << result->records << " records; 'lathe compile --schedules " << tuning.output
        << "' uses them\n";
  else
    log << "no kernel is faster than it was beyond the spread\n";
  return result->interrupted ? llvm::make_error<Interrupted>() : llvm::Error::success();
}

llvm::Error check(const Options &options) {
  Progress progress;
  RecordBook book;
  if (llvm::Error wrong = book.addFile(options.check))
    return wrong;
  llvm::Expected<Measured> measured = open(options, progress);
  if (!measured)
    return measured.takeError();
  noticeInterrupts();
  llvm::Expected<std::vector<tune::RecordCheck>> checks =
      tune::checkRecords(*measured->subject, *measured->workspace, book, tuneOptions(options, progress));
  progress.clear();
  if (!checks)
    return checks.takeError();
  llvm::outs() << checkText(*checks);
  if (interrupted())
    return llvm::make_error<Interrupted>();
  const size_t wrong = llvm::count_if(*checks, [](const tune::RecordCheck &one) {
    return one.state == tune::RecordCheck::DoesNotHold || one.state == tune::RecordCheck::Unmeasured;
  });
  return wrong ? makeError("{0}: {1} of {2} records do not hold here", options.check, wrong, checks->size())
               : llvm::Error::success();
}

llvm::Error merge(const Options &options) {
  std::vector<RecordFile> files;
  for (const std::string &name : options.merge) {
    llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(name);
    if (!file)
      return file.takeError();
    const llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
    auto records = parseRecords(name, {reinterpret_cast<const char *>(bytes.data()), bytes.size()});
    if (!records)
      return records.takeError();
    files.push_back({name, std::move(*records)});
  }
  llvm::Expected<Merged> merged = mergeRecords(files);
  if (!merged)
    return merged.takeError();
  for (const std::string &note : merged->notes)
    llvm::errs() << note << '\n';
  if (options.output.empty()) {
    llvm::errs() << merged->records.size() << " records, no contradiction\n";
    return llvm::Error::success();
  }
  return writeFile(options.output, [&](llvm::raw_ostream &out) {
    out << textOf(merged->records);
    return llvm::Error::success();
  });
}

/// Of a journal, or of the journal beside a file of records.
llvm::Error explain(const Options &options) {
  const std::string beside = options.explain + ".journal";
  llvm::Expected<tune::JournalText> journal =
      tune::readJournal(llvm::sys::fs::exists(beside) ? beside : options.explain);
  if (!journal)
    return journal.takeError();
  llvm::outs() << explainText(*journal);
  return llvm::Error::success();
}

llvm::Error tuneCommand(const Options &options) {
  if (int(!options.merge.empty()) + int(!options.check.empty()) + int(!options.explain.empty()) > 1)
    return llvm::make_error<UsageError>("--merge, --check and --explain are three things; one at a time");
  if (!options.merge.empty())
    return merge(options);
  if (!options.explain.empty())
    return explain(options);
  if (options.source.empty())
    return llvm::make_error<UsageError>("tune: names no model; 'lathe tune MODEL' or 'lathe tune DIR'");
  return options.check.empty() ? search(options) : check(options);
}

} // namespace

void addTune(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(kTune.name, kTune.help);
  command->add_option("source", options->source, "an input of 'lathe compile', or a bundle");
  command->add_option("--budget", options->budget, "time to measure, as in 60s, 10m (default: 60s)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}},
                                        CLI::AsNumberWithUnit::CASE_SENSITIVE))
      ->check(CLI::PositiveNumber);
  command->add_option("--target", options->target, "the instruction set to tune for (default: this machine's)");
  command->add_option("--families", options->families, "only kernels of these, as in linear,attend")->delimiter(',');
  command->add_option("--threads", options->threads, "workers of the program (default: all cores)")
      ->check(CLI::Range(1, 1024));
  command->add_option("-o,--out", options->output,
                      "the file of records (default: NAME.schedules.textproto); every measurement goes to "
                      "FILE.journal, from which the next run goes on");
  command->add_flag("--fresh", options->fresh, "begin the journal anew");
  command->add_option("--seed", options->seed, "of the order of candidates and rounds (default: 1)");
  command->add_option("--schedules", options->schedules, "records to begin with, as of 'lathe compile'");
  command->add_option("--sequences", options->sequences, "sequences of a step, as of 'lathe compile'")
      ->check(CLI::Range(1, 4096));
  addInputFlags(*command, options->input);
  addProgramFlags(*command, options->program);
  command->add_option("--jobs", options->jobs, "threads of the compiler (default: all cores)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--merge", options->merge,
                      "files of records to join in -o FILE; without -o they are only looked through for doubles and "
                      "contradictions");
  command->add_option("--check", options->check, "measure whether the records of a file still hold, on a model");
  command->add_option("--explain", options->explain, "tell what a journal, or the one beside a file of records, has");
  onChosen(*command, options, outcome, tuneCommand);
}

} // namespace lathe::cli
