//===- Bench.cpp - lathe bench: rates, and each phase against the machine's limits ------------------------------===//
#include "compiler/support/Output.h"
#include "runtime/device/cpu/Limits.h"
#include "runtime/device/cuda/Limits.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/Program.h"
#include "tools/lathe/bench/Measure.h"
#include "tools/lathe/bench/Write.h"
#include "tools/run/Run.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <ctime>
#include <limits>
#include <map>

namespace lathe::cli {
namespace {

using llvm::Error;
using llvm::Expected;

struct Options {
  std::vector<std::string> bundles;
  uint32_t promptTokens = 0, newTokens = 0; ///< 0: the default, as far as the models' contexts go
  uint32_t repeats = 0;                     ///< 0: the default
  uint32_t depth = 0;                       ///< positions before what is measured
  uint32_t batch = 1;                       ///< sequences of a decode step
  DeviceFlags device;
  std::string report, trace;
  bool json = false, machine = false;
};

constexpr uint32_t kPromptTokens = 512, kNewTokens = 128;
constexpr uint32_t kRepeats = 3, kPairs = 8; ///< of one bundle; of two, enough for an interval
constexpr double kDepthSeconds = 20;         ///< for decode by depth, of each bundle

template <typename... Parts> Error usage(const Parts &...parts) {
  return llvm::make_error<UsageError>(error(parts...).message());
}

Error interruption() { return interrupted() ? llvm::make_error<Interrupted>() : Error::success(); }

/// What can be known to be wrong before anything is measured.
Error checkOptions(const Options &options) {
  if (options.machine && !options.bundles.empty())
    return usage("bench: --machine measures no bundle; ", options.bundles.front(), " is one too many");
  if (!options.machine && options.bundles.empty())
    return usage("bench: names no bundle; 'lathe bench DIR' or 'lathe bench --machine'");
  for (const auto &[flag, path] : {std::pair("--report", &options.report), std::pair("--trace", &options.trace)}) {
    if (path->empty())
      continue;
    if (options.machine)
      return usage(flag, ": shows a bundle; with --machine there is none");
    const llvm::StringRef folder = llvm::sys::path::parent_path(*path);
    if (!folder.empty() && !llvm::sys::fs::is_directory(folder))
      return makeError("{0}: {1} is no folder", *path, folder);
    if (llvm::sys::fs::is_directory(*path))
      return makeError("{0}: is a folder; {1} writes a file", *path, flag);
  }
  if (!options.report.empty() && options.report == options.trace)
    return usage("--report and --trace name one file, ", options.report);
  return Error::success();
}

/// Lengths that the contexts of all `models` have room for.
Expected<bench::Lengths> chooseLengths(const Options &options,
                                       const std::vector<std::shared_ptr<const Model>> &models) {
  bench::Lengths lengths{.depth = options.depth, .batch = options.batch};
  const auto shortest = std::ranges::min_element(
      models, {}, [](const std::shared_ptr<const Model> &model) { return model->tables().max_context; });
  const uint32_t context = (*shortest)->tables().max_context;
  const std::string limit = options.bundles[size_t(shortest - models.begin())] + " was compiled for at most " +
                            std::to_string(context) + " positions";
  if (options.depth >= context)
    return usage("--depth ", options.depth, ": ", limit);
  const uint32_t room = context - options.depth;
  for (const auto &[flag, asked, usual, chosen] :
       {std::tuple("-p", options.promptTokens, kPromptTokens, &lengths.prompt),
        std::tuple("-n", options.newTokens, kNewTokens, &lengths.decode)}) {
    *chosen = asked ? asked : std::min(usual, room);
    if (*chosen > room)
      return usage(flag, " ", *chosen, ": ", limit,
                   options.depth ? ", --depth takes " + std::to_string(options.depth) : std::string());
  }
  for (size_t i = 0; i < models.size(); ++i) {
    const uint32_t slots = models[i]->tables().max_slots;
    if (slots < options.batch)
      return usage("--batch ", options.batch, ": a step of ", options.bundles[i], " has at most ", slots,
                   " sequences; 'lathe compile --sequences' makes it more");
    if (uint64_t(models[i]->variant().cache.max_pages) * options.batch > std::numeric_limits<int32_t>::max())
      return usage("--batch ", options.batch, ": is too many sequences of ", options.bundles[i]);
  }
  return lengths;
}

Expected<std::vector<bench::Subject>> openSubjects(const Options &options) {
  std::vector<std::shared_ptr<const Model>> models;
  for (const std::string &path : options.bundles) {
    Expected<std::shared_ptr<const Model>> model = openModel(path, options.device);
    if (!model)
      return model.takeError();
    models.push_back(std::move(*model));
  }
  Expected<bench::Lengths> lengths = chooseLengths(options, models);
  if (!lengths)
    return lengths.takeError();
  std::vector<bench::Subject> subjects;
  for (size_t i = 0; i < models.size(); ++i) {
    // Each sequence of a batch as long as a model lets it be where pages that nothing writes take no memory, else as
    // long as is measured; and one that a recurrent session keeps while it feeds chunks.
    const uint32_t most = models[i]->variant().cache.max_pages;
    const uint32_t positions = lengths->depth + std::max(lengths->prompt, lengths->decode);
    const uint32_t needed = std::min(most, (positions + LATHE_PAGE_POSITIONS - 1) / LATHE_PAGE_POSITIONS);
    const uint32_t pages = (models[i]->device().hasFreePages() ? most : needed) * options.batch + 1;
    Result<std::unique_ptr<Context>> context =
        Context::create(models[i], {.threads = options.device.threads, .cachePages = pages});
    if (!context)
      return toLlvm(context.failure());
    subjects.emplace_back(options.bundles[i], context.take(), *lengths, interruption);
    if (!options.report.empty() && &subjects.back().device() != &subjects.front().device())
      return usage("--report: shows one machine; ", options.bundles[0], " runs on ", models[0]->device().name(), ", ",
                   options.bundles[i], " on ", models[i]->device().name());
  }
  return subjects;
}

/// Rates, in turn, so that a noisy minute falls on all: which of two bundles comes first changes from pair to pair.
Error measureRates(std::vector<bench::Subject> &subjects, uint32_t repeats, Progress &progress) {
  for (uint32_t repeat = 0; repeat < repeats; ++repeat) {
    progress.show("bench: repeat " + std::to_string(repeat + 1) + " of " + std::to_string(repeats));
    std::vector<double> prefill(subjects.size()), decode(subjects.size());
    for (const bool isPrefill : {true, false})
      for (size_t i = 0; i < subjects.size(); ++i) {
        const size_t which = repeat % 2 ? subjects.size() - 1 - i : i;
        Expected<double> seconds = isPrefill ? subjects[which].prefill() : subjects[which].decode();
        if (!seconds)
          return seconds.takeError();
        (isPrefill ? prefill : decode)[which] = *seconds;
      }
    for (size_t i = 0; i < subjects.size(); ++i)
      subjects[i].addRates(prefill[i], decode[i]);
  }
  return Error::success();
}

/// What measures the limits of a device that something runs on.
struct Measured {
  std::string device; ///< "cpu", "cuda:0"
  std::unique_ptr<Meter> meter;
};

Expected<Measured> createMeter(const Options &options, const std::string &device, std::vector<uint64_t> footprints) {
  if (device != "cpu") {
    Result<std::unique_ptr<Meter>> made = cuda::cardMeter(device, std::move(footprints));
    if (!made)
      return toLlvm(made.failure());
    return Measured{device, made.take()};
  }
  Result<MachineMeter> made = MachineMeter::create(options.device.threads, std::move(footprints));
  if (!made)
    return toLlvm(made.failure());
  return Measured{device, std::make_unique<MachineMeter>(made.take())};
}

/// One for each device, in the order of the subjects; with --machine, of the device that is named.
Expected<std::vector<Measured>> createMeters(const Options &options, const std::vector<bench::Subject> &subjects) {
  std::vector<std::string> devices;
  std::map<std::string, std::vector<uint64_t>> footprints;
  if (options.machine) {
    Result<std::shared_ptr<const Device>> device =
        findDevice(options.device.device.empty() ? "cpu" : options.device.device);
    if (!device)
      return toLlvm(device.failure());
    devices.push_back((*device)->name());
  }
  for (const bench::Subject &subject : subjects) {
    if (!footprints.contains(subject.device().name()))
      devices.push_back(subject.device().name());
    footprints[subject.device().name()].push_back(subject.footprint());
  }
  std::vector<Measured> all;
  for (const std::string &device : devices) {
    Expected<Measured> made = createMeter(options, device, footprints[device]);
    if (!made)
      return made.takeError();
    all.push_back(std::move(*made));
  }
  return all;
}

Expected<bench::BenchResult> measure(const Options &options) {
  Progress progress;
  bench::BenchResult result;
  result.version = buildName();
  char date[32];
  const std::time_t time = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", std::gmtime(&time));
  result.date = date;
  result.depth = options.depth;

  std::vector<bench::Subject> subjects;
  std::map<const bench::Subject *, MachineLimits> finished;
  if (!options.machine) {
    Expected<std::vector<bench::Subject>> opened = openSubjects(options);
    if (!opened)
      return opened.takeError();
    subjects = std::move(*opened);
    progress.show("bench: first run");
    for (bench::Subject &subject : subjects)
      if (Error failed = subject.warm())
        return std::move(failed);
  }
  Expected<std::vector<Measured>> meters = createMeters(options, subjects);
  if (!meters)
    return meters.takeError();
  // Before and after: neighbours come and go.
  for (const bool before : {true, false}) {
    progress.show("bench: the machine's limits");
    for (Measured &measured : *meters)
      if (Result<void> done = measured.meter->measure(); !done)
        return toLlvm(done.failure());
    if (Error ended = interruption())
      return std::move(ended);
    if (!before || options.machine)
      continue;
    const uint32_t usual = subjects.size() > 1 ? kPairs : kRepeats;
    if (Error failed = measureRates(subjects, options.repeats ? options.repeats : usual, progress))
      return std::move(failed);
    progress.show("bench: phases");
    for (bench::Subject &subject : subjects)
      if (Error failed = subject.profile())
        return std::move(failed);
    progress.show("bench: decode by depth");
    for (bench::Subject &subject : subjects)
      if (!options.report.empty())
        if (Error failed = subject.profileDepths(kDepthSeconds))
          return std::move(failed);
  }
  for (Measured &measured : *meters) {
    const MachineLimits limits = measured.meter->limits();
    result.machines.push_back({measured.device, limits.machine, limits.threads, measured.meter->roofs()});
    for (bench::Subject &subject : subjects)
      if (subject.device().name() == measured.device)
        finished.emplace(&subject, measured.meter->limits(subject.footprint()));
  }
  for (bench::Subject &subject : subjects)
    result.bundles.push_back(subject.finish(finished.at(&subject)));
  if (result.bundles.size() == 2) {
    const bench::BundleResult &a = result.bundles[0], &b = result.bundles[1];
    result.prefill = bench::ratioOf(a.prefill.rates, b.prefill.rates);
    result.decode = bench::ratioOf(a.decode.rates, b.decode.rates);
  }
  return result;
}

Error bench(const Options &options) {
  noticeInterrupts();
  if (Error wrong = checkOptions(options))
    return wrong;
  Expected<bench::BenchResult> result = measure(options);
  if (!result)
    return result.takeError();
  llvm::outs() << (options.json ? bench::jsonOf(*result) + "\n" : bench::textOf(*result));
  for (const auto &[path, write] :
       {std::pair(&options.report, &bench::writeReport), std::pair(&options.trace, &bench::writeTrace)})
    if (!path->empty())
      if (Error failed = writeFile(*path, [&](llvm::raw_ostream &out) {
            write(out, *result);
            return Error::success();
          }))
        return failed;
  return Error::success();
}

} // namespace

void addBench(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(
      "bench", "measure a bundle's rates, phase by phase against this machine's limits, or two in turn");
  command->add_option("bundle", options->bundles, "what 'lathe compile' wrote; of two, the second against the first")
      ->expected(0, 2);
  command->add_option("-p", options->promptTokens, "tokens of the prompt")->check(CLI::PositiveNumber);
  command->add_option("-n", options->newTokens, "tokens to generate")->check(CLI::PositiveNumber);
  command->add_option("--depth", options->depth, "tokens that a sequence has before")->check(CLI::NonNegativeNumber);
  command->add_option("--batch", options->batch, "sequences of a decode step; its rate is that of all")
      ->check(CLI::Range(1, 4096));
  command->add_option("--repeats", options->repeats, "how often both are measured (default: 3; 8 of two bundles)")
      ->check(CLI::Range(1, 1000));
  addDeviceFlags(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  command->add_option("--report", options->report, "write a page (HTML) that shows where the time goes");
  command->add_option("--trace", options->trace, "write a token and a chunk by worker, for Perfetto (ui.perfetto.dev)");
  command->add_flag("--machine", options->machine, "only measure the machine's limits");
  onChosen(*command, options, outcome, bench);
}

} // namespace lathe::cli
