#!/usr/bin/env python3
"""Changes configurations at random, and compares what transformers and Lathe make of them.

    python3 tools/golden/fuzz_configs.py LATHE FOLDER [--trials N] [--seed S] [NAME ...]

FOLDER is that of tools/golden/sweep.py: tiny models, config.json and model.safetensors each. A trial takes one, changes a few keys
as people and converters do (left out, null, of another class, rotations said in old and new words, lists of layers' kinds, ties),
and has both read it. Where transformers reads it (with all its weights there), Lathe must compute the same logits or refuse in one
line. A line for each refusal, so that a person can judge it; WRONG for others. Exit 1 if there is one.

Needs torch, transformers, safetensors and numpy; not a dependency of Lathe, and no test of it.
"""
import argparse
import fnmatch
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

HERE = pathlib.Path(__file__).resolve().parent
CASES = json.loads((HERE / "sweep.json").read_text())
READERS = json.loads((HERE.parents[1] / "models/readers/transformers.json").read_text())["architectures"]
LIMIT = 1e-8
WORDS = ["full_attention", "sliding_attention", "chunked_attention", "attention", "mamba", "linear_attention"]


def rotation(pick, depth=0):
    """A rotation's object, as found in files: of any kind, complete or not, with entries of other kinds."""
    kind = pick.choice(["default", "linear", "dynamic", "yarn", "llama3", "longrope", "su", "rings"])
    made = {pick.choice(["type", "rope_type"]): kind}
    entries = {
        "factor": pick.choice([1.0, 2.0, 4.0, 4]),
        "rope_theta": pick.choice([500.0, 1e4, 1000000]),
        "original_max_position_embeddings": pick.choice([8, 16, 32]),
        "attention_factor": pick.choice([1.0, 1.25, None]),
        "beta_fast": pick.choice([16, 32, None]),
        "beta_slow": pick.choice([1, 2]),
        "mscale": 1.0,
        "mscale_all_dim": 0.5,
        "truncate": pick.choice([True, False]),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "short_factor": None,
        "long_factor": None,
        "partial_rotary_factor": pick.choice([0.5, 1.0]),
        "alpha": 100.0,
        "finetuned": True,
        "foo": 3,
    }
    needed = {"linear": ["factor"], "dynamic": ["factor"], "yarn": ["factor"], "llama3": ["factor", "low_freq_factor", "high_freq_factor"]}
    for key in needed.get(kind, []):
        if pick.random() < 0.95:
            made[key] = entries[key]
    for key in pick.sample(sorted(entries), pick.choice([0, 0, 1, 2, 3])):
        made[key] = entries[key]
    if depth == 0 and pick.random() < 0.2:
        return {word: rotation(pick, 1) for word in pick.sample(WORDS[:2], pick.choice([1, 2]))}
    return made


def change(config, pick):
    """One change in place; says what it was."""
    whole = config
    if "text_config" in config and pick.random() < 0.8:
        config = config["text_config"]
    entry = READERS.get(config.get("model_type"), READERS[whole["model_type"]])
    layers = next((config[key] for key in ("num_hidden_layers", "n_layer", "num_layers", "n_layers") if config.get(key)), 2)
    keys = [key for key in sorted(config) if key not in ("model_type", "architectures", "text_config", "vision_config")]

    def set_key(key, value):
        config[key] = value
        return f"{key} = {json.dumps(value)}"

    def leave_out():
        return f"no {(key := pick.choice(keys))}" + str(config.pop(key) and "")

    def null():
        return set_key(pick.choice(keys), None)

    def other_class():
        key, value = pick.choice([(k, v) for e in READERS.values() for k, v in e["keys"].items() if v is not None])
        return set_key(key, pick.choice([value, not value if isinstance(value, bool) else 3 if isinstance(value, int) else value]))

    def scale():
        numbers = [key for key in keys if isinstance(config[key], (int, float)) and not isinstance(config[key], bool)]
        key = pick.choice(numbers)
        return set_key(key, pick.choice([config[key] * 1.5, config[key] * 2, 1, 0]))

    def flip():
        booleans = [key for key in keys if isinstance(config[key], bool)] or ["tie_word_embeddings"]
        key = pick.choice(booleans)
        return set_key(key, not config.get(key))

    def words():
        some = pick.choice([WORDS[:2], WORDS[:2], WORDS[:2], WORDS])
        return set_key("layer_types", [pick.choice(some) for _ in range(layers + pick.choice([0, 0, 0, 0, 1, -1]))])

    def alias():
        named = [(alias, name) for alias, name in entry.get("aliases", {}).items() if name in config]
        if not named:
            return ""
        alias, name = pick.choice(named)
        config[alias] = config.pop(name)
        return f"{name} as {alias}"

    def old_words():
        rotary = config.pop("rope_parameters", None) or {}
        config.update({key: rotary.pop(key) for key in ("rope_theta", "partial_rotary_factor") if key in rotary})
        if len(rotary) > 1 or pick.random() < 0.3:
            config["rope_scaling"] = rotary
        return "old words for the rotation"

    kinds = [
        old_words,
        leave_out, leave_out, null, other_class, scale, flip, words, alias,
        lambda: set_key("rope_scaling", rotation(pick)),
        lambda: set_key("rope_scaling", rotation(pick)),
        lambda: set_key("rope_parameters", rotation(pick)),
        lambda: set_key("rope_theta", pick.choice([500.0, 1e5])),
        lambda: set_key("partial_rotary_factor", pick.choice([0.5, 1.0])),
        lambda: set_key("sliding_window", pick.choice([5, 9, None])),
        lambda: set_key("use_sliding_window", pick.choice([True, False])),
        lambda: set_key("sliding_window_pattern", pick.choice([2, 3])),
        lambda: set_key("tie_word_embeddings", pick.choice([True, False])),
        lambda: set_key("original_max_position_embeddings", pick.choice([8, 16])),
    ]  # fmt: skip
    return pick.choice(kinds)()


def theirs(folder, ids, attention):
    """transformers' logits by that of its attentions, or None where it does not read the folder, or not with all that it holds."""
    try:
        config = AutoConfig.from_pretrained(folder)
        config._attn_implementation, config._experts_implementation = attention, "eager"
        auto = AutoModelForCausalLM if type(config) in AutoModelForCausalLM._model_mapping else AutoModelForImageTextToText
        model, info = auto.from_pretrained(folder, config=config, dtype=torch.float64, output_loading_info=True)
        if any(info[key] for key in ("missing_keys", "mismatched_keys", "unexpected_keys")):
            return None
        with torch.no_grad():
            return model.eval()(ids, use_cache=False).logits.double().numpy()
    except Exception:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lathe"), parser.add_argument("folder", type=pathlib.Path), parser.add_argument("names", nargs="*", default=["*"])
    parser.add_argument("--trials", type=int, default=200), parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error(), transformers.logging.disable_progress_bar(), warnings.simplefilter("ignore")
    torch.set_default_dtype(torch.float64)
    models = [each.parent for each in sorted(options.folder.glob("*/golden.safetensors"))
              if any(fnmatch.fnmatch(each.parent.name, name) for name in options.names)
              and json.loads((each.parent / "config.json").read_text())["model_type"] in READERS]  # fmt: skip
    counts = {"agree": 0, "refused": 0, "not read by transformers": 0, "WRONG": 0}
    for trial in range(options.trials):
        pick = random.Random(f"{options.seed} {trial}")
        source = pick.choice(models)
        config = json.loads((source / "config.json").read_text())
        done = [text for _ in range(pick.choice([1, 1, 2, 3])) if (text := change(config, pick))]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shutil.copy(source / "model.safetensors", folder)
            (folder / "config.json").write_text(json.dumps(config))
            golden = load_file(source / "golden.safetensors")
            want = theirs(folder, torch.from_numpy(golden["input_ids"]), CASES[source.name].get("attention", "eager"))
            if want is None:
                counts["not read by transformers"] += 1
                continue
            command = [options.lathe, "eval", folder, "--ids", source / "golden.safetensors", "--logits", folder / "out.safetensors", "--reference"]
            ran = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if ran.returncode:
                counts["refused"] += 1
                print(f"{trial} {source.name}: {'; '.join(done)}\n    {ran.stderr.strip().replace(name, '')[:300]}", flush=True)
                continue
            got = load_file(folder / "out.safetensors")["logits"].astype(np.float64)
        error = ((got - want) ** 2).sum() / (want**2).sum()
        if not error <= LIMIT and np.isfinite(want).all():
            counts["WRONG"] += 1
            print(f"{trial} {source.name}: {'; '.join(done)}\n    WRONG: NMSE {error:.1e}", flush=True)
        else:
            counts["agree"] += 1
    print(counts)
    return 1 if counts["WRONG"] else 0


if __name__ == "__main__":
    sys.exit(main())
