#!/usr/bin/env python3
"""llama.cpp's own Q4_0 and Q8_0 of the quickstart's model, by way of f32: the same real weights for every engine.

usage: requantize.py FOLDER     (of SmolLM2-135M-Instruct.Q4_1.gguf; in the llama environment of peers.sh)
"""
import ctypes
import sys

import llama_cpp as llama

# llama_ftype
FORMATS = (("F32", 0), ("F16", 1), ("Q8_0", 7), ("Q4_0", 2))


@llama.llama_log_callback
def quiet(level, text, data):
    pass


def main():
    folder = sys.argv[1]
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    source = f"{folder}/SmolLM2-135M-Instruct.Q4_1.gguf"
    for name, form in FORMATS:
        options = llama.llama_model_quantize_default_params()
        options.ftype, options.allow_requantize = form, True
        made = f"{folder}/smol_{name}.gguf"
        if llama.llama_model_quantize(source.encode(), made.encode(), options):
            raise SystemExit(f"llama.cpp cannot quantise {source} to {name}")
        if name == "F32":
            source = made


if __name__ == "__main__":
    main()
