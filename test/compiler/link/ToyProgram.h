//===- ToyProgram.h - the smallest program that has everything a bundle holds -------------------------*- C++ -*-===//
//
// logits[r] = W * E[ids[r]]: an embedding, a gather in the prologue and a linear, for decode (1 row) and prefill (4
// rows).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_COMPILER_LINK_TOYPROGRAM_H
#define LATHE_TEST_COMPILER_LINK_TOYPROGRAM_H

#include "compiler/kernels/Program.h"

namespace lathe {

inline constexpr int64_t kToyVocabulary = 75, kToyColumns = 40, kToyPanels = 5; // 80 rows

inline PackedWeight toyMatrix(const char *name) {
  return {name,  {name},         PackedFormat::F32, false,
          false, kToyVocabulary, kToyColumns,       kToyPanels * panelBytes(PackedFormat::F32, kToyColumns)};
}

inline Program toyProgram(const char *name, int64_t rows) {
  const int64_t row = rowStride(kToyColumns) * 4;
  Program program{name, rows, rows, rows == 1, rows * row, {}};
  Phase embed;
  embed.name = "embed";
  embed.calls.push_back({EmbedKernel{PackedFormat::F32, kToyVocabulary, kToyColumns},
                         Scope::Tile,
                         {{Base::Ids, "", 0, 0, 4}, {Base::Weights, "embedding"}, {Base::Arena, "", 0, 0, row}}});
  embed.result = View{Base::Arena, "", 0, 0, row};
  embed.resultColumns = kToyColumns;
  embed.resultStride = rowStride(kToyColumns);
  program.phases.push_back(embed);

  Phase head;
  head.name = "head";
  head.rowKind = RowKind::Logits;
  head.columns = kToyPanels;
  NormKernel gather{NormKind::None, kToyColumns};
  gather.gatherRows = rows;
  head.scratchBytes = rows * row;
  head.prologue.push_back(
      {gather, Scope::Worker, {{Base::LogitRows, "", 0, 0, 4}, {Base::Arena}, {Base::Scratch, "", 0, 0, row}}});
  LinearKernel linear{.format = PackedFormat::F32, .input = ActFormat::F32, .columns = kToyColumns, .outputStride = 0};
  linear.outputStride = kToyPanels * kPanelRows;
  head.calls.push_back({linear,
                        Scope::Tile,
                        {{Base::Scratch, "", 0, 0, row},
                         {Base::Weights, "head", 0, 0, 0, panelBytes(PackedFormat::F32, kToyColumns)},
                         {Base::Logits, "", 0, 0, linear.outputStride * 4, kPanelRows * 4}}});
  head.work = {.weightBytes = 7, .operations = 9};
  program.phases.push_back(head);
  return program;
}

inline ProgramSet toySet() {
  ProgramSet set;
  set.programs = {toyProgram("decode", 1), toyProgram("prefill", 4)};
  set.weights = {toyMatrix("embedding"), toyMatrix("head")};
  set.tables = {{"unused table", {1, 2, 3}}};
  set.cache = {1, 1, 8, 8, CacheFormat::F16, 2, 64};
  set.vocabulary = kToyVocabulary;
  set.logitsStride = kToyPanels * kPanelRows;
  set.maxContext = 100;
  set.maxSlots = 4;
  return set;
}

} // namespace lathe

#endif
