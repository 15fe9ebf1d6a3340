#!/usr/bin/env python3
"""Every golden model through Lathe, compiled and --reference, against what it should compute.

usage: conformance.py LATHE FOLDER [--junit OUT.xml] [--shard I/N] [--cases A,B,...] [--target NAME [--under PROGRAM]]
       conformance.py LATHE FOLDER --device NAME [--target NAME] [the same]

FOLDER holds one folder a case (config.json, model.safetensors, golden.safetensors), gguf/NAME/NAME-FORMAT.gguf with one
golden.safetensors beside, and index.json. Golden tensors: input_ids [B,T]; logits [B,T,V] and hidden.0 .. hidden.L
[B,T,D]; greedy [B,24], what follows the first 8 ids. For GGUF they are called logits.FORMAT and greedy.FORMAT.
Checked of each case:

  compiled    logits and hidden states within the limit; the same bits 1 token and 7 tokens a step; the greedy tokens
  --reference logits and hidden states within the limit
  params      `lathe inspect` counts as many parameters as index.json says

With --target each case is compiled for it as a program of its own instead (`lathe compile --executable`), run by PROGRAM
where this machine is another one:

  NAME        the greedy tokens

With --device each case is compiled for --target (sm_90a) and run on that device, as "compiled" above; what needs no
device is not tried.

--cases takes those alone. --shard takes every Nth case, from the Ith (1 to N) on: N processes side by side do them all.

Standard library only: it runs wherever tests run.
"""
import array
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

# NMSE of logits and hidden states, with an f32 cache. Matrices in integer formats are multiplied by activations of 16
# bits: each rounding costs some 5e-10 (a group's largest is 2.5 times its root mean square: (2.5 / 32512)^2 / 12), there
# are four in a layer, and a tiny random model doubles what comes in. Measured: 4e-9 to 1.5e-8.
LIMIT, LIMIT_16_BITS = 1e-8, 5e-8
FLOATS = ("F32", "F16", "BF16")
seconds = None  # that a command may take, for who sets it; then subprocess.TimeoutExpired comes through
# Models whose class in transformers lists what each layer gives, not what it reads: hidden.i is our hidden.i+1, up to
# hidden.L-1, the last layer's result before the norm, which Lathe does not give. hidden.L is the same.
LISTS_RESULTS = ("mamba", "mamba2", "falcon_mamba")


class Trouble(Exception):
    """What is wrong with a case."""


def tensors(path, wanted):
    """{name: (values, shape)} of a safetensors file's tensors of F32, F64 or I64 for which wanted(name)."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    found = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__" and wanted(name):
            begin, end = entry["data_offsets"]
            values = array.array({"F32": "f", "F64": "d", "I64": "q"}[entry["dtype"]])
            values.frombytes(data[8 + size + begin : 8 + size + end])
            found[name] = values, entry["shape"]
    return found


def nmse(got, want):
    """sum (got - want)^2 / sum want^2; infinite where a number is not finite, or there is none."""
    error, power = sum((a - b) ** 2 for a, b in zip(got, want, strict=True)), sum(b * b for b in want)
    return error / power if math.isfinite(error) and power > 0 else math.inf


def run(*command):
    """stdout, or the Trouble that stderr tells of."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        raise Trouble(reason)
    return done.stdout


def compare(path, want, limit):
    """Checks each wanted tensor; gives the worst NMSE, in words."""
    got = tensors(path, lambda name: True)
    worst, where = 0.0, ""
    for name, (values, shape) in want.items():
        if name not in got:
            raise Trouble(f"there is no {name}")
        if got[name][1] != shape:
            raise Trouble(f"{name} has shape {got[name][1]}; {shape} would be right")
        error = nmse(got[name][0], values)
        if not error <= limit:
            raise Trouble(f"{name}: NMSE {error:.3g} over {limit:g}")
        worst, where = max((worst, where), (error, name))
    return f"NMSE {worst:.1e} at most" + (f" ({where})" if worst else "")


class Case:
    """One golden: its input, the tensors that are wanted of it, and its greedy tokens."""

    def __init__(self, name, model, golden, form):
        self.name, self.model, self.golden = name, model, golden
        self.limit = LIMIT if form in FLOATS else LIMIT_16_BITS
        end = "" if model.is_dir() else f".{form}"
        found = {n.removesuffix(end): t for n, t in tensors(golden, lambda n: n == "input_ids" or n.endswith(end)).items()}
        self.ids, self.greedy = found.pop("input_ids"), found.pop("greedy", None)
        self.want = {n: t for n, t in found.items() if n.split(".")[0] in ("logits", "hidden")}
        config = model / "config.json"
        if config.exists() and json.loads(config.read_text()).get("model_type") in LISTS_RESULTS:
            last = sum(n.startswith("hidden.") for n in self.want) - 1
            states = [self.want.pop(f"hidden.{i}") for i in range(last)]
            self.want |= {f"hidden.{i + 1}": state for i, state in enumerate(states[:-1])}

    def compiled(self, lathe, folder, target=(), device=()):
        bundle = folder / "bundle"
        run(lathe, "compile", self.model, "-o", bundle, "--kv", "f32", *target)
        return self.runs(lathe, bundle, folder, ["--dump-layers"], device)

    def runs(self, lathe, bundle, folder, layers=(), device=()):
        """What is checked of a bundle, also on a machine that cannot compile (tools/gpu); `folder` is for results."""
        outputs = []
        for step in ([], ["--step", "1"], ["--step", "7"]):
            outputs.append(folder / f"logits{len(outputs)}.safetensors")
            run(lathe, "eval", bundle, "--ids", self.golden, "--logits", outputs[-1], *layers, *step, *device)
            if outputs[-1].read_bytes() != outputs[0].read_bytes():
                raise Trouble(f"{' '.join(step)} gives other bits than all tokens in one step")
        said = compare(outputs[0], self.want if layers else {"logits": self.want["logits"]}, self.limit)
        if self.greedy:
            self.check_greedy([lathe, "run", bundle, *device])
            said += ", greedy tokens equal"
        return said

    def executable(self, lathe, folder, target, under):
        if not self.greedy:
            return "no greedy tokens to compare"
        program = folder / "program"
        run(lathe, "compile", self.model, "-o", program, "--kv", "f32", "--target", target, "--executable")
        self.check_greedy([*under, program])
        return "greedy tokens equal"

    def check_greedy(self, program):
        (batch, count), length = self.greedy[1], self.ids[1][1]
        for i in range(batch):
            prompt = " ".join(map(str, self.ids[0][i * length : i * length + 8]))
            got = json.loads(run(*program, "--ids", prompt, "-n", count, "--json"))["ids"]
            want = list(self.greedy[0][i * count : (i + 1) * count])
            if got != want:
                at = next(at for at, (a, b) in enumerate(zip(got + [None], want)) if a != b)
                raise Trouble(f"greedy token {at} of sequence {i} is {(got + [None])[at]}; {want[at]} would be right")

    def reference(self, lathe, folder):
        out = folder / "reference.safetensors"
        run(lathe, "eval", self.model, "--reference", "--ids", self.golden, "--logits", out, "--dump-layers")
        return compare(out, self.want, LIMIT)

    def parameters(self, lathe, expected):
        got = json.loads(run(lathe, "inspect", self.model, "--json"))["parameters"]["total"]
        if got != expected:
            raise Trouble(f"{got} parameters; {expected} would be right")
        return f"{got}"


def found_cases(folder):
    for golden in sorted(folder.glob("*/golden.safetensors")):
        yield Case(golden.parent.name, golden.parent, golden, "F32")
    for model in sorted(folder.glob("gguf/*/*.gguf")):
        yield Case(f"gguf/{model.stem}", model, model.parent / "golden.safetensors", model.stem.split("-")[-1])


def main():
    lathe, folder = sys.argv[1], pathlib.Path(sys.argv[2])

    def option(name, default=""):
        return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default

    first, shards = map(int, option("--shard", "1/1").split("/"))
    target, under, device = option("--target"), option("--under").split(), option("--device")
    chosen = set(filter(None, option("--cases").split(",")))
    suite = ET.Element("testsuite", name="conformance")

    def check(title, body):
        element = ET.SubElement(suite, "testcase", name=title, classname="conformance")
        try:
            print(f"{title}: passed, {body()}")
        except Trouble as trouble:
            print(f"{title}: failed: {trouble}")
            ET.SubElement(element, "failure", message=str(trouble))

    if not folder.is_dir():
        print(f"conformance: {folder} is not here, so its models were not tried")
        element = ET.SubElement(suite, "testcase", name="conformance", classname="conformance")
        ET.SubElement(element, "skipped", message=f"{folder} is not here")
    else:
        index = folder / "index.json"
        counts = {c["name"]: c["params"] for c in json.loads(index.read_text())["cases"]} if index.exists() else {}
        cases = [case for case in found_cases(folder) if not chosen or case.name in chosen]
        if missing := chosen - {case.name for case in cases}:
            sys.exit(f"conformance: {folder} has no {', '.join(sorted(missing))}")
        for case in cases[first - 1 :: shards]:
            with tempfile.TemporaryDirectory() as scratch:
                if device:
                    compile_for = ["--target", target or "sm_90a", "--no-verify"]
                    check(f"{case.name} {device}",
                          lambda: case.compiled(lathe, pathlib.Path(scratch), compile_for, ["--device", device]))
                    continue
                if target:
                    check(f"{case.name} {target}",
                          lambda: case.executable(lathe, pathlib.Path(scratch), target, under))
                    continue
                check(case.name, lambda: case.compiled(lathe, pathlib.Path(scratch)))
                check(f"{case.name} --reference", lambda: case.reference(lathe, pathlib.Path(scratch)))
                if case.name in counts:
                    check(f"{case.name} parameters", lambda: case.parameters(lathe, counts[case.name]))
    if option("--junit"):
        ET.ElementTree(suite).write(option("--junit"))
    return 1 if suite.find(".//failure") is not None else 0


if __name__ == "__main__":
    sys.exit(main())
