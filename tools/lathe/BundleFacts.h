//===- BundleFacts.h - what a bundle is made of: programs, phases, kernels ----------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BUNDLEFACTS_H
#define LATHE_TOOLS_LATHE_BUNDLEFACTS_H

#include "runtime/model/Model.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {

/// The targets that the bundle has; of the one that runs here programs with their phases, phases of one name in all layers
/// as one entry; kernels with their schedules.
nlohmann::ordered_json describeBundle(const Model &model);

/// The same as tables for people.
void printBundle(const nlohmann::ordered_json &bundle, llvm::raw_ostream &out);

} // namespace lathe::cli

#endif
