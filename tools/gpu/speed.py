"""The steps of check.py that measure, and those that need tools of the machine: compute-sanitizer, PyTorch."""
import glob
import json
import shutil
import subprocess
import sys
import time

import conformance
from report import median

LIMITS_SECONDS, WEIGHTS_SECONDS, RUN_SECONDS, SANITIZER_SECONDS, PEER_SECONDS = 30, 60, 60, 60, 150
SHOWN = 14  # phases of a step in the report


def limits(checks):
    """What the card can do at most, in `lathe bench --machine`'s words."""
    def measure():
        machine = json.loads(checks.run(checks.lathe, "bench", "--machine", "--json", "--device", "cuda",
                                        seconds=LIMITS_SECONDS))["machine"]
        words = {roof["name"]: f"{roof['limit_per_s'] / 1e12:.3f} T a second ({roof['form']})" for roof in machine["roofs"]}
        said = ", ".join(f"{name} {text.split(' (')[0]}" for name, text in words.items())
        return "measured", said, {"limits": {"read_bytes_per_s": machine["read_bytes_per_s"], "words": words}}

    checks.step("limits", measure)


def shapes(checks, group):
    for shape in checks.plan["shapes"]:
        names = [f"{shape['name']}: {run['name']}" for run in shape["runs"]]
        if shape["group"] != group or time.monotonic() > checks.end or not any(map(checks.wanted, names)):
            continue
        bundle = checks.unpack(group) / shape["bundle"]
        try:
            made = checks.run(checks.bin / "lathe-random-weights", bundle, seconds=WEIGHTS_SECONDS)
            print(f"         {made.strip()}", flush=True)
        except (conformance.Trouble, subprocess.TimeoutExpired) as trouble:
            checks.report.put(names[0], "cut off", f"weights: {trouble}")
            (bundle / "weights.bin").unlink(missing_ok=True)
            continue
        for run, name in zip(shape["runs"], names):
            checks.step(name, lambda run=run: bench(checks, bundle, run))
        most = max(run["batch"] for run in shape["runs"])
        if most > 1:
            checks.step(f"{shape['name']}: batch of {most}", lambda: checks.run(
                checks.bin / "lathe-batch-check", bundle, "--device", "cuda", "--sequences", most, "--tokens", "3",
                seconds=RUN_SECONDS).strip().splitlines()[-1])
        checks.step(f"{shape['name']}: start", lambda: start(checks, bundle))
        (bundle / "weights.bin").unlink()


def bench(checks, bundle, run):
    found = json.loads(checks.run(checks.lathe, "bench", bundle, "--device", "cuda", "-p", run["p"], "-n", run["n"], "--depth",
                                  run["depth"], "--batch", run["batch"], "--json", seconds=RUN_SECONDS))
    kind = "prefill" if run["p"] > 1 else "decode"
    phases = [p for p in found["phases"] if p["step"] == kind]
    decode, prefill = median(found["decode"]["tokens_per_s"]), median(found["prefill"]["tokens_per_s"])
    lost = [p for p in sorted(phases, key=lambda p: p.get("limit_seconds", 0) - p["seconds"])][:SHOWN]
    more = {"decode_rate": decode, "prefill_rate": prefill, "bytes": found["step_bytes"], "seconds_a_step": run["batch"] / decode,
            "prefill_operations": sum(p["operations"] for p in phases) if kind == "prefill" else 0,
            "phase_seconds": sum(p["seconds"] for p in phases), "phases": lost, "rates": found[kind]["tokens_per_s"],
            "schedules": ", ".join(sorted({p["schedule"].split()[0] for p in phases})) + " schedules"}
    return "measured", f"{decode if kind == 'decode' else prefill:.1f} tokens/s", more


def start(checks, bundle):
    """From an open model to the first token, by `lathe run`."""
    found = json.loads(checks.run(checks.lathe, "run", bundle, "--device", "cuda", "--ids", "1 2 3 4", "-n", "4", "--json",
                                  seconds=RUN_SECONDS))
    seconds = found["first_token_s"]
    return "measured", f"first token after {1e3 * seconds:.1f} ms", {"first_token_seconds": seconds}


def sanitizer(checks):
    """Wrong accesses and races, as compute-sanitizer sees them; both halves of a golden's steps."""
    found = shutil.which("compute-sanitizer") or next(iter(sorted(glob.glob("/usr/local/cuda*/bin/compute-sanitizer"))), None)
    entries = {e["name"]: e for e in checks.plan["golden"]}
    for name in checks.plan["sanitized"]:
        for tool in ("memcheck", "racecheck"):
            def look(entry=entries[name], tool=tool):
                if not found:
                    return "skipped", "there is no compute-sanitizer", {}
                bundle = checks.unpack(checks.group_of(entry)) / entry["bundle"]
                done = subprocess.run([found, "--tool", tool, "--error-exitcode", "9", str(checks.lathe), "eval", str(bundle),
                                       "--ids", str(bundle / "golden.safetensors"), "--step", "7", "--device", "cuda"],
                                      capture_output=True, text=True, timeout=checks.patience * SANITIZER_SECONDS)
                said = [line for line in done.stdout.splitlines() if line.startswith("=========")]
                if done.returncode:
                    raise conformance.Trouble(" | ".join(line.strip("= ") for line in said[:12]) or done.stderr.strip()[-300:])
                return said[-1].strip("= ") if said else "nothing said"

            checks.step(f"{tool} {name}", look)


def peer(checks):
    """PyTorch, where there is one; its rows count even where it is ended half-way."""
    arguments = ["--tiny"] if checks.plan["tiny"] else []

    def beside():
        rows = checks.folder / "peer.jsonl"
        try:
            done = subprocess.run([sys.executable, str(checks.lathe.parents[1] / "peer_torch.py"), str(rows), *arguments],
                                  capture_output=True, text=True, timeout=checks.patience * PEER_SECONDS)
            why = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            ended = done.returncode
        except subprocess.TimeoutExpired:
            ended, why = 0, []
        found = [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []
        if ended == 3:
            return "skipped", why[0], {}
        if ended or not found:
            return "failed", why[0] if why else "took too long", {"rows": found}
        return "measured", f"{len(found)} rows", {"rows": found}

    checks.step("peer", beside)
