//===- SelfModel.h - the model that this program carries ----------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_STANDALONE_SELFMODEL_H
#define LATHE_TOOLS_STANDALONE_SELFMODEL_H

#include "runtime/model/Model.h"
#include <string>

namespace lathe {

/// Opens the model at the end of the program file `path` (runtime/abi/executable_abi.h), checked as a bundle is.
Result<std::shared_ptr<const Model>> openExecutable(const std::string &path,
                                                     const ModelOptions &options = {});

} // namespace lathe

#endif
