//===- Ptxas.cpp - NVIDIA's assembler, run ----------------------------------------------------------------------===//
#include "compiler/backend/nvvm/Ptx.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cstdlib>

using namespace lathe;

std::string lathe::findPtxas() {
  if (const char *named = std::getenv("LATHE_PTXAS"))
    return named;
#ifdef LATHE_PTXAS
  if (llvm::sys::fs::can_execute(LATHE_PTXAS))
    return LATHE_PTXAS;
#endif
  auto found = llvm::sys::findProgramByName("ptxas");
  return found ? *found : "";
}

static std::string contents(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

Emitted lathe::cubinOf(const std::string &ptx, const TargetDesc &target, std::string *report) {
  const std::string program = findPtxas();
  if (program.empty())
    return {"", "there is no ptxas: run tools/setup.sh, or name one by LATHE_PTXAS"};
  llvm::SmallString<128> in, out, words;
  auto temporary = [](const char *suffix, llvm::SmallString<128> &path) {
    return !llvm::sys::fs::createTemporaryFile("lathe", suffix, path);
  };
  if (!temporary("ptx", in) || !temporary("cubin", out) || !temporary("txt", words))
    return {"", "no temporary files for ptxas"};
  llvm::FileRemover removeIn(in), removeOut(out), removeWords(words);
  {
    std::error_code problem;
    llvm::raw_fd_ostream stream(in, problem);
    stream << ptx;
    stream.close();
    if (problem || stream.has_error())
      return {"", "no room for the temporary files of ptxas"};
  }
  const std::string arch = "-arch=" + target.name;
  const llvm::StringRef arguments[] = {program, "-v", "-O3", arch, in, "-o", out};
  const std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), llvm::StringRef(words), llvm::StringRef(words)};
  std::string problem;
  const int status = llvm::sys::ExecuteAndWait(program, arguments, std::nullopt, redirects, 0, 0, &problem);
  const std::string said = contents(words);
  if (report)
    *report = said;
  if (status != 0)
    return {"", "ptxas failed: " + (problem.empty() ? llvm::StringRef(said).take_front(2000).str() : problem)};
  return {contents(out), ""};
}
