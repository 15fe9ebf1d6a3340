//===- BoundWeights.cpp - a checkpoint's tensors by role ----------------------------------------------------------===//
#include "compiler/spec/Binding.h"
#include "compiler/spec/Input.h"
#include "compiler/spec/Layers.h"
#include "compiler/spec/MappedWeight.h"
#include "compiler/spec/Style.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <cstring>
#include <numeric>

namespace lathe {

namespace {
class BoundWeights : public WeightSource {
public:
  llvm::Expected<const Weight *> get(llvm::StringRef role) const override {
    auto found = byRole.find(role);
    if (found == byRole.end())
      return makeError("{0}: the model has no weight for role '{1}'", checkpoint.file, printable(role));
    return &weights[found->second];
  }
  bool has(llvm::StringRef role) const override { return byRole.contains(role); }
  uint64_t fingerprint() const override { return checkpoint.fingerprint; }

  void add(MappedWeight weight) {
    byRole.try_emplace(weight.role, weights.size());
    weights.push_back(std::move(weight));
  }
  /// A vector of zeros, for a bias that the checkpoint leaves out.
  void addZeros(const WeightShape &wanted) {
    zeros.push_back(std::make_unique<uint8_t[]>(rowBytes(Format::F32, wanted.columns))); // zero-initialised
    MappedWeight weight;
    weight.role = wanted.role;
    weight.format = Format::F32;
    weight.rows = 1;
    weight.columns = wanted.columns;
    weight.layout = {.run = wanted.columns, .stride = wanted.columns, .total = wanted.columns};
    weight.vector = true;
    weight.parts = {zeros.back().get()};
    add(std::move(weight));
  }

  Checkpoint checkpoint;
  std::vector<MappedWeight> weights;
  llvm::StringMap<size_t> byRole;
  std::vector<std::unique_ptr<uint8_t[]>> zeros;
};
} // namespace

/// Dimensions of a tensor that holds `wanted`, with all its parts.
static std::vector<int64_t> dimensionsOf(const WeightShape &wanted) {
  std::vector<int64_t> shape = {wanted.columns};
  if (wanted.rows > 1)
    shape.insert(shape.begin(), wanted.rows);
  if (wanted.parts > 1)
    shape.insert(shape.begin(), wanted.parts);
  return shape;
}

/// Dimensions of 1 say nothing (a convolution of each channel alone is [channels, 1, width]); a vector may be stored by
/// groups, and parts' rows one after another.
static bool fits(llvm::ArrayRef<int64_t> shape, const WeightShape &wanted) {
  if (wanted.rows == 1 && shape.size() <= 2)
    return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>()) ==
           wanted.columns * wanted.parts;
  std::vector<int64_t> sizes = dimensionsOf(wanted), stored = shape.vec();
  if (stored == std::vector<int64_t>{wanted.parts * wanted.rows, wanted.columns})
    return true;
  llvm::erase(sizes, 1);
  llvm::erase(stored, 1);
  return sizes == stored;
}

/// `wanted` is the whole tensor; where parts have tensors of their own, that of each.
static llvm::Error checkTensor(const Tensor &tensor, const WeightShape &wanted, bool transposed,
                               const std::string &file) {
  if (!fits(tensor.shape, wanted))
    return makeError("{0}: tensor '{1}' has shape {2}; {3} is {4}", file, printable(tensor.name),
                     shapeText(tensor.shape), wanted.role, shapeText(dimensionsOf(wanted)));
  if (!tensor.format)
    return makeError("{0}: tensor '{1}' is stored as {2}; supported: {3}", file, printable(tensor.name),
                     tensor.formatName, llvm::StringRef(formatNames()).upper());
  const bool vector = wanted.rows == 1;
  if ((transposed || vector) && blockColumns(*tensor.format) > 1)
    return makeError("{0}: tensor '{1}' is {2} stored as {3}; supported for such: {4}", file, printable(tensor.name),
                     vector ? "a vector" : "a transposed matrix", tensor.formatName,
                     llvm::StringRef(formatNames(FormatSet::Elements)).upper());
  return llvm::Error::success();
}

/// Of a layer's queries and keys; `stored` is the layer as the checkpoint has it.
static Rearrangement rearrangement(const spec::Model &layer, const spec::Model &stored) {
  const spec::Rotary::Pairing pairing = stored.positions().rotary().pairing();
  if (!layer.positions().has_rotary() || !stored.positions().has_rotary() ||
      pairing == layer.positions().rotary().pairing())
    return {};
  return {layer.attention().head_size(), layer.positions().rotary().dims(), pairing == spec::Rotary::INTERLEAVED};
}

/// Where a role's rows (a vector's components) are in its tensor; nothing when they are not as many in each block.
/// `sizes` has those of every role, of one part.
static std::optional<Placement> placement(const TensorRoles::Candidate &holder, const std::string &role,
                                          const spec::Model &model, const llvm::StringMap<int64_t> &sizes) {
  const spec::TensorBinding &binding = *holder.binding;
  const int64_t blocks = binding.by_kv_head()    ? model.attention().n_kv_heads()
                         : binding.alternating() ? sizes.lookup(role)
                                                 : std::max(binding.blocks(), 1u);
  Placement place{.run = sizes.lookup(role) / blocks};
  for (const std::string &held : holder.roles) {
    if (held == role)
      place.first = place.total / blocks;
    if (sizes.lookup(held) % blocks != 0)
      return std::nullopt;
    place.total += sizes.lookup(held);
  }
  place.stride = place.total / blocks;
  return place;
}

/// The whole tensor that holds a role.
static WeightShape tensorShape(const WeightShape &wanted, bool transposed, int64_t total) {
  WeightShape whole = wanted;
  (wanted.rows == 1 ? whole.columns : whole.rows) = total;
  if (transposed)
    std::swap(whole.rows, whole.columns);
  return whole;
}

/// Queries and keys rotate, and so do the norms of their heads.
static bool rotates(llvm::StringRef role) {
  role.consume_back(".bias");
  role.consume_back("_norm");
  return role.ends_with("attention.query") || role.ends_with("attention.key");
}

static llvm::Error checkUnused(const Checkpoint &checkpoint, const std::vector<bool> &used, const spec::Style &style) {
  const Tensor *first = nullptr;
  size_t others = 0;
  for (size_t i = 0; i < used.size(); ++i) {
    const Tensor &tensor = checkpoint.tensors[i];
    if (used[i] || isIgnored(style, tensor.name))
      continue;
    if (first)
      ++others;
    else
      first = &tensor;
  }
  if (!first)
    return llvm::Error::success();
  return makeError("{0}: tensor '{1}' {2}{3} has no role in this model", checkpoint.file, printable(first->name),
                   shapeText(first->shape), others ? " (nor " + std::to_string(others) + " more)" : std::string());
}

namespace {
/// The tensor that holds a role, or those of its parts.
struct Holder {
  TensorRoles::Candidate candidate;
  std::vector<const Tensor *> tensors;
};
} // namespace

/// Whether a name of a bias is beside a weight that is there: of several names, the bias is that one's or none.
static bool besideWeight(const std::string &role, const std::string &name, const spec::Style &style,
                         const Checkpoint &checkpoint) {
  llvm::StringRef base = name;
  return llvm::StringRef(role).ends_with(".bias") && base.consume_back(".bias") &&
         findTensor(style, checkpoint, withNumber((base + ".weight").str(), "0"));
}

static llvm::Expected<Holder> findHolder(const TensorRoles &roles, const WeightShape &wanted, const spec::Style &style,
                                         const Checkpoint &checkpoint, const spec::Model &model) {
  std::vector<std::string> missing;
  for (TensorRoles::Candidate &candidate : roles.find(wanted.role))
    for (const std::string &name : candidate.names) {
      const int64_t count = llvm::StringRef(name).contains('*') ? wanted.parts : 1;
      std::vector<const Tensor *> tensors;
      for (int64_t i = 0; i < count; ++i) {
        const std::string own = withNumber(name, std::to_string(i));
        if (const Tensor *tensor = findTensor(style, checkpoint, own)) {
          tensors.push_back(tensor);
        } else {
          missing.push_back(own);
          break;
        }
      }
      if (int64_t(tensors.size()) == count)
        return Holder{std::move(candidate), std::move(tensors)};
      if (besideWeight(wanted.role, name, style, checkpoint))
        return makeError("{0}: tensor '{1}' is missing (role {2})", checkpoint.file, missing.back(), wanted.role);
    }
  if (missing.empty())
    return makeError("{0}: the family '{1}' names no tensor for role '{2}'", checkpoint.file, model.family(),
                     wanted.role);
  return makeError("{0}: tensor '{1}' is missing (role {2})", checkpoint.file, llvm::join(missing, "' or '"),
                   wanted.role);
}

/// Whether a bias that is missing is zero: the style asks for such a one in any layer ("exists:blk.*.attn_q.bias").
static bool isZeroWhereAbsent(const spec::Style &style, const TensorRoles &roles, const WeightShape &wanted) {
  std::vector<std::string> names;
  for (const TensorRoles::Candidate &candidate : roles.find(wanted.role))
    names.insert(names.end(), candidate.names.begin(), candidate.names.end());
  for (const spec::Binding &binding : style.bindings())
    for (llvm::StringRef key : binding.keys())
      if (key.consume_front("exists:"))
        for (llvm::StringRef pattern : llvm::split(key, '|'))
          if (pattern.contains('*') && pattern.ends_with(".bias") &&
              llvm::any_of(names, [&](const std::string &name) { return matchesPattern(pattern, name); }))
            return true;
  return false;
}

llvm::Expected<std::unique_ptr<WeightSource>> bindWeights(const spec::Style &style, Checkpoint checkpoint,
                                                          const spec::Model &model, const spec::Model &stored) {
  const TensorRoles roles(style);
  const std::vector<WeightShape> shapes = weightShapes(model);
  llvm::StringMap<int64_t> sizes;
  for (const WeightShape &shape : shapes)
    sizes[shape.role] = (shape.rows == 1 ? shape.columns : shape.rows) / shape.parts;

  auto source = std::make_unique<BoundWeights>();
  std::vector<bool> used(checkpoint.tensors.size());
  for (const WeightShape &wanted : shapes) {
    if (wanted.made)
      continue;
    llvm::Expected<Holder> holder = findHolder(roles, wanted, style, checkpoint, model);
    if (!holder && wanted.rows == 1 && wanted.parts == 1 && isZeroWhereAbsent(style, roles, wanted)) {
      llvm::consumeError(holder.takeError());
      source->addZeros(wanted);
      continue;
    }
    if (!holder)
      return holder.takeError();
    const Tensor &first = *holder->tensors.front();
    const std::optional<Placement> place = placement(holder->candidate, wanted.role, model, sizes);
    if (!place)
      return makeError("{0}: tensor '{1}' cannot hold equal blocks of {2}", checkpoint.file, printable(first.name),
                       llvm::join(holder->candidate.roles, ", "));
    const bool transposed = holder->candidate.binding->transposed() && wanted.rows > 1;
    WeightShape whole = tensorShape(wanted, transposed, place->total);
    if (holder->tensors.size() > 1)
      whole.parts = 1;
    MappedWeight weight;
    weight.file = &source->checkpoint.file;
    weight.tensors = holder->tensors;
    for (const Tensor *tensor : holder->tensors) {
      if (llvm::Error error = checkTensor(*tensor, whole, transposed, checkpoint.file))
        return std::move(error);
      if (tensor->format != first.format)
        return makeError("{0}: tensor '{1}' is stored as {2} and '{3}' as {4}; all parts of {5} share one format",
                         checkpoint.file, printable(first.name), first.formatName, printable(tensor->name),
                         tensor->formatName, wanted.role);
      used[tensor - checkpoint.tensors.data()] = true;
      for (int64_t i = 0; i < whole.parts; ++i) {
        const int64_t before = i * whole.rows * whole.columns;
        if (tensor->scales)
          weight.scales.push_back(tensor->scales + before / blockColumns(*tensor->format));
        weight.parts.push_back(tensor->data + (tensor->scales ? before / 2 : rowBytes(*tensor->format, before)));
      }
    }
    weight.role = wanted.role;
    weight.tensor = first.name;
    weight.stored = *first.format;
    weight.transform = holder->candidate.binding->transform();
    weight.format = wanted.f32 || weight.transform != spec::TensorBinding::AS_STORED ? Format::F32 : weight.stored;
    weight.rows = wanted.rows;
    weight.columns = wanted.columns;
    weight.layout = *place;
    weight.transposed = transposed;
    weight.vector = wanted.rows == 1;
    uint32_t layer = 0;
    if (rotates(wanted.role) && llvm::to_integer(rolePattern(wanted.role).second, layer))
      weight.order = rearrangement(layerOf(model, layer), layerOf(stored, layer));
    source->add(std::move(weight));
  }
  if (llvm::Error error = checkUnused(checkpoint, used, style))
    return std::move(error);
  source->checkpoint = std::move(checkpoint);
  return source;
}

} // namespace lathe
