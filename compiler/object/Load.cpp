//===- Load.cpp - compiled code in this process -----------------------------------------------------------------===//
#include "compiler/object/Load.h"
#include "compiler/support/Error.h"
#include "compiler/support/Tool.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fstream>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

LoadedCode::Library::~Library() {
  if (handle)
    dlclose(handle);
}

static Error write(const MemoryFile &file, StringRef bytes) {
  if (!file)
    return makeError("no file in memory for code: {0}", std::strerror(errno));
  std::ofstream out(file.path(), std::ios::binary);
  out.write(bytes.data(), std::streamsize(bytes.size())).flush();
  return out ? Error::success() : makeError("a file in memory does not take {0} bytes of code", bytes.size());
}

Expected<std::string> lathe::linkUnits(llvm::ArrayRef<CompiledUnit> units) {
  std::vector<llvm::NewArchiveMember> members;
  for (const CompiledUnit &one : units) {
    if (one.unit.functions.size() != one.unit.kernels.size())
      return makeError("{0} is not made of functions: its device loads it", one.unit.name);
    members.emplace_back(llvm::MemoryBufferRef(one.code, one.unit.name));
  }
  auto archive = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  MemoryFile objects;
  if (Error failed = write(objects, (*archive)->getBuffer()))
    return std::move(failed);
  // What kernels need, memcpy and its like, the process has.
  return runLinker({"-shared", "-o", "-", "--build-id=none", "-z", "noexecstack", "--whole-archive", objects.path()});
}

Expected<LoadedCode> LoadedCode::load(llvm::ArrayRef<CompiledUnit> units) {
  Expected<std::string> linked = linkUnits(units);
  if (!linked)
    return linked.takeError();
  LoadedCode code;
  if (Error failed = write(code.library->file, *linked))
    return std::move(failed);
  code.library->handle = dlopen(code.library->file.path().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!code.library->handle)
    return makeError("code cannot be loaded: {0}", dlerror());
  for (const CompiledUnit &one : units)
    for (auto [kernel, name] : llvm::zip_equal(one.unit.kernels, one.unit.functions)) {
      void *function = dlsym(code.library->handle, name.c_str());
      if (!function)
        return makeError("{0} does not define its function {1}", one.unit.name, name);
      code.functions[kernel] = reinterpret_cast<lathe_kernel_function>(function);
    }
  return code;
}

Expected<LoadedCode> lathe::compileAndLoad(const CompileInput &input, const CompileOptions &options) {
  Expected<CompiledCode> compiled = compileAll(input, options);
  return compiled ? LoadedCode::load(compiled->units) : compiled.takeError();
}
