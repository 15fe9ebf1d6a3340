#!/usr/bin/env python3
"""Lathe beside its peers on this machine: one run, every engine in turn, one JSON file, README's table from it.

usage: check_perf.py [--lathe build/bin/lathe] [--rounds 3] [--repeats 3] [--threads 2] [--only REGEX] [--realtime]
                     [--out perf.json]
       check_perf.py --table perf.json

peers.sh sets up the peers; which of them are not there is said. An engine's turn is a fresh process that measures
`repeats` times; a rate is the median of all turns (least – greatest), a ratio that of Lathe to the peer in the same
round, the median of the rounds. --realtime (root) lets nothing else have the processors meanwhile: a machine that others
use becomes nearly quiet, and they stand still.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PEERS = pathlib.Path(os.environ.get("LATHE_PEERS", pathlib.Path.home() / ".cache/lathe-peers"))
LIMIT_SECONDS = 300  # of one process


@dataclasses.dataclass
class Row:
    """One measurement: a prompt of `prompt` tokens, and `new` steps of `batch` sequences; both behind `depth` tokens."""

    name: str
    model: str  # PEERS/gguf/MODEL.gguf
    prompt: int
    new: int
    depth: int = 0
    batch: int = 1
    converted: str = ""  # PEERS/openvino/… and PEERS/ort/…: weights of as many bits


ROWS = [
    Row("135M Q4_1", "SmolLM2-135M-Instruct.Q4_1", 512, 64),
    Row("135M Q4_0 (int4)", "smol_Q4_0", 512, 64, converted="smol_int4"),
    Row("135M Q8_0 (int8)", "smol_Q8_0", 512, 64, converted="smol_int8"),
    Row("135M F16", "smol_F16", 512, 64),
    Row("1B Q4_0 (int4)", "r1b_Q4_0", 256, 24, converted="r1b_int4"),
    Row("1B Q8_0 (int8)", "r1b_Q8_0", 256, 24, converted="r1b_int8"),
    Row("135M Q4_1, a long prompt", "SmolLM2-135M-Instruct.Q4_1", 4096, 8),
    Row("135M Q4_1, both behind 4096", "SmolLM2-135M-Instruct.Q4_1", 512, 32, depth=4096),
    Row("135M Q4_1, 8 sequences a step", "SmolLM2-135M-Instruct.Q4_1", 64, 32, batch=8),
    Row("1B Q4_0, 8 sequences a step", "r1b_Q4_0", 64, 16, batch=8),
    Row("1B Q4_0, 32 sequences a step", "r1b_Q4_0", 64, 8, batch=32),
]
LATHES = {"Lathe": [], "Lathe q8": ["--activations", "q8"]}


class Bundles:
    """Models as this commit compiles them, once a run."""

    def __init__(self, lathe, folder):
        self.lathe, self.folder, self.made = lathe, pathlib.Path(folder), {}

    def of(self, row, flags):
        context = max(1024, row.depth + row.prompt + row.new + 64)
        key = row.model, tuple(flags), max(row.batch, 8), context
        if key not in self.made:
            path = self.folder / str(len(self.made))
            command = [self.lathe, "compile", PEERS / f"gguf/{row.model}.gguf", "-o", path, "--max-context", str(context),
                       "--sequences", str(key[2]), "--no-verify", *flags]
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            self.made[key] = path
        return self.made[key]


def engines(row, bundles, arguments):
    """{name: command} of what is there; and the names of what is not."""
    threads, repeats = str(arguments.threads), str(arguments.repeats)
    sizes = [str(row.prompt), str(row.new)]
    found, absent = {}, []
    for name, flags in LATHES.items():
        if flags and "F16" in row.name:
            continue  # no matrix of integers
        found[name] = [bundles.lathe, "bench", bundles.of(row, flags), "-p", sizes[0], "-n", sizes[1], "--depth",
                       str(row.depth), "--batch", str(row.batch), "--threads", threads, "--repeats", repeats, "--json"]

    def peer(name, environment, folder, command):
        python = PEERS / f"venvs/{environment}/bin/python"
        if python.exists() and folder.exists():
            found[name] = [python, *command]
        else:
            absent.append(name)

    gguf = PEERS / f"gguf/{row.model}.gguf"
    peer("llama.cpp", "llama", gguf,
         [HERE / "llamacpp_rates.py", gguf, *sizes, str(row.depth), str(row.batch), threads, repeats])
    if row.converted:
        for name, environment, script in (("OpenVINO", "openvino", "openvino_rates.py"), ("ORT", "ort", "ort_rates.py")):
            folder = PEERS / environment / row.converted
            peer(name, environment, folder, [HERE / script, folder, *sizes, threads, repeats])
    return found, absent


def rates(command, realtime):
    """{"prefill": [...], "decode": [...]}, or a text that says what went wrong."""
    prefix = ["chrt", "-f", "50"] if realtime else []
    try:
        done = subprocess.run(list(map(str, prefix + command)), capture_output=True, text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {LIMIT_SECONDS} s"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return f"exit {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}"
    answer = json.loads(lines[-1])
    return {phase: answer[phase]["tokens_per_s"] if isinstance(answer[phase], dict) else answer[phase]
            for phase in ("prefill", "decode")}


def text(values, digits=None):
    middle = statistics.median(values)
    digits = (1 if middle < 100 else 0) if digits is None else digits
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(run):
    """Markdown: a line for each engine of each row."""
    machine = run["machine"]
    out = [f"{machine['cpu']}, {run['threads']} threads, commit {run['commit']}, {run['date']}; {run['rounds']} rounds of "
           f"{run['repeats']}; read {machine['read_bytes_per_s'] / 1e9:.0f} GB/s, "
           f"dot4 {machine['dot4_operations_per_s'] / 1e9:.0f} GOP/s", "",
           "| model; prompt · new | engine | prefill, tokens/s | decode, tokens/s | Lathe ÷ it, prefill | decode |",
           "|---|---|---|---|---|---|"]
    for row in run["rows"]:
        label = f"{row['name']}; {row['prompt']} · {row['new']}"
        for engine, turns in row["turns"].items():
            good = [turn for turn in turns if isinstance(turn, dict)]
            if not good:
                out.append(f"| {label} | {engine} | {turns[0] if turns else 'not run'} | | | |")
                continue
            cells = [text([x for turn in good for x in turn[phase]]) for phase in ("prefill", "decode")]
            for phase in ("prefill", "decode"):
                pairs = [(mine, its) for mine, its in zip(row["turns"]["Lathe"], turns)
                         if isinstance(mine, dict) and isinstance(its, dict)]
                ratios = [statistics.median(m[phase]) / statistics.median(i[phase]) for m, i in pairs]
                cells.append("" if engine.startswith("Lathe") or not ratios else text(ratios, 2))
            out.append(f"| {label} | {engine} | " + " | ".join(cells) + " |")
            label = ""
        for engine in row["absent"]:
            out.append(f"| {label} | {engine} | not installed | | | |")
    return "\n".join(out)


def measure(arguments):
    lathe = pathlib.Path(arguments.lathe).resolve()
    machine = json.loads(subprocess.run([lathe, "bench", "--machine", "--threads", str(arguments.threads), "--json"],
                                        capture_output=True, text=True, check=True).stdout)
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    run = {"machine": machine.get("machine", machine), "threads": arguments.threads, "commit": commit,
           "date": time.strftime("%Y-%m-%d"), "rounds": arguments.rounds, "repeats": arguments.repeats,
           "realtime": arguments.realtime, "rows": []}
    with tempfile.TemporaryDirectory() as scratch:
        bundles = Bundles(lathe, scratch)
        for row in ROWS:
            if not re.search(arguments.only, row.name):
                continue
            found, absent = engines(row, bundles, arguments)
            turns = {name: [] for name in found}
            for number in range(arguments.rounds):
                for name, command in found.items():
                    turns[name].append(rates(command, arguments.realtime))
                    said = turns[name][-1]
                    print(f"{row.name}, round {number + 1}, {name}: "
                          + (said if isinstance(said, str) else
                             " · ".join(f"{phase} {statistics.median(said[phase]):.1f}" for phase in said)),
                          file=sys.stderr, flush=True)
            run["rows"].append({**dataclasses.asdict(row), "turns": turns, "absent": absent})
            pathlib.Path(arguments.out).write_text(json.dumps(run, indent=1))
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", default=HERE.parents[1] / "build/bin/lathe")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--out", default="perf.json")
    parser.add_argument("--table", metavar="FILE")
    arguments = parser.parse_args()
    run = json.loads(pathlib.Path(arguments.table).read_text()) if arguments.table else measure(arguments)
    print(table(run))


if __name__ == "__main__":
    main()
