#!/usr/bin/python3
"""Makes tests/fixtures/fingerprint: fingerprints computed from docs/fingerprint.md with hashlib alone, for
the checkpoints in tests/fixtures/variants, for one of them in shards with another style of config.json,
and for an adapter over it.  Shares no code with proctor.  (None of them has a tokenizer: its digest is
proctor's own.)

Usage: make_fingerprint_reference.py [--check]
"""
import hashlib
import json
import struct
import sys
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
OUT = FIXTURES / "fingerprint"
BLOCK = 4 << 20


def sha(data):
    return hashlib.sha256(data).digest()


def tensors_of(folder, pattern):
    out = {}
    for path in folder.glob(pattern):
        raw = path.read_bytes()
        n = struct.unpack("<Q", raw[:8])[0]
        for name, t in json.loads(raw[8:8 + n]).items():
            if name != "__metadata__":
                begin, end = t["data_offsets"]
                out[name] = (t["dtype"], t["shape"], raw[8 + n + begin:8 + n + end])
    return out


def weights(tensors):
    records = b""
    for name in sorted(tensors, key=str.encode):
        dtype, shape, data = tensors[name]
        leaves = b"".join(sha(b"\0" + data[i:i + BLOCK]) for i in range(0, len(data), BLOCK))
        records += struct.pack("<I", len(name.encode())) + name.encode()
        records += struct.pack("<I", len(dtype)) + dtype.encode() + struct.pack("<I", len(shape))
        records += b"".join(struct.pack("<Q", d) for d in shape) + sha(b"\1" + leaves)
    return hashlib.sha256(b"\2" + records).hexdigest()


def real(x):
    s = "%.17g" % x
    if "e" in s:
        mantissa, exponent = s.split("e")
        return f"{mantissa}e{int(exponent)}"
    return s if "." in s else s + ".0"


def canonical(v):
    if isinstance(v, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{canonical(v[k])}" for k in sorted(v)) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(canonical, v)) + "]"
    return real(v) if isinstance(v, float) else json.dumps(v, ensure_ascii=False)


def understood(c):
    """The canonical configuration, for the settings that the fixtures use."""
    kind, heads = c["model_type"], c["num_attention_heads"]
    p = c.get("rope_parameters") or c.get("rope_scaling") or {}
    rope = {"rope_type": p.get("rope_type", p.get("type", "default")),
            "rope_theta": float(p.get("rope_theta", c.get("rope_theta", 10000.0)))}
    if rope["rope_type"] != "default":
        rope["factor"] = float(p["factor"])
    windows = [0] * c["num_hidden_layers"]
    for i in range(len(windows)):
        if kind == "mistral":
            windows[i] = c["sliding_window"] or 0
        elif c.get("use_sliding_window"):
            types = c.get("layer_types")
            if types[i] == "sliding_attention" if types else i >= c["max_window_layers"]:
                windows[i] = c["sliding_window"]
    bias = c.get("attention_bias", False) and kind != "qwen2"
    return {"architecture": c["architectures"][0], "num_hidden_layers": c["num_hidden_layers"],
            "hidden_size": c["hidden_size"], "num_attention_heads": heads,
            "num_key_value_heads": c["num_key_value_heads"],
            "head_dim": c.get("head_dim", c["hidden_size"] // heads),
            "intermediate_size": c["intermediate_size"], "vocab_size": c["vocab_size"],
            "max_position_embeddings": c["max_position_embeddings"], "bos_token_id": c["bos_token_id"],
            "eos_token_id": [c["eos_token_id"]],
            "rms_norm_eps": struct.unpack("<f", struct.pack("<f", c["rms_norm_eps"]))[0],
            "tie_word_embeddings": c["tie_word_embeddings"], "qkv_bias": bias or kind == "qwen2",
            "o_bias": bias, "mlp_bias": c.get("mlp_bias", False), "qk_norm": kind == "qwen3",
            "windows": windows, "rope": rope}


def fingerprint(folder, base=None):
    text = "proctor fingerprint 1\n"
    if base is None:
        text += "weights " + weights(tensors_of(folder, "model*.safetensors")) + "\n"
        config = understood(json.loads((folder / "config.json").read_text()))
        text += "config " + hashlib.sha256(canonical(config).encode()).hexdigest() + "\n"
    else:
        text += "weights " + weights(tensors_of(folder, "adapter_model.safetensors")) + "\n"
        s = json.loads((folder / "adapter_config.json").read_text())
        settings = {"r": s["r"], "lora_alpha": float(s["lora_alpha"]), "use_rslora": s["use_rslora"],
                    "ensure_weight_tying": False, "rank_pattern": s["rank_pattern"] or None,
                    "alpha_pattern": s["alpha_pattern"] or None, "modules_to_save": s["modules_to_save"]}
        text += "adapter " + hashlib.sha256(canonical(settings).encode()).hexdigest() + "\n"
    text += "generation -\ntokenizer -\nspecials " + hashlib.sha256(b"{}").hexdigest() + "\ntemplate -\n"
    if base is not None:
        text += f"base {base}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def made_files():
    source = FIXTURES / "variants" / "smollm-style"
    tensors = tensors_of(source, "model.safetensors")
    names = sorted(tensors, reverse=True)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    files = {f"sharded/{file}": safetensors({n: tensors[n] for n in part}, {"format": "np"})
             for file, part in halves.items()}
    index = {"metadata": {"total_size": sum(len(t[2]) for t in tensors.values())},
             "weight_map": {n: file for file, part in halves.items() for n in part}}
    files["sharded/model.safetensors.index.json"] = json.dumps(index).encode()
    c = json.loads((source / "config.json").read_text())
    theta = c.pop("rope_theta")
    c |= {"dtype": c.pop("torch_dtype"), "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
          "transformers_version": "5.1.0", "use_cache": False}
    files["sharded/config.json"] = json.dumps(dict(reversed(c.items()))).encode()
    a, b = struct.pack("<48f", *(i / 64 for i in range(48))), struct.pack("<48f", *(1 - i / 32 for i in range(48)))
    at = "base_model.model.model.layers.1.self_attn.q_proj."
    files["adapter/adapter_model.safetensors"] = safetensors(
        {at + "lora_A.weight": ("F32", [2, 24], a), at + "lora_B.weight": ("F32", [24, 2], b)}, {"format": "pt"})
    files["adapter/adapter_config.json"] = json.dumps({
        "peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": True, "rank_pattern": {},
        "alpha_pattern": {"q_proj": 3.5}, "modules_to_save": None, "target_modules": ["q_proj"],
        "layers_to_transform": [1], "base_model_name_or_path": "test/smollm-style"}).encode()
    return files


def main():
    check = sys.argv[1:] == ["--check"]
    files = made_files()
    if not check:
        for name, content in files.items():
            (OUT / name).parent.mkdir(parents=True, exist_ok=True)
            (OUT / name).write_bytes(content)
    vectors = {f"variants/{d.name}": fingerprint(d) for d in sorted((FIXTURES / "variants").iterdir())}
    vectors["fingerprint/sharded"] = fingerprint(OUT / "sharded")
    assert vectors["fingerprint/sharded"] == vectors["variants/smollm-style"]
    vectors["fingerprint/adapter"] = fingerprint(OUT / "adapter", vectors["variants/smollm-style"])
    files["vectors.json"] = (json.dumps(vectors, indent=2) + "\n").encode()
    if check:
        for name, content in files.items():
            assert (OUT / name).read_bytes() == content, name
    else:
        (OUT / "vectors.json").write_bytes(files["vectors.json"])
    print(f"{len(vectors)} fingerprints")


if __name__ == "__main__":
    main()
