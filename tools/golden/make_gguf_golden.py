#!/usr/bin/env python3
"""Small GGUFs in every block format that Lathe reads, and the logits that exactly their numbers give.

usage: make_gguf_golden.py OUT_FOLDER

Writes OUT_FOLDER/llama-256/llama-256-MIX.gguf and one golden.safetensors (input_ids [1,12]; logits.MIX [1,12,V], f64,
and greedy.MIX [1,24]) as conformance.py wants them. One layer of a Llama whose rows are 256 long, normal random weights;
a MIX is a format for each matrix, as files of llama.cpp mix them. Needs numpy, gguf, and llama-cpp-python, whose ggml
library quantises.
"""
import ctypes
import json
import pathlib
import struct
import sys

import gguf
import numpy as np
import llama_cpp

DIM, HEADS, KV_HEADS, HIDDEN, VOCABULARY, CONTEXT = 256, 4, 2, 256, 96, 64
THETA, EPS = 10000.0, 1e-5
SHAPES = {
    "token_embd": (VOCABULARY, DIM),
    "blk.0.attn_q": (DIM, DIM),
    "blk.0.attn_k": (DIM * KV_HEADS // HEADS, DIM),
    "blk.0.attn_v": (DIM * KV_HEADS // HEADS, DIM),
    "blk.0.attn_output": (DIM, DIM),
    "blk.0.ffn_gate": (HIDDEN, DIM),
    "blk.0.ffn_up": (HIDDEN, DIM),
    "blk.0.ffn_down": (DIM, HIDDEN),
}
# In SHAPES' order.
MIXES = {
    "Q4_K": ["Q6_K"] + ["Q4_K"] * 7,
    "KMIX": ["Q5_K", "Q3_K", "Q3_K", "Q6_K", "Q5_K", "Q2_K", "Q2_K", "Q6_K"],
    "IQMIX": ["IQ4_NL", "IQ4_XS", "IQ4_XS", "MXFP4", "Q5_1", "TQ1_0", "TQ2_0", "Q5_0"],
}
NORMS = ["blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"]

folder = next((pathlib.Path(llama_cpp.__file__).parent / "lib").glob("libggml-base.so*"))
ggml = ctypes.CDLL(str(folder))
ggml.ggml_quantize_chunk.restype = ctypes.c_size_t


def quantized(values, kind):
    """Bytes of a matrix as ggml stores it, [rows, bytes of a row]."""
    rows, columns = values.shape
    values = np.ascontiguousarray(values, np.float32)
    out = np.zeros(gguf.quants.quant_shape_to_byte_shape(values.shape, kind), np.uint8)
    ones = np.ones(columns, np.float32)  # an importance matrix, which a few formats want
    ggml.ggml_quantize_chunk(ctypes.c_int(kind), values.ctypes.data_as(ctypes.c_void_p),
                             out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(0), ctypes.c_int64(rows),
                             ctypes.c_int64(columns), ones.ctypes.data_as(ctypes.c_void_p))
    return out


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def rotate(x, heads):
    """Pairs of neighbours, as GGUF's llama has them."""
    size = DIM // HEADS
    x = x.reshape(len(x), heads, size // 2, 2)
    angle = np.arange(len(x))[:, None, None] * THETA ** (-2 * np.arange(size // 2) / size)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x[..., 0] * cos - x[..., 1] * sin, x[..., 0] * sin + x[..., 1] * cos], -1).reshape(len(x), heads, size)


def logits(w, ids):
    """[len(ids), VOCABULARY], in f64."""
    size = DIM // HEADS
    x = w["token_embd"][ids]
    h = norm(x, w["blk.0.attn_norm"])
    q = rotate(h @ w["blk.0.attn_q"].T, HEADS)
    k = np.repeat(rotate(h @ w["blk.0.attn_k"].T, KV_HEADS), HEADS // KV_HEADS, 1)
    v = np.repeat((h @ w["blk.0.attn_v"].T).reshape(len(ids), KV_HEADS, size), HEADS // KV_HEADS, 1)
    scores = np.einsum("qhc,khc->hqk", q, k) / np.sqrt(size)
    scores = np.where(np.tri(len(ids), dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = np.einsum("hqk,khc->qhc", weights, v).reshape(len(ids), DIM)
    x = x + mixed @ w["blk.0.attn_output"].T
    h = norm(x, w["blk.0.ffn_norm"])
    gate = h @ w["blk.0.ffn_gate"].T
    x = x + (gate / (1 + np.exp(-gate)) * (h @ w["blk.0.ffn_up"].T)) @ w["blk.0.ffn_down"].T
    return norm(x, w["output_norm"]) @ w["token_embd"].T


def greedy(w, ids, count):
    ids = list(ids)
    for _ in range(count):
        ids.append(int(logits(w, np.array(ids))[-1].argmax()))
    return ids[-count:]


def write_model(path, stored, norms):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("llama-256")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_rope_freq_base(THETA)
    writer.add_rope_dimension_count(DIM // HEADS)
    writer.add_vocab_size(VOCABULARY)
    for name, (data, kind) in stored.items():
        writer.add_tensor(name + ".weight", data, raw_dtype=kind)
    for name, values in norms.items():
        writer.add_tensor(name + ".weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_safetensors(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        kind = {"float64": "F64", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in arrays.values()))


def main():
    out = pathlib.Path(sys.argv[1]) / "llama-256"
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(11)
    ids = random.integers(0, VOCABULARY, 12)
    golden = {"input_ids": ids[None].astype(np.int64)}
    for mix, formats in MIXES.items():
        kinds = [gguf.GGMLQuantizationType[name] for name in formats]
        stored = {name: (quantized(random.normal(0, 0.06, shape), kind), kind)
                  for (name, shape), kind in zip(SHAPES.items(), kinds)}
        norms = {name: random.normal(1, 0.1, DIM).astype(np.float32) for name in NORMS}
        write_model(out / f"llama-256-{mix}.gguf", stored, norms)
        w = {name: gguf.quants.dequantize(data, kind).astype(np.float64) for name, (data, kind) in stored.items()}
        w |= {name: values.astype(np.float64) for name, values in norms.items()}
        golden[f"logits.{mix}"] = logits(w, ids)[None]
        golden[f"greedy.{mix}"] = np.array([greedy(w, ids[:8], 24)], np.int64)
    write_safetensors(out / "golden.safetensors", golden)


main()
