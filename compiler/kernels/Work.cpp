//===- Work.cpp - what a phase reads and computes ---------------------------------------------------------------===//
#include "compiler/kernels/Program.h"
#include "compiler/kernels/Signature.h"
#include <algorithm>

using namespace lathe;

namespace {

/// Bytes of one row of an argument: all that a call sees, but for arrays of which it takes the rows that an index says.
int64_t bytesOfRow(const KernelDesc &kernel, const Argument &argument) {
  const bool whole = argument.name == "x" || argument.name == "w" || argument.name == "wh" || argument.name == "d" ||
                     argument.name == "m" || argument.name == "s" || argument.name == "t";
  if (const auto *norm = std::get_if<NormKernel>(&kernel); norm && norm->gatherRows && whole)
    return norm->columns * 4;
  if (const auto *collect = std::get_if<CollectKernel>(&kernel); collect && whole)
    return collect->columns * collect->choices * 4;
  int64_t elements = 1;
  for (const Argument::Dim &dim : argument.dims)
    elements *= dim.extent;
  return elements * elementBytes(argument.type);
}

/// Rotary tables: of a row, one line of each.
bool isAngleTable(const Argument &argument) {
  return argument.name == "high" || argument.name == "low" || argument.name == "frequencies" ||
         argument.name == "growth";
}

} // namespace

Work lathe::workOf(const ProgramSet &set, const Phase &phase) {
  Work work = phase.work;
  auto isMatrix = [&](const View &view) {
    auto found = std::ranges::find(set.weights, view.weight, &PackedWeight::name);
    return found != set.weights.end() && !found->vector;
  };
  for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
    for (const Call &call : *calls) {
      const int64_t units = call.scope == Scope::Worker ? 1 : phase.columns;
      std::visit([&](const auto &kernel) { kernel.count(work, units); }, call.kernel);
      const std::vector<Argument> arguments = signature(call.kernel);
      for (size_t i = 0; i < arguments.size(); ++i) {
        const View &view = call.views[i];
        const int64_t times = view.perColumn ? units : 1;
        if (view.base == Base::Arena || view.base == Base::Logits || view.base == Base::State)
          work.activationBytes += times * (view.base == Base::State ? 2 * set.state.bytes / std::max<int64_t>(1, units)
                                                                    : bytesOfRow(call.kernel, arguments[i]));
        else if (view.base == Base::Weights && isAngleTable(arguments[i]))
          work.activationBytes += 2 * 4 * arguments[i].dims[1].extent;
        else if (view.base == Base::Weights && !isMatrix(view))
          work.weightBytes += times * bytesOfRow(call.kernel, arguments[i]);
      }
      if (const auto *embed = std::get_if<EmbedKernel>(&call.kernel)) // one row of the table
        work.activationBytes += panelBytes(embed->format, embed->columns) / kPanelRows;
    }
  return work;
}
