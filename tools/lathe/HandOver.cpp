#include "tools/lathe/HandOver.h"
#include "tools/lathe/Program.h"
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace lathe::cli {

llvm::Error handOver(int argc, char **argv) {
  std::string path = besideProgram("lathe-compiler");
  std::string sender = kHandedOver + std::string(buildName());
  std::vector<char *> words = {path.data(), sender.data()};
  words.insert(words.end(), argv + 1, argv + argc);
  words.push_back(nullptr);
  execv(path.c_str(), words.data());
  return makeError("{0}: {1}; this command needs it beside lathe, from the same build", path,
                   std::strerror(errno));
}

} // namespace lathe::cli
