//===- ForeignServer.cpp - calls kernels of its own processor for Code.cpp --------------------------------------===//
//
// usage: foreign-server LIBRARY. A request on stdin: two u32, the bytes of the function's name and the number of its
// arguments; the name; of each argument its lathe_type, its dimensions (i32), its lathe_dims, the bytes of its data (u64)
// and the data. The answer on stdout: the function's result (i32) and each argument's data. Data ends at an unmapped page.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "runtime/abi/model_abi.h"
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <sys/mman.h>
#include <vector>

static bool receive(void *place, size_t size) { return fread(place, 1, size, stdin) == size; }

static void must(bool holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "foreign-server: %s\n", what);
    exit(1);
  }
}

int main(int argc, char **argv) {
  must(argc == 2, "which library?");
  void *library = dlopen(argv[1], RTLD_NOW);
  must(library, library ? "" : dlerror());
  const size_t page = 4096;
  for (uint32_t sizes[2]; receive(sizes, sizeof sizes);) {
    std::string name(sizes[0], 0);
    must(receive(name.data(), name.size()), "no name");
    auto *function = reinterpret_cast<lathe_kernel_function>(dlsym(library, name.c_str()));
    must(function, "the library has no such function");
    std::vector<lathe_buffer> buffers(sizes[1]);
    std::vector<std::vector<lathe_dim>> dims(sizes[1]);
    std::vector<uint64_t> bytes(sizes[1]), mapped(sizes[1]);
    std::vector<void *> pointers, mappings;
    for (uint32_t i = 0; i < sizes[1]; ++i) {
      lathe_buffer &buffer = buffers[i];
      must(receive(&buffer.type, sizeof buffer.type) && receive(&buffer.dimensions, sizeof buffer.dimensions), "cut off");
      dims[i].resize(buffer.dimensions);
      buffer.dim = dims[i].data();
      must(receive(buffer.dim, dims[i].size() * sizeof(lathe_dim)) && receive(&bytes[i], sizeof bytes[i]), "cut off");
      const size_t used = (bytes[i] + page - 1) / page * page;
      mapped[i] = used + page;
      void *mapping = mmap(nullptr, mapped[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      must(mapping != MAP_FAILED && !mprotect(static_cast<char *>(mapping) + used, page, PROT_NONE), "no memory");
      buffer.host = static_cast<uint8_t *>(mapping) + used - bytes[i];
      must(receive(buffer.host, bytes[i]), "cut off");
      pointers.push_back(&buffer);
      mappings.push_back(mapping);
    }
    const int32_t status = function(pointers.data());
    fwrite(&status, sizeof status, 1, stdout);
    for (uint32_t i = 0; i < sizes[1]; ++i) {
      fwrite(buffers[i].host, 1, bytes[i], stdout);
      munmap(mappings[i], mapped[i]);
    }
    fflush(stdout);
  }
}
