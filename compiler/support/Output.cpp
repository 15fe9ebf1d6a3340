#include "compiler/support/Output.h"
#include "compiler/support/Error.h"
#include "compiler/support/Unfinished.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe {
namespace {

using Write = llvm::function_ref<llvm::Error(llvm::raw_ostream &)>;

std::error_code lastError() { return {errno, std::generic_category()}; }

llvm::Error failure(llvm::StringRef path, std::error_code code) { return makeError("{0}: {1}", path, code.message()); }

/// Writes to `fd` and closes it. Some file systems say only then that there was no room.
llvm::Error writeAndClose(llvm::StringRef path, int fd, Write write) {
  llvm::raw_fd_ostream out(fd, /*shouldClose=*/false);
  llvm::Error wrong = write(out);
  out.flush();
  std::error_code problem = out.error();
  out.clear_error(); // the stream's end would make it LLVM's, and the process's
  if (::close(fd) != 0 && !problem)
    problem = lastError();
  if (wrong || !problem)
    return wrong;
  return failure(path, problem);
}

/// To what stays what it is. A regular file here is somebody's open one: it goes on at its end.
llvm::Error writeThrough(llvm::StringRef path, bool regular, Write write) {
  int fd = ::open(path.str().c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_APPEND : 0));
  return fd < 0 ? failure(path, lastError()) : writeAndClose(path, fd, write);
}

/// To the regular file `place`, which `path` leads to.
llvm::Error replace(llvm::StringRef path, const std::string &place, const struct stat *old, Write write) {
  if (old && ::access(place.c_str(), W_OK) != 0) // a rename would not ask
    return failure(path, lastError());
  llvm::SmallString<256> name;
  llvm::sys::fs::createUniquePath(place + ".partial-%%%%%%%%", name, /*MakeAbsolute=*/false);
  Unfinished partial(name);
  int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return failure(path, lastError());
  if (old)
    ::fchmod(fd, old->st_mode & 07777);
  llvm::Error failed = writeAndClose(path, fd, write);
  if (!failed && ::rename(name.c_str(), place.c_str()) != 0)
    failed = failure(path, lastError());
  if (failed)
    ::unlink(name.c_str());
  return failed;
}

} // namespace

llvm::Error writeFile(llvm::StringRef path, Write write) {
  struct stat status;
  const bool there = ::stat(path.str().c_str(), &status) == 0;
  if (!there && errno != ENOENT)
    return failure(path, lastError());
  const std::string place = followLinks(path);
  if (there && (!S_ISREG(status.st_mode) || llvm::sys::fs::is_symlink_file(place)))
    return writeThrough(path, S_ISREG(status.st_mode), write);
  return replace(path, place, there ? &status : nullptr, write);
}

std::string followLinks(llvm::StringRef path) {
  std::filesystem::path name(path.str());
  std::error_code none;
  for (int links = 0; links < 40; ++links) { // as many as Linux follows
    std::filesystem::path target = std::filesystem::read_symlink(name, none);
    if (none)
      break;
    std::filesystem::path folder = std::filesystem::canonical(name.has_parent_path() ? name.parent_path() : ".", none);
    if (none || folder.native().starts_with("/proc/"))
      break;
    name = name.parent_path() / target;
  }
  return name.string();
}

} // namespace lathe
