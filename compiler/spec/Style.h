//===- Style.h - a family's words for one file format, put together -----------------------------------*- C++ -*-===//
//
// A Style (models/model.proto) may begin with shared ones, and one tensor of it may hold several roles. Here the parts
// become a whole, and mistakes that show without any checkpoint are found.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_STYLE_H
#define LATHE_COMPILER_SPEC_STYLE_H

#include "compiler/spec/Checkpoint.h"
#include "models/model.pb.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe {

/// "layers.3.mlp.up" -> {"layers.*.mlp.up", "3"}; a role outside the layers is its own pattern.
std::pair<std::string, llvm::StringRef> rolePattern(llvm::StringRef role);

/// The roles whose rows the binding's tensor holds, in order: its own, or those of its stack.
std::vector<std::string> rolesOf(const spec::TensorBinding &binding);

/// `pattern` with `number`, of a layer or an expert, for its first '*'.
std::string withNumber(llvm::StringRef pattern, llvm::StringRef number);

/// Checks what a style says of tensors; `file` is where it stands, for messages.
llvm::Error checkTensors(const spec::Style &style, llvm::StringRef file);

/// `base` and `own` together: what `own` binds, `base` no longer does. A field of `base` keeps its place in the order;
/// the others come before, so that a choice among kinds that `own` makes is made when `base` binds the kind's fields.
spec::Style includedStyle(const spec::Style &base, const spec::Style &own);

/// Adds the bindings that hold for other fields too (Style.again).
void bindAgain(spec::Style &style);

/// The checkpoint's tensor of that name, with its own prefix or another that the style allows; null: none.
const Tensor *findTensor(const spec::Style &style, const Checkpoint &checkpoint, llvm::StringRef name);

/// Whether a name is one of the pattern's, in which '*' is any text.
bool matchesPattern(llvm::StringRef pattern, llvm::StringRef name);

/// Whether the style lets a checkpoint carry a tensor that the model does not use.
bool isIgnored(const spec::Style &style, llvm::StringRef name);

/// A style's tensor bindings by role; refers to the style.
class TensorRoles {
public:
  explicit TensorRoles(const spec::Style &style);

  /// A tensor that may hold a role: the names to look for, in order.
  struct Candidate {
    const spec::TensorBinding *binding;
    std::vector<std::string> names; ///< one with a '*' left is a tensor an expert
    std::vector<std::string> roles; ///< that it holds, in order
  };
  /// For "layers.3.mlp.up"; none when the style does not name the role.
  std::vector<Candidate> find(llvm::StringRef role) const;

private:
  llvm::StringMap<std::vector<const spec::TensorBinding *>> byPattern;
};

} // namespace lathe

#endif
