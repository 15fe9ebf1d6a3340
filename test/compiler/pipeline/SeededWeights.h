//===- SeededWeights.h - bundles of modules that no checkpoint is of ------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_PIPELINE_SEEDEDWEIGHTS_H
#define LATHE_TEST_COMPILER_PIPELINE_SEEDEDWEIGHTS_H

#include "compiler/dialect/Lathe.h"
#include "compiler/pipeline/Stages.h"
#include <functional>
#include <map>
#include <random>

namespace lathe::test {

/// Rows that depend on the role alone.
class SeededWeight : public Weight {
public:
  std::function<void(int64_t row, std::vector<float> &values)> change; ///< of a row, before it is stored

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override {
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string>()(role) + row));
    std::uniform_real_distribution<float> uniform(-0.3f, 0.3f);
    std::vector<float> values(columns);
    for (float &value : values)
      value = uniform(random) + (rows == 1 ? 1.0f : 0.0f); // norms about 1
    if (change)
      change(row, values);
    quantize(format, values.data(), columns, out);
    return llvm::Error::success();
  }
};

/// What a module's lathe.weight ops declare.
class SeededWeights : public WeightSource {
public:
  explicit SeededWeights(mlir::ModuleOp module) {
    for (auto op : module.getOps<ir::WeightOp>()) {
      SeededWeight &weight = all[op.getSymName().str()];
      weight.role = weight.tensor = op.getSymName().str();
      weight.format = *findFormat(op.getFormat());
      weight.rows = op.getType().getShape()[0];
      weight.columns = op.getType().getShape()[1];
    }
  }
  llvm::Expected<const Weight *> get(llvm::StringRef role) const override {
    auto found = all.find(role.str());
    if (found == all.end())
      return llvm::createStringError("no weight " + role);
    return &found->second;
  }
  bool has(llvm::StringRef role) const override { return all.count(role.str()) != 0; }
  uint64_t fingerprint() const override { return 1; }
  SeededWeight &edit(const std::string &role) { return all.at(role); }

private:
  std::map<std::string, SeededWeight> all;
};

/// Takes c.module and c.input.weights down the road from fusion to a bundle.
inline llvm::Error compileModule(Compilation &c, const std::string &output) {
  auto staging = StagingFolder::create(output);
  if (!staging)
    return staging.takeError();
  c.staging = std::move(*staging);
  for (auto run : {stage::fusion, stage::kernels, stage::schedule, stage::object, stage::link})
    if (llvm::Error failed = run(c))
      return failed;
  return c.staging->commit();
}

} // namespace lathe::test

#endif
