//===- Inspect.cpp - lathe inspect: what a model or a bundle is made of -----------------------------------------===//
#include "compiler/spec/Input.h"
#include "compiler/spec/TextProto.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Console.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

namespace lathe::cli {
namespace {

struct Options {
  std::string source;
  InputOptions input;
  bool json = false;
};

using Json = nlohmann::ordered_json;

/// The part of a model that a weight belongs to, by the words of its role.
const char *partOf(llvm::StringRef role) {
  if (role.contains("norm"))
    return "norms";
  if (role.contains("attention."))
    return "attention";
  if (role.contains("mlp."))
    return "feed-forward";
  if (role.starts_with("head"))
    return "head";
  return "embedding";
}

/// {part: parameters, ..., "total": parameters}. A tied head has none of its own.
Json countParameters(const spec::Model &model) {
  llvm::MapVector<llvm::StringRef, uint64_t> parts;
  for (const char *part : {"embedding", "attention", "feed-forward", "norms", "head"})
    parts[part] = 0;
  uint64_t total = 0;
  for (const WeightShape &weight : weightShapes(model)) {
    uint64_t count = uint64_t(weight.rows) * uint64_t(weight.columns);
    parts[partOf(weight.role)] += count;
    total += count;
  }
  Json json;
  for (auto &[part, count] : parts)
    json[part.str()] = count;
  json["total"] = total;
  return json;
}

/// Bytes of one cached number, as compile chooses it: f32 when all matrices are, else f16.
uint64_t cacheElementBytes(const Input &input) {
  if (!input.weights)
    return input.model.weight_format() == spec::F32 ? 4 : 2;
  for (const WeightShape &shape : weightShapes(input.model)) {
    llvm::Expected<const Weight *> weight = input.weights->get(shape.role);
    if (!weight)
      llvm::consumeError(weight.takeError());
    else if (shape.rows > 1 && (*weight)->format != Format::F32)
      return 2;
  }
  return 4;
}

/// The spec that a bundle carries.
llvm::Expected<spec::Model> specOf(const lathe_model &tables, const std::string &bundle) {
  spec::Model model;
  if (llvm::Error error = parseTextProto(tables.spec, bundle + ": its spec", model))
    return error;
  if (llvm::Error error = validate(model, bundle))
    return error;
  return model;
}

/// Programs with their phases; phases of one name in all layers are one entry.
Json describePrograms(const lathe_model &tables) {
  Json programs = Json::array();
  for (uint32_t p = 0; p < tables.n_programs; ++p) {
    const lathe_program &program = tables.programs[p];
    llvm::MapVector<llvm::StringRef, Json> phases;
    for (uint32_t i = 0; i < program.n_phases; ++i) {
      const lathe_phase &phase = tables.phases[program.first_phase + i];
      Json &entry = phases[withoutLayer(phase.name)];
      if (entry.is_null()) {
        Json kernels = Json::array();
        auto list = [&](uint32_t first, uint32_t count) {
          for (uint32_t call = first; call < first + count; ++call)
            kernels.push_back(tables.kernels[tables.calls[call].kernel].symbol);
        };
        list(phase.first_prologue, phase.n_prologue);
        list(phase.first_call, phase.n_calls);
        entry = {{"name", withoutLayer(phase.name).str()},
                 {"count", 0},
                 {"column_tiles", phase.column_tiles},
                 {"rows_per_tile", phase.rows_per_tile},
                 {"weight_bytes", phase.weight_bytes},
                 {"operations", phase.operations},
                 {"kernels", kernels}};
      }
      entry["count"] = entry["count"].get<uint64_t>() + 1;
    }
    Json list = Json::array();
    for (auto &[name, entry] : phases)
      list.push_back(std::move(entry));
    programs.push_back({{"name", program.name},
                        {"max_rows", program.max_rows},
                        {"arena_bytes", program.arena_bytes},
                        {"scratch_bytes", program.scratch_bytes},
                        {"barriers", program.n_phases},
                        {"phases", std::move(list)}});
  }
  return programs;
}

Json describeBundle(const lathe_model &tables) {
  Json kernels = Json::array(), formats = Json::object();
  for (uint32_t i = 0; i < tables.n_kernels; ++i)
    kernels.push_back({{"symbol", tables.kernels[i].symbol}, {"schedule", tables.kernels[i].schedule}});
  for (uint32_t i = 0; i < tables.n_weights; ++i) {
    auto &bytes = formats[tables.weights[i].format];
    bytes = (bytes.is_null() ? 0 : bytes.get<uint64_t>()) + tables.weights[i].bytes;
  }
  return {{"target", tables.target},
          {"weights_bytes", tables.weights_bytes},
          {"bytes_by_format", formats},
          {"tokenizer_bytes", tables.tokenizer_bytes},
          {"max_sequences", tables.max_slots},
          {"programs", describePrograms(tables)},
          {"kernels", kernels}};
}

void printBundle(const Json &bundle) {
  llvm::raw_ostream &out = llvm::outs();
  out << "\ntarget " << bundle["target"].get<std::string>() << ", weights "
      << bytesText(bundle["weights_bytes"].get<double>()) << '\n';
  for (const Json &program : bundle["programs"]) {
    out << "\nprogram " << program["name"].get<std::string>() << ": up to " << program["max_rows"].get<uint64_t>()
        << " rows, " << program["barriers"].get<uint64_t>() << " phases, arena "
        << bytesText(program["arena_bytes"].get<double>()) << ", scratch "
        << bytesText(program["scratch_bytes"].get<double>()) << " a worker\n";
    Table table({"  phase", "times", "column tiles", "rows a tile", "weights", "operations a row"});
    for (const Json &phase : program["phases"])
      table.add({"  " + phase["name"].get<std::string>(), groupedDigits(phase["count"]),
                 groupedDigits(phase["column_tiles"]), groupedDigits(phase["rows_per_tile"]),
                 bytesText(phase["weight_bytes"].get<double>()), groupedDigits(phase["operations"])});
    out << table.text();
  }
  out << '\n';
  Table kernels({"kernel", "schedule"});
  for (const Json &kernel : bundle["kernels"])
    kernels.add({kernel["symbol"], kernel["schedule"]});
  out << kernels.text();
}

void print(const Json &all) {
  llvm::raw_ostream &out = llvm::outs();
  out << all["spec"].get<std::string>() << '\n';
  Table parameters({"part", "parameters"});
  for (const auto &[part, count] : all["parameters"].items())
    parameters.add({part, groupedDigits(count)});
  out << parameters.text() << '\n'
      << "KV cache: " << groupedDigits(all["kv_cache_bytes_per_token"]) << " bytes a token ("
      << all["kv_cache_format"].get<std::string>() << "), "
      << bytesText(all["kv_cache_bytes_full_context"].get<double>()) << " at " << groupedDigits(all["max_context"])
      << " positions\n";
  if (all.contains("bundle"))
    printBundle(all["bundle"]);
}

llvm::Error inspect(const Options &options) {
  spec::Model model;
  Json bundle;
  uint64_t cacheBytes = 0;
  uint64_t elementBytes = 0;
  if (isBundle(options.source)) {
    llvm::Expected<std::shared_ptr<const Model>> opened = openModel(options.source);
    if (!opened)
      return opened.takeError();
    const lathe_model &tables = (*opened)->tables();
    llvm::Expected<spec::Model> carried = specOf(tables, options.source);
    if (!carried)
      return carried.takeError();
    model = std::move(*carried);
    bundle = describeBundle(tables);
    cacheBytes = tables.cache.layers * tables.cache.page_bytes / LATHE_PAGE_POSITIONS;
    elementBytes = tables.cache.type.bits / 8;
  } else {
    llvm::Expected<Input> input = readInput(options.source, options.input);
    if (!input)
      return input.takeError();
    elementBytes = cacheElementBytes(*input);
    model = std::move(input->model);
    cacheBytes =
        uint64_t(model.n_layers()) * 2 * model.attention().n_kv_heads() * model.attention().head_size() * elementBytes;
  }
  Json all = {{"name", model.name()},
              {"family", model.family()},
              {"parameters", countParameters(model)},
              {"kv_cache_bytes_per_token", cacheBytes},
              {"kv_cache_format", elementBytes == 4 ? "f32" : "f16"},
              {"kv_cache_bytes_full_context", cacheBytes * model.max_context()},
              {"max_context", model.max_context()},
              {"spec", printSpec(model)}};
  if (!bundle.is_null())
    all["bundle"] = std::move(bundle);
  if (options.json)
    llvm::outs() << all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  else
    print(all);
  return llvm::Error::success();
}

} // namespace

void addInspect(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand("inspect", "show what a model or a bundle is made of");
  command->add_option("source", options->source, "a bundle, or an input of 'lathe compile'")->required();
  addInputFlags(*command, options->input);
  command->add_flag("--json", options->json, "one JSON object on stdout");
  onChosen(*command, options, outcome, inspect);
}

} // namespace lathe::cli
