//===- Style.cpp - a family's words for one file format, put together --------------------------------------------===//
#include "compiler/spec/Style.h"
#include "compiler/spec/Input.h"
#include "compiler/support/Error.h"
#include <set>

namespace lathe {

std::pair<std::string, llvm::StringRef> rolePattern(llvm::StringRef role) {
  llvm::StringRef rest = role;
  if (!rest.consume_front("layers."))
    return {role.str(), ""};
  auto [layer, part] = rest.split('.');
  return {"layers.*." + part.str(), layer};
}

std::vector<std::string> rolesOf(const spec::TensorBinding &binding) {
  if (binding.stack().empty())
    return {binding.role()};
  std::vector<std::string> roles;
  for (const std::string &part : binding.stack())
    roles.push_back(binding.role() + "." + part);
  return roles;
}

std::string withNumber(llvm::StringRef pattern, llvm::StringRef number) {
  auto [before, after] = pattern.split('*');
  return before.size() == pattern.size() ? pattern.str() : (before + number + after).str();
}

/// Every role that any spec can have, as patterns over layers.
static std::set<std::string> allRoles() {
  spec::Model model;
  model.set_n_layers(1);
  model.mutable_norm()->set_bias(true);
  model.mutable_norm()->set_placement(spec::Norm::BOTH);
  model.mutable_positions()->mutable_learned();
  model.mutable_embedding()->set_norm(true);
  model.mutable_embedding()->set_size(1);
  model.mutable_embedding()->set_learned_scale(true);
  model.mutable_attention()->set_qk_norm(spec::Attention::HEAD);
  model.mutable_attention()->set_qkv_bias(true);
  model.mutable_attention()->set_output_bias(true);
  model.mutable_attention()->set_sinks(true);
  model.mutable_attention()->set_learned_scale(true);
  model.mutable_mlp()->set_hidden(1);
  model.mutable_mlp()->set_gated(true);
  model.mutable_mlp()->set_bias(true);
  model.mutable_head()->set_bias(true);
  model.mutable_head()->set_learned_scale(true);
  std::set<std::string> roles;
  auto add = [&] {
    for (const WeightShape &shape : weightShapes(model))
      roles.insert(rolePattern(shape.role).first);
  };
  model.mutable_mlp()->set_activation(spec::XIELU);
  add();
  model.mutable_mlp()->clear_activation();
  spec::Experts &experts = *model.mutable_mlp()->mutable_experts(); // instead of one feed-forward
  experts.set_router_bias(true);
  experts.set_selection_bias(true);
  experts.mutable_shared()->set_gated(true);
  add();
  spec::Mamba &mamba = *model.mutable_mamba();
  mamba.set_conv_bias(true);
  mamba.set_bias(true);
  mamba.set_parameter_norm(spec::Mamba::WEIGHTED);
  mamba.set_gated_norm(spec::Mamba::AFTER_GATE);
  for (spec::Mamba::Version version : {spec::Mamba::S6, spec::Mamba::SSD}) {
    mamba.set_version(version);
    add();
  }
  return roles;
}

llvm::Error checkTensors(const spec::Style &style, llvm::StringRef file) {
  static const std::set<std::string> known = allRoles();
  for (const spec::TensorBinding &binding : style.tensors()) {
    for (const std::string &role : rolesOf(binding))
      if (!known.contains(role))
        return makeError("{0}: tensor binding of '{1}': the model has no role '{2}'", file, binding.role(), role);
    if (binding.names().empty())
      return makeError("{0}: tensor binding of '{1}' has no names", file, binding.role());
    const int orders = int(binding.by_kv_head()) + int(binding.blocks() > 0) + int(binding.alternating());
    if (binding.stack().empty() && orders > 0)
      return makeError(
          "{0}: tensor binding of '{1}': by_kv_head, blocks and alternating say how a stack lies; this has "
          "none",
          file, binding.role());
    if (orders > 1)
      return makeError("{0}: tensor binding of '{1}': by_kv_head, blocks and alternating exclude each other", file,
                       binding.role());
  }
  return llvm::Error::success();
}

spec::Style includedStyle(const spec::Style &base, const spec::Style &own) {
  llvm::StringMap<std::vector<const spec::Binding *>> ofField;
  for (const spec::Binding &binding : own.bindings())
    ofField[binding.field()].push_back(&binding);
  std::set<std::string> inBase, replaced;
  for (const spec::Binding &binding : base.bindings())
    inBase.insert(binding.field());
  spec::Style result = own;
  result.clear_bindings();
  for (const spec::Binding &binding : own.bindings())
    if (!inBase.contains(binding.field()))
      *result.add_bindings() = binding;
  for (const spec::Binding &binding : base.bindings()) {
    auto mine = ofField.find(binding.field());
    if (mine == ofField.end())
      *result.add_bindings() = binding;
    else if (replaced.insert(binding.field()).second)
      for (const spec::Binding *replacement : mine->second)
        *result.add_bindings() = *replacement;
  }

  std::set<std::string> bound;
  for (const spec::TensorBinding &binding : own.tensors())
    for (std::string &role : rolesOf(binding))
      bound.insert(std::move(role));
  for (const spec::TensorBinding &binding : base.tensors())
    if (llvm::none_of(rolesOf(binding), [&](const std::string &role) { return bound.contains(role); }))
      *result.add_tensors() = binding;

  result.mutable_ignored()->MergeFrom(base.ignored());
  result.mutable_prefixes()->MergeFrom(base.prefixes());
  result.mutable_lifted()->MergeFrom(base.lifted());
  result.mutable_inert()->MergeFrom(base.inert());
  result.mutable_nonzero()->MergeFrom(base.nonzero());
  result.mutable_again()->MergeFrom(base.again());
  std::set<std::string> lists;
  for (const spec::LayerWords &list : own.layer_words())
    lists.insert(list.key());
  for (const spec::LayerWords &list : base.layer_words())
    if (!lists.contains(list.key()))
      *result.add_layer_words() = list;
  return result;
}

/// Replaces a prefix that ends before a '.'.
static std::string replaced(const std::string &text, const spec::Prefix &prefix) {
  llvm::StringRef rest = text;
  return rest.consume_front(prefix.name()) && rest.starts_with(".") ? (prefix.instead() + rest).str() : text;
}

void bindAgain(spec::Style &style) {
  std::set<std::string> bound;
  for (const spec::Binding &binding : style.bindings())
    bound.insert(binding.field());
  const int own = style.bindings_size();
  for (const spec::Again &again : style.again())
    for (int i = 0; i < own; ++i) {
      spec::Binding binding = style.bindings(i);
      binding.set_field(replaced(binding.field(), again.fields()));
      if (bound.contains(binding.field()))
        continue;
      for (std::string &key : *binding.mutable_keys())
        key = replaced(key, again.keys());
      for (std::string &condition : *binding.mutable_when())
        condition = replaced(condition, again.keys());
      *style.add_bindings() = std::move(binding);
    }
}

const Tensor *findTensor(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef name) {
  if (const Tensor *tensor = checkpoint.find(name))
    return tensor;
  for (const spec::Prefix &prefix : style.prefixes())
    if (llvm::StringRef rest = name; rest.consume_front(prefix.name()))
      if (const Tensor *tensor = checkpoint.find((prefix.instead() + rest).str()))
        return tensor;
  return nullptr;
}

bool matchesPattern(llvm::StringRef pattern, llvm::StringRef name) {
  auto [first, rest] = pattern.split('*');
  if (first.size() == pattern.size())
    return name == pattern;
  if (!name.consume_front(first))
    return false;
  for (size_t skip = 0; skip <= name.size(); ++skip)
    if (matchesPattern(rest, name.drop_front(skip)))
      return true;
  return false;
}

bool isIgnored(const spec::Style &style, llvm::StringRef name) {
  auto ignored = [&](llvm::StringRef spelling) {
    return llvm::any_of(style.ignored(), [&](const std::string &pattern) { return matchesPattern(pattern, spelling); });
  };
  return ignored(name) || llvm::any_of(style.prefixes(), [&](const spec::Prefix &prefix) {
           llvm::StringRef rest = name;
           return rest.consume_front(prefix.instead()) && ignored((prefix.name() + rest).str());
         });
}

TensorRoles::TensorRoles(const spec::Style &style) {
  for (const spec::TensorBinding &binding : style.tensors())
    for (const std::string &role : rolesOf(binding))
      byPattern[role].push_back(&binding);
}

std::vector<TensorRoles::Candidate> TensorRoles::find(llvm::StringRef role) const {
  auto [pattern, layer] = rolePattern(role);
  auto bindings = byPattern.find(pattern);
  llvm::StringRef matrix = pattern;
  const bool besideMatrix = bindings == byPattern.end() && matrix.consume_back(".bias");
  if (besideMatrix)
    bindings = byPattern.find(matrix);
  std::vector<Candidate> found;
  if (bindings == byPattern.end())
    return found;
  const std::string suffix = besideMatrix ? ".bias" : "";
  for (const spec::TensorBinding *binding : bindings->second) {
    Candidate candidate{binding, {}, {}};
    for (llvm::StringRef name : binding->names()) {
      if (!besideMatrix)
        candidate.names.push_back(withNumber(name, layer));
      else if (name.consume_back("weight"))
        candidate.names.push_back(withNumber(name, layer) + "bias");
    }
    for (const std::string &held : rolesOf(*binding))
      candidate.roles.push_back(withNumber(held, layer) + suffix);
    if (!candidate.names.empty())
      found.push_back(std::move(candidate));
  }
  return found;
}

} // namespace lathe
