"""usage: check_perplexity.py EXPECTED.json BUNDLE OTHER TEXT   every number of EXPECTED as `lathe perplexity` has it, to six digits; of
what small differences make, to three"""
import json
import math
import subprocess
import sys

expected, bundle, other, text = sys.argv[1:]


def compare(got, want, path, digits):
    for key, value in want.items():
        if isinstance(value, dict):
            yield from compare(got[key], value, f"{path}.{key}", 3 if key == "kl" else digits)
        elif not math.isclose(got[key], value, rel_tol=10**-digits):
            yield f"{path}.{key}: {got[key]}, not {value}"


wrong = []
cases = json.load(open(expected))
for case in cases:
    words = ["lathe", "perplexity", bundle, "--file", text, "--against", other, "--json", *map(str, case["options"])]
    got = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    wrong += compare(got, case["expected"], " ".join(words[3:]), 6)
print("\n".join(wrong) or f"{len(cases)} cases agree")
sys.exit(bool(wrong))
