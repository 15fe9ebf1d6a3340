"""The checks of this folder on this machine: ./check.sh [REPORT] [--seconds N] [--only PATTERN] [--jobs N] [--patience N]

In this order, each step with a time of its own, after which it is ended and reported as cut off:

  machine     what it is
  golden      models whose results are known: NMSE of the logits, the same bits 1 and 7 tokens a step, the greedy tokens
  forms       formats of weights, activations and caches: the same, within what the CPU backend was off where this was packed
  batch       a sequence among others has the same bits as alone
  limits      how fast this card reads and multiplies
  speed       `lathe bench` with random weights, made in /dev/shm; then compute-sanitizer, PyTorch beside it, more shapes

REPORT (default: report) names two files, REPORT.txt and REPORT.json. Steps that REPORT.json has are not done again. --only
takes steps whose names match, --seconds begins none after so long, --patience gives each N times its time. Exit 1 where
something failed. Needs python3, a CUDA driver (or LATHE_CUDA_DRIVER), nothing else.
"""
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import conformance
import speed
from report import Report

HERE = pathlib.Path(__file__).resolve().parent
DEVICE = ("--device", "cuda")
CASE_SECONDS = 30  # of one process


class Checks:
    def __init__(self, report, options):
        self.report, self.options, self.plan = report, options, report.plan
        self.end = time.monotonic() + options["--seconds"]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lathe-gpu-", dir=options["--scratch"]))
        self.bin, self.patience = HERE / "bin", options["--patience"]
        self.lathe, self.unpacking = self.bin / "lathe", threading.Lock()

    def wanted(self, name):
        return not self.report.has(name) and fnmatch.fnmatch(name, self.options["--only"])

    def unpack(self, group):
        """Its bundles' folder."""
        folder = self.folder / group
        with self.unpacking:
            if folder.exists():
                return folder
            with tarfile.open(HERE / f"{group}.tar.xz") as archive:
                archive.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
        return folder

    def run(self, *command, seconds=CASE_SECONDS, environment=None):
        """stdout; Trouble where it fails, subprocess.TimeoutExpired where it takes too long."""
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=self.patience * seconds,
                              env={**os.environ, **(environment or {})})
        if done.returncode:
            lines = (done.stderr + done.stdout).strip().splitlines()
            raise conformance.Trouble(lines[-1] if lines else f"exit {done.returncode}")
        return done.stdout

    def step(self, name, body):
        """body() gives (status, what it says, more) or what it says."""
        if not self.wanted(name):
            return
        start = time.monotonic()
        if start > self.end:
            return  # of a run that begins with this report
        try:
            found = body()
            status, said, more = found if isinstance(found, tuple) else ("passed", found, {})
        except conformance.Trouble as trouble:
            status, said, more = "failed", str(trouble), {}
        except subprocess.TimeoutExpired as late:
            status, said, more = "cut off", f"{pathlib.Path(late.cmd[0]).name} took more than {late.timeout:.0f} s", {}
        except (OSError, ValueError, KeyError) as wrong:
            status, said, more = "failed", f"{type(wrong).__name__}: {wrong}", {}
        self.report.put(name, status, said, time.monotonic() - start, **more)

    # The steps.

    def machine(self):
        lines = [f"{platform.node()}: {platform.platform()}, {os.cpu_count()} processors, python {platform.python_version()}"]
        for command in (("nvidia-smi", "--query-gpu=name,memory.total,driver_version,clocks.max.sm,clocks.max.memory,power.limit",
                         "--format=csv,noheader"), ("compute-sanitizer", "--version")):
            if shutil.which(command[0]):
                done = subprocess.run(command, capture_output=True, text=True, timeout=20)
                lines += (done.stdout or done.stderr).strip().splitlines()[-1:]
            else:
                lines.append(f"no {command[0]}")
        if os.environ.get("LATHE_CUDA_DRIVER"):
            lines.append(f"driver: {os.environ['LATHE_CUDA_DRIVER']}")
        return "measured", lines[1], {"lines": lines}

    def compared(self, group, entry, diagnose=True):
        bundle = self.unpack(group) / entry["bundle"]
        case = conformance.Case(entry["name"], bundle, bundle / "golden.safetensors", "F32")
        case.limit = entry["limit"]
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            try:
                return case.runs(self.lathe, bundle, pathlib.Path(scratch), device=DEVICE)
            except conformance.Trouble as trouble:
                raise conformance.Trouble(f"{trouble}{self.where(case, bundle, pathlib.Path(scratch))}")

    def where(self, case, bundle, scratch):
        """The first hidden state that is wrong, or the phase that fails when each is waited for."""
        out = scratch / "layers.safetensors"
        try:
            conformance.run(self.lathe, "eval", bundle, "--ids", case.golden, "--logits", out, "--dump-layers", *DEVICE)
            got = conformance.tensors(out, lambda n: n in case.want)
        except conformance.Trouble as trouble:
            return f"; phase by phase: {trouble}"
        for name in sorted(case.want, key=lambda n: (n == "logits", len(n), n)):  # as they are computed
            if name in got and not conformance.nmse(got[name][0], case.want[name][0]) <= case.limit:
                return f"; phase by phase {name} is wrong first, NMSE {conformance.nmse(got[name][0], case.want[name][0]):.1e}"
        return "; phase by phase all is right"

    def all_of(self, group, entries, title):
        """The cases of a group, several at a time."""
        todo = [e for e in entries if self.wanted(f"{title} {e['name']}")]
        if not todo:
            return
        self.unpack(group)
        with concurrent.futures.ThreadPoolExecutor(self.options["--jobs"]) as pool:
            list(pool.map(lambda e: self.step(f"{title} {e['name']}", lambda: self.compared(group, e)), todo))

    def group_of(self, entry):
        return "first" if entry["name"] in self.plan["first"] else "golden"

    def batches(self):
        def check(entry):
            bundle = self.unpack(self.group_of(entry)) / entry["bundle"]
            said = self.run(self.bin / "lathe-batch-check", bundle, *DEVICE, "--sequences", "8")
            return said.strip().splitlines()[-1]

        entries = {e["name"]: e for e in self.plan["golden"]}
        with concurrent.futures.ThreadPoolExecutor(self.options["--jobs"]) as pool:
            list(pool.map(lambda n: self.step(f"batch {n}", lambda: check(entries[n])), self.plan["batched"]))

    def everything(self):
        golden = self.plan["golden"]
        self.step("machine", self.machine)
        self.all_of("first", [e for e in golden if e["name"] in self.plan["first"]], "golden")
        self.all_of("forms", self.plan["forms"], "form")
        self.batches()
        self.all_of("golden", [e for e in golden if e["name"] not in self.plan["first"]] + self.plan["fallback"], "golden")
        speed.limits(self)
        speed.shapes(self, "speed")
        speed.sanitizer(self)
        speed.peer(self)
        speed.shapes(self, "more")


def main():
    words, options = sys.argv[1:], {"--seconds": 1e9, "--only": "*", "--jobs": min(8, os.cpu_count() or 1), "--scratch": "",
                                    "--patience": 1.0}
    for name, usual in list(options.items()):
        if name in words:
            at = words.index(name)
            options[name] = type(usual)([words.pop(at), words.pop(at)][1])
    if len(words) > 1 or any(word.startswith("-") for word in words):
        print(__doc__)
        return 2
    if not options["--scratch"]:
        options["--scratch"] = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    conformance.seconds = options["--patience"] * CASE_SECONDS
    report = Report(pathlib.Path(words[0] if words else "report").absolute(), json.loads((HERE / "plan.json").read_text()))
    checks = Checks(report, options)
    try:
        checks.everything()
    finally:
        shutil.rmtree(checks.folder, ignore_errors=True)
        report.write()
    failed = report.failures()
    print(f"{report.text}: {len(report.steps)} steps, {len(failed)} failed or cut off")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
