//===- DescribeExperts.cpp - phases of mixtures of experts --------------------------------------------------------===//
#include "compiler/kernels/DescribePhase.h"

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

Expected<ChoiceTable> PhaseDescriber::table(Operation *user, Value choices) {
  Expected<Place> place = source(user, choices);
  if (!place)
    return place.takeError();
  return place->choices;
}

Error PhaseDescriber::addDispatch(ir::DispatchOp dispatch, Scope scope, std::vector<Call> &calls) {
  Expected<ChoiceTable> choices = table(dispatch, dispatch.getChoices());
  if (!choices)
    return choices.takeError();
  View row{.base = Base::Arena, .offset = choices->offset + choices->layout.rowsOffset(), .perRow = 4};
  return addChosen(dispatch, row, scope, calls);
}

Error PhaseDescriber::addRoute(ir::RouteOp route, Scope scope, std::vector<Call> &calls) {
  Expected<Place> from = source(route, route.getInput());
  if (!from)
    return from.takeError();
  RouteKernel kernel{.experts = from->columns,
                     .choices = ir::widthOf(route.getResult()),
                     .scoring = route.getScoring() == ir::Scoring::Softmax ? Scoring::Softmax : Scoring::Sigmoid,
                     .bias = route.getBiasAttr() != nullptr,
                     .normalise = route.getNormalize(),
                     .scale = route.getScale().convertToDouble(),
                     .groups = static_cast<int64_t>(route.getGroups()),
                     .keep = static_cast<int64_t>(route.getKeep())};
  std::vector<View> views = {rows(*from)};
  if (kernel.bias)
    views.push_back(vector(route.getBiasAttr()));
  addRow(views, destination(route.getResult(), scope));
  calls.push_back({kernel, scope, std::move(views)});
  return Error::success();
}

Error PhaseDescriber::addCollect(ir::CollectOp collect, Value result, Scope scope, std::vector<Call> &calls) {
  Expected<ChoiceTable> choices = table(collect, collect.getChoices());
  if (!choices)
    return choices.takeError();
  Expected<Place> x = source(collect, collect.getInput()), routes = source(collect, collect.getRoutes());
  for (Expected<Place> *place : {&x, &routes})
    if (!*place)
      return place->takeError();
  const ChoiceLayout &layout = choices->layout;
  if (x->rowKind != RowKind::Choices || !(x->choices == *choices) || x->base != Base::Arena ||
      x->perRow != rowStride(x->columns) * 4)
    return error(collect, "must take whole rows of an earlier phase's choices");
  CollectKernel kernel{.columns = x->columns, .choices = layout.choices, .places = layout.places()};
  View places{.base = Base::Arena,
              .offset = choices->offset + layout.placesOffset() + layout.experts * 4,
              .perRow = layout.choices * 4};
  View weights = rows(*routes), all = rows(*x);
  weights.offset += layout.choices * 4; // after the experts
  all.perRow = 0;
  std::vector<View> views = {places, weights, all};
  Place to = destination(result, scope);
  kernel.output = to.format;
  addRow(views, to);
  calls.push_back({kernel, scope, std::move(views)});
  return Error::success();
}

Error PhaseDescriber::describeAssign(ir::AssignOp assign) {
  Expected<Place> routes = source(assign, assign.getRoutes());
  if (!routes)
    return routes.takeError();
  const ChoiceTable table = places[assign.getResult()].choices;
  const ChoiceLayout &layout = table.layout;
  if (body.getOperations().size() != 2 || given() != assign.getResult())
    return error(assign, "stands in a phase with other ops");
  if (layout.rows * layout.choices > int64_t(1) << 20)
    return error(assign, "has more than 2^20 choices in a step");
  View from = rows(*routes);
  from.perRow = 0;
  std::vector<View> views = {{.base = Base::Tile}, from};
  for (int64_t part : {int64_t(0), layout.rowsOffset(), layout.placesOffset()})
    views.push_back({.base = Base::Arena, .offset = table.offset + part});
  phase.calls.push_back({AssignKernel{layout}, Scope::Tile, std::move(views)});
  return Error::success();
}
