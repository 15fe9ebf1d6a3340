//===- DescribeRecurrence.cpp - phases whose rows follow from one another ---------------------------------------===//
#include "compiler/kernels/DescribePhase.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

namespace {

/// How many of `count` blocks one call takes: enough to make its overhead small, few enough that a dozen workers share
/// the rest.
int64_t blocksOfCall(int64_t count) {
  constexpr int64_t most = 8, calls = 12;
  int64_t best = 1;
  for (int64_t n = 1; n <= most; ++n)
    if (count % n == 0 && count / n >= calls)
      best = n;
  return best;
}

} // namespace

Error PhaseDescriber::addSlices() {
  for (Operation &o : body.without_terminator())
    if (auto slice = llvm::dyn_cast<ir::SliceOp>(&o))
      if (Error wrong = addSlice(slice))
        return wrong;
  return Error::success();
}

Error PhaseDescriber::describeConv(ir::ConvOp conv) {
  if (Error wrong = addSlices())
    return wrong;
  const PackedWeight &packed = weight(conv.getWeightAttr());
  if (packed.format != PackedFormat::F32)
    return error(conv, "has weights that are not f32");
  // Channels that are no whole panels stay together: their last panel is the row's last.
  const int64_t channels = packed.rows, width = packed.columns;
  const int64_t panels = channels % kPanelRows ? panelsOf(channels) : blocksOfCall(channels / kPanelRows);
  const int64_t lanes = panels * kPanelRows;
  ConvKernel kernel{.channels = std::min(channels, lanes),
                    .width = width,
                    .bias = conv.getBiasAttr() != nullptr,
                    .stateElements = context.set.state.bytes / kF32};
  Value result = conv.getResult();
  if (auto activation = result.hasOneUse() ? llvm::dyn_cast<ir::ActivationOp>(*result.user_begin()) : nullptr) {
    kernel.activation = activationOf(activation.getActivation());
    result = activation.getResult();
  }
  if (given() != result)
    return error(conv, "is followed by ops that its phase does not give");
  Expected<View> positions = index(conv, conv.getPositions(), Base::Positions);
  if (!positions)
    return positions.takeError();
  Expected<Place> input = plainSource(conv, conv.getInput());
  if (!input)
    return input.takeError();
  phase.inOrder = true;
  phase.columns = panelsOf(channels) / panels;
  std::vector<View> views = {{.base = Base::Blocks, .perRow = 4}, *positions, rows(*input, lanes * kF32)};
  addMatrix(views, packed, panels * panelBytes(packed.format, width));
  if (kernel.bias)
    views.push_back(vector(conv.getBiasAttr(), lanes * kF32));
  views.push_back({.base = Base::State, .layer = conv.getLayer(), .perColumn = lanes * width * kF32});
  views.push_back(rows(destination(result, Scope::Tile), lanes * kF32));
  phase.calls.push_back({kernel, Scope::Tile, std::move(views)});
  phase.work.weightBytes += packed.bytes;
  phase.work.operations += 2 * channels * width;
  return Error::success();
}

Error PhaseDescriber::describeScan(ir::ScanOp scan) {
  if (Error wrong = addSlices())
    return wrong;
  const PackedWeight &decays = weight(scan.getAAttr());
  const int64_t heads = scan.heads(), groups = scan.getGroups();
  ScanKernel kernel{.heads = heads,
                    .headSize = scan.headSize(),
                    .stateSize = scan.stateSize(),
                    .groups = groups,
                    .groupHeads = heads / groups,
                    .byChannel = !decays.vector,
                    .dtMin = scan.getDtMin().convertToDouble(),
                    .dtMax = scan.getDtMax().convertToDouble(),
                    .stateElements = context.set.state.bytes / kF32};
  if (!kernel.byChannel)
    kernel.heads = blocksOfCall(heads);
  else if (heads % kPanelRows == 0)
    kernel.heads = blocksOfCall(heads / kPanelRows) * kPanelRows;
  Expected<View> positions = index(scan, scan.getPositions(), Base::Positions);
  if (!positions)
    return positions.takeError();
  phase.inOrder = true;
  phase.columns = heads / kernel.heads;
  std::vector<View> views = {{.base = Base::Blocks, .perRow = 4}, *positions, {.base = Base::Tile}};
  const int64_t channelBytes = kernel.blocks() * kernel.lanes() * kF32, headBytes = kernel.heads * kF32;
  for (auto [value, perColumn] : {std::pair<Value, int64_t>{scan.getInput(), channelBytes},
                                  {scan.getDt(), headBytes},
                                  {scan.getB(), 0},
                                  {scan.getC(), 0}}) {
    Expected<Place> place = plainSource(scan, value);
    if (!place)
      return place.takeError();
    views.push_back(rows(*place, perColumn));
  }
  if (kernel.byChannel)
    addMatrix(views, decays, kernel.blocks() * panelBytes(decays.format, decays.columns));
  else
    views.push_back(vector(scan.getAAttr(), headBytes));
  views.push_back(vector(scan.getDAttr(), headBytes));
  views.push_back(vector(scan.getDtBiasAttr(), headBytes));
  views.push_back({.base = Base::State,
                   .layer = scan.getLayer(),
                   .offset = context.set.state.scanOffset,
                   .perColumn = channelBytes * kernel.stateSize});
  if (given() != scan.getResult())
    return error(scan, "is followed by ops that its phase does not give");
  views.push_back(rows(destination(scan.getResult(), Scope::Tile), channelBytes));
  phase.calls.push_back({kernel, Scope::Tile, std::move(views)});
  if (kernel.byChannel)
    phase.work.weightBytes += decays.bytes;
  phase.work.operations += 6 * ir::widthOf(scan.getInput()) * kernel.stateSize;
  return Error::success();
}
