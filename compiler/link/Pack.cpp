//===- Pack.cpp - lay out, pack and write weights ----------------------------------------------------------------===//
#include "compiler/link/Pack.h"
#include "compiler/link/PackedRows.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unistd.h>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kChunkBytes = 1 << 20;

/// Goes on from `hash` over 64-bit words, as model_abi.h defines data_hash; size is a multiple of 8.
uint64_t hashWords(const uint8_t *data, uint64_t size, uint64_t hash) {
  for (uint64_t i = 0; i < size; i += 8)
    hash = lathe_fnv_word(hash, llvm::support::endian::read64le(data + i));
  return hash;
}

//===-- chunks --------------------------------------------------------------------------------------------------===//

/// Consecutive bytes of the data that one worker makes at once: some panels of a matrix, a vector, a table or the
/// tokenizer, and the zeros up to the next chunk.
struct Chunk {
  const WeightPlace *place = nullptr; ///< null: the tokenizer
  const PackSources *sources = nullptr;
  int64_t panel = 0, panels = 0;
  uint64_t offset = 0, bytes = 0; ///< bytes: with the zeros
};

std::vector<Chunk> cut(const WeightsLayout &layout, const std::vector<PackSources> &sources) {
  std::vector<Chunk> chunks;
  for (const auto &[place, resolved] : llvm::zip_equal(layout.places, sources)) {
    if (!place.weight || place.weight->vector) {
      chunks.push_back({&place, &resolved, 0, 0, place.offset, 0});
      continue;
    }
    uint64_t bytes = panelBytes(place.weight->format, place.weight->columns);
    int64_t panels = place.weight->panels(), some = std::max<int64_t>(1, kChunkBytes / bytes);
    for (int64_t p = 0; p < panels; p += some)
      chunks.push_back({&place, &resolved, p, std::min(some, panels - p), place.offset + p * bytes, 0});
  }
  if (layout.tokenizerBytes)
    chunks.push_back({nullptr, nullptr, 0, 0, layout.tokenizerOffset, 0});
  for (size_t i = 0; i < chunks.size(); ++i)
    chunks[i].bytes = (i + 1 < chunks.size() ? chunks[i + 1].offset : layout.dataBytes) - chunks[i].offset;
  return chunks;
}

Error writeAll(int fd, const uint8_t *data, uint64_t size, uint64_t offset) {
  while (size) {
    ssize_t written = pwrite(fd, data, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return makeError("weights.bin: {0}", written < 0 ? std::strerror(errno) : "nothing could be written");
    data += written, size -= written, offset += written;
  }
  return Error::success();
}

/// Workers take chunks in order; the hash is taken in that order too, which the turn sees to.
class Packer {
public:
  Packer(std::vector<Chunk> chunks, uint64_t total, StringRef tokenizer, int fd, uint64_t start,
         const PackOptions &options)
      : chunks(std::move(chunks)), total(total), tokenizer(tokenizer), fd(fd), start(start), options(options) {}

  Expected<uint64_t> run() {
    unsigned jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
    jobs = std::min<size_t>(jobs, chunks.size());
    std::vector<std::thread> helpers;
    for (unsigned i = 1; i < jobs; ++i)
      helpers.emplace_back([this] { work(); });
    work();
    for (std::thread &helper : helpers)
      helper.join();
    if (failed)
      return makeError("{0}", failure);
    return hash;
  }

private:
  void work() {
    std::vector<uint8_t> buffer, scratch;
    for (size_t i; (i = next++) < chunks.size();) {
      const Chunk &chunk = chunks[i];
      buffer.assign(chunk.bytes, 0);
      Error error = failed ? Error::success() : fill(chunk, buffer.data(), scratch);
      if (!error && !failed)
        error = writeAll(fd, buffer.data(), buffer.size(), start + chunk.offset);
      std::unique_lock lock(mutex);
      turned.wait(lock, [&] { return turn == i; });
      if (error) { // the first in the file's order: a later chunk waits for its turn
        if (!failed)
          failure = llvm::toString(std::move(error));
        failed = true;
        llvm::consumeError(std::move(error));
      }
      hash = hashWords(buffer.data(), buffer.size(), hash);
      report(chunk.offset + chunk.bytes);
      ++turn;
      turned.notify_all();
    }
  }

  Error fill(const Chunk &chunk, uint8_t *out, std::vector<uint8_t> &scratch) const {
    if (!chunk.place)
      std::memcpy(out, tokenizer.data(), tokenizer.size());
    else if (const Table *table = chunk.place->table)
      std::memcpy(out, table->values.data(), chunk.place->bytes);
    else if (chunk.place->weight->vector)
      return packVector(*chunk.place->weight, *chunk.sources, out);
    else
      return packPanels(*chunk.place->weight, *chunk.sources, chunk.panel, chunk.panels, out, scratch);
    return Error::success();
  }

  void report(uint64_t done) {
    auto now = std::chrono::steady_clock::now();
    if (!options.progress || (done < total && now - reported < std::chrono::milliseconds(100)))
      return;
    reported = now;
    options.progress(done, total);
  }

  const std::vector<Chunk> chunks;
  const uint64_t total;
  const StringRef tokenizer;
  const int fd;
  const uint64_t start;
  const PackOptions &options;
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::condition_variable turned;
  size_t turn = 0; // the chunk whose turn it is to be hashed; this and what follows under the mutex
  uint64_t hash = LATHE_FNV_START;
  std::string failure;
  std::chrono::steady_clock::time_point reported;
};

} // namespace

const WeightPlace *WeightsLayout::find(size_t set, StringRef name) const {
  auto found = byName[set].find(name);
  return found == byName[set].end() ? nullptr : &places[found->second];
}

Expected<WeightsLayout> lathe::layOutWeights(llvm::ArrayRef<const ProgramSet *> sets, uint64_t tokenizerBytes) {
  WeightsLayout layout;
  for (const ProgramSet *set : sets) {
    llvm::StringMap<WeightPlace> known;
    for (const PackedWeight &weight : set->weights) {
      if (Error wrong = checkShape(weight))
        return std::move(wrong);
      if (!known.try_emplace(weight.name, WeightPlace{&weight, nullptr, 0, packedBytes(weight)}).second)
        return makeError("two packed weights are called {0}", weight.name);
    }
    for (const Table &table : set->tables)
      if (!known.try_emplace(table.name, WeightPlace{nullptr, &table, 0, table.values.size() * sizeof(float)}).second)
        return makeError("two weights or tables are called {0}", table.name);

    llvm::StringMap<size_t> &byName = layout.byName.emplace_back();
    auto shared = [&](const WeightPlace &wanted) {
      return llvm::find_if(layout.places, [&](const WeightPlace &place) {
        return wanted.weight ? place.weight && *place.weight == *wanted.weight
                             : place.table && *place.table == *wanted.table;
      });
    };
    auto place = [&](StringRef name) {
      auto found = known.find(name);
      if (found == known.end() || byName.contains(name))
        return;
      auto at = sets.front() == set ? layout.places.end() : shared(found->second);
      byName[name] = at - layout.places.begin();
      if (at != layout.places.end())
        return;
      WeightPlace &added = layout.places.emplace_back(found->second);
      added.offset = layout.dataBytes;
      layout.dataBytes += llvm::alignTo(added.bytes, kAlignment);
    };
    // In the order of reading, so that a decode step walks the file forward; then what only other programs read.
    for (const Program &program : set->programs)
      for (const Phase &phase : program.phases)
        for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
          for (const Call &call : *calls)
            for (const View &view : call.views)
              if (view.base == Base::Weights)
                place(view.weight);
    for (const PackedWeight &weight : set->weights)
      place(weight.name);
    for (const Table &table : set->tables)
      place(table.name);
  }
  layout.tokenizerOffset = layout.dataBytes;
  layout.tokenizerBytes = tokenizerBytes;
  layout.dataBytes += llvm::alignTo(tokenizerBytes, kAlignment);
  return layout;
}

Expected<uint64_t> lathe::packWeights(const WeightsLayout &layout, const WeightSource &source, StringRef tokenizer,
                                      int fd, uint64_t start, const PackOptions &options) {
  assert(tokenizer.size() == layout.tokenizerBytes);
  std::vector<PackSources> sources;
  for (const WeightPlace &place : layout.places) {
    if (!place.weight) {
      sources.emplace_back();
      continue;
    }
    Expected<PackSources> resolved = resolve(*place.weight, source);
    if (!resolved)
      return resolved.takeError();
    sources.push_back(std::move(*resolved));
  }
  return Packer(cut(layout, sources), layout.dataBytes, tokenizer, fd, start, options).run();
}
