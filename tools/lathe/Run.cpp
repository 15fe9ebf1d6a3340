//===- Run.cpp - lathe run: a prompt goes in, text streams out
//------------------------------------------------------===//
#include "runtime/text/StreamDecoder.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/Tensors.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace lathe::cli {
namespace {

struct Options {
  std::string bundle;
  std::optional<std::string> prompt, ids;
  std::string system;
  bool chat = false, json = false;
  size_t maxTokens = 512;
  unsigned threads = 0;
  SamplerOptions sampling;
};

/// One prompt answered: ids as they come become text on stdout, or with --json one object at the end.
class Run {
public:
  Run(OpenBundle bundle, const Options &options)
      : bundle(std::move(bundle)), options(options), session(*this->bundle.context) {}

  llvm::Error run() {
    if (llvm::Error error = loadTokenizer())
      return error;
    if (options.ids) {
      llvm::Expected<std::vector<int32_t>> ids = parseIds(*options.ids, "--ids");
      if (!ids)
        return llvm::make_error<UsageError>(llvm::toString(ids.takeError()));
      if (ids->empty())
        return llvm::make_error<UsageError>("--ids: names no token; at least one would be right");
      return answer(*ids, /*stops=*/{}).takeError();
    }
    if (!tokenizer)
      return makeError("{0}: has no tokenizer, so it takes no text; --ids would be right", options.bundle);
    if (options.chat)
      return options.prompt ? turn(*options.prompt) : converse();
    Result<std::vector<int32_t>> ids = tokenizer->encode(*options.prompt);
    if (!ids)
      return toLlvm(ids.failure());
    if (ids->empty())
      return llvm::make_error<UsageError>("--prompt: is empty, and this model starts a text with no token of its own");
    return answer(*ids, stopIds()).takeError();
  }

private:
  llvm::Error loadTokenizer() {
    std::span<const uint8_t> blob = bundle.model->tokenizerBlob();
    if (blob.empty())
      return llvm::Error::success();
    Result<std::unique_ptr<Tokenizer>> loaded = Tokenizer::fromBlob(blob.data(), blob.size());
    if (!loaded)
      return makeError("{0}: {1}", options.bundle, loaded.message());
    tokenizer = loaded.take();
    return llvm::Error::success();
  }

  std::vector<int32_t> stopIds() const { return {tokenizer->stops().begin(), tokenizer->stops().end()}; }

  /// Turns from stdin until it ends.
  llvm::Error converse() {
    bool terminal = isatty(STDIN_FILENO);
    for (std::string line;;) {
      if (terminal)
        llvm::errs() << "> ";
      if (!std::getline(std::cin, line)) {
        if (terminal)
          llvm::errs() << '\n';
        return interrupted() ? llvm::make_error<Interrupted>() : llvm::Error::success();
      }
      if (line.empty())
        continue;
      if (llvm::Error error = turn(line))
        return error;
    }
  }

  /// One more message of the conversation, answered.
  llvm::Error turn(const std::string &message) {
    if (conversation.empty() && !options.system.empty())
      conversation.push_back({"system", options.system});
    conversation.push_back({"user", message});
    Result<std::vector<int32_t>> ids = tokenizer->encodeChat(conversation);
    if (!ids)
      return makeError("{0}: {1}", options.bundle, ids.message());
    llvm::Expected<std::string> text = answer(*ids, stopIds());
    if (!text)
      return text.takeError();
    conversation.push_back({"assistant", std::move(*text)});
    return llvm::Error::success();
  }

  /// Continues `ids`; what the session holds of them already is not fed again. Returns the text.
  llvm::Expected<std::string> answer(llvm::ArrayRef<int32_t> ids, std::vector<int32_t> stops) {
    size_t known = session.keepPrefix(ids);
    std::optional<StreamDecoder> decoder;
    if (tokenizer)
      decoder.emplace(*tokenizer, DecodeOptions{.start = false});
    std::string text;
    auto show = [&](const std::string &piece) {
      text += piece;
      if (options.json)
        return;
      llvm::outs() << piece;
      llvm::outs().flush();
    };
    auto onToken = [&](int32_t id) {
      if (decoder)
        show(decoder->push(id));
      else if (!options.json)
        llvm::outs() << id << ' ';
      return !interrupted();
    };
    GenerateOptions generation{options.sampling, options.maxTokens, std::move(stops)};
    Result<GenerateReport> report = session.generate(ids.drop_front(known), generation, onToken);
    if (!report)
      return toLlvm(report.failure());
    if (decoder)
      show(decoder->finish());
    if (options.json)
      printJson(ids.size(), *report, text);
    else
      printRates(*report);
    if (interrupted())
      return llvm::make_error<Interrupted>();
    return text;
  }

  void printJson(size_t promptTokens, const GenerateReport &report, const std::string &text) const {
    nlohmann::ordered_json out = {{"ids", report.ids},
                                  {"text", text},
                                  {"reason", name(report.reason)},
                                  {"prompt_tokens", promptTokens},
                                  {"prompt_tokens_per_s", report.promptRate()},
                                  {"generation_tokens_per_s", report.generateRate()},
                                  {"first_token_s", report.firstTokenSeconds}};
    llvm::outs() << out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }

  void printRates(const GenerateReport &report) const {
    llvm::outs() << '\n';
    llvm::outs().flush();
    llvm::errs() << llvm::format("[prompt %zu tokens, %.1f tokens/s; generation %zu tokens, %.1f tokens/s; first token "
                                 "after %.0f ms",
                                 report.promptTokens, report.promptRate(), report.ids.size(), report.generateRate(),
                                 report.firstTokenSeconds * 1e3)
                 << "; " << bundle.context->threads() << " threads]\n";
    if (report.reason == StopReason::ContextFull)
      llvm::errs() << "lathe: the context of " << bundle.model->tables().max_context << " positions is full\n";
  }

  OpenBundle bundle;
  const Options &options;
  Session session;
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<ChatMessage> conversation;
};

llvm::Error run(const Options &given) {
  Options options = given;
  if (options.ids ? options.prompt || options.chat : !options.prompt && !options.chat)
    return llvm::make_error<UsageError>("run: one of --prompt TEXT, --chat, --ids \"1 2 3\" would be right");
  if (options.json && options.chat && !options.prompt)
    return llvm::make_error<UsageError>("run: --json prints one object, so --chat needs --prompt TEXT beside it");
  if (Result<Sampler> sampler = Sampler::create(options.sampling); !sampler)
    return llvm::make_error<UsageError>(sampler.message());
  noticeInterrupts();
  if (options.prompt == "-") {
    auto input = llvm::MemoryBuffer::getSTDIN();
    if (!input)
      return makeError("stdin: {0}", input.getError().message());
    llvm::StringRef text = (*input)->getBuffer();
    text.consume_back("\n"); // what `echo` adds
    options.prompt = text.str();
  }
  llvm::Expected<OpenBundle> bundle = openBundle(options.bundle, options.threads);
  if (!bundle)
    return bundle.takeError();
  return Run(std::move(*bundle), options).run();
}

} // namespace

void addRun(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand("run", "generate text with a bundle");
  command->add_option("bundle", options->bundle, "what 'lathe compile' wrote")->required();
  command->add_option("--prompt", options->prompt, "text to continue, or with --chat to answer; - is stdin");
  command->add_flag("--chat", options->chat, "in the model's chat format; without --prompt a conversation from stdin");
  command->add_option("--system", options->system, "the system message of --chat");
  command->add_option("--ids", options->ids, "token ids to continue as they are, without stop tokens: \"1 2 3\"");
  command->add_option("-n", options->maxTokens, "tokens to generate at most (512)")->check(CLI::PositiveNumber);
  SamplerOptions &sampling = options->sampling;
  command->add_option("--temperature", sampling.temperature, "0 (default): always the most likely token");
  command->add_option("--top-k", sampling.topK, "draw from the k most likely (0: all)");
  command->add_option("--top-p", sampling.topP, "draw from the most likely that together have probability p (1: all)");
  command->add_option("--min-p", sampling.minP, "draw from those with p times the largest probability (0: all)");
  command->add_option("--repeat-penalty", sampling.repetitionPenalty, "divides the logits of recent tokens (1: none)");
  command->add_option("--seed", sampling.seed, "equal seeds draw equal tokens (0)");
  command->add_option("--threads", options->threads, "workers (default: all cores)")->check(CLI::Range(1, 1024));
  command->add_flag("--json", options->json, "one JSON object on stdout: ids, text, rates");
  onChosen(*command, options, outcome, run);
}

} // namespace lathe::cli
