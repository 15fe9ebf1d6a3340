"""What the checks on a GPU are about: models and forms, and for speed shapes, what is run of them, and what is wanted.

Plain data, read by pack.py where the bundles are made and carried as plan.json to check.py where they run.
"""

# Golden models that are run first, in this order: each has kernels that those before it have not.
FIRST = ("llama-gqa", "gpt2", "gguf/llama-gqa-Q4_0", "gguf/llama-gqa-BF16", "qwen2-moe", "mamba", "gemma3", "gguf/llama-256-Q4_K",
         "falcon-40b-style", "gpt-oss", "bamba", "mamba2")

# Forms that no golden file has: source below test/data/golden or in tools/gpu/shapes, --quantize, --activations, --kv. What they
# should give is computed where they are packed (pack.py).
FORMS = (
    ("llama-gqa", "q4_0", "q16", "f32"), ("llama-gqa", "q4_0", "q8", "f16"), ("llama-gqa", "q4_0", "f32", "f32"),
    ("llama-gqa", "q8_0", "q16", "q8"), ("llama-gqa", "q8_0", "q8", "f32"), ("llama-gqa", "q8_0", "f32", "f16"),
    ("llama-gqa", "bf16", "", "f16"), ("llama-gqa", "bf16", "", "q8"), ("llama-gqa", "f16", "", "f16"),
    ("llama-gqa", "f16", "", "f32"), ("small-256", "q4_k", "q16", "f16"), ("small-256", "q4_k", "q8", "q8"),
    ("small-256", "q6_k", "q16", "f16"), ("small-256", "q5_k", "q16", "f16"), ("small-256", "bf16", "", "f16"),
    ("qwen2-moe", "q4_0", "q16", "f16"), ("qwen2-moe", "bf16", "", "f16"), ("mamba", "q8_0", "q16", "f32"),
    ("mamba", "bf16", "", "f32"), ("gpt2", "q8_0", "q16", "f16"), ("bamba", "bf16", "", "f16"),
)
TINY_FORMS = (("llama-gqa", "q4_0", "q16", "f32"), ("llama-gqa", "bf16", "", "f16"))

# Compiled for an older card, whose PTX the driver compiles.
FALLBACK = (("llama-gqa", "sm_80"),)

# Sequences in a step against each alone, of the cases above; the tools that look for wrong accesses and races.
BATCHED = ("llama-gqa", "qwen2-moe", "mamba", "gpt-oss", "gguf/llama-gqa-Q4_0", "gguf/llama-gqa-BF16", "bamba", "gemma3")
SANITIZED = ("llama-gqa", "gguf/llama-gqa-Q4_0", "gguf/llama-gqa-BF16", "qwen2-moe", "mamba")


def run(name, goal=0.0, prefill=0, tokens=64, depth=128, batch=1, at_most=0.0):
    """What `lathe bench` is asked for. goal: of the time that a decode step's bytes take, at the card's own rate of
    reading; at_most: a step's time against the one of the run named "decode 128", for batches."""
    return {"name": name, "goal": goal, "p": prefill or 1, "n": tokens, "depth": depth, "batch": batch, "at_most": at_most}


PREFILLS = (run("prefill 2048", prefill=2048, tokens=8, depth=0), run("prefill 512", prefill=512, tokens=8, depth=0))
BATCHES = (run("16 sequences", tokens=32, batch=16, at_most=1.15), run("64 sequences", tokens=32, batch=64, at_most=1.4))


def shape(name, spec, form, runs, context=16384, sequences=64, group="speed", flags=()):
    return {"name": name, "spec": spec, "form": form, "runs": list(runs), "context": context, "sequences": sequences,
            "group": group, "flags": list(flags)}


LLAMA_1B, LLAMA_8B = "models/llama3.2-1b.textproto", "models/llama3-8b.textproto"
SHAPES = (
    shape("1B bf16", LLAMA_1B, "bf16", (run("decode 128", 0.88), run("decode 8192", 0.82, depth=8192), *BATCHES, *PREFILLS)),
    shape("1B q4_0", LLAMA_1B, "q4_0", (run("decode 128", 0.65), run("decode 8192", depth=8192))),
    shape("8B bf16", LLAMA_8B, "bf16", (run("decode 128", 0.95), *PREFILLS, *BATCHES, run("decode 8192", 0.90, depth=8192))),
    shape("8B q4_0", LLAMA_8B, "q4_0", (run("decode 128", 0.85), PREFILLS[0], BATCHES[0], run("decode 8192", depth=8192))),
    shape("8B q8_0", LLAMA_8B, "q8_0", (run("decode 128", 0.90), PREFILLS[0], BATCHES[0])),
    shape("1B q8_0", LLAMA_1B, "q8_0", (run("decode 128"), BATCHES[0])),
    shape("8B q4_0, q8 activations", LLAMA_8B, "q4_0", (run("decode 128", 0.85), BATCHES[0]), group="more",
          flags=("--activations", "q8")),
    shape("mixture 8/2 bf16, 4 layers", "tools/gpu/shapes/mixtral-4-layers.textproto", "bf16",
          (run("decode 128", 0.75), BATCHES[0]), group="more", sequences=16),
    shape("Mamba 2.8B bf16", "tools/gpu/shapes/mamba-2.8b.textproto", "bf16", (run("decode 128", 0.75), PREFILLS[0]), group="more",
          sequences=16),
)
TINY_SHAPES = (
    shape("tiny bf16", "models/learner-tiny.textproto", "bf16",
          (run("decode 128", 0.88, depth=8, tokens=3), run("4 sequences", depth=8, tokens=2, batch=4, at_most=1.15),
           run("prefill 16", prefill=16, depth=0, tokens=2)), context=64, sequences=4),
    shape("tiny q4_0", "models/learner-tiny.textproto", "q4_0", (run("decode 128", 0.65, depth=8, tokens=3),), context=64,
          sequences=4, group="more"),
)
