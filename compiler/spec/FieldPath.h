//===- FieldPath.h - a field of the spec by its path --------------------------------------------------*- C++ -*-===//
//
// "positions.rotary.scaling.linear.factor" in a Model, by protobuf's reflection: finding it, and setting it from a value of
// JSON. After "variants" stands a variant's name.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_FIELDPATH_H
#define LATHE_COMPILER_SPEC_FIELDPATH_H

#include "models/model.pb.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <nlohmann/json.hpp>

namespace lathe {

/// A path in Model, resolved: message fields to walk through, then a field or a oneof.
struct FieldPath {
  struct Step {
    const google::protobuf::FieldDescriptor *field;
    int element; ///< of a repeated field
  };
  std::vector<Step> through;
  const google::protobuf::FieldDescriptor *field = nullptr;
  const google::protobuf::OneofDescriptor *choice = nullptr;
};

/// The path in a model that has the variants which it may name; errors name `file` and the path.
llvm::Expected<FieldPath> resolve(llvm::StringRef text, const spec::Model &model, llvm::StringRef file);

/// Whether each oneof on the path has the path's member chosen.
bool isChosen(const FieldPath &path, const spec::Model &model);

/// Whether the field, or the oneof, has a value.
bool isSet(const FieldPath &path, const spec::Model &model);

/// Sets the field, or all elements of a repeated one, or chooses the member of a oneof by its name. `where` says whose value it
/// is, for errors: "config.json: hidden_size".
llvm::Error setPath(const FieldPath &path, spec::Model &model, const nlohmann::json &value, const std::string &where);

/// Leaves the field without a value; a oneof keeps its choice.
void clear(const FieldPath &path, spec::Model &model);

/// The variant whose list of layers the path is; -1: it is no such list.
int variantListed(const FieldPath &path);

} // namespace lathe

#endif
