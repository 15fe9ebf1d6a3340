//===- Code.cpp - compiled kernels that can be called -----------------------------------------------------------===//
#include "test/kernels/Code.h"
#include "compiler/support/Error.h"
#include "compiler/support/MemoryFile.h"
#include "llvm/ADT/STLExtras.h"
#include <csignal>
#include <cstring>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace lathe;
using namespace lathe::test;
using llvm::Expected;

/// A library of the other processor in a program of it, and the pipes to that.
class Code::Foreign {
public:
  explicit Foreign(const std::string &bytes) {
    std::ofstream(library.path(), std::ios::binary) << bytes;
    int there[2], back[2];
    if (pipe(there) || pipe(back))
      llvm::report_fatal_error("no pipe to qemu");
    const std::string path = library.path();
    child = fork();
    if (child == 0) {
      dup2(there[0], 0), dup2(back[1], 1);
      for (int end : {there[0], there[1], back[0], back[1]})
        close(end);
      execlp(kQemu, kQemu, LATHE_FOREIGN_SERVER, path.c_str(), nullptr);
      _exit(127);
    }
    close(there[0]), close(back[1]);
    to = there[1], from = back[0];
    signal(SIGPIPE, SIG_IGN); // a server that has ended is an error of the call
  }
  ~Foreign() {
    close(to), close(from);
    waitpid(child, nullptr, 0);
  }

  /// The function's result; 1 where the program has ended.
  int call(const std::string &name, void **arguments, size_t count) {
    std::string request;
    auto add = [&](const void *bytes, size_t size) { request.append(static_cast<const char *>(bytes), size); };
    const uint32_t sizes[] = {uint32_t(name.size()), uint32_t(count)};
    add(sizes, sizeof sizes);
    add(name.data(), name.size());
    for (size_t i = 0; i < count; ++i) {
      const auto &buffer = *static_cast<const lathe_buffer *>(arguments[i]);
      const uint64_t bytes = bytesOf(buffer);
      add(&buffer.type, sizeof buffer.type);
      add(&buffer.dimensions, sizeof buffer.dimensions);
      add(buffer.dim, buffer.dimensions * sizeof *buffer.dim);
      add(&bytes, sizeof bytes);
      add(buffer.host, bytes);
    }
    int32_t status = 1;
    if (!send(request) || !receive(&status, sizeof status))
      return 1;
    for (size_t i = 0; i < count; ++i) {
      const auto &buffer = *static_cast<const lathe_buffer *>(arguments[i]);
      if (!receive(buffer.host, bytesOf(buffer)))
        return 1;
    }
    return status;
  }

private:
  /// From the first element to one past the last.
  static uint64_t bytesOf(const lathe_buffer &buffer) {
    uint64_t last = 0;
    for (int32_t i = 0; i < buffer.dimensions; ++i)
      last += uint64_t(buffer.dim[i].extent - 1) * uint64_t(buffer.dim[i].stride);
    return (last + 1) * buffer.type.bits / 8;
  }
  bool send(const std::string &bytes) const {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t count = write(to, bytes.data() + done, bytes.size() - done);
      if (count <= 0)
        return false;
      done += size_t(count);
    }
    return true;
  }
  bool receive(void *place, size_t size) const {
    for (size_t done = 0; done < size;) {
      const ssize_t count = read(from, static_cast<char *>(place) + done, size - done);
      if (count <= 0)
        return false;
      done += size_t(count);
    }
    return true;
  }

  MemoryFile library;
  pid_t child;
  int to, from;
};

Expected<Code> Code::of(const std::vector<Scheduled> &schedule, const Platform &platform) {
  const CompileInput input = {*platform.backend, {}, schedule, platform.target};
  Code code;
  if (platform.target.device == DeviceKind::Cuda) {
    Expected<std::shared_ptr<const Launched>> launched = Launched::of(schedule, platform.target);
    if (!launched)
      return launched.takeError();
    code.launched = std::move(*launched);
    return code;
  }
  if (!isForeign(platform.target)) {
    Expected<LoadedCode> loaded = compileAndLoad(input, compileOptions());
    if (!loaded)
      return loaded.takeError();
    code.own = std::make_shared<const LoadedCode>(std::move(*loaded));
    return code;
  }
  Expected<CompiledCode> compiled = compileAll(input, compileOptions());
  if (!compiled)
    return compiled.takeError();
  Expected<std::string> library = linkUnits(compiled->units);
  if (!library)
    return library.takeError();
  for (const CompiledUnit &one : compiled->units)
    for (auto [kernel, name] : llvm::zip_equal(one.unit.kernels, one.unit.functions))
      code.names[kernel] = name;
  code.foreign = std::make_shared<Foreign>(*library);
  return code;
}

Expected<Code> Code::of(const std::vector<KernelDesc> &kernels, const Platform &platform) {
  std::vector<Scheduled> schedule;
  for (const KernelDesc &kernel : kernels)
    schedule.push_back({kernel, fallbackValues(kernel, platform.target), "fallback"});
  return of(schedule, platform);
}

KernelFunction Code::function(size_t i) const {
  if (own)
    return own->function(i);
  if (launched)
    return [launched = launched, i](void **arguments) { return launched->call(i, arguments); };
  return [foreign = foreign, name = names.at(i)](void **arguments) {
    size_t count = 0;
    while (arguments[count])
      ++count;
    return foreign->call(name, arguments, count);
  };
}
