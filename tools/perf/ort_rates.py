#!/usr/bin/env python3
"""ONNX Runtime GenAI's rates on the CPU: one JSON line {"prefill": [tokens/s …], "decode": [tokens/s …]}.

usage: ort_rates.py FOLDER PROMPT NEW THREADS REPEATS

Prefill is the time to the first token of a prompt, decode that of the tokens after it; both with greedy selection. In the
ort environment of peers.sh. Sets the number of threads in FOLDER/genai_config.json, which is where ORT reads it.
"""
import json
import pathlib
import sys
import time

import numpy as np
import onnxruntime_genai as genai


def main():
    prompt, new, threads, repeats = map(int, sys.argv[2:6])
    settings = pathlib.Path(sys.argv[1]) / "genai_config.json"
    config = json.loads(settings.read_text())
    options = config["model"]["decoder"]["session_options"]
    options["intra_op_num_threads"], options["inter_op_num_threads"] = threads, 1
    config["search"]["past_present_share_buffer"] = True
    settings.write_text(json.dumps(config, indent=1))
    model = genai.Model(sys.argv[1])

    def generate(first, length, count):
        """Seconds to the first token, and of the others."""
        parameters = genai.GeneratorParams(model)
        parameters.set_search_options(do_sample=False, max_length=prompt + new + 16, min_length=prompt + new + 16)
        generator = genai.Generator(model, parameters)
        start = time.perf_counter()
        generator.append_tokens(np.array([[first] + [7 + i % 100 for i in range(1, length)]], np.int32))
        generator.generate_next_token()
        first_token = time.perf_counter()
        for _ in range(count):
            generator.generate_next_token()
        return first_token - start, time.perf_counter() - first_token

    generate(5, 4, 0)
    rates = {"prefill": [], "decode": []}
    for i in range(repeats):
        rates["prefill"].append(prompt / generate(200 + i, prompt, 0)[0])
        rates["decode"].append(new / generate(300 + i, 1, new)[1])
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
