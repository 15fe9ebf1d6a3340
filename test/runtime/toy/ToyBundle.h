//===- ToyBundle.h - weights and files for the toy model, and what it must compute ----------------------*- C++ -*-===//
#ifndef LATHE_TEST_RUNTIME_TOY_TOYBUNDLE_H
#define LATHE_TEST_RUNTIME_TOY_TOYBUNDLE_H

#include "runtime/model/Model.h"
#include "test/TemporaryFolder.h"
#include "test/runtime/toy/ToyModel.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lathe::toy {

/// The embedding [11][4] and the scale of each layer.
struct Weights {
  std::vector<float> table = std::vector<float>(TOY_TABLE_FLOATS), scales = std::vector<float>(TOY_SCALE_FLOATS);
};
/// Small integers: every sum of the model is exact, in any order.
Weights integerWeights();
/// Numbers whose sums round, so that another order gives other bits.
Weights roundingWeights();

/// A weights.bin in memory, its data hash right; program_bytes and program_hash are 0.
std::vector<uint8_t> weightsImage(const Weights &weights);
/// The model of this process over `weights`.
std::shared_ptr<const Model> model(const Weights &weights);

/// Logits [ids][vocabulary] of one sequence, computed in double from the definition in ToyModel.c.
std::vector<std::vector<float>> expectedLogits(const Weights &weights, std::span<const int32_t> ids);

/// A bundle in a folder of its own, removed when it goes.
class Folder {
public:
  explicit Folder(const Weights &weights = integerWeights());
  std::string path() const { return folder.path; }
  std::string weights() const { return folder.file("weights.bin"); }
  std::string program() const { return folder.file("model.so"); }
  /// Makes weights.bin fit model.so again after a change of model.so.
  void sealProgram();

private:
  test::TemporaryFolder folder;
};

std::vector<uint8_t> readFile(const std::string &path);
void writeFile(const std::string &path, std::span<const uint8_t> bytes);

} // namespace lathe::toy

#endif
