//===- PrintTables.cpp - the tables of a bundle as text ----------------------------------------------------------===//
#include "compiler/link/Tables.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lathe;
using llvm::formatv;

static std::string typeName(lathe_type type) {
  const char *code = type.code == LATHE_INT     ? "i"
                     : type.code == LATHE_UINT  ? "u"
                     : type.code == LATHE_FLOAT ? "f"
                                                : "bf";
  return code + std::to_string(type.bits);
}

static void printView(const lathe_variant &variant, const lathe_view &view, llvm::raw_ostream &out) {
  out << baseName(static_cast<Base>(view.base));
  if (view.base == LATHE_BASE_CACHE || view.base == LATHE_BASE_STATE)
    out << "[" << view.layer << "]";
  out << "+" << view.offset;
  static const char *const moves[] = {"m", "n", "s", "e", "j"};
  for (int i = 0; i < 5; ++i)
    if (view.step[i])
      out << "+" << view.step[i] << moves[i];
  out << " " << typeName(view.type);
  for (uint32_t i = 0; i < view.dimensions; ++i) {
    const lathe_dim &dim = variant.dims[view.first_dim + i];
    out << (i ? ", " : "[") << dim.extent << ":" << dim.stride;
  }
  out << "]";
}

static void printCalls(const lathe_variant &variant, uint32_t first, uint32_t count, llvm::raw_ostream &out) {
  static const char *const scopes[] = {"tile", "splits", "worker"};
  for (uint32_t i = first; i < first + count; ++i) {
    const lathe_call &call = variant.calls[i];
    out << "    " << scopes[call.scope] << (call.one_sequence ? " of one sequence " : " ")
        << variant.kernels[call.kernel].symbol << "\n";
    for (uint32_t v = 0; v < call.n_views; ++v) {
      out << "      ";
      printView(variant, variant.views[call.first_view + v], out);
      out << "\n";
    }
  }
}

static void printWork(const lathe_work &work, llvm::raw_ostream &out) {
  static const char *const rates[] = {"f32", "dot4", "dot4 twice", "half"};
  out << formatv(
      "    work: {0} weight bytes, {1} activation bytes a row, {2} cache bytes a position{3}; {4} operations a "
      "row, {5} a position ({6})\n",
      work.weight_bytes, work.activation_bytes, work.cache_bytes,
      work.window ? formatv(" of {0} at most", work.window).str() : "", work.operations, work.position_operations,
      rates[work.rate]);
}

static void printVariant(const lathe_variant &variant, llvm::raw_ostream &out) {
  static const char *const rowKinds[] = {"rows", "logit rows", "choices", "step"};
  out << formatv("variant {0}, logits stride {1}\n", variant.target, variant.logits_stride);
  const lathe_cache &cache = variant.cache;
  out << formatv("cache {0} layers x {1} heads x {2}{3} {4}, page {5} bytes, {6} pages a sequence, splits of {7}\n",
                 cache.layers, cache.kv_heads, cache.head_size,
                 cache.value_size == cache.head_size ? "" : formatv(" and {0}", cache.value_size).str(),
                 typeName(cache.type), cache.page_bytes, cache.max_pages, cache.split_positions);
  if (variant.state.layers)
    out << formatv("state {0} layers of {1} bytes\n", variant.state.layers, variant.state.bytes);
  out << "kernels\n";
  for (uint32_t i = 0; i < variant.n_kernels; ++i)
    out << "  " << variant.kernels[i].symbol << " (" << variant.kernels[i].schedule << ")\n";
  for (uint32_t i = 0; i < variant.n_programs; ++i) {
    const lathe_program &program = variant.programs[i];
    out << formatv("program {0}: {1} rows, {2} logit rows{3}, arena {4} bytes, scratch {5} bytes\n", program.name,
                   program.max_rows, program.max_logit_rows, program.distinct_sequences ? ", distinct sequences" : "",
                   program.arena_bytes, program.scratch_bytes);
    for (uint32_t p = program.first_phase; p < program.first_phase + program.n_phases; ++p) {
      const lathe_phase &phase = variant.phases[p];
      out << formatv("  phase \"{0}\": {1} a tile, {2} column tiles{3}", phase.name,
                     formatv("{0} {1}", phase.rows_per_tile, rowKinds[phase.rows]), phase.column_tiles,
                     phase.splits ? ", splits" : "");
      if (phase.hidden)
        out << ", hidden state " << phase.hidden - 1;
      if (phase.launch.unit)
        out << formatv(", launch of {0} in unit {1} with {2} threads and {3} shared bytes{4}", phase.launch.entry,
                       phase.launch.unit - 1, phase.launch.threads, phase.launch.shared_bytes,
                       phase.launch.early ? ", early" : "");
      out << "\n";
      printWork(phase.work, out);
      printCalls(variant, phase.first_prologue, phase.n_prologue, out);
      printCalls(variant, phase.first_call, phase.n_calls, out);
    }
  }
}

void lathe::printTables(const lathe_model &model, llvm::raw_ostream &out) {
  out << formatv("model {0}, build {1:x-16}, abi {2}\n", model.name, model.build_id, model.abi_version);
  out << formatv("context {0}, vocabulary {1}, slots {2}\n", model.max_context, model.vocabulary, model.max_slots);
  out << formatv("weights {0} bytes, tokenizer {1} bytes at {2}\n", model.weights_bytes, model.tokenizer_bytes,
                 model.tokenizer_offset);
  for (uint32_t i = 0; i < model.n_weights; ++i) {
    const lathe_weight &weight = model.weights[i];
    out << formatv("  {0,10} {1,10} {2} {3} {4}x{5}\n", weight.offset, weight.bytes, weight.name, weight.format,
                   weight.rows, weight.columns);
  }
  for (uint32_t i = 0; i < model.n_variants; ++i)
    printVariant(model.variants[i], out);
}
