//===- Bench.cpp - lathe bench: rates, and each phase against the machine's limits ------------------------------===//
#include "compiler/support/Formats.h"
#include "runtime/device/cpu/Roofline.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "tools/run/Run.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

namespace lathe::cli {
namespace {

struct Options {
  std::string bundle;
  uint32_t promptTokens = 0, newTokens = 0; ///< 0: the default, as far as the model's context goes
  uint32_t repeats = 3;
  uint32_t depth = 0; ///< positions before what is measured
  uint32_t batch = 1; ///< sequences of a decode step
  DeviceFlags device;
  bool json = false, machine = false;
};

constexpr uint32_t kPromptTokens = 512, kNewTokens = 128;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The phases that do one thing in all layers, in one kind of step.
struct PhaseTime {
  std::string step, name;
  double count = 0;                 ///< phases of this name in one step (a prefill: in all its chunks)
  double seconds = 0;               ///< of all of them, in one step
  double bytes = 0, operations = 0; ///< that it reads and makes
  double limitSeconds = 0;          ///< that the machine's limits allow
};

class Bench {
public:
  Bench(OpenBundle bundle, const Options &options, MachineLimits limits)
      : bundle(std::move(bundle)), options(options), limits(std::move(limits)) {}

  llvm::Error run() {
    if (llvm::Error error = chooseLengths())
      return error;
    Progress progress;
    if (tables().max_slots < options.batch)
      return llvm::make_error<UsageError>("--batch " + std::to_string(options.batch) + ": a step of " + options.bundle +
                                          " has at most " + std::to_string(tables().max_slots) +
                                          " sequences; 'lathe compile --sequences' makes it more");
    if (llvm::Error error = prefill(1, nullptr).takeError()) // pages in weights and kernels
      return error;
    // Interleaved, so that a noisy minute falls on both.
    for (uint32_t repeat = 0; repeat < options.repeats; ++repeat) {
      progress.show("bench: repeat " + std::to_string(repeat + 1) + " of " + std::to_string(options.repeats));
      llvm::Expected<double> prefillSeconds = prefill(promptTokens, nullptr);
      if (!prefillSeconds)
        return prefillSeconds.takeError();
      llvm::Expected<double> decodeSeconds = decode(newTokens, nullptr);
      if (!decodeSeconds)
        return decodeSeconds.takeError();
      prefillRates.push_back(promptTokens / *prefillSeconds);
      decodeRates.push_back(options.batch * newTokens / *decodeSeconds);
    }
    return profile();
  }

  nlohmann::ordered_json json() const;
  void print() const;

private:
  const lathe_model &tables() const { return bundle.model->tables(); }

  llvm::Error chooseLengths() {
    if (options.depth >= tables().max_context)
      return llvm::make_error<UsageError>("--depth " + std::to_string(options.depth) + ": " + options.bundle +
                                          " was compiled for at most " + std::to_string(tables().max_context) +
                                          " positions");
    uint32_t room = tables().max_context - options.depth;
    auto choose = [&](const char *flag, uint32_t asked, uint32_t usual, uint32_t &chosen) -> llvm::Error {
      chosen = asked ? asked : std::min(usual, room);
      if (chosen <= room)
        return llvm::Error::success();
      return llvm::make_error<UsageError>(std::string(flag) + " " + std::to_string(chosen) + ": " + options.bundle +
                                          " was compiled for at most " + std::to_string(tables().max_context) +
                                          " positions" +
                                          (options.depth ? ", --depth takes " + std::to_string(options.depth) : ""));
    };
    if (llvm::Error error = choose("-p", options.promptTokens, kPromptTokens, promptTokens))
      return error;
    return choose("-n", options.newTokens, kNewTokens, newTokens);
  }

  /// Ids without meaning: the numbers don't depend on which.
  std::vector<int32_t> ids(size_t count) const {
    std::vector<int32_t> ids(count);
    uint64_t state = 1;
    for (int32_t &id : ids) {
      state = state * 6364136223846793005u + 1442695040888963407u; // Knuth's MMIX generator
      id = int32_t((state >> 33) % tables().vocabulary);
    }
    return ids;
  }

  /// A session of `depth` tokens.
  llvm::Expected<Session> sessionAtDepth() {
    Session session(*bundle.context);
    if (options.depth)
      if (auto logits = session.feed(ids(options.depth)); !logits)
        return toLlvm(logits.failure());
    return session;
  }

  /// Seconds to feed `count` tokens to a session at once.
  llvm::Expected<double> prefill(uint32_t count, const PhaseObserver &observer) {
    if (interrupted())
      return llvm::make_error<Interrupted>();
    llvm::Expected<Session> session = sessionAtDepth();
    if (!session)
      return session.takeError();
    std::vector<int32_t> prompt = ids(count);
    double start = now();
    auto logits = session->feed(prompt, observer);
    if (!logits)
      return toLlvm(logits.failure());
    return now() - start;
  }

  /// Seconds to feed `count` tokens to each session of a batch, one of each in a step.
  llvm::Expected<double> decode(uint32_t count, const PhaseObserver &observer) {
    std::deque<Session> sessions;
    while (sessions.size() < options.batch) {
      llvm::Expected<Session> session = sessionAtDepth();
      if (!session)
        return session.takeError();
      sessions.push_back(std::move(*session));
    }
    std::vector<int32_t> tokens = ids(count);
    double start = now();
    for (const int32_t &id : tokens) {
      if (interrupted())
        return llvm::make_error<Interrupted>();
      std::vector<StepPart> parts;
      for (Session &session : sessions) {
        if (Result<void> queued = session.queue({&id, 1}, LogitsWanted::Last); !queued)
          return toLlvm(queued.failure());
        parts.push_back(session.next());
      }
      if (Result<void> done = bundle.context->step(parts, observer); !done)
        return toLlvm(done.failure());
      for (Session &session : sessions)
        session.accept();
    }
    return now() - start;
  }

  /// Times phase by phase: in all steps of one prefill, and in the mean of some decode steps.
  llvm::Error profile() {
    uint32_t steps = std::min(newTokens, 16u);
    if (llvm::Error error = prefill(promptTokens, watch("prefill", promptTokens, 1, 1)).takeError())
      return error;
    return decode(steps, watch("decode", 1, steps, options.batch)).takeError();
  }

  /// Adds what it sees to the phase times of `step`: the mean of `runs` runs, each feeding `tokens` tokens in chunks
  /// behind those of the runs before it, to each of some sequences.
  PhaseObserver watch(const char *step, uint32_t tokens, uint32_t runs, uint32_t sequences) {
    struct Progress { // of all copies of the observer
      uint32_t left = 0, rows = 0;
      uint64_t length;
    };
    return [=, this, at = std::make_shared<Progress>(Progress{.length = options.depth})](const PhaseEvent &event) {
      if (event.phase == 0) { // the next chunk begins
        at->left = at->left ? at->left : tokens;
        at->rows = std::min(at->left, bundle.context->maxRows());
        at->left -= at->rows;
        at->length += at->rows;
      }
      llvm::StringRef name = withoutLayer(event.table->name);
      auto found = std::find_if(times.begin(), times.end(),
                                [&](const PhaseTime &time) { return time.step == step && time.name == name; });
      if (found == times.end())
        found = times.insert(times.end(), {step, name.str()});
      const PhaseWork work = workOf(event, {.rows = at->rows, .length = at->length, .sequences = sequences});
      found->count += 1.0 / runs;
      found->seconds += event.seconds / runs;
      found->bytes += work.bytes / runs;
      found->operations += work.operations / runs;
      found->limitSeconds += limitSeconds(work, limits) / runs;
    };
  }

  OpenBundle bundle;
  Options options;
  MachineLimits limits;
  uint32_t promptTokens = 0, newTokens = 0;
  std::vector<double> prefillRates, decodeRates;
  std::vector<PhaseTime> times;
};

nlohmann::ordered_json machineJson(const MachineLimits &limits) {
  return {{"cpu", limits.cpu},
          {"threads", limits.threads},
          {"read_bytes_per_s", limits.readBytesPerSecond},
          {"f32_operations_per_s", limits.f32OperationsPerSecond},
          {"f32_form", limits.f32Form},
          {"dot4_operations_per_s", limits.dot4OperationsPerSecond},
          {"dot4_form", limits.dot4Form}};
}

nlohmann::ordered_json Bench::json() const {
  nlohmann::ordered_json phases = nlohmann::ordered_json::array();
  for (const PhaseTime &time : times)
    phases.push_back({{"step", time.step},
                      {"name", time.name},
                      {"count", time.count},
                      {"seconds", time.seconds},
                      {"bytes", time.bytes},
                      {"operations", time.operations},
                      {"of_limit", time.seconds > 0 ? time.limitSeconds / time.seconds : 0}});
  return {{"model", tables().name},
          {"target", bundle.model->variant().target},
          {"threads", bundle.context->threads()},
          {"prefill", {{"tokens", promptTokens}, {"tokens_per_s", prefillRates}}},
          {"decode", {{"tokens", newTokens}, {"sequences", options.batch}, {"tokens_per_s", decodeRates}}},
          {"depth", options.depth},
          {"phases", phases},
          {"machine", machineJson(limits)}};
}

std::string number(const char *format, double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(format, value);
  return text;
}

std::string ratesText(const std::vector<double> &rates) {
  std::string text;
  for (double rate : rates)
    text += (text.empty() ? "" : " ") + number("%.1f", rate);
  return text;
}

std::string machineText(const MachineLimits &limits) {
  std::string text = limits.cpu + ", " + std::to_string(limits.threads) + " threads: reads " +
                     number("%.1f GB/s", limits.readBytesPerSecond / 1e9) + "; " + limits.f32Form + " " +
                     number("%.0f GFLOP/s", limits.f32OperationsPerSecond / 1e9);
  if (limits.dot4OperationsPerSecond)
    text += "; " + limits.dot4Form + " " + number("%.0f GOP/s", limits.dot4OperationsPerSecond / 1e9);
  return text + "\n";
}

void Bench::print() const {
  llvm::raw_ostream &out = llvm::outs();
  const std::string behind = options.depth ? " behind " + std::to_string(options.depth) : "";
  out << tables().name << ", " << bundle.model->variant().target << ", " << bundle.context->threads() << " threads\n"
      << "prefill of " << promptTokens << " tokens" << behind << ": " << ratesText(prefillRates) << " tokens/s\n"
      << "decode of " << newTokens << " tokens" << behind
      << (options.batch > 1 ? ", " + std::to_string(options.batch) + " sequences in a step" : "") << ": "
      << ratesText(decodeRates) << " tokens/s\n"
      << machineText(limits) << '\n';
  Table table({"phase", "times", "us", "share", "GB/s", "GOP/s", "of limit"});
  for (const char *step : {"prefill", "decode"}) {
    double all = 0;
    for (const PhaseTime &time : times)
      all += time.step == step ? time.seconds : 0;
    for (const PhaseTime &time : times)
      if (time.step == step && time.seconds > 0)
        table.add({time.step + ": " + time.name, number("%.0f", time.count), number("%.0f", time.seconds * 1e6),
                   number("%.1f %%", 100 * time.seconds / all), number("%.1f", time.bytes / time.seconds / 1e9),
                   number("%.1f", time.operations / time.seconds / 1e9),
                   number("%.0f %%", 100 * time.limitSeconds / time.seconds)});
  }
  out << table.text();
}

llvm::Error bench(const Options &options) {
  noticeInterrupts();
  if (!options.machine && options.bundle.empty())
    return llvm::make_error<UsageError>("bench: names no bundle; 'lathe bench DIR' or 'lathe bench --machine'");
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  if (options.machine) {
    MachineLimits limits = measureMachine(options.device.threads ? options.device.threads : cores);
    if (options.json)
      llvm::outs() << nlohmann::ordered_json{{"machine", machineJson(limits)}}.dump() << '\n';
    else
      llvm::outs() << machineText(limits);
    return llvm::Error::success();
  }
  // Each sequence of a batch as long as a model lets it be, for pages that nothing writes take no memory.
  llvm::Expected<std::shared_ptr<const Model>> model = openModel(options.bundle, options.device.target);
  if (!model)
    return model.takeError();
  const uint64_t pages = uint64_t((*model)->variant().cache.max_pages) * options.batch;
  if (pages > std::numeric_limits<int32_t>::max())
    return llvm::make_error<UsageError>("--batch " + std::to_string(options.batch) + ": is too many sequences of " +
                                        options.bundle);
  llvm::Expected<OpenBundle> bundle = openBundle(options.bundle, options.device, uint32_t(pages));
  if (!bundle)
    return bundle.takeError();
  MachineLimits limits = measureMachine(bundle->context->threads());
  Bench bench(std::move(*bundle), options, std::move(limits));
  if (llvm::Error error = bench.run())
    return error;
  if (options.json)
    llvm::outs() << bench.json().dump() << '\n';
  else
    bench.print();
  return llvm::Error::success();
}

} // namespace

void addBench(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command =
      app.add_subcommand("bench", "measure a bundle's rates, phase by phase against this machine's limits");
  command->add_option("bundle", options->bundle, "what 'lathe compile' wrote");
  command->add_option("-p", options->promptTokens, "tokens of the prompt")->check(CLI::PositiveNumber);
  command->add_option("-n", options->newTokens, "tokens to generate")->check(CLI::PositiveNumber);
  command->add_option("--depth", options->depth, "tokens that a sequence has before")->check(CLI::NonNegativeNumber);
  command->add_option("--batch", options->batch, "sequences of a decode step; its rate is that of all")
      ->check(CLI::Range(1, 4096));
  command->add_option("--repeats", options->repeats, "how often both are measured")->check(CLI::Range(1, 1000));
  addDeviceFlags(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  command->add_flag("--machine", options->machine, "only measure the machine's limits");
  onChosen(*command, options, outcome, bench);
}

} // namespace lathe::cli
