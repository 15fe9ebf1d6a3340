#!/usr/bin/env python3
"""llama.cpp's rates, by its C interface: one JSON line {"prefill": [tokens/s …], "decode": [tokens/s …]}.

usage: llamacpp_rates.py MODEL.gguf PROMPT NEW DEPTH BATCH THREADS REPEATS

PROMPT tokens at once, without sampling; NEW steps of BATCH sequences; both behind DEPTH tokens. Decode counts all
sequences' tokens. In the llama environment of peers.sh.
"""
import ctypes
import json
import sys
import time

import llama_cpp as llama


@llama.llama_log_callback
def quiet(level, text, data):
    pass


def main():
    path = sys.argv[1]
    prompt, new, depth, sequences, threads, repeats = map(int, sys.argv[2:8])
    llama.llama_backend_init()
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    options = llama.llama_context_default_params()
    options.n_ctx = max(1024, depth + prompt + new + 16) * sequences
    options.n_batch, options.n_ubatch = max(2048, prompt, depth), 512
    options.n_seq_max = sequences
    options.n_threads = options.n_threads_batch = threads
    context = llama.llama_init_from_model(model, options)
    memory = llama.llama_get_memory(context)
    batch = llama.llama_batch_init(options.n_batch, 0, 1)

    def step(tokens):
        """tokens: (id, position, sequence) each; logits of each sequence's last."""
        batch.n_tokens = len(tokens)
        last = {sequence: i for i, (_, _, sequence) in enumerate(tokens)}
        for i, (token, position, sequence) in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0], batch.logits[i] = sequence, last[sequence] == i
        if llama.llama_decode(context, batch):
            raise SystemExit(f"llama_decode refuses {len(tokens)} tokens")
        llama.llama_synchronize(context)

    def clear():
        llama.llama_memory_clear(memory, True)

    def some(first, count, sequence=0):
        return [(7 + i % 100, i, sequence) for i in range(first, first + count)]

    step(some(0, 4))
    rates = {"prefill": [], "decode": []}
    for _ in range(repeats):
        clear()
        if depth and prompt:
            step(some(0, depth))
        start = time.perf_counter()
        step(some(depth, prompt))
        rates["prefill"].append(prompt / (time.perf_counter() - start))
        clear()
        known = max(depth, 1)
        for sequence in range(sequences):
            step(some(0, known, sequence))
        start = time.perf_counter()
        for i in range(new):
            step([(9, known + i, sequence) for sequence in range(sequences)])
        rates["decode"].append(new * sequences / (time.perf_counter() - start))
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
