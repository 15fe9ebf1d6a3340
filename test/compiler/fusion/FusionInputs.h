//===- FusionInputs.h - the modules that several tests fuse ---------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_COMPILER_FUSION_FUSIONINPUTS_H
#define LATHE_TEST_COMPILER_FUSION_FUSIONINPUTS_H

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace lathe::test {

inline constexpr const char *kFusionInputs = "test/compiler/fusion/Inputs";

inline std::string fusionInputPath(const std::string &name) {
  return std::string(kFusionInputs) + "/" + name + ".mlir";
}

/// All of the folder by name, so that a new one is in every test at once. Each has functions `decode` and `prefill` of
/// (ids, positions, slots, rows), 50 tokens or more, and says at its head what fusion makes of it (FusionTest).
inline std::vector<std::string> fusionInputs() {
  std::vector<std::string> names;
  for (const auto &file : std::filesystem::directory_iterator(kFusionInputs))
    if (file.path().extension() == ".mlir")
      names.push_back(file.path().stem());
  std::ranges::sort(names);
  return names;
}

/// What gtest calls a case: it takes no dashes.
inline std::string fusionInputName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

} // namespace lathe::test

#endif
