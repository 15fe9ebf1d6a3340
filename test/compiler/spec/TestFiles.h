//===- TestFiles.h - files that a test makes and removes ----------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_SPEC_TESTFILES_H
#define LATHE_TEST_COMPILER_SPEC_TESTFILES_H

#include "compiler/spec/Input.h"
#include "test/TemporaryFolder.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lathe::test {

inline std::string readBytes(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << stream.rdbuf();
  return bytes.str();
}

inline const std::string goldenLlama = "test/data/golden/llama-gqa";

/// A copy of the golden llama to put other files beside.
struct GoldenLlama : TemporaryFolder {
  GoldenLlama() {
    for (const char *name : {"config.json", "model.safetensors"})
      write(name, readBytes(goldenLlama + "/" + name));
  }
};

/// What a failure says; "" for success.
template <typename T> std::string messageOf(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}
inline std::string messageOf(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

/// readInput's message with `folder/` cut from it.
inline std::string inputMessage(const std::string &path, const InputOptions &options = {}) {
  std::string message = messageOf(readInput(path, options));
  const std::string folder = std::filesystem::path(path).parent_path().string() + "/";
  for (size_t at; (at = message.find(folder)) != std::string::npos;)
    message.erase(at, folder.size());
  return message;
}

inline std::vector<float> rowOf(const WeightSource &weights, llvm::StringRef role, int64_t row) {
  const Weight *weight = llvm::cantFail(weights.get(role));
  std::vector<float> values(weight->columns);
  llvm::cantFail(weight->readRow(row, values.data()));
  return values;
}

} // namespace lathe::test

#endif
