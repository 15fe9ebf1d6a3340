//===- SinusoidalWeights.cpp - tables of positions that follow from the spec -------------------------------------===//
#include "compiler/spec/DerivedWeights.h"
#include "compiler/support/Hash.h"
#include <cmath>
#include <cstring>

namespace lathe {

namespace {
/// The table of spec::Sinusoidal, worked out row by row as it is read.
class SineTable : public Weight {
public:
  explicit SineTable(const spec::Model &model) : sines(model.positions().sinusoidal()) {
    role = "position_embedding";
    tensor = "sines and cosines";
    rows = int64_t(model.max_context()) + sines.offset();
    columns = model.dim();
  }

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override {
    const int64_t half = columns / 2;
    std::vector<float> values(columns);
    for (int64_t i = 0; i < half; ++i) {
      const double exponent = double(i) / double(sines.inclusive() ? half - 1 : half);
      const double angle = double(row) * std::pow(sines.theta(), -exponent);
      values[sines.apart() ? i : 2 * i] = static_cast<float>(std::sin(angle));
      values[sines.apart() ? half + i : 2 * i + 1] = static_cast<float>(std::cos(angle));
    }
    std::memcpy(out, values.data(), columns * sizeof(float));
    return llvm::Error::success();
  }

private:
  const spec::Sinusoidal sines;
};

class CompletedWeights : public WeightSource {
public:
  CompletedWeights(std::unique_ptr<WeightSource> inner, const spec::Model &model)
      : inner(std::move(inner)), table(model),
        identity(hashBytes(model.positions().SerializeAsString(), this->inner->fingerprint())) {}

  llvm::Expected<const Weight *> get(llvm::StringRef role) const override {
    return role == table.role ? llvm::Expected<const Weight *>(&table) : inner->get(role);
  }
  bool has(llvm::StringRef role) const override { return role == table.role || inner->has(role); }
  uint64_t fingerprint() const override { return identity; }

private:
  const std::unique_ptr<WeightSource> inner;
  const SineTable table;
  const uint64_t identity;
};
} // namespace

std::unique_ptr<WeightSource> completedWeights(std::unique_ptr<WeightSource> inner, const spec::Model &model) {
  if (!model.positions().has_sinusoidal())
    return inner;
  return std::make_unique<CompletedWeights>(std::move(inner), model);
}

} // namespace lathe
