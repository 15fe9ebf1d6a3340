//===- Unigram.cpp - the likeliest way to write a piece -----------------------------------------------------------===//
#include "runtime/text/Unigram.h"
#include "runtime/text/Utf8.h"
#include <algorithm>

namespace lathe {
namespace {

constexpr double unknownPenalty = 10; // sentencepiece, unigram_model.cc

bool isWritten(uint32_t type) {
  return type == LATHE_TOKEN_NORMAL || type == LATHE_TOKEN_USER_DEFINED || type == LATHE_TOKEN_UNUSED;
}

} // namespace

UnigramTable::UnigramTable(const TokenizerView &view) {
  bool any = false;
  for (uint32_t id = 0; id < view.header().n_tokens; id++) {
    std::string_view key = view.key(id);
    if (!isWritten(view.type(id)) || key.empty())
      continue;
    uint32_t &length = longest[static_cast<uint8_t>(key[0])];
    length = std::max<uint32_t>(length, key.size());
    if (view.type(id) == LATHE_TOKEN_NORMAL) {
      unknownScore = any ? std::min<double>(unknownScore, view.score(id)) : view.score(id);
      any = true;
    }
  }
  unknownScore -= unknownPenalty;
}

void Unigram::encode(std::string_view piece, std::vector<int32_t> &out) {
  best.assign(piece.size() + 1, {0, 0, -2});
  best[0].id = -1;
  bool single = view.has(LATHE_TOKENIZER_SINGLE_SUMS);
  auto offer = [&](size_t begin, size_t end, double score, int32_t id) {
    double sum = best[begin].score + score;
    if (single && id < 0) // f32 with f32; a token's score is an f64 there
      sum = float(sum);
    if (best[end].id == -2 || sum > best[end].score)
      best[end] = {single ? float(sum) : sum, uint32_t(begin), id};
  };
  for (size_t i = 0; i < piece.size();) {
    std::string_view rest = piece.substr(i);
    size_t character = utf8Front(rest).bytes;
    size_t reach = std::min<size_t>(rest.size(), table.longest[static_cast<uint8_t>(rest[0])]);
    bool single = false;
    uint64_t hash = LATHE_FNV_START;
    for (size_t done = 0, bytes = character; bytes <= reach;) {
      for (; done < bytes; done++)
        hash = lathe_fnv_byte(hash, rest[done]);
      int32_t id = view.findPiece(rest.substr(0, bytes), lathe_piece_hash_fold(hash));
      if (id >= 0 && uint32_t(id) < view.header().n_tokens) {
        offer(i, i + bytes, view.score(id), id);
        single |= bytes == character;
      }
      if (bytes == rest.size())
        break;
      bytes += utf8Front(rest.substr(bytes)).bytes;
    }
    if (!single)
      offer(i, i + character, table.unknownScore, -1);
    i += character;
  }

  path.clear();
  for (uint32_t end = piece.size(); end > 0; end = best[end].begin)
    path.push_back(end);
  fallback.reset();
  for (size_t i = path.size(); i-- > 0;) {
    const Best &step = best[path[i]];
    if (step.id >= 0) {
      out.push_back(step.id);
      fallback.reset();
    } else {
      fallback.write(piece.substr(step.begin, path[i] - step.begin), out);
    }
  }
}

} // namespace lathe
