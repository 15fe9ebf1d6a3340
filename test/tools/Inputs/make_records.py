"""Reads what --emit=schedule,keys prints; prints a record for the first linear key, with unroll = 2 and else the fallback."""
import re
import sys

target = None
for line in sys.stdin:
    if line.startswith("target "):
        target = line.split()[1]
    found = re.match(r"linear ([^=]*) ((?:\w+=\d+ ?)+): tile (\d+) x (\d+)", line)
    if not found:
        continue
    sizes = " ".join(
        'sizes {{ name: "{0}" min: {1} max: {1} }}'.format(*size.split("=")) for size in found[2].split()
    )
    print(
        f'records {{ target: "{target}" family: "linear" types: "{found[1]}" {sizes} '
        f'values {{ name: "tile_rows" value: {found[3]} }} values {{ name: "unroll" value: 2 }} '
        'provenance { machine: "M" commit: "0123abc" generator: "nobody" date: "2026-11-27" budget_seconds: 1 runs: 5 '
        "median_ns: 10 spread_ns: 1 fallback_ns: 12 gain_percent: 16 gain_low_percent: 15 gain_high_percent: 17 } }"
    )
    break
