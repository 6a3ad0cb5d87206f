"""proctor train against float64 references: every loss and gradient norm of 20 steps of AdamW, and the
parameters that its checkpoints hold after steps 1, 5 and 20."""
import array
import json
import math
import os
import struct
import sys
import tempfile
import unittest

import support

STEPS = (1, 5, 20)
MODELS = ["qwen3-tiny", "qwen3-tiny-untied", "qwen2-tiny", "llama-tiny"]


def tensors(folder):
    """{name: (shape, values)} of a checkpoint whose weights are F32."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".safetensors"):
            continue
        with open(os.path.join(folder, name), "rb") as f:
            head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            data = f.read()
        for tensor, t in head.items():
            if tensor == "__metadata__":
                continue
            if t["dtype"] != "F32":
                raise AssertionError(f"{tensor}: {t['dtype']}, F32 was expected")
            values = array.array("f", data[t["data_offsets"][0]:t["data_offsets"][1]])
            if sys.byteorder == "big":
                values.byteswap()
            found[tensor] = (t["shape"], values)
    return found


class Reference(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="proctor-test-train-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def train(self, ref, run):
        """Trains as the reference did; the lines and the checkpoint of each snapshot."""
        hyper = ref["hyper"]
        batches = self.write("batches.jsonl", support.lines_in(ref["batches"]))
        rates = self.write("rates", "\n".join(repr(s["lr"]) for s in run["steps"]))
        decay = "all" if run["decay"].startswith("all") else "matrices"
        checkpoints, lines = {}, {}
        for steps in STEPS:  # each a training of its own: the last step always writes
            out = self.path(f"out-{steps}")
            text, _ = support.run(["train", support.model_dir(ref["model"]), "--token-batches",
                batches, "--lr", "@" + rates, "--steps", steps, "--out", out, "--decay", decay,
                "--weight-decay", hyper["weight_decay"], "--grad-clip", hyper["max_grad_norm"],
                "--dtype", "f32", "--threads", 2])
            checkpoints[steps] = os.path.join(out, f"checkpoint-{steps}")
            lines[steps] = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(
            [{k: v for k, v in x.items() if k != "tokens_per_second"} for x in lines[5]],
            [{k: v for k, v in x.items() if k != "tokens_per_second"} for x in lines[20][:5]])
        return lines[20], checkpoints

    def check_steps(self, name, run, lines):
        worst = [0.0, 0.0]
        for want, got in zip(run["steps"], lines, strict=True):
            self.assertEqual(got["step"], want["step"])
            self.assertEqual(got["learning_rate"], want["lr"])
            worst[0] = max(worst[0], abs(got["loss"] - want["loss"]))
            worst[1] = max(worst[1], abs(got["grad_norm"] / want["grad_norm"] - 1))
        print(f"{name} {run['name']}: worst loss {worst[0]:.1e}, gradient norm {worst[1]:.1e}",
              file=sys.stderr)
        self.assertLess(worst[0], 1e-4)
        self.assertLess(worst[1], 1e-4)

    def check_parameters(self, name, run, steps, folder):
        snapshot = run["snapshots"][str(steps)]
        got = tensors(folder)
        self.assertEqual(set(got), set(snapshot["tensors"]))
        squares, worst, norms = 0.0, 0.0, 0.0
        for tensor, want in snapshot["tensors"].items():
            values = got[tensor][1]
            s = math.fsum(x * x for x in values)
            squares += s
            norms = max(norms, abs(math.sqrt(s) / want["l2"] - 1) if want["l2"] else s)
            for i, x in want["entries"]:
                worst = max(worst, abs(values[i] - x))
        norms = max(norms, abs(math.sqrt(squares) / snapshot["param_global_norm"] - 1))
        print(f"{name} {run['name']} after {steps}: worst parameter {worst:.1e}, norm {norms:.1e}",
              file=sys.stderr)
        self.assertLess(worst, 1e-4)
        self.assertLess(norms, 1e-4)

    def check_after(self, ref, run, folder):
        """The loss of what was written, by a training that changes nothing."""
        batches = self.write("batches.jsonl", support.lines_in(ref["batches"]))
        text, _ = support.run(["train", folder, "--token-batches", batches, "--lr", 0, "--steps", 4,
            "--weight-decay", 0, "--out", self.path("after"), "--resume", "never"])
        losses = [json.loads(line)["loss"] for line in text.splitlines()]
        self.assertLess(support.max_abs(losses, run["snapshots"]["20"]["loss_after_on_each_batch"]),
                        1e-4)

    def check(self, name):
        ref = support.read_json(support.fixture("reference", name + ".train.json"))
        self.assertTrue(ref["runs"])
        for run in ref["runs"]:
            lines, checkpoints = self.train(ref, run)
            self.assertEqual([x["tokens"] for x in lines[:4]],
                             [b["label_tokens"] for b in ref["batches"]]
                             if "label_tokens" in ref["batches"][0] else
                             [sum(x != -100 for row in b["labels"] for x in row[1:])
                              for b in ref["batches"]])
            self.check_steps(name, run, lines)
            for steps in STEPS:
                self.check_parameters(name, run, steps, checkpoints[steps])
            self.check_after(ref, run, checkpoints[20])
            for steps in STEPS:
                os.rename(self.path(f"out-{steps}"), self.path(f"{run['name']}-{steps}"))


for model in MODELS:
    def test(self, name=model):
        self.check(name)
    setattr(Reference, "test_" + model.replace("-", "_"), test)
del test


if __name__ == "__main__":
    support.main()
