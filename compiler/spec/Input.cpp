#include "compiler/spec/Input.h"
#include "compiler/spec/Binding.h"
#include "compiler/spec/DerivedWeights.h"
#include "compiler/spec/Family.h"
#include "compiler/spec/FileKind.h"
#include "compiler/spec/Style.h"
#include "compiler/spec/TextProto.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"
#include "llvm/Support/Path.h"
#include <cstring>

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

/// Variants that a checkpoint gives nothing of their own are none.
static void dropIdleVariants(spec::Model &model) {
  auto idle = [](const spec::Variant &variant) {
    return !variant.has_positions() && !variant.has_attention() && !variant.has_mlp() && !variant.has_mamba();
  };
  auto &variants = *model.mutable_variants();
  variants.erase(std::remove_if(variants.begin(), variants.end(), idle), variants.end());
}

/// The first tensor that may hold the role; null: none is there.
static const Tensor *holderOf(llvm::StringRef role, const spec::Style &style, const Checkpoint &checkpoint) {
  for (const TensorRoles::Candidate &candidate : TensorRoles(style).find(role))
    for (const std::string &name : candidate.names)
      if (const Tensor *tensor = findTensor(style, checkpoint, name))
        return tensor;
  return nullptr;
}

/// Whether a head is there that is not the embedding: then it is used, whatever the configuration says of tying (as
/// transformers 5 does).
static bool hasOwnHead(const spec::Style &style, const Checkpoint &checkpoint) {
  const Tensor *head = holderOf("head", style, checkpoint), *embedding = holderOf("token_embedding", style, checkpoint);
  if (!head || !embedding)
    return false;
  if (head->format != embedding->format || head->shape != embedding->shape || !head->data || !embedding->data)
    return true;
  const std::optional<int64_t> bytes = countBytes(*head->format, head->shape);
  return !bytes || std::memcmp(head->data, embedding->data, *bytes) != 0;
}

/// The model that a checkpoint describes, not yet validated.
static llvm::Expected<spec::Model> describe(const Checkpoint &checkpoint, const NamedFamily &family) {
  spec::Model model = family.family.defaults();
  const spec::Style &style = family.style(checkpoint.style);
  if (llvm::Error error = bindConfig(style, checkpoint, model))
    return std::move(error);
  if (model.head().tied() && hasOwnHead(style, checkpoint))
    model.mutable_head()->set_tied(false);
  dropIdleVariants(model);
  model.set_version(1);
  model.set_family(family.name);
  llvm::StringRef stem = llvm::sys::path::stem(llvm::sys::path::remove_leading_dotslash(checkpoint.file));
  model.set_name(printable(checkpoint.name.empty() ? stem : llvm::StringRef(checkpoint.name)));
  return model;
}

static llvm::Error attach(Input &input, const NamedFamily &family, Checkpoint checkpoint, const spec::Model &stored) {
  if (checkpoint.tokenizer && checkpoint.tokenizer->tokens.size() > input.model.vocab_size())
    return makeError("{0}: the tokenizer has {1} tokens; vocab_size is {2}", checkpoint.file,
                     checkpoint.tokenizer->tokens.size(), input.model.vocab_size());
  input.tokenizer = checkpoint.tokenizer;
  const spec::Style &style = family.style(checkpoint.style);
  llvm::Expected<std::unique_ptr<WeightSource>> weights =
      bindWeights(style, std::move(checkpoint), input.model, stored);
  if (!weights)
    return weights.takeError();
  input.weights = completedWeights(std::move(*weights), input.model);
  return llvm::Error::success();
}

/// Head counts that no tensor's shape shows: a spec that disagrees with its checkpoint would compute nonsense.
static llvm::Error checkHeads(const spec::Model &model, spec::Model stored, llvm::StringRef specFile,
                              llvm::StringRef weightsFile) {
  if (stored.attention().n_heads() == 0) // bare tensors
    return llvm::Error::success();
  if (llvm::Error error = validate(stored, weightsFile))
    return error;
  const spec::Attention &here = model.attention(), &there = stored.attention();
  if (here.n_heads() == there.n_heads() && here.n_kv_heads() == there.n_kv_heads() &&
      here.head_size() == there.head_size())
    return llvm::Error::success();
  return makeError("{0}: has {1} heads, {2} key/value heads of size {3}; {4} says {5}, {6} of size {7}", weightsFile,
                   there.n_heads(), there.n_kv_heads(), there.head_size(), specFile, here.n_heads(), here.n_kv_heads(),
                   here.head_size());
}

/// --weights: a checkpoint for a spec that stands in a file of its own. The spec decides; the checkpoint must fit it.
static llvm::Error attachWeights(Input &input, llvm::StringRef specFile, llvm::StringRef weightsFile) {
  llvm::Expected<Checkpoint> checkpoint = readCheckpoint(weightsFile);
  if (!checkpoint)
    return checkpoint.takeError();
  llvm::Expected<const NamedFamily *> family = familyNamed(input.model.family(), specFile);
  if (!family)
    return family.takeError();
  llvm::Expected<spec::Model> stored = describe(*checkpoint, **family);
  if (!stored)
    return stored.takeError();
  if (llvm::Error error = checkHeads(input.model, *stored, specFile, checkpoint->file))
    return error;
  return attach(input, **family, std::move(*checkpoint), *stored);
}

/// What the options add to a model, and whether the result can be built.
static llvm::Error settle(spec::Model &model, llvm::StringRef file, const InputOptions &options) {
  if (options.maxContext > 0)
    model.set_max_context(options.maxContext);
  if (!options.quantize.empty()) {
    const std::optional<Format> format = findFormat(options.quantize);
    const std::optional<spec::WeightFormat> asked = format ? protoFormat(*format) : std::nullopt;
    if (!asked)
      return makeError("--quantize: {0} {1}; {2} would be right", printable(options.quantize),
                       format ? "is read from GGUF files only" : "is no weight format",
                       formatNames(FormatSet::Quantizing));
    model.set_weight_format(*asked);
  }
  return validate(model, file);
}

/// Makes or converts weights as the settled model asks.
static void deriveWeights(Input &input, bool random) {
  const std::optional<Format> format = formatOf(input.model.weight_format());
  if (random)
    input.weights = randomWeights(input.model, format.value_or(Format::F32));
  else if (input.weights && format)
    input.weights = quantizedWeights(std::move(input.weights), input.model, *format,
                                     input.quantization = std::make_shared<QuantizationLog>());
}

static llvm::Expected<Input> readSpecInput(llvm::StringRef path, const InputOptions &options) {
  llvm::Expected<spec::Model> model = readSpec(path);
  if (!model)
    return model.takeError();
  if (!model->family().empty()) // even where nothing is read through it: a name that is wrong is a mistake
    if (llvm::Expected<const NamedFamily *> family = familyNamed(model->family(), path); !family)
      return family.takeError();
  Input input;
  input.model = std::move(*model);
  if (llvm::Error error = settle(input.model, path, options))
    return std::move(error);
  if (!options.weightsPath.empty())
    if (llvm::Error error = attachWeights(input, path, options.weightsPath))
      return std::move(error);
  deriveWeights(input, options.randomWeights);
  return input;
}

/// A checkpoint's context is the trained one. A rotation that grows with the sequence is there to go on from it.
static void extendContext(spec::Model &model) {
  const spec::Rotary::Scaling &scaling = model.positions().rotary().scaling();
  const double extended = scaling.dynamic_ntk().factor() * model.max_context();
  if (scaling.dynamic_ntk().original_context() == model.max_context() && extended > model.max_context() &&
      extended <= UINT32_MAX)
    model.set_max_context(uint32_t(extended));
}

static llvm::Expected<Input> readCheckpointInput(llvm::StringRef path, const InputOptions &options) {
  if (!options.weightsPath.empty())
    return makeError("{0}: --weights goes with a spec (.textproto); this is a checkpoint with its own", path);
  llvm::Expected<Checkpoint> checkpoint = readCheckpoint(path);
  if (!checkpoint)
    return checkpoint.takeError();
  llvm::Expected<const NamedFamily *> family = familyOf(*checkpoint);
  if (!family)
    return family.takeError();
  llvm::Expected<spec::Model> model = describe(*checkpoint, **family);
  if (!model)
    return model.takeError();
  extendContext(*model);
  Input input;
  input.model = *model;
  if (llvm::Error error = settle(input.model, checkpoint->file, options))
    return std::move(error);
  if (options.randomWeights)
    input.tokenizer = checkpoint->tokenizer;
  else if (llvm::Error error = attach(input, **family, std::move(*checkpoint), *model))
    return std::move(error);
  deriveWeights(input, options.randomWeights);
  return input;
}

llvm::Expected<Input> readInput(llvm::StringRef path, const InputOptions &options) {
  if (options.randomWeights && !options.weightsPath.empty())
    return makeError("--random-weights and --weights {0} exclude each other", options.weightsPath);
  llvm::Expected<FileKind> kind = kindOf(path);
  if (!kind)
    return kind.takeError();
  return *kind == FileKind::Spec ? readSpecInput(path, options) : readCheckpointInput(path, options);
}

} // namespace lathe
