#!/usr/bin/env python3
"""Writes test/data/readers/stripped.json: configurations, and what a class of transformers has under each key once it is left out.

    python3 tools/golden/make_stripped.py

Of every configuration in test/data/golden, and of those of tools/golden/sweep.json of which a class makes one. A test reads each
configuration without the key, and with what the class then has: the same model must come out. Keys without which the class
refuses the rest are not there. "rope_parameters.beta_fast" leaves an entry out; its value is what rope_parameters then is.

Needs: pip install transformers (version of the file: 5.24.0). Not a dependency of Lathe.
"""
import json
import pathlib
import sys

import transformers
from transformers import CONFIG_MAPPING

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "test/data/readers/stripped.json"
READERS = json.loads((ROOT / "models/readers/transformers.json").read_text())["architectures"]


def read(config):
    """The class's dictionary, plain; None: it refuses the configuration."""
    try:
        made = CONFIG_MAPPING[config["model_type"]](**{key: value for key, value in config.items() if key != "model_type"})
        return json.loads(made.to_json_string(use_diff=False))
    except Exception:
        return None


def strip(name, config):
    known = READERS[config["model_type"]]["keys"]
    config = {key: value for key, value in config.items() if key in known or key == "model_type"}
    stripped = {}
    for key in sorted(config.keys() - {"model_type", "text_config", "vision_config"}):
        without = read({other: value for other, value in config.items() if other != key})
        if without is not None and key in without:
            stripped[key] = without[key]
        for entry in config[key] if isinstance(config[key], dict) else ():
            part = {other: value for other, value in config[key].items() if other != entry}
            without = read(config | {key: part})
            if without is not None and key in without:
                stripped[f"{key}.{entry}"] = without[key]
    return {"name": name, "config": config, "stripped": stripped}


def main():
    transformers.logging.set_verbosity_error()
    cases = []
    for file in sorted((ROOT / "test/data/golden").glob("*/config.json")):
        config = json.loads(file.read_text())
        if config["model_type"] in CONFIG_MAPPING:
            cases.append(strip(file.parent.name, config))
    sweep = json.loads((ROOT / "tools/golden/sweep.json").read_text())
    bases = sweep.pop("bases")
    for name, case in sweep.items():
        case = {key: value for key, value in case.items() if key not in ("base", "attention")} | {"base": case.get("base", "usual")}
        config = bases[case.pop("base")] | case
        if config["model_type"] not in READERS:
            continue
        whole = read({key: value for key, value in config.items() if value is not None})
        if whole is not None:
            cases.append(strip(name, whole))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "configurations,", sum(len(case["stripped"]) for case in cases), "keys")


if __name__ == "__main__":
    sys.exit(main())
