#!/usr/bin/python3
"""Makes the fixtures tests/fixtures/adapters and tests/fixtures/variants, in float64 PyTorch.

adapters: random LoRA adapters in PEFT's layout over the bases in tests/fixtures/models.
variants: tiny checkpoints for parts of configurations that those bases do not have (sliding windows,
linear rope scaling, biases, layer types, untied F32 heads).

Each folder gets a reference.json: token ids and ln p(token i+1 | tokens 0..i), computed by the forward
pass below, which shares no code with proctor and is itself compared with tests/fixtures/reference.

Usage: make_lora_reference.py [--check]    (--check compares with what is stored, writes nothing)
"""
import json
import math
import re
import struct
import sys
from pathlib import Path

import torch

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
NAMES = {v: k for k, v in DTYPES.items()}


def read_safetensors(path):
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name == "__metadata__":
            continue
        begin, end = t["data_offsets"]
        data = torch.frombuffer(bytearray(raw[8 + n + begin:8 + n + end]), dtype=DTYPES[t["dtype"]])
        out[name] = data.reshape(t["shape"])
    return out


def safetensors_bytes(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        raw = t.view(torch.int16 if t.element_size() == 2 else torch.int32).numpy().tobytes()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def frequencies(config, head_dim):
    p = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = p.get("rope_theta", config.get("rope_theta", 10000.0))
    freq = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    kind = p.get("rope_type", p.get("type", "default"))
    if kind == "linear":
        return freq / p["factor"]
    if kind == "llama3":
        old, low, high = p["original_max_position_embeddings"], p["low_freq_factor"], p["high_freq_factor"]
        wave = 2 * math.pi / freq
        smooth = (old / wave - low) / (high - low)
        mixed = (1 - smooth) * freq / p["factor"] + smooth * freq
        return torch.where(wave > old / low, freq / p["factor"], torch.where(wave < old / high, freq, mixed))
    assert kind == "default", kind
    return freq


def window_of(config, layer):
    """Keys a query sees, itself included; None: all."""
    if config["model_type"] == "mistral":
        return config.get("sliding_window")
    if config["model_type"] in ("qwen2", "qwen3") and config.get("use_sliding_window"):
        types = config.get("layer_types")
        slides = types[layer] == "sliding_attention" if types else layer >= config["max_window_layers"]
        return config["sliding_window"] if slides else None
    return None


class Model:
    def __init__(self, config, weights, lora=None):
        self.c, self.lora = config, lora or {}
        self.w = {k: v.to(torch.float64) for k, v in weights.items()}
        self.heads = config["num_attention_heads"]
        self.kv = config.get("num_key_value_heads", self.heads)
        self.dim = config.get("head_dim", config["hidden_size"] // self.heads)

    def linear(self, x, module):
        y = x @ self.w[module + ".weight"].T
        if module + ".bias" in self.w:
            y = y + self.w[module + ".bias"]
        if module in self.lora:
            a, b, scale = self.lora[module]
            y = y + scale * ((x @ a.to(torch.float64).T) @ b.to(torch.float64).T)
        return y

    def norm(self, x, name):
        eps = self.c.get("rms_norm_eps", 1e-6)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * self.w[name]

    def rotate(self, x):
        n, half = x.shape[0], self.dim // 2
        angle = torch.arange(n, dtype=torch.float64)[:, None] * frequencies(self.c, self.dim)[None, :]
        cos, sin = angle.cos()[:, None, :], angle.sin()[:, None, :]
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def attention(self, x, layer):
        at, n = f"model.layers.{layer}.self_attn.", x.shape[0]
        q = self.linear(x, at + "q_proj").view(n, self.heads, self.dim)
        k = self.linear(x, at + "k_proj").view(n, self.kv, self.dim)
        v = self.linear(x, at + "v_proj").view(n, self.kv, self.dim)
        if at + "q_norm.weight" in self.w:
            q, k = self.norm(q, at + "q_norm.weight"), self.norm(k, at + "k_norm.weight")
        q, k = self.rotate(q), self.rotate(k)
        group = self.heads // self.kv
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = torch.einsum("qhd,khd->hqk", q, k) * self.dim ** -0.5
        i, j = torch.arange(n)[:, None], torch.arange(n)[None, :]
        visible = j <= i
        window = window_of(self.c, layer)
        if window:
            visible &= j > i - window
        p = torch.softmax(scores.masked_fill(~visible, -math.inf), -1)
        return self.linear(torch.einsum("hqk,khd->qhd", p, v).reshape(n, -1), at + "o_proj")

    def logprobs(self, ids):
        x = self.w["model.embed_tokens.weight"][torch.tensor(ids)]
        for layer in range(self.c["num_hidden_layers"]):
            at = f"model.layers.{layer}."
            x = x + self.attention(self.norm(x, at + "input_layernorm.weight"), layer)
            h = self.norm(x, at + "post_attention_layernorm.weight")
            gate, up = self.linear(h, at + "mlp.gate_proj"), self.linear(h, at + "mlp.up_proj")
            x = x + self.linear(gate * torch.sigmoid(gate) * up, at + "mlp.down_proj")
        x = self.norm(x, "model.norm.weight")
        p = torch.log_softmax(self.linear(x, "lm_head"), -1)
        return [p[i, ids[i + 1]].item() for i in range(len(ids) - 1)]


def with_head(config, weights):
    weights = dict(weights)
    if config.get("tie_word_embeddings"):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return weights


def load_base(name):
    folder = FIXTURES / "models" / name
    config = json.loads((folder / "config.json").read_text())
    return config, read_safetensors(folder / "model.safetensors")


def sequences(vocab, seed, lengths=(5, 19, 48)):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(0, vocab, (n,), generator=g).tolist() for n in lengths]


def reference(model, vocab, seed, **extra):
    out = [{"token_ids": ids, "token_logprobs": [round(x, 10) for x in model.logprobs(ids)]}
           for ids in sequences(vocab, seed)]
    return {**extra, "sequences": out}


# ---- adapters ---------------------------------------------------------------------------------

LINEAR = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
          "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
SETTINGS = {
    "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": None, "bias": "none",
    "corda_config": None, "eva_config": None, "exclude_modules": None, "fan_in_fan_out": False,
    "inference_mode": True, "init_lora_weights": True, "layer_replication": None, "layers_pattern": None,
    "layers_to_transform": None, "loftq_config": {}, "lora_alpha": 8, "lora_bias": False,
    "lora_dropout": 0.05, "megatron_config": None, "megatron_core": "megatron.core",
    "modules_to_save": None, "peft_type": "LORA", "qalora_group_size": 16, "r": 4, "rank_pattern": {},
    "revision": None, "target_modules": [], "target_parameters": None, "task_type": "CAUSAL_LM",
    "trainable_token_indices": None, "use_dora": False, "use_qalora": False, "use_rslora": False,
}
ADAPTERS = {
    "qwen3-all-linear": ("qwen3-tiny", dict(
        r=4, lora_alpha=8, target_modules=[m.split(".")[1] for m in LINEAR]), torch.float32),
    "qwen2-patterns": ("qwen2-tiny", dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=[m.split(".")[1] for m in LINEAR],
        rank_pattern={"q_proj": 2, "model.layers.1.mlp.up_proj": 6},
        alpha_pattern={"k_proj": 16, "^model.layers.0.mlp.down_proj": 3,
                       r"layers\.\d+\.self_attn\.(v|o)_proj": 10}), torch.float16),
    "llama-saved-head": ("llama-tiny", dict(
        r=3, lora_alpha=12, target_modules=["q_proj", "v_proj"], layers_to_transform=[1],
        modules_to_save=["lm_head", "model.norm"]), torch.bfloat16),
    "qwen3-saved-embed": ("qwen3-tiny", dict(
        r=2, lora_alpha=4, target_modules=["o_proj"], modules_to_save=["embed_tokens"]), torch.bfloat16),
    "qwen2-saved-head": ("qwen2-tiny", dict(
        r=2, lora_alpha=4, target_modules=["down_proj"], modules_to_save=["lm_head"]), torch.bfloat16),
    "qwen3-lora-head": ("qwen3-tiny", dict(
        r=4, lora_alpha=16, use_rslora=True, target_modules=["q_proj", "lm_head"]), torch.float32),
}


def pattern_value(pattern, module, default):
    for key, value in pattern.items():
        if re.match(rf"(.*\.)?({key})$", module):
            return value
    return default


def make_adapter(name):
    base, changes, dtype = ADAPTERS[name]
    config, weights = load_base(base)
    s = {**SETTINGS, **changes, "base_model_name_or_path": "test/" + base}
    full = with_head(config, weights)
    g = torch.Generator().manual_seed(sum(name.encode()))
    tensors, lora, effective = {}, {}, dict(full)
    for key in sorted(full):
        module = key[:-len(".weight")] if key.endswith(".weight") else None
        if module is None:
            continue
        layer = re.search(r"layers\.(\d+)\.", module)
        within = s["layers_to_transform"] is None or (
            layer and int(layer.group(1)) in s["layers_to_transform"])
        if within and module.split(".")[-1] in s["target_modules"]:
            out, inside = full[key].shape
            r = pattern_value(s["rank_pattern"], module, s["r"])
            alpha = pattern_value(s["alpha_pattern"], module, s["lora_alpha"])
            a = (torch.randn(r, inside, generator=g) / math.sqrt(inside)).to(dtype)
            b = (torch.randn(out, r, generator=g) * 0.2).to(dtype)
            lora[module] = (a, b, alpha / (math.sqrt(r) if s["use_rslora"] else r))
            tensors[f"base_model.model.{module}.lora_A.weight"] = a
            tensors[f"base_model.model.{module}.lora_B.weight"] = b
        if s["modules_to_save"] and any(module.endswith(m) for m in s["modules_to_save"]):
            noise = torch.randn(full[key].shape, generator=g) * 0.1
            effective[key] = (full[key].float() + noise).to(dtype)
            tensors[f"base_model.model.{module}.weight"] = effective[key]
    vocab = config["vocab_size"]
    ref = reference(Model(config, effective, lora), vocab, 7, base=base)
    plain = reference(Model(config, full), vocab, 7)
    assert difference(ref, plain) > 0.05, name
    return {"adapter_config.json": json.dumps(s, indent=2).encode(),
            "adapter_model.safetensors": safetensors_bytes(tensors),
            "reference.json": json.dumps(ref).encode()}


# ---- variants ---------------------------------------------------------------------------------

SHAPE = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3,
             num_key_value_heads=1, vocab_size=96, max_position_embeddings=256, hidden_act="silu",
             rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1)
# name: model type, architecture, settings, storage, settings without which the result must differ
VARIANTS = {
    "mistral-window": ("mistral", "MistralForCausalLM", dict(
        sliding_window=8, rope_theta=10000.0, head_dim=16, tie_word_embeddings=False,
        torch_dtype="bfloat16"), torch.bfloat16, dict(sliding_window=None)),
    "llama-linear-rope": ("llama", "LlamaForCausalLM", dict(
        rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.5}, torch_dtype="float32"),
        torch.float32, dict(rope_scaling=None)),
    "llama-biases": ("llama", "LlamaForCausalLM", dict(
        attention_bias=True, mlp_bias=True, rope_parameters={"rope_type": "default", "rope_theta": 5e5},
        dtype="float16"), torch.float16, None),
    "qwen2-layer-windows": ("qwen2", "Qwen2ForCausalLM", dict(
        use_sliding_window=True, sliding_window=5, max_window_layers=1, rope_theta=1e6,
        torch_dtype="float32"), torch.float32, dict(use_sliding_window=False)),
    "qwen3-layer-types": ("qwen3", "Qwen3ForCausalLM", dict(
        use_sliding_window=True, sliding_window=6, max_window_layers=3, attention_bias=True, head_dim=12,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], rope_theta=1e6,
        torch_dtype="bfloat16"), torch.bfloat16, dict(use_sliding_window=False)),
    "qwen3-untied-f32": ("qwen3", "Qwen3ForCausalLM", dict(
        head_dim=16, tie_word_embeddings=False, rope_theta=1e6, attention_bias=False,
        torch_dtype="float32"), torch.float32, None),
    "smollm-style": ("llama", "LlamaForCausalLM", dict(
        rope_theta=100000.0, is_llama_config=True, rope_interleaved=False, torch_dtype="bfloat16"),
        torch.bfloat16, None),
}


def shapes_of(c, kind):
    h, f, v = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    dim = c.get("head_dim", h // c["num_attention_heads"])
    q, kv = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    out = {"model.embed_tokens.weight": [v, h], "model.norm.weight": [h]}
    if not c["tie_word_embeddings"]:
        out["lm_head.weight"] = [v, h]
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        out |= {at + "input_layernorm.weight": [h], at + "post_attention_layernorm.weight": [h],
                at + "self_attn.q_proj.weight": [q, h], at + "self_attn.k_proj.weight": [kv, h],
                at + "self_attn.v_proj.weight": [kv, h], at + "self_attn.o_proj.weight": [h, q],
                at + "mlp.gate_proj.weight": [f, h], at + "mlp.up_proj.weight": [f, h],
                at + "mlp.down_proj.weight": [h, f]}
        if kind == "qwen2" or c.get("attention_bias"):
            out |= {at + "self_attn.q_proj.bias": [q], at + "self_attn.k_proj.bias": [kv],
                    at + "self_attn.v_proj.bias": [kv]}
        if kind != "qwen2" and c.get("attention_bias"):
            out[at + "self_attn.o_proj.bias"] = [h]
        if c.get("mlp_bias"):
            out |= {at + "mlp.gate_proj.bias": [f], at + "mlp.up_proj.bias": [f],
                    at + "mlp.down_proj.bias": [h]}
        if kind == "qwen3":
            out |= {at + "self_attn.q_norm.weight": [dim], at + "self_attn.k_norm.weight": [dim]}
    return out


def make_variant(name):
    kind, arch, changes, dtype, without = VARIANTS[name]
    c = {"architectures": [arch], "model_type": kind, **SHAPE, **changes}
    g = torch.Generator().manual_seed(sum(name.encode()))
    weights = {}
    for key, shape in sorted(shapes_of(c, kind).items()):
        x = torch.randn(shape, generator=g)
        if key.endswith("norm.weight"):
            x = 1 + 0.2 * x
        elif len(shape) == 2:
            x = x * (1.0 if "embed" in key else 2.0 / math.sqrt(shape[1]))
        else:
            x = 0.5 * x
        weights[key] = x.to(dtype)
    full = with_head(c, weights)
    ref = reference(Model(c, full), c["vocab_size"], 11)
    if without:
        assert difference(ref, reference(Model({**c, **without}, full), c["vocab_size"], 11)) > 0.05, name
    return {"config.json": json.dumps(c, indent=2).encode(),
            "model.safetensors": safetensors_bytes(weights), "reference.json": json.dumps(ref).encode()}


# ---- all ---------------------------------------------------------------------------------------

def difference(a, b):
    return max(abs(x - y) for s, t in zip(a["sequences"], b["sequences"])
               for x, y in zip(s["token_logprobs"], t["token_logprobs"]))


def check_forward():
    """The forward pass against references made by others."""
    for name in ("qwen3-tiny", "qwen2-tiny", "llama-tiny"):
        config, weights = load_base(name)
        model = Model(config, with_head(config, weights))
        known = json.loads((FIXTURES / "reference" / f"{name}.forward.json").read_text())
        worst = 0.0
        for s in known["sequences"]:
            if s["length"] > 1:
                got = model.logprobs(s["token_ids"])
                worst = max(worst, *(abs(x - y) for x, y in zip(got, s["token_logprobs"])))
        print(f"{name}: largest difference from the stored reference {worst:.2e}")
        assert worst < 1e-8, name


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    check_forward()
    made = {f"adapters/{n}": make_adapter(n) for n in ADAPTERS}
    made |= {f"variants/{n}": make_variant(n) for n in VARIANTS}
    for folder, files in made.items():
        for name, content in files.items():
            path = FIXTURES / folder / name
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            elif name == "reference.json":
                stored, fresh = json.loads(path.read_text()), json.loads(content)
                assert difference(stored, fresh) < 1e-8, path
            else:
                assert path.read_bytes() == content, path
        print(f"{folder}: {sum(len(x) for x in files.values())} bytes")


if __name__ == "__main__":
    main()
