//===- FileKindTest.cpp - files are what they contain, and what is no model is named -----------------------------===//
#include "compiler/spec/FileKind.h"
#include "test/compiler/spec/TestFiles.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;
using std::string_literals::operator""s;
using testing::HasSubstr;
using testing::StartsWith;
namespace files = std::filesystem;

namespace {

const std::string gguf = "test/data/golden/gguf/llama-gqa/llama-gqa-Q4_0.gguf";
const std::string llama2c = "test/data/models/stories260K/stories260K.bin";

std::string family(const std::string &path, const InputOptions &options = {}) {
  llvm::Expected<Input> input = readInput(path, options);
  return input ? input->model.family() : llvm::toString(input.takeError());
}

TEST(FileKind, NamesSayNothing) {
  TemporaryFolder folder;
  const std::string spec = readBytes("models/stories260k.textproto");
  for (const char *name : {"x.bin", "x.txt", "x", "x.safetensors", "x.textproto", "x.gguf"}) {
    EXPECT_EQ(family(folder.write(name, readBytes(gguf))), "llama") << name;
    EXPECT_EQ(family(folder.write(name, readBytes(llama2c))), "llama") << name;
    EXPECT_EQ(family(folder.write(name, spec)), "llama") << name;
    EXPECT_EQ(family(folder.file(name), {.weightsPath = llama2c}), "llama") << name;
  }
  folder.write("config.json", readBytes(goldenLlama + "/config.json"));
  for (const char *name : {"x.bin", "x.gguf", "x"})
    EXPECT_EQ(family(folder.write(name, readBytes(goldenLlama + "/model.safetensors"))), "llama") << name;
}

TEST(FileKind, WhatIsNoModelIsNamed) {
  TemporaryFolder folder;
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  const std::string torch = "PK\x03\x04"s + std::string(22, '\0') + "\x10\0\0\0"s + "archive/data.pkl";
  const std::pair<std::string, const char *> all[] = {
      {"lmgg\x01\0\0\0"s, "GGML file of before GGUF ('ggml')"},
      {"fmgg\x01\0\0\0"s, "GGML file of before GGUF ('ggmf')"},
      {"tjgg\x03\0\0\0"s, "GGML file of before GGUF ('ggjt')"},
      {"algg\x01\0\0\0"s, "LoRA adapter of before GGUF ('ggla')"},
      {"24ka\x01\0\0\0"s, "llama2.c checkpoint of version 1 or 2"},
      {torch, "is a pickle"},
      {"\x80\x02\x8a\x0a"s, "is a pickle"},
      {"PK\x03\x04"s + std::string(60, '\0'), "is a zip archive; unpack it or"},
      {"\x1f\x8b\x08\0\0\0\0\0"s, "is compressed (gzip); unpack it"},
      {"7z\xbc\xaf\x27\x1c"s, "is a 7-Zip archive"},
      {"\x28\xb5\x2f\xfd"s, "is compressed (zstd)"},
      {tar, "is a tar archive"},
      {"\x89HDF\r\n\x1a\n"s, "is an HDF5 file"},
      {"\x1c\0\0\0TFL3"s, "is a TensorFlow Lite model"},
      {"\x08\x08\x12\x07pytorch\x1a"s, "is an ONNX model"},
      {"\x93NUMPY\x01\0"s, "is a NumPy array"},
      {"\x7f"
       "ELF\x02\x01"s,
       "is a program or a library (ELF)"},
      {"\n<!DOCTYPE html>\n<html>", "is a web page"},
      {"<?xml version='1.0'?><Error/>", "is a web page"},
      {"{\"model_type\": \"llama\"}", "is JSON; the folder that it lies in would be right"},
      {"Entry not found", "is text ('Entry not found'), not a model"},
      {"error: no such model\n", "is text ('error: no such model'), not a model"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4661211424\n", "is a git-lfs pointer"},
      {"", "is empty"},
  };
  for (const auto &[bytes, what] : all)
    for (const char *name : {"x.gguf", "x.bin", "x.safetensors", "x"}) {
      EXPECT_THAT(inputMessage(folder.write(name, bytes)), testing::AllOf(StartsWith(name), HasSubstr(what)));
      EXPECT_THAT(inputMessage("models/stories260k.textproto", {.weightsPath = folder.file(name)}), HasSubstr(what));
    }
  // Instead of a checkpoint's file, too.
  folder.write("config.json", readBytes(goldenLlama + "/config.json"));
  for (const auto &[bytes, what] : all) {
    folder.write("model.safetensors", bytes);
    EXPECT_THAT(inputMessage(folder.path + "/"), testing::AllOf(StartsWith("model.safetensors"), HasSubstr(what)));
  }
  folder.write("model.safetensors", readBytes(gguf));
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("model.safetensors: is a GGUF, whatever its name says"));
}

TEST(FileKind, TypesOfGgufThatAreNoModel) {
  TemporaryFolder folder;
  auto number = [](uint64_t value, int size) { return std::string(reinterpret_cast<char *>(&value), size); };
  auto saying = [&](const std::string &key, const std::string &value) {
    return inputMessage(folder.write("x.gguf", "GGUF" + number(3, 4) + number(0, 8) + number(1, 8) +
                                                   number(key.size(), 8) + key + number(8, 4) +
                                                   number(value.size(), 8) + value));
  };
  auto typed = [&](const std::string &type) { return saying("general.type", type); };
  EXPECT_THAT(typed("adapter"), StartsWith("x.gguf: general.type = adapter: is an adapter; its model"));
  EXPECT_THAT(typed("imatrix"), StartsWith("x.gguf: general.type = imatrix: is an importance matrix"));
  EXPECT_THAT(typed("mmproj"), StartsWith("x.gguf: general.type = mmproj: is a projector"));
  EXPECT_EQ(typed("dataset"), "x.gguf: general.type = dataset: is no model");
  EXPECT_THAT(saying("general.architecture", "clip"), HasSubstr("general.architecture = clip: is a projector"));
  EXPECT_THAT(typed("model"), HasSubstr("general.architecture is missing"));
}

TEST(FileKind, AdaptersAreNeverLeftOut) {
  GoldenLlama folder;
  EXPECT_EQ(inputMessage(folder.path + "/"), "");
  folder.write("adapter_config.json", "{}");
  EXPECT_THAT(inputMessage(folder.path + "/"),
              testing::AllOf(StartsWith("adapter_config.json: an adapter (PEFT, LoRA) lies beside the model; merge it"),
                             HasSubstr("or take it out of the folder")));
  EXPECT_THAT(inputMessage(folder.file("model.safetensors")), HasSubstr("lies beside the model"));
  files::remove(folder.file("config.json"));
  files::rename(folder.file("model.safetensors"), folder.file("adapter_model.safetensors"));
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("lies here without a model; merge it"));
  files::remove(folder.file("adapter_config.json"));
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("adapter_model.safetensors: an adapter"));
  files::remove(folder.file("adapter_model.safetensors"));
  const std::string header = R"({"layers.0.q_proj.lora_A.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_THAT(inputMessage(folder.write("x", char(header.size()) + std::string(7, '\0') + header + "1234")),
              StartsWith("x: tensor 'layers.0.q_proj.lora_A.weight' is of an adapter (LoRA)"));
}

TEST(FileKind, FoldersSayWhatLiesThereInstead) {
  TemporaryFolder folder;
  folder.write("tiny.gguf", readBytes(gguf));
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("is a folder with a GGUF in it; the file itself"));
  files::remove(folder.file("tiny.gguf"));
  folder.write("config.json", readBytes(goldenLlama + "/config.json"));
  folder.write("training_args.bin", "\x80\x02}q");
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("has neither model.safetensors nor"));
  folder.write("pytorch_model-00002-of-00003.bin", "\x80\x02}q");
  EXPECT_THAT(inputMessage(folder.path + "/"), StartsWith("pytorch_model-00002-of-00003.bin: is a pickle"));
  folder.write("model.so", "");
  folder.write("weights.bin", "");
  EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("is a bundle, compiled already"));
}

TEST(FileKind, LinksToNothingAndPointersAreCalledThat) {
  GoldenLlama folder;
  EXPECT_EQ(inputMessage("models/none.gguf"), "none.gguf: No such file or directory");
  for (const char *name : {"model.safetensors", "config.json", "tokenizer.json", "adapter_config.json"}) {
    GoldenLlama folder;
    files::remove(folder.file(name));
    files::create_symlink("../blobs/0123", folder.file(name));
    if (name != std::string("adapter_config.json"))
      EXPECT_EQ(inputMessage(folder.path + "/"), name + ": is a link to ../blobs/0123, which is not there"s);
    else
      EXPECT_THAT(inputMessage(folder.path + "/"), HasSubstr("an adapter (PEFT, LoRA) lies beside the model"));
  }
  files::create_symlink("nothing", folder.file("x.gguf"));
  EXPECT_EQ(inputMessage(folder.file("x.gguf")), "x.gguf: is a link to nothing, which is not there");
  files::create_symlink(folder.path, folder.file("itself"));
  EXPECT_EQ(inputMessage(folder.file("itself")), "");
  for (const char *name : {"model.safetensors", "config.json", "tokenizer.json"}) {
    GoldenLlama folder;
    folder.write(name, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 17\n");
    EXPECT_EQ(inputMessage(folder.path + "/"),
              name + ": is a git-lfs pointer, without the file that it stands for; 'git lfs pull' fetches that"s);
  }
}

TEST(FileKind, FoldersNameModelsByTheirOwnName) {
  GoldenLlama folder;
  const std::string name = files::path(folder.path).filename(), here = files::current_path();
  files::create_directory(folder.file("below"));
  for (const std::string &path : {folder.path, folder.path + "//", folder.path + "/.", folder.path + "/below/.."})
    EXPECT_EQ(nameOfPath(path), name) << path;
  files::current_path(folder.path);
  EXPECT_EQ(nameOfPath("."), name);
  EXPECT_EQ(nameOfPath("./"), name);
  EXPECT_EQ(nameOfPath("below"), "below");
  files::current_path(here);
  llvm::Expected<Input> input = readInput(folder.path + "/.");
  ASSERT_TRUE(bool(input)) << llvm::toString(input.takeError());
  EXPECT_EQ(input->model.name(), name);
}

} // namespace
