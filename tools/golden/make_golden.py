#!/usr/bin/env python3
"""Makes a golden folder (again): a tiny random model by Hugging Face transformers, and what it computes in float64.

    python3 tools/golden/make_golden.py FOLDER                    # FOLDER/config.json (+ model.safetensors) -> golden.safetensors
    python3 tools/golden/make_golden.py FOLDER --check            # compares with the golden.safetensors that is there

Needs: pip install torch transformers safetensors (versions the goldens came from: torch 2.13, transformers 5.23). Not a dependency of Lathe.

Writes input_ids i64 [B,T], logits f32 [B,T,V], hidden.0 .. hidden.L f32 [B,T,D] (hidden.L is after the final norm) and
greedy i64 [B,G]: the argmax continuation of input_ids[:, :8] without a cache. Weights and activations are float64, also where
transformers itself would go through float32 (norms, rotary tables). Without model.safetensors, weights are drawn from --seed and
written too: scales of norms and biases are random as well.
"""
import argparse
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--seed", type=int, default=1000)
parser.add_argument("--batch", type=int, default=2)
parser.add_argument("--tokens", type=int, default=40)
parser.add_argument("--greedy", type=int, default=24)
parser.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 on a difference")
args = parser.parse_args()



def draw(name, weight):
    """Scales of norms near 1, biases near 0, matrices that keep the size of what they multiply."""
    if weight.dim() == 1 or "norm" in name or "ln_" in name:
        return (0.0 if name.endswith("bias") else 1.0) + 0.3 * torch.randn_like(weight)
    return torch.randn_like(weight) * (1.0 if "embed" in name or "wte" in name else weight.shape[-1] ** -0.5)


torch.manual_seed(args.seed)
torch.set_default_dtype(torch.float64)
config = AutoConfig.from_pretrained(args.folder)
config._attn_implementation = "eager"
config._experts_implementation = "eager"  # the grouped products know no float64
SINGLE = torch.float32
weights, golden = args.folder / "model.safetensors", args.folder / "golden.safetensors"
if not weights.exists():
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(draw(name, weight))
    kept = (args.folder / "config.json").read_text()
    model.to(SINGLE).save_pretrained(args.folder)  # rounded to f32 first: the goldens are of what is stored
    (args.folder / "config.json").write_text(kept)
    (args.folder / "generation_config.json").unlink(missing_ok=True)

loaded = AutoModelForCausalLM.from_pretrained(args.folder, config=config, dtype=torch.float64)
state = loaded.state_dict()
head, embedding = loaded.get_output_embeddings(), loaded.get_input_embeddings()
if head is not None and head.weight is not embedding.weight:
    config.tie_word_embeddings = False  # whatever it says: the two would become one when `state` is loaded
there = load_file(golden) if golden.exists() else {}

# What asks for float32 from here on gets float64: in the model's code when it is built, and when it runs.
torch.float = torch.float32 = torch.float64
torch.Tensor.float = torch.Tensor.double
model = AutoModelForCausalLM.from_config(config)
model.load_state_dict(state)
model.eval()
ids = there["input_ids"] if there else torch.randint(3, config.vocab_size, (args.batch, args.tokens))

with torch.no_grad():
    out = model(ids, output_hidden_states=True, use_cache=False)
    greedy = ids[:, :8]
    for _ in range(args.greedy):
        last = model(greedy, use_cache=False).logits[:, -1]
        greedy = torch.cat([greedy, last.argmax(-1, keepdim=True)], 1)

made = {"input_ids": ids, "logits": out.logits.to(SINGLE), "greedy": greedy[:, 8:].contiguous()}
made |= {f"hidden.{i}": h.to(SINGLE).contiguous() for i, h in enumerate(out.hidden_states)}

if not args.check:
    save_file(made, golden)
    print(f"wrote {golden}")
    sys.exit(0)

worst = 0.0
for name, value in made.items():
    if value.dtype == torch.int64:
        if not torch.equal(value, there[name]):
            sys.exit(f"{golden}: {name} differs")
    else:
        worst = max(worst, (value - there[name]).abs().max().item())
print(f"{golden}: greatest difference {worst:.3g}")
sys.exit(0 if worst < 1e-4 else 1)
