#!/usr/bin/env python3
"""Writes models/readers/llama.cpp.json: which keys of a GGUF llama.cpp reads for each architecture, and what it takes where one is
absent.

    python3 tools/golden/make_gguf_readers.py LLAMA_CPP/src VERSION [--check]

Read from its source: load_hparams (every architecture), load_arch_hparams of the model's class, names in llama-arch.cpp, defaults
from the initialisers of llama_hparams. What the code works out, or sets before it reads, stands by hand below. Architectures
are those that models/families/*.textproto name. llama.cpp is not a dependency of Lathe.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "models/readers/llama.cpp.json"

# Local variables of load_hparams and members without an initialiser, as they are before they are read; null where absence
# means another key, or something worked out.
SHARED = {
    "rope.freq_base": 10000.0,
    "rope.scaling.type": "linear",
    "rope.scaling.finetuned": False,
    "rope.scaling.factor": None,  # then rope.scale_linear, then none
    "rope.scale_linear": None,
    "rope.scaling.original_context_length": None,  # context_length
    "expert_used_count": 0,
    "pooling_type": 0,
    "vocab_size": None,  # rows of token_embd.weight; only llama's loader reads it
    "classifier.output_labels": None,
}
# Per architecture: what load_arch_hparams assigns before it reads; keys that it reads and sets aside ("unread"); keys without
# which the model aborts ("required").
BY_HAND = {
    "exaone4": {"keys": {"attention.sliding_window": None}},  # 4096, of 64 layers; of others without effect
    "gemma2": {"keys": {"attention.sliding_window": 4096, "rope.freq_base_swa": None}},
    "gemma3": {"keys": {"attention.sliding_window": 0, "final_logit_softcapping": 0.0, "rope.freq_base_swa": 10000.0}},
    "olmo2": {"keys": {"attention.sliding_window": 0}, "unread": ["rope.freq_base_swa"]},  # the graph takes rope.freq_base
    "cohere2": {"unread": ["rope.freq_base_swa"]},  # so here
    "gpt-oss": {"keys": {"rope.freq_base_swa": None}},
    "phi3": {"keys": {"attention.sliding_window": 0}},  # set aside there, with a warning: "results might be suboptimal"
    "granite": {"keys": {"rope.scaling.finetuned": True}},
    "minicpm": {"keys": {"embedding_scale": 12.0, "residual_scale": None, "logit_scale": None}},  # worked out
    "qwen2moe": {"keys": {"expert_feed_forward_length": None, "expert_shared_feed_forward_length": None}},
    "dots1": {"required": ["expert_gating_func"]},  # 0 aborts
    "minimax-m2": {"required": ["expert_gating_func"]},
    "gptj": {"copy": "gptneox", "unread": ["use_parallel_residual"]},  # llama.cpp has its words, and no model of it
}
BY_HAND["exaone4"]["unread"] = ["rope.freq_base_swa"]


def architectures():
    """What the families' gguf styles call their checkpoints."""
    names = set()
    for file in sorted((ROOT / "models/families").glob("*.textproto")):
        style = re.search(r"^gguf \{(.*?)^\}", file.read_text(), re.S | re.M)
        names |= set(re.findall(r'^  architectures:\s*"(.*?)"', style.group(1), re.M)) if style else set()
    return sorted(names)


class Source:
    def __init__(self, folder):
        read = lambda name: (folder / name).read_text()
        arch, model, classes, hparams = (read(n) for n in
                                         ("llama-arch.cpp", "llama-model.cpp", "models/models.h", "llama-hparams.h"))
        self.names = {name: enum for enum, name in re.findall(r'\{\s*(LLM_ARCH_\w+),\s*"(.*?)"', arch)}
        self.keys = dict(re.findall(r'\{\s*(LLM_KV_\w+),\s*"%s\.(.*?)"', arch))
        self.classes = dict(re.findall(r"case (LLM_ARCH_\w+):\s*return new llama_model_(\w+)\(", model))
        self.bases = dict(re.findall(r"struct llama_model_(\w+) : public llama_model_(\w+)", classes))
        self.bodies = {}
        for file in sorted((folder / "models").glob("*.cpp")):
            for name, body in re.findall(r"^void llama_model_(\w+)::load_arch_hparams\(.*?\{(.*?)^\}", file.read_text(), re.S | re.M):
                self.bodies[name] = body
        self.shared = re.search(r"^void llama_model_base::load_hparams\(.*?\{(.*?)^\}", model, re.S | re.M).group(1)
        self.initial = {name: self.number(text) for name, text in re.findall(r"^\s*\w+\s+(\w+)\s*=\s*([-\w.]+);", hparams, re.M)}

    @staticmethod
    def number(text):
        if text in ("true", "false"):
            return text == "true"
        text = text.removesuffix("f")
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return 0 if text.endswith("_NONE") else None

    def reads(self, body, architecture):
        """{key: (default, required, by layer)} of the loader's calls."""
        body = re.sub(r"//.*|/\*.*?\*/", "", body)
        # What stands in "if (arch == ...) { ... }" is for the architectures that it names.
        body = re.sub(r"if \((arch == LLM_ARCH_\w+(?: \|\| arch == LLM_ARCH_\w+)*)\) \{(.*?)\n    \}",
                      lambda m: m.group(2) if self.names[architecture] in re.findall(r"LLM_ARCH_\w+", m.group(1)) else "", body,
                      flags=re.S)
        found = {}
        for call, kv, rest in re.findall(r"ml\.(get_key|get_key_or_arr|get_arr)\(\s*(LLM_KV_\w+)\s*,(.*?)\)\s*[;|)&]", body, re.S):
            field = re.match(r"\s*(?:hparams\.)?(\w+)", rest).group(1)
            required = not re.search(r"\bfalse\b", rest) and "if (!ml" not in body.split(kv)[0][-60:]
            if kv in self.keys:
                found[self.keys[kv]] = (self.initial.get(field), required, call == "get_key_or_arr" and "n_layer_all" in rest)
        if pattern := re.search(r"load_swa_pattern\(ml, (\d+)\)", body):
            found["attention.sliding_window_pattern"] = (int(pattern.group(1)), False, False)
        return found

    def entry(self, architecture):
        hand = BY_HAND.get(architecture, {})
        name = self.classes.get(self.names[hand.get("copy", architecture)])
        while name not in self.bodies:
            name = self.bases[name]
        found = self.reads(self.shared, architecture)
        found |= {key: (value, False, key in found and found[key][2]) for key, value in SHARED.items()}
        found |= {key: value for key, value in self.reads(self.bodies[name], architecture).items()
                  if key not in SHARED or key in hand.get("keys", {})}
        keys = {key: None if required else default for key, (default, required, _) in found.items()} | hand.get("keys", {})
        keys = {key: keys[key] for key in sorted(keys) if key not in hand.get("unread", [])}
        required = [key for key, each in found.items() if each[1] and key not in hand.get("unread", [])]
        return {"keys": keys, "required": sorted(required + hand.get("required", [])),
                "by_layer": sorted(key for key, each in found.items() if each[2] and key in keys)}


def main():
    source = Source(pathlib.Path(sys.argv[1]))
    table = {"source": f"llama.cpp as llama-cpp-python {sys.argv[2]} has it, by tools/golden/make_gguf_readers.py",
             "architectures": {name: source.entry(name) for name in architectures()}}
    text = json.dumps(table, indent=1) + "\n"
    if "--check" in sys.argv:
        sys.exit(0 if OUTPUT.read_text() == text else f"{OUTPUT} differs")
    OUTPUT.write_text(text)


if __name__ == "__main__":
    main()
