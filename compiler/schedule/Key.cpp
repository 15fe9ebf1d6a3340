//===- Key.cpp - what a schedule may depend on -------------------------------------------------------------------===//
#include "compiler/schedule/Key.h"

using namespace lathe;

namespace {

std::string name(ActFormat format) { return format == ActFormat::F32 ? "f32" : "q16"; }
std::string name(CacheFormat format) { return format == CacheFormat::F32 ? "f32" : "f16"; }
std::string name(Pairing pairing) { return pairing == Pairing::Interleaved ? "interleaved" : "half_split"; }
std::string name(NormKind kind) { return kind == NormKind::None ? "copy" : kind == NormKind::RMS ? "rms" : "layer"; }

struct KeyMaker {
  const Program &program;
  const Phase &phase;

  ScheduleKey operator()(const EmbedKernel &k) const { return {"embed", packedName(k.format), {{"k", k.columns}}}; }
  ScheduleKey operator()(const NormKernel &k) const {
    return {"norm", name(k.kind) + " " + name(k.output), {{"k", k.columns}}};
  }
  ScheduleKey operator()(const LinearKernel &k) const {
    return {"linear",
            std::string(packedName(k.format)) + " " + name(k.input) + (k.gated ? " gated" : ""),
            {{"m", program.rows(phase)}, {"n", phase.columns * kPanelRows}, {"k", k.columns}}};
  }
  ScheduleKey operator()(const AppendKernel &k) const {
    return {"append", name(k.cache) + " " + name(k.rotation.pairing), {{"d", k.headSize}, {"g", k.heads / k.kvHeads}}};
  }
  ScheduleKey operator()(const AttendKernel &k) const {
    return {"attend", name(k.cache), {{"d", k.headSize}, {"g", k.heads / k.kvHeads}, {"s", k.splitPositions}}};
  }
  ScheduleKey operator()(const CombineKernel &k) const {
    return {"combine", name(k.output), {{"d", k.headSize}, {"h", k.heads}}};
  }
  ScheduleKey operator()(const ConvKernel &k) const { return {"conv", "f32", {{"c", k.channels}, {"w", k.width}}}; }
  ScheduleKey operator()(const ScanKernel &k) const {
    return {"scan", k.byChannel ? "channel" : "head", {{"h", k.heads}, {"d", k.headSize}, {"n", k.stateSize}}};
  }
  ScheduleKey operator()(const RouteKernel &k) const { return {"route", "f32", {{"e", k.experts}}}; }
  ScheduleKey operator()(const AssignKernel &k) const { return {"assign", "i32", {{"e", k.layout.experts}}}; }
  ScheduleKey operator()(const CollectKernel &k) const { return {"collect", name(k.output), {{"k", k.columns}}}; }
  ScheduleKey operator()(const RotateKernel &k) const {
    return {"rotate", name(k.rotation.pairing), {{"d", k.headSize}, {"h", k.heads}}};
  }
  ScheduleKey operator()(const PointwiseKernel &k) const { return {"pointwise", name(k.output), {{"k", k.columns}}}; }
};

} // namespace

std::string ScheduleKey::print() const {
  std::string text = family + " " + types;
  for (const auto &[size, value] : sizes)
    text += " " + size + "=" + std::to_string(value);
  return text;
}

ScheduleKey lathe::keyOf(const KernelDesc &kernel, const Program &program, const Phase &phase) {
  return std::visit(KeyMaker{program, phase}, kernel);
}

std::vector<std::string> lathe::sizeNames(const std::string &family) {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> all = {{"embed", {"k"}},
                                                                                    {"norm", {"k"}},
                                                                                    {"linear", {"m", "n", "k"}},
                                                                                    {"append", {"d", "g"}},
                                                                                    {"attend", {"d", "g", "s"}},
                                                                                    {"combine", {"d", "h"}},
                                                                                    {"pointwise", {"k"}},
                                                                                    {"conv", {"c", "w"}},
                                                                                    {"scan", {"h", "d", "n"}},
                                                                                    {"route", {"e"}},
                                                                                    {"assign", {"e"}},
                                                                                    {"collect", {"k"}},
                                                                                    {"rotate", {"d", "h"}}};
  for (const auto &[name, sizes] : all)
    if (name == family)
      return sizes;
  return {};
}
