//===- Subject.h - a model whose schedules are tuned ----------------------------------------------------*- C++ -*-===//
//
// The programs as the kernels stage made them, and its weights, packed once: every schedule reads the same weights.bin,
// so a variant of the program is a model.so alone:
//
//   scheduled with some records -> objects, through the kernel cache -> tables -> model.so
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_SUBJECT_H
#define LATHE_COMPILER_TUNE_SUBJECT_H

#include "compiler/pipeline/Compilation.h"
#include "compiler/support/Unfinished.h"
#include "runtime/model/Model.h"
#include <list>

namespace lathe::tune {

/// A folder for what tuning makes; it goes with the object, and when a signal ends the process.
class Workspace {
public:
  static llvm::Expected<std::unique_ptr<Workspace>> create();
  ~Workspace();
  Workspace(const Workspace &) = delete;
  Workspace &operator=(const Workspace &) = delete;

  const std::string &path() const { return folder; }
  /// The path of a file in it.
  std::string file(llvm::StringRef name);

private:
  explicit Workspace(std::string path);
  std::string folder;
  std::list<Unfinished> unfinished;
};

struct Subject {
  std::string name; ///< of the model
  TargetDesc target;
  const Backend *backend = nullptr;
  ProgramSet set; ///< without tiles
  WeightsLayout layout;
  ModelInfo info;
  std::string weightsFile;
  uint64_t buildId = 0; ///< of weightsFile
  RecordBook records;   ///< what a compilation would have
  std::string cacheDirectory;
  unsigned jobs = 0;
  std::shared_ptr<const void> keeps; ///< what `weightsFile` belongs to

  Subject() = default;
  Subject(const Subject &) = delete; // `layout` points into `set`
  Subject &operator=(const Subject &) = delete;
};

/// Compiles the model at `path` into the workspace. A spec without weights gets random ones.
llvm::Expected<std::unique_ptr<Subject>> subjectOfInput(const std::string &path, PipelineOptions options,
                                                        Workspace &workspace);
/// Of a bundle's variant that runs here; its weights are used where they are.
llvm::Expected<std::unique_ptr<Subject>> subjectOfBundle(std::shared_ptr<const Model> bundle, const std::string &path,
                                                         const PipelineOptions &options);

/// The part of a program that is run to measure it. Prefill's phases are bound by arithmetic, and a layer's tell as much
/// as all layers' would: a few layers are enough, and a model of 16 takes a third of the time. They have every key
/// of the program. Programs of few rows are run whole: their weights must come from memory, not from a cache.
struct Excerpt {
  size_t program = 0;
  std::vector<size_t> kept; ///< phases of the program, ascending

  /// Where phases of the program lie in the excerpt; those that it lacks are left out.
  std::vector<size_t> places(llvm::ArrayRef<size_t> phases) const;
};
Excerpt excerptOf(const Subject &subject, size_t program);

/// Makes the model.so `output` of the program as `records` schedule it, one program cut short if `excerpt` is given.
llvm::Error makeLibrary(const Subject &subject, const RecordBook &records, const std::string &output,
                        const Excerpt *excerpt = nullptr);
/// Opens one beside the subject's weights.
llvm::Expected<std::shared_ptr<const Model>> openLibrary(const Subject &subject, const std::string &library);

} // namespace lathe::tune

#endif
