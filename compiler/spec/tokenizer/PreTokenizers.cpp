//===- PreTokenizers.cpp - byte-level BPE's pre-tokenisers by name ------------------------------------------------===//
#include "compiler/spec/tokenizer/PreTokenizers.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"
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
#define CASED(UPPERS, LOWERS, SUFFIX)                                                                                  \
  R"re([^\r\n\p{L}\p{N}]?)re" UPPERS "*" LOWERS "+" SUFFIX R"re(|[^\r\n\p{L}\p{N}]?)re" UPPERS "+" LOWERS "*" SUFFIX
#define CASED_WORDS(SUFFIX) CASED(UPPER, LOWER, SUFFIX)
#define O200K_TAIL R"re(| ?[^\s\p{L}\p{N}]+[\r\n/]*|)re" BLANKS
#define O200K CASED_WORDS(CONTRACTIONS "?") R"re(|\p{N}{1,3})re" O200K_TAIL
#define DEEPSEEK_LETTERS R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)re"
#define DEEPSEEK_WORDS DEEPSEEK_LETTERS R"re( ?[\p{P}\p{S}]+[\r\n]*|)re" BLANKS
// Cased letters, as DeepSeek LLM's tokenizer.json lists them.
#define CASED_LETTERS                                                                                                  \
  R"re(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})re"           \
  R"re(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})re"             \
  R"re(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})re"              \
  R"re(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})re"                       \
  R"re(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})re"                       \
  R"re(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC})re"                \
  R"re(\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})re"               \
  R"re(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D})re"                \
  R"re(\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})re"                         \
  R"re(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE})re"                \
  R"re(\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787})re"                        \
  R"re(\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})re"                       \
  R"re(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2})re"               \
  R"re(\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})re"
// Runs of a class of digits by threes from their end. A run is measured once, where it starts, so that long ones take
// no quadratic time: what follows the first group is known to be whole groups.
#define BY_THREES(DIGIT, END) "(?<!" DIGIT ")" DIGIT "{1,3}(?=(?:" DIGIT "{3})*+" END ")|\\G(?<=" DIGIT ")" DIGIT "{3}"
#define CJK R"re([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)re"
#define LINES R"re([^\n]+|\n+)re"
#define BLOOM_WORDS R"re( ?[^(\s|.,!?…。，、।۔،)]+)re"

constexpr Text gpt2[] = {"gpt-2",           "phi-2",        "mpt",      "olmo",       "jais",
                         "gigachat",        "jina-es",      "jina-de",  "jina-v1-en", "jina-v2-es",
                         "jina-v2-de",      "jina-v2-code", "trillion", "exaone4",    "roberta-bpe",
                         "granite-docling", "a.x-4.0",      "mellum",   "modern-bert"};
constexpr Text gpt2Splits[] = {GPT2_WORDS};

constexpr Text smollm[] = {"smollm",    "starcoder", "refact",     "command-r",
                           "codeshell", "exaone",    "minerva-7b", "mellum2"};
constexpr Text smollmSplits[] = {R"re(\p{N})re", GPT2_WORDS};

constexpr Text llama3[] = {"llama-bpe", "llama3",   "llama-v3", "falcon3",     "falcon-h1",
                           "pixtral",   "midm-2.0", "lfm2",     "jina-v5-nano"};
constexpr Text dbrx[] = {"dbrx", "smaug-bpe", "chatglm-bpe", "glm4"};
constexpr Text llama3Splits[] = {CL100K(R"re(\p{N}{1,3})re")};

constexpr Text qwen2[] = {"qwen2",   "stablelm2", "deepseek-r1-qwen", "kormo",     "megrez",
                          "hunyuan", "grok-2",    "f2llmv2",          "solar-open"};
constexpr Text qwen2Splits[] = {CL100K(R"re(\p{N})re")};

constexpr Text qwen35[] = {"qwen35"};
constexpr Text qwen35Splits[] = {
    CONTRACTIONS R"re(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)re" BLANKS};

constexpr Text ufakzeka[] = {"ufakzeka"};
constexpr Text ufakzekaSplits[] = {R"re([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)re" BLANKS};

constexpr Text laguna[] = {"laguna"};
constexpr Text lagunaSplits[] = {LINES, CL100K(R"re(\p{N})re")};

constexpr Text minicpm5[] = {"minicpm5"};
constexpr Text minicpm5Splits[] = {R"re(\p{N}{1,3})re", CL100K(R"re(\p{N}+)re")};

constexpr Text jais2[] = {"jais-2"};
constexpr Text jais2Splits[] = {CONTRACTIONS
                                R"re(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)re"
                                R"re((?:\s{512}|\s{256}|\s{128}|\s{64}|\s{32}|\s{16}|\s{8}|\s{4}|\s{1,2})(?!\S)|\s)re"};

constexpr Text falcon[] = {"falcon"};
constexpr Text falconSplits[] = {R"re([\p{P}\$\+<=>\^~\|`]+)re", GPT2_WORDS, R"re([0-9][0-9][0-9])re"};

constexpr Text standard[] = {"default"};
constexpr Text standardSplits[] = {R"re([\p{P}\$\+<=>\^~\|]+)re", GPT2_WORDS, R"re(\p{N}+)re",
                                   R"re([0-9][0-9][0-9])re"};

constexpr Text deepseekLlm[] = {"deepseek-llm"};
constexpr Text deepseekLlmSplits[] = {
    R"re([\r\n])re",
    R"re(\s?[)re" CASED_LETTERS R"re(]+)re",
    R"re(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)re",
    R"re(\s+$)re",
    R"re([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)re",
    R"re(\p{N}+)re"};

constexpr Text deepseekCoder[] = {"deepseek-coder"};
constexpr Text deepseekCoderSplits[] = {R"re([\r\n])re", R"re(\s?\p{L}+)re", R"re(\s?\p{P}+)re",
                                        R"re([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)re", R"re(\p{N})re"};

constexpr Text deepseekV3[] = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"};
constexpr Text deepseekV3Splits[] = {R"re(\p{N}{1,3})re", CJK, DEEPSEEK_WORDS};

constexpr Text spark25[] = {"spark2_5"};
constexpr Text spark25Splits[] = {R"re(\p{N}{1,3})re", CJK,
                                  DEEPSEEK_LETTERS R"re( ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)re", R"re(\p{N})re"};

constexpr Text afmoe[] = {"afmoe"};
constexpr Text afmoeSplits[] = {
    BY_THREES("\\p{N}", "(?!\\p{N})"),
    R"re([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF}\x{FF65}-\x{FF9F})re"
    R"re(\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-\x{17FF}\x{1000}-\x{109F}\x{AA60}-\x{AA7F})re"
    R"re(\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)re",
    DEEPSEEK_WORDS};

constexpr Text bloom[] = {"bloom", "poro-chat", "gpt3-finnish"};
constexpr Text bloomSplits[] = {BLOOM_WORDS};
constexpr Text viking[] = {"viking"};
constexpr Text vikingSplits[] = {BLOOM_WORDS, R"re(\p{N})re"};

constexpr Text tekken[] = {"tekken"};
constexpr Text tekkenSplits[] = {CASED_WORDS("") R"re(|\p{N})re" O200K_TAIL};

constexpr Text gpt4o[] = {"gpt-4o", "llama4", "minimax-m2", "kanana2", "talkie"};
constexpr Text gpt4oSplits[] = {O200K};

constexpr Text granite97[] = {"granite-embed-multi-97m"};

constexpr Text tinyAya[] = {"tiny_aya", "cohere2moe"};
constexpr Text tinyAyaSplits[] = {BY_THREES("\\d", R"re((?![\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xB2\xB3\xB9\xBC-\xBE]))re"),
                                  O200K};

constexpr Text youtu[] = {"youtu"};
constexpr Text youtuSplits[] = {R"re([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|)re" CJK,
                                CASED_WORDS(CONTRACTIONS "?") R"re(|\p{N})re" O200K_TAIL};

constexpr Text kimiK2[] = {"kimi-k2"};
constexpr Text kimiK2Splits[] = {R"re(\p{Han}+|)re" CASED("(?:(?!\\p{Han})" UPPER ")", "(?:(?!\\p{Han})" LOWER ")",
                                                          CONTRACTIONS
                                                          "?") R"re(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)re" BLANKS};

constexpr Text exaoneMoe[] = {"exaone-moe"};
constexpr Text exaoneMoeSplits[] = {
    CONTRACTIONS R"re(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*+(?: \p{L}\p{M}*+)*+)++|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|)re"
                 R"re(\s*[\r\n]|\s+(?!\S)|\s+)re"};

constexpr Text gemma4[] = {"gemma4", "granite-embed-multi-311m"};
constexpr Text sarvam[] = {"sarvam-moe"};
constexpr Text lineSplits[] = {LINES};

constexpr Text chameleon[] = {"chameleon"};
constexpr Text chameleonSplits[] = {R"re(<sentinel:[0-9]+>)re",    R"re((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)re",
                                    R"re(([\t\n]|    |  ))re",     R"re(\p{N})re",
                                    R"re([\p{P}!-/:-@\[-`{-~])re", GPT2_WORDS};

constexpr Text superBpe[] = {"superbpe"};
// Cuts at (?=(\d{3})+(?!\d)), in linear time: where a run of digits starts or behind its first one or two, then every
// three.
constexpr Text superBpeSplits[] = {R"re(\p{N}+)re",
                                   R"re((?<!\d)(?:\d{1,2}\K)?(?=(?:\d{3})++(?!\d))|\G\d{3}\K(?=\d))re"};

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
    {qwen35, qwen35Splits},
    {ufakzeka, ufakzekaSplits},
    {laguna, lagunaSplits},
    {minicpm5, minicpm5Splits, /*ignoreMerges=*/true},
    {jais2, jais2Splits},
    {falcon, falconSplits},
    {standard, standardSplits},
    {deepseekLlm, deepseekLlmSplits},
    {deepseekCoder, deepseekCoderSplits},
    {deepseekV3, deepseekV3Splits},
    {spark25, spark25Splits},
    {afmoe, afmoeSplits},
    {bloom, bloomSplits},
    {viking, vikingSplits},
    {tekken, tekkenSplits, /*ignoreMerges=*/true, /*addBos=*/true},
    {gpt4o, gpt4oSplits},
    {granite97, gpt4oSplits, /*ignoreMerges=*/true},
    {tinyAya, tinyAyaSplits},
    {youtu, youtuSplits, /*ignoreMerges=*/true},
    {kimiK2, kimiK2Splits},
    {exaoneMoe, exaoneMoeSplits},
    {gemma4, lineSplits, /*ignoreMerges=*/false, /*addBos=*/true, /*characters=*/true},
    {sarvam, lineSplits, /*ignoreMerges=*/false, /*addBos=*/false, /*characters=*/true},
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

llvm::Expected<bool> addPreTokenizer(TokenizerSource &source, llvm::StringRef name) {
  const PreTokenizerRecord *record = findPreTokenizer(name.empty() ? "default" : name);
  if (!record)
    return makeError("{0}: tokenizer: pre-tokeniser \"{1}\" is unknown; known are {2}", source.file, printable(name),
                     preTokenizerNames());
  for (llvm::StringRef pattern : record->splits)
    source.splits.push_back({LATHE_STEP_SPLIT, LATHE_SPLIT_ISOLATED, pattern.str()});
  source.ignoreMerges = record->ignoreMerges;
  if (record->characters) {
    source.model = "bpe";
    source.byteFallback = true;
    source.normalizers.push_back({LATHE_STEP_REPLACE, 0, " ", "\u2581"});
  }
  return record->addBos;
}

std::string preTokenizerNames() {
  std::string names;
  for (const PreTokenizerRecord &record : records)
    for (llvm::StringRef name : record.names)
      names += (names.empty() ? "" : ", ") + name.str();
  return names;
}

} // namespace lathe
