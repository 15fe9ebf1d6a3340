//===- Executable.cpp - a bundle as one program -------------------------------------------------------------------===//
#include "compiler/link/Bundle.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/support/Output.h"
#include "runtime/abi/executable_abi.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Appends a file at the next page and says where it is.
static Error append(llvm::raw_ostream &out, const std::string &path, uint64_t &offset, uint64_t &bytes) {
  Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  out.write_zeros(llvm::offsetToAlignment(out.tell(), llvm::Align::Constant<LATHE_EXECUTABLE_ALIGNMENT>()));
  offset = out.tell();
  bytes = (*file)->bytes().size();
  out.write(reinterpret_cast<const char *>((*file)->bytes().data()), bytes);
  return Error::success();
}

Error lathe::writeExecutable(StagingFolder &staging, StringRef standalone) {
  std::string path = staging.file(kProgramFile);
  Error failed = writeFile(path, [&](llvm::raw_ostream &out) -> Error {
    lathe_executable_trailer trailer = {};
    std::memcpy(trailer.magic, LATHE_EXECUTABLE_MAGIC, sizeof trailer.magic);
    uint64_t begin, size;
    if (Error wrong = append(out, standalone.str(), begin, size))
      return wrong;
    if (Error wrong = append(out, staging.path() + "/weights.bin", trailer.weights_offset, trailer.weights_bytes))
      return wrong;
    if (Error wrong = append(out, staging.path() + "/model.so", trailer.program_offset, trailer.program_bytes))
      return wrong;
    out.write(reinterpret_cast<const char *>(&trailer), sizeof trailer);
    return Error::success();
  });
  if (failed)
    return failed;
  // Runnable by whoever may read it.
  llvm::ErrorOr<llvm::sys::fs::perms> given = llvm::sys::fs::getPermissions(path);
  std::error_code problem =
      given
          ? llvm::sys::fs::setPermissions(path, *given | llvm::sys::fs::perms((*given & llvm::sys::fs::all_read) >> 2))
          : given.getError();
  return problem ? makeError("{0}: {1}", path, problem.message()) : Error::success();
}
