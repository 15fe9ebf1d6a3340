//===- PreTokenizers.cpp - byte-level BPE's pre-tokenisers by name ------------------------------------------------===//
#include "compiler/spec/tokenizer/PreTokenizers.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe {
namespace {

using Text = llvm::StringLiteral;

// Patterns that several families share. (?i:…) is the published form; PCRE2 folds case as Unicode does.
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define GPT2_WORDS R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re"
#define BLANKS R"re(\s*[\r\n]+|\s+(?!\S)|\s+)re"
#define CL100K(DIGITS)                                                                                                 \
  CONTRACTIONS R"re(|[^\r\n\p{L}\p{N}]?\p{L}+|)re" DIGITS R"re(| ?[^\s\p{L}\p{N}]+[\r\n]*|)re" BLANKS
#define UPPER R"re([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])re"
#define LOWER R"re([\p{Ll}\p{Lm}\p{Lo}\p{M}])re"
#define CASED_WORDS(SUFFIX)                                                                                            \
  R"re([^\r\n\p{L}\p{N}]?)re" UPPER "*" LOWER "+" SUFFIX R"re(|[^\r\n\p{L}\p{N}]?)re" UPPER "+" LOWER "*" SUFFIX
#define O200K_TAIL R"re(| ?[^\s\p{L}\p{N}]+[\r\n/]*|)re" BLANKS
#define DEEPSEEK_WORDS                                                                                                 \
  R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)re" BLANKS
#define BLOOM_WORDS R"re( ?[^(\s|.,!?…。，、।۔،)]+)re"

constexpr Text gpt2[] = {"gpt-2",    "phi-2",   "mpt",         "olmo",           "jais",       "gigachat",
                         "jina-es",  "jina-de", "jina-v1-en",  "jina-v2-es",     "jina-v2-de", "jina-v2-code",
                         "trillion", "exaone4", "roberta-bpe", "granite-docling"};
constexpr Text gpt2Splits[] = {GPT2_WORDS};

constexpr Text smollm[] = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"};
constexpr Text smollmSplits[] = {R"re(\p{N})re", GPT2_WORDS};

constexpr Text llama3[] = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
constexpr Text dbrx[] = {"dbrx", "smaug-bpe", "chatglm-bpe", "glm4"};
constexpr Text llama3Splits[] = {CL100K(R"re(\p{N}{1,3})re")};

constexpr Text qwen2[] = {"qwen2", "stablelm2", "deepseek-r1-qwen", "kormo", "megrez", "hunyuan", "grok-2"};
constexpr Text qwen2Splits[] = {CL100K(R"re(\p{N})re")};

constexpr Text falcon[] = {"falcon"};
constexpr Text falconSplits[] = {R"re([\p{P}\$\+<=>\^~\|`]+)re", GPT2_WORDS, R"re([0-9][0-9][0-9])re"};

constexpr Text standard[] = {"default"};
constexpr Text standardSplits[] = {R"re([\p{P}\$\+<=>\^~\|]+)re", GPT2_WORDS, R"re(\p{N}+)re",
                                   R"re([0-9][0-9][0-9])re"};

constexpr Text deepseekLlm[] = {"deepseek-llm"};
constexpr Text deepseekLlmSplits[] = {
    R"re([\r\n])re",
    R"re(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)re",
    R"re(\s?[!-/:-~！-／：-～‘-‟　-。]+)re",
    R"re(\s+$)re",
    R"re([一-龥ࠀ-一가-퟿]+)re",
    R"re(\p{N}+)re"};

constexpr Text deepseekCoder[] = {"deepseek-coder"};
constexpr Text deepseekCoderSplits[] = {R"re([\r\n])re", R"re(\s?\p{L}+)re", R"re(\s?\p{P}+)re",
                                        R"re([一-龥ࠀ-一가-퟿]+)re", R"re(\p{N})re"};

constexpr Text deepseekV3[] = {"deepseek-v3", "hunyuan-dense"};
constexpr Text deepseekV3Splits[] = {R"re(\p{N}{1,3})re", R"re([一-龥぀-ゟ゠-ヿ]+)re", DEEPSEEK_WORDS};

constexpr Text bloom[] = {"bloom", "poro-chat", "gpt3-finnish"};
constexpr Text bloomSplits[] = {BLOOM_WORDS};
constexpr Text viking[] = {"viking"};
constexpr Text vikingSplits[] = {BLOOM_WORDS, R"re(\p{N})re"};

constexpr Text tekken[] = {"tekken"};
constexpr Text tekkenSplits[] = {CASED_WORDS("") R"re(|\p{N})re" O200K_TAIL};

constexpr Text gpt4o[] = {"gpt-4o", "llama4", "minimax-m2"};
constexpr Text gpt4oSplits[] = {CASED_WORDS(CONTRACTIONS "?") R"re(|\p{N}{1,3})re" O200K_TAIL};

constexpr Text chameleon[] = {"chameleon"};
constexpr Text chameleonSplits[] = {R"re(<sentinel:[0-9]+>)re",    R"re((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)re",
                                    R"re(([\t\n]|    |  ))re",     R"re(\p{N})re",
                                    R"re([\p{P}!-/:-@\[-`{-~])re", GPT2_WORDS};

constexpr Text superBpe[] = {"superbpe"};
constexpr Text superBpeSplits[] = {R"re(\p{N}+)re", R"re((?=(\d{3})+(?!\d)))re"};

constexpr Text bailing[] = {"bailingmoe", "bailingmoe2", "llada-moe"};
constexpr Text bailingSplits[] = {
    R"re('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)re"};

constexpr Text seedCoder[] = {"seed-coder"};
constexpr Text seedCoderSplits[] = {CONTRACTIONS
                                    R"re(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)re" BLANKS};

constexpr PreTokenizerRecord records[] = {
    {gpt2, gpt2Splits},
    {smollm, smollmSplits},
    {llama3, llama3Splits, /*ignoreMerges=*/true, /*addBos=*/true},
    {dbrx, llama3Splits},
    {qwen2, qwen2Splits},
    {falcon, falconSplits},
    {standard, standardSplits},
    {deepseekLlm, deepseekLlmSplits},
    {deepseekCoder, deepseekCoderSplits},
    {deepseekV3, deepseekV3Splits},
    {bloom, bloomSplits},
    {viking, vikingSplits},
    {tekken, tekkenSplits, /*ignoreMerges=*/true, /*addBos=*/true},
    {gpt4o, gpt4oSplits},
    {chameleon, chameleonSplits, /*ignoreMerges=*/false, /*addBos=*/true},
    {superBpe, superBpeSplits},
    {bailing, bailingSplits},
    {seedCoder, seedCoderSplits},
};

} // namespace

const PreTokenizerRecord *findPreTokenizer(llvm::StringRef name) {
  for (const PreTokenizerRecord &record : records)
    if (llvm::is_contained(record.names, name))
      return &record;
  return nullptr;
}

std::string preTokenizerNames() {
  std::string names;
  for (const PreTokenizerRecord &record : records)
    for (llvm::StringRef name : record.names)
      names += (names.empty() ? "" : ", ") + name.str();
  return names;
}

} // namespace lathe
