#!/usr/bin/env python3
"""OpenVINO GenAI's rates on the CPU: one JSON line {"prefill": [tokens/s …], "decode": [tokens/s …]}.

usage: openvino_rates.py FOLDER PROMPT NEW THREADS REPEATS

Prefill is the time to the first token of a prompt, decode that of the tokens after it; both with greedy selection. bf16
arithmetic where the processor has it, a u8 cache and activations quantised in groups of 32 are its defaults. It keeps
the cache of prefixes that it has seen, so no two prompts begin alike. In the ov environment of peers.sh.
"""
import json
import sys
import time

import numpy as np
import openvino
import openvino_genai


def main():
    prompt, new, threads, repeats = map(int, sys.argv[2:6])
    pipeline = openvino_genai.LLMPipeline(sys.argv[1], "CPU", INFERENCE_NUM_THREADS=threads)

    def generate(first, length, count):
        """Seconds to the first token, and of the others."""
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = config.min_new_tokens = count
        config.do_sample, config.ignore_eos, config.apply_chat_template = False, True, False
        ids = [first] + [7 + i % 100 for i in range(1, length)]
        start = time.perf_counter()
        result = pipeline.generate(openvino.Tensor(np.array([ids], np.int64)), config)
        whole = time.perf_counter() - start
        made = result.perf_metrics.get_num_generated_tokens()
        if made != count:
            raise SystemExit(f"asked for {count} tokens, it made {made}")
        first_token = result.perf_metrics.get_ttft().mean / 1e3
        return first_token, whole - first_token

    generate(5, 4, 1)
    rates = {"prefill": [], "decode": []}
    for i in range(repeats):
        rates["prefill"].append(prompt / generate(200 + i, prompt, 2)[0])
        rates["decode"].append(new / generate(300 + i, 1, new + 1)[1])
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
