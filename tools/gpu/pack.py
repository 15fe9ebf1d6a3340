"""pack.py OUT_FOLDER: what tools/gpu-check.sh makes. Standard library only.

OUT_FOLDER gets check.sh and its Python files, bin/, plan.json, and one archive for each group of bundles (*.tar.xz, whose
bundles have much in common). The bundles themselves stay in OUT_FOLDER.bundles, so that a second time is quick.
"""
import array
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile

import plan

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/golden"))
import conformance  # noqa: E402

TARGET, MOST_BYTES = "sm_90a", 60 << 20
GOLDEN = ROOT / "test/data/golden"
# A form's error against the reference may be so many times that of the CPU backend, and this much more.
TIMES, BESIDES = 2.0, 1e-8


def write_tensors(path, tensors):
    """{name: (array of "f", "d" or "q", shape)} as a safetensors file."""
    header, data = {}, b""
    for name, (values, shape) in tensors.items():
        piece = values.tobytes()
        header[name] = {"dtype": {"f": "F32", "d": "F64", "q": "I64"}[values.typecode], "shape": shape,
                        "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


class Packer:
    def __init__(self, out, build):
        self.out, self.bundles = out, out.with_name(out.name + ".bundles")
        self.lathe, self.tools = build / "bin/lathe", build / "bin"
        self.made_at = (build / "bin/lathe-compiler").stat().st_mtime

    def compile(self, bundle, *arguments):
        """A bundle, unless there is one that is younger than the compiler."""
        program = bundle / "model.so"
        if not program.exists() or program.stat().st_mtime < self.made_at:
            shutil.rmtree(bundle, ignore_errors=True)
            bundle.parent.mkdir(parents=True, exist_ok=True)
            conformance.run(self.lathe, "compile", *arguments, "-o", bundle, "--no-verify", "--jobs", "2")
        return bundle

    def golden(self, case, target=TARGET):
        bundle = self.bundles / ("golden" if target == TARGET else target) / case.name
        self.compile(bundle, case.model, "--target", target, "--kv", "f32")
        write_tensors(bundle / "golden.safetensors", {"input_ids": case.ids, **case.want,
                                                      **({"greedy": case.greedy} if case.greedy else {})})
        name = case.name + ("" if target == TARGET else f" for {target}")
        return {"name": name, "bundle": self.inside(bundle), "limit": case.limit}

    def form(self, source, quantize, activations, cache):
        """A form that no golden file has. What it should give: logits of the reference, greedy tokens of the CPU backend."""
        name = " ".join(filter(None, (source, quantize, activations and f"{activations} activations", f"{cache} cache")))
        bundle = self.bundles / "forms" / name.replace(" ", "-")
        model = [GOLDEN / source] if (GOLDEN / source).is_dir() else [ROOT / f"tools/gpu/shapes/{source}.textproto", "--random-weights"]
        flags = [*model, "--quantize", quantize, "--kv", cache, *(["--activations", activations] if activations else [])]
        self.compile(bundle, *flags, "--target", TARGET)
        golden, about = bundle / "golden.safetensors", bundle / "about.json"
        if not about.exists() or about.stat().st_mtime < self.made_at:
            about.write_text(json.dumps({"limit": self.expected(bundle, golden, source, flags)}))
        return {"name": name, "bundle": self.inside(bundle), **json.loads(about.read_text())}

    def expected(self, bundle, golden, source, flags):
        """Writes golden.safetensors; gives the limit of the error."""
        cpu, ids, logits = (bundle.with_name(bundle.name + end) for end in (".cpu", ".ids.safetensors", ".logits.safetensors"))
        known = GOLDEN / source / "golden.safetensors"
        given = (conformance.tensors(known, lambda n: n == "input_ids")["input_ids"] if known.exists()
                 else (array.array("q", [(i * 37 + 11) % 500 for i in range(80)]), [2, 40]))
        write_tensors(ids, {"input_ids": given})
        self.compile(cpu, *flags, "--target", "x86-64-v3")
        conformance.run(self.lathe, "eval", cpu, "--ids", ids, "--logits", logits)
        got = conformance.tensors(logits, lambda n: n == "logits")["logits"]
        conformance.run(self.lathe, "eval", *flags, "--reference", "--ids", ids, "--logits", logits)
        want = conformance.tensors(logits, lambda n: n == "logits")["logits"]
        length, greedy = given[1][1], array.array("q")
        for i in range(given[1][0]):
            prompt = " ".join(map(str, given[0][i * length : i * length + 8]))
            greedy.extend(json.loads(conformance.run(self.lathe, "run", cpu, "--ids", prompt, "-n", "16", "--json"))["ids"])
        write_tensors(golden, {"input_ids": given, "logits": want, "greedy": (greedy, [given[1][0], 16]), "cpu": got})
        shutil.rmtree(cpu)
        ids.unlink()
        logits.unlink()
        return TIMES * conformance.nmse(got[0], want[0]) + BESIDES

    def shape(self, shape):
        bundle = self.bundles / shape["group"] / shape["name"].replace(",", "").replace("/", "-").replace(" ", "-")
        self.compile(bundle, ROOT / shape["spec"], "--random-weights", "--quantize", shape["form"], "--target", TARGET,
                     "--sequences", shape["sequences"], "--max-context", shape["context"], "--program-only", *shape["flags"])
        return {**shape, "bundle": self.inside(bundle)}

    def inside(self, bundle):
        return str(bundle.relative_to(self.bundles))

    def archive(self, name, entries):
        """One archive of the entries' bundles."""
        with tarfile.open(self.out / f"{name}.tar.xz", "w:xz", preset=6) as archive:
            for entry in entries:
                for file in sorted((self.bundles / entry["bundle"]).iterdir()):
                    if file.name in ("model.so", "weights.bin", "golden.safetensors"):
                        archive.add(file, arcname=f"{entry['bundle']}/{file.name}")


def main():
    words = sys.argv[1:]

    def option(name, default):
        if name not in words:
            return default
        at = words.index(name)
        return [words.pop(at), words.pop(at)][1]

    build, only = pathlib.Path(option("--build", ROOT / "build")).resolve(), option("--only", "*")
    tiny, speed = "--tiny" in words, "--no-speed" not in words
    words = [word for word in words if word not in ("--tiny", "--no-speed")]
    if len(words) != 1 or words[0].startswith("-"):
        sys.exit("usage: tools/gpu-check.sh OUT_FOLDER [--build build] [--tiny] [--only PATTERN] [--no-speed]")
    out = pathlib.Path(words[0]).resolve()
    shutil.rmtree(out, ignore_errors=True)
    (out / "bin").mkdir(parents=True)
    packer = Packer(out, build)
    for program in ("lathe", "lathe-random-weights", "lathe-batch-check"):
        shutil.copy(packer.tools / program, out / "bin")
        subprocess.run(["strip", out / "bin" / program], check=True)
    for file in ("check.sh", "check.py", "report.py", "speed.py", "peer_torch.py"):
        shutil.copy(ROOT / "tools/gpu" / file, out)
    shutil.copy(ROOT / "tools/golden/conformance.py", out)

    cases = {case.name: case for case in conformance.found_cases(GOLDEN)}
    # The same models once more in another file's format are no other programs.
    names = [*plan.FIRST, *(n for n in cases if n not in plan.FIRST and not (n.startswith("gguf/") and n.endswith("-F32")))]
    names = [n for n in (("llama-gqa", "mamba") if tiny else names) if fnmatch.fnmatch(n, only)]
    forms = [f for f in (plan.TINY_FORMS if tiny else plan.FORMS) if fnmatch.fnmatch(" ".join(f), only)]
    shapes = [s for s in (plan.TINY_SHAPES if tiny else plan.SHAPES) if speed and fnmatch.fnmatch(s["name"], only)]
    fallback = [f for f in plan.FALLBACK if not tiny and fnmatch.fnmatch(f[0], only)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        work = {"golden": [pool.submit(packer.golden, cases[n]) for n in names],
                "fallback": [pool.submit(packer.golden, cases[n], target) for n, target in fallback],
                "forms": [pool.submit(packer.form, *f) for f in forms],
                "shapes": [pool.submit(packer.shape, s) for s in shapes]}
        packed, failed = {}, []
        for group, jobs in work.items():
            packed[group] = []
            for job in jobs:
                try:
                    packed[group].append(job.result())
                except conformance.Trouble as trouble:
                    failed.append(str(trouble))
                print(f"\r{group}: {len(packed[group])} of {len(jobs)}   ", end="" if sys.stdout.isatty() else "\n")
    first = [e for e in packed["golden"] if e["name"] in plan.FIRST]
    packer.archive("first", first)
    packer.archive("golden", [e for e in packed["golden"] if e not in first] + packed["fallback"])
    packer.archive("forms", packed["forms"])
    for group in ("speed", "more"):
        packer.archive(group, [s for s in packed["shapes"] if s["group"] == group])
    known = [e["name"] for e in packed["golden"]]
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout
    version = f"lathe {conformance.run(packer.lathe, '--version').split()[0]}, {commit.strip() or 'no commit'}"
    stamp = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(out.rglob("*")) if f.is_file())).hexdigest()[:16]
    (out / "plan.json").write_text(json.dumps({
        "lathe": version, "stamp": stamp, "target": TARGET, "tiny": tiny, "unpacked": [str(e) for e in failed], "first": [e["name"] for e in first],
        **packed, "batched": [n for n in plan.BATCHED if n in known], "sanitized": [n for n in plan.SANITIZED if n in known]},
        indent=1))
    size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"{out}: {size / 1e6:.1f} MB, {len(known) + len(packed['forms'])} models and forms, {len(packed['shapes'])} shapes")
    for why in failed:
        print(f"gpu-check: not packed: {why}", file=sys.stderr)
    if size > MOST_BYTES:
        sys.exit(f"gpu-check: {out} has {size} bytes; at most {MOST_BYTES} travel")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
