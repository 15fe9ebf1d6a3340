#!/usr/bin/env python3
"""Many tiny random models of many architectures, made by transformers, through Lathe: a wide net for a new family or axis.

    python3 tools/golden/sweep.py LATHE FOLDER [NAME ...]     # NAME: cases of tools/golden/sweep.json; "qwen*" works too

Makes FOLDER/NAME (config.json, model.safetensors, golden.safetensors) where it is not there yet, by the case's configuration:
odd sizes, random norms and biases; "attention" says which of transformers' attentions computes it ("eager": it is the exact
one, but adds slopes twice in Falcon). Then `lathe eval` by the reference and compiled code; a line for each case with both
NMSE against transformers in float64, or what Lathe says. Exit 1 if one is over the limit, or has another most likely token.

Needs torch, transformers, safetensors and numpy; not a dependency of Lathe, and no test of it. transformers itself computes
norms and rotary tables in float32: up to 1e-12 of what is shown is its own.
"""
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from safetensors.torch import save_file

from conformance import nmse

LIMIT = 1e-8
BATCH, TOKENS = 3, 40
CASES = json.loads((pathlib.Path(__file__).parent / "sweep.json").read_text())


def randomize(model):
    """Numbers of a trained model's size, so that every part of it matters to the logits."""
    for name, parameter in model.named_parameters():
        if name.endswith(("A_log", "dt_bias")):  # of recurrent mixers: their own initial values are the sane ones
            continue
        if parameter.dim() == 1:
            parameter.add_(0.25 * torch.randn_like(parameter))
        else:
            parameter.normal_(0, 1.2 / parameter.shape[-1] ** 0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("correction_bias"):  # of routers
            buffer.normal_(0, 0.2)


def make(name, folder):
    case = dict(CASES[name])
    base = CASES["bases"][case.pop("base", "usual")]
    attention = case.pop("attention", "eager")
    config = transformers.CONFIG_MAPPING[case.pop("model_type")](**{k: v for k, v in (base | case).items() if v is not None})
    config._attn_implementation, config._experts_implementation = attention, "eager"
    torch.manual_seed(7)
    auto = transformers.AutoModelForCausalLM
    if type(config) not in auto._model_mapping:  # a language model beside another
        auto = transformers.AutoModelForImageTextToText
    model = auto.from_config(config).eval()
    with torch.no_grad():
        randomize(model)
        model.to(torch.float32).save_pretrained(folder)
        model.to(torch.float64)  # of what is stored
        ids = torch.randint(3, config.get_text_config().vocab_size, (BATCH, TOKENS))
        logits = model(ids, use_cache=False).logits
    save_file({"input_ids": ids, "logits": logits.float().contiguous()}, folder / "golden.safetensors")


def evaluate(lathe, folder, *options):
    """NMSE of the logits, or what is wrong: Lathe's complaint, or other tokens."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as out:
        golden = folder / "golden.safetensors"
        command = [lathe, "eval", folder, "--ids", golden, "--logits", out.name, *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        got, want = (load_file(path)["logits"].astype(np.float64) for path in (out.name, golden))
        if (got.argmax(-1) != want.argmax(-1)).any():
            return "another token is the most likely one: WRONG"
        return nmse(got.ravel().tolist(), want.ravel().tolist())


def main():
    lathe, root, patterns = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] or ["*"]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_default_dtype(torch.float64)
    wrong = 0
    for name in (n for n in CASES if n != "bases" and any(fnmatch.fnmatch(n, p) for p in patterns)):
        if not (root / name / "golden.safetensors").exists():
            try:
                make(name, root / name)
            except Exception as complaint:  # of transformers, about the case
                print(f"{name:20} not made: {complaint}", flush=True)
                continue
        reference = evaluate(lathe, root / name, "--reference")
        if isinstance(reference, str):
            wrong += reference.endswith("WRONG")
            print(f"{name:20} {reference}", flush=True)
            continue
        compiled = evaluate(lathe, root / name)
        bad = isinstance(compiled, str) or not max(reference, compiled) <= LIMIT
        wrong += bad
        told = compiled if isinstance(compiled, str) else f"{compiled:.1e}"
        print(f"{name:20} reference {reference:.1e}  compiled {told}{'   WRONG' if bad else ''}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
