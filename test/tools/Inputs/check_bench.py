"""usage: check_bench.py FILE PROMPT NEW REPEATS   the object that `lathe bench --json` printed has what it promises"""
import json
import sys

bench = json.load(open(sys.argv[1]))
for step, tokens in ("prefill", int(sys.argv[2])), ("decode", int(sys.argv[3])):
    run = bench[step]
    assert run["tokens"] == tokens, run
    rates = run["tokens_per_s"]
    assert len(rates) == int(sys.argv[4]) and all(rate > 0 for rate in rates), rates
    phases = [phase for phase in bench["phases"] if phase["step"] == step]
    assert phases and all(phase["seconds"] > 0 and phase["operations"] > 0 for phase in phases), bench["phases"]
    assert all(phase["of_limit"] > 0 for phase in phases), "a phase is bound by nothing"
    assert all(phase["schedule"] and phase["bound"] in ("read", "f32", "dot4") for phase in phases), phases
    assert sum(phase["bytes"] for phase in phases) > 300000, "less than the model's matrices"
    attention = [phase for phase in phases if phase["name"] == "attention"]
    assert attention and all(phase["bytes"] > 0 for phase in attention), "attention reads no cache"
    assert run["barriers"] == sum(phase["count"] for phase in phases), "a phase without a barrier"
    low, median, high = run["barrier_ns"]
    assert 0 < low <= median <= high, run["barrier_ns"]
    assert len(run["workers"]) == bench["threads"] and all(worker["working_s"] > 0 for worker in run["workers"])
    assert abs(run["seconds"] - sum(phase["seconds"] for phase in phases)) < 1e-3 * run["seconds"]

machine = bench["machine"]
assert machine["read_bytes_per_s"] > 1e8 and machine["f32_operations_per_s"] > 1e8, machine
assert bench["read_limit_bytes_per_s"] >= machine["read_bytes_per_s"], "a step's bytes come no slower than memory's"
roofs = {roof["name"]: roof for roof in machine["roofs"]}
assert {"memory", "L2", "step", "f32"} <= set(roofs), roofs.keys()
assert roofs["step"]["bytes"] >= bench["step_bytes"]
for roof in roofs.values():
    assert roof["limit_per_s"] == max(form["best_per_s"] for form in roof["forms"]), roof
    best = next(form for form in roof["forms"] if form["name"] == roof["form"])
    assert best["samples"] >= 4 and len(best["best_by_round_per_s"]) == 2, "measured before and after"
assert any("pages of 4 KB" in form["name"] for form in roofs["memory"]["forms"])
