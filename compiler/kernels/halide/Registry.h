//===- Registry.h - the CPU kernel families -----------------------------------------------------------*- C++ -*-===//
//
// One line a family: its builder, its tolerance against the reference, and the space of its schedule's values. Tests,
// the schedule stage and the tuner go by this table; none of them needs Halide's header for it.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_REGISTRY_H
#define LATHE_COMPILER_KERNELS_HALIDE_REGISTRY_H

#include "compiler/kernels/Kernel.h"
#include "compiler/target/Target.h"
#include <string>
#include <utility>
#include <vector>

namespace lathe {

struct Built;

/// The values of a schedule in the order of their space: {"unroll", 4}, ….
class Values {
public:
  Values() = default;
  Values(std::initializer_list<std::pair<std::string, int64_t>> values) : list(values) {}

  /// The value of that name; the space has it, or the caller is wrong.
  int64_t operator[](const std::string &name) const;
  void set(const std::string &name, int64_t value);
  /// "unroll=4 split=2": in keys and records.
  std::string print() const;
  const std::vector<std::pair<std::string, int64_t>> &all() const { return list; }
  bool operator==(const Values &) const = default;

private:
  std::vector<std::pair<std::string, int64_t>> list;
};

/// One value of a schedule: what it may be, and what it is when nothing is known.
struct Parameter {
  std::string name;
  std::vector<int64_t> choices; ///< ascending; `fallback` is one of them
  int64_t fallback;
};

struct Tolerance {
  double relative, absolute; ///< |result - reference| <= absolute + relative * |reference|, in f32 epsilons (2^-23)
};

struct Family {
  const char *name;
  Built (*build)(const KernelDesc &, const TargetDesc &, const Values &);
  std::vector<Parameter> (*space)(const KernelDesc &, const TargetDesc &);
  Tolerance tolerance;
};

const std::vector<Family> &families();
/// The family of a kernel.
const Family &familyOf(const KernelDesc &kernel);
/// The schedule that any kernel has when no record matches.
Values fallbackValues(const KernelDesc &kernel, const TargetDesc &target);

} // namespace lathe

#endif
