#include "tools/lathe/BundleFacts.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Console.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe::cli {

using Json = nlohmann::ordered_json;

/// Programs with their phases; phases of one name in all layers are one entry.
static Json describePrograms(const lathe_variant &variant) {
  Json programs = Json::array();
  for (uint32_t p = 0; p < variant.n_programs; ++p) {
    const lathe_program &program = variant.programs[p];
    llvm::MapVector<llvm::StringRef, Json> phases;
    for (uint32_t i = 0; i < program.n_phases; ++i) {
      const lathe_phase &phase = variant.phases[program.first_phase + i];
      Json &entry = phases[withoutLayer(phase.name)];
      if (entry.is_null()) {
        Json kernels = Json::array();
        auto list = [&](uint32_t first, uint32_t count) {
          for (uint32_t call = first; call < first + count; ++call)
            kernels.push_back(variant.kernels[variant.calls[call].kernel].symbol);
        };
        list(phase.first_prologue, phase.n_prologue);
        list(phase.first_call, phase.n_calls);
        entry = {{"name", withoutLayer(phase.name).str()},
                 {"count", 0},
                 {"column_tiles", phase.column_tiles},
                 {"rows_per_tile", phase.rows_per_tile},
                 {"weight_bytes", phase.work.weight_bytes},
                 {"activation_bytes", phase.work.activation_bytes},
                 {"cache_bytes", phase.work.cache_bytes},
                 {"operations", phase.work.operations},
                 {"position_operations", phase.work.position_operations},
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

Json describeBundle(const Model &model) {
  const lathe_model &tables = model.tables();
  const lathe_variant &variant = model.variant();
  Json kernels = Json::array(), formats = Json::object();
  for (uint32_t i = 0; i < variant.n_kernels; ++i)
    kernels.push_back({{"symbol", variant.kernels[i].symbol}, {"schedule", variant.kernels[i].schedule}});
  llvm::MapVector<llvm::StringRef, std::pair<uint64_t, uint64_t>> sizes; // bytes and numbers
  for (uint32_t i = 0; i < tables.n_weights; ++i) {
    auto &[bytes, numbers] = sizes[tables.weights[i].format];
    bytes += tables.weights[i].bytes;
    numbers += tables.weights[i].rows * tables.weights[i].columns;
  }
  Json bits = Json::object();
  for (auto &[format, size] : sizes) {
    formats[format.str()] = size.first;
    bits[format.str()] = double(size.first) * 8 / double(std::max<uint64_t>(1, size.second));
  }
  Json targets = Json::array();
  for (uint32_t i = 0; i < tables.n_variants; ++i)
    targets.push_back(tables.variants[i].target);
  return {{"target", variant.target},
          {"targets", targets},
          {"weights_bytes", tables.weights_bytes},
          {"bytes_by_format", formats},
          {"bits_a_weight_by_format", bits},
          {"tokenizer_bytes", tables.tokenizer_bytes},
          {"max_sequences", tables.max_slots},
          {"programs", describePrograms(model.variant())},
          {"kernels", kernels}};
}

void printBundle(const Json &bundle, llvm::raw_ostream &out) {
  out << "\ntarget " << bundle["target"].get<std::string>();
  if (bundle["targets"].size() > 1) {
    out << " (of";
    for (const Json &target : bundle["targets"])
      out << ' ' << target.get<std::string>();
    out << ')';
  }
  out << ", weights " << bytesText(bundle["weights_bytes"].get<double>()) << '\n';
  for (auto &[format, bytes] : bundle["bytes_by_format"].items())
    out << llvm::formatv("  {0}: {1}, {2:f2} bits a weight\n", format, bytesText(bytes.get<double>()),
                         bundle["bits_a_weight_by_format"][format].get<double>());
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

} // namespace lathe::cli
