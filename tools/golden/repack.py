#!/usr/bin/env python3
"""Writes a golden under the names and with the configuration of a format that transformers does not write.

    python3 tools/golden/repack.py meta test/data/golden/helium test/data/golden/llama-meta           # Llama, as Meta has it
    python3 tools/golden/repack.py nanogpt test/data/golden/starcoder-mha test/data/golden/nanogpt
    python3 tools/golden/repack.py minicpm GRANITE test/data/golden/minicpm

The model stays the same, and so do its logits: Helium is a Llama whose neighbouring components rotate; StarCoder with a key and a
value for every head is GPT-2 without transposed tensors; Granite has MiniCPM's multipliers worked out. Needs: pip install numpy safetensors.
"""
import json
import pathlib
import re
import shutil
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

META = {
    "model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output", "model.layers": "layers",
    "self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3", "post_attention_layernorm": "ffn_norm", "input_layernorm": "attention_norm",
}


def meta(config, tensors):
    params = {
        "dim": config["hidden_size"], "n_layers": config["num_hidden_layers"], "n_heads": config["num_attention_heads"],
        "n_kv_heads": config["num_key_value_heads"], "vocab_size": -1, "multiple_of": 4, "norm_eps": config["rms_norm_eps"],
        "rope_theta": config["rope_theta"], "max_seq_len": config["max_position_embeddings"],
    }
    return params, {re.sub("|".join(META), lambda m: META[m[0]], name): weight for name, weight in tensors.items()}


def nanogpt(config, tensors):
    args = {
        "model_type": "nanogpt", "n_layer": config["n_layer"], "n_head": config["n_head"], "n_embd": config["n_embd"],
        "block_size": config["n_positions"], "bias": True, "vocab_size": config["vocab_size"], "dropout": 0.0,
    }
    heads = config["n_head"]

    def plain(weight):
        """Rows by head (its query, key, value) to all queries, all keys, all values."""
        parts = weight.reshape(heads, 3, -1, *weight.shape[1:])
        return np.ascontiguousarray(parts.swapaxes(0, 1).reshape(weight.shape))

    renamed = {name: plain(weight) if "c_attn" in name else weight for name, weight in tensors.items()}
    renamed["lm_head.weight"] = renamed["transformer.wte.weight"].copy()  # tied, and in the checkpoint all the same
    return args, renamed


def minicpm(config, tensors):
    args = {
        key: config[key]
        for key in (
            "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size",
            "max_position_embeddings", "rms_norm_eps", "rope_theta", "hidden_act",
        )
    }
    args |= {
        "model_type": "minicpm", "scale_emb": config["embedding_multiplier"],
        "scale_depth": config["residual_multiplier"] * config["num_hidden_layers"] ** 0.5,
        "dim_model_base": config["hidden_size"] / config["logits_scaling"],
    }
    return args, tensors


def main():
    form, source, to = {"meta": meta, "nanogpt": nanogpt, "minicpm": minicpm}[sys.argv[1]], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    config, tensors = form(json.loads((source / "config.json").read_text()), load_file(source / "model.safetensors"))
    to.mkdir(parents=True, exist_ok=True)
    (to / ("params.json" if form is meta else "config.json")).write_text(json.dumps(config, indent=1) + "\n")
    save_file(tensors, to / "model.safetensors")
    shutil.copy(source / "golden.safetensors", to)


main()
