#!/usr/bin/env python3
"""A GGUF of a known model's shape with random weights: how fast it is, it tells; what it says is noise.

usage: random_gguf.py OUT.gguf FORMAT SHAPE     FORMAT: Q8_0, Q4_0, F16     SHAPE: 135m, 1b, 3b, 8b (Llama's)

Needs gguf and numpy, which the llama environment of peers.sh has.
"""
import sys

import gguf
import numpy as np

# width, layers, heads, heads of keys, width of the MLP, vocabulary
SHAPES = {
    "135m": (576, 30, 9, 3, 1536, 49152),
    "1b": (2048, 16, 32, 8, 8192, 128256),
    "3b": (3072, 28, 24, 8, 8192, 128256),
    "8b": (4096, 32, 32, 8, 14336, 128256),
}
# bytes of a block of 32 numbers, of which the first two are its scale; the scale that makes weights' deviation 0.02
BLOCKS = {"Q8_0": (34, 0.02 / 74), "Q4_0": (18, 0.02 / 4.6)}


def main():
    out, form, shape = sys.argv[1:4]
    width, layers, heads, kv_heads, hidden, vocabulary = SHAPES[shape]
    head = width // heads
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_block_count(layers)
    writer.add_context_length(8192)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500000.0)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(vocabulary)
    writer.add_string("tokenizer.ggml.model", "no_vocab")

    def matrix(name, rows, columns):
        if form == "F16":
            return writer.add_tensor(name, (random.standard_normal((rows, columns), np.float32) * 0.02).astype(np.float16))
        size, scale = BLOCKS[form]
        blocks = random.integers(0, 256, (rows, columns // 32, size), np.uint8)
        blocks[..., :2] = np.array([scale], np.float16).view(np.uint8)
        writer.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=gguf.GGMLQuantizationType[form])

    def norm(name):
        writer.add_tensor(name, np.ones(width, np.float32))

    matrix("token_embd.weight", vocabulary, width)
    norm("output_norm.weight")
    for layer in range(layers):
        block = f"blk.{layer}."
        norm(block + "attn_norm.weight")
        norm(block + "ffn_norm.weight")
        matrix(block + "attn_q.weight", heads * head, width)
        matrix(block + "attn_k.weight", kv_heads * head, width)
        matrix(block + "attn_v.weight", kv_heads * head, width)
        matrix(block + "attn_output.weight", width, heads * head)
        matrix(block + "ffn_gate.weight", hidden, width)
        matrix(block + "ffn_up.weight", hidden, width)
        matrix(block + "ffn_down.weight", width, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
