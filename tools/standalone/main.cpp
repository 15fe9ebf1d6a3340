//===- main.cpp - a model as a program of its own ----------------------------------------------------------------===//
//
//   NAME --prompt TEXT | --chat TEXT | --ids "1 2 3"  [-n N] [--temperature T] [--seed S] [--threads N]
//
// What `lathe run` does with a bundle, for the one model that the program carries. Exit 0, 1 (something is wrong with
// model or machine) or 2 (usage).
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "runtime/lathe.h"
#include "runtime/text/StreamDecoder.h"
#include "tools/standalone/SelfModel.h"
#include <charconv>
#include <cstdio>
#include <cstring>

using namespace lathe;

namespace {

constexpr char kUsage[] = "usage: %s --prompt TEXT | --chat TEXT | --ids \"1 2 3\"\n"
                          "  --prompt TEXT      text to continue\n"
                          "  --chat TEXT        a message to answer in the model's chat format\n"
                          "  --ids IDS          token ids to continue as they are, without stop tokens\n"
                          "  -n N               tokens to generate at most (512)\n"
                          "  --temperature T    0 (default): always the most likely token\n"
                          "  --seed S           equal seeds draw equal tokens (0)\n"
                          "  --threads N        workers (default: all cores)\n";

struct Options {
  const char *prompt = nullptr, *chat = nullptr, *ids = nullptr;
  size_t maxTokens = 512;
  unsigned threads = 0;
  SamplerOptions sampling;
};

template <typename T> bool number(std::string_view text, T &value) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size();
}

Result<Options> parse(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    std::string_view flag = argv[i];
    const char *value = i + 1 < argc ? argv[i + 1] : nullptr;
    auto take = [&](auto &where) -> Result<void> {
      if (!value || !number(value, where))
        return error(flag, ": a number would be right");
      return {};
    };
    Result<void> taken;
    if (flag == "--prompt" || flag == "--chat" || flag == "--ids") {
      if (!value)
        return error(flag, ": a text would be right");
      (flag == "--prompt" ? options.prompt : flag == "--chat" ? options.chat : options.ids) = value;
    } else if (flag == "-n") {
      taken = take(options.maxTokens);
    } else if (flag == "--temperature") {
      taken = take(options.sampling.temperature);
    } else if (flag == "--seed") {
      taken = take(options.sampling.seed);
    } else if (flag == "--threads") {
      taken = take(options.threads);
    } else {
      return error(flag, ": is no option");
    }
    if (!taken)
      return taken.takeError();
  }
  if (!options.prompt + !options.chat + !options.ids != 2)
    return error("one of --prompt, --chat, --ids would be right");
  if (options.maxTokens == 0)
    return error("-n: at least 1 would be right");
  if (options.threads > 1024)
    return error("--threads: at most 1024 would be right");
  if (Result<Sampler> sampler = Sampler::create(options.sampling); !sampler)
    return sampler.takeError();
  return options;
}

Result<std::vector<int32_t>> parseIds(std::string_view text) {
  std::vector<int32_t> ids;
  while (true) {
    size_t begin = text.find_first_not_of(" ,");
    if (begin == text.npos)
      break;
    text.remove_prefix(begin);
    size_t end = std::min(text.find_first_of(" ,"), text.size());
    int32_t id;
    if (!number(text.substr(0, end), id))
      return error("--ids: '", text.substr(0, end), "' is no token id");
    ids.push_back(id);
    text.remove_prefix(end);
  }
  return ids;
}

Result<void> generate(const Options &options) {
  Result<std::shared_ptr<const Model>> model = openExecutable("/proc/self/exe");
  if (!model)
    return model.takeError();
  Result<std::unique_ptr<Context>> context = Context::create(*model, {.threads = options.threads});
  if (!context)
    return context.takeError();
  std::unique_ptr<Tokenizer> tokenizer;
  if (std::span<const uint8_t> blob = (*model)->tokenizerBlob(); !blob.empty()) {
    Result<std::unique_ptr<Tokenizer>> loaded = Tokenizer::fromBlob(blob.data(), blob.size());
    if (!loaded)
      return loaded.takeError();
    tokenizer = loaded.take();
  } else if (!options.ids) {
    return error("the model has no tokenizer, so it takes no text; --ids would be right");
  }
  ChatMessage message{"user", options.chat ? options.chat : ""};
  Result<std::vector<int32_t>> ids = options.ids    ? parseIds(options.ids)
                                     : options.chat ? tokenizer->encodeChat({&message, 1})
                                                    : tokenizer->encode(options.prompt);
  if (!ids)
    return ids.takeError();
  if (ids->empty())
    return error("the prompt has no token; at least one would be right");

  GenerateOptions generation{options.sampling, options.maxTokens, {}};
  std::optional<StreamDecoder> decoder;
  if (tokenizer) {
    decoder.emplace(*tokenizer, DecodeOptions{.start = false});
    if (!options.ids)
      generation.stopIds.assign(tokenizer->stops().begin(), tokenizer->stops().end());
  }
  auto show = [](const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  Session session(**context);
  Result<GenerateReport> report = session.generate(*ids, generation, [&](int32_t id) {
    show(decoder ? decoder->push(id) : std::to_string(id) + " ");
    return true;
  });
  if (!report)
    return report.takeError();
  show((decoder ? decoder->finish() : "") + "\n");
  std::fprintf(stderr,
               "[prompt %zu tokens, %.1f tokens/s; generation %zu tokens, %.1f tokens/s; first token after %.0f ms]\n",
               report->promptTokens, report->promptRate(), report->ids.size(), report->generateRate(),
               report->firstTokenSeconds * 1e3);
  return {};
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    std::printf(kUsage, argv[0]);
    return 0;
  }
  Result<Options> options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "%s: %s; see --help\n", argv[0], options.message().c_str());
    return 2;
  }
  Result<void> done = generate(*options);
  if (done)
    return 0;
  std::fprintf(stderr, "%s: %s\n", argv[0], done.message().c_str());
  return 1;
}
