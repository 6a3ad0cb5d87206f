"""What proctor train leaves behind is what other programs open: a folder in Hugging Face's layout, read
here by a reader that shares no code with proctor, whose loss is the one that proctor score gives; a
PEFT adapter equal to the weights it stands for, merged by hand."""
import json
import os
import struct
import sys
import tempfile
import unittest

import support as s

try:
    import numpy as np
    import numpy_model
except ImportError:
    print("skipped: checkpoints of a training, since python3-numpy is missing", file=sys.stderr)
    sys.exit(77)

DATA = s.fixture("run_a", "validation.jsonl")
TOLERANCE = 2e-5
MODELS = ["qwen3-tiny", "qwen3-tiny-v5config", "qwen3-tiny-untied", "qwen2-tiny", "llama-tiny"]
DTYPES = {"f32": ("F32", "float32"), "bf16": ("BF16", "bfloat16")}
# As huggingface's PEFT reads them; anything else would be a key that its LoraConfig does not know.
PEFT_KEYS = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config",
    "lora_alpha", "lora_dropout", "megatron_config", "megatron_core", "modules_to_save", "peft_type",
    "r", "rank_pattern", "revision", "target_modules", "task_type", "use_rslora"}
# The fields of transformers' TrainerState since 4.36; load_from_json fails on any other key.
TRAINER_STATE_KEYS = {
    "best_metric", "best_model_checkpoint", "epoch", "eval_steps", "global_step",
    "is_hyper_param_search", "is_local_process_zero", "is_world_process_zero", "log_history",
    "logging_steps", "max_steps", "num_input_tokens_seen", "num_train_epochs", "save_steps",
    "total_flos", "train_batch_size", "trial_name", "trial_params"}


def train(model, out, *options):
    rows, err = s.run(["train", *([model] if model else []), "--data", DATA, "--steps", "4",
                       "--save-every", "2", "--batch", "4", "--lr", "3e-3", "--out", out,
                       "--status", "none", "--quiet", *options])
    steps = [json.loads(line)["step"] for line in rows.splitlines()]
    assert steps == [1, 2, 3, 4], (steps, err)
    return os.path.join(out, "checkpoint-4")


def headers(folder):
    """{name: (dtype, shape)} of the safetensors files beside config.json, their layout checked."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".safetensors"):
            continue
        with open(os.path.join(folder, name), "rb") as f:
            length, = struct.unpack("<Q", f.read(8))
            head = json.loads(f.read(length))
            size = f.seek(0, 2)
        assert head.pop("__metadata__") == {"format": "pt"} or "fixtures" in folder, name
        end = 0
        for tensor, t in head.items():
            assert t["data_offsets"][0] == end, tensor
            end = t["data_offsets"][1]
            found[tensor] = (t["dtype"], t["shape"])
        assert 8 + length + end == size, name
    return found


def shapes(folder):
    return {name: shape for name, (_, shape) in headers(folder).items()}


def inspected(folder, *options):
    out, _ = s.run(["inspect", folder, "--json", *options])
    document = json.loads(out)
    assert document["accepted"] and document["complete"] and not document["warnings"], document
    return document


def rows_of(n=3):
    return [{"ids": [(7 * i * i + 13 * i * k + k) % 900 for i in range(20 + 11 * k)]}
            for k in range(1, n + 1)]


def worst(model, got, rows):
    return max(s.max_abs(g["logprobs"],
                         list(model.log_probabilities(r["ids"])[np.arange(len(r["ids"]) - 1),
                                                                r["ids"][1:]]))
               for g, r in zip(got, rows))


class Whole(unittest.TestCase):
    def test_names_shapes_and_loss_are_those_of_the_model_that_was_trained(self):
        for name in MODELS:
            for dtype, (stored, said) in DTYPES.items():
                with self.subTest(model=name, dtype=dtype), tempfile.TemporaryDirectory() as tmp:
                    source = s.model_dir(name)
                    folder = train(source, tmp, "--dtype", dtype)
                    self.check(source, folder, stored, said)

    def check(self, source, folder, stored, said):
        found = headers(folder)
        self.assertEqual(shapes(source), shapes(folder))
        self.assertEqual({dtype for dtype, _ in found.values()}, {stored})
        before = s.read_json(os.path.join(source, "config.json"))
        after = s.read_json(os.path.join(folder, "config.json"))
        key = "dtype" if "dtype" in before else "torch_dtype"
        self.assertEqual(after[key], said)
        after[key] = before[key]
        self.assertEqual({**before, "tie_word_embeddings": after["tie_word_embeddings"]}, after)
        for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            with open(os.path.join(source, file), "rb") as a, \
                    open(os.path.join(folder, file), "rb") as b:
                self.assertEqual(a.read(), b.read(), file)
        document = inspected(folder)
        self.assertEqual(document["step"], 4)
        rows = rows_of()
        got = s.score(folder, rows, "--dtype", "f32")
        difference = worst(numpy_model.Model(folder), got, rows)
        print(f"{os.path.basename(source)} {stored}: max |Δ logprob| {difference:.2e}")
        self.assertLessEqual(difference, TOLERANCE)
        moved = s.max_abs(got[0]["logprobs"], s.score(source, rows, "--dtype", "f32")[0]["logprobs"])
        self.assertGreater(moved, 100 * TOLERANCE, "training changed nothing: this proves nothing")

    def test_the_trainers_state_is_in_the_trainers_own_names(self):
        with tempfile.TemporaryDirectory() as tmp:
            folder = train(s.model_dir("qwen3-tiny"), tmp)
            state = s.read_json(os.path.join(folder, "trainer_state.json"))
            self.assertEqual((state["global_step"], state["max_steps"]), (4, 4))
            self.assertEqual([e["step"] for e in state["log_history"]], [1, 2, 3, 4])
            for key in ("loss", "learning_rate", "grad_norm", "epoch"):
                self.assertIn(key, state["log_history"][0])
            self.assertLessEqual(set(state), TRAINER_STATE_KEYS)

    def test_the_fingerprint_is_of_the_model_alone(self):
        with tempfile.TemporaryDirectory() as tmp:
            folder = train(s.model_dir("qwen3-tiny"), tmp)
            before = inspected(folder)["fingerprint"]
            for name in os.listdir(os.path.join(folder, "proctor")):
                os.unlink(os.path.join(folder, "proctor", name))
            os.rmdir(os.path.join(folder, "proctor"))
            self.assertEqual(inspected(folder)["fingerprint"], before)

    def test_a_graded_checkpoint_is_taken_without_a_warning(self):
        with tempfile.TemporaryDirectory() as tmp:
            folder = train(s.fixture("run_a", "checkpoints", "checkpoint-4500"), tmp)
            out, err = s.run(["eval", folder, "--suite", DATA, "--samples", "9"])
            self.assertEqual(json.loads(out)["n"], 9)
            self.assertNotIn("warning", err)


class New(unittest.TestCase):
    def test_a_new_model_has_a_complete_configuration(self):
        shape = {"model_type": "qwen3", "vocab_size": 1024, "hidden_size": 48,
                 "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
                 "num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": True,
                 "max_position_embeddings": 512}
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "shape.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(shape, f)
            folder = train(None, os.path.join(tmp, "out"), "--from-scratch", path, "--tokenizer",
                           s.fixture("tokenizers", "small-qwen-a"))
            config = s.read_json(os.path.join(folder, "config.json"))
            self.assertEqual({**config, **shape}, config)
            self.assertEqual(config["architectures"], ["Qwen3ForCausalLM"])
            for key in ("hidden_act", "rms_norm_eps", "rope_theta", "torch_dtype", "eos_token_id"):
                self.assertIn(key, config)
            self.assertIn("eos_token_id",
                          s.read_json(os.path.join(folder, "generation_config.json")))
            inspected(folder)
            rows = rows_of()
            difference = worst(numpy_model.Model(folder), s.score(folder, rows, "--dtype", "f32"), rows)
            self.assertLessEqual(difference, TOLERANCE)


def merged(base, adapter):
    """The base's float64 model with scale · B·A added to each module, as PEFT's merge does it."""
    model = numpy_model.Model(base)
    config = s.read_json(os.path.join(adapter, "adapter_config.json"))
    tensors = dict(numpy_model.read_safetensors(os.path.join(adapter, "adapter_model.safetensors")))
    prefix, used = "base_model.model.", 0
    for name, a in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        b = tensors[name.replace(".lora_A.", ".lora_B.")]
        assert name.startswith(prefix) and a.shape[0] == b.shape[1] == config["r"]
        target = name[len(prefix):].replace(".lora_A.weight", ".weight")
        assert target.split(".")[-2] in config["target_modules"], name
        model.w[target] = model.w[target] + config["lora_alpha"] / config["r"] * (b @ a)
        used += 2
    assert used == len(tensors), sorted(tensors)
    return model


class Adapter(unittest.TestCase):
    def test_an_adapter_equals_the_weights_it_stands_for(self):
        for name, targets in (("qwen3-tiny", "q_proj,v_proj"), ("llama-tiny", None),
                              ("qwen2-tiny", "down_proj,o_proj")):
            with self.subTest(model=name), tempfile.TemporaryDirectory() as tmp:
                base = s.model_dir(name)
                options = ["--lora-targets", targets] if targets else []
                folder = train(base, tmp, "--lora-rank", "4", "--lora-alpha", "12", *options,
                               "--dtype", "f32", "--lr", "2e-2")
                config = s.read_json(os.path.join(folder, "adapter_config.json"))
                self.assertEqual(set(config), PEFT_KEYS)
                self.assertEqual((config["r"], config["lora_alpha"], config["peft_type"],
                                  config["task_type"], config["bias"]),
                                 (4, 12, "LORA", "CAUSAL_LM", "none"))
                self.assertIsInstance(config["lora_alpha"], int)
                self.assertEqual(config["base_model_name_or_path"], os.path.realpath(base))
                self.assertFalse(os.path.exists(os.path.join(folder, "config.json")))
                inspected(folder, "--base-model", base)
                rows = rows_of()
                got = s.score(folder, rows, "--dtype", "f32", "--base-model", base)
                difference = worst(merged(base, folder), got, rows)
                print(f"LoRA on {name}: max |Δ logprob| {difference:.2e}")
                self.assertLessEqual(difference, TOLERANCE)
                without = s.score(base, rows, "--dtype", "f32")
                self.assertGreater(s.max_abs(got[0]["logprobs"], without[0]["logprobs"]),
                                   100 * TOLERANCE, "the adapter changes nothing")

    def test_an_adapter_that_is_continued_stays_the_adapter_that_it_is(self):
        """At a rate of 0 nothing may move, whatever ranks, patterns and whole modules it has."""
        for name in sorted(os.listdir(s.fixture("adapters"))):
            with self.subTest(adapter=name), tempfile.TemporaryDirectory() as tmp:
                source = s.fixture("adapters", name)
                base = s.model_dir(s.read_json(os.path.join(source, "reference.json"))["base"])
                folder = train(source, tmp, "--base-model", base, "--lr", "0", "--dtype", "f32")
                self.assertEqual(s.read_json(os.path.join(source, "adapter_config.json")),
                                 s.read_json(os.path.join(folder, "adapter_config.json")))
                inspected(folder, "--base-model", base)
                rows = rows_of()
                before, after = (
                    [row["logprobs"] for row in
                     s.score(where, rows, "--dtype", "f32", "--base-model", base)]
                    for where in (source, folder))
                self.assertEqual(before, after)


if __name__ == "__main__":
    s.main()
