//===- Staging.h - results that appear whole or not at all --------------------------------------------*- C++ -*-===//
//
// Files of a bundle are made in NAME.partial-PID beside NAME, which commit() then renames to NAME; a symbolic link NAME
// stays, and what it names is replaced. On any error and on any interruption (compiler/support/Unfinished.h) the partial
// folder goes away and an older bundle of that name stays as it was.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_STAGING_H
#define LATHE_COMPILER_LINK_STAGING_H

#include "compiler/support/Unfinished.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <list>
#include <memory>
#include <string>

namespace lathe {

/// What is to appear: a bundle's folder, or the one file kProgramFile of the staging folder.
enum class StagingKind { Folder, Program };
inline constexpr llvm::StringLiteral kProgramFile = "program";

class StagingFolder {
public:
  /// For a folder or a program at `destination`. What is there now must be nothing, or what Lathe wrote there before
  /// (for a folder also an empty one), else this fails.
  static llvm::Expected<std::unique_ptr<StagingFolder>> create(llvm::StringRef destination,
                                                               StagingKind kind = StagingKind::Folder);
  ~StagingFolder();
  StagingFolder(const StagingFolder &) = delete;
  StagingFolder &operator=(const StagingFolder &) = delete;

  const std::string &path() const { return folder; }
  /// The path of a file in the folder, which is to be removed if this process is interrupted. Files must be named so
  /// before they are made.
  std::string file(llvm::StringRef name);
  void remove(const std::string &file);

  /// Puts the folder, or the program, in its place; what was there is removed. Nothing else may be called after.
  llvm::Error commit();

private:
  StagingFolder(std::string place, StagingKind kind);
  llvm::Error commitFolder();

  const std::string destination, folder;
  const StagingKind kind;
  std::list<Unfinished> unfinished; // the folder and its files
  bool committed = false;
};

} // namespace lathe

#endif
