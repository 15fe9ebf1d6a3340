// lathe-random-weights BUNDLE: makes the weights.bin of a bundle that was compiled with --program-only.
//
// For measuring where a model's real weights would be too much to bring along: numbers have the right forms and are
// finite (f32 and bf16 near 1/64, the f16 of integer formats' scales near 2^-10, codes of all values), and mean nothing.
#include "runtime/abi/model_abi.h"
#include "runtime/core/Hash.h"
#include "runtime/core/MappedFile.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace lathe;

namespace {

uint64_t mixed(uint64_t x) { // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Which bits of four 16-bit numbers are random, and what the others are.
struct Form {
  uint64_t random, fixed;
};

Form formOf(std::string_view format) {
  if (format == "f32") // the upper half has sign and exponent
    return {0x807fffff807fffff, 0x3c0000003c000000};
  if (format == "bf16")
    return {0x807f807f807f807f, 0x3c003c003c003c00};
  if (format == "f16")
    return {0x83ff83ff83ff83ff, 0x2400240024002400};
  // Integer formats: any 16 bits may be an f16 scale.
  return {0x8fff8fff8fff8fff, 0x1000100010001000};
}

void fill(uint8_t *data, uint64_t begin, uint64_t end, Form form) {
  for (uint64_t at = begin; at < end; at += 8) {
    const uint64_t number = (mixed(at) & form.random) | form.fixed;
    std::memcpy(data + at, &number, std::min<uint64_t>(8, end - at));
  }
}

/// A new file of so many bytes as memory; null where the system has no room for it. Never given back: the program ends.
uint8_t *create(const std::string &path, uint64_t bytes) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  // posix_fallocate: of a full tmpfs an error, not a signal at the first write.
  if (file < 0 || posix_fallocate(file, 0, off_t(bytes)) != 0)
    return nullptr;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t *>(memory);
}

int fail(const std::string &why) {
  std::fprintf(stderr, "lathe-random-weights: %s\n", why.c_str());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    return fail("usage: lathe-random-weights BUNDLE");
  const std::string folder = argv[1], program = folder + "/model.so", path = folder + "/weights.bin";
  void *library = dlopen(program.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(dlerror());
  const auto *model = static_cast<const lathe_model *>(dlsym(library, LATHE_MODEL_SYMBOL));
  if (!model || model->abi_version != LATHE_ABI_VERSION)
    return fail(program + ": is no program of this version");
  const uint64_t bytes = LATHE_WEIGHTS_ALIGNMENT + model->weights_bytes;
  uint8_t *image = create(path, bytes);
  if (!image)
    return fail(path + ": there is no room for " + std::to_string(bytes) + " bytes");
  uint8_t *data = image + LATHE_WEIGHTS_ALIGNMENT;
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  for (uint32_t i = 0; i < model->n_weights; ++i) {
    const lathe_weight &weight = model->weights[i];
    std::vector<std::thread> workers;
    const uint64_t share = (weight.bytes / threads + 63) / 64 * 64;
    for (unsigned t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        const uint64_t begin = std::min(weight.bytes, t * share), end = std::min(weight.bytes, begin + share);
        fill(data + weight.offset, begin, t + 1 == threads ? weight.bytes : end, formOf(weight.format));
      });
    for (std::thread &worker : workers)
      worker.join();
  }
  Result<MappedFile> file = MappedFile::open(program);
  if (!file)
    return fail(file.message());
  lathe_weights_header header = {};
  std::memcpy(header.magic, LATHE_WEIGHTS_MAGIC, sizeof header.magic);
  header.abi_version = LATHE_ABI_VERSION;
  header.header_bytes = LATHE_WEIGHTS_ALIGNMENT;
  header.build_id = model->build_id;
  header.data_bytes = model->weights_bytes;
  header.program_bytes = file->size();
  header.program_hash = hashBytes(file->bytes());
  header.data_hash = hashWords({data, model->weights_bytes});
  std::memcpy(image, &header, sizeof header);
  std::printf("%s: %llu bytes\n", path.c_str(), static_cast<unsigned long long>(bytes));
}
