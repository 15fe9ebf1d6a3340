//===- Model.h - a compiled model, checked and ready to run ---------------------------------------------*- C++ -*-===//
//
// A bundle is a folder with `model.so` (kernels and tables) and `weights.bin` (packed weights, mapped and used as they
// are). Everything is checked before anything of it runs: the header of weights.bin and its size, the size and hash of
// model.so before it is opened, then its tables. Of its variants, each for a target and the best first, the first that
// this machine runs is taken.
//
// A Model never changes; any number of contexts and threads may share one.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_MODEL_MODEL_H
#define LATHE_RUNTIME_MODEL_MODEL_H

#include "runtime/abi/model_abi.h"
#include "runtime/core/Result.h"
#include "runtime/device/Device.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace lathe {

struct ModelOptions {
  std::string target = {};                        ///< of the variant to take; empty: the best that this machine runs
  std::shared_ptr<const Device> device = nullptr; ///< to run it on; null: any of this machine
  /// false: to look at its tables, weights and tokenizer alone. No GPU is asked for, nothing is brought to a device, and
  /// variant() is the first that this processor runs, or else the first.
  bool toRun = true;
};

class Model {
public:
  /// Opens the bundle in `folder`. Fails, naming each variant and what the machine lacks for it, where none can run.
  static Result<std::shared_ptr<const Model>> open(const std::string &folder, const ModelOptions &options = {});

  /// A model that is part of this program (`lathe compile --executable`): its tables, and the image of its weights.bin
  /// with the header. The image must start at a multiple of 64 bytes and outlive the model; `owner` is kept for that,
  /// `library` for the tables.
  static Result<std::shared_ptr<const Model>> fromImage(const lathe_model &tables,
                                                        std::span<const uint8_t> weightsImage,
                                                        std::shared_ptr<const void> owner = nullptr,
                                                        std::shared_ptr<const void> library = nullptr,
                                                        const ModelOptions &options = {});

  const lathe_model &tables() const { return *table; }
  /// The variant that runs.
  const lathe_variant &variant() const { return *chosen; }
  /// What runs it, and its weights there. Not of a model that was opened to be looked at.
  const Device &device() const { return *runs; }
  const DeviceWeights &deviceWeights() const { return *loaded; }
  /// weights.bin's data (after its header).
  std::span<const uint8_t> weights() const { return data; }
  /// tokenizer_abi.h's blob; empty if the bundle has none.
  std::span<const uint8_t> tokenizerBlob() const;

  /// Reads all weights and compares them with the hash in the header (FNV-1a over 64-bit words: seconds per few GB).
  Result<void> verifyWeights() const;

private:
  Model() = default;

  const lathe_model *table = nullptr;
  const lathe_variant *chosen = nullptr;
  std::shared_ptr<const Device> runs;
  std::span<const uint8_t> data;
  uint64_t dataHash = 0;
  std::shared_ptr<const void> library, image;  ///< keep the tables and the weights alive
  std::shared_ptr<const DeviceWeights> loaded; ///< of `data`
};

} // namespace lathe

#endif
