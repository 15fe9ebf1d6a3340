#!/usr/bin/env python3
"""Changes GGUFs at random, and compares what llama.cpp and Lathe make of them: tools/golden/fuzz_configs.py for the other format.

    python3 tools/golden/fuzz_gguf.py LATHE FOLDER [--trials N] [--seed S] [NAME ...]

FOLDER holds GGUFs of F32 weights, at any depth (tools/golden/make_gguf.py makes them). A trial takes one and changes some of its
metadata as converters and people do: a key left out, another number, 0, a number for each layer, a key of another architecture,
scalings of the rotation of every kind, windows, tables of factors, a bias more or less. Where llama.cpp reads the file, Lathe
must compute the same logits or refuse in one line; WRONG otherwise. Where llama.cpp refuses or falls over, a line says what Lathe
does if it reads it. Exit 1 if there is a WRONG.

Needs gguf, numpy, safetensors and llama-cpp-python; not a dependency of Lathe, and no test of it. llama.cpp computes in f32.
"""
import argparse
import collections
import fnmatch
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from safetensors.numpy import load_file

READERS = json.loads((pathlib.Path(__file__).resolve().parents[2] / "models/readers/llama.cpp.json").read_text())["architectures"]
LIMIT = 1e-5
IDS = [5, 17, 3, 29, 11, 40, 8, 23, 31, 2, 19, 7, 44, 13, 6, 27, 9, 36, 21, 4]

# One file through llama.cpp, in a process of its own: it aborts on what it does not like.
THEIRS = """
import sys, numpy as np, llama_cpp
path, out, *ids = sys.argv[1:]
model = llama_cpp.Llama(path, n_ctx=len(ids) + 12, n_batch=len(ids), n_ubatch=len(ids), logits_all=True, n_threads=2, verbose=False,
                        type_k=0, type_v=0, flash_attn=False)
model.eval([int(i) for i in ids])
np.save(out, np.array(model.scores[:len(ids)]))
"""


def change(keys, tensors, architecture, pick):
    """One change in place of {key: (value, type)} and {name: array}; says what it was."""
    own = f"{architecture}."
    numbers = [key for key in keys if key.startswith(own) and isinstance(keys[key][0], (int, float)) and not isinstance(keys[key][0], bool)]
    layers = len({name.split(".")[1] for name in tensors if name.startswith("blk.")})
    kinds = gguf.GGUFValueType

    def put(key, value):
        kind = (kinds.BOOL if isinstance(value, bool) else kinds.UINT32 if isinstance(value, int) else kinds.FLOAT32 if isinstance(value, float)
                else kinds.STRING if isinstance(value, str) else kinds.ARRAY)  # fmt: skip
        keys[own + key] = (value, kind)
        return f"{key} = {value}"

    def leave_out():
        key = pick.choice([key for key in keys if key.startswith(own)])
        del keys[key]
        return f"no {key}"

    def number():
        key = pick.choice(numbers)
        value, kind = keys[key]
        keys[key] = (pick.choice([type(value)(value * 2), type(value)(0), type(value)(1)]), kind)
        return f"{key} = {keys[key][0]}"

    def by_layer():
        key = pick.choice([key for key in numbers if "count" in key or "length" in key] or numbers)
        value = keys[key][0]
        values = [value] * (layers + pick.choice([0, 0, 0, 1]))
        if pick.random() < 0.4:
            values[-1] = max(1, value // 2)
        keys[key] = (values, kinds.ARRAY)
        return f"{key} = {values}"

    def other_key():
        table = READERS[pick.choice(sorted(READERS))]["keys"]
        key = pick.choice(sorted(table))
        default = table[key]
        if isinstance(default, (str, list)):
            return ""
        return put(key, pick.choice([True, False]) if isinstance(default, bool) else pick.choice([2, 3, 4]) if isinstance(default, int) or "count" in key
                   or "length" in key else pick.choice([0.5, 2.0]))  # fmt: skip

    def scaling():
        done = []
        if pick.random() < 0.8:
            done.append(put("rope.scaling.type", pick.choice(["none", "linear", "yarn", "longrope", "rings"])))
        if pick.random() < 0.8:
            done.append(put(pick.choice(["rope.scaling.factor", "rope.scaling.factor", "rope.scale_linear"]), pick.choice([1.0, 2.0, 4.0])))
        for key, values in (("original_context_length", [8, 16]), ("attn_factor", [0.5, 2.0]), ("yarn_beta_fast", [16.0]), ("yarn_beta_slow", [2.0]),
                            ("yarn_ext_factor", [0.0, 1.0, 0.5]), ("yarn_attn_factor", [2.0]), ("yarn_log_multiplier", [0.1]), ("finetuned", [True])):  # fmt: skip
            if pick.random() < 0.15:
                done.append(put("rope.scaling." + key, pick.choice(values)))
        return ", ".join(done)

    def window():
        return ", ".join([put("attention.sliding_window", pick.choice([0, 5, 9]))] + [put("attention.sliding_window_pattern", pick.choice(
            [2, 3, [bool(i % 2) for i in range(layers)], [bool(i % 2 == 0) for i in range(layers)]]))] * pick.choice([0, 1]))  # fmt: skip

    def factors():
        if own + "rope.dimension_count" not in keys:
            return ""
        half = int(keys[own + "rope.dimension_count"][0]) // 2
        name = pick.choice(["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"])
        tensors[name] = np.linspace(1, 3, half, dtype=np.float32)
        return f"a tensor {name}"

    def bias():
        there = [name for name in tensors if name.endswith(".bias")]
        if there and pick.random() < 0.4:
            del tensors[(name := pick.choice(there))]
            return f"no {name}"
        matrices = [name for name in tensors if name.endswith(".weight") and tensors[name].ndim == 2 and name.startswith("blk")]
        name = pick.choice(matrices)
        bias = name.removesuffix("weight") + "bias"
        tensors[bias] = np.random.default_rng(1).normal(0, 0.5, tensors[name].shape[0]).astype(np.float32)
        return f"a tensor {bias}"

    values = {
        "logit_scale": [0.5, 0.0], "attn_logit_softcapping": [5.0, 0.0], "final_logit_softcapping": [5.0], "attention.clamp_kqv": [0.3], "attention.max_alibi_bias":
        [0.0, 4.0], "embedding_scale": [2.0], "residual_scale": [0.5], "attention.scale": [0.3, 0.0], "rope.freq_base": [500.0], "rope.freq_base_swa": [500.0],
        "rope.dimension_count": [4, 8], "attention.key_length": [8, 4], "attention.value_length": [8], "use_parallel_residual": [True, False], "expert_weights_norm":
        [True, False], "expert_weights_scale": [2.0], "expert_gating_func": [1, 2], "attention.causal": [False], "tensor_data_layout": ["Meta AI original pth"],
        "attention.layer_norm_rms_epsilon": [1e-2], "attention.layer_norm_epsilon": [1e-2], "pooling_type": [1], "vocab_size": [7],
    }  # fmt: skip

    def known():
        key = pick.choice(sorted(values))
        return put(key, pick.choice(values[key]))

    return pick.choice([leave_out, leave_out, number, by_layer, other_key, other_key, scaling, scaling, window, factors, bias, known, known])()


def read(path):
    """{key: (value, type)} and {name: array}."""
    reader = gguf.GGUFReader(path)
    keys = {field.name: (field.contents(), field.types[0]) for field in reader.fields.values() if not field.name.startswith("GGUF.")}
    return keys, {tensor.name: np.array(tensor.data) for tensor in reader.tensors}


def write(path, keys, tensors):
    architecture = keys["general.architecture"][0]
    writer = gguf.GGUFWriter(path, architecture)
    for key, (value, kind) in keys.items():
        if key != "general.architecture":
            writer.add_array(key, value) if kind == gguf.GGUFValueType.ARRAY else writer.add_key_value(key, value, kind)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lathe"), parser.add_argument("folder", type=pathlib.Path), parser.add_argument("names", nargs="*", default=["*"])
    parser.add_argument("--trials", type=int, default=200), parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unchanged", action="store_true", help="each file once, as it is")
    options = parser.parse_args()
    files = [file for file in sorted(options.folder.rglob("*.gguf")) if any(fnmatch.fnmatch(file.stem, name) for name in options.names)]
    counts = collections.Counter()
    for trial in range(len(files) if options.unchanged else options.trials):
        pick = random.Random(f"{options.seed} {trial}")
        source = files[trial] if options.unchanged else pick.choice(files)
        keys, tensors = read(source)
        keys.setdefault("tokenizer.ggml.model", ("no_vocab", gguf.GGUFValueType.STRING))
        architecture = keys["general.architecture"][0]
        done = [] if options.unchanged else [text for _ in range(pick.choice([1, 1, 2])) if (text := change(keys, tensors, architecture, pick))]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write(folder / "model.gguf", keys, tensors)
            ids = [i % tensors["token_embd.weight"].shape[0] for i in IDS]
            (folder / "ids.txt").write_text(" ".join(map(str, ids)))
            theirs = subprocess.run([sys.executable, "-c", THEIRS, folder / "model.gguf", folder / "theirs.npy", *map(str, ids)], capture_output=True)
            ours = subprocess.run([options.lathe, "eval", folder / "model.gguf", "--ids", folder / "ids.txt", "--logits", folder / "ours.safetensors", "--reference"],
                                  capture_output=True, text=True)  # fmt: skip
            said = ours.stderr.strip().replace(name, "")[:300]
            if theirs.returncode:
                verdict = "neither reads" if ours.returncode else "llama.cpp refuses; Lathe reads"
            elif ours.returncode:
                verdict = "refused"
            else:
                got, want = load_file(folder / "ours.safetensors")["logits"][0].astype(np.float64), np.load(folder / "theirs.npy").astype(np.float64)
                error = ((got - want) ** 2).sum() / (want**2).sum()
                verdict = "agree" if error <= LIMIT or not np.isfinite(want).all() else "WRONG"
                said = f"NMSE {error:.1e}"
        counts[verdict] += 1
        if verdict not in ("agree", "neither reads"):
            print(f"{trial} {source.stem}: {'; '.join(done)}\n    {verdict}: {said}", flush=True)
    print(dict(counts))
    return 1 if counts["WRONG"] else 0


if __name__ == "__main__":
    sys.exit(main())
