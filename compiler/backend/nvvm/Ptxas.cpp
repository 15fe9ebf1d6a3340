//===- Ptxas.cpp - NVIDIA's assembler and disassembler, run ---------------------------------------------------------===//
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

namespace {

std::string contents(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// A file that goes with it.
class Temporary {
public:
  explicit Temporary(const char *suffix) {
    if (llvm::sys::fs::createTemporaryFile("lathe", suffix, path))
      path.clear();
    remover.setFile(path);
  }
  bool write(llvm::StringRef bytes) const {
    if (path.empty())
      return false;
    std::error_code problem;
    llvm::raw_fd_ostream stream(path, problem);
    stream << bytes;
    stream.close();
    const bool failed = problem || stream.has_error();
    stream.clear_error();
    return !failed;
  }

  llvm::SmallString<128> path;

private:
  llvm::FileRemover remover;
};

/// Runs a program with what it says in the file `out`, errors in `err`. Says why it failed.
std::string run(llvm::ArrayRef<llvm::StringRef> command, llvm::StringRef out, llvm::StringRef err) {
  const std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), out, err};
  std::string problem;
  if (llvm::sys::ExecuteAndWait(command[0], command, std::nullopt, redirects, 0, 0, &problem) == 0)
    return "";
  return problem.empty() ? llvm::StringRef(contents(err)).take_front(2000).str() : problem;
}

} // namespace

Emitted lathe::cubinOf(const std::string &ptx, const TargetDesc &target, std::string *report) {
  const std::string program = findPtxas();
  if (program.empty())
    return {"", "there is no ptxas: run tools/setup.sh, or name one by LATHE_PTXAS"};
  const Temporary in("ptx"), out("cubin"), words("txt");
  if (out.path.empty() || words.path.empty() || !in.write(ptx))
    return {"", "no room for the temporary files of ptxas"};
  const std::string arch = "-arch=" + target.name;
  const std::string problem = run({program, "-v", "-O3", arch, in.path, "-o", out.path}, words.path, words.path);
  if (report)
    *report = contents(words.path);
  return problem.empty() ? Emitted{contents(out.path), ""} : Emitted{"", "ptxas failed: " + problem};
}

// "… Function properties for ENTRY / S bytes stack frame, N bytes spill stores, … / Used R registers, …, M bytes smem, …"
std::vector<Usage> lathe::usagesIn(const std::string &report) {
  std::vector<Usage> all;
  auto number = [](llvm::StringRef line, llvm::StringRef before) {
    int64_t value = 0;
    const size_t end = line.find(before);
    const llvm::StringRef text = end == llvm::StringRef::npos ? "" : line.take_front(end).rtrim();
    (void)text.substr(text.find_last_of(" :") + 1).getAsInteger(10, value);
    return value;
  };
  for (llvm::StringRef line : llvm::split(report, '\n')) {
    if (const size_t at = line.find("Function properties for "); at != llvm::StringRef::npos)
      all.push_back({line.substr(at + 24).trim().str()});
    if (all.empty())
      continue;
    if (line.contains("bytes spill stores")) {
      all.back().stack = number(line, "bytes stack frame");
      all.back().spilled = number(line, "bytes spill stores");
    }
    if (line.contains(" registers")) {
      all.back().registers = number(line, "registers");
      all.back().shared = number(line, "bytes smem");
    }
  }
  return all;
}

Emitted lathe::sassOf(const std::string &cubin) {
  std::string program;
  if (const char *named = std::getenv("LATHE_NVDISASM"))
    program = named;
  else if (auto found = llvm::sys::findProgramByName("nvdisasm"))
    program = *found;
  if (program.empty())
    return {"", "there is no nvdisasm: pip install nvidia-cuda-nvdisasm or a CUDA toolkit has it; put it into the PATH, or "
                "name it by LATHE_NVDISASM"};
  const Temporary in("cubin"), out("sass"), words("txt");
  if (out.path.empty() || words.path.empty() || !in.write(cubin))
    return {"", "no room for the temporary files of nvdisasm"};
  const std::string problem = run({program, "-c", in.path}, out.path, words.path);
  return problem.empty() ? Emitted{contents(out.path), ""} : Emitted{"", "nvdisasm failed: " + problem};
}
