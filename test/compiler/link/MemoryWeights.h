//===- MemoryWeights.h - weights of random stored blocks, in memory -----------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_LINK_MEMORYWEIGHTS_H
#define LATHE_TEST_COMPILER_LINK_MEMORYWEIGHTS_H

#include "compiler/spec/Weights.h"
#include "compiler/support/Error.h"
#include "llvm/Support/Endian.h"
#include <cmath>
#include <map>
#include <random>

namespace lathe {

class MemoryWeight : public Weight {
public:
  std::vector<uint8_t> blocks;

protected:
  llvm::Error makeBlocks(int64_t row, uint8_t *out) const override {
    int64_t size = rowBytes(format, columns);
    std::copy_n(blocks.begin() + row * size, size, out);
    return llvm::Error::success();
  }
};

class MemoryWeights : public WeightSource {
public:
  /// Every bit pattern of quants; scales, minima and floats are finite.
  const MemoryWeight &add(const std::string &role, Format format, int64_t rows, int64_t columns) {
    auto weight = std::make_unique<MemoryWeight>();
    weight->role = role;
    weight->tensor = "tensor." + role;
    weight->format = format;
    weight->rows = rows;
    weight->columns = columns;
    int64_t block = blockBytes(format);
    weight->blocks.resize(rows * rowBytes(format, columns));
    for (size_t i = 0; i < weight->blocks.size(); ++i) {
      int64_t at = static_cast<int64_t>(i) % block;
      weight->blocks[i] = static_cast<uint8_t>(random()) & (holdsExponent(format, at, block) ? 0xbb : 0xff);
    }
    return *(all[role] = std::move(weight));
  }

  MemoryWeight &edit(const std::string &role) { return *all.at(role); }

  llvm::Expected<const Weight *> get(llvm::StringRef role) const override {
    auto found = all.find(role.str());
    if (found == all.end())
      return makeError("no weight for the role {0}", role);
    return found->second.get();
  }
  bool has(llvm::StringRef role) const override { return all.count(role.str()) != 0; }
  uint64_t fingerprint() const override { return 1; }

  /// Whether byte `at` of a block is the high byte of a float, whose exponent must not be all ones.
  static bool holdsExponent(Format format, int64_t at, int64_t block) {
    switch (format) {
    case Format::MXFP4: // 2^127 times 12 is infinite
      return at == 0;
    case Format::Q2_K:
      return at == block - 1 || at == block - 3;
    case Format::F32:
    case Format::F16:
    case Format::BF16:
    case Format::Q3_K:
    case Format::Q6_K:
    case Format::TQ1_0:
    case Format::TQ2_0:
      return at == block - 1;
    case Format::Q4_1:
    case Format::Q5_1:
    case Format::Q4_K:
    case Format::Q5_K:
      return at == 1 || at == 3;
    default:
      return at == 1;
    }
  }

private:
  std::map<std::string, std::unique_ptr<MemoryWeight>> all;
  std::mt19937 random{7};
};

} // namespace lathe

#endif
