//===- Naming.h - a kernel told in words: its symbol and its schedule key -------------------------------*- C++ -*-===//
//
// Each description names itself once, and both follow:
//
//   symbol   all of it: equal descriptions have equal symbols and no others do   "linear_q4_1_q16_k576_r1_p4_residual"
//   key      what decides speed: words (number formats, kind, what is fused) and sizes   "linear q4_1 q16 residual k=576"
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_NAMING_H
#define LATHE_COMPILER_KERNELS_NAMING_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

class Naming {
public:
  // In symbol and key.
  Naming &word(std::string_view text);
  Naming &flag(std::string_view text, bool set) { return set ? word(text) : *this; }
  /// "_k576", k=576.
  Naming &size(const char *name, int64_t value);
  /// A size that is 0 where there is no such thing; the symbol then leaves it out.
  Naming &sizeIfAny(const char *name, int64_t value);
  /// A number that is `usual` where nothing is done with it: the key has the word if something is.
  Naming &number(const char *name, double value, double usual);

  // In the symbol alone.
  Naming &detail(const char *name, int64_t value);
  Naming &detailIfAny(const char *name, int64_t value) { return value ? detail(name, value) : *this; }
  Naming &detail(const char *name, double value, double usual);
  Naming &detailFlag(std::string_view text, bool set);

  // In the key alone.
  Naming &keySize(const char *name, int64_t value);

  std::string symbol;                                 ///< without the family: "_q4_1_q16_k576"
  std::string words;                                  ///< of the key: "q4_1 q16"
  std::vector<std::pair<std::string, int64_t>> sizes; ///< of the key
};

} // namespace lathe

#endif
