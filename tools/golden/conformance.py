#!/usr/bin/env python3
"""Every golden model through `lathe eval`, compiled and --reference, against its golden logits.

usage: conformance.py LATHE FOLDER [--junit OUT.xml]

FOLDER holds one folder a case (config.json, model.safetensors, golden.safetensors with input_ids and logits) and
gguf/NAME/NAME-FORMAT.gguf with one golden.safetensors beside (logits.FORMAT). A case that Lathe says it cannot read yet is skipped, and said so.
Standard library only: it runs wherever the tests run.
"""
import array
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

# NMSE on logits: f32 throughout, or with an f16 cache and, for quantised matrices, 16-bit activations.
LIMIT = {"f32": 1e-8}
SHORTER_LIMIT = 1e-5
# What Lathe says, in one line and with exit code 1, of an input that it cannot read yet.
NOT_YET = ("is unknown", "supported", "is not a Hugging Face checkpoint")


def tensor(path, name):
    """Values of one tensor of a safetensors file: F32, F64 or I64."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    entry = json.loads(data[8 : 8 + size])[name]
    begin, end = entry["data_offsets"]
    values = array.array({"F32": "f", "F64": "d", "I64": "q"}[entry["dtype"]])
    values.frombytes(data[8 + size + begin : 8 + size + end])
    return values, entry["shape"]


def nmse(got, want):
    """sum (got - want)^2 / sum want^2."""
    return sum((a - b) ** 2 for a, b in zip(got, want)) / sum(b * b for b in want)


def found_cases(folder):
    """(name, input, golden, tensor of the logits, limit) of every case under `folder`."""
    for golden in sorted(folder.glob("*/golden.safetensors")):
        yield golden.parent.name, golden.parent, golden, "logits", LIMIT["f32"]
    for model in sorted(folder.glob("gguf/*/*.gguf")):
        form = model.stem.split("-")[-1]
        golden = model.parent / "golden.safetensors"
        yield f"gguf/{model.stem}", model, golden, f"logits.{form}", LIMIT.get(form.lower(), SHORTER_LIMIT)


def check(lathe, model, golden, logits, limit, mode):
    """None when the logits agree, else (outcome, reason)."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "logits.safetensors"
        run = subprocess.run([lathe, "eval", model, "--ids", golden, "--logits", out, *mode], capture_output=True, text=True)
        if run.returncode:
            reason = run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit {run.returncode}"
            not_yet = run.returncode == 1 and any(words in reason for words in NOT_YET)
            return ("skipped" if not_yet else "failed"), reason
        got, shape = tensor(out, "logits")
        want, expected = tensor(golden, logits)
        if shape != expected:
            return "failed", f"logits have shape {shape}; {expected} would be right"
        error = nmse(got, want)
        return None if error <= limit else ("failed", f"NMSE {error:.3g} over {limit:g}")


def main():
    lathe, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    suite = ET.Element("testsuite", name="conformance")
    if not folder.is_dir():
        print(f"conformance: {folder} is not here, so its models were not tried")
        case = ET.SubElement(suite, "testcase", name="conformance", classname="conformance")
        ET.SubElement(case, "skipped", message=f"{folder} is not here")
    else:
        for name, *case_facts in found_cases(folder):
            for mode in ([], ["--reference"]):
                title = " ".join([name, *mode])
                case = ET.SubElement(suite, "testcase", name=title, classname="conformance")
                trouble = check(lathe, *case_facts, mode)
                print(f"{title}: " + ("passed" if trouble is None else ": ".join(trouble)))
                if trouble:
                    ET.SubElement(case, "skipped" if trouble[0] == "skipped" else "failure", message=trouble[1])
    if "--junit" in sys.argv:
        ET.ElementTree(suite).write(sys.argv[sys.argv.index("--junit") + 1])
    return 1 if suite.find(".//failure") is not None else 0


if __name__ == "__main__":
    sys.exit(main())
