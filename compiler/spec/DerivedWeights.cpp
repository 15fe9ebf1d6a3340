#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/Input.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

namespace lathe {

std::optional<Format> formatOf(spec::WeightFormat format) {
  if (format == spec::WEIGHT_FORMAT_UNSPECIFIED)
    return std::nullopt;
  return findFormat(spec::WeightFormat_Name(format)); // the names are one set: a test says so
}

std::optional<spec::WeightFormat> protoFormat(Format format) {
  spec::WeightFormat found;
  if (!spec::WeightFormat_Parse(formatName(format).upper(), &found))
    return std::nullopt;
  return found;
}

namespace {
class QuantizedWeight : public Weight {
public:
  const Weight *inner = nullptr;
  QuantizationLog *log = nullptr;
  size_t index = 0; ///< in the log

  std::string place(int64_t row, int64_t column) const override { return inner->place(row, column); }

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override {
    if (format == inner->format)
      return inner->readBlocks(row, out);
    std::vector<float> values(columns);
    if (llvm::Error error = inner->readRow(row, values.data()))
      return error;
    quantize(format, values.data(), columns, out);
    if (const int64_t beyond = findNonFinite(format, out, columns); beyond >= 0)
      return tooLarge(row, values, beyond);
    std::vector<float> stored(columns);
    dequantize(format, out, columns, stored.data());
    log->record(index, row, values, stored);
    return llvm::Error::success();
  }

private:
  /// Names the largest number of the block that column `within` lies in: it is what makes the block's factor infinite.
  llvm::Error tooLarge(int64_t row, llvm::ArrayRef<float> values, int64_t within) const {
    const int64_t width = blockColumns(format);
    auto block = values.slice(within / width * width, width);
    const int64_t column =
        llvm::max_element(block, [](float a, float b) { return std::abs(a) < std::abs(b); }) - values.begin();
    return makeError("{0} is {1:e2}, which {2} cannot hold; another format for --quantize would be right",
                     place(row, column), double(values[column]), formatName(format));
  }
};

/// SplitMix64 (Steele, Lea, Flood 2014): a stream of 64-bit numbers from any seed.
class SplitMix {
public:
  explicit SplitMix(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }

private:
  uint64_t state;
};

class RandomWeight : public Weight {
public:
  uint64_t seed = 0;
  float center = 0, deviation = 0;

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override {
    std::vector<float> values(columns);
    fill(row, values);
    quantize(format, values.data(), columns, out);
    return llvm::Error::success();
  }

private:
  /// Sums of four 16-bit uniform numbers: near enough to normal, in integers until the last, exact step.
  void fill(int64_t row, std::vector<float> &values) const {
    const float unit = deviation / 37837.2f; // sqrt(4 / 12) * 65536
    SplitMix stream(hashNumber(row, seed));
    for (float &value : values) {
      const uint64_t bits = stream.next();
      const int32_t sum = int32_t(bits & 0xffff) + int32_t(bits >> 16 & 0xffff) + int32_t(bits >> 32 & 0xffff) +
                          int32_t(bits >> 48) - 2 * 65535;
      value = center + static_cast<float>(sum) * unit;
    }
  }
};

/// Weights of one class by role.
template <typename W> class DerivedWeights : public WeightSource {
public:
  llvm::Expected<const Weight *> get(llvm::StringRef role) const override {
    auto found = byRole.find(role);
    if (found == byRole.end())
      return makeError("the model has no weight for role '{0}'", printable(role));
    return &weights[found->second];
  }
  bool has(llvm::StringRef role) const override { return byRole.contains(role); }
  uint64_t fingerprint() const override { return identity; }

  void add(W weight) {
    byRole.try_emplace(weight.role, weights.size());
    weights.push_back(std::move(weight));
  }
  std::unique_ptr<WeightSource> inner;  ///< null: none
  std::shared_ptr<QuantizationLog> log; ///< null: none
  uint64_t identity = 0;

private:
  std::vector<W> weights;
  llvm::StringMap<size_t> byRole;
};
} // namespace

std::unique_ptr<WeightSource> quantizedWeights(std::unique_ptr<WeightSource> inner, const spec::Model &model,
                                               Format format, std::shared_ptr<QuantizationLog> log) {
  auto source = std::make_unique<DerivedWeights<QuantizedWeight>>();
  source->identity = hashBytes(formatName(format), inner->fingerprint());
  for (const WeightShape &shape : weightShapes(model)) {
    const Weight *original = llvm::cantFail(inner->get(shape.role)); // bindWeights has bound every role
    QuantizedWeight weight;
    weight.inner = original;
    weight.role = original->role;
    weight.tensor = original->tensor;
    weight.rows = original->rows;
    weight.columns = original->columns;
    weight.format = formatFor(shape, format, original->format);
    if (weight.format != original->format) {
      weight.log = log.get();
      weight.index = log->add(*original, weight.format);
    } else if (weight.format != format && !shape.exact && shape.columns % 32 != 0) {
      log->addUnfit(*original);
    }
    source->add(std::move(weight));
  }
  source->inner = std::move(inner);
  source->log = std::move(log);
  return source;
}

/// Whether what the matrix gives is added to the residual stream.
static bool endsBranch(llvm::StringRef role) { return role.ends_with(".output") || role.ends_with(".down"); }

std::unique_ptr<WeightSource> randomWeights(const spec::Model &model, Format format) {
  auto source = std::make_unique<DerivedWeights<RandomWeight>>();
  source->identity = hashBytes("random weights, version 3");
  const float branches = std::sqrt(2.0f * static_cast<float>(model.n_layers()));
  for (const WeightShape &shape : weightShapes(model)) {
    if (shape.made)
      continue;
    RandomWeight weight;
    weight.role = shape.role;
    weight.tensor = "random";
    weight.rows = shape.rows;
    weight.columns = shape.columns;
    weight.format = formatFor(shape, format, Format::F32);
    weight.seed = hashBytes(shape.role, source->identity);
    const bool isNorm = llvm::StringRef(shape.role).ends_with("norm");
    const bool isScale =
        llvm::StringRef(shape.role).ends_with("scale") || llvm::StringRef(shape.role).contains(".activation.");
    const bool offset = model.norm().unit_offset() && !llvm::StringRef(shape.role).contains(".mamba.");
    const bool isDecay =
        llvm::StringRef(shape.role).ends_with("mamba.a"); // one above 0 would let a state grow for ever
    weight.center = isDecay ? -1.0f : (isNorm && !offset) || isScale ? 1.0f : 0.0f;
    weight.deviation = shape.rows == 1 || isDecay ? 0.1f : 1 / std::sqrt(static_cast<float>(shape.columns));
    if (shape.rows > 1 && endsBranch(shape.role))
      weight.deviation /= branches;
    source->add(std::move(weight));
  }
  return completedWeights(std::move(source), model);
}

} // namespace lathe
