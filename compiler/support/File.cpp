#include "compiler/support/File.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Path.h"
#include <filesystem>

namespace lathe {

namespace fs = llvm::sys::fs;

/// Opens a regular file: a device or a pipe has no size to hold it to, and a folder no bytes.
static llvm::Expected<fs::file_t> openRegular(llvm::StringRef path, fs::file_status &status) {
  if (std::error_code error = fs::status(path, status)) {
    std::error_code none;
    if (error == std::errc::no_such_file_or_directory && fs::is_symlink_file(path))
      return makeError("{0}: is a link to {1}, which is not there", path,
                       std::filesystem::read_symlink(path.str(), none).string());
    return makeError("{0}: {1}", path, error.message());
  }
  if (status.type() != fs::file_type::regular_file)
    return makeError("{0}: not a regular file", path);
  llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(path);
  if (!file)
    return makeError("{0}: {1}", path, llvm::toString(file.takeError()));
  if (std::error_code error = fs::status(*file, status)) {
    fs::closeFile(*file);
    return makeError("{0}: {1}", path, error.message());
  }
  return *file;
}

llvm::Expected<std::shared_ptr<const InputFile>> InputFile::open(llvm::StringRef path) {
  fs::file_status status;
  llvm::Expected<fs::file_t> file = openRegular(path, status);
  if (!file)
    return file.takeError();
  llvm::scope_exit close([&] { fs::closeFile(*file); });
  std::shared_ptr<InputFile> mapped(new InputFile);
  mapped->name = path.str();
  mapped->size = status.getSize();
  uint64_t changed = status.getLastModificationTime().time_since_epoch().count();
  mapped->hash = hashNumber(changed, hashNumber(status.getSize()));
  if (mapped->size == 0)
    return mapped;
  std::error_code error;
  mapped->region = fs::mapped_file_region(*file, fs::mapped_file_region::readonly, mapped->size, 0, error);
  if (error)
    return makeError("{0}: cannot be mapped: {1}", path, error.message());
  if (llvm::StringRef text(mapped->region.const_data(), mapped->size); text.starts_with("version https://git-lfs."))
    return makeError("{0}: is a git-lfs pointer, without the file that it stands for; 'git lfs pull' fetches that",
                     path);
  return mapped;
}

bool isThere(const llvm::Twine &path) {
  fs::file_status status;
  return !fs::status(path, status, /*follow=*/false);
}

std::string inFolder(llvm::StringRef folder, llvm::StringRef name) {
  llvm::SmallString<128> full(folder);
  llvm::sys::path::append(full, name);
  return full.str().str();
}

std::string nameOfPath(llvm::StringRef path) {
  llvm::StringRef name = llvm::sys::path::filename(path.rtrim('/'));
  llvm::SmallString<128> real;
  if ((name.empty() || name == "." || name == "..") && !fs::real_path(path, real))
    name = llvm::sys::path::filename(real);
  return name.str();
}

llvm::Expected<std::string> readSmallFile(llvm::StringRef path, uint64_t limit) {
  llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
  if (bytes.size() > limit)
    return makeError("{0}: {1} bytes are more than the {2} expected at most", path, bytes.size(), limit);
  return std::string(bytes.begin(), bytes.end());
}

} // namespace lathe
