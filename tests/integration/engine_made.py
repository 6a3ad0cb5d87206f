"""Checkpoints of every architecture in shapes that no one publishes (head_dim, widths and vocabulary that
no vector width divides), against a float64 transformer in numpy."""
import os
import random
import subprocess
import sys
import tempfile
import unittest

import support as s

try:
    import numpy as np
    import numpy_model
except ImportError:
    print("skipped: checkpoints of odd shapes, since python3-numpy is missing", file=sys.stderr)
    sys.exit(77)

MAKE = os.environ.get("MAKE_CHECKPOINT",
                      os.path.join(s.ROOT, "build", "tools", "make-checkpoint"))
TOLERANCE = 2e-5

ODD = ["--layers", "3", "--hidden", "72", "--heads", "6", "--kv-heads", "2", "--head-dim", "20",
       "--mlp", "100", "--vocab", "1003", "--std", "0.08"]
CASES = {
    "qwen3 tied bf16": ["--preset", "qwen3-tiny", *ODD, "--dtype", "bf16"],
    "qwen3 untied f32 in shards": ["--preset", "qwen3-tiny", *ODD, "--untied", "--dtype", "f32",
                                   "--max-shard", "100000"],
    "qwen3 window": ["--preset", "qwen3-tiny", *ODD, "--window", "20", "--dtype", "f16"],
    "qwen2 f16": ["--preset", "qwen2.5-0.5b", *ODD, "--dtype", "f16"],
    "llama with llama3 rope": ["--preset", "llama-3.2-1b", *ODD, "--dtype", "bf16"],
    "llama with every bias": ["--preset", "smollm-135m", *ODD, "--bias", "qkv,o,mlp"],
    "mistral with a window": ["--preset", "mistral-tiny", *ODD, "--window", "48"],
    "one head": ["--preset", "qwen3-tiny", "--layers", "1", "--hidden", "30", "--heads", "1",
                 "--kv-heads", "1", "--head-dim", "2", "--mlp", "7", "--vocab", "65", "--std", "0.3"],
    "as many kv heads as heads": ["--preset", "qwen3-tiny", "--heads", "4", "--kv-heads", "4",
                                  "--head-dim", "64", "--vocab", "300", "--std", "0.1"],
}


class Made(unittest.TestCase):
    def check(self, name, folder, isa):
        model = numpy_model.Model(folder)
        rng = random.Random(name)
        vocab = model.c["vocab_size"]
        rows = [{"ids": [rng.randrange(vocab) for _ in range(n)]} for n in (2, 17, 64, 130)]
        rows.append({"ids": rows[-1]["ids"][:80] + rows[1]["ids"]})
        got = s.score(folder, rows, "--dtype", "f32", env={"PROCTOR_ISA": isa})
        worst = 0.0
        for row, g in zip(rows, got):
            want = model.log_probabilities(row["ids"])
            picked = want[np.arange(len(row["ids"]) - 1), row["ids"][1:]]
            worst = max(worst, s.max_abs(g["logprobs"], list(picked)))
            best = np.sort(want, -1)[:, ::-1][:, :5]
            for five, w in zip(g["top"], best):
                worst = max(worst, s.max_abs([x for _, x in five], list(w)))
        print(f"{name}, {isa}: max |Δ logprob| {worst:.2e}")
        self.assertLessEqual(worst, TOLERANCE, f"{name} {isa}")

    def test_log_probabilities_are_those_of_a_float64_transformer(self):
        for name, options in CASES.items():
            with self.subTest(case=name), tempfile.TemporaryDirectory() as folder:
                subprocess.run([MAKE, folder, *options, "--seed", "3"], check=True,
                               capture_output=True)
                for isa in s.isas():
                    self.check(name, folder, isa)

    def test_the_same_seed_makes_the_same_bytes(self):
        def make(seed):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([MAKE, folder, "--seed", seed], check=True, capture_output=True)
                with open(os.path.join(folder, "model.safetensors"), "rb") as f:
                    return f.read()
        self.assertEqual(make("4"), make("4"))
        self.assertNotEqual(make("4"), make("5"))


if __name__ == "__main__":
    s.main()
