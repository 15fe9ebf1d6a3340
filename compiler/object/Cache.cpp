//===- Cache.cpp - compiled kernels kept between runs -----------------------------------------------------------===//
#include "compiler/object/Cache.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/support/Hash.h"
#include "compiler/support/Output.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

using namespace lathe;
using llvm::Error;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static constexpr StringRef kMagic = "LATHEKRN";
static constexpr size_t kHeader = 8 + 3 * 8;

static uint64_t checksum(StringRef key, StringRef object) { return hashBytes(object, hashBytes(key)); }

std::string KernelCache::key(const CodeUnit &unit, const Backend &backend, const TargetDesc &target) {
  return unit.key + "\n" + target.name + " " + target.tune + " " + std::to_string(target.features) + " " +
         std::to_string(target.lanes) + " " + std::to_string(target.sm) + "\n" + backend.name + " " + backend.stamp;
}

std::string KernelCache::path(const std::string &key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, llvm::formatv("{0:x-16}.kernel", hashBytes(key)).str());
  return std::string(path);
}

std::optional<std::string> KernelCache::find(const std::string &key) const {
  auto file = InputFile::open(path(key));
  if (!file) {
    llvm::consumeError(file.takeError()); // no entry
    return std::nullopt;
  }
  StringRef bytes(reinterpret_cast<const char *>((*file)->bytes().data()), (*file)->bytes().size());
  if (bytes.size() < kHeader || !bytes.starts_with(kMagic))
    return std::nullopt;
  uint64_t keyBytes = llvm::support::endian::read64le(bytes.data() + 8);
  uint64_t objectBytes = llvm::support::endian::read64le(bytes.data() + 16);
  uint64_t sum = llvm::support::endian::read64le(bytes.data() + 24);
  if (keyBytes != key.size() || bytes.size() - kHeader < keyBytes || bytes.size() - kHeader - keyBytes != objectBytes)
    return std::nullopt;
  StringRef itsKey = bytes.substr(kHeader, keyBytes), object = bytes.substr(kHeader + keyBytes);
  if (itsKey != key || checksum(itsKey, object) != sum)
    return std::nullopt;
  return object.str();
}

Error KernelCache::add(const std::string &key, const std::string &object) const {
  auto problem = [](const llvm::Twine &what) {
    return makeError("kernel cache {0}; set LATHE_CACHE_DIR to a folder that can be written", what.str());
  };
  if (std::error_code code = fs::create_directories(directory))
    return problem(directory + ": " + code.message());
  std::string header(kHeader, '\0');
  std::copy(kMagic.begin(), kMagic.end(), header.begin());
  llvm::support::endian::write64le(header.data() + 8, key.size());
  llvm::support::endian::write64le(header.data() + 16, object.size());
  llvm::support::endian::write64le(header.data() + 24, checksum(key, object));
  Error failed = writeFile(path(key), [&](llvm::raw_ostream &out) {
    out << header << key << object;
    return Error::success();
  });
  return failed ? problem(llvm::toString(std::move(failed))) : Error::success();
}

std::string lathe::defaultCacheDirectory() {
  auto from = [](const char *variable, const char *below) -> std::string {
    const char *value = std::getenv(variable);
    return value && *value ? std::string(value) + below : "";
  };
  if (std::string chosen = from("LATHE_CACHE_DIR", ""); !chosen.empty())
    return chosen;
  if (std::string shared = from("XDG_CACHE_HOME", "/lathe"); !shared.empty())
    return shared;
  return from("HOME", "/.cache/lathe");
}
