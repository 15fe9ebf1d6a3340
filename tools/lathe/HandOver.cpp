#include "tools/lathe/HandOver.h"
#include "tools/lathe/Program.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace lathe::cli {

llvm::Error handOver(int argc, char **argv) {
  llvm::SmallString<128> path(llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, "lathe-compiler");
  path.push_back('\0');
  std::string sender = kHandedOver + std::string(buildName());
  std::vector<char *> words = {path.data(), sender.data()};
  words.insert(words.end(), argv + 1, argv + argc);
  words.push_back(nullptr);
  execv(path.data(), words.data());
  return makeError("{0}: {1}; this command needs it beside lathe, from the same build", path.data(),
                   std::strerror(errno));
}

} // namespace lathe::cli
