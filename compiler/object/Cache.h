//===- Cache.h - compiled kernels kept between runs ---------------------------------------------------*- C++ -*-===//
//
// One file an object: DIRECTORY/<hash of the key>.kernel =
//
//   "LATHEKRN" | u64 key bytes | u64 object bytes | u64 FNV-1a of key and object | key | object      (little-endian)
//
// The key holds the unit's own key (of Halide: symbol, arguments, the schedule's values), the target, and the backend's
// stamp, of its sources and its libraries. Files appear by rename, so readers see all of one or none; a file that doesn't
// check is no entry and is written anew.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_CACHE_H
#define LATHE_COMPILER_OBJECT_CACHE_H

#include "compiler/backend/Backend.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace lathe {

/// Thread-safe, also between processes.
class KernelCache {
public:
  explicit KernelCache(std::string directory) : directory(std::move(directory)) {}

  static std::string key(const CodeUnit &unit, const Backend &backend, const TargetDesc &target);
  std::optional<std::string> find(const std::string &key) const;
  llvm::Error add(const std::string &key, const std::string &object) const;
  /// Where the entry of a key is.
  std::string path(const std::string &key) const;

private:
  std::string directory;
};

/// $LATHE_CACHE_DIR, else $XDG_CACHE_HOME/lathe, else ~/.cache/lathe; empty if none of them is set.
std::string defaultCacheDirectory();

} // namespace lathe

#endif
