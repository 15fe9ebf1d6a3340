#!/usr/bin/env python3
"""usage: tokenize_sweep.py LATHE [--kind hf|sentencepiece|gguf] [--seeds A:B] [--keep DIR]

Draws vocabularies with random options, and compares `lathe tokenize` with the libraries they come from: ids of hard texts,
and the text of those ids and of random ones. Needs `pip install tokenizers sentencepiece` (hf, sentencepiece) or
`pip install gguf llama-cpp-python` (gguf). A seed always makes the same vocabulary. Prints what differs, and counts.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES = [line for name in ("README.md", "runtime/text/Tokenizer.h", "models/model.proto")
         for line in (ROOT / name).read_text().splitlines() if line] + [
    "Äpfel über Straße, naïve café Ünïcödé", "世界 你好世界 これは日本語です 한국어 텍스트", "Привет, мир! Как дела?",
    "1234 33 №5 ½ 3.14 2024-01-01", "مرحبا بالعالم العربية שלום עולם", "कि की हिन्दी ไทย tiếng Việt", "  indented\tcode(x)  {y}"] * 5
CHUNKS = [
    " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\x85", "\x0b", "\x1c",
    "a", "b", "the", "The", " the", "hello", "Hello", " world", "HTTPServer", "camelCase", "x_y", "a-b", "don't", "WE'LL", "'s", "'S",
    "\u2019t", "ſ", "'ſ", "1", "12", "1234567", "٣٤٥", "½", "a½b", "²", "ⅷ", "aⅷb", "ⓐ", "㎏", "№", "१२", "𝟘𝟙", "é", "e\u0301", "e\u0301\u0323", "\u0301",
    "ñ", "ﬁ", "Ａｂｃ", "İ", "ΑΣ", "ß", "ẞ", "ǅ", "ʰ", "世界", "，", "。", "こんにちは", "カ\u3099", "한국어", "\u1112\u1161\u11ab", "हिन्दी", "ไทย",
    "العربية", "שלום", "ﷺ", "\u200f", "\u200d", "🦙", "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "\U0010ffff", "\ufffd", "\ufeff", "\ue000", "\u0378",
    ".", ",", "!", "?", "...", "-", "_", "__", "/", "\\", "\"", "`", "~", "^", "$", "+", "<", ">", "|", "(", ")", "[", "]", "{", "}",
    "$100", "a+b=c", "…", "“q”", "™", "€", "▁", "▁▁", "Ġ", "Ċ", "\x00", "\x01", "\x7f", "<unk>", "<s>", "</s>", "<mark>", "<m", "word",
    "words", "[X]", "[X][X]", "<0x0A>", "<0xFF>", "<end>", "<end", "end>", "жx", "a b", " sp", "##", "</w>", "aaaaaaaa", "........", "世世世世", "Straße"]


def texts(rng, count):
    out = ["", " ", "  ", "\n", "a", "\x00", "▁", "<s>", "a" * 300, " " * 300, "é" * 100, "\n" * 50, "ab " * 100] + LINES[-7:] + CHUNKS
    while len(out) < count:
        text = "".join(rng.choice(CHUNKS) for _ in range(rng.randrange(1, 12)))
        if rng.random() < 0.2:
            drawn = "".join(chr(rng.choice([rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0xd800),
                                            rng.randrange(0x10000, 0x10300), rng.randrange(0x1d400, 0x1d7ff), rng.randrange(0x1f300, 0x1f600)])) for _ in range(rng.randrange(8)))
            # The newest characters have not reached every library's tables.
            text += "".join(c for c in drawn if unicodedata.category(c) != "Cn")
        out.append(text)
    return out


def lathe(program, model, values, *flags):
    """What `lathe tokenize` makes of each value; text: why it refused."""
    lines = "".join(json.dumps(value) + "\n" for value in values)
    done = subprocess.run([program, "tokenize", model, "--jsonl", *flags], input=lines, capture_output=True, text=True,
                          timeout=120)
    if done.returncode < 0 or len(done.stderr.splitlines()) > 1:
        raise RuntimeError(f"{model}: rc {done.returncode}: {done.stderr}")
    return done.stderr.strip() if done.returncode else [json.loads(line) for line in done.stdout.split("\n")[:-1]]


# ---- tokenizer.json -----------------------------------------------------------------------------------------------

def draw_hf(rng, charsmap):
    """A trained Tokenizer with random parts, as JSON."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as n, pre_tokenizers as p, processors, trainers
    yes = lambda: rng.random() < .5
    normalizers = [
        n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, lambda: n.Strip(rng.random() < .5, rng.random() < .5),
        lambda: n.Replace(rng.choice(["a", " ", "th", "''", "\n"]), rng.choice(["", "x", "▁", "  ", "$1"])),
        lambda: n.Replace(Regex(rng.choice([r"\s+", r"[^\p{L}]", r" {2,}", r"(\d)(\d)", r"^a|b$", r"x*", r"\h+", r"(?<=a)b"])), rng.choice(["", "_", " ", r"\1"])),
        lambda: n.Prepend(rng.choice(["▁", " ", "pre"])), lambda: n.Precompiled(charsmap),
        lambda: n.BertNormalizer(yes(), yes(), rng.choice([None, True, False]), yes()), n.ByteLevel]
    patterns = [r"\p{N}{1,3}", r"\s+", r"\w+|[^\w\s]+", r" ?\p{L}+", r"[A-Z]", r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
                r"\p{Han}+", r"[[:punct:]]", r"[\p{L}&&[^a-c]]+", r"\b", r"(?=b)", r"\R", r"^\s|\s$", r"\d+", r"[^a-z]+", r"[\s\S]", r".",
                r"(?m:.)", r"\p{Lu}\p{Ll}*", r"[\W_]+", r"\p{P}", r"\S\b", r"[^\S\n]+", r"\A\s*", r"x++", r"\h", r"\H+", r"\p{Cyrillic}",
                r"\B", r"\w\b", r"[[:alpha:]]+", r"[^[:alnum:]\s]", r"\p{Alpha}+", r"\P{Alnum}", r"\p{Punct}|\p{^Letter}{2}", r"[\w-]+", r"\d{1,3}(?=(?:\d{3})*\b)"]
    behaviours = ["isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"]
    splitters = [
        lambda: p.Split(Regex(rng.choice(patterns)), rng.choice(behaviours), yes()),
        lambda: p.Split(rng.choice([" ", "a", "th", ".", "\n", "|"]), rng.choice(behaviours), yes()),
        lambda: p.Digits(yes()), lambda: p.Punctuation(rng.choice(behaviours)), p.Whitespace, p.WhitespaceSplit, p.UnicodeScripts, p.BertPreTokenizer,
        lambda: p.CharDelimiterSplit(rng.choice("a _")), lambda: p.FixedLength(rng.randrange(1, 6))]
    style = rng.choice(["byte", "byte", "byte-normalizer", "char", "meta", "meta"])
    kind = "bpe" if style.startswith("byte") or yes() else "unigram"
    parts = [rng.choice(normalizers[:-1])() for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    if style == "byte-normalizer":
        parts.append(n.ByteLevel())
    level = lambda: p.ByteLevel(yes(), yes() , use_regex=yes())
    space = lambda: p.Metaspace(rng.choice(["▁", "_"]) if rng.random() < .2 else "▁", rng.choice(["always", "never"] + ["first"] * (not parts)), yes())
    splits = [rng.choice(splitters)() for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    if style == "byte":
        splits.insert(rng.choice([0, len(splits), len(splits)]), level())
    elif style == "meta":
        splits.insert(rng.choice([0, len(splits)]), space())
    specials = ["<unk>", "<s>", "</s>"]
    fallback = rng.random() < .4 and not style.startswith("byte")
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)] if fallback else []
    if kind == "bpe":
        # The trainer writes prefixes and suffixes itself.
        options = dict(unk_token=rng.choice([None, "<unk>", "<unk>"]), fuse_unk=yes(), byte_fallback=fallback, ignore_merges=yes())
        affixes = {}
        if rng.random() < .15:
            affixes[rng.choice(["continuing_subword_prefix", "end_of_word_suffix"])] = rng.choice(["##", "</w>"])
        t = Tokenizer(models.BPE(**options, **affixes))
        trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=specials + byte_tokens, show_progress=False,
                                      limit_alphabet=rng.choice([1000, 40]) if not style.startswith("byte") else 1000,
                                      initial_alphabet=p.ByteLevel.alphabet() if style.startswith("byte") and rng.random() < .8 else [], **affixes)
    else:
        t = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=400, special_tokens=specials, unk_token="<unk>", show_progress=False)
    if parts:
        t.normalizer = n.Sequence(parts) if len(parts) > 1 else parts[0]
    if splits:
        t.pre_tokenizer = p.Sequence(splits) if len(splits) > 1 else splits[0]
    t.train_from_iterator(LINES, trainer)
    if kind == "unigram" and fallback:
        t.model = models.Unigram([tuple(v) for v in json.loads(t.to_str())["model"]["vocab"]] + [(b, -20.0) for b in byte_tokens], 0, True)
    for content in rng.sample(["<mark>", "word", "[X]", "<end>", "жx", "words", "世界"] + ["a b", " sp"] * (style != "byte-normalizer"), rng.randrange(5)):
        token = AddedToken(content, lstrip=yes(), rstrip=yes(), single_word=rng.random() < .3, normalized=yes())
        (t.add_special_tokens if yes() else t.add_tokens)([token])
    processor = rng.choice([None, processors.ByteLevel(trim_offsets=yes()), processors.RobertaProcessing(("</s>", 2), ("<s>", 1)), *[
        processors.TemplateProcessing(single=single, special_tokens=[("<s>", 1), ("</s>", 2)])
        for single in ("<s> $A", "$A </s>", "<s> <s> $A </s>")]])
    if processor is not None:
        t.post_processor = processor
    if style.startswith("byte"):
        decoder = decoders.ByteLevel()
    elif affixes if kind == "bpe" else False:
        decoder = decoders.BPEDecoder()
    else:
        decoder = rng.choice([
            decoders.Fuse(), decoders.Sequence([decoders.Replace(Regex("▁+"), " "), decoders.ByteFallback()]),
            decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()] + ([decoders.Strip(" ", 1, 0)] if yes() else [])),
            *[decoders.Metaspace(prepend_scheme=rng.choice(["first", "always", "never"]))] * 2 * (style == "meta")])
    t.decoder = decoder
    data = json.loads(t.to_str())
    if kind == "unigram": # short ones, that every parser reads alike
        data["model"]["vocab"] = [[piece, round(score, 4)] for piece, score in data["model"]["vocab"]]
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] not in byte_tokens]
    if kind == "bpe" and yes() and not any(" " in part for merge in data["model"]["merges"] for part in merge):
        data["model"]["merges"] = [" ".join(merge) for merge in data["model"]["merges"]]
    return data


def try_hf(program, seed, folder, count):
    from tokenizers import Tokenizer
    rng = random.Random(seed)
    try:
        data = draw_hf(rng, (folder / "charsmap").read_bytes())
    except BaseException as error: # the library's own panics, with some pairs of steps
        yield None, "train", [], [], f"{type(error).__name__}: the library: {error}"
        return
    path = folder / f"hf-{seed}.json"
    path.write_text(json.dumps(data, ensure_ascii=False))
    peer = Tokenizer.from_file(str(path))
    cases = [text for text in texts(rng, count) if "<0x" not in text]
    want = [peer.encode(text).ids for text in cases]
    yield path, "encode", cases, want, lathe(program, str(path), cases, "--special")
    # Where the library drops what was text, Lathe keeps it: U+2581 inside the first token (Metaspace), bytes beside one
    # that is no UTF-8 (ByteFallback).
    ids = want + [[rng.randrange(peer.get_vocab_size()) for _ in range(rng.randrange(1, 9))] for _ in range(count // 4)]
    known = {token["id"]: token["content"] for token in data["added_tokens"]} # of some the library forgets the spelling
    ids = [i for i in ids if all(known.get(token, peer.id_to_token(token)) == peer.id_to_token(token) for token in i)]
    if data["decoder"]["type"] == "Metaspace":
        ids = [i for i in ids if not any("▁" in peer.id_to_token(token)[1:] or token in known for token in i[:1])]
    if data["decoder"]["type"] == "Sequence":
        ids = [i for i in ids if "\ufffd" not in peer.decode(i)]
    for flags, skip in ((["--special"], False), ([], True)):
        got = lathe(program, str(path), ids, "--ids", *flags)
        yield path, f"decode skip={skip}", ids, [peer.decode(i, skip_special_tokens=skip) for i in ids], got


# ---- SentencePiece ------------------------------------------------------------------------------------------------

def train_sentencepiece(path, **options):
    import sentencepiece
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LINES), model_prefix=str(path), minloglevel=2,
                                             hard_vocab_limit=False, **options)
    return sentencepiece.SentencePieceProcessor(model_file=f"{path}.model")


def try_sentencepiece(program, seed, folder, count):
    rng = random.Random(seed)
    yes = lambda: rng.random() < .5
    collapse = yes()
    options = dict(
        model_type=rng.choice(["bpe", "unigram"]), byte_fallback=yes(), add_dummy_prefix=yes(), remove_extra_whitespaces=collapse,
        normalization_rule_name=rng.choice(["identity", "nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf"]), split_digits=yes(),
        treat_whitespace_as_suffix=rng.random() < .15, split_by_whitespace=yes(), split_by_unicode_script=yes(), split_by_number=yes(),
        allow_whitespace_only_pieces=yes(), character_coverage=rng.choice([.98, .9995, 1.0]),
        user_defined_symbols=rng.sample(["<mark>", "word", "[X]", "▁the", "世界", "\n"] + ["  "] * (not collapse), rng.randrange(4)),
        control_symbols=rng.sample(["<|end|>", "<c>"], rng.randrange(3)), vocab_size=700,
        **rng.choice([{}, {}, dict(bos_id=-1), dict(pad_id=3), dict(unk_id=2, bos_id=0, eos_id=1), dict(unk_piece="[UNK]", unk_surface=" ?? ")]))
    peer = train_sentencepiece(folder / f"sp-{seed}", **options)
    path = folder / f"sp-{seed}.model"
    (folder / f"sp-{seed}.options").write_text(json.dumps(options))
    cases = texts(rng, count)
    want = [peer.encode(text) for text in cases]
    yield path, "encode", cases, want, lathe(program, str(path), cases)
    ids = want + [[rng.randrange(peer.get_piece_size()) for _ in range(rng.randrange(1, 9))] for _ in range(count // 4)]
    # Lathe does not show the surface of what is unknown, and drops one space at the start, whatever token it comes from.
    spaces = [token for token in range(peer.get_piece_size()) if peer.id_to_piece(token) in ("▁", "<0x20>")]
    ids = [i for i in ids if peer.unk_id() not in i and "\ufffd" not in peer.decode(i) and i[:1] not in ([s] for s in spaces)]
    yield path, "decode", ids, [peer.decode(i) for i in ids], lathe(program, str(path), ids, "--ids")


# ---- GGUF ---------------------------------------------------------------------------------------------------------

def write_gguf(path, model, tokens, types, keys, **arrays):
    import gguf
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if "scores" in arrays:
        writer.add_token_scores(arrays["scores"])
    if "merges" in arrays:
        writer.add_token_merges(arrays["merges"])
    if arrays.get("charsmap"):
        writer.add_precompiled_charsmap(arrays["charsmap"])
    for key, value in keys.items():
        add = writer.add_bool if isinstance(value, bool) else writer.add_string if isinstance(value, str) else writer.add_uint32
        add(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_of_bpe(path, rng, pre):
    from tokenizers import Tokenizer, models, pre_tokenizers as p, trainers
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = p.ByteLevel(False, use_regex=rng.random() < .7)
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False,
                                                     initial_alphabet=p.ByteLevel.alphabet()))
    model = json.loads(t.to_str())["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    types = [2, 3, 3] + [1] * (len(tokens) - 3) + [4, 4, 3]
    write_gguf(path, "gpt2", tokens + ["<mark>", "  ", "<end>"], types, dict(pre=pre, bos_token_id=1, eos_token_id=2, unknown_token_id=0),
               merges=[" ".join(merge) for merge in model["merges"]])


def gguf_of_pieces(path, rng, folder, seed):
    import sentencepiece.sentencepiece_model_pb2 as pb
    yes = lambda: rng.random() < .5
    kind = rng.choice(["bpe", "unigram"])
    rule = "identity" if kind == "bpe" else rng.choice(["identity", "nmt_nfkc"])
    train_sentencepiece(folder / f"gguf-{seed}", model_type=kind, vocab_size=700, byte_fallback=kind == "bpe", normalization_rule_name=rule,
                        user_defined_symbols=rng.sample(["<mark>", "[X]"] + ["▁▁"] * (kind == "bpe"), rng.randrange(3)), remove_extra_whitespaces=False)
    model = pb.ModelProto.FromString((folder / f"gguf-{seed}.model").read_bytes())
    keys = dict(pre="default", add_space_prefix=yes(), bos_token_id=1, eos_token_id=2, unknown_token_id=0, add_bos_token=yes(), add_eos_token=yes())
    if kind == "unigram":
        keys["remove_extra_whitespaces"] = yes()
    write_gguf(path, "llama" if kind == "bpe" else "t5", [piece.piece for piece in model.pieces], [piece.type for piece in model.pieces], keys,
               scores=[piece.score for piece in model.pieces], charsmap=model.normalizer_spec.precompiled_charsmap)


def try_gguf(program, seed, folder, count):
    import llama_cpp
    rng = random.Random(seed)
    path = folder / f"gguf-{seed}.gguf"
    gguf_of_bpe(path, rng, "?")
    names = lathe(program, str(path), [""]).rsplit("known are ", 1)[1].split(", ")
    if seed % 3:
        gguf_of_bpe(path, rng, names[(seed - seed // 3 - 1) % len(names)])
    else:
        gguf_of_pieces(path, rng, folder, seed)
    try:
        peer = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    except BaseException as error:
        yield path, "load", [], [], f"{type(error).__name__}: llama.cpp: {error}"
        return
    # Of text that is spaces, and of U+2581 in it, llama.cpp makes something of its own.
    cases = [text for text in texts(rng, count) if "▁" not in text and text.strip("\u200b\ufeff\x0b\x1c\x85\x00\x01\x7f \n\t\r\u3000\u2003\u2028\u00a0")]
    want = [peer.tokenize(text.encode(), add_bos=True, special=True) for text in cases]
    yield path, "encode " + names[(seed - seed // 3 - 1) % len(names)] * (seed % 3 > 0), cases, want, lathe(program, str(path), cases, "--special")


KINDS = {"hf": try_hf, "sentencepiece": try_sentencepiece, "gguf": try_gguf}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lathe")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--seeds", default="0:40")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    first, last = map(int, options.seeds.split(":"))
    totals, refused = collections.Counter(), collections.Counter()
    if options.kind in (None, "hf"):
        import sentencepiece.sentencepiece_model_pb2 as pb
        train_sentencepiece(folder / "charsmap", vocab_size=300, normalization_rule_name="nmt_nfkc_cf")
        model = pb.ModelProto.FromString((folder / "charsmap.model").read_bytes())
        (folder / "charsmap").write_bytes(model.normalizer_spec.precompiled_charsmap)
    for kind in [options.kind] if options.kind else KINDS:
        for seed in range(first, last):
            for path, what, inputs, want, got in KINDS[kind](options.lathe, seed, folder, options.texts):
                if isinstance(got, str):
                    refused[got.split(": ", 2)[-1]] += 1
                    break
                wrong = [(i, w, g) for i, w, g in zip(inputs, want, got, strict=True) if w != g]
                totals[f"{kind} {what}: same"] += len(inputs) - len(wrong)
                totals[f"{kind} {what}: different"] += len(wrong)
                if wrong:
                    print(f"{path}: {what}: {len(wrong)} of {len(inputs)} differ")
                    for i, w, g in sorted(wrong, key=lambda case: len(case[0]))[:options.show]:
                        print(f"  {i!r}\n    want {w!r}\n    got  {g!r}")
    for counts in (refused, totals):
        for name, number in counts.most_common():
            print(f"{number:8} {name}")
    sys.exit(any(number for name, number in totals.items() if name.endswith("different")))


if __name__ == "__main__":
    main()
