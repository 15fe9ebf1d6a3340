//===- SelfModel.cpp - the model that this program carries -------------------------------------------------------===//
#include "tools/standalone/SelfModel.h"
#include "runtime/abi/executable_abi.h"
#include "runtime/core/Hash.h"
#include "runtime/core/MappedFile.h"
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lathe {
namespace {

/// Whether [offset, offset + bytes) lies in a file of `size` bytes and begins on a page.
bool within(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset % LATHE_EXECUTABLE_ALIGNMENT == 0 && offset <= size && bytes <= size - offset;
}

/// A library from memory: through an anonymous file, which dlopen can read.
Result<std::shared_ptr<const void>> openLibrary(std::span<const uint8_t> bytes) {
  int fd = memfd_create("model.so", MFD_CLOEXEC);
  if (fd < 0)
    return error("no memory for the program's tables: ", std::strerror(errno));
  void *handle = nullptr;
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    done += size_t(count);
  }
  if (done == bytes.size())
    handle = dlopen(("/proc/self/fd/" + std::to_string(fd)).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(fd);
  if (!handle) {
    const char *why = dlerror();
    return error("the kernels cannot be loaded: ", why ? why : "no memory");
  }
  return std::shared_ptr<const void>(handle, [](const void *library) { dlclose(const_cast<void *>(library)); });
}

} // namespace

Result<std::shared_ptr<const Model>> openExecutable(const std::string &path, const ModelOptions &options) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return mapped.takeError();
  auto file = std::make_shared<MappedFile>(mapped.take());
  std::span<const uint8_t> all = file->bytes();
  lathe_executable_trailer trailer;
  if (all.size() < sizeof trailer)
    return error(path, ": carries no model");
  std::memcpy(&trailer, all.data() + all.size() - sizeof trailer, sizeof trailer);
  if (std::memcmp(trailer.magic, LATHE_EXECUTABLE_MAGIC, sizeof trailer.magic) != 0)
    return error(path, ": carries no model; 'lathe compile --executable' adds one");
  if (!within(trailer.weights_offset, trailer.weights_bytes, all.size()) ||
      !within(trailer.program_offset, trailer.program_bytes, all.size()) ||
      trailer.weights_bytes < sizeof(lathe_weights_header))
    return error(path, ": is damaged: its parts are not inside the file");
  std::span<const uint8_t> weights = all.subspan(trailer.weights_offset, trailer.weights_bytes);
  std::span<const uint8_t> program = all.subspan(trailer.program_offset, trailer.program_bytes);
  lathe_weights_header header;
  std::memcpy(&header, weights.data(), sizeof header);
  if (header.program_bytes != program.size() || header.program_hash != hashBytes(program))
    return error(path, ": is damaged: its kernels are not those that its weights were written beside");
  Result<std::shared_ptr<const void>> library = openLibrary(program);
  if (!library)
    return error(path, ": ", library.message());
  const auto *tables = static_cast<const lathe_model *>(dlsym(const_cast<void *>(library->get()), LATHE_MODEL_SYMBOL));
  if (!tables)
    return error(path, ": its kernels come without " LATHE_MODEL_SYMBOL);
  file->advise(MappedFile::Access::WillNeed);
  auto model = Model::fromImage(*tables, weights, file, *library, options);
  return model ? std::move(model) : error(path, ": ", model.message());
}

} // namespace lathe
