//===- Linker.cpp - objects to a shared library or a program -----------------------------------------------------===//
#include "compiler/link/Linker.h"
#include "compiler/support/Error.h"
#include "compiler/support/Output.h"
#include "compiler/support/Tool.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// What LLVM calls without being told to: every process that opens a bundle has libc.
static bool isSystemSymbol(StringRef symbol) {
  return symbol == "memcpy" || symbol == "memmove" || symbol == "memset" || symbol == "_GLOBAL_OFFSET_TABLE_";
}

Error lathe::checkSymbols(llvm::ArrayRef<ObjectBytes> objects) {
  llvm::StringSet<> defined;
  std::vector<std::pair<StringRef, std::string>> needed; // by whom, what
  for (const ObjectBytes &object : objects) {
    auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object.bytes, object.name));
    if (!file)
      return makeError("{0}: {1}", object.name, llvm::toString(file.takeError()));
    for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
      Expected<uint32_t> flags = symbol.getFlags();
      Expected<StringRef> name = symbol.getName();
      if (!flags || !name)
        return llvm::joinErrors(flags.takeError(), name.takeError());
      if (!(*flags & llvm::object::SymbolRef::SF_Undefined))
        defined.insert(*name);
      else if (!name->empty())
        needed.emplace_back(object.name, name->str());
    }
  }
  for (const auto &[object, symbol] : needed)
    if (!defined.contains(symbol) && !isSystemSymbol(symbol))
      return makeError("{0}: needs the symbol {1}, which nothing in the bundle defines", object, symbol);
  return Error::success();
}

static Error writeBytes(StringRef path, StringRef bytes) {
  return writeFile(path, [&](llvm::raw_ostream &out) {
    out << bytes;
    return Error::success();
  });
}

Error lathe::linkShared(StringRef tables, llvm::ArrayRef<ObjectBytes> kernels, StagingFolder &staging,
                        StringRef output) {
  std::vector<ObjectBytes> all(kernels);
  all.push_back({"tables", tables});
  if (Error missing = checkSymbols(all))
    return missing;

  std::string tablesFile = staging.file("tables.o"), archive = staging.file("kernels.a");
  std::vector<llvm::NewArchiveMember> members;
  for (const ObjectBytes &kernel : kernels)
    members.emplace_back(llvm::MemoryBufferRef(kernel.bytes, kernel.name));
  auto library = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!library)
    return library.takeError();
  if (Error failed = writeBytes(tablesFile, tables))
    return failed;
  if (Error failed = writeBytes(archive, (*library)->getBuffer()))
    return failed;
  // To stdout: a file that it maps has no room on a full disk, and it dies of that without a word.
  Expected<std::string> linked =
      runLinker({"-shared", "-o", "-", "--build-id=none", "--hash-style=gnu", "--gc-sections",
                 "--exclude-libs=ALL", // kernels stay private
                 "-z", "now", "-z", "relro", "-z", "noexecstack", tablesFile, archive});
  staging.remove(tablesFile);
  staging.remove(archive);
  return linked ? writeBytes(output, *linked) : linked.takeError();
}
