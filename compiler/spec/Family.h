//===- Family.h - the known families of models --------------------------------------------------------*- C++ -*-===//
//
// Every models/families/*.textproto that says "# proto-message: lathe.spec.Family" is one; the program carries them.
// Nothing in C++ knows any of them by name.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_FAMILY_H
#define LATHE_COMPILER_SPEC_FAMILY_H

#include "compiler/spec/Checkpoint.h"
#include "models/model.pb.h"

namespace lathe {

struct NamedFamily {
  std::string name; ///< the file's stem: "llama"
  std::string file; ///< "models/families/llama.textproto"
  spec::Family family;

  const spec::Style &style(Checkpoint::Style style) const;
};

/// Reads and checks a family file: every field path exists, every role is one of the model's. Its styles come out
/// whole, with the shared ones that they include.
llvm::Expected<NamedFamily> parseFamily(llvm::StringRef text, llvm::StringRef file);

/// Reads and checks a shared style (models/families/shared/) for a family of those defaults.
llvm::Expected<spec::Style> parseSharedStyle(llvm::StringRef text, const spec::Model &defaults, llvm::StringRef file);

/// The family that a checkpoint's own architecture name belongs to; an error lists the known ones.
llvm::Expected<const NamedFamily *> familyOf(const Checkpoint &checkpoint);
/// The family of that name; `file` is who asks, for the message.
llvm::Expected<const NamedFamily *> familyNamed(llvm::StringRef name, llvm::StringRef file);

} // namespace lathe

#endif
