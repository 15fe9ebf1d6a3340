//===- Llama2c.cpp - a checkpoint of karpathy/llama2.c ------------------------------------------------------------===//
//
// Seven i32 (run.c's Config), then f32 tensors without names, each kind for all layers in one piece. A negative
// vocabulary size says that the head is a matrix of its own. Between the norms and the head lie two tables of rotary
// frequencies that nobody reads any more.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "compiler/support/Error.h"
#include "compiler/support/Hash.h"
#include "llvm/Support/Path.h"
#include <cstring>

namespace lathe {

namespace {
struct Header {
  int32_t dim, hidden, layers, heads, kvHeads, vocabulary, context;
};

/// Hands out consecutive tensors of a file whose size is known to suffice.
class Cutter {
public:
  Cutter(Checkpoint &checkpoint, const uint8_t *data) : checkpoint(checkpoint), at(data) {}

  void cut(std::string name, std::vector<int64_t> shape) {
    Tensor tensor{std::move(name), Format::F32, "F32", std::move(shape), at};
    at += *countBytes(Format::F32, tensor.shape);
    llvm::cantFail(checkpoint.add(std::move(tensor))); // names are made here: no two are equal
  }
  void cutLayers(int32_t layers, const std::string &name, const std::vector<int64_t> &shape) {
    for (int32_t i = 0; i < layers; ++i)
      cut("layers." + std::to_string(i) + "." + name, shape);
  }
  void skip(int64_t numbers) { at += numbers * sizeof(float); }

private:
  Checkpoint &checkpoint;
  const uint8_t *at;
};
} // namespace

static bool plausible(const Header &h) {
  auto within = [](int64_t value, int64_t high) { return value >= 1 && value <= high; };
  return within(h.dim, 1 << 20) && within(h.hidden, 1 << 22) && within(h.layers, 4096) && within(h.heads, h.dim) &&
         within(h.kvHeads, h.heads) && within(std::abs(int64_t(h.vocabulary)), 1 << 24) && within(h.context, 1 << 28) &&
         h.dim % h.heads == 0 && h.heads % h.kvHeads == 0;
}

bool isLlama2c(llvm::ArrayRef<uint8_t> bytes) {
  Header h;
  if (bytes.size() < sizeof h)
    return false;
  std::memcpy(&h, bytes.data(), sizeof h);
  return plausible(h);
}

/// f32 numbers after the header. Below 2^62: each factor is bounded by plausible().
static int64_t countNumbers(const Header &h) {
  const int64_t dim = h.dim, kv = dim / h.heads * h.kvHeads, vocabulary = std::abs(int64_t(h.vocabulary));
  const int64_t perLayer = 2 * dim + 2 * dim * dim + 2 * dim * kv + 3 * dim * h.hidden;
  const int64_t frequencies = int64_t(h.context) * (dim / h.heads);
  return vocabulary * dim * (h.vocabulary < 0 ? 2 : 1) + h.layers * perLayer + dim + frequencies;
}

llvm::Expected<Checkpoint> readLlama2c(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  const llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
  Header h;
  if (bytes.size() < sizeof h)
    return makeError("{0}: not a llama2.c checkpoint: {1} bytes are fewer than its header of {2}", path, bytes.size(),
                     sizeof h);
  std::memcpy(&h, bytes.data(), sizeof h);
  if (!plausible(h))
    return makeError("{0}: not a llama2.c checkpoint: the header says dim {1}, hidden {2}, layers {3}, heads {4}, "
                     "key/value heads {5}, vocabulary {6}, context {7}",
                     path, h.dim, h.hidden, h.layers, h.heads, h.kvHeads, h.vocabulary, h.context);
  const uint64_t expected = sizeof h + static_cast<uint64_t>(countNumbers(h)) * sizeof(float);
  if (bytes.size() != expected)
    return makeError(
        "{0}: has {1} bytes; its header (dim {2}, layers {3}, vocabulary {4}) needs {5}: truncated or not a "
        "llama2.c checkpoint",
        path, bytes.size(), h.dim, h.layers, h.vocabulary, expected);

  const int64_t dim = h.dim, headSize = dim / h.heads, kv = headSize * h.kvHeads, hidden = h.hidden;
  const int64_t vocabulary = std::abs(int64_t(h.vocabulary));
  Checkpoint checkpoint;
  checkpoint.file = path.str();
  checkpoint.style = Checkpoint::Style::Llama2c;
  checkpoint.architecture = "llama2c";
  checkpoint.name = llvm::sys::path::stem(path).str();
  checkpoint.config = {{"dim", dim},
                       {"hidden_dim", hidden},
                       {"n_layers", h.layers},
                       {"n_heads", h.heads},
                       {"n_kv_heads", h.kvHeads},
                       {"vocab_size", vocabulary},
                       {"seq_len", h.context},
                       {"shared_weights", h.vocabulary > 0}};
  checkpoint.fingerprint = hashBytes({reinterpret_cast<const char *>(bytes.data()), sizeof h}, (*file)->identity());
  Cutter cutter(checkpoint, bytes.data() + sizeof h);
  cutter.cut("token_embedding_table", {vocabulary, dim});
  cutter.cutLayers(h.layers, "rms_att_weight", {dim});
  cutter.cutLayers(h.layers, "wq", {dim, dim});
  cutter.cutLayers(h.layers, "wk", {kv, dim});
  cutter.cutLayers(h.layers, "wv", {kv, dim});
  cutter.cutLayers(h.layers, "wo", {dim, dim});
  cutter.cutLayers(h.layers, "rms_ffn_weight", {dim});
  cutter.cutLayers(h.layers, "w1", {hidden, dim});
  cutter.cutLayers(h.layers, "w2", {dim, hidden});
  cutter.cutLayers(h.layers, "w3", {hidden, dim});
  cutter.cut("rms_final_weight", {dim});
  cutter.skip(h.context * headSize); // freq_cis_real, freq_cis_imag
  if (h.vocabulary < 0)
    cutter.cut("wcls", {vocabulary, dim});
  checkpoint.files = {std::move(*file)};
  if (std::string beside = inFolder(llvm::sys::path::parent_path(path), "tokenizer.bin"); isThere(beside)) {
    llvm::Expected<std::shared_ptr<TokenizerSource>> tokenizer = readTokenizerFile(beside);
    if (!tokenizer)
      return tokenizer.takeError();
    checkpoint.tokenizer = std::move(*tokenizer);
  }
  return checkpoint;
}

} // namespace lathe
