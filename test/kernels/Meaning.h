//===- Meaning.h - what a kernel's description means, in ops of the dialect ---------------------------*- C++ -*-===//
//
// For each family: the numbers that a case's arguments hold, and the same numbers as weights and rows of a tiny module
// of `lathe` ops, which compiler/reference evaluates in f64. There is no mathematics here. Where ops do not show what a
// kernel makes (partial softmaxes that are given, a table of choices), it comes from the function of the reference that
// the op calls; tables that a bundle has (rotary, temperatures) from the function that writes them there.
//
//   Expected<Example> example = exampleOf(kernelCase);
//   run.set(example->before);
//   for (const Example::Call &call : example->calls) { run.set(call.inputs); run.call(f); …compare with call.outputs… }
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_KERNELS_MEANING_H
#define LATHE_TEST_KERNELS_MEANING_H

#include "compiler/kernels/Signature.h"
#include "test/kernels/Case.h"
#include "llvm/Support/Error.h"
#include <map>
#include <string>
#include <vector>

namespace lathe::test {

/// Numbers of arguments, by name, each in the order of its dims, the first fastest. They are exact in its type.
using Numbers = std::map<std::string, std::vector<double>>;

/// In a result: whatever is there.
inline constexpr double kFree = 0x1.5p1000;

/// A case worked out.
struct Example {
  struct Call {
    Numbers inputs;  ///< what this call finds, beside what was there
    Numbers outputs; ///< what it leaves; a row that the kernel quantises is "y", before it is
    std::string where = "";
  };
  Numbers before;              ///< arguments that are the same in all calls
  std::vector<uint8_t> matrix; ///< of a linear or an embed: the panels
  std::vector<Call> calls;
};

/// Fails where the reference does: the case is wrong.
llvm::Expected<Example> exampleOf(const KernelCase &kernelCase);

/// The signature with a size for each extent that it leaves open (* in Signature.h).
std::vector<Argument> argumentsOf(const KernelDesc &kernel);
/// Product of an argument's extents.
int64_t countOf(const Argument &argument);

// What exampleOf calls, one for each family.
#define LATHE_FAMILY(Name, ...)                                                                                        \
  llvm::Expected<Example> meaning(const Name##Kernel &kernel, const KernelCase &kernelCase);
#include "compiler/kernels/Families.def"

} // namespace lathe::test

#endif
