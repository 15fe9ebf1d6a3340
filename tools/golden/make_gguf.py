#!/usr/bin/env python3
"""Writes a golden's Hugging Face folder as the F32 GGUF that llama.cpp's converter would write of it, with the golden's logits.

    python3 tools/golden/make_gguf.py test/data/golden/NAME test/data/golden/gguf/NAME

Needs: pip install gguf numpy. Knows the metadata, the tensors' names and what the converter does to them: queries
and keys permuted for rotation by neighbours, stacked tensors put in one order, one added to the scales of norms. No tokenizer.
"""
import json
import pathlib
import sys

import gguf
import numpy as np

# model_type -> architecture, and what is done to its tensors. (MiMo's dense layers that see all are Llama's, with values of
# another size.)
ARCHITECTURES = {
    "arcee": "arcee", "bloom": "bloom", "cohere": "command-r", "cohere2": "cohere2", "dbrx": "dbrx", "dots1": "dots1",
    "ernie4_5": "ernie4_5", "ernie4_5_moe": "ernie4_5-moe", "exaone4": "exaone4", "falcon": "falcon", "gemma": "gemma",
    "gemma2": "gemma2", "gemma3_text": "gemma3", "glm": "chatglm", "glm4": "glm4", "gpt_bigcode": "starcoder",
    "gpt_neox": "gptneox", "gpt_oss": "gpt-oss", "gptj": "gptj", "granite": "granite", "granitemoe": "granitemoe",
    "granitemoeshared": "granitemoe", "hunyuan_v1_dense": "hunyuan-dense", "mimo_v2_flash": "llama", "minicpm": "minicpm",
    "minimax_m2": "minimax-m2", "mpt": "mpt", "nemotron": "nemotron", "olmo": "olmo", "olmo2": "olmo2", "olmo3": "olmo2",
    "phi": "phi2", "phi3": "phi3", "qwen3": "qwen3", "seed_oss": "seed_oss", "smollm3": "smollm3", "stablelm": "stablelm",
    "starcoder2": "starcoder2",
}
PERMUTED = {"arcee", "granite", "granitemoe", "granitemoeshared", "mimo_v2_flash", "minicpm", "olmo", "smollm3"}
NORMS_PLUS_ONE = {"gemma", "gemma2", "gemma3_text", "nemotron"}
BY_HEAD = {"bloom", "gpt_neox", "falcon"}


def entries(path):
    """name -> (safetensors' type, shape, bytes)"""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    spans = {name: (entry["dtype"], entry["shape"], *entry["data_offsets"]) for name, entry in header.items()}
    return {name: (dtype, shape, data[start + a : start + b]) for name, (dtype, shape, a, b) in spans.items()}


def load(path):
    """The F32 tensors of a safetensors file."""
    return {name: np.frombuffer(data, np.float32).reshape(shape) for name, (_, shape, data) in entries(path).items()}


def copy_golden(golden, to):
    """input_ids, and the logits as those of F32."""
    known = entries(golden)
    header, body = {}, b""
    for name, new in (("input_ids", "input_ids"), ("logits", "logits.F32")):
        dtype, shape, data = known[name]
        header[new] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    to.write_bytes(len(text).to_bytes(8, "little") + text + body)


def first(config, *keys):
    """The value of the first key that is there."""
    for key in keys:
        value = config
        for part in key.split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def permute(weight, heads):
    """Rows of each head from halves to neighbours."""
    shape = weight.shape
    return weight.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def by_part(weight, heads, kv_heads, size):
    """Rows that lie by KV head (its queries, key, value): all queries, then keys, then values."""
    group = heads // kv_heads
    parts = weight.reshape(kv_heads, group + 2, size, *weight.shape[1:])
    flat = lambda part: part.reshape(-1, *weight.shape[1:])
    return np.concatenate([flat(parts[:, :group]), flat(parts[:, group]), flat(parts[:, group + 1])])


def parts_of_experts(name, weight):
    """gpt-oss's rows of gate and up alternate, and matrices lie the other way."""
    if ".experts." not in name:
        return [(name + ".weight" if name.endswith(".sinks") else name, weight)]
    base, of, bias = name.rpartition("_bias") if name.endswith("_bias") else (name, "", None)
    end, turned = (".bias", weight) if of else (".weight", weight.swapaxes(1, 2))
    if "gate_up_proj" not in base:
        return [(base + end, turned)]
    return [(base.replace("gate_up_proj", f"{part}_proj") + end, turned[:, i::2]) for i, part in enumerate(("gate", "up"))]


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    copy_golden(folder / "golden.safetensors", out / "golden.safetensors")
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    tensors = load(folder / "model.safetensors")
    dim = first(config, "hidden_size", "n_embd", "d_model")
    layers = first(config, "num_hidden_layers", "n_layer", "n_layers")
    heads = first(config, "num_attention_heads", "n_head", "n_heads")
    size = first(config, "head_dim") or dim // heads
    kv_heads = first(config, "num_key_value_heads", "attn_config/kv_n_heads") or heads
    if kind == "falcon":
        kv_heads = config["num_kv_heads"] if config.get("new_decoder_architecture") else 1 if config.get("multi_query", True) else heads
    if kind == "gpt_bigcode":
        kv_heads = 1 if config.get("multi_query", True) else heads

    writer = gguf.GGUFWriter(out / f"{out.name}-F32.gguf", ARCHITECTURES[kind])
    writer.add_context_length(first(config, "max_position_embeddings", "n_positions", "max_seq_len", "seq_length") or 2048)
    writer.add_embedding_length(dim)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(first(config, "intermediate_size", "n_inner", "ffn_hidden_size", "ffn_config/ffn_hidden_size") or 4 * dim)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_vocab_size(config["vocab_size"])
    if config.get("head_dim"):
        writer.add_key_length(size)
        writer.add_value_length(first(config, "v_head_dim") or size)
    if (eps := first(config, "rms_norm_eps")) is not None:
        writer.add_layer_norm_rms_eps(eps)
    else:
        writer.add_layer_norm_eps(first(config, "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps") or 1e-5)
    rope = "rope_parameters/full_attention/" if first(config, "rope_parameters/full_attention") else "rope_parameters/"
    if (theta := first(config, rope + "rope_theta", "attn_config/rope_theta", "rope_theta", "rotary_emb_base")) is not None:
        alpha = first(config, "rope_parameters/alpha") or 1
        writer.add_rope_freq_base(theta * alpha ** (size / (size - 2)))
    if first(config, rope + "rope_type") == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(first(config, rope + "factor"))
        writer.add_rope_scaling_orig_ctx_len(first(config, rope + "original_max_position_embeddings"))
    if kind == "minicpm":
        writer.add_embedding_scale(config["scale_emb"])
        writer.add_residual_scale(config["scale_depth"] / layers**0.5)
        writer.add_logit_scale(dim / config["dim_model_base"])
    fraction = first(config, "rope_parameters/partial_rotary_factor", "partial_rotary_factor", "rotary_pct")
    if kind not in ("bloom", "mpt", "gpt_bigcode"):
        writer.add_rope_dimension_count(first(config, "rotary_dim") or int(size * (fraction or 1)))
    for key, add in (
        ("sliding_window", writer.add_sliding_window), ("attn_logit_softcapping", writer.add_attn_logit_softcapping),
        ("final_logit_softcapping", writer.add_final_logit_softcapping), ("logit_scale", writer.add_logit_scale),
        ("logits_scaling", writer.add_logit_scale), ("embedding_multiplier", writer.add_embedding_scale),
        ("residual_multiplier", writer.add_residual_scale), ("attention_multiplier", writer.add_attention_scale),
        ("use_parallel_residual", writer.add_parallel_residual), ("clip_qkv", writer.add_clamp_kqv),
        ("attn_config/clip_qkv", writer.add_clamp_kqv), ("attn_config/alibi_bias_max", writer.add_max_alibi_bias),
    ):
        if (value := first(config, key)) is not None:
            add(value)

    if kind == "gpt_oss":
        writer.add_expert_feed_forward_length(config["intermediate_size"])
        tensors = dict(part for name, weight in tensors.items() for part in parts_of_experts(name, weight))
    for key, add in (
        (("num_local_experts", "n_routed_experts", "moe_num_experts", "ffn_config/moe_num_experts"), writer.add_expert_count),
        (("num_experts_per_tok", "moe_k", "ffn_config/moe_top_k"), writer.add_expert_used_count),
        (("moe_intermediate_size",), writer.add_expert_feed_forward_length),
        (("shared_intermediate_size",), writer.add_expert_shared_feed_forward_length),
        (("n_shared_experts", "moe_num_shared_experts"), writer.add_expert_shared_count),
        (("first_k_dense_replace", "moe_layer_start_index"), writer.add_leading_dense_block_count),
        (("norm_topk_prob",), writer.add_expert_weights_norm), (("routed_scaling_factor",), writer.add_expert_weights_scale),
        (("n_group",), writer.add_expert_group_count), (("topk_group",), writer.add_expert_group_used_count),
    ):
        if (value := first(config, *key)) is not None:
            add(value)
    if kind == "dots1":
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)

    for name in [name for name in tensors if ".experts.0." in name]:  # experts in a tensor each: one for all
        before, after = name.split("experts.0.")
        own = sorted((n for n in tensors if n.startswith(before + "experts.") and n.endswith(after)), key=lambda n: int(n.split(".")[-3]))
        tensors[before + "experts." + after] = np.stack([tensors.pop(n) for n in own])
    for name in [name for name in tensors if name.endswith("input_linear.weight")]:  # gate and up of experts, of a shared one
        layer, part = name.removesuffix(".input_linear.weight").rsplit(".", 1)
        own = ".block_sparse_moe.experts.w{}.weight" if part == "block_sparse_moe" else ".mlp.shared_expert.{}_proj.weight"
        gate, up = np.split(tensors.pop(name), 2, axis=-2)
        numbered = part == "block_sparse_moe"
        tensors |= {layer + own.format(1 if numbered else "gate"): gate, layer + own.format(3 if numbered else "up"): up}
    for name in [name for name in tensors if name.endswith("_correction_bias")]:
        tensors[name.removesuffix("_bias") + ".bias"] = tensors.pop(name).reshape(-1)
    for name in [name for name in tensors if ".ffn.experts.mlp." in name]:  # experts' rows one after another
        weight = tensors.pop(name).reshape(config["ffn_config"]["moe_num_experts"], -1, dim)
        tensors[name + ".weight"] = weight.swapaxes(1, 2) if name.endswith("w2") else weight

    for first_head in [name for name in tensors if ".norms.0." in name]:  # heads with a norm each
        before, after = first_head.split("norms.0.")
        own = sorted((n for n in tensors if n.startswith(before + "norms.")), key=lambda n: int(n.split(".")[-2]))
        tensors[before + after] = np.stack([tensors.pop(n) for n in own])

    names = gguf.get_tensor_name_map(next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == ARCHITECTURES[kind]), layers)
    for name, weight in tensors.items():
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        suffixes = (".weight", ".bias")
        to = names.get_name(name, suffixes) or names.get_name(name.removeprefix("transformer."), suffixes)
        if to is None:
            sys.exit(f"{name}: {ARCHITECTURES[kind]} has no such tensor")
        if kind in PERMUTED and ("attn_q." in to or "attn_k." in to):
            weight = permute(weight, heads if "attn_q." in to else kv_heads)
        if kind in BY_HEAD and "attn_qkv." in to:
            weight = by_part(weight, heads, kv_heads, size)
        if kind == "gpt_bigcode" and "attn_qkv." in to and kv_heads > 1:
            weight = by_part(weight, heads, kv_heads, size)
        if kind in NORMS_PLUS_ONE and "norm.weight" in to:
            weight = weight + 1
        writer.add_tensor(to, weight.astype(np.float32))
    writer.add_tokenizer_model("no_vocab")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
