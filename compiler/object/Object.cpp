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

Expected<std::string> lathe::compileKernel(const Scheduled &kernel, const TargetDesc &target, ObjectForm form) {
  std::string name = kernel.symbol();
  Emitted emitted = emit(kernel.kernel, kernel.values, target, form, name);
  if (!emitted.error.empty())
    return makeError("kernel {0} for {1} ({2}): {3}", name, target.name, kernel.values.print(),
                     llvm::StringRef(emitted.error).trim());
  if (form == ObjectForm::Object)
    if (Error error = checkNeeds(emitted.bytes, name))
      return makeError("kernel {0} for {1}: {2}", name, target.name, llvm::toString(std::move(error)));
  return std::move(emitted.bytes);
}

Expected<CompiledKernels> lathe::compileAll(llvm::ArrayRef<Scheduled> kernels, const TargetDesc &target,
                                            const CompileOptions &options) {
  std::optional<KernelCache> cache;
  if (!options.cacheDirectory.empty())
    cache.emplace(options.cacheDirectory);

  CompiledKernels result;
  result.objects.resize(kernels.size());
  std::vector<std::string> errors(kernels.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex; // of all below
  size_t done = 0;

  auto work = [&] {
    for (size_t i; !failed && (i = next++) < kernels.size();) {
      const Scheduled &one = kernels[i];
      std::string key = KernelCache::key(one, target), problem;
      std::optional<std::string> object = cache ? cache->find(key) : std::nullopt;
      const bool found = object.has_value();
      if (!found) {
        Expected<std::string> compiled = compileKernel(one, target, ObjectForm::Object);
        if (!compiled) {
          errors[i] = llvm::toString(compiled.takeError());
          failed = true;
          return;
        }
        object = std::move(*compiled);
        if (cache)
          if (Error error = cache->add(key, *object))
            problem = llvm::toString(std::move(error));
      }
      result.objects[i] = std::move(*object);
      std::lock_guard lock(mutex);
      ++done;
      result.fromCache += found;
      if (result.cacheProblem.empty())
        result.cacheProblem = problem;
      if (options.progress)
        options.progress(done, kernels.size(), one.symbol());
    }
  };
  size_t jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(jobs, kernels.size()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &error : errors)
    if (!error.empty())
      return makeError("{0}", error);
  return result;
}
