#include "compiler/spec/FileKind.h"
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/TextProto.h"
#include "compiler/support/Error.h"
#include "models/model.pb.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"

namespace lathe {
namespace {

using llvm::StringRef;

constexpr const char *kUnpack = "unpack it, and name what it held";
constexpr const char *kOldGgml = "a GGUF would be right: llama.cpp's converters make one of the original checkpoint";
constexpr const char *kOriginal = "the checkpoint that it was made from (safetensors), or its GGUF, would be right";
constexpr const char *kPickle = "it can run any code; save its tensors as .safetensors (in Python: "
                                "safetensors.torch.save_file(torch.load(file, weights_only=True), ...))";

/// Formats that begin with bytes of their own.
struct Magic {
  size_t offset;
  StringRef bytes;
  const char *what, *right;
};
// The four formats before GGUF are little-endian numbers, so their letters lie backwards.
const Magic kForeign[] = {
    {0, "lmgg", "is a GGML file of before GGUF ('ggml')", kOldGgml},
    {0, "ggml", "is a GGML file of before GGUF ('ggml')", kOldGgml},
    {0, "fmgg", "is a GGML file of before GGUF ('ggmf')", kOldGgml},
    {0, "ggmf", "is a GGML file of before GGUF ('ggmf')", kOldGgml},
    {0, "tjgg", "is a GGML file of before GGUF ('ggjt')", kOldGgml},
    {0, "ggjt", "is a GGML file of before GGUF ('ggjt')", kOldGgml},
    {0, "algg", "is a LoRA adapter of before GGUF ('ggla')", "merge it into its model, and name that"},
    {0, "ggla", "is a LoRA adapter of before GGUF ('ggla')", "merge it into its model, and name that"},
    {0, "24ka", "is a llama2.c checkpoint of version 1 or 2", "version 0 (export.py --version 0) would be right"},
    {0, "PK\x03\x04", "is a zip archive",
     "unpack it or, where PyTorch wrote it (.pt, .bin), save its tensors as .safetensors"},
    {0, "PK\x05\x06", "is an empty zip archive", kOriginal},
    {0, "\x1f\x8b", "is compressed (gzip)", kUnpack},
    {0, "7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", kUnpack},
    {0, "BZh", "is compressed (bzip2)", kUnpack},
    {0, StringRef("\3757zXZ\0", 6), "is compressed (xz)", kUnpack},
    {0, "\x28\xb5\x2f\xfd", "is compressed (zstd)", kUnpack},
    {0, "\x04\x22\x4d\x18", "is compressed (lz4)", kUnpack},
    {0, "Rar!\x1a\x07", "is a RAR archive", kUnpack},
    {257, "ustar", "is a tar archive", kUnpack},
    {0, "\x89HDF\r\n\x1a\n", "is an HDF5 file (Keras and TensorFlow write such)", kOriginal},
    {4, "TFL3", "is a TensorFlow Lite model", kOriginal},
    {0, "\x93NUMPY", "is a NumPy array", "safetensors would be right"},
    {0, "\177ELF", "is a program or a library (ELF)", "the model itself would be right"},
    {0, "MZqFpD", "is a llamafile, a program with a model in it", "the GGUF that it was made of would be right"},
};

bool isPickle(StringRef bytes) {
  return bytes.size() > 2 && uint8_t(bytes[0]) == 0x80 && bytes[1] >= 2 && bytes[1] <= 5; // PROTO, its version
}

/// PyTorch's zip: its first entry is NAME/data.pkl, a local header of 30 bytes before the name.
bool isZippedPickle(StringRef bytes) {
  if (!bytes.starts_with("PK\x03\x04") || bytes.size() < 30)
    return false;
  const uint16_t length = llvm::support::endian::read16le(bytes.data() + 26);
  const StringRef name = bytes.substr(30, length);
  return name == "data.pkl" || name.ends_with("/data.pkl");
}

/// A ModelProto: ir_version, a small number, then one of the fields that follow it.
bool isOnnx(StringRef bytes) {
  return bytes.size() > 3 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 &&
         StringRef("\x12\x1a\x22\x3a\x42").contains(bytes[2]);
}

/// The length of a header, and the header: a JSON object.
bool isSafetensors(StringRef bytes) {
  return bytes.size() > 8 && llvm::support::endian::read64le(bytes.data()) <= 100'000'000 && bytes[8] == '{';
}

/// The first lines of a text: UTF-8 without control characters. Nothing for other files.
std::optional<StringRef> firstText(StringRef bytes) {
  StringRef text = bytes.take_front(4096);
  if (text.size() < bytes.size()) // whole lines or words, so that the cut hits no character
    text = text.take_front(std::max(text.find_last_of(" \n") + 1, size_t(1)));
  auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin()), *end = begin + text.size();
  auto control = [](char c) { return uint8_t(c) < 0x20 && !StringRef("\t\n\f\r").contains(c); };
  if (llvm::any_of(text, control) || !llvm::isLegalUTF8String(&begin, end))
    return std::nullopt;
  text.consume_front("\xef\xbb\xbf"); // a byte order mark
  return text.ltrim();
}

/// Whether what follows comments is a field of a spec: "name:" or "name {".
bool isSpec(StringRef text) {
  if (!declaredMessage(text).empty())
    return true;
  while (text.starts_with("#"))
    text = text.split('\n').second.ltrim();
  const StringRef rest = text.ltrim("abcdefghijklmnopqrstuvwxyz0123456789_"), name = text.drop_back(rest.size());
  return spec::Model::descriptor()->FindFieldByName(name.str()) &&
         (rest.ltrim(' ').starts_with(":") || rest.ltrim(' ').starts_with("{"));
}

llvm::Expected<FileKind> kindOfText(StringRef text, StringRef path) {
  if (path.ends_with(".textproto") || isSpec(text))
    return FileKind::Spec;
  if (text.starts_with("<"))
    return makeError("{0}: is a web page, not a model: a download that went wrong; fetch the file itself", path);
  if (text.starts_with("{") || text.starts_with("["))
    return makeError("{0}: is JSON; the folder that it lies in would be right, if that holds a checkpoint", path);
  return makeError("{0}: is text ('{1}'), not a model", path, printable(text.split('\n').first.rtrim(), 60));
}

/// Of a file whose contents tell nothing.
llvm::Expected<FileKind> kindOfName(StringRef path) {
  for (auto [ending, kind] : {std::pair(".gguf", FileKind::Gguf),
                              {".safetensors", FileKind::Safetensors},
                              {".bin", FileKind::Llama2c},
                              {".textproto", FileKind::Spec}})
    if (path.ends_with(ending))
      return kind;
  return makeError(
      "{0}: is no model that Lathe reads; a GGUF, a .safetensors, a llama2.c .bin, a folder of a checkpoint "
      "or a spec (.textproto) would be right",
      path);
}

} // namespace

llvm::Expected<FileKind> kindOf(const InputFile &file) {
  const StringRef bytes(reinterpret_cast<const char *>(file.bytes().data()), file.bytes().size());
  const std::string &path = file.path();
  if (bytes.empty())
    return makeError("{0}: is empty", path);
  if (bytes.starts_with("GGUF"))
    return FileKind::Gguf;
  if (isPickle(bytes) || isZippedPickle(bytes))
    return makeError("{0}: is a pickle, as PyTorch saves: {1}", path, kPickle);
  for (const Magic &magic : kForeign)
    if (bytes.substr(magic.offset).starts_with(magic.bytes))
      return makeError("{0}: {1}; {2}", path, magic.what, magic.right);
  if (isSafetensors(bytes))
    return FileKind::Safetensors;
  if (isLlama2c(file.bytes()))
    return FileKind::Llama2c;
  if (isOnnx(bytes))
    return makeError("{0}: is an ONNX model; {1}", path, kOriginal);
  if (std::optional<StringRef> text = firstText(bytes))
    return kindOfText(*text, path);
  return kindOfName(path);
}

llvm::Expected<FileKind> kindOf(StringRef path) {
  if (llvm::sys::fs::is_directory(path))
    return FileKind::Folder;
  llvm::Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  return kindOf(**file);
}

} // namespace lathe
