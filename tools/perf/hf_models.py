#!/usr/bin/env python3
"""The two models of check_perf.py as Hugging Face folders, from which OpenVINO's and ORT's tools export.

usage: hf_models.py PEERS     (PEERS/gguf/SmolLM2-135M-Instruct.Q4_1.gguf is there; in the hf environment of peers.sh)

PEERS/smol_hf: the GGUF's weights in f32. PEERS/r1b_hf: the shape of Llama 3.2 1B with random weights in bf16.
"""
import pathlib
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
COMMON = dict(architectures=["LlamaForCausalLM"], tie_word_embeddings=True, rms_norm_eps=1e-5, bos_token_id=1,
              eos_token_id=2, pad_token_id=2, head_dim=64)


def main():
    peers = pathlib.Path(sys.argv[1])
    smol, r1b = peers / "smol_hf", peers / "r1b_hf"
    if not (smol / "config.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(peers / "gguf", gguf_file=FILE)
        read = AutoModelForCausalLM.from_pretrained(peers / "gguf", gguf_file=FILE, dtype=torch.float32)
        model = LlamaForCausalLM(LlamaConfig(
            **COMMON, hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
            intermediate_size=1536, vocab_size=49152, rope_theta=100000.0, max_position_embeddings=8192)).float()
        model.load_state_dict(read.state_dict(), strict=False)
        model.tie_weights()
        model.save_pretrained(smol)
        tokenizer.save_pretrained(smol)
    if not (r1b / "config.json").exists():
        torch.set_default_dtype(torch.bfloat16)
        LlamaForCausalLM(LlamaConfig(
            **COMMON, hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
            intermediate_size=8192, vocab_size=128256, rope_theta=500000.0, max_position_embeddings=4096,
        )).save_pretrained(r1b)
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(smol / file, r1b / file)


if __name__ == "__main__":
    main()
