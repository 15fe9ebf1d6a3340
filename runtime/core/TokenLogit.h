//===- TokenLogit.h - a token with its logit ------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_CORE_TOKENLOGIT_H
#define LATHE_RUNTIME_CORE_TOKENLOGIT_H

#include <cstdint>

namespace lathe {

struct TokenLogit {
  float logit;
  int32_t id;
  /// The order in which tokens are preferred: by logit, equal ones by id.
  bool before(const TokenLogit &other) const {
    return logit > other.logit || (logit == other.logit && id < other.id);
  }
};

} // namespace lathe

#endif
