//===- Subject.cpp - a model whose schedules are tuned ------------------------------------------------------------===//
#include "compiler/tune/Subject.h"
#include "compiler/kernels/Describe.h"
#include "compiler/link/EmitModel.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/verify/Reference.h"
#include "runtime/core/MappedFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>
#include <dlfcn.h>
#include <unistd.h>

namespace lathe::tune {

using llvm::Error;
using llvm::Expected;
namespace fs = llvm::sys::fs;

//===-- the workspace -------------------------------------------------------------------------------------------===//

Expected<std::unique_ptr<Workspace>> Workspace::create() {
  llvm::SmallString<128> path;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  llvm::sys::path::append(path, "lathe-tune-XXXXXX");
  if (!::mkdtemp(path.data() ? const_cast<char *>(path.c_str()) : nullptr))
    return makeError("{0}: {1}", path.str(), std::strerror(errno));
  return std::unique_ptr<Workspace>(new Workspace(std::string(path)));
}

Workspace::Workspace(std::string path) : folder(std::move(path)) { unfinished.emplace_back(folder); }

Workspace::~Workspace() { fs::remove_directories(folder, /*IgnoreErrors=*/true); }

std::string Workspace::file(llvm::StringRef name) {
  std::string path = inFolder(folder, name);
  if (llvm::none_of(unfinished, [&](const Unfinished &listed) { return listed.path() == path; }))
    unfinished.emplace_back(path);
  return path;
}

//===-- subjects ------------------------------------------------------------------------------------------------===//

static Expected<uint64_t> buildIdOf(const std::string &weightsFile) {
  Result<MappedFile> file = MappedFile::open(weightsFile);
  if (!file)
    return makeError("{0}", file.message());
  lathe_weights_header header;
  if (file->size() < sizeof header)
    return makeError("{0}: is no weights file", weightsFile);
  std::memcpy(&header, file->data(), sizeof header);
  return header.build_id;
}

static Expected<RecordBook> recordsOf(const PipelineOptions &options) {
  Expected<RecordBook> records = RecordBook::embedded();
  if (records)
    for (const std::string &file : options.schedules)
      if (Error wrong = records->addFile(file))
        return std::move(wrong);
  return records;
}

/// Weights, records and what follows from them.
static Error complete(Subject &subject, std::string weightsFile, const PipelineOptions &options) {
  subject.weightsFile = std::move(weightsFile);
  Expected<uint64_t> id = buildIdOf(subject.weightsFile);
  if (!id)
    return id.takeError();
  subject.buildId = *id;
  Expected<RecordBook> records = recordsOf(options);
  if (!records)
    return records.takeError();
  subject.records = std::move(*records);
  subject.cacheDirectory = options.cacheDirectory;
  subject.jobs = options.jobs;
  return Error::success();
}

Expected<std::unique_ptr<Subject>> subjectOfInput(const std::string &path, PipelineOptions options,
                                                  Workspace &workspace) {
  auto made = std::make_unique<Subject>();
  auto c = std::make_unique<Compilation>(path, options);
  auto staging = StagingFolder::create(workspace.file("bundle"));
  if (!staging)
    return staging.takeError();
  for (const Stage &stage : stages()) {
    if (stage.name == "link")
      c->staging = std::move(*staging);
    if (Error failed = stage.run(*c))
      return std::move(failed);
    if (stage.name == "spec" && !c->input.weights && !options.input.randomWeights) {
      options.input.randomWeights = true;
      c = std::make_unique<Compilation>(path, options);
      if (Error failed = stage.run(*c))
        return std::move(failed);
    }
    if (stage.name == "kernels")
      made->set = c->variants.front().set;
  }
  if (Error failed = c->staging->commit())
    return std::move(failed);
  made->target = c->variants.front().target;
  made->backend = options.backend ? options.backend : &backendFor(made->target);
  made->info = c->info;
  made->name = c->info.name;
  Expected<WeightsLayout> layout = layOutWeights({&made->set}, c->tokenizer.size());
  if (!layout)
    return layout.takeError();
  made->layout = std::move(*layout);
  workspace.file("bundle/model.so");
  if (Error failed = complete(*made, workspace.file("bundle/weights.bin"), options))
    return std::move(failed);
  return std::move(made);
}

/// Where the bundle has the weights and tables of `set`. Other variants' are there too, so places may be apart.
static Expected<WeightsLayout> layoutIn(const lathe_model &tables, const ProgramSet &set, llvm::StringRef path) {
  llvm::StringMap<uint64_t> offsets;
  for (uint32_t i = 0; i < tables.n_weights; ++i)
    offsets.try_emplace(tables.weights[i].name, tables.weights[i].offset);
  Expected<WeightsLayout> layout = layOutWeights({&set}, tables.tokenizer_bytes);
  if (!layout)
    return layout.takeError();
  for (WeightPlace &place : layout->places) {
    auto found = offsets.find(place.name());
    if (found == offsets.end())
      return makeError("{0}: has no weight {1}, which its spec asks for; tune the model that it was compiled from",
                       path, place.name());
    place.offset = found->second;
  }
  llvm::sort(layout->places, [](const WeightPlace &a, const WeightPlace &b) { return a.offset < b.offset; });
  layout->byName.assign(1, {});
  for (auto [index, place] : llvm::enumerate(layout->places))
    layout->byName[0][place.name()] = index;
  layout->tokenizerOffset = tables.tokenizer_offset;
  layout->dataBytes = tables.weights_bytes;
  return layout;
}

Expected<std::unique_ptr<Subject>> subjectOfBundle(std::shared_ptr<const Model> bundle, const std::string &path,
                                                   const PipelineOptions &options) {
  auto made = std::make_unique<Subject>();
  const lathe_model &tables = bundle->tables();
  std::optional<TargetDesc> target = findTarget(bundle->variant().target);
  if (!target)
    return makeError("{0}: its target {1} is not known here", path, bundle->variant().target);
  made->target = *target;
  made->backend = options.backend ? options.backend : &backendFor(*target);
  Expected<ReferenceModel> fused = referenceOf(bundle, path, ReferenceLevel::Fused);
  if (!fused)
    return fused.takeError();
  Expected<ProgramSet> set = describe(*fused->module, {.cache = cacheFormatOf(bundle->variant())});
  if (!set)
    return set.takeError();
  made->set = std::move(*set);
  made->info = {tables.name, tables.spec};
  made->name = tables.name;
  Expected<WeightsLayout> layout = layoutIn(tables, made->set, path);
  if (!layout)
    return layout.takeError();
  made->layout = std::move(*layout);
  made->keeps = bundle;
  if (Error failed = complete(*made, inFolder(path, "weights.bin"), options))
    return std::move(failed);
  return std::move(made);
}

//===-- variants ------------------------------------------------------------------------------------------------===//

Error makeLibrary(const Subject &subject, const RecordBook &records, const std::string &output,
                  const Excerpt *excerpt) {
  ProgramSet set = subject.set;
  Expected<std::vector<Scheduled>> schedule = scheduleProgram(set, *subject.backend, subject.target, records);
  if (!schedule)
    return schedule.takeError();
  if (excerpt) {
    std::vector<Phase> phases;
    for (size_t phase : excerpt->kept)
      phases.push_back(std::move(set.programs[excerpt->program].phases[phase]));
    set.programs[excerpt->program].phases = std::move(phases);
  }
  Expected<CompiledCode> code = compileAll({*subject.backend, set, *schedule, subject.target},
                                           {subject.jobs, subject.cacheDirectory, /*progress=*/{}});
  if (!code)
    return code.takeError();
  std::vector<ObjectBytes> objects;
  for (const CompiledUnit &one : code->units)
    objects.push_back({one.unit.name, one.code});
  const std::vector<LinkedVariant> variants = {{&set, subject.target, linkedKernels(*schedule, code->units)}};
  Expected<ModelTables> tables = ModelTables::make(variants, subject.layout, subject.info);
  if (!tables)
    return tables.takeError();
  tables->setBuildId(subject.buildId);
  const std::string object = emitTables(*tables, subject.target.triple);
  auto staging = StagingFolder::create(output + ".parts");
  if (!staging)
    return staging.takeError();
  const std::string library = (*staging)->file("model.so");
  if (Error failed = linkShared(object, objects, **staging, library))
    return failed;
  if (std::error_code problem = fs::rename(library, output))
    return makeError("{0}: {1}", output, problem.message());
  return Error::success();
}

Expected<std::shared_ptr<const Model>> openLibrary(const Subject &subject, const std::string &library) {
  auto failed = [&](const lathe::Error &error) { return makeError("{0}: {1}", library, error.message()); };
  Result<MappedFile> weights = MappedFile::open(subject.weightsFile);
  if (!weights)
    return failed(weights.failure());
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return makeError("{0}: {1}", library, dlerror());
  std::shared_ptr<const void> held(handle, [](const void *open) { dlclose(const_cast<void *>(open)); });
  const auto *tables = static_cast<const lathe_model *>(dlsym(handle, LATHE_MODEL_SYMBOL));
  if (!tables)
    return makeError("{0}: has no symbol " LATHE_MODEL_SYMBOL, library);
  const std::span<const uint8_t> image = weights->bytes();
  auto model = Model::fromImage(*tables, image, std::make_shared<MappedFile>(weights.take()), held);
  if (!model)
    return failed(model.failure());
  return model.take();
}

} // namespace lathe::tune
