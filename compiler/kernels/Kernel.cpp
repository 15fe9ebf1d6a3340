//===- Kernel.cpp - families of kernels and their names ---------------------------------------------------------===//
#include "compiler/kernels/Kernel.h"

using namespace lathe;

const char *lathe::nameOf(Pairing pairing) { return pairing == Pairing::Interleaved ? "interleaved" : "halfsplit"; }

const char *lathe::nameOf(NormKind kind) {
  static const char *const names[] = {"copy", "rms", "layer"};
  return names[static_cast<int>(kind)];
}

const char *lathe::nameOf(Activation activation) {
  static const char *const names[] = {"none", "silu", "geluerf", "gelutanh", "relu", "relu2", "xielu"};
  return names[static_cast<int>(activation)];
}

const char *lathe::nameOf(Pointwise kind) {
  static const char *const names[] = {"add", "glu", "act", "scale", "cap", "clip", "gate"};
  return names[static_cast<int>(kind)];
}

const std::vector<KernelFamily> &lathe::kernelFamilies() {
  static const std::vector<KernelFamily> all = {
#define LATHE_FAMILY(Name, name, relative, absolute) {name, {relative, absolute}, Name##Kernel{}},
#include "compiler/kernels/Families.def"
  };
  return all;
}

const KernelFamily &lathe::kernelFamily(const KernelDesc &kernel) { return kernelFamilies()[kernel.index()]; }

Naming lathe::naming(const KernelDesc &kernel) {
  Naming naming;
  std::visit([&](const auto &k) { k.name(naming); }, kernel);
  return naming;
}

std::string lathe::symbol(const KernelDesc &kernel, int schedule) {
  return kernelFamily(kernel).name + naming(kernel).detailIfAny("schedule", schedule).symbol;
}
