#include "tools/run/Run.h"
#include "runtime/text/StreamDecoder.h"
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace lathe::cli {
namespace {

/// Prompts answered one after the other on one session.
class Answers {
public:
  Answers(Context &context, std::string name, const RunOptions &options)
      : context(context), name(std::move(name)), options(options), session(context) {}

  RunEnd run() {
    if (std::span<const uint8_t> blob = context.model().tokenizerBlob(); !blob.empty()) {
      Result<std::unique_ptr<Tokenizer>> loaded = Tokenizer::fromBlob(blob.data(), blob.size());
      if (!loaded)
        return wrong(loaded.message());
      tokenizer = loaded.take();
    }
    if (options.ids) {
      Result<std::vector<int32_t>> ids = parseIds(*options.ids, "--ids");
      if (!ids)
        return {2, ids.message()};
      if (ids->empty())
        return {2, "--ids: names no token; at least one would be right"};
      return answer(*ids, /*stops=*/{});
    }
    if (!tokenizer)
      return wrong("has no tokenizer, so it takes no text; --ids would be right");
    if (options.chat)
      return options.prompt ? turn(*options.prompt) : converse();
    Result<std::vector<int32_t>> ids = tokenizer->encode(*options.prompt);
    if (!ids)
      return wrong(ids.message());
    if (ids->empty())
      return {2, "--prompt: is empty, and this model starts a text with no token of its own"};
    return answer(*ids, stopIds());
  }

private:
  RunEnd wrong(const std::string &message) const { return {1, name + ": " + message}; }
  static RunEnd ended() { return {interrupted() ? 128 + interrupted() : 0, ""}; } // as a shell reports a signal

  std::vector<int32_t> stopIds() const { return {tokenizer->stops().begin(), tokenizer->stops().end()}; }

  /// Turns from stdin until it ends.
  RunEnd converse() {
    const bool terminal = isatty(STDIN_FILENO);
    for (std::string line;;) {
      if (terminal)
        std::fputs("> ", stderr);
      if (!std::getline(std::cin, line)) {
        if (terminal)
          std::fputc('\n', stderr);
        return ended();
      }
      if (line.empty())
        continue;
      if (RunEnd end = turn(line); end.exit)
        return end;
    }
  }

  /// One more message of the conversation, answered.
  RunEnd turn(const std::string &message) {
    if (conversation.empty() && !options.system.empty())
      conversation.push_back({"system", options.system});
    conversation.push_back({"user", message});
    Result<std::vector<int32_t>> ids = tokenizer->encodeChat(conversation);
    if (!ids)
      return wrong(ids.message());
    RunEnd end = answer(*ids, stopIds());
    conversation.push_back({"assistant", text});
    return end;
  }

  /// Continues `ids`; what the session holds of them already is not fed again. Leaves the answer in `text`.
  RunEnd answer(std::span<const int32_t> ids, std::vector<int32_t> stops) {
    const size_t known = session.keepPrefix(ids);
    std::optional<StreamDecoder> decoder;
    if (tokenizer)
      decoder.emplace(*tokenizer, DecodeOptions{.start = false});
    text.clear();
    auto show = [&](const std::string &piece) {
      text += piece;
      if (!options.json)
        write(piece);
    };
    auto onToken = [&](int32_t id) {
      if (decoder)
        show(decoder->push(id));
      else if (!options.json)
        write(std::to_string(id) + ' ');
      return !interrupted() && unwritten.empty();
    };
    Result<GenerateReport> report =
        session.generate(ids.subspan(known), {options.sampling, options.maxTokens, std::move(stops)}, onToken);
    if (!report)
      return {1, report.message()};
    if (decoder)
      show(decoder->finish());
    options.json ? writeJson(ids.size(), *report) : write("\n");
    if (!unwritten.empty())
      return {1, unwritten};
    if (!options.json)
      printRates(*report);
    return ended();
  }

  /// A piece is on the screen before the next token is made.
  void write(const std::string &piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    if (Result<void> flushed = flushStdout(); !flushed && unwritten.empty())
      unwritten = flushed.message();
  }

  void writeJson(size_t promptTokens, const GenerateReport &report) {
    nlohmann::ordered_json out = {{"ids", report.ids},
                                  {"text", text},
                                  {"reason", lathe::name(report.reason)},
                                  {"prompt_tokens", promptTokens},
                                  {"prompt_tokens_per_s", report.promptRate()},
                                  {"generation_tokens_per_s", report.generateRate()},
                                  {"first_token_s", report.firstTokenSeconds}};
    write(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
  }

  void printRates(const GenerateReport &report) const {
    const Device &device = context.model().device();
    const std::string where = device.name() == "cpu" ? std::to_string(context.threads()) + " threads" : device.name();
    std::fprintf(stderr,
                 "[prompt %zu tokens, %.1f tokens/s; generation %zu tokens, %.1f tokens/s; first token after %.0f ms; "
                 "%s]\n",
                 report.promptTokens, report.promptRate(), report.ids.size(), report.generateRate(),
                 report.firstTokenSeconds * 1e3, where.c_str());
    if (report.reason == StopReason::ContextFull)
      std::fprintf(stderr, "%s: the context of %u positions is full\n", name.c_str(),
                   context.model().tables().max_context);
  }

  Context &context;
  const std::string name;
  const RunOptions &options;
  Session session;
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<ChatMessage> conversation;
  std::string text;
  std::string unwritten; ///< why stdout could not be written
};

} // namespace

RunEnd run(std::shared_ptr<const Model> model, const std::string &name, const RunOptions &given) {
  noticeInterrupts();
  RunOptions options = given;
  if (options.prompt == "-") {
    options.prompt.emplace(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    if (options.prompt->ends_with('\n')) // what `echo` adds
      options.prompt->pop_back();
  }
  Result<std::unique_ptr<Context>> context = Context::create(std::move(model), {.threads = options.threads});
  if (!context)
    return {1, name + ": " + context.message()};
  return Answers(**context, name, options).run();
}

} // namespace lathe::cli
