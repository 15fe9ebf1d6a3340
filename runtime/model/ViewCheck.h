//===- ViewCheck.h - does a view stay inside its memory? ------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_MODEL_VIEWCHECK_H
#define LATHE_RUNTIME_MODEL_VIEWCHECK_H

#include "runtime/abi/model_abi.h"
#include "runtime/core/Result.h"
#include <cstdint>

namespace lathe {

/// How many values a call's m, n, s and expert take.
struct ViewLimits {
  uint64_t count[5] = {1, 1, 1, 1, 1};
};

/// Rows of a phase, at most. A phase of choices must have a sound table.
uint64_t rowLimit(const lathe_variant &variant, const lathe_program &program, const lathe_phase &phase);

ViewLimits viewLimits(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                      const lathe_phase &phase, const lathe_call &call);

/// Base, layer, type and dimensions: what must hold for any view, used or not.
Result<void> checkViewFields(const lathe_variant &variant, const lathe_view &view);

/// The bytes that the view touches over all m, n and s. Its fields must be sound.
Result<void> checkView(const lathe_model &model, const lathe_variant &variant, const lathe_program &program,
                       const lathe_view &view, const ViewLimits &limits);

} // namespace lathe

#endif
