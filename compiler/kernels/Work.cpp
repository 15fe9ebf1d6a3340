//===- Work.cpp - what a phase reads and computes ---------------------------------------------------------------===//
#include "compiler/kernels/Work.h"
#include "compiler/kernels/Signature.h"
#include <algorithm>

using namespace lathe;

namespace {

int64_t cacheElementBytes(CacheFormat format) { return format == CacheFormat::F32 ? 4 : 2; }

/// What one call does for a row, beside matrices: operations, and what it reads for each position that the row sees.
/// `units`: calls that a row has, one for each column unit.
struct CallWork {
  Work &work;
  int64_t units;

  void operator()(const EmbedKernel &k) const { work.operations += k.columns; }
  void operator()(const NormKernel &k) const {
    // Squares and their sum, the factor, the weight; a layer norm's mean too. A copy moves numbers.
    work.operations += k.columns * (k.kind == NormKind::Layer ? 6 : k.kind == NormKind::RMS ? 4 : 0);
    quantize(k.output, k.columns);
  }
  void operator()(const LinearKernel &k) const {
    work.rate = k.input == ActFormat::Q16 ? Rate::Dot4Twice : k.input == ActFormat::Q8 ? Rate::Dot4 : Rate::F32;
  }
  void operator()(const RotateKernel &k) const { rotate(k.rotation, k.heads); }
  void operator()(const AppendKernel &k) const {
    if (k.rotation.rotated) // its group's queries and its key
      rotate(k.rotation, units * (k.heads / k.kvHeads + 1));
  }
  void operator()(const AttendKernel &k) const {
    work.cacheBytes += k.kvHeads * (k.headSize + k.valueSize()) * cacheElementBytes(k.cache);
    work.positionOperations += k.heads * (2 * k.headSize + 2 * k.valueSize());
    work.window = k.window;
  }
  void operator()(const CombineKernel &k) const {
    work.operations += units * 2 * k.heads * k.headSize;
    quantize(k.output, units * k.heads * k.headSize);
  }
  void operator()(const PointwiseKernel &k) const {
    work.operations += k.columns * (k.kind == Pointwise::Glu ? 2 : 1);
    quantize(k.output, k.columns);
  }
  void operator()(const RouteKernel &k) const { work.operations += 2 * k.experts; }
  void operator()(const AssignKernel &k) const { work.operations += k.layout.rows * k.layout.choices; }
  void operator()(const CollectKernel &k) const {
    work.operations += 2 * k.columns * k.choices;
    quantize(k.output, k.columns);
  }
  void operator()(const ConvKernel &) const {} // a matrix
  void operator()(const ScanKernel &) const {}

  /// A pair turns by four products and two sums.
  void rotate(const Rotation &rotation, int64_t heads) const { work.operations += 3 * rotation.rotated * heads; }
  void quantize(ActFormat format, int64_t columns) const {
    if (format == ActFormat::Q16)
      work.operations += 2 * columns; // a maximum and a product each
  }
};

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
      std::visit(CallWork{work, units}, call.kernel);
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
