#include "tools/lathe/ModelFacts.h"
#include "compiler/spec/Input.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace lathe::cli {
namespace {

/// The part of a model that a weight belongs to, by the words of its role ("layers.3.attention.query").
std::string partOf(llvm::StringRef role) {
  if (role.contains("norm"))
    return "norms";
  if (role.starts_with("head"))
    return "head";
  if (!role.consume_front("layers."))
    return "embedding";
  llvm::StringRef mixer = role.split('.').second.split('.').first;
  return llvm::StringSwitch<llvm::StringRef>(mixer).Case("mlp", "feed-forward").Default(mixer).str();
}

} // namespace

uint64_t ModelFacts::part(const std::string &name) const {
  auto found = llvm::find_if(parts, [&](const auto &known) { return known.first == name; });
  return found == parts.end() ? 0 : found->second;
}

uint64_t ModelFacts::attentionFlops(uint64_t context) const {
  uint64_t total = 0;
  for (const Attention &attention : attentions)
    total += attention.flopsPerPosition * (attention.window ? std::min(attention.window, context) : context);
  return total;
}

/// Of a row through a linear: 2 for each number of its matrix, of those experts that the row chooses.
static uint64_t productFlops(const ProgramSet &programs, const Phase &phase, const Call &call) {
  const int64_t choices = phase.rowKind == RowKind::Choices ? phase.choices.layout.choices : 1;
  for (const View &view : call.views)
    for (const PackedWeight &weight : programs.weights)
      if (view.base == Base::Weights && view.weight == weight.name && !weight.vector)
        return uint64_t(2 * choices * weight.expertRows() * weight.columns);
  return 0;
}

ModelFacts factsOf(const spec::Model &model, const ProgramSet &programs) {
  ModelFacts facts;
  facts.model = model;
  for (const char *part : {"embedding", "attention", "feed-forward", "norms", "head"}) // in this order
    facts.parts.push_back({part, 0});
  for (const WeightShape &weight : weightShapes(model)) {
    if (weight.made)
      continue;
    uint64_t count = uint64_t(weight.rows) * uint64_t(weight.columns);
    std::string part = partOf(weight.role);
    auto found = llvm::find_if(facts.parts, [&](const auto &known) { return known.first == part; });
    (found == facts.parts.end() ? facts.parts.emplace_back(part, 0) : *found).second += count;
    facts.parameters += count;
    facts.activeParameters += count / uint64_t(weight.parts) * uint64_t(weight.chosen);
  }
  const CacheLayout &cache = programs.cache;
  facts.cacheFormat = nameOf(cache.format);
  facts.cacheTokenBytes = uint64_t(cache.layers * cache.pageBytes() / kPagePositions);
  facts.stateBytes = uint64_t(programs.state.layers * programs.state.bytes);
  for (const Phase &phase : programs.programs.front().phases) { // the smallest: decode
    if (phase.inOrder)
      facts.recurrenceFlops += uint64_t(phase.work.operations);
    for (const Call &call : phase.calls)
      if (std::holds_alternative<LinearKernel>(call.kernel))
        facts.productFlops += productFlops(programs, phase, call);
      else if (auto *attend = std::get_if<AttendKernel>(&call.kernel))
        facts.attentions.push_back(
            {uint64_t(2 * attend->heads * (attend->headSize + attend->valueSize())), uint64_t(attend->window)});
  }
  return facts;
}

} // namespace lathe::cli
