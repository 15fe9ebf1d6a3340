//===- Object.cpp - the stage that makes native code ------------------------------------------------------------===//
#include "compiler/object/Object.h"
#include "compiler/object/Cache.h"
#include "compiler/support/Error.h"
#include "llvm/Object/ELFObjectFile.h"
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

using namespace lathe;
using llvm::Error;
using llvm::Expected;

/// A tile function must not allocate or call anything: Halide's runtime is not there when it runs.
static Error checkNeeds(const std::string &bytes, const std::string &name) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, name));
  if (!file)
    return file.takeError();
  for (const llvm::object::SymbolRef &needed : (*file)->symbols()) {
    Expected<uint32_t> flags = needed.getFlags();
    if (!flags)
      return flags.takeError();
    Expected<llvm::StringRef> symbol = needed.getName();
    if (!symbol)
      return symbol.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || symbol->empty())
      continue;
    if (*symbol != "memcpy" && *symbol != "memmove" && *symbol != "memset")
      return makeError("needs the symbol '{0}'; a kernel may only need memcpy, memmove and memset", *symbol);
  }
  return Error::success();
}

Expected<std::string> lathe::compileUnit(const CompileInput &input, const CodeUnit &unit) {
  Emitted emitted = input.backend.compile(unit, input.set, input.schedule, input.target);
  if (!emitted.error.empty())
    return makeError("{0} for {1}: {2}", unit.name, input.target.name, llvm::StringRef(emitted.error).trim());
  if (!unit.program)
    if (Error error = checkNeeds(emitted.bytes, unit.name))
      return makeError("{0} for {1}: {2}", unit.name, input.target.name, llvm::toString(std::move(error)));
  return std::move(emitted.bytes);
}

Error lathe::printForm(const CompileInput &input, const Backend::Form &form, llvm::raw_ostream &out) {
  std::string problem;
  input.backend.print(form, input.set, input.schedule, input.target, [&](const std::string &piece, const Emitted &text) {
    if (!text.error.empty()) {
      problem = llvm::formatv("{0} for {1}: {2}", piece, input.target.name, llvm::StringRef(text.error).trim()).str();
      return false;
    }
    out << form.comment << " " << piece << "\n" << text.bytes << "\n";
    return true;
  });
  return problem.empty() ? Error::success() : makeError("{0}", problem);
}

Expected<CompiledCode> lathe::compileAll(const CompileInput &input, const CompileOptions &options) {
  std::optional<KernelCache> cache;
  if (!options.cacheDirectory.empty())
    cache.emplace(options.cacheDirectory);

  CompiledCode result;
  for (CodeUnit &unit : input.backend.units(input.set, input.schedule, input.target))
    result.units.push_back({std::move(unit), {}});
  const size_t total = result.units.size();
  std::vector<std::string> errors(total);
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex; // of all below
  size_t done = 0;

  auto work = [&] {
    for (size_t i; !failed && (i = next++) < total;) {
      CompiledUnit &one = result.units[i];
      std::string key = KernelCache::key(one.unit, input.backend, input.target), problem;
      std::optional<std::string> code = cache ? cache->find(key) : std::nullopt;
      const bool found = code.has_value();
      if (!found) {
        Expected<std::string> compiled = compileUnit(input, one.unit);
        if (!compiled) {
          errors[i] = llvm::toString(compiled.takeError());
          failed = true;
          return;
        }
        code = std::move(*compiled);
        if (cache)
          if (Error error = cache->add(key, *code))
            problem = llvm::toString(std::move(error));
      }
      one.code = std::move(*code);
      std::lock_guard lock(mutex);
      ++done;
      result.fromCache += found;
      if (result.cacheProblem.empty())
        result.cacheProblem = problem;
      if (options.progress)
        options.progress(done, total, one.unit.name);
    }
  };
  size_t jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(jobs, total); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &error : errors)
    if (!error.empty())
      return makeError("{0}", error);
  return result;
}
