#!/usr/bin/env python3
"""Checks that the stamp of the kernel cache covers all that kernels are built by: prints each file of compiler/ that
the builders include, directly or not, or that defines what such a header declares, and that the stamp has not.

usage: stamp.py SOURCE...      the stamp's files; run in the root of the tree; exit 0 covered, 1 not
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"(compiler/[^"]+)"', re.MULTILINE)


def main():
    root = pathlib.Path.cwd()
    stamped = {pathlib.Path(file).relative_to(root) for file in sys.argv[1:]}
    builders = [*pathlib.Path("compiler/kernels/halide").glob("*.cpp"), *pathlib.Path("compiler/backend/llvm").glob("*.cpp"),
                *pathlib.Path("compiler/schedule/halide").glob("*.cpp")]
    reached, pending = set(), builders
    while pending:
        file = pending.pop()
        if file in reached or not file.exists():
            continue
        reached.add(file)
        pending += [pathlib.Path(header) for header in INCLUDE.findall(file.read_text())]
        pending.append(file.with_suffix(".cpp"))
    for file in sorted(reached - stamped):
        print(f"{file}: decides the code of kernels, and the stamp of the kernel cache leaves it out")
    print(f"{len(reached)} files reached, {len(stamped)} stamped")
    return 1 if reached - stamped or len(reached) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
