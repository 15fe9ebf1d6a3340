//===- Kernel.cpp - names of kernels ----------------------------------------------------------------------------===//
#include "compiler/kernels/Kernel.h"
#include <charconv>

using namespace lathe;

namespace {

template <class... Cases> struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases> Overloaded(Cases...) -> Overloaded<Cases...>;

/// The shortest decimal that reads back as `value`, in characters that a symbol may have.
std::string number(double value) {
  char text[32];
  char *end = std::to_chars(text, text + sizeof text, value).ptr;
  std::string result;
  for (char *c = text; c != end; ++c)
    if (*c != '+')
      result += *c == '.' ? 'p' : *c == '-' ? 'm' : *c;
  return result;
}

std::string name(ActFormat format) { return format == ActFormat::F32 ? "f32" : "q16"; }
std::string name(CacheFormat format) { return format == CacheFormat::F32 ? "f32" : "f16"; }
std::string name(Pairing pairing) { return pairing == Pairing::Interleaved ? "interleaved" : "halfsplit"; }

std::string name(NormKind kind) {
  switch (kind) {
  case NormKind::None:
    return "copy";
  case NormKind::RMS:
    return "rms";
  case NormKind::Layer:
    return "layer";
  }
  return "";
}

std::string name(Activation activation) {
  switch (activation) {
  case Activation::None:
    return "none";
  case Activation::SiLU:
    return "silu";
  case Activation::GELUErf:
    return "geluerf";
  case Activation::GELUTanh:
    return "gelutanh";
  case Activation::ReLU:
    return "relu";
  case Activation::ReLUSquared:
    return "relu2";
  case Activation::XIELU:
    return "xielu";
  }
  return "";
}

std::string name(Pointwise kind) {
  static const char *const names[] = {"add", "glu", "act", "scale", "cap", "clip", "gate"};
  return names[static_cast<int>(kind)];
}

/// Parts of a symbol, joined by '_'; what has its default value is left out.
class Symbol {
public:
  explicit Symbol(std::string family) : text(std::move(family)) {}
  Symbol &word(const std::string &word) {
    text += "_" + word;
    return *this;
  }
  Symbol &field(const char *key, int64_t value) { return word(key + std::to_string(value)); }
  Symbol &optional(const char *key, int64_t value) { return value ? field(key, value) : *this; }
  Symbol &optional(const char *key, double value, double usual) {
    return value != usual ? word(key + number(value)) : *this;
  }
  Symbol &flag(const char *key, bool value) { return value ? word(key) : *this; }
  Symbol &activation(Activation activation, const ActivationShape &shape = {}) {
    if (activation != Activation::None)
      word(name(activation));
    return optional("slope", shape.slope, 1).optional("clamp", shape.clamp, 0).optional("plus", shape.offset, 0);
  }
  Symbol &rotation(const Rotation &k) {
    field("rot", k.rotated).word(name(k.pairing));
    if (k.rule != LengthRule::None)
      word(k.rule == LengthRule::Switch ? "switch" : "grow").field("limit", k.limit);
    return optional("grown", k.grown).optional("mag", k.magnitude, 1);
  }
  std::string text;
};

} // namespace

std::string lathe::family(const KernelDesc &kernel) {
  static const char *const names[] = {"embed", "norm", "linear", "append", "attend",  "combine", "pointwise",
                                      "conv",  "scan", "route",  "assign", "collect", "rotate"};
  return names[kernel.index()];
}

std::string lathe::symbol(const KernelDesc &kernel, int schedule) {
  Symbol s(family(kernel));
  std::visit(Overloaded{
                 [&](const EmbedKernel &k) {
                   s.word(packedName(k.format)).field("v", k.vocabulary).field("k", k.columns);
                   s.optional("scale", k.scale, 1).optional("from", k.offset);
                 },
                 [&](const NormKernel &k) {
                   s.word(name(k.kind)).word(name(k.output)).field("k", k.columns).optional("eps", k.eps, 0);
                   s.optional("gather", k.gatherRows).flag("offset", k.unitOffset).flag("bias", k.bias);
                   s.optional("group", k.group).flag("unweighted", k.unweighted).flag("wide", k.wide);
                 },
                 [&](const LinearKernel &k) {
                   s.word(packedName(k.format)).word(name(k.input)).field("k", k.columns);
                   s.field("r", k.rows).field("p", k.panels).field("s", k.outputStride).flag("bias", k.bias);
                   s.activation(k.activation, k.shape);
                   s.flag("gated", k.gated).optional("scale", k.scale, 1).optional("cap", k.softcap, 0);
                   s.flag("residual", k.residual);
                 },
                 [&](const AppendKernel &k) {
                   s.word(name(k.cache)).field("h", k.heads).field("kv", k.kvHeads).field("d", k.headSize);
                   s.rotation(k.rotation).field("pages", k.maxPages).optional("split", k.splitPositions);
                   s.optional("dv", k.ownValueSize);
                 },
                 [&](const AttendKernel &k) {
                   s.word(name(k.cache)).field("h", k.heads).field("kv", k.kvHeads).field("d", k.headSize);
                   s.word("scale" + number(k.scale)).field("pages", k.maxPages).field("split", k.splitPositions);
                   s.optional("window", k.window).optional("cap", k.softcap, 0).flag("alibi", k.alibi);
                   s.flag("scales", k.scales).optional("every", k.every).optional("of", k.temperatures);
                   s.optional("dv", k.ownValueSize);
                 },
                 [&](const CombineKernel &k) {
                   s.word(name(k.output)).field("h", k.heads).field("d", k.headSize).field("stride", k.splitStride);
                   s.field("splits", k.maxSplits).field("split", k.splitPositions).flag("sinks", k.sinks);
                 },
                 [&](const RouteKernel &k) {
                   s.word(k.scoring == Scoring::Softmax ? "softmax" : "sigmoid").field("e", k.experts);
                   s.field("c", k.choices).flag("bias", k.bias).flag("normalise", k.normalise);
                   s.optional("scale", k.scale, 1);
                   if (k.keep < k.groups)
                     s.field("groups", k.groups).field("keep", k.keep);
                 },
                 [&](const AssignKernel &k) {
                   s.field("r", k.layout.rows).field("c", k.layout.choices).field("e", k.layout.experts);
                   s.field("t", k.layout.tileRows);
                 },
                 [&](const CollectKernel &k) {
                   s.word(name(k.output)).field("k", k.columns).field("c", k.choices).field("p", k.places);
                 },
                 [&](const PointwiseKernel &k) {
                   s.word(name(k.kind)).word(name(k.output)).field("k", k.columns).optional("by", k.value, 0);
                   s.optional("w", k.weights).activation(k.activation, k.shape);
                 },
                 [&](const ConvKernel &k) {
                   s.word("f32").field("c", k.channels).field("w", k.width).flag("bias", k.bias);
                   s.activation(k.activation).field("state", k.stateElements);
                 },
                 [&](const ScanKernel &k) {
                   s.word(k.byChannel ? "channel" : "head").field("h", k.heads).field("d", k.headSize);
                   s.field("n", k.stateSize).field("g", k.groups).field("gh", k.groupHeads);
                   s.optional("min", k.dtMin, 0).optional("max", k.dtMax, 0).field("state", k.stateElements);
                 },
                 [&](const RotateKernel &k) {
                   s.field("h", k.heads).field("d", k.headSize).rotation(k.rotation).field("pages", k.maxPages);
                 },
             },
             kernel);
  return s.optional("schedule", schedule).text;
}
