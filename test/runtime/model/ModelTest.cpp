// Opening bundles: sound ones open, damaged ones are refused with a line that says what is wrong.
#include "runtime/model/Model.h"
#include "runtime/core/MappedFile.h"
#include "test/runtime/toy/ToyBundle.h"
#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <sys/stat.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The message of a failed open; a mark where it succeeds.
std::string refusal(const toy::Folder &folder) {
  const auto model = Model::open(folder.path());
  return model ? "(opened)" : model.message();
}

template <typename T> void patch(const std::string &path, size_t offset, T value) {
  std::vector<uint8_t> bytes = toy::readFile(path);
  ASSERT_LE(offset + sizeof value, bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  toy::writeFile(path, bytes);
}

void resize(const std::string &path, size_t size) {
  std::vector<uint8_t> bytes = toy::readFile(path);
  bytes.resize(size);
  toy::writeFile(path, bytes);
}

/// Where lathe_model lies in model.so.
size_t tablesOffset(const toy::Folder &folder) {
  const std::vector<uint8_t> bytes = toy::readFile(folder.program());
  const std::string_view magic(LATHE_MODEL_MAGIC, 8);
  for (auto at = bytes.begin();; ++at) {
    at = std::search(at, bytes.end(), magic.begin(), magic.end());
    if (at == bytes.end())
      break;
    uint32_t version;
    std::memcpy(&version, &*at + offsetof(lathe_model, abi_version), 4);
    if (version == LATHE_ABI_VERSION)
      return size_t(at - bytes.begin());
  }
  ADD_FAILURE() << "no tables in " << folder.program();
  return 0;
}

TEST(Model, OpensABundle) {
  const toy::Folder folder;
  auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.message();
  EXPECT_STREQ((*model)->tables().name, "toy");
  EXPECT_EQ((*model)->weights().size(), (*model)->tables().weights_bytes);
  EXPECT_TRUE((*model)->tokenizerBlob().empty());
  EXPECT_TRUE((*model)->verifyWeights());
}

TEST(Model, KeepsItsFilesOpen) {
  std::shared_ptr<const Model> model;
  {
    const toy::Folder folder;
    model = Model::open(folder.path()).take();
  }
  EXPECT_TRUE(model->verifyWeights());
  EXPECT_STREQ(model->variant().programs[1].name, "prefill");
}

TEST(Model, SaysWhichFileIsMissing) {
  EXPECT_THAT(Model::open("/no/such/bundle").message(), HasSubstr("/no/such/bundle/weights.bin: cannot be opened"));
  const toy::Folder folder;
  std::filesystem::remove(folder.program());
  EXPECT_THAT(refusal(folder), HasSubstr("model.so: cannot be opened"));
}

TEST(Model, RefusesWhatIsNotAFile) {
  const toy::Folder folder;
  std::filesystem::remove(folder.weights());
  std::filesystem::create_directory(folder.weights());
  EXPECT_THAT(refusal(folder), HasSubstr("is not a regular file"));
  std::filesystem::remove(folder.weights());
  ASSERT_EQ(mkfifo(folder.weights().c_str(), 0600), 0); // would block an open for ever
  EXPECT_THAT(refusal(folder), HasSubstr("is not a regular file"));
}

TEST(Model, RefusesTruncatedWeights) {
  const toy::Folder folder;
  const size_t whole = toy::readFile(folder.weights()).size();
  for (size_t size : {size_t(0), size_t(7), sizeof(lathe_weights_header), size_t(LATHE_WEIGHTS_ALIGNMENT - 1)}) {
    resize(folder.weights(), size);
    EXPECT_THAT(refusal(folder), HasSubstr("the header alone has 4096")) << size;
  }
  const toy::Folder second;
  resize(second.weights(), whole - 1);
  EXPECT_THAT(refusal(second), HasSubstr("damaged or not complete"));
  const toy::Folder third;
  resize(third.weights(), whole + 1);
  EXPECT_THAT(refusal(third), HasSubstr("damaged or not complete"));
}

TEST(Model, RefusesWrongWeightsHeaders) {
  {
    const toy::Folder folder;
    patch(folder.weights(), 0, 'X');
    EXPECT_THAT(refusal(folder), HasSubstr("not a Lathe weights file"));
  }
  {
    const toy::Folder folder;
    patch(folder.weights(), offsetof(lathe_weights_header, abi_version), LATHE_ABI_VERSION + 1);
    EXPECT_THAT(refusal(folder), HasSubstr("compile the model again"));
  }
  {
    const toy::Folder folder;
    patch(folder.weights(), offsetof(lathe_weights_header, header_bytes), 64u);
    EXPECT_THAT(refusal(folder), HasSubstr("header has 64 bytes"));
  }
  {
    const toy::Folder folder;
    patch(folder.weights(), offsetof(lathe_weights_header, data_bytes), ~uint64_t(0));
    EXPECT_THAT(refusal(folder), HasSubstr("damaged or not complete"));
  }
  {
    const toy::Folder folder;
    patch(folder.weights(), offsetof(lathe_weights_header, build_id), uint64_t(1));
    EXPECT_THAT(refusal(folder), HasSubstr("two compilations"));
  }
}

TEST(Model, RefusesADamagedProgramBeforeItIsOpened) {
  const size_t size = toy::readFile(toy::Folder().program()).size();
  for (size_t kept : {size_t(0), size_t(1), size / 2, size - 1}) {
    const toy::Folder folder;
    resize(folder.program(), kept);
    EXPECT_THAT(refusal(folder), HasSubstr("damaged or mixed")) << kept;
  }
  for (size_t at = 0; at < size; at += 97) {
    const toy::Folder folder;
    const uint8_t old = toy::readFile(folder.program())[at];
    patch(folder.program(), at, uint8_t(old ^ 0x10));
    EXPECT_THAT(refusal(folder), HasSubstr("hash differs")) << at;
  }
}

TEST(Model, RefusesALibraryThatIsNone) {
  toy::Folder folder;
  toy::writeFile(folder.program(), std::vector<uint8_t>(5000, 'x'));
  folder.sealProgram();
  EXPECT_THAT(refusal(folder), HasSubstr("model.so: cannot be loaded"));
}

/// Where the toy's variant lies in model.so: by its fields between two pointers.
size_t variantOffset(const toy::Folder &folder) {
  const std::vector<uint8_t> file = toy::readFile(folder.program());
  const std::string_view bytes(reinterpret_cast<const char *>(file.data()), file.size());
  constexpr size_t from = offsetof(lathe_variant, device), to = offsetof(lathe_variant, programs);
  const std::string_view fields(reinterpret_cast<const char *>(toyModel.variants) + from, to - from);
  const size_t at = bytes.find(fields);
  EXPECT_NE(at, bytes.npos);
  EXPECT_EQ(bytes.find(fields, at + 1), bytes.npos);
  return at - from;
}

/// A bundle whose model.so has `value` at `offset` of its lathe_variant, hashes right.
template <typename T> std::string refusalOfVariant(size_t offset, T value) {
  toy::Folder folder;
  patch(folder.program(), variantOffset(folder) + offset, value);
  folder.sealProgram();
  return refusal(folder);
}

/// A bundle whose model.so has `value` at `offset` of its lathe_model, hashes right.
template <typename T> std::string refusalWith(size_t offset, T value) {
  toy::Folder folder;
  patch(folder.program(), tablesOffset(folder) + offset, value);
  folder.sealProgram();
  return refusal(folder);
}

TEST(Model, RefusesWrongTables) {
  EXPECT_THAT(refusalWith(0, 'l'), HasSubstr("is not a Lathe model"));
  EXPECT_THAT(refusalWith(offsetof(lathe_model, abi_version), LATHE_ABI_VERSION + 1), HasSubstr("compile it again"));
  EXPECT_THAT(refusalWith(offsetof(lathe_model, struct_bytes), 8u), HasSubstr("tables' header has 8 bytes"));
  EXPECT_THAT(refusalWith(offsetof(lathe_model, build_id), uint64_t(5)), HasSubstr("two compilations"));
  EXPECT_THAT(refusalWith(offsetof(lathe_model, weights_bytes), uint64_t(64)),
              HasSubstr("expects 64 bytes of weights"));
  EXPECT_THAT(refusalOfVariant(offsetof(lathe_variant, n_calls), 3u),
              HasSubstr("unsound tables: variant 0 (any): program 0 (decode): phase"));
}

TEST(Model, SaysWhichFeatureTheProcessorLacks) {
  EXPECT_THAT(refusalOfVariant(offsetof(lathe_variant, features), 1u << 31),
              HasSubstr("was compiled for any, and this processor lacks feature 31: compile it for this machine"));
  EXPECT_THAT(refusalOfVariant(offsetof(lathe_variant, device), uint32_t(LATHE_DEVICE_CUDA)),
              HasSubstr("phase 0 (embed): launch: of 0 units none is its"));
}

TEST(Model, TakesTheFirstVariantThatRuns) {
  std::vector<lathe_variant> variants(3, *toyModel.variants);
  variants[0].target = "impossible";
  variants[0].features = 1u << 31;
  variants[1].target = "best";
  variants[2].target = "plain";
  lathe_model tables = toyModel;
  tables.n_variants = 3;
  tables.variants = variants.data();
  const toy::Folder folder;
  const Result<MappedFile> weights = MappedFile::open(folder.weights());
  ASSERT_TRUE(weights);
  auto open = [&](const ModelOptions &options) {
    return Model::fromImage(tables, weights->bytes(), nullptr, nullptr, options);
  };
  EXPECT_STREQ((*open({}))->variant().target, "best");
  EXPECT_STREQ((*open({.target = "plain"}))->variant().target, "plain");
  EXPECT_THAT(open({.target = "impossible"}).message(), HasSubstr("lacks feature 31"));
  EXPECT_THAT(findDevice("tpu").message(), StartsWith("device tpu is not here; there is cpu"));
  EXPECT_EQ((*open({.device = findDevice("cpu").take()}))->device().name(), "cpu");
  EXPECT_EQ(open({.target = "other"}).message(), "was not compiled for other, but for impossible, best, plain");
}

TEST(Model, FindsDamagedWeights) {
  const toy::Folder folder;
  patch(folder.weights(), LATHE_WEIGHTS_ALIGNMENT + 40, 'X');
  const auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.message();
  EXPECT_THAT((*model)->verifyWeights().message(), HasSubstr("weights are damaged"));
}

TEST(Model, TakesAnImageInMemory) {
  EXPECT_TRUE(toy::model(toy::integerWeights())->verifyWeights());
  const std::vector<uint8_t> image = toy::weightsImage(toy::integerWeights());
  std::vector<uint8_t> room(image.size() + 128);
  const size_t start = 64 - reinterpret_cast<uintptr_t>(room.data()) % 64 + 8;
  std::memcpy(room.data() + start, image.data(), image.size());
  EXPECT_THAT(Model::fromImage(toyModel, {room.data() + start, image.size()}).message(),
              HasSubstr("multiple of 64 bytes"));
}

} // namespace
} // namespace lathe
