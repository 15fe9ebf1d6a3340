//===- ConfigKeys.h - what a checkpoint says under a key ----------------------------------------------*- C++ -*-===//
//
// The keys of a family's bindings (models/model.proto, Binding.keys): a path into the configuration, through the
// objects that the style lifts, or one of the words that look at tensors or count places: exists:, rows:, values:,
// indices:.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_CONFIGKEYS_H
#define LATHE_COMPILER_SPEC_CONFIGKEYS_H

#include "compiler/spec/Checkpoint.h"
#include "models/model.pb.h"

namespace lathe {

/// The value as a message shows it and as Binding.values spells it.
std::string textOf(const nlohmann::json &value);

/// The key with the checkpoint's own name of its architecture for "{arch}".
std::string spelledOut(std::string key, const Checkpoint &checkpoint);

/// A key as the file has it, for messages (Checkpoint::written).
std::string writtenKey(const Checkpoint &checkpoint, llvm::StringRef key);

/// The value of a key that is spelled out; nothing where it is missing or null.
std::optional<nlohmann::json> lookUp(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef key);

/// Whether every key of a completed configuration (Readers.h) is bound, inert or as it is by default, and every word of a
/// list known; an error names the first that is not.
llvm::Error checkFollowed(const spec::Style &style, const Checkpoint &checkpoint, const spec::Model &model);

/// What the program would take for a key (spelled out) that the file sets to null: nothing where the file does not, or that is
/// null too.
std::optional<nlohmann::json> defaultTakenBack(const Checkpoint &checkpoint, llvm::StringRef key);

/// Whether the checkpoint says what `when` ("KEY=VALUE"; "KEY=": no such key; "!=" for the contrary) asks for.
bool applies(llvm::StringRef when, const spec::Style &style, const Checkpoint &checkpoint);

} // namespace lathe

#endif
