//===- DescribeAttention.cpp - phases of attention ----------------------------------------------------------------===//
#include "compiler/kernels/Describe.h"
#include "compiler/kernels/DescribePhase.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using llvm::Error;
using llvm::Expected;

namespace {

/// Angles add: cos and sin of position * f come from those of 64 * page * f and of the place in the page, each exact to
/// f32. `entries` of them, `step` positions apart.
void addAngles(std::vector<float> &table, llvm::ArrayRef<double> frequencies, int64_t entries, int64_t step,
               double magnitude) {
  for (int64_t i = 0; i < entries; ++i)
    for (double frequency : frequencies) {
      double angle = static_cast<double>(i * step) * frequency;
      table.push_back(static_cast<float>(magnitude * std::cos(angle)));
      table.push_back(static_cast<float>(magnitude * std::sin(angle)));
    }
}

/// Lengths from the limit on that a sequence can have, at least one.
int64_t grownLengths(ir::RotationOp rotation, int64_t maxContext) {
  return std::max<int64_t>(1, maxContext - rotation.getLimit() + 1);
}

/// What frequency i is multiplied by i times, for each of those lengths: see lathe.rotation.
std::vector<double> growthOf(ir::RotationOp rotation, int64_t maxContext) {
  std::vector<double> growth;
  const double limit = rotation.getLimit(), factor = rotation.getGrowth().convertToDouble();
  const double exponent = -1 / (static_cast<double>(rotation.getFrequencies().size()) - 1);
  for (int64_t i = 0, n = grownLengths(rotation, maxContext); i < n; ++i)
    growth.push_back(std::pow(1 + factor * static_cast<double>(i) / limit, exponent));
  return growth;
}

/// Each number as the sum of two f32, 48 bits of it.
std::vector<float> pairsOf(llvm::ArrayRef<double> numbers) {
  std::vector<float> pairs;
  for (double number : numbers) {
    pairs.push_back(static_cast<float>(number));
    pairs.push_back(static_cast<float>(number - static_cast<double>(pairs.back())));
  }
  return pairs;
}

} // namespace

std::pair<std::vector<float>, std::vector<float>> lathe::rotaryTables(ir::RotationOp rotation, int64_t maxPages,
                                                                      int64_t maxContext) {
  const llvm::ArrayRef<double> frequencies = rotation.getFrequencies();
  if (rotation.getLimit() && !rotation.getLongFrequencies())
    return {pairsOf(frequencies), pairsOf(growthOf(rotation, maxContext))};
  std::vector<float> high, low;
  addAngles(high, frequencies, maxPages, kPagePositions, 1);
  addAngles(low, frequencies, kPagePositions, 1, rotation.getMagnitude().convertToDouble());
  if (rotation.getLongFrequencies()) {
    addAngles(high, *rotation.getLongFrequencies(), maxPages, kPagePositions, 1);
    addAngles(low, *rotation.getLongFrequencies(), kPagePositions, 1, rotation.getLongMagnitude().convertToDouble());
  }
  return {std::move(high), std::move(low)};
}

std::vector<double> lathe::temperatureTable(double temperature, int64_t every, int64_t maxContext) {
  std::vector<double> temperatures;
  for (int64_t n = 0; n <= maxContext / every; ++n)
    temperatures.push_back(1 + temperature * std::log1p(static_cast<double>(n)));
  return temperatures;
}

Error PhaseDescriber::describeAttention(ir::AppendOp append, ir::AttendOp attend) {
  for (Operation &o : body.without_terminator())
    if (auto slice = llvm::dyn_cast<ir::SliceOp>(&o))
      if (Error wrong = addSlice(slice))
        return wrong;
  phase.columns = append ? append.getKvHeads() : attend.getKvHeads();
  phase.splits = attend && (append || given() == attend.getResult());
  if (append)
    if (Error wrong = addAppend(append, attend))
      return wrong;
  if (!attend)
    return Error::success();
  if (Error wrong = addAttend(attend, phase.splits ? Scope::Tile : Scope::Splits))
    return wrong;
  return phase.splits ? Error::success() : addGroupCombine(attend);
}

Expected<std::vector<View>> PhaseDescriber::rowViews(Operation *user, Value positions, Value slots) {
  Expected<View> position = index(user, positions, Base::Positions);
  if (!position)
    return position.takeError();
  Expected<View> slot = index(user, slots, Base::Slots);
  if (!slot)
    return slot.takeError();
  return std::vector<View>{*position, *slot, View{.base = Base::Pages}, View{.base = Base::Tile}};
}

void PhaseDescriber::addCache(std::vector<View> &views, int64_t layer) const {
  const CacheLayout &cache = context.set.cache;
  const CacheHead head = cacheHead(cache.format, cache.headSize, cache.valueSize);
  std::vector<int64_t> offsets = {0, head.values};
  if (cache.format == CacheFormat::Q8)
    offsets.push_back(head.scales);
  for (int64_t offset : offsets)
    views.push_back({.base = Base::Cache, .layer = layer, .offset = offset, .perColumn = head.bytes});
}

Error PhaseDescriber::addAppend(ir::AppendOp append, ir::AttendOp attend) {
  // The query that turns in this phase: attention's, or (prefill) the phase's result.
  ir::RopeOp keyRope = append.getKey().getDefiningOp<ir::RopeOp>(), queryRope;
  for (auto rope : body.getOps<ir::RopeOp>()) {
    if (rope == keyRope)
      continue;
    bool isQuery = attend ? attend.getQuery() == rope.getResult() : given() == rope.getResult();
    if (queryRope || !isQuery || !rope->hasOneUse())
      return error(rope, "must turn attention's query or key");
    queryRope = rope;
  }
  if (!keyRope != !queryRope)
    return error(append, "has a rotation for only one of query and key");
  const CacheLayout &cache = context.set.cache;
  int64_t headSize = append.getHeadSize(), kvHeads = append.getKvHeads();
  AppendKernel kernel{.heads = kvHeads,
                      .kvHeads = kvHeads,
                      .headSize = headSize,
                      .rotation = {0, Pairing::Interleaved},
                      .cache = cache.format,
                      .maxPages = cache.maxPages,
                      .splitPositions = attend ? cache.splitPositions : 0,
                      .ownValueSize = cache.valueSize == headSize ? 0 : cache.valueSize};
  Expected<std::vector<View>> views = rowViews(append, append.getPositions(), append.getSlots());
  if (!views)
    return views.takeError();
  Expected<Place> key = source(append, keyRope ? keyRope.getInput() : append.getKey());
  if (!key)
    return key.takeError();
  Expected<Place> value = source(append, append.getValue());
  if (!value)
    return value.takeError();
  Place turned;
  int64_t groupBytes = 0;
  if (queryRope) {
    if (keyRope.getRotation() != queryRope.getRotation() || keyRope.getPairing() != queryRope.getPairing() ||
        keyRope.getPositions() != append.getPositions() || queryRope.getPositions() != append.getPositions() ||
        keyRope.getLengths() != queryRope.getLengths() || static_cast<int64_t>(queryRope.getHeadSize()) != headSize ||
        static_cast<int64_t>(keyRope.getHeadSize()) != headSize)
      return error(queryRope, "of the query differs from the key's");
    int64_t width = ir::widthOf(queryRope.getResult());
    kernel.heads = width / headSize;
    if (width % headSize || kernel.heads % kvHeads)
      return error(queryRope, "has heads that its key's heads do not divide");
    Expected<Place> query = source(queryRope, queryRope.getInput());
    if (!query)
      return query.takeError();
    groupBytes = width / kvHeads * kF32;
    Expected<Rotation> rotation = addRotation(keyRope, *views);
    if (!rotation)
      return rotation.takeError();
    kernel.rotation = *rotation;
    views->push_back(rows(*query, groupBytes));
    if (attend) { // of this tile's heads only
      turned = {.base = Base::Scratch, .offset = allocate(groupBytes), .columns = width, .rows = 1};
      places[queryRope.getResult()] = turned;
      groupBytes = 0;
    } else {
      turned = places.lookup(queryRope.getResult());
    }
  }
  views->push_back(rows(*key, headSize * kF32));
  views->push_back(rows(*value, cache.valueSize * kF32));
  if (queryRope)
    views->push_back(rows(turned, groupBytes));
  addCache(*views, append.getLayer());
  phase.calls.push_back({kernel, Scope::Tile, std::move(*views)});
  return Error::success();
}

Error PhaseDescriber::addAttend(ir::AttendOp attend, Scope scope) {
  const CacheLayout &cache = context.set.cache;
  int64_t heads = attend.getHeads(), headSize = attend.getHeadSize(), group = heads / cache.kvHeads;
  AttendKernel kernel{.heads = heads,
                      .kvHeads = cache.kvHeads,
                      .headSize = headSize,
                      .scale = attend.getScale().convertToDouble(),
                      .window = static_cast<int64_t>(attend.getWindow()),
                      .softcap = attend.getSoftcap().convertToDouble(),
                      .cache = cache.format,
                      .maxPages = cache.maxPages,
                      .splitPositions = cache.splitPositions,
                      .alibi = attend.getAlibi().has_value(),
                      .ownValueSize = cache.valueSize == headSize ? 0 : cache.valueSize};
  Expected<std::vector<View>> views = rowViews(attend, attend.getPositions(), attend.getSlots());
  if (!views)
    return views.takeError();
  Expected<Place> query = source(attend, attend.getQuery());
  if (!query)
    return query.takeError();
  bool own = query->base == Base::Scratch; // turned in this tile
  views->push_back(rows(*query, own ? 0 : group * headSize * kF32));
  if (kernel.alibi)
    views->push_back(
        {.base = Base::Weights, .weight = numbersTable("alibi", *attend.getAlibi()), .perColumn = group * kF32});
  if (attend.getScalesAttr()) {
    kernel.scales = true;
    views->push_back(vector(attend.getScalesAttr(), group * kF32));
  }
  if (attend.getEvery()) {
    const std::vector<double> temperatures =
        temperatureTable(attend.getTemperature().convertToDouble(), attend.getEvery(), context.set.maxContext);
    kernel.every = attend.getEvery();
    kernel.temperatures = temperatures.size();
    views->push_back({.base = Base::Weights, .weight = numbersTable("temperature", temperatures)});
  }
  addCache(*views, attend.getLayer());
  View partial;
  if (scope == Scope::Splits) {
    kernel.queryStride = query->perRow / kF32;
    int64_t bytes = partialsOf(group, cache.valueSize) * kF32;
    partial = {.base = Base::Scratch, .offset = allocate(bytes * context.maxSplits()), .perSplit = bytes};
    places[attend.getResult()] = {.base = Base::Scratch, .offset = partial.offset};
  } else {
    Place place = destination(attend.getResult(), scope);
    if (body.getOps<ir::AppendOp>().empty()) { // else rows are of distinct sequences
      kernel.queryStride = query->perRow / kF32;
      kernel.partialStride = place.perRow / kF32;
    }
    partial = rows(place, partialsOf(group, cache.valueSize) * kF32);
    partial.perSplit = place.columns * kF32;
  }
  views->push_back(partial);
  phase.calls.push_back({kernel, scope, std::move(*views)});
  return Error::success();
}

Error PhaseDescriber::addGroupCombine(ir::AttendOp attend) {
  auto combine = attend->hasOneUse() ? llvm::dyn_cast<ir::CombineOp>(*attend->user_begin()) : nullptr;
  if (!combine)
    return error(attend, "in a phase without lathe.append must lead to one lathe.combine");
  Value result = combine.getResult();
  if (auto quantize = combine->hasOneUse() ? llvm::dyn_cast<ir::QuantizeOp>(*combine->user_begin()) : nullptr)
    result = quantize.getResult();
  if (given() != result)
    return error(combine, "is followed by ops that do not fit a tile of one KV head");
  Expected<View> positions = index(combine, combine.getPositions(), Base::Positions);
  if (!positions)
    return positions.takeError();
  int64_t group = attend.getHeads() / attend.getKvHeads(), headSize = attend.valueSize();
  Place place = destination(result, Scope::Tile);
  if (place.quantized() && group * headSize % kGroup)
    return error(combine, "quantises columns of a KV head that are not whole groups of 32");
  CombineKernel kernel{group,
                       headSize,
                       partialsOf(group, headSize),
                       context.maxSplits(),
                       context.set.cache.splitPositions,
                       place.format};
  std::vector<View> views = {*positions, rows(places.lookup(attend.getResult()))};
  if (combine.getSinksAttr()) {
    kernel.sinks = true;
    views.push_back(vector(combine.getSinksAttr(), group * kF32));
  }
  addRow(views, place, group * headSize);
  phase.calls.push_back({kernel, Scope::Tile, std::move(views)});
  return Error::success();
}

std::string PhaseDescriber::numbersTable(llvm::StringRef kind, llvm::ArrayRef<double> numbers) {
  std::vector<float> values(numbers.begin(), numbers.end());
  size_t count = 0;
  for (const Table &table : context.set.tables)
    if (llvm::StringRef(table.name).starts_with((kind + ".").str())) {
      if (table.values == values)
        return table.name;
      ++count;
    }
  context.set.tables.push_back({(kind + "." + llvm::Twine(count)).str(), std::move(values)});
  return context.set.tables.back().name;
}

Expected<Rotation> PhaseDescriber::addRotation(ir::RopeOp rope, std::vector<View> &views) {
  auto rotation = context.symbols.lookup<ir::RotationOp>(rope.getRotation());
  assert(rotation && "verified with the rope");
  if (Error wrong = makeTables(rotation))
    return std::move(wrong);
  Rotation kernel{static_cast<int64_t>(2 * rotation.getFrequencies().size()),
                  rope.getPairing() == ir::Pairing::Interleaved ? Pairing::Interleaved : Pairing::HalfSplit};
  if (rotation.getLimit()) {
    kernel.limit = rotation.getLimit();
    Expected<View> lengths = index(rope, rope.getLengths(), Base::Lengths);
    if (!lengths)
      return lengths.takeError();
    views.push_back(*lengths);
    kernel.rule = rotation.getLongFrequencies() ? LengthRule::Switch : LengthRule::Grow;
  }
  const bool grows = kernel.rule == LengthRule::Grow;
  if (grows) {
    kernel.grown = grownLengths(rotation, context.set.maxContext);
    kernel.magnitude = rotation.getMagnitude().convertToDouble();
  }
  for (const char *table : {grows ? ".frequencies" : ".high", grows ? ".growth" : ".low"})
    views.push_back({.base = Base::Weights, .weight = (rotation.getSymName() + table).str()});
  return kernel;
}

Error PhaseDescriber::addRotate(ir::RopeOp rope, Scope scope, std::vector<Call> &calls) {
  Expected<View> positions = index(rope, rope.getPositions(), Base::Positions);
  if (!positions)
    return positions.takeError();
  std::vector<View> views = {*positions};
  Expected<Rotation> rotation = addRotation(rope, views);
  if (!rotation)
    return rotation.takeError();
  Expected<Place> from = plainSource(rope, rope.getInput());
  if (!from)
    return from.takeError();
  views.push_back(rows(*from));
  views.push_back(rows(destination(rope.getResult(), scope)));
  const int64_t headSize = rope.getHeadSize();
  calls.push_back(
      {RotateKernel{ir::widthOf(rope.getResult()) / headSize, headSize, *rotation, context.set.cache.maxPages}, scope,
       std::move(views)});
  return Error::success();
}

Error PhaseDescriber::makeTables(ir::RotationOp rotation) {
  if (!context.rotations.insert(rotation.getSymName()).second)
    return Error::success();
  if (rotation.getLongFrequencies()) {
    int64_t &beyond = context.set.feedAgainBeyond;
    if (beyond && beyond != rotation.getLimit())
      return llvm::createStringError("@" + rotation.getSymName() + " changes beyond " +
                                     llvm::Twine(rotation.getLimit()) + " positions, another rotation beyond " +
                                     llvm::Twine(beyond) + ": a sequence can be fed again at one length only");
    beyond = rotation.getLimit();
  }
  auto [first, second] = rotaryTables(rotation, context.set.cache.maxPages, context.set.maxContext);
  const bool grows = rotation.getLimit() && !rotation.getLongFrequencies();
  context.set.tables.push_back({(rotation.getSymName() + (grows ? ".frequencies" : ".high")).str(), std::move(first)});
  context.set.tables.push_back({(rotation.getSymName() + (grows ? ".growth" : ".low")).str(), std::move(second)});
  return Error::success();
}
