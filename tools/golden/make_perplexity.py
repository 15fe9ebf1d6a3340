#!/usr/bin/env python3
"""Writes test/data/texts/perplexity.json: what `lathe perplexity` must find, computed beside it.

    python3 tools/golden/make_perplexity.py build/bin/lathe

From the logits of `lathe eval` for windows that are cut here, in numpy, in f64, as llama.cpp's tools/perplexity has it. The model is
test/data/models/stories260K, the text alice.txt; the other model is the same with --quantize. --target is the plainest, so that every
machine makes the same bits.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from conformance import tensors

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "test/data/models/stories260K/stories260K.bin"
TEXT = ROOT / "test/data/texts/alice.txt"
OUTPUT = ROOT / "test/data/texts/perplexity.json"
FLAGS = ["--target", "x86-64-v2"]
CASES = [  # context, stride, windows
    (64, 0, 5),
    (65, 0, 3),
    (64, 24, 4),
]


def windows(ids, bos, context, stride, count):
    """[(tokens, index of the first that is scored)]"""
    if stride == 0:
        cut = [ids[i * context:(i + 1) * context] for i in range(len(ids) // context)]
        return [([bos] + window[1:], context // 2 + 1) for window in cut[:count]]
    length = context + stride // 2
    starts = range(0, len(ids) - length, stride)
    return [(ids[start:start + length], length - stride) for start in starts[:count]]


def log_softmax(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_probabilities(lathe, bundle, cut, folder):
    """[(log p of all tokens [scored, vocabulary], the scored tokens)] of each window"""
    (folder / "ids").write_text("".join(" ".join(map(str, window)) + "\n" for window, _ in cut))
    subprocess.run([lathe, "eval", bundle, "--ids", folder / "ids", "--logits", folder / "logits.safetensors"], check=True)
    values, shape = tensors(folder / "logits.safetensors", "logits".__eq__)["logits"]
    logits = np.array(values, dtype=np.float32).reshape(shape)
    return [(log_softmax(logits[i, first - 1:-1]), np.array(window[first:])) for i, (window, first) in enumerate(cut)]


def mean(values):
    """and standard error"""
    values = np.concatenate(values)
    return float(values.mean()), float(values.std() / np.sqrt(len(values) - 1))


def exponential(value_and_error):
    value, error = value_and_error
    return float(np.exp(value)), float(np.exp(value) * error)


def expected(lathe, folder, bundles, ids, bos, case):
    cut = windows(ids, bos, *case)
    mine, other = (log_probabilities(lathe, bundle, cut, folder) for bundle in bundles)
    surprise, right = ([-p[np.arange(len(next)), next] for p, next in each] for each in (mine, other))
    divergences = [(np.exp(p) * (p - q)).sum(axis=-1) for (q, _), (p, _) in zip(mine, other)]
    same = [(q.argmax(axis=-1) == p.argmax(axis=-1)).astype(float) for (q, _), (p, _) in zip(mine, other)]
    every = np.concatenate(divergences)
    value, error = exponential(mean(surprise))
    other_value, other_error = exponential(mean(right))
    ratio, ratio_error = exponential(mean([a - b for a, b in zip(surprise, right)]))
    kl, kl_error = mean(divergences)
    top, top_error = mean(same)
    return {"context": case[0], "options": ["--context", case[0], "--chunks", case[2]] + (["--stride", case[1]] if case[1] else []),
            "expected": {"tokens": len(ids), "window": len(cut[0][0]), "chunks": len(cut), "scored": len(every),
                         "nll": mean(surprise)[0], "perplexity": value, "error": error,
                         "against": {"perplexity": other_value, "error": other_error, "ratio": ratio, "ratio_error": ratio_error,
                                     "kl": {"mean": kl, "error": kl_error, "median": float(np.percentile(every, 50)),
                                            "p99": float(np.percentile(every, 99)), "max": float(every.max())},
                                     "same_top": top, "same_top_error": top_error}}}


def main():
    lathe = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bundles = [folder / "quantized", folder / "exact"]
        for bundle, flags in zip(bundles, (["--quantize", "q4_0"], [])):
            subprocess.run([lathe, "compile", MODEL, "-o", bundle, *FLAGS, *flags], check=True)
        text = TEXT.read_text().removesuffix("\n")
        out = subprocess.run([lathe, "tokenize", bundles[1], "--special"], input=text, text=True, check=True, capture_output=True).stdout
        ids = [int(word) for word in out.split()]
        bos = ids[0]
        cases = [expected(lathe, folder, bundles, ids, bos, case) for case in CASES]
    OUTPUT.write_text(json.dumps(cases, indent=1) + "\n")


main()
