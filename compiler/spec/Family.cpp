#include "compiler/spec/Family.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/TextProto.h"
#include "compiler/support/Error.h"
#include "models/Embedded.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

namespace lathe {

const spec::Style &NamedFamily::style(Checkpoint::Style style) const {
  switch (style) {
  case Checkpoint::Style::HuggingFace:
    return family.hf();
  case Checkpoint::Style::Gguf:
    return family.gguf();
  case Checkpoint::Style::Llama2c:
    return family.llama2c();
  }
  llvm_unreachable("a style of its own");
}

llvm::Expected<NamedFamily> parseFamily(llvm::StringRef text, llvm::StringRef file) {
  NamedFamily result;
  result.name = llvm::sys::path::stem(file).str();
  result.file = file.str();
  if (llvm::Error error = parseTextProto(text, file, result.family))
    return std::move(error);
  for (const spec::Style *style : {&result.family.hf(), &result.family.gguf(), &result.family.llama2c()})
    if (llvm::Error error = checkStyle(*style, result.family.defaults(), file))
      return std::move(error);
  return result;
}

/// All of them, in the order of their names; parsed once.
static llvm::Expected<llvm::ArrayRef<NamedFamily>> families() {
  struct Loaded {
    std::vector<NamedFamily> families;
    std::string error;
  };
  static const Loaded loaded = [] {
    Loaded result;
    for (const EmbeddedFile &file : embeddedFamilies()) {
      if (declaredMessage(file.text) != "lathe.spec.Family")
        continue;
      llvm::Expected<NamedFamily> family = parseFamily(file.text, file.path);
      if (!family) {
        result.error = llvm::toString(family.takeError());
        break;
      }
      result.families.push_back(std::move(*family));
    }
    return result;
  }();
  if (!loaded.error.empty())
    return makeError("{0}", loaded.error);
  return llvm::ArrayRef(loaded.families);
}

llvm::Expected<const NamedFamily *> familyOf(const Checkpoint &checkpoint) {
  llvm::Expected<llvm::ArrayRef<NamedFamily>> all = families();
  if (!all)
    return all.takeError();
  std::vector<std::string> known;
  for (const NamedFamily &family : *all) {
    for (const std::string &architecture : family.style(checkpoint.style).architectures()) {
      if (architecture == checkpoint.architecture)
        return &family;
      known.push_back(architecture);
    }
  }
  llvm::sort(known);
  return makeError("{0}: architecture '{1}' is unknown; known: {2}", checkpoint.file,
                   printable(checkpoint.architecture), llvm::join(known, ", "));
}

llvm::Expected<const NamedFamily *> familyNamed(llvm::StringRef name, llvm::StringRef file) {
  llvm::Expected<llvm::ArrayRef<NamedFamily>> all = families();
  if (!all)
    return all.takeError();
  std::vector<std::string> known;
  for (const NamedFamily &family : *all) {
    if (family.name == name)
      return &family;
    known.push_back(family.name);
  }
  return makeError("{0}: family = '{1}' is unknown; known: {2}", file, printable(name), llvm::join(known, ", "));
}

} // namespace lathe
