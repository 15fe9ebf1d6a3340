//===- Bundle.cpp - the last stage: objects, tables and weights become a bundle ----------------------------------===//
#include "compiler/link/Bundle.h"
#include "compiler/link/EmitModel.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/support/Hash.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// weights.bin while it is written.
class WeightsFile {
public:
  explicit WeightsFile(std::string path) : path(std::move(path)) {}
  ~WeightsFile() {
    if (fd >= 0)
      ::close(fd);
  }

  Error create(uint64_t dataBytes) {
    fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0666);
    const uint64_t size = LATHE_WEIGHTS_ALIGNMENT + dataBytes;
    // Claims the room now rather than finding it too small after an hour of packing. Not every file system can.
    if (fd >= 0 && (::fallocate(fd, 0, 0, size) == 0 || (errno == EOPNOTSUPP && ::ftruncate(fd, size) == 0)))
      return Error::success();
    if (fd >= 0 && errno == ENOSPC)
      return makeError("{0}: the disk has no room for {1} bytes of weights; --quantize makes them smaller", path, size);
    return failure();
  }

  /// The last thing to be written: before it the file is no weights.bin.
  Error finish(const lathe_weights_header &header) {
    if (::pwrite(fd, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
      return failure();
    int closing = std::exchange(fd, -1);
    return ::close(closing) == 0 ? Error::success() : failure();
  }

  int descriptor() const { return fd; }

private:
  Error failure() const { return makeError("{0}: {1}", path, std::strerror(errno)); }
  std::string path;
  int fd = -1;
};

/// Identifies what the bundle holds; `tables` is the tables' object with build id 0.
uint64_t buildId(uint64_t dataHash, StringRef tables, const std::vector<ObjectBytes> &objects) {
  uint64_t id = hashBytes(tables, hashNumber(tables.size(), hashNumber(dataHash)));
  for (const ObjectBytes &object : objects)
    id = hashBytes(object.bytes, hashNumber(object.bytes.size(), id));
  return id;
}

/// The tables, with the layout that they name.
Expected<ModelTables> tablesOf(const std::vector<LinkedVariant> &variants, const ModelInfo &info,
                               uint64_t tokenizerBytes, WeightsLayout &layout) {
  std::vector<const ProgramSet *> sets;
  for (const LinkedVariant &variant : variants)
    sets.push_back(variant.set);
  Expected<WeightsLayout> made = layOutWeights(sets, tokenizerBytes);
  if (!made)
    return made.takeError();
  layout = std::move(*made);
  return ModelTables::make(variants, layout, info);
}

/// Of the library: parseTargets lets in processors of one kind only.
StringRef tripleOf(const std::vector<LinkedVariant> &variants) {
  for (const LinkedVariant &variant : variants)
    if (variant.target.device == DeviceKind::Cpu)
      return variant.target.triple;
  return "x86_64-unknown-linux-gnu"; // of the program that opens a bundle of other devices' code
}

} // namespace

Error lathe::writeBundle(const BundleInput &input, StagingFolder &staging, const PackOptions &options) {
  WeightsLayout layout;
  Expected<ModelTables> tables = tablesOf(input.variants, input.info, input.tokenizer.size(), layout);
  if (!tables)
    return tables.takeError();

  WeightsFile weights(staging.file("weights.bin"));
  Expected<uint64_t> dataHash = uint64_t(0);
  if (!input.programOnly) {
    if (Error failed = weights.create(layout.dataBytes))
      return failed;
    dataHash =
        packWeights(layout, input.weights, input.tokenizer, weights.descriptor(), LATHE_WEIGHTS_ALIGNMENT, options);
    if (!dataHash)
      return dataHash.takeError();
  }

  tables->setBuildId(buildId(*dataHash, emitTables(*tables, tripleOf(input.variants)), input.objects));
  std::string library = staging.file("model.so");
  if (Error failed = linkShared(emitTables(*tables, tripleOf(input.variants)), input.objects, staging, library))
    return failed;
  if (input.programOnly)
    return Error::success();

  Expected<std::shared_ptr<const InputFile>> program = InputFile::open(library);
  if (!program)
    return program.takeError();
  llvm::ArrayRef<uint8_t> bytes = (*program)->bytes();
  lathe_weights_header header = {};
  std::memcpy(header.magic, LATHE_WEIGHTS_MAGIC, sizeof header.magic);
  header.abi_version = LATHE_ABI_VERSION;
  header.header_bytes = LATHE_WEIGHTS_ALIGNMENT;
  header.build_id = tables->model().build_id;
  header.data_bytes = layout.dataBytes;
  header.program_bytes = bytes.size();
  header.program_hash = hashBytes({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  header.data_hash = *dataHash;
  return weights.finish(header);
}

Error lathe::printBundle(const std::vector<LinkedVariant> &variants, const ModelInfo &info, uint64_t tokenizerBytes,
                         llvm::raw_ostream &out) {
  WeightsLayout layout;
  Expected<ModelTables> tables = tablesOf(variants, info, tokenizerBytes, layout);
  if (!tables)
    return tables.takeError();
  printTables(tables->model(), out);
  return Error::success();
}
