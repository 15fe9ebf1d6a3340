#!/usr/bin/env python3
"""Makes hf/ and sentencepiece/: small vocabularies of every kind with what their own libraries make of some texts.

Needs `pip install tokenizers sentencepiece` (0.23.3 and 0.2.1 made the files here). Run in this folder.
Each NAME.json or NAME.model has a NAME.cases.json: a list of {text, ids, ids_with_special, decoded}.
"""
import json
import pathlib

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path("../../..")
CORPUS = [line for name in ("README.md", "runtime/text/Tokenizer.h", "runtime/abi/tokenizer_abi.h", "models/model.proto")
          for line in (ROOT / name).read_text().splitlines()] + ["Äpfel über Straße 世界 你好世界 Привет мир 1234 33 №5 ½"] * 5
TEXTS = [
    "", " ", "  ", "   a", "a   b  ", "\t", "\n", "\n\n \n", " \t\n x\r\n", "Hello world", "Hello,  y'all! It's we'LL 'tis",
    "1 12 123 1234 12345 3.14 ½ ² ㎏ ⅷ ٣٤٥", "Äpfel über Straße ẛ̣ Ａｂｃ ﬁ ñ ñ İstanbul ΑΣ", "世界 你好，世界。 こんにちは 한국어",
    "🦙 👩‍👩‍👧 🇩🇪 e\u0301\u0323", "the lathe_tokenizer's kind == LATHE_TOKENIZER_BPE;", "camelCase HTTPServer x_y a-b a/b [c] {d} <e>",
    "▁This ▁is▁ a", "<s>", "a<s>b", " <s> a </s> ", "Hey </s>. how", "</s>test</s>", "<s><s> ", "a <mark> b<mark>c", "<mask> x  <mask>  y",
    "word xword word_ word", "a\u00a0b\u2003c\u3000d\u200b", "ﷺ № ™ … “quoted” ‘x’", "\u0000\u0001\u007f", "tokens tokens tokens" * 5,
    "don't  DON'T\u2019t", "  leading and trailing  ", "$100 + 5% = x^2 ~ `y` |z|", "कि की हिन्दी ไทย العربية",
]


def save(name, tokenizer):
    tokenizer.save(f"hf/{name}.json", pretty=False)
    tokenizer = Tokenizer.from_file(f"hf/{name}.json")
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, "ids": ids, "ids_with_special": tokenizer.encode(text).ids,
                      "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    pathlib.Path(f"hf/{name}.cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")


def train(tokenizer, trainer):
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def template(tokenizer, single):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])


SPECIALS = ["<unk>", "<s>", "</s>"]
ALPHABET = pre_tokenizers.ByteLevel.alphabet()
BYTES = [f"<0x{b:02X}>" for b in range(256)]

# Falcon's form: steps after ByteLevel.
t = Tokenizer(models.BPE())
t.normalizer = normalizers.NFKC()
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(False),
                                           pre_tokenizers.Digits(False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
t.decoder = decoders.ByteLevel()
train(t, trainers.BpeTrainer(vocab_size=500, initial_alphabet=ALPHABET, special_tokens=SPECIALS, show_progress=False))
t.add_tokens([AddedToken("<mark>", normalized=False), AddedToken("word", single_word=True)])
t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True)])
save("byte-level", t)

# Oniguruma's own syntax, and a template with eos.
t = Tokenizer(models.BPE(ignore_merges=True))
t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.NFC()])
t.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"\p{N}{1,3}+|[\p{L}&&[^\p{Han}]]+|[[a-c][x-z]]|\h\h|\s+$|\w+| ?[^\s\p{L}\p{N}]++"), "isolated"),
    pre_tokenizers.Split("th", "merged_with_previous"), pre_tokenizers.Split(Regex("[ei]"), "merged_with_next"),
    pre_tokenizers.ByteLevel(True, use_regex=False)])
t.decoder = decoders.ByteLevel()
train(t, trainers.BpeTrainer(vocab_size=450, initial_alphabet=ALPHABET, special_tokens=SPECIALS, show_progress=False))
t.post_processor = processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
    single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])])
save("oniguruma", t)

# Llama 2's form, with special tokens that are matched after the normalizer.
t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
train(t, trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIALS + BYTES, show_progress=False))
data = json.loads(t.to_str())
data["added_tokens"] = [dict(a, normalized=True) for a in data["added_tokens"][:3]]
data["pre_tokenizer"] = None
t = Tokenizer.from_str(json.dumps(data))
template(t, "<s> $A")
save("fallback", t)

# Llama 2's later form, without byte tokens.
t = Tokenizer(models.BPE(unk_token="<unk>"))
t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
t.decoder = decoders.Metaspace(prepend_scheme="first")
train(t, trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIALS, limit_alphabet=60, max_token_length=12, show_progress=False))
t.add_tokens(["<mark>"])
template(t, "<s> $A")
save("metaspace-first", t)

# T5's and XGLM's form.
t = Tokenizer(models.Unigram())
t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip(False, True)])
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
t.decoder = decoders.Metaspace()
train(t, trainers.UnigramTrainer(vocab_size=400, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False))
template(t, "$A </s>")
save("unigram", t)

t = Tokenizer(models.Unigram([("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] + [(b, 0.0) for b in BYTES] +
                             [(p, s) for p, s in json.loads(t.to_str())["model"]["vocab"][3:]], 0, True))
t.normalizer = normalizers.Replace(" ", "▁")
t.pre_tokenizer = pre_tokenizers.Whitespace()
t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")])
t.add_special_tokens(["<s>", "</s>"])
template(t, "<s> $A </s>")
save("unigram-fallback", t)

for name, options in {
        "unigram": dict(model_type="unigram", vocab_size=400, user_defined_symbols=["<mark>"]),
        "unigram-identity": dict(model_type="unigram", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
                                 remove_extra_whitespaces=False),
        "bpe": dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, split_digits=True, user_defined_symbols=["<mark>"]),
        "bpe-nfkc": dict(model_type="bpe", vocab_size=400, normalization_rule_name="nfkc", add_dummy_prefix=False)}.items():
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_prefix=f"sentencepiece/{name}",
                                             minloglevel=2, hard_vocab_limit=False, **options)
    pathlib.Path(f"sentencepiece/{name}.vocab").unlink()
    processor = sentencepiece.SentencePieceProcessor(model_file=f"sentencepiece/{name}.model")
    cases = []
    for text in TEXTS:
        ids = processor.encode(text)
        cases.append({"text": text, "ids": ids, "decoded": processor.decode(ids)})
    pathlib.Path(f"sentencepiece/{name}.cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")

# Cases for vocabularies that are beside the repository, too big to be in it.
shared = ROOT / "../shared/data/tokenizers/hf/llama2/tokenizer.json"
if shared.exists():  # Mistral 7B's vocabulary
    t = Tokenizer.from_file(str(shared))
    cases = [{"text": text, "ids": t.encode(text, add_special_tokens=False).ids, "ids_with_special": t.encode(text).ids}
             for text in TEXTS]
    pathlib.Path("hf/shared-llama2.cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
