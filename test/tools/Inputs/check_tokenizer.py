"""usage: check_tokenizer.py MODEL CASES IDS   `lathe tokenize MODEL --jsonl` gives the ids, and --ids gives the texts back

CASES: texts parted by a line __ggml_vocab_test__; IDS: a line of ids for each (llama.cpp's form of both).
"""
import json
import subprocess
import sys

model, cases, expected = sys.argv[1:]
texts = open(cases, encoding="utf-8", newline="").read().split("\n__ggml_vocab_test__\n")
want = [[int(word) for word in line.split()] for line in open(expected).read().split("\n")]
want = want[: len(texts)]
texts = texts[: len(want)]


def jsonl(values, *flags):
    lines = "".join(json.dumps(value) + "\n" for value in values)
    done = subprocess.run(["lathe", "tokenize", model, "--jsonl", *flags], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


got = jsonl(texts)
wrong = [(text, g, w) for text, g, w in zip(texts, got, want) if g != w]
assert len(got) == len(texts) and not wrong, wrong[:3]
