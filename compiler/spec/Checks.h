//===- Checks.h - what validate() collects and measures by (private to compiler/spec) -------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_CHECKS_H
#define LATHE_COMPILER_SPEC_CHECKS_H

#include "compiler/support/Error.h"
#include "models/model.pb.h"
#include <cmath>

namespace lathe {

/// Limits on sizes: beyond them a number is a mistake or an attack, and products stay within 64 bits.
inline constexpr uint32_t maxLayers = 4096, maxDim = 1 << 20, maxVocabulary = 1 << 24, maxContext = 1 << 28,
                          maxHeads = 1 << 14, maxHeadSize = 1 << 14, maxHidden = 1 << 22, maxExperts = 1 << 12;

/// Collects the first complaint.
class Checks {
public:
  explicit Checks(llvm::StringRef file) : file(file) {}

  template <typename... Args> void require(bool condition, const char *format, Args &&...args) {
    if (!condition && message.empty())
      message = place + llvm::formatv(format, std::forward<Args>(args)...).str();
  }
  /// Where the fields are that are checked from here on, for messages.
  void within(std::string where) { place = std::move(where); }
  void range(const char *field, uint32_t value, uint32_t high) {
    require(value >= 1 && value <= high, "{0} = {1} is not from 1 to {2}", field, value, high);
  }
  void positive(const char *field, double value) {
    require(std::isfinite(value) && value > 0, "{0} = {1} is not a finite number above 0", field, text(value));
  }
  /// Zero stands for "none".
  void notNegative(const char *field, double value) {
    require(std::isfinite(value) && value >= 0, "{0} = {1} is not a finite number of at least 0", field, text(value));
  }
  /// formatv's own form of a number has two decimals.
  static std::string text(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", value);
    return digits;
  }
  bool passed() const { return message.empty(); }
  llvm::Error take() { return passed() ? llvm::Error::success() : makeError("{0}: {1}", file, message); }

private:
  llvm::StringRef file;
  std::string place, message;
};

/// part * whole in whole numbers; 0 where that is none.
inline uint32_t wholePart(double part, uint32_t whole) {
  const double product = part * whole;
  return product > 0 && product < UINT32_MAX ? static_cast<uint32_t>(product) : 0;
}

/// Sets what is not set and has a usual value, or follows from something else: afterwards each choice is said in one
/// field, whatever fields the spec said it by.
void fillDefaults(spec::Model &model);
/// Sizes that follow from others.
void fillMamba(spec::Mamba &mamba, const spec::Model &model);
void checkPositions(const spec::Model &layer, Checks &checks);
/// The mixer of a layer that has one.
void checkMamba(const spec::Model &layer, Checks &checks);

} // namespace lathe

#endif
