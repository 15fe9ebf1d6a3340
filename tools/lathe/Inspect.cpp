//===- Inspect.cpp - lathe inspect: what models and bundles are made of -----------------------------------------===//
#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Describe.h"
#include "compiler/spec/Layers.h"
#include "compiler/spec/TextProto.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/BundleFacts.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Compile.h"
#include "tools/lathe/Console.h"
#include "tools/lathe/ModelFacts.h"
#include "compiler/verify/Reference.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

struct Options {
  std::vector<std::string> sources;
  InputOptions input;
  ProgramFlags program;
  bool json = false;
};

using Json = nlohmann::ordered_json;

/// One model of the command line.
struct Subject {
  ModelFacts facts;
  Json bundle; ///< null: it is not compiled
};

llvm::Expected<Subject> readBundle(const std::string &path, const Options &options) {
  if (llvm::Error wrong = refuseFlags(path, options.input, options.program))
    return std::move(wrong);
  llvm::Expected<std::shared_ptr<const Model>> opened = openToRead(path);
  if (!opened)
    return opened.takeError();
  const lathe_model &tables = (*opened)->tables();
  spec::Model model;
  if (llvm::Error error = parseTextProto(tables.spec, path + ": its spec", model))
    return std::move(error);
  if (llvm::Error error = validate(model, path))
    return std::move(error);
  llvm::Expected<ReferenceModel> fused = referenceOf(*opened, path, ReferenceLevel::Fused);
  if (!fused)
    return fused.takeError();
  llvm::Expected<ProgramSet> programs = describe(*fused->module, {.cache = cacheFormatOf((*opened)->variant())});
  if (!programs)
    return programs.takeError();
  return Subject{factsOf(model, *programs), describeBundle(**opened)};
}

llvm::Expected<Subject> readModel(const std::string &path, const Options &options) {
  Progress progress;
  PipelineOptions pipeline = pipelineOptions(options.input, options.program, /*jobs=*/1, progress);
  Compilation c(path, pipeline);
  for (const Stage &stage : stages()) {
    if (llvm::Error error = stage.run(c))
      return std::move(error);
    if (stage.name == "kernels")
      break;
  }
  ProgramSet &set = c.variants.front().set;
  bool undecided = !c.input.weights && c.input.model.weight_format() == spec::WEIGHT_FORMAT_UNSPECIFIED;
  if (undecided && !c.options.cache) // a spec alone does not say what its matrices will be: then the usual cache
    set.cache.format = CacheFormat::F16;
  return Subject{factsOf(c.input.model, set), Json()};
}

Json json(const Subject &subject) {
  const ModelFacts &facts = subject.facts;
  const uint64_t context = facts.model.max_context();
  Json parameters;
  for (const auto &[part, count] : facts.parts)
    parameters[part] = count;
  parameters["total"] = facts.parameters;
  Json all = {{"name", facts.model.name()},
              {"family", facts.model.family()},
              {"parameters", std::move(parameters)},
              {"active_parameters", facts.activeParameters},
              {"kv_cache_bytes_per_token", facts.cacheTokenBytes},
              {"kv_cache_format", facts.cacheFormat},
              {"kv_cache_bytes_full_context", facts.cacheBytes(context)},
              {"recurrent_state_bytes", facts.stateBytes},
              {"max_context", context},
              {"flops_per_token",
               {{"matrix_products", facts.productFlops},
                {"recurrence", facts.recurrenceFlops},
                {"attention_per_position", facts.attentionFlops(1)},
                {"empty_context", facts.flops(1)},
                {"full_context", facts.flops(context)}}},
              {"spec", printSpec(facts.model)}};
  if (!subject.bundle.is_null())
    all["bundle"] = subject.bundle;
  return all;
}

//===-- for people ----------------------------------------------------------------------------------------------===//

/// "12.9 G" (powers of 1000).
std::string flopsText(uint64_t flops) {
  double value = double(flops);
  const char *units[] = {"", " k", " M", " G", " T"};
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  return llvm::formatv(unit ? "{0:f1}{1}" : "{0:f0}{1}", value, units[unit]);
}

std::string share(uint64_t part, uint64_t whole) {
  return llvm::formatv("{0:f1} %", whole ? 100.0 * double(part) / double(whole) : 0.0);
}

/// "local: 13 layers, all: 2 layers".
std::string variantsText(const spec::Model &model) {
  std::string text;
  for (const spec::Variant &variant : model.variants()) {
    size_t count = 0;
    for (uint32_t layer = 0; layer < model.n_layers(); ++layer)
      count += llvm::is_contained(variantsOf(model, layer), &variant);
    text += llvm::formatv("{0}{1}: {2} layers", text.empty() ? "" : ", ", variant.name(), count);
  }
  return text.empty() ? "alike" : text;
}

/// "8, of which a token meets 2": of the first layer that has several.
std::string expertsText(const spec::Model &model) {
  for (uint32_t i = 0; i < model.n_layers(); ++i)
    if (const spec::Model layer = layerOf(model, i); layer.mlp().has_experts())
      return llvm::formatv("{0}, of which a token meets {1}", layer.mlp().experts().count(),
                           layer.mlp().experts().per_token());
  return "none";
}

std::string positionsText(const spec::Model &model) {
  const google::protobuf::Message &positions = model.positions();
  const auto *kind = positions.GetDescriptor()->FindOneofByName("kind");
  const auto *chosen = positions.GetReflection()->GetOneofFieldDescriptor(positions, kind);
  return chosen ? chosen->name() : "";
}

/// A row a fact and a column a model; for one model, a column with each part's share too.
class Comparison {
public:
  explicit Comparison(llvm::ArrayRef<Subject> subjects) : subjects(subjects), table(header()) {}

  template <typename Cell> void row(const char *title, Cell cell) {
    std::vector<std::string> cells = {title};
    for (const Subject &subject : subjects)
      cells.push_back(cell(subject.facts));
    table.add(std::move(cells));
  }
  template <typename Count> void counted(const std::string &title, Count count) {
    std::vector<std::string> cells = {title};
    for (const Subject &subject : subjects)
      cells.push_back(groupedDigits(count(subject.facts)));
    if (subjects.size() == 1)
      cells.push_back(share(count(subjects[0].facts), subjects[0].facts.parameters));
    table.add(std::move(cells));
  }
  std::string text() const { return table.text(); }

private:
  std::vector<std::string> header() const {
    std::vector<std::string> cells = {""};
    for (const Subject &subject : subjects)
      cells.push_back(subject.facts.model.name());
    return cells;
  }

  llvm::ArrayRef<Subject> subjects;
  Table table;
};

/// The parts of all models, those that every model has first.
std::vector<std::string> partsOf(llvm::ArrayRef<Subject> subjects) {
  std::vector<std::string> parts;
  for (const Subject &subject : subjects)
    for (const auto &part : subject.facts.parts)
      if (!llvm::is_contained(parts, part.first))
        parts.push_back(part.first);
  return parts;
}

void print(llvm::ArrayRef<Subject> subjects) {
  using Facts = const ModelFacts &;
  Comparison table(subjects);
  table.row("family", [](Facts f) { return f.model.family(); });
  table.row("layers", [](Facts f) { return groupedDigits(f.model.n_layers()); });
  table.row("  variants", [](Facts f) { return variantsText(f.model); });
  table.row("width", [](Facts f) { return groupedDigits(f.model.dim()); });
  table.row("query heads", [](Facts f) { return groupedDigits(f.model.attention().n_heads()); });
  table.row("key/value heads", [](Facts f) { return groupedDigits(f.model.attention().n_kv_heads()); });
  table.row("width of a head", [](Facts f) {
    const spec::Attention &attention = f.model.attention();
    const std::string width = groupedDigits(attention.head_size());
    return attention.value_head_size() == attention.head_size()
               ? width
               : width + ", values " + groupedDigits(attention.value_head_size());
  });
  table.row("width of the feed-forward", [](Facts f) { return groupedDigits(f.model.mlp().hidden()); });
  table.row("positions", [](Facts f) { return positionsText(f.model); });
  table.row("vocabulary", [](Facts f) { return groupedDigits(f.model.vocab_size()); });
  table.row("context", [](Facts f) { return groupedDigits(f.model.max_context()); });
  table.row("", [](Facts) { return ""; });
  table.counted("parameters", [](Facts f) { return f.parameters; });
  for (const std::string &part : partsOf(subjects))
    table.counted("  " + part, [&](Facts f) { return f.part(part); });
  if (llvm::any_of(subjects, [](const Subject &s) { return s.facts.activeParameters != s.facts.parameters; })) {
    table.counted("  met by a token", [](Facts f) { return f.activeParameters; });
    table.row("experts of a layer", [](Facts f) { return expertsText(f.model); });
  }
  table.row("", [](Facts) { return ""; });
  table.row("KV cache", [](Facts f) { return f.cacheFormat; });
  table.row("  a token", [](Facts f) { return groupedDigits(f.cacheTokenBytes) + " B"; });
  table.row("  full context", [](Facts f) { return bytesText(double(f.cacheBytes(f.model.max_context()))); });
  bool recurrent = llvm::any_of(subjects, [](const Subject &s) { return s.facts.stateBytes != 0; });
  if (recurrent)
    table.row("recurrent state, a sequence", [](Facts f) { return bytesText(double(f.stateBytes)); });
  table.row("", [](Facts) { return ""; });
  table.row("FLOPs, first token", [](Facts f) { return flopsText(f.flops(1)); });
  table.row("FLOPs, last token of a full context", [](Facts f) { return flopsText(f.flops(f.model.max_context())); });
  table.row("  matrix products", [](Facts f) { return flopsText(f.productFlops); });
  if (recurrent)
    table.row("  recurrence", [](Facts f) { return flopsText(f.recurrenceFlops); });
  table.row("  attention, a position", [](Facts f) { return flopsText(f.attentionFlops(1)); });
  llvm::outs()
      << table.text()
      << "\nFLOPs: 2 for each multiply-add. Attention: 4 x query heads x width of a head, for each layer and each "
         "position that it sees.\n";
  for (const Subject &subject : subjects)
    if (subject.facts.model.head().tied())
      llvm::outs() << subject.facts.model.name() << ": the head is the embedding's matrix.\n";
  if (subjects.size() == 1 && !subjects[0].bundle.is_null())
    printBundle(subjects[0].bundle, llvm::outs());
}

llvm::Error inspect(const Options &options) {
  std::vector<Subject> subjects;
  for (const std::string &source : options.sources) {
    llvm::Expected<Subject> subject = isBundle(source) ? readBundle(source, options) : readModel(source, options);
    if (!subject)
      return subject.takeError();
    subjects.push_back(std::move(*subject));
  }
  if (!options.json) {
    print(subjects);
    return llvm::Error::success();
  }
  Json all = {{"models", Json::array()}};
  for (const Subject &subject : subjects)
    all["models"].push_back(json(subject));
  llvm::outs()
      << (subjects.size() == 1 ? all["models"][0] : all).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
      << '\n';
  return llvm::Error::success();
}

} // namespace

void addInspect(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand(kInspect.name, kInspect.help);
  command->add_option("sources", options->sources, "bundles, or inputs of 'lathe compile'")->required();
  addInputFlags(*command, options->input);
  addProgramFlags(*command, options->program);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  onChosen(*command, options, outcome, inspect);
}

} // namespace lathe::cli
