"""A decoder-only transformer in float64, straight from a checkpoint folder: slow, plain, and sharing no
code with proctor.  Only tests read it."""
import json
import os
import struct

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


def read_safetensors(path):
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        head, data = json.loads(f.read(n)), f.read()
    for name, t in head.items():
        if name == "__metadata__":
            continue
        raw = data[t["data_offsets"][0]:t["data_offsets"][1]]
        if t["dtype"] == "BF16":
            x = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            x = np.frombuffer(raw, DTYPES[t["dtype"]])
        yield name, x.astype(np.float64).reshape(t["shape"])


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            self.c = json.load(f)
        self.w = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".safetensors"):
                self.w.update(read_safetensors(os.path.join(folder, name)))

    def frequencies(self, dim):
        c = self.c
        scaling = c.get("rope_scaling") or c.get("rope_parameters") or {}
        theta = c.get("rope_theta", scaling.get("rope_theta", 10000.0))
        f = theta ** (-np.arange(0, dim, 2) / dim)
        kind = scaling.get("rope_type", scaling.get("type", "default"))
        if kind == "linear":
            return f / scaling["factor"]
        if kind != "llama3":
            return f
        old = scaling["original_max_position_embeddings"]
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        wave = 2 * np.pi / f
        smooth = np.clip((old / wave - low) / (high - low), 0, 1)
        return (1 - smooth) * f / scaling["factor"] + smooth * f

    def window(self, layer):
        """How many keys a query of this layer sees, itself included; None: all."""
        c = self.c
        size = c.get("sliding_window")
        if not size:
            return None
        if c["model_type"] == "mistral":
            return size
        if "layer_types" in c:
            return size if c["layer_types"][layer] == "sliding_attention" else None
        if c.get("use_sliding_window"):
            return size if layer >= c.get("max_window_layers", 0) else None
        return None

    def linear(self, name, x):
        y = x @ self.w[name + ".weight"].T
        bias = self.w.get(name + ".bias")
        return y if bias is None else y + bias

    def norm(self, name, x):
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + self.c["rms_norm_eps"])
        return x / scale * self.w[name + ".weight"]

    def attention(self, layer, x):
        c, p = self.c, f"model.layers.{layer}.self_attn."
        heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
        dim, n = c.get("head_dim") or c["hidden_size"] // heads, len(x)
        q = self.linear(p + "q_proj", x).reshape(n, heads, dim)
        k = self.linear(p + "k_proj", x).reshape(n, kv, dim)
        v = self.linear(p + "v_proj", x).reshape(n, kv, dim)
        if p + "q_norm.weight" in self.w:
            q, k = self.norm(p + "q_norm", q), self.norm(p + "k_norm", k)
        angle = np.outer(np.arange(n), self.frequencies(dim))[:, None, :]
        cos, sin = np.cos(angle), np.sin(angle)

        def turn(t):
            a, b = t[..., :dim // 2], t[..., dim // 2:]
            return np.concatenate((a * cos - b * sin, b * cos + a * sin), -1)

        q, k = turn(q), turn(k)
        back = np.arange(n)[:, None] - np.arange(n)[None, :]
        seen = back >= 0
        if self.window(layer):
            seen &= back < self.window(layer)
        out = np.empty((n, heads, dim))
        for h in range(heads):
            g = h // (heads // kv)
            z = np.where(seen, q[:, h] @ k[:, g].T / np.sqrt(dim), -np.inf)
            z = np.exp(z - z.max(-1, keepdims=True))
            out[:, h] = z / z.sum(-1, keepdims=True) @ v[:, g]
        return self.linear(p + "o_proj", out.reshape(n, heads * dim))

    def log_probabilities(self, ids):
        """ln p(next token | ids[0..i]) for each i: [len(ids), vocabulary]."""
        x = self.w["model.embed_tokens.weight"][np.array(ids)]
        for layer in range(self.c["num_hidden_layers"]):
            p = f"model.layers.{layer}."
            x = x + self.attention(layer, self.norm(p + "input_layernorm", x))
            y = self.norm(p + "post_attention_layernorm", x)
            gate, up = self.linear(p + "mlp.gate_proj", y), self.linear(p + "mlp.up_proj", y)
            x = x + self.linear(p + "mlp.down_proj", gate / (1 + np.exp(-gate)) * up)
        x = self.norm("model.norm", x)
        head = "model.embed_tokens" if self.c.get("tie_word_embeddings") else "lm_head"
        z = x @ self.w[head + ".weight"].T
        z = z - z.max(-1, keepdims=True)
        return z - np.log(np.exp(z).sum(-1, keepdims=True))
