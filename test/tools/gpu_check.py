#!/usr/bin/env python3
"""tools/gpu-check.sh, whole, with tiny models on the interpreter of GPU code: gpu_check.py SOURCE BUILD

What is packed passes; a run that ends early leaves a report, which the next one goes on with; a failure is reported.
"""
import json
import os
import pathlib
import subprocess
import sys

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
FOLDER = BUILD / "test/gpu-check"
ENVIRONMENT = {**os.environ, "LATHE_CUDA_DRIVER": str(BUILD / "lib/libcuda-sim.so"),
               "LATHE_CUDA_SIM_MEMORY": str(64 << 20)}


def check(report, *options):
    """The exit status, and the steps of REPORT.json."""
    done = subprocess.run([FOLDER / "check.sh", report, "--patience", "20", *options], env=ENVIRONMENT, stdout=sys.stderr)
    return done.returncode, json.loads(report.with_suffix(".json").read_text())["steps"]


def expect(what, holds):
    if not holds:
        sys.exit(f"gpu_check: {what}")


def main():
    subprocess.run([SOURCE / "tools/gpu-check.sh", FOLDER, "--build", BUILD, "--tiny"], check=True)
    report = BUILD / "test/gpu-report"
    for end in (".json", ".txt"):
        report.with_suffix(end).unlink(missing_ok=True)

    status, steps = check(report, "--only", "golden llama-gqa")
    expect("one step was asked for", status == 0 and list(steps) == ["golden llama-gqa"])
    status, steps = check(report, "--seconds", "0")
    expect("no step begins after 0 seconds", status == 0 and len(steps) == 1)

    status, steps = check(report)
    wrong = {name: step for name, step in steps.items() if step["status"] not in ("passed", "measured", "skipped")}
    expect(f"all steps pass, but {wrong}", status == 0 and not wrong)
    said = steps["golden llama-gqa"]
    expect("a step that passed is not run again", "greedy tokens equal" in said["said"])
    expect("decode is measured", steps["tiny bf16: decode 128"]["decode_rate"] > 0)
    expect("a batch is checked", steps["tiny bf16: batch of 4"]["status"] == "passed")
    text = report.with_suffix(".txt").read_text()
    expect("the report has a line for each run", all(run in text for run in ("decode 128", "4 sequences", "prefill 16")))

    plan = FOLDER / "plan.json"
    changed = json.loads(plan.read_text())
    changed["golden"][0]["limit"] = 0.0
    plan.write_text(json.dumps(changed))
    report.with_suffix(".json").unlink()
    status, steps = check(report, "--only", "golden*")
    failed = [step["said"] for step in steps.values() if step["status"] == "failed"]
    expect(f"a result beyond its limit fails: {steps}",
           status == 1 and len(failed) == 1 and "NMSE" in failed[0] and "phase by phase hidden." in failed[0])


if __name__ == "__main__":
    main()
