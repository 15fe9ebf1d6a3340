//===- Backend.h - what makes native code for a kind of device ------------------------------------------*- C++ -*-===//
//
// A backend turns scheduled programs into code for the targets of one device. The stages ask it for all that depends on
// the device, and share what does not: descriptions, signatures, checks, tables.
//
//   fusion     plan: what it wants of fusion
//   link       packing: how a matrix lies
//   schedule   space: what may be varied in a kernel, and the fallback
//   object     units, compile: the code, in pieces that are compiled and cached one by one. Halide makes a piece of each
//              kernel; a backend that launches a phase at once makes one of each program
//
// A table of functions and not a class with virtual ones, because backends are compiled with RTTI (Halide) or without
// (LLVM). All functions are thread-safe.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_BACKEND_BACKEND_H
#define LATHE_COMPILER_BACKEND_BACKEND_H

#include "compiler/backend/Emitted.h"
#include "compiler/backend/Space.h"
#include "compiler/fusion/Plan.h"
#include "compiler/kernels/Program.h"
#include "compiler/target/Target.h"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// A kernel and how to compile it.
struct Scheduled {
  KernelDesc kernel;
  Values values;    ///< one for each parameter of the family's space, but for the tile
  std::string tag;  ///< "tuned", "nearest KEY" (the record's) or "fallback"
  int schedule = 0; ///< which of the kernel's, in the order of first use

  std::string symbol() const { return lathe::symbol(kernel, schedule); }
};

/// What is compiled in one go.
struct CodeUnit {
  std::string name;            ///< for messages: a kernel's symbol, a program's name
  std::string key;             ///< all that decides its code beside the backend and the target: equal keys, equal code
  std::vector<size_t> kernels; ///< of the schedule, those that it holds
  /// Of a device that loads code itself: the program whose phases it launches, each as a whole. Absent: kernels are
  /// functions, and calls are made one by one.
  std::optional<size_t> program = {};
  uint32_t kind = 0; ///< of such code: lathe_unit_kind. Units of one name hold the same code, the better one first
  std::vector<std::string> functions =
      {}; ///< the linker symbol of each kernel's lathe_kernel_function; none of a program
};

struct Backend {
  const char *name; ///< "halide"
  DeviceKind device;
  const char
      *stamp; ///< of all that decides its code beside descriptions, schedules and targets: its sources, its libraries

  /// What the target wants of fusion, where nobody asks for something else.
  FusionOptions (*plan)(const TargetDesc &target);
  Space (*space)(const KernelDesc &kernel, const Grid &grid, const TargetDesc &target);
  std::vector<CodeUnit> (*units)(const ProgramSet &set, const std::vector<Scheduled> &schedule,
                                 const TargetDesc &target);
  /// A unit's code, as it goes into a bundle.
  Emitted (*compile)(const CodeUnit &unit, const ProgramSet &set, const std::vector<Scheduled> &schedule,
                     const TargetDesc &target);

  /// Of a device that launches a phase as a whole: how. Null: calls are made one by one.
  Launch (*launch)(const Phase &phase, const std::vector<Scheduled> &schedule, const TargetDesc &target) = nullptr;

  /// A text that it can show of code: "asm", "ptx", …. `stage` is the one of --emit=STAGE,FORM; `comment` opens a comment.
  struct Form {
    const char *stage, *name, *comment;
  };
  /// Takes the text of a piece, and says whether there should be more.
  using Show = std::function<bool(const std::string &piece, const Emitted &text)>;
  std::vector<Form> forms;
  /// Shows the code piece by piece: each kernel, or each phase that is launched as a whole; equal ones once.
  void (*print)(const Form &form, const ProgramSet &set, const std::vector<Scheduled> &schedule,
                const TargetDesc &target, const Show &show);
};

/// All of this build.
const std::vector<const Backend *> &backends();
/// The one that compiles for the target's device.
const Backend &backendFor(const TargetDesc &target);
/// The schedule of a kernel's code where no record matches.
Values fallbackValues(const KernelDesc &kernel, const TargetDesc &target);

} // namespace lathe

#endif
