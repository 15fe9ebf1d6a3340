//===- Perplexity.cpp - lathe perplexity: how well a bundle foresees a text -------------------------------------===//
//
//   PPL = exp(mean of -log p(token | those before it in its window)), over the scored tokens of all windows (Windows.h)
//
// As llama.cpp's perplexity tool has it, its standard error too. With --against OTHER both bundles read the same tokens
// side by side, OTHER being what is right: PPL / PPL(OTHER), KL(OTHER || this) of each scored token's distribution, and
// how often both have the same token on top. Kept of the logits is one step's at a time, and of each scored token its
// divergence, for the percentiles.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/tune/Statistics.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/Evaluate.h"
#include "tools/lathe/Score.h"
#include "tools/lathe/Windows.h"
#include "tools/run/Run.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

struct Options {
  std::string bundle, file, against;
  size_t context = 0, stride = 0, chunks = 0; ///< 0: the default; none; all
  DeviceFlags device;
  bool json = false;
};

using Ids = std::vector<int32_t>;

/// A bundle that reads windows, and gives logits as they are asked for.
class Reader {
public:
  static llvm::Expected<Reader> open(const std::string &path, const DeviceFlags &flags) {
    llvm::Expected<OpenBundle> bundle = openBundle(path, flags);
    if (!bundle)
      return bundle.takeError();
    Result<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(*bundle->model);
    if (!tokenizer)
      return makeError("{0}: {1}, so it takes no text", path, tokenizer.message());
    return Reader(path, std::move(*bundle), tokenizer.take());
  }

  const std::string &path() const { return name; }
  const lathe_model &tables() const { return bundle.model->tables(); }
  const Tokenizer &tokenizer() const { return *words; }

  /// Begins a window, whose logits are wanted from that of `ids[from]` on.
  llvm::Error begin(const Ids &ids, size_t from) {
    session.emplace(*bundle.context);
    available = taken = 0;
    if (from)
      if (llvm::Error error = queue(llvm::ArrayRef(ids).take_front(from), LogitsWanted::None))
        return error;
    while (!session->fed())
      if (llvm::Error error = step())
        return error;
    return queue(llvm::ArrayRef(ids).drop_front(from), LogitsWanted::All);
  }

  /// The next row of logits; valid until the next call.
  llvm::Expected<std::span<const float>> next() {
    while (taken == available) {
      if (llvm::Error error = step())
        return std::move(error);
      taken = 0;
      available = bundle.context->logitRows();
    }
    std::span<const float> row = bundle.context->logits(taken++);
    if (const float *wrong = firstNotFinite({row.data(), row.size()}))
      return notFinite(name, size_t(wrong - row.data()), *wrong);
    return row;
  }

  /// The window's end: whether all that it put into the cache are numbers.
  llvm::Error end() const { return said(session->checkCache()); }

private:
  Reader(std::string path, OpenBundle bundle, std::unique_ptr<Tokenizer> tokenizer)
      : name(std::move(path)), bundle(std::move(bundle)), words(std::move(tokenizer)) {}

  llvm::Error said(const Result<void> &done) const {
    return done ? llvm::Error::success() : makeError("{0}: {1}", name, done.message());
  }
  llvm::Error queue(llvm::ArrayRef<int32_t> ids, LogitsWanted wanted) { return said(session->queue(ids, wanted)); }
  llvm::Error step() {
    if (interrupted())
      return llvm::make_error<Interrupted>();
    const StepPart part = session->next();
    if (llvm::Error error = said(bundle.context->step({&part, 1})))
      return error;
    session->accept();
    return llvm::Error::success();
  }

  std::string name;
  OpenBundle bundle;
  std::unique_ptr<Tokenizer> words;
  std::optional<Session> session;
  size_t available = 0, taken = 0; ///< rows of logits of the latest step
};

struct Scores {
  size_t tokens = 0, windows = 0; ///< of the text; that are done
  Mean surprise;                  ///< -log p of each scored token
  Mean otherSurprise, difference; ///< of the other bundle; this one's less the other's
  Mean divergence, sameTop;
  std::vector<double> divergences;
};

double perplexity(const Mean &surprise) { return std::exp(surprise.mean()); }
double perplexityError(const Mean &surprise) { return perplexity(surprise) * surprise.error(); }

/// Fails where two bundles have not the same tokens.
llvm::Error sameVocabulary(const Reader &a, const Reader &b) {
  const auto differ = [&](const std::string &how) {
    return makeError("{0} and {1} have different vocabularies: {2}; two bundles of one vocabulary would be right",
                     a.path(), b.path(), how);
  };
  if (a.tables().vocabulary != b.tables().vocabulary)
    return differ(llvm::formatv("{0} tokens and {1}", a.tables().vocabulary, b.tables().vocabulary));
  for (int32_t id = 0; id < std::max(a.tokenizer().size(), b.tokenizer().size()); ++id)
    if (a.tokenizer().piece(id) != b.tokenizer().piece(id))
      return differ(llvm::formatv("token {0} is '{1}' and '{2}'", id, printable(a.tokenizer().piece(id)),
                                  printable(b.tokenizer().piece(id))));
  return llvm::Error::success();
}

llvm::Expected<Windows> chooseWindows(const Options &options, const Reader &reader) {
  constexpr size_t usual = 512; // llama.cpp's
  const size_t most = reader.tables().max_context, context = options.context ? options.context : std::min(usual, most);
  if (options.stride > context)
    return llvm::make_error<UsageError>("--stride " + std::to_string(options.stride) +
                                        ": is more than the context of " + std::to_string(context));
  Windows windows(context, options.stride);
  if (windows.length() > most)
    return llvm::make_error<UsageError>("--context " + std::to_string(context) + ": windows of " +
                                        std::to_string(windows.length()) + " tokens; " + reader.path() +
                                        " was compiled for at most " + std::to_string(most) + " positions");
  if (windows.scoredFrom() <= reader.tokenizer().opening().size())
    return makeError("{0}: its tokenizer begins each text with {1} tokens of its own, and windows of {2} have no room "
                     "for them before the first that is scored",
                     reader.path(), reader.tokenizer().opening().size(), windows.length());
  return windows;
}

/// The text's tokens, with those that open a text.
llvm::Expected<Ids> readText(const std::string &file, const Reader &reader, const Windows &windows) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(file);
  if (!buffer)
    return makeError("{0}: {1}", file == "-" ? "stdin" : file, buffer.getError().message());
  llvm::StringRef text = (*buffer)->getBuffer();
  text.consume_back("\n"); // as llama.cpp
  Result<Ids> encoded = reader.tokenizer().encode({text.data(), text.size()});
  if (!encoded)
    return makeError("{0}: {1}", file, encoded.message());
  Ids ids = encoded.take();
  ids.resize(ids.size() - reader.tokenizer().closing().size()); // no end of a text in sight
  if (ids.size() < windows.least())
    return makeError("{0}: has {1} tokens, and two windows of {2} need {3}; a longer text or a smaller --context would "
                     "be right",
                     file, ids.size(), windows.length(), windows.least());
  return ids;
}

/// Reads one window with each bundle and scores it.
llvm::Error scoreWindow(const Ids &window, size_t scoredFrom, Reader &reader, Reader *other, Scores &scores) {
  for (Reader *each : {&reader, other})
    if (each)
      if (llvm::Error error = each->begin(window, scoredFrom - 1))
        return error;
  for (size_t token = scoredFrom; token < window.size(); ++token) {
    llvm::Expected<std::span<const float>> logits = reader.next();
    if (!logits)
      return logits.takeError();
    const Distribution mine(*logits);
    const size_t id = size_t(window[token]);
    const double surprise = -mine.logProbability(id);
    scores.surprise.add(surprise);
    if (!other)
      continue;
    llvm::Expected<std::span<const float>> otherLogits = other->next();
    if (!otherLogits)
      return otherLogits.takeError();
    const Distribution right(*otherLogits);
    const double otherSurprise = -right.logProbability(id), apart = divergence(right, mine);
    scores.otherSurprise.add(otherSurprise);
    scores.difference.add(surprise - otherSurprise);
    scores.divergence.add(apart);
    scores.divergences.push_back(apart);
    scores.sameTop.add(mine.top() == right.top());
  }
  for (Reader *each : {&reader, other})
    if (each)
      if (llvm::Error error = each->end())
        return error;
  ++scores.windows;
  return llvm::Error::success();
}

nlohmann::ordered_json json(const Scores &scores, const Windows &windows, const Options &options,
                            const Reader &reader) {
  nlohmann::ordered_json all = {{"model", reader.tables().name},
                                {"file", options.file},
                                {"tokens", scores.tokens},
                                {"window", windows.length()},
                                {"stride", options.stride},
                                {"chunks", scores.windows},
                                {"scored", scores.surprise.count()},
                                {"nll", scores.surprise.mean()},
                                {"perplexity", perplexity(scores.surprise)},
                                {"error", perplexityError(scores.surprise)}};
  if (!options.against.empty())
    all["against"] = {{"bundle", options.against},
                      {"perplexity", perplexity(scores.otherSurprise)},
                      {"error", perplexityError(scores.otherSurprise)},
                      {"ratio", perplexity(scores.difference)},
                      {"ratio_error", perplexityError(scores.difference)},
                      {"kl",
                       {{"mean", scores.divergence.mean()},
                        {"error", scores.divergence.error()},
                        {"median", tune::quantile(scores.divergences, 0.5)},
                        {"p99", tune::quantile(scores.divergences, 0.99)},
                        {"max", tune::quantile(scores.divergences, 1)}}},
                      {"same_top", scores.sameTop.mean()},
                      {"same_top_error", scores.sameTop.error()}};
  return all;
}

void print(const Scores &scores, const Windows &windows, const Options &options) {
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv("{0}: {1} tokens; {2} windows of {3}, {4} tokens scored\nPPL = {5:f4} +/- {6:f4}\n",
                       options.file, scores.tokens, scores.windows, windows.length(), scores.surprise.count(),
                       perplexity(scores.surprise), perplexityError(scores.surprise));
  if (options.against.empty())
    return;
  out << llvm::formatv("against {0}, whose PPL = {1:f4} +/- {2:f4}:\n", options.against,
                       perplexity(scores.otherSurprise), perplexityError(scores.otherSurprise))
      << llvm::formatv("  PPL ratio      {0:f6} +/- {1:f6}\n", perplexity(scores.difference),
                       perplexityError(scores.difference))
      << llvm::formatv("  KL divergence  {0:e3} +/- {1:e1}; median {2:e3}, 99 % {3:e3}, max {4:e3}\n",
                       scores.divergence.mean(), scores.divergence.error(), tune::quantile(scores.divergences, 0.5),
                       tune::quantile(scores.divergences, 0.99), tune::quantile(scores.divergences, 1))
      << llvm::formatv("  same top token {0:f3} % +/- {1:f3}\n", 100 * scores.sameTop.mean(),
                       100 * scores.sameTop.error());
}

llvm::Error measure(const Options &options) {
  noticeInterrupts();
  llvm::Expected<Reader> reader = Reader::open(options.bundle, options.device);
  if (!reader)
    return reader.takeError();
  std::optional<Reader> other;
  if (!options.against.empty()) {
    llvm::Expected<Reader> opened = Reader::open(options.against, {.threads = options.device.threads});
    if (!opened)
      return opened.takeError();
    other = std::move(*opened);
    if (llvm::Error differ = sameVocabulary(*reader, *other))
      return differ;
  }
  llvm::Expected<Windows> windows = chooseWindows(options, *reader);
  if (!windows)
    return windows.takeError();
  llvm::Expected<Ids> text = readText(options.file, *reader, *windows);
  if (!text)
    return text.takeError();
  Scores scores;
  scores.tokens = text->size();
  const size_t all = windows->count(text->size()), count = options.chunks ? std::min(options.chunks, all) : all;
  Progress progress;
  for (size_t i = 0; i < count; ++i) {
    auto first = text->begin() + ptrdiff_t(windows->begin(i));
    Ids window(first, first + ptrdiff_t(windows->length()));
    if (windows->opensEach())
      llvm::copy(reader->tokenizer().opening(), window.begin());
    if (llvm::Error error = scoreWindow(window, windows->scoredFrom(), *reader, other ? &*other : nullptr, scores))
      return error;
    progress.show(
        llvm::formatv("perplexity: window {0} of {1}, PPL {2:f4}", i + 1, count, perplexity(scores.surprise)).str());
  }
  progress.clear();
  if (options.json)
    llvm::outs() << json(scores, *windows, options, *reader)
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                 << '\n';
  else
    print(scores, *windows, options);
  return llvm::Error::success();
}

} // namespace

void addPerplexity(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(
      "perplexity", "how well a bundle foresees a text, and how near it is to another bundle");
  command->add_option("bundle", options->bundle, "what 'lathe compile' wrote")->required();
  command->add_option("--file", options->file, "the text; - is stdin")->required();
  command
      ->add_option("--context", options->context,
                   "tokens of a window, of which the second half is scored (default: 512, or the model's context where "
                   "that is less)")
      ->check(CLI::Range(8, 1 << 30));
  command
      ->add_option("--stride", options->stride,
                   "windows begin every so many tokens and are longer by half of that, and as many are scored of each; "
                   "at most the context (default: windows side by side)")
      ->check(CLI::PositiveNumber);
  command->add_option("--chunks", options->chunks, "windows at most (default: all that the text has)")
      ->check(CLI::PositiveNumber);
  command->add_option("--against", options->against,
                      "another bundle with the same vocabulary: KL divergence from it, the ratio of both perplexities, "
                      "and how often both have the same token on top");
  addDeviceFlags(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  onChosen(*command, options, outcome, measure);
}

} // namespace lathe::cli
