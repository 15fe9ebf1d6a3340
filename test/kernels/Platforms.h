//===- Platforms.h - where kernels run on this machine ------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_KERNELS_PLATFORMS_H
#define LATHE_TEST_KERNELS_PLATFORMS_H

#include "compiler/object/Object.h"
#include <ostream>
#include <vector>

namespace lathe::test {

struct Platform {
  const Backend *backend;
  TargetDesc target;
};

inline void PrintTo(const Platform &platform, std::ostream *out) { *out << platform.target.name; }

/// Runs programs of other processors.
inline constexpr char kQemu[] = "qemu-aarch64-static";
/// The target's code is for another processor than this one.
bool isForeign(const TargetDesc &target);

/// The backends whose kernels are functions, each with the targets that this machine runs, by qemu where they are foreign: of
/// those with vectors of one width and the same dot products the best. What LLVM makes of the others is tested by whole models (test/conformance).
/// And the CUDA device, if there is a driver for one. $LATHE_TEST_DEVICE, "cpu" or "cuda", leaves one kind alone.
std::vector<Platform> platforms();

/// Compiled kernels are kept beside the tests; a process that is one of several compiles with one thread.
CompileOptions compileOptions();

} // namespace lathe::test

#endif
