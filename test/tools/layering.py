#!/usr/bin/env python3
"""Checks who includes whom against tools/layering.txt; prints FILE:LINE for each #include that the table forbids.

usage: layering.py [TABLE [ROOT]]      exit 0 clean, 1 forbidden includes, 2 a broken table
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
SOURCES = {".h", ".hpp", ".c", ".cpp", ".cc", ".inc"}


def read_table(path):
    """{folder: [prefix, ...]}, groups expanded."""
    groups, table = {}, {}

    def expand(words, line):
        for word in words:
            if not word.startswith("@"):
                yield word
            elif word[1:] in groups:
                yield from groups[word[1:]]
            else:
                sys.exit(f"{path}:{line}: group {word} is not defined above")

    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        if group := re.fullmatch(r"@([\w-]+)\s*=\s*(.*)", line):
            groups[group[1]] = list(expand(group[2].split(), number))
        elif rule := re.fullmatch(r"([\w/-]+):\s*(.*)", line):
            table[rule[1]] = list(expand(rule[2].split(), number))
        else:
            print(f"{path}:{number}: neither 'FOLDER: PREFIX ...' nor '@GROUP = PREFIX ...'", file=sys.stderr)
            sys.exit(2)
    return table


def matches(header, prefix):
    if prefix == "std":
        return "/" not in header and "." not in header
    return header.startswith(prefix) if prefix.endswith("/") else header == prefix


def rule_of(path, table):
    """The longest folder of the table that holds `path`."""
    return max((f for f in table if path.startswith(f + "/")), key=len, default=None)


def main():
    table_path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tools/layering.txt")
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".")
    table = read_table(table_path)
    checked, forbidden = 0, 0
    for top in ("compiler", "runtime", "tools"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES:
                continue
            name = path.relative_to(root).as_posix()
            folder = rule_of(name, table)
            if folder is None:
                sys.exit(f"{name}:1: no folder of {table_path} holds this file")
            own = folder + "/"
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                checked += 1
                header = found[1]
                if not header.startswith(own) and not any(matches(header, prefix) for prefix in table[folder]):
                    forbidden += 1
                    print(f"{name}:{number}: {folder} may not include {header} ({table_path})")
    print(f"{checked} includes checked, {forbidden} forbidden")
    return 1 if forbidden or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
