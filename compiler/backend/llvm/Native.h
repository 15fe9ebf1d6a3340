//===- Native.h - LLVM's half of the CPU's backend ------------------------------------------------------*- C++ -*-===//
//
//   kernel ─ Halide → bitcode ─ adapt: the target's own instructions → LLVM module ─ LLVM → object, assembly
//
// Halide has a list of machines and makes code for one of them. The bitcode that it writes, after its optimiser, is not
// bound to one yet: which instructions become of it says an attribute on each function. Here that attribute is ours, so
// that code needs the target's features (runtime/abi/cpu_features.def) and nothing else, and is scheduled for the
// target's processor. What a module asks for by name (an intrinsic) the target must have; a dot product wider than its
// registers is cut in two.
//
// Bytes and text cross this header, because Halide carries an LLVM of its own: sources that see Halide.h never see
// LLVM's headers.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_BACKEND_LLVM_NATIVE_H
#define LATHE_COMPILER_BACKEND_LLVM_NATIVE_H

#include "compiler/backend/Emitted.h"
#include "compiler/target/Target.h"

namespace lathe {

enum class NativeForm { Object, Assembly, IR };

/// Machine code of a module whose functions are position-independent, or what it is made of. Equal arguments, equal
/// bytes. Fails where the bitcode does not parse, or uses an intrinsic that the target has not. Thread-safe.
Emitted compileBitcode(const std::string &bitcode, const TargetDesc &target, NativeForm form);


} // namespace lathe

#endif
