//===- Staging.cpp - results that appear whole or not at all -----------------------------------------------------===//
#include "compiler/link/Staging.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/support/Output.h"
#include "runtime/abi/executable_abi.h"
#include "runtime/abi/model_abi.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

/// Whether a file has `magic` at its start, or at its end.
static bool hasMagic(const llvm::Twine &path, StringRef magic, bool atEnd) {
  Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path.str());
  if (!file) {
    llvm::consumeError(file.takeError());
    return false;
  }
  StringRef bytes(reinterpret_cast<const char *>((*file)->bytes().data()), (*file)->bytes().size());
  return atEnd ? bytes.ends_with(magic) : bytes.starts_with(magic);
}

static Error checkFolder(StringRef path) {
  std::error_code problem;
  bool empty = fs::directory_iterator(path, problem) == fs::directory_iterator();
  if (problem)
    return makeError("{0}: {1}", path, problem.message());
  if (!empty && !hasMagic(path + "/weights.bin", LATHE_WEIGHTS_MAGIC, /*atEnd=*/false))
    return makeError("{0}: is a folder with other things than a bundle; name another place", path);
  return Error::success();
}

static Error checkDestination(StringRef path, StagingKind kind) {
  StringRef parent = llvm::sys::path::parent_path(path);
  if (!parent.empty() && !fs::is_directory(parent))
    return makeError("{0}: there is no folder {1}", path, parent);
  fs::file_status status;
  fs::status(path, status);
  if (status.type() == fs::file_type::file_not_found)
    return Error::success();
  if (kind == StagingKind::Program)
    return hasMagic(path, LATHE_EXECUTABLE_MAGIC, /*atEnd=*/true)
               ? Error::success()
               : makeError("{0}: exists and is not a compiled model; name another place", path);
  if (status.type() != fs::file_type::directory_file)
    return makeError("{0}: exists and is not a bundle's folder; name another place", path);
  return checkFolder(path);
}

Expected<std::unique_ptr<StagingFolder>> StagingFolder::create(StringRef destination, StagingKind kind) {
  while (destination.size() > 1 && destination.ends_with("/"))
    destination = destination.drop_back();
  if (destination.empty())
    return makeError("the output has no name");
  std::string place = followLinks(destination);
  if (Error wrong = checkDestination(place, kind))
    return std::move(wrong);
  std::unique_ptr<StagingFolder> staging(new StagingFolder(std::move(place), kind));
  if (std::error_code problem = fs::create_directory(staging->folder, /*IgnoreExisting=*/false, fs::perms::all_all)) {
    staging->committed = true; // nothing to remove
    return makeError("{0}: {1}", staging->folder, problem.message());
  }
  return staging;
}

StagingFolder::StagingFolder(std::string place, StagingKind kind)
    : destination(std::move(place)), folder(destination + ".partial-" + std::to_string(getpid())), kind(kind) {
  unfinished.emplace_back(folder);
}

StagingFolder::~StagingFolder() {
  if (!committed)
    fs::remove_directories(folder, /*IgnoreErrors=*/true);
}

std::string StagingFolder::file(StringRef name) {
  std::string path = folder + "/" + name.str();
  unfinished.emplace_back(path);
  return path;
}

void StagingFolder::remove(const std::string &file) {
  fs::remove(file);
  unfinished.remove_if([&](const Unfinished &listed) { return listed.path() == file; });
}

Error StagingFolder::commit() {
  if (kind == StagingKind::Folder)
    return commitFolder();
  if (rename((folder + "/" + kProgramFile.str()).c_str(), destination.c_str()) != 0)
    return makeError("{0}: {1}", destination, std::strerror(errno));
  return Error::success(); // the destructor removes the rest
}

Error StagingFolder::commitFolder() {
  // Exchanging two names is one step for whoever looks; where the file system can't, the old bundle steps aside first.
  if (renameat2(AT_FDCWD, folder.c_str(), AT_FDCWD, destination.c_str(), RENAME_EXCHANGE) == 0) {
    committed = true;
    fs::remove_directories(folder, /*IgnoreErrors=*/true); // what was there before
    return Error::success();
  }
  std::string old = folder + ".old";
  bool moved = fs::exists(destination) && rename(destination.c_str(), old.c_str()) == 0;
  if (rename(folder.c_str(), destination.c_str()) != 0) {
    Error failed = makeError("{0}: {1}", destination, std::strerror(errno));
    if (moved)
      rename(old.c_str(), destination.c_str());
    return failed;
  }
  committed = true;
  if (moved)
    fs::remove_directories(old, /*IgnoreErrors=*/true);
  return Error::success();
}
