#!/usr/bin/env python3
"""Writes models/readers/transformers.json: which keys of config.json each class of transformers reads, and what it takes where
one is absent.

    python3 tools/golden/make_readers.py             # for the architectures that models/families/*.textproto name
    python3 tools/golden/make_readers.py --check     # compares with the file that is there; exit 1 on a difference

A class knows its own fields; what __post_init__ takes out of the other keys; and what the model's code asks for by
getattr(config, KEY, ...). What __post_init__ works out (a list of layers' kinds, say) stays null: a family binds it. Classes that
are not transformers' own, and what can't be seen so, stand in tools/golden/by_hand.json.

Needs: pip install transformers torch (version of the file: 5.24.0). Not a dependency of Lathe.
"""
import ast
import dataclasses
import inspect
import json
import math
import pathlib
import re
import sys
import textwrap

import transformers
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "models/readers/transformers.json"
COMMON = {field.name for field in dataclasses.fields(PreTrainedConfig)}  # of no class its own, and of no effect on numbers
ROTATION = {"rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor"}


def architectures():
    """What the families' hf styles call their checkpoints."""
    names = set()
    for file in sorted((ROOT / "models/families").glob("*.textproto")):
        style = re.search(r"^hf \{(.*?)^\}", file.read_text(), re.S | re.M)
        listed = style and re.search(r'^  architectures:\s*(\[.*?\]|".*?")', style.group(1), re.S | re.M)
        names |= set(re.findall(r'"(.*?)"', listed.group(1))) if listed else set()
    return sorted(names)


def plain(value):
    """A default as JSON has it; objects of configuration as their own fields."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.name not in COMMON}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and math.isinf(value) else value  # a limit that is none


def literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def taken_in_post_init(cls):
    """Keys that the class takes from those that are no fields: kwargs.pop("sliding_window_pattern", 4)."""
    taken = {}
    for name in ("__post_init__", "convert_rope_params_to_dict"):
        function = cls.__dict__.get(name)
        if not function:
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "kwargs":
                key = literal(node.args[0])
                if key:  # not a name that a loop makes
                    taken.setdefault(key, literal(node.args[1]) if len(node.args) > 1 else None)
    return taken


def forced(cls):
    """Keys that the class sets whatever the file says: kwargs["partial_rotary_factor"] = 0.5."""
    function = cls.__dict__.get("__post_init__")
    source = inspect.getsource(function) if function else ""
    return {key: ast.literal_eval(value) for key, value in re.findall(r'kwargs\["(\w+)"\] = ([\d.]+)', source)}


def default_rotation(cls):
    """The dictionary that __post_init__ takes where there is none."""
    function = cls.__dict__.get("__post_init__")
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))) if function else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.rope_parameters":
            return literal(node.value)
    return None


def code_of(name, cls):
    """The source of the model that the class configures: another's, for some; else what lies beside the configuration."""
    model = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(name)
    if model:
        return pathlib.Path(inspect.getsourcefile(getattr(transformers, model))).read_text()
    file = pathlib.Path(inspect.getsourcefile(cls))
    return file.with_name(file.name.replace("configuration_", "modeling_")).read_text()


def asked_for(code):
    """Keys that the model's code asks for without the class having them."""
    return set(re.findall(r'getattr\(\s*(?:self\.)?config,\s*"(\w+)"', code))


def describe(name, cls):
    keys = {}
    for field in dataclasses.fields(cls):
        if field.name in COMMON or field.name.startswith("_"):
            continue
        if field.default is not dataclasses.MISSING:
            keys[field.name] = plain(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            keys[field.name] = plain(field.default_factory())
        else:
            keys[field.name] = None
    code = code_of(name, cls)
    for key, default in taken_in_post_init(cls).items():
        keys.setdefault(key, default)
    for key in asked_for(code):
        if not key.startswith("_"):
            keys.setdefault(key, None)
    keys.setdefault("tie_word_embeddings", False)
    entry = {"keys": keys}
    if hasattr(cls, "rope_parameters"):
        theta = cls.default_theta
        by_layer = "rope_parameters" not in keys or re.search(r'"full_attention": \{"rope_type"', inspect.getsource(cls))
        keys["rope_parameters"] = default_rotation(cls)
        keys["rope_scaling"] = None
        keys["rope_theta"] = theta["global"] if isinstance(theta, dict) else theta
        keys.setdefault("original_max_position_embeddings", None)
        if by_layer:  # what layers with a window turn by
            keys["rope_local_base_freq"] = theta["local"] if isinstance(theta, dict) else theta
        # Most classes turn whole heads, and this key acts only where the code looks at it.
        if "partial_rotary_factor" in code:
            keys.setdefault("partial_rotary_factor", None)
        else:
            keys.pop("partial_rotary_factor", None)
        entry["rotation"] = "by_layer" if by_layer else "one"
    for name in ("attn_config", "ffn_config"):  # objects that have classes of their own
        if keys.get(name, 0) is None:
            part = getattr(cls(), name)
            keys[name] = plain(part)
    entry["aliases"] = dict(cls.attribute_map)
    entry["forced"] = forced(cls)
    text = (cls.sub_configs_defaults or {}).get("text_config")
    if text:
        entry["text"] = text.model_type
        entry["text_by_type"] = text.config_class is AutoConfig
    return {key: value for key, value in entry.items() if value}


def build():
    by_hand = json.loads((ROOT / "tools/golden/by_hand.json").read_text())
    entries, wanted = {}, architectures()
    while wanted:
        name = wanted.pop()
        if name in entries:
            continue
        entry = describe(name, CONFIG_MAPPING[name]) if name in CONFIG_MAPPING else {"keys": {}}
        for key in by_hand.get(name, {}).get("not", []):
            del entry["keys"][key]
        for part, more in by_hand.get(name, {}).items():
            if part not in ("not", "source"):
                entry[part] = {**entry.get(part, {}), **more} if isinstance(more, dict) else more
        entry["keys"] = dict(sorted(entry["keys"].items()))
        entries[name] = entry
        wanted += [entry["text"]] if "text" in entry else []
    return {
        "source": f"transformers {transformers.__version__}, by tools/golden/make_readers.py",
        "architectures": dict(sorted(entries.items())),
    }


def text_of(table):
    """A line for each key: a new version of transformers is a readable difference."""
    return json.dumps(table, indent=1, allow_nan=False) + "\n"


if __name__ == "__main__":
    text = text_of(build())
    if "--check" in sys.argv:
        sys.exit(text != OUTPUT.read_text() and f"{OUTPUT} differs from transformers {transformers.__version__}")
    OUTPUT.write_text(text)
