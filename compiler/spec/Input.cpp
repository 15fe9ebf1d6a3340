#include "compiler/spec/Input.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/TextProto.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"
#include "llvm/Support/Path.h"

namespace lathe {

std::string printSpec(const spec::Model &model) {
  return "# proto-file: models/model.proto\n# proto-message: lathe.spec.Model\n" + printTextProto(model);
}

static llvm::Expected<spec::Model> readSpec(llvm::StringRef path) {
  constexpr uint64_t limit = 1 << 20;
  llvm::Expected<std::string> text = readSmallFile(path, limit);
  if (!text)
    return text.takeError();
  llvm::StringRef declared = declaredMessage(*text);
  if (!declared.empty() && declared != "lathe.spec.Model")
    return makeError("{0}: holds a {1}, not a model's spec (lathe.spec.Model)", path, printable(declared));
  spec::Model model;
  if (llvm::Error error = parseTextProto(*text, path, model))
    return std::move(error);
  return model;
}

/// The model that a checkpoint describes, not yet validated.
static llvm::Expected<spec::Model> describe(const Checkpoint &checkpoint, const NamedFamily &family) {
  spec::Model model = family.family.defaults();
  if (llvm::Error error = bindConfig(family.style(checkpoint.style), checkpoint, model))
    return std::move(error);
  model.set_version(1);
  model.set_family(family.name);
  llvm::StringRef stem = llvm::sys::path::stem(llvm::sys::path::remove_leading_dotslash(checkpoint.file));
  model.set_name(printable(checkpoint.name.empty() ? stem : llvm::StringRef(checkpoint.name)));
  return model;
}

/// Binds the weights of `checkpoint` to a spec that was written by hand.
static llvm::Error attachWeights(Input &input, Checkpoint checkpoint, llvm::StringRef specFile) {
  llvm::Expected<const NamedFamily *> family = familyNamed(input.model.family(), specFile);
  if (!family)
    return family.takeError();
  input.tokenizer = checkpoint.tokenizer;
  const spec::Style &style = (*family)->style(checkpoint.style);
  llvm::Expected<std::unique_ptr<WeightSource>> weights = bindWeights(style, std::move(checkpoint), input.model);
  if (!weights)
    return weights.takeError();
  input.weights = std::move(*weights);
  return llvm::Error::success();
}

llvm::Expected<Input> readInput(llvm::StringRef path, const InputOptions &options) {
  if (options.randomWeights && !options.weightsPath.empty())
    return makeError("--random-weights and --weights {0} exclude each other", options.weightsPath);
  std::optional<Format> format;
  if (!options.quantize.empty()) {
    llvm::Expected<Format> parsed = parseFormat(options.quantize);
    if (!parsed)
      return makeError("--quantize: {0}", llvm::toString(parsed.takeError()));
    format = *parsed;
  }

  Input input;
  std::optional<Checkpoint> checkpoint;
  const NamedFamily *family = nullptr;
  const bool isSpec = path.ends_with(".textproto");
  if (isSpec) {
    llvm::Expected<spec::Model> model = readSpec(path);
    if (!model)
      return model.takeError();
    input.model = std::move(*model);
  } else {
    if (!options.weightsPath.empty())
      return makeError("{0}: --weights goes with a spec (.textproto); this is a checkpoint with its own", path);
    llvm::Expected<Checkpoint> read = readCheckpoint(path);
    if (!read)
      return read.takeError();
    checkpoint = std::move(*read);
    llvm::Expected<const NamedFamily *> found = familyOf(*checkpoint);
    if (!found)
      return found.takeError();
    family = *found;
    llvm::Expected<spec::Model> model = describe(*checkpoint, *family);
    if (!model)
      return model.takeError();
    input.model = std::move(*model);
  }

  if (options.maxContext > 0)
    input.model.set_max_context(options.maxContext);
  if (format)
    input.model.set_weight_format(protoFormat(*format));
  if (llvm::Error error = validate(input.model, path))
    return std::move(error);
  format = formatOf(input.model.weight_format());

  if (checkpoint)
    input.tokenizer = checkpoint->tokenizer;
  if (options.randomWeights) {
    input.weights = randomWeights(input.model, format.value_or(Format::F32));
    return input;
  }
  if (!options.weightsPath.empty()) {
    llvm::Expected<Checkpoint> read = readCheckpoint(options.weightsPath);
    if (!read)
      return read.takeError();
    if (llvm::Error error = attachWeights(input, std::move(*read), path))
      return std::move(error);
  } else if (checkpoint) {
    const spec::Style &style = family->style(checkpoint->style);
    llvm::Expected<std::unique_ptr<WeightSource>> weights = bindWeights(style, std::move(*checkpoint), input.model);
    if (!weights)
      return weights.takeError();
    input.weights = std::move(*weights);
  }
  if (input.weights && format)
    input.weights = quantizedWeights(std::move(input.weights), input.model, *format);
  return input;
}

} // namespace lathe
