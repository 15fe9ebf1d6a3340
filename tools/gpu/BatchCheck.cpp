// lathe-batch-check BUNDLE [--device NAME] [--sequences N] [--tokens N]: a sequence's logits have the same bits in any batch.
//
// N sequences of different lengths are fed and continued greedily, a token of each in a step; then each by itself, and the
// logits of every token are compared. Ids mean nothing. The last line says how many were equal; exit 1 where not all were.
#include "runtime/lathe.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

using namespace lathe;

namespace {

struct Options {
  std::string bundle, device;
  uint32_t sequences = 5, tokens = 8;
};

int fail(const std::string &why) {
  std::fprintf(stderr, "lathe-batch-check: %s\n", why.c_str());
  return 1;
}

/// The logits of a token as bytes, and what follows it.
struct Row {
  std::vector<float> logits;
  int32_t next() const { return int32_t(std::ranges::max_element(logits) - logits.begin()); }
};

std::vector<int32_t> promptOf(uint32_t sequence, uint32_t vocabulary) {
  std::vector<int32_t> ids;
  for (uint32_t i = 0; i < 1 + (sequence * 5) % 13; ++i) // 1 to 13 tokens
    ids.push_back(int32_t((sequence * 131u + i * 29u + 7u) % vocabulary));
  return ids;
}

/// Logits [token][sequence] of `members`, which take their steps together.
Result<std::vector<std::vector<Row>>> continued(Context &context, const std::vector<uint32_t> &members,
                                                uint32_t tokens) {
  std::deque<Session> sessions;
  std::vector<std::vector<Row>> rows(1);
  for (uint32_t member : members) {
    sessions.emplace_back(context);
    Result<std::span<const float>> logits =
        sessions.back().feed(promptOf(member, context.model().tables().vocabulary));
    if (!logits)
      return logits.takeError();
    rows[0].push_back({{logits->begin(), logits->end()}});
  }
  for (uint32_t token = 1; token < tokens; ++token) {
    std::vector<StepPart> parts;
    for (size_t i = 0; i < sessions.size(); ++i) {
      const int32_t id = rows.back()[i].next();
      if (Result<void> queued = sessions[i].queue({&id, 1}, LogitsWanted::Last); !queued)
        return queued.takeError();
      parts.push_back(sessions[i].next());
    }
    if (Result<void> done = context.step(parts); !done)
      return done.takeError();
    rows.emplace_back();
    for (size_t i = 0; i < sessions.size(); ++i) {
      sessions[i].accept();
      const std::span<const float> logits = context.logits(i);
      rows.back().push_back({{logits.begin(), logits.end()}});
    }
  }
  return rows;
}

int check(const Options &options) {
  ModelOptions wanted;
  if (!options.device.empty()) {
    Result<std::shared_ptr<const Device>> device = findDevice(options.device);
    if (!device)
      return fail(device.message());
    wanted.device = device.take();
  }
  Result<std::shared_ptr<const Model>> model = Model::open(options.bundle, wanted);
  if (!model)
    return fail(model.message());
  const uint32_t pages = (13 + options.tokens) / LATHE_PAGE_POSITIONS + 2;
  Result<std::unique_ptr<Context>> context = Context::create(*model, {.cachePages = pages * (options.sequences + 1)});
  if (!context)
    return fail(context.message());
  if (options.sequences > (*model)->tables().max_slots)
    return fail(options.bundle + ": a step has at most " + std::to_string((*model)->tables().max_slots) + " sequences");
  std::vector<uint32_t> all(options.sequences);
  for (uint32_t i = 0; i < options.sequences; ++i)
    all[i] = i;
  Result<std::vector<std::vector<Row>>> together = continued(**context, all, options.tokens);
  if (!together)
    return fail(together.message());
  uint32_t equal = 0;
  for (uint32_t sequence : all) {
    Result<std::vector<std::vector<Row>>> alone = continued(**context, {sequence}, options.tokens);
    if (!alone)
      return fail(alone.message());
    const auto differs = [&](uint32_t token) {
      const std::vector<float> &a = (*together)[token][sequence].logits, &b = (*alone)[token][0].logits;
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) != 0;
    };
    uint32_t token = 0;
    while (token < options.tokens && !differs(token))
      ++token;
    equal += token == options.tokens;
    if (token < options.tokens)
      std::printf("sequence %u of %u: the logits of token %u have other bits in a batch than alone\n", sequence,
                  options.sequences, token);
  }
  std::printf("%u of %u sequences have the same bits in a batch as alone, %u tokens each\n", equal, options.sequences,
              options.tokens);
  return equal == options.sequences ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--device" && i + 1 < argc)
      options.device = argv[++i];
    else if (word == "--sequences" && i + 1 < argc)
      options.sequences = uint32_t(std::max(1, std::atoi(argv[++i])));
    else if (word == "--tokens" && i + 1 < argc)
      options.tokens = uint32_t(std::max(1, std::atoi(argv[++i])));
    else if (options.bundle.empty() && !word.starts_with("--"))
      options.bundle = word;
    else
      return fail("usage: lathe-batch-check BUNDLE [--device NAME] [--sequences N] [--tokens N]");
  }
  return options.bundle.empty() ? fail("names no bundle") : check(options);
}
