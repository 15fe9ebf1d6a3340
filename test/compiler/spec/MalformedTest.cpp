// Inputs that nobody would write on purpose, and some that somebody would: each must give an error of one line or a
// valid result, without a crash, a hang or memory beyond the file's size. Run under the asan preset to see more.
#include "TestFiles.h"
#include "gmock/gmock.h"
#include <random>

using namespace lathe;
using namespace lathe::test;

namespace {

const std::string hf = "test/data/golden/llama-gqa", gguf = "test/data/golden/gguf/llama-gqa/llama-gqa-Q4_0.gguf";

/// Reads `path` and, when that works, every weight; returns the message.
std::string tryInput(const std::string &path) {
  auto read = [&]() -> llvm::Error {
    llvm::Expected<Input> input = readInput(path);
    if (!input)
      return input.takeError();
    for (const WeightShape &shape : weightShapes(input->model)) {
      llvm::Expected<const Weight *> weight = input->weights->get(shape.role);
      if (!weight)
        return weight.takeError();
      std::vector<float> row((*weight)->columns);
      if (llvm::Error error = (*weight)->readRow(shape.rows - 1, row.data())) // a number that is none, say
        return error;
    }
    return llvm::Error::success();
  };
  const std::string message = messageOf(read());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

void flipBits(std::string &bytes, size_t limit, std::mt19937 &random) {
  for (int i = random() % 3; i >= 0; --i)
    bytes[random() % limit] ^= 1 << random() % 8;
}

/// Where the tensor data of the small GGUF begins, or later.
size_t headerBytes(const std::string &bytes) { return bytes.rfind("output_norm.weight") + 64; }

TEST(MalformedGguf, EveryTruncationIsAnError) {
  TemporaryFolder folder;
  const std::string whole = readBytes(gguf);
  for (size_t length = 0; length < whole.size(); length += length < 200 ? 1 : 53)
    EXPECT_NE(tryInput(folder.write("cut.gguf", whole.substr(0, length))), "") << length;
  EXPECT_EQ(inputMessage(folder.write("cut.gguf", whole.substr(0, 40))),
            "cut.gguf: the file ends within metadata entry 0 (at byte 32): truncated or damaged");
  EXPECT_THAT(
      inputMessage(folder.write("cut.gguf", whole.substr(0, whole.size() - 1))),
      testing::MatchesRegex("cut.gguf: the [0-9]+ bytes of tensor '[a-z0-9_.]+' reach beyond the end of the file: "
                            "truncated or damaged"));
}

TEST(MalformedGguf, FlippedBits) {
  TemporaryFolder folder;
  std::mt19937 random(1);
  const std::string whole = readBytes(gguf);
  int errors = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = whole;
    flipBits(bytes, headerBytes(whole), random);
    errors += !tryInput(folder.write("flipped.gguf", bytes)).empty();
  }
  EXPECT_GT(errors, 500);
}

/// A GGUF header written field by field.
struct Gguf {
  std::string bytes;
  template <typename T> Gguf &number(T value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
    return *this;
  }
  Gguf &text(llvm::StringRef value) {
    number<uint64_t>(value.size());
    bytes += value;
    return *this;
  }
  Gguf &header(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    bytes = "GGUF";
    return number(version).number(tensors).number(entries);
  }
  Gguf &architecture() { return text("general.architecture").number<uint32_t>(8).text("llama"); }
  Gguf &tensor(llvm::StringRef name, std::vector<uint64_t> extents, uint32_t type, uint64_t offset) {
    text(name).number<uint32_t>(extents.size());
    for (uint64_t extent : extents)
      number(extent);
    return number(type).number(offset);
  }
};

TEST(MalformedGguf, AbsurdNumbers) {
  TemporaryFolder folder;
  auto message = [&](const Gguf &file) { return inputMessage(folder.write("x.gguf", file.bytes)); };
  const uint64_t huge = UINT64_MAX;
  EXPECT_EQ(message(Gguf().number(UINT64_MAX)), "x.gguf: not a GGUF file (it does not begin with 'GGUF')");
  EXPECT_EQ(message(Gguf().header(0, 0, 1)), "x.gguf: GGUF version 1 is not supported (2 and 3 are)");
  EXPECT_EQ(message(Gguf().header(0, 0, 0x03000000)),
            "x.gguf: GGUF version 50331648 is not supported (2 and 3 are; this one is big-endian)");
  EXPECT_EQ(message(Gguf().header(0, 0)),
            "x.gguf: general.architecture is missing: this file does not say what model it holds");
  EXPECT_EQ(message(Gguf().header(huge, huge).architecture()),
            "x.gguf: the file ends within metadata entry 1 (at byte 69): truncated or damaged");
  EXPECT_EQ(message(Gguf().header(huge, 1).architecture()),
            "x.gguf: the file ends within the entry of tensor 0 (at byte 69): truncated or damaged");
  EXPECT_EQ(message(Gguf().header(0, 1).text("a").number<uint32_t>(9).number<uint32_t>(4).number(huge)),
            "x.gguf: the file ends within metadata 'a' (at byte 49): truncated or damaged");
  EXPECT_EQ(message(Gguf().header(0, 1).text("a").number<uint32_t>(9).number<uint32_t>(8).number(huge)),
            "x.gguf: the file ends within metadata 'a' (at byte 49): truncated or damaged");
  EXPECT_EQ(message(Gguf().header(0, 1).text("a").number<uint32_t>(9).number<uint32_t>(9).number(huge)),
            "x.gguf: metadata 'a' is an array of arrays, which is not supported");
  EXPECT_EQ(message(Gguf().header(0, 1).text("a\n").number<uint32_t>(13)),
            "x.gguf: metadata 'a\\x0A' has the unknown type 13");
  EXPECT_EQ(message(Gguf().header(0, 2).architecture().architecture()),
            "x.gguf: metadata key 'general.architecture' is there twice");
  for (uint32_t alignment : {0u, 3u, 1u << 31})
    EXPECT_EQ(message(Gguf().header(0, 1).text("general.alignment").number<uint32_t>(4).number(alignment)),
              "x.gguf: general.alignment is not a power of two from 1 to 1048576");
  auto tensors = [](uint64_t count) { return Gguf().header(count, 1).architecture(); };
  EXPECT_EQ(message(tensors(1).tensor("t", {1, 1, 1, 1, 1}, 0, 0)),
            "x.gguf: tensor 't' has 5 dimensions; 1 to 4 are allowed");
  EXPECT_EQ(message(tensors(1).tensor("t", {huge, huge, 4}, 0, 0)),
            "x.gguf: tensor 't' has an empty or absurd shape (18446744073709551615 x 18446744073709551615 x 4)");
  EXPECT_EQ(message(tensors(1).tensor("t", {0}, 0, 0)), "x.gguf: tensor 't' has an empty or absurd shape (0)");
  EXPECT_EQ(message(tensors(1).tensor("t", {33, 2}, 8, 0)),
            "x.gguf: tensor 't' has 33 columns; Q8_0 needs a multiple of 32");
  EXPECT_EQ(message(tensors(1).tensor("t", {32}, 0, 7)),
            "x.gguf: tensor 't' begins at 7, not a multiple of the alignment 32");
  EXPECT_EQ(message(tensors(1).tensor("t", {32}, 0, huge - 31)),
            "x.gguf: the 128 bytes of tensor 't' reach beyond the end of the file: truncated or damaged");
  EXPECT_EQ(message(tensors(2).tensor("t", {32}, 24, 0).tensor("t", {32}, 24, 0)), "x.gguf: tensor 't' is there twice");
  EXPECT_EQ(message(tensors(0)),
            "x.gguf: llama.attention.layer_norm_rms_epsilon is missing; llama.cpp would not read the file either");
}

TEST(MalformedGguf, NamesTensorAndRole) {
  TemporaryFolder folder;
  auto renamed = [&](llvm::StringRef from, llvm::StringRef to) {
    std::string bytes = readBytes(gguf);
    bytes.replace(bytes.find(from), from.size(), to);
    return inputMessage(folder.write("x.gguf", bytes));
  };
  EXPECT_EQ(renamed("blk.1.ffn_up", "blk.1.ffn_uq"),
            "x.gguf: tensor 'blk.1.ffn_up.weight' is missing (role layers.1.mlp.up)");
  EXPECT_EQ(renamed(Gguf().text("output.weight").bytes, Gguf().text("outpux.weight").bytes),
            "x.gguf: tensor 'outpux.weight' [288, 64] has no role in this model");
  EXPECT_EQ(renamed(std::string("llama.feed_forward_length\4\0\0\0\x60", 30),
                    std::string("llama.feed_forward_length\4\0\0\0\x40", 30)),
            "x.gguf: tensor 'blk.0.ffn_gate.weight' has shape [96, 64]; layers.0.mlp.gate is [64, 64]");
  EXPECT_THAT(renamed(Gguf().text("llama").bytes, Gguf().text("lamma").bytes),
              testing::MatchesRegex("x.gguf: architecture 'lamma' is unknown; known: (.*, )?llama, .*"));
}

std::string safetensors(llvm::StringRef header, size_t dataBytes) {
  std::string bytes;
  const uint64_t length = header.size();
  bytes.append(reinterpret_cast<const char *>(&length), sizeof length);
  return bytes + header.str() + std::string(dataBytes, '\0');
}

TEST(MalformedSafetensors, AbsurdHeaders) {
  TemporaryFolder folder;
  folder.write("config.json", readBytes(hf + "/config.json"));
  auto message = [&](llvm::StringRef bytes) {
    folder.write("model.safetensors", bytes);
    return inputMessage(folder.path + "/");
  };
  auto header = [&](llvm::StringRef text) { return message(safetensors(text, 64)); };
  EXPECT_EQ(message("ab\1"),
            "model.safetensors: not a safetensors file, or truncated (its header of 0 bytes is not there)");
  EXPECT_EQ(message("\xff\xff\xff\xff\xff\xff\xff\xff{}"),
            "model.safetensors: not a safetensors file, or truncated (its header of 18446744073709551615 bytes is not "
            "there)");
  EXPECT_EQ(header("{"), "model.safetensors: is not valid JSON");
  EXPECT_EQ(header("[]"), "model.safetensors: the safetensors header is not a JSON object");
  EXPECT_EQ(header(std::string(100000, '[')), "model.safetensors: JSON is nested deeper than 64");
  EXPECT_EQ(header(R"({"t": 3})"), "model.safetensors: tensor 't': needs dtype, shape and data_offsets");
  auto entry = [&](llvm::StringRef shape, llvm::StringRef offsets) {
    return header((R"({"t": {"dtype": "F32", "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}").str());
  };
  EXPECT_EQ(entry("[-1]", "[0, 4]"), "model.safetensors: tensor 't': shape has an entry that is not a whole number");
  EXPECT_EQ(entry("[1e3]", "[0, 4]"), "model.safetensors: tensor 't': shape has an entry that is not a whole number");
  EXPECT_EQ(entry("[1]", "[4, 0]"), "model.safetensors: tensor 't': data_offsets is not [begin, end]");
  EXPECT_EQ(entry("[18446744073709551615]", "[0, 4]"),
            "model.safetensors: tensor 't': shape has an entry that is not a whole number");
  EXPECT_EQ(entry("[4294967296, 4294967296]", "[0, 4]"), "model.safetensors: tensor 't' has an empty or absurd shape");
  EXPECT_EQ(entry("[1]", "[0, 9223372036854775807]"),
            "model.safetensors: the data of tensor 't' reaches beyond the end of the file: truncated or damaged");
  EXPECT_EQ(entry("[2]", "[0, 4]"), "model.safetensors: tensor 't' has 4 bytes of data; its shape and type F32 need 8");
  EXPECT_EQ(header(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                       "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}})"),
            "model.safetensors: the data of tensors 'a' and 'b' overlap");
  EXPECT_EQ(header("{}"), "config.json: tensor 'model.embed_tokens.weight' is missing (role token_embedding)");
}

TEST(MalformedHuggingFace, TruncatedAndFlipped) {
  TemporaryFolder folder;
  std::mt19937 random(2);
  const std::string config = readBytes(hf + "/config.json"), weights = readBytes(hf + "/model.safetensors");
  const size_t header = weights.find("}}") + 2;
  folder.write("config.json", config);
  for (size_t length = 0; length < weights.size(); length += length < 64 ? 1 : 4099)
    EXPECT_NE((folder.write("model.safetensors", weights.substr(0, length)), tryInput(folder.path)), "") << length;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = weights;
    flipBits(bytes, header, random);
    folder.write("model.safetensors", bytes);
    tryInput(folder.path);
  }
  folder.write("model.safetensors", weights);
  ASSERT_EQ(tryInput(folder.path), "");
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = config;
    flipBits(bytes, config.size(), random);
    folder.write("config.json", bytes);
    tryInput(folder.path);
  }
  for (size_t length = 0; length + 2 < config.size(); ++length)
    EXPECT_NE((folder.write("config.json", config.substr(0, length)), tryInput(folder.path)), "") << length;
}

TEST(MalformedHuggingFace, NamesTheKey) {
  TemporaryFolder folder;
  folder.write("model.safetensors", readBytes(hf + "/model.safetensors"));
  auto edited = [&](llvm::StringRef from, llvm::StringRef to) {
    std::string bytes = readBytes(hf + "/config.json");
    bytes.replace(bytes.find(from), from.size(), to);
    folder.write("config.json", bytes);
    return inputMessage(folder.path + "/");
  };
  EXPECT_EQ(edited("\"hidden_size\": 64", "\"hidden_size\": \"wide\""),
            "config.json: hidden_size = wide is not a whole number from 0 to 4294967295 (for dim)");
  EXPECT_EQ(edited("\"hidden_size\": 64", "\"hidden_size\": -64"),
            "config.json: hidden_size = -64 is not a whole number from 0 to 4294967295 (for dim)");
  EXPECT_EQ(edited("\"hidden_size\"", "\"hidden\""), // what the class has then
            "config.json: tensor 'model.embed_tokens.weight' has shape [288, 64]; token_embedding is [288, 4096]");
  EXPECT_EQ(edited("\"hidden_size\": 64", "\"hidden_size\": null"),
            "config.json: hidden_size or n_embd or d_model is missing (dim needs it)");
  EXPECT_EQ(edited("\"silu\"", "\"mish\""),
            "config.json: hidden_act = mish is not supported; supported: gelu, gelu_fast, gelu_new, gelu_pytorch_tanh, "
            "quick_gelu, relu, relu2, silu, swish, xielu");
  EXPECT_EQ(edited("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"rings\"}"),
            "config.json: rope_scaling.type = rings is not supported; supported: default, dynamic, linear, llama3, "
            "longrope, mrope, ntk, yarn");
  EXPECT_EQ(edited("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\"}"),
            "config.json: rope_scaling.factor is missing (positions.rotary.scaling.linear.factor needs it)");
  EXPECT_THAT(
      edited("\"model_type\": \"llama\"", "\"model_type\": \"lama\""),
      testing::MatchesRegex("config.json: architecture 'lama' is unknown; known: (.*, )?llama, (.*, )?mistral, .*"));
  EXPECT_EQ(edited("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": 0"),
            "config.json: tie_word_embeddings = 0 is not true or false (for tied)");
  EXPECT_EQ(edited("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
            "config.json: attention.n_kv_heads = 3 does not divide attention.n_heads = 8");
}

TEST(MalformedMeta, NamesTheKeyAndTheFile) {
  const std::string meta = "test/data/golden/llama-meta";
  TemporaryFolder folder;
  const std::string params = readBytes(meta + "/params.json");
  folder.write("params.json", params);
  EXPECT_EQ(inputMessage(folder.path + "/"),
            ": has params.json, but neither model*.safetensors nor consolidated*.safetensors");
  folder.write("consolidated.00.pth", "\x80\x02}q");
  EXPECT_EQ(inputMessage(folder.path + "/"), "consolidated.00.pth: is a pickle, as PyTorch saves: it can run any code; "
                                             "save its tensors as .safetensors (in Python: "
                                             "safetensors.torch.save_file(torch.load(file, weights_only=True), ...))");
  folder.write("model.safetensors", readBytes(meta + "/model.safetensors"));
  EXPECT_EQ(inputMessage(folder.path + "/"), "");
  auto edited = [&](llvm::StringRef from, llvm::StringRef to) {
    std::string bytes = params;
    bytes.replace(bytes.find(from), from.size(), to);
    folder.write("params.json", bytes);
    return inputMessage(folder.path + "/");
  };
  // Mistral's own files, and quantised ones, have words that Meta's code does not know.
  EXPECT_EQ(edited("\"multiple_of\": 4", "\"sliding_window\": 8"),
            "params.json: sliding_window is no key of this format; a file without it would be right");
  EXPECT_EQ(edited("\"n_heads\": 3", "\"n_heads\": null"),
            "params.json: n_heads is missing (attention.n_heads needs it)");
  EXPECT_EQ(edited("\"dim\": 24", "\"dim\": \"wide\""),
            "params.json: dim = wide is not a whole number from 0 to 4294967295 (for dim)");
  EXPECT_EQ(edited("\"n_layers\": 2", "\"n_layers\": 3"),
            "params.json: tensor 'layers.2.attention_norm.weight' is missing (role layers.2.attention_norm)");
  EXPECT_THAT(edited("\"n_layers\": 2", "\"n_layers\": 1"),
              testing::MatchesRegex("params.json: tensor 'layers.1.* .nor 8 more. has no role in this model"));
  for (size_t length = 0; length + 2 < params.size(); ++length)
    EXPECT_NE((folder.write("params.json", params.substr(0, length)), inputMessage(folder.path + "/")), "") << length;
}

TEST(MalformedLlama2c, HeaderAndSize) {
  TemporaryFolder folder;
  std::mt19937 random(3);
  const std::string whole = readBytes("test/data/models/stories260K/stories260K.bin");
  auto message = [&](llvm::StringRef bytes) { return inputMessage(folder.write("x.bin", bytes)); };
  EXPECT_EQ(message("ab\1"), "x.bin: not a llama2.c checkpoint: 3 bytes are fewer than its header of 28");
  EXPECT_EQ(message(llvm::StringRef(whole).drop_back()),
            "x.bin: has 1056539 bytes; its header (dim 64, layers 5, vocabulary 512) needs 1056540: truncated or not a "
            "llama2.c checkpoint");
  EXPECT_EQ(
      message(std::string(100, '\xff')),
      "x.bin: not a llama2.c checkpoint: the header says dim -1, hidden -1, layers -1, heads -1, key/value heads -1, "
      "vocabulary -1, context -1");
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = whole;
    flipBits(bytes, 28, random);
    tryInput(folder.write("x.bin", bytes));
  }
}

TEST(Malformed, WhatIsNoFile) {
  EXPECT_EQ(inputMessage("/dev/zero"), "zero: not a regular file");
  TemporaryFolder folder;
  EXPECT_EQ(inputMessage(folder.write("empty.gguf", "")), "empty.gguf: is empty");
  EXPECT_EQ(inputMessage(folder.write("big.textproto", std::string((1 << 20) + 1, ' '))),
            "big.textproto: 1048577 bytes are more than the 1048576 expected at most");
}

} // namespace
