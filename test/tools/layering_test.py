#!/usr/bin/env python3
"""Tries layering.py on a small tree with known mistakes."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("layering.py")
TABLE = "@c = stdint.h\nruntime/abi: @c\nruntime: std runtime/abi/\ncompiler: std llvm/\n"
GOOD = {
    "runtime/abi/a.h": "#include <stdint.h>\n",
    "runtime/core/b.cpp": '#include "runtime/core/b.h"\n#include <vector>\n#include "runtime/abi/a.h"\n',
    "compiler/c.cpp": '#include "compiler/c.h"\n#  include <llvm/ADT/StringRef.h>\n',
}
BAD = {
    "runtime/abi/a.h": ("#include <stdint.h>\n#include <vector>\n", "runtime/abi/a.h:2: runtime/abi may not include vector"),
    "runtime/core/b.cpp": ('\n#include "llvm/ADT/StringRef.h"\n', "runtime/core/b.cpp:2: runtime may not include llvm/ADT/StringRef.h"),
    "compiler/c.cpp": ('#include "runtime/abi/a.h"\n', "compiler/c.cpp:1: compiler may not include runtime/abi/a.h"),
}


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "table").write_text(TABLE)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        done = subprocess.run([sys.executable, CHECK, root / "table", root], capture_output=True, text=True)
        return done.returncode, done.stdout


def main():
    code, output = run(GOOD)
    assert code == 0 and "6 includes checked, 0 forbidden" in output, output
    for name, (text, message) in BAD.items():
        code, output = run({**GOOD, name: text})
        assert code == 1 and message in output, (name, output)
    code, _ = run({})
    assert code == 1, "an empty tree must not pass"


if __name__ == "__main__":
    main()
