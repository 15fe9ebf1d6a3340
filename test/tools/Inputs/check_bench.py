"""usage: check_bench.py FILE PROMPT NEW REPEATS   the object that `lathe bench --json` printed has what it promises"""
import json
import sys

bench = json.load(open(sys.argv[1]))
for step, tokens in ("prefill", int(sys.argv[2])), ("decode", int(sys.argv[3])):
    assert bench[step]["tokens"] == tokens, bench[step]
    rates = bench[step]["tokens_per_s"]
    assert len(rates) == int(sys.argv[4]) and all(rate > 0 for rate in rates), rates
    phases = [phase for phase in bench["phases"] if phase["step"] == step]
    assert phases and all(phase["seconds"] > 0 and phase["operations"] > 0 for phase in phases), bench["phases"]
    assert all(phase["of_limit"] > 0 for phase in phases), "a phase is bound by nothing"
    assert sum(phase["bytes"] for phase in phases) > 300000, "less than the model's matrices"
    attention = [phase for phase in phases if phase["name"] == "attention"]
    assert attention and all(phase["bytes"] > 0 for phase in attention), "attention reads no cache"
assert bench["machine"]["read_bytes_per_s"] > 1e8 and bench["machine"]["f32_operations_per_s"] > 1e8, bench["machine"]
