#include "compiler/spec/Family.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/Style.h"
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
  case Checkpoint::Style::Meta:
    return family.meta();
  }
  llvm_unreachable("a style of its own");
}

llvm::Expected<spec::Style> parseSharedStyle(llvm::StringRef text, const spec::Model &defaults, llvm::StringRef file) {
  spec::Style style;
  if (llvm::Error error = parseTextProto(text, file, style))
    return std::move(error);
  if (!style.includes().empty() || !style.architectures().empty())
    return makeError("{0}: a shared style has neither includes nor architectures of its own", file);
  if (llvm::Error error = checkStyle(style, defaults, file))
    return std::move(error);
  return style;
}

/// The shared style of that name; `file` is who includes it, for the message.
static llvm::Expected<spec::Style> sharedStyle(llvm::StringRef name, const spec::Model &defaults,
                                               llvm::StringRef file) {
  std::vector<llvm::StringRef> known;
  for (const EmbeddedFile &shared : embeddedFamilies()) {
    if (declaredMessage(shared.text) != "lathe.spec.Style")
      continue;
    known.push_back(llvm::sys::path::stem(shared.path));
    if (known.back() == name)
      return parseSharedStyle(shared.text, defaults, shared.path);
  }
  return makeError("{0}: includes '{1}': no such shared style; known: {2}", file, name, llvm::join(known, ", "));
}

/// Checks a family's own words for a format, and puts what they include before them.
static llvm::Error complete(spec::Style &style, const spec::Model &defaults, llvm::StringRef file) {
  if (llvm::Error error = checkStyle(style, defaults, file))
    return error;
  spec::Style included;
  for (const std::string &name : style.includes()) {
    llvm::Expected<spec::Style> shared = sharedStyle(name, defaults, file);
    if (!shared)
      return shared.takeError();
    included = includedStyle(included, *shared);
  }
  style = includedStyle(included, style);
  bindAgain(style);
  return checkStyle(style, defaults, file); // what it binds again, too
}

llvm::Expected<NamedFamily> parseFamily(llvm::StringRef text, llvm::StringRef file) {
  NamedFamily result;
  result.name = llvm::sys::path::stem(file).str();
  result.file = file.str();
  if (llvm::Error error = parseTextProto(text, file, result.family))
    return std::move(error);
  spec::Family &family = result.family;
  for (spec::Style *style :
       {family.mutable_hf(), family.mutable_gguf(), family.mutable_llama2c(), family.mutable_meta()})
    if (llvm::Error error = complete(*style, family.defaults(), file))
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
