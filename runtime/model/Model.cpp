#include "runtime/model/Model.h"
#include "runtime/core/Hash.h"
#include "runtime/core/MappedFile.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/model/TableCheck.h"
#include <cstring>
#include <dlfcn.h>
#include <elf.h>

namespace lathe {

namespace {

/// The header of a weights image, checked against the image's size.
Result<lathe_weights_header> readWeightsHeader(std::span<const uint8_t> image) {
  lathe_weights_header header;
  if (image.size() < LATHE_WEIGHTS_ALIGNMENT)
    return error("has ", image.size(), " bytes; the header alone has ", LATHE_WEIGHTS_ALIGNMENT);
  std::memcpy(&header, image.data(), sizeof header);
  if (std::memcmp(header.magic, LATHE_WEIGHTS_MAGIC, sizeof header.magic) != 0)
    return error("is not a Lathe weights file: it does not begin with " LATHE_WEIGHTS_MAGIC);
  if (header.abi_version != LATHE_ABI_VERSION)
    return error("is of version ", header.abi_version, " of the bundle format; this runtime reads version ",
                 LATHE_ABI_VERSION, ": compile the model again");
  if (header.header_bytes != LATHE_WEIGHTS_ALIGNMENT)
    return error("says that its header has ", header.header_bytes, " bytes; it must have ", LATHE_WEIGHTS_ALIGNMENT);
  if (header.data_bytes != image.size() - LATHE_WEIGHTS_ALIGNMENT)
    return error("has ", image.size() - LATHE_WEIGHTS_ALIGNMENT, " bytes of weights; its header says ",
                 header.data_bytes, ": the file is damaged or not complete");
  return header;
}

const char *nameOfProcessor(uint16_t machine) {
  return machine == EM_X86_64 ? "x86-64" : machine == EM_AARCH64 ? "AArch64" : "other";
}

/// The loader would only say that there is no such file.
Result<void> checkProcessor(std::span<const uint8_t> library) {
#if defined(__x86_64__)
  constexpr uint16_t own = EM_X86_64;
#elif defined(__aarch64__)
  constexpr uint16_t own = EM_AARCH64;
#endif
  Elf64_Ehdr header;
  if (library.size() < sizeof header)
    return {};
  std::memcpy(&header, library.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_machine != own)
    return error("was compiled for ", nameOfProcessor(header.e_machine), " processors; this machine has an ",
                 nameOfProcessor(own), " one");
  return {};
}

/// Reads the whole of model.so and compares it with what weights.bin says of it: opening a damaged library runs it.
Result<void> checkLibraryFile(const std::string &path, const lathe_weights_header &header) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  if (file->size() != header.program_bytes)
    return error(path, ": has ", file->size(), " bytes; weights.bin was written beside one of ", header.program_bytes,
                 ": the bundle is damaged or mixed from two");
  file->advise(MappedFile::Access::WillNeed);
  if (hashBytes(file->bytes()) != header.program_hash)
    return error(path, ": its contents are not those that weights.bin was written beside (hash differs): the bundle is "
                       "damaged or mixed from two");
  if (Result<void> checked = checkProcessor(file->bytes()); !checked)
    return error(path, ": ", checked.message());
  return {};
}

Result<std::shared_ptr<const void>> openLibrary(const std::string &path) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    return error(path, ": cannot be loaded: ", why ? why : "unknown reason");
  }
  return std::shared_ptr<const void>(handle, [](const void *library) { dlclose(const_cast<void *>(library)); });
}

struct Choice {
  const lathe_variant *variant;
  std::shared_ptr<const Device> device;
};

/// The first variant that a device of this machine runs. Devices of a kind are asked for when a variant wants one.
Result<Choice> chooseVariant(const lathe_model &model, const ModelOptions &options) {
  std::string why, names;
  for (uint32_t i = 0; i < model.n_variants; ++i) {
    const lathe_variant &variant = model.variants[i];
    names += std::string(names.empty() ? "" : ", ") + variant.target;
    if (!options.target.empty() && options.target != variant.target)
      continue;
    const auto refused = [&](const std::string &lacks) {
      why += std::string(why.empty() ? "" : "; ") + "for " + variant.target + ", and " + lacks;
    };
    Result<std::vector<std::shared_ptr<const Device>>> allowed =
        options.device ? std::vector<std::shared_ptr<const Device>>{options.device} : devices(variant.device);
    if (!allowed)
      refused(allowed.message());
    for (size_t d = 0; allowed && d < allowed->size(); ++d) {
      const std::shared_ptr<const Device> &device = (*allowed)[d];
      const std::optional<std::string> lacks = device->lacks(variant);
      if (!lacks)
        return Choice{&variant, device};
      refused(*lacks);
    }
  }
  if (why.empty())
    return error("was not compiled for ", options.target, ", but for ", names);
  return error("was compiled ", why, ": compile it for this machine (--target ",
               options.device ? options.device->target() : "host", ")");
}

/// The variant to look at.
Result<Choice> chooseToRead(const lathe_model &model, const ModelOptions &options) {
  const lathe_variant *first = nullptr;
  const std::shared_ptr<const Device> processor = cpuDevice();
  for (uint32_t i = 0; i < model.n_variants; ++i) {
    const lathe_variant &variant = model.variants[i];
    if (!options.target.empty() && options.target != variant.target)
      continue;
    if (!processor->lacks(variant))
      return Choice{&variant, nullptr};
    first = first ? first : &variant;
  }
  return first ? Choice{first, nullptr} : chooseVariant(model, options); // which has the words
}

} // namespace

std::span<const uint8_t> Model::tokenizerBlob() const {
  return data.subspan(table->tokenizer_offset, table->tokenizer_bytes);
}

Result<std::shared_ptr<const Model>> Model::open(const std::string &folder, const ModelOptions &options) {
  if (folder.empty())
    return error("the bundle's folder has no name");
  const std::string weightsPath = folder + "/weights.bin", programPath = folder + "/model.so";
  Result<MappedFile> weights = MappedFile::open(weightsPath);
  if (!weights)
    return weights.takeError();
  const Result<lathe_weights_header> header = readWeightsHeader(weights->bytes());
  if (!header)
    return error(weightsPath, ": ", header.message());
  if (Result<void> sound = checkLibraryFile(programPath, *header); !sound)
    return sound.takeError();
  Result<std::shared_ptr<const void>> library = openLibrary(programPath);
  if (!library)
    return library.takeError();
  const auto *tables = static_cast<const lathe_model *>(dlsym(const_cast<void *>(library->get()), LATHE_MODEL_SYMBOL));
  if (!tables)
    return error(programPath, ": has no symbol " LATHE_MODEL_SYMBOL);
  weights->advise(MappedFile::Access::WillNeed);
  const std::span<const uint8_t> image = weights->bytes();
  auto result = fromImage(*tables, image, std::make_shared<MappedFile>(weights.take()), *library, options);
  if (!result)
    return error(folder, ": ", result.message());
  return result;
}

Result<std::shared_ptr<const Model>> Model::fromImage(const lathe_model &tables, std::span<const uint8_t> weightsImage,
                                                      std::shared_ptr<const void> owner,
                                                      std::shared_ptr<const void> library,
                                                      const ModelOptions &options) {
  if (Result<void> sound = checkHeader(tables); !sound)
    return sound.takeError();
  const Result<lathe_weights_header> header = readWeightsHeader(weightsImage);
  if (!header)
    return error("the weights: ", header.message());
  if (reinterpret_cast<uintptr_t>(weightsImage.data()) % 64 != 0)
    return error("the weights do not start at a multiple of 64 bytes");
  if (header->build_id != tables.build_id)
    return error("program and weights come from two compilations (build ", std::hex, tables.build_id, " and ",
                 header->build_id, ")");
  if (header->data_bytes != tables.weights_bytes)
    return error("the program expects ", tables.weights_bytes, " bytes of weights; the file has ", header->data_bytes);
  if (Result<void> sound = checkTables(tables); !sound)
    return error("unsound tables: ", sound.message());
  Result<Choice> choice = options.toRun ? chooseVariant(tables, options) : chooseToRead(tables, options);
  if (!choice)
    return choice.takeError();
  std::shared_ptr<Model> model(new Model());
  model->table = &tables;
  model->chosen = choice->variant;
  model->runs = choice->device;
  model->data = weightsImage.subspan(LATHE_WEIGHTS_ALIGNMENT);
  if (model->runs) {
    Result<std::shared_ptr<const DeviceWeights>> loaded = model->runs->load(model->data);
    if (!loaded)
      return loaded.takeError();
    model->loaded = loaded.take();
  }
  model->dataHash = header->data_hash;
  model->image = std::move(owner);
  model->library = std::move(library);
  return std::shared_ptr<const Model>(std::move(model));
}

Result<void> Model::verifyWeights() const {
  if (hashWords(data) != dataHash)
    return error("the weights are damaged: they do not have the hash that their header gives");
  return {};
}

} // namespace lathe
