//===- Tool.cpp - programs that the compiler runs ---------------------------------------------------------------===//
#include "compiler/support/Tool.h"
#include "compiler/support/Error.h"
#include "compiler/support/MemoryFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

using namespace lathe;
using llvm::Expected;
using llvm::StringRef;

static Expected<std::string> findLinker() {
  if (llvm::sys::fs::can_execute(LATHE_LLD))
    return LATHE_LLD;
  for (auto folders : {std::vector<StringRef>{}, std::vector<StringRef>{"/usr/lib/llvm-22/bin"}})
    if (auto found = llvm::sys::findProgramByName("ld.lld", folders))
      return *found;
  return makeError("ld.lld is not installed: neither {0} nor in PATH (Debian's package is lld-22)", LATHE_LLD);
}

Expected<std::string> lathe::runTool(StringRef program, llvm::ArrayRef<std::string> arguments) {
  MemoryFile out, log;
  if (!out || !log)
    return makeError("{0}: no file in memory for what it says: {1}", program, std::strerror(errno));
  std::vector<StringRef> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::string outPath = out.path(), logPath = log.path(), problem;
  int status = llvm::sys::ExecuteAndWait(program, words, std::nullopt,
                                         {StringRef(), StringRef(outPath), StringRef(logPath)}, 0, 0, &problem);
  if (status == 0)
    return out.bytes();
  if (!problem.empty())
    return makeError("{0}: {1}", program, problem);
  return makeError("{0} ended with status {1}: {2}", program, status, StringRef(log.bytes()).trim().take_front(2000));
}

Expected<std::string> lathe::runLinker(llvm::ArrayRef<std::string> arguments) {
  Expected<std::string> linker = findLinker();
  return linker ? runTool(*linker, arguments) : linker.takeError();
}
