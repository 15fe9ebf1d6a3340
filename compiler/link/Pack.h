//===- Pack.h - a model's weights as the bundle holds them --------------------------------------------*- C++ -*-===//
//
// weights.bin is a header page (model_abi.h) and then data: each weight of the first variant in the order in which its
// first program reads it, then what only other variants read, each at a multiple of 64 bytes, zeros between; the tokenizer's blob last. Packing streams: a worker
// holds one chunk of about a megabyte (or one panel, if that is more), whatever the model's size.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_PACK_H
#define LATHE_COMPILER_LINK_PACK_H

#include "compiler/kernels/Program.h"
#include "compiler/spec/Weights.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <functional>

namespace lathe {

/// One weight or table in weights.bin's data.
struct WeightPlace {
  const PackedWeight *weight = nullptr; ///< or
  const Table *table = nullptr;         ///< one of the two, of the ProgramSet
  uint64_t offset = 0, bytes = 0;
  llvm::StringRef name() const { return weight ? weight->name : table->name; }
};

/// Where everything lies. Points into the ProgramSets it was made from.
struct WeightsLayout {
  std::vector<WeightPlace> places; ///< by offset
  uint64_t tokenizerOffset = 0, tokenizerBytes = 0;
  uint64_t dataBytes = 0; ///< a multiple of 64

  /// Of the set'th of the sets. Null if there is none of that name.
  const WeightPlace *find(size_t set, llvm::StringRef name) const;
  std::vector<llvm::StringMap<size_t>> byName; ///< of each set, index in places
};

/// Lays out all weights and tables of the variants of one model; what is equal in several of them is there once. Fails if
/// two of a set have one name, or a weight's `bytes` are not what its shape needs.
llvm::Expected<WeightsLayout> layOutWeights(llvm::ArrayRef<const ProgramSet *> sets, uint64_t tokenizerBytes);

struct PackOptions {
  unsigned jobs = 0; ///< threads; 0: one for each core
  /// Called with bytes done and of how many, from one thread at a time, a few times a second at most.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Packs `source` into the file `fd` from byte `start` on and returns the data's hash (model_abi.h: data_hash). Every
/// role is looked up and its shape and storage checked before the first byte is written.
llvm::Expected<uint64_t> packWeights(const WeightsLayout &layout, const WeightSource &source, llvm::StringRef tokenizer,
                                     int fd, uint64_t start, const PackOptions &options = {});

} // namespace lathe

#endif
