#include "tools/run/Run.h"
#include <charconv>

namespace lathe::cli {

void addRunFlags(CLI::App &app, RunOptions &options) {
  app.add_option("--prompt", options.prompt, "text to continue, or with --chat to answer; - is stdin");
  app.add_flag("--chat", options.chat, "in the model's chat format; without --prompt a conversation from stdin");
  app.add_option("--system", options.system, "the system message of --chat");
  app.add_option("--ids", options.ids, "token ids to continue as they are, without stop tokens: \"1 2 3\"");
  app.add_option("-n", options.maxTokens, "tokens to generate at most (512)")->check(CLI::PositiveNumber);
  SamplerOptions &sampling = options.sampling;
  app.add_option("--temperature", sampling.temperature, "0 (default): always the most likely token");
  app.add_option("--top-k", sampling.topK, "draw from the k most likely (0: all)");
  app.add_option("--top-p", sampling.topP, "draw from the most likely that together have probability p (1: all)");
  app.add_option("--min-p", sampling.minP, "draw from those with p times the largest probability (0: all)");
  app.add_option("--repeat-penalty", sampling.repetitionPenalty, "divides the logits of recent tokens (1: none)");
  app.add_option("--seed", sampling.seed, "equal seeds draw equal tokens (0)");
  app.add_option("--threads", options.threads, "workers (default: all cores)")->check(CLI::Range(1, 1024));
  addDeviceFlag(app, options.device);
  app.add_flag("--json", options.json, "one JSON object on stdout: ids, text, rates");
}

void addDeviceFlag(CLI::App &app, std::string &device) {
  app.add_option("--device", device, "what runs it: cpu, cuda (the first GPU) or cuda:N (default: the best for the model)");
}

RunEnd checkRun(const RunOptions &options) {
  if (options.ids ? options.prompt || options.chat : !options.prompt && !options.chat)
    return {2, "one of --prompt TEXT, --chat, --ids \"1 2 3\" would be right"};
  if (options.json && options.chat && !options.prompt)
    return {2, "--json prints one object, so --chat needs --prompt TEXT beside it"};
  if (Result<Sampler> sampler = Sampler::create(options.sampling); !sampler)
    return {2, sampler.message()};
  return {};
}

Result<std::vector<int32_t>> parseIds(std::string_view text, std::string_view where) {
  constexpr std::string_view between = " \t\r\n,";
  std::vector<int32_t> ids;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(between), text.size()));
    if (text.empty())
      return ids;
    const std::string_view word = text.substr(0, text.find_first_of(between));
    int32_t id;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (problem != std::errc() || end != word.data() + word.size() || id < 0)
      return error(where, ": '", word.substr(0, 40), "' is no token id; whole numbers from 0 on would be right");
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
}

} // namespace lathe::cli
