"""The numerics id's promise: a sequence's numbers are the same bits alone or packed with others, in any
order, at any thread count, with or without a shared prefix, scored or decoded."""
import random
import unittest

import support as s


def sequences(rng, vocab=1012):
    """Lengths around the kernels' edges, and families that share prefixes."""
    lengths = [1, 2, 3, 5, 6, 7, 31, 63, 64, 65, 127, 128, 129, 200]
    rows = [[rng.randrange(vocab) for _ in range(n)] for n in lengths]
    stem = [rng.randrange(vocab) for _ in range(70)]
    for cut in (1, 40, 64, 70):
        rows.append(stem[:cut] + [rng.randrange(vocab) for _ in range(rng.randrange(1, 40))])
    rows.append(list(stem))
    rows.append(list(stem))  # a repetition, shared whole
    return [{"ids": ids} for ids in rows]


MODELS = ["qwen3-tiny-untied", "llama-tiny"] if s.QUICK else list(s.MODELS)
SEEDS = [1] if s.QUICK else [1, 2, 3]


class Score(unittest.TestCase):
    def each(self):
        for name in MODELS:
            for dtype in ("f32", "bf16"):
                for seed in SEEDS if name == MODELS[0] else SEEDS[:1]:
                    case = f"{name} {dtype} {seed}"
                    rng = random.Random(case)
                    yield case, s.model_dir(name), dtype, rng, sequences(rng)

    def test_alone_or_packed_gives_the_same_bytes(self):
        for case, model, dtype, _, rows in self.each():
            packed = s.score_text(model, rows, "--dtype", dtype)
            for i, row in enumerate(rows):
                alone = s.score_text(model, [row], "--dtype", dtype)
                self.assertEqual(alone[0], packed[i], f"{case} line {i}, {len(row['ids'])} ids")

    def test_any_order_gives_the_same_bytes(self):
        for case, model, dtype, rng, rows in self.each():
            packed = s.score_text(model, rows, "--dtype", dtype)
            order = list(range(len(rows)))
            for _ in range(2):
                rng.shuffle(order)
                shuffled = s.score_text(model, [rows[i] for i in order], "--dtype", dtype)
                for line, i in zip(shuffled, order):
                    self.assertEqual(line, packed[i], f"{case} line {i}")

    def test_any_thread_count_gives_the_same_bytes(self):
        for case, model, dtype, _, rows in self.each():
            outs = [s.score_text(model, rows, "--dtype", dtype, "--threads", str(n))
                    for n in (1, 2, 3)]
            self.assertEqual(outs[0], outs[1], case)
            self.assertEqual(outs[0], outs[2], case)

    def test_every_instruction_set_keeps_the_promise(self):
        for isa in s.isas():
            rng = random.Random(isa)
            rows = sequences(rng)
            for dtype in ("f32", "bf16"):
                with self.subTest(isa=isa, dtype=dtype):
                    model, env = s.model_dir("qwen2-tiny"), {"PROCTOR_ISA": isa}
                    packed = s.score_text(model, rows, "--dtype", dtype, env=env)
                    for i in range(0, len(rows), 3):
                        alone = s.score_text(model, [rows[i]], "--dtype", dtype, "--threads", "1",
                                             env=env)
                        self.assertEqual(alone[0], packed[i], f"line {i}")


class Complete(unittest.TestCase):
    def test_decoding_gives_the_numbers_of_scoring(self):
        for name in MODELS:
            for dtype in ("f32", "bf16"):
                with self.subTest(model=name, dtype=dtype):
                    model, rows = s.model_dir(name), sequences(random.Random(name))
                    made = s.complete(model, rows, "--dtype", dtype, "--ignore-eos",
                                      "--max-new-tokens", "24")
                    again = s.score(model, [{"ids": r["ids"] + m["ids"]}
                                            for r, m in zip(rows, made)], "--dtype", dtype)
                    for r, m, a in zip(rows, made, again):
                        self.assertEqual(len(m["ids"]), 24)
                        self.assertEqual(m["logprobs"], a["logprobs"][len(r["ids"]) - 1:],
                                         f"{len(r['ids'])} ids of prompt")
                        for i, new in enumerate(m["ids"]):
                            self.assertEqual(new, a["top"][len(r["ids"]) - 1 + i][0][0])

    def test_a_neighbour_does_not_change_a_continuation(self):
        model, rng = s.model_dir("qwen3-tiny"), random.Random(5)
        rows = sequences(rng)
        options = ("--dtype", "bf16", "--max-new-tokens", "40")
        packed = s.complete(model, rows, *options)
        for i in range(0, len(rows), 4):
            self.assertEqual(s.complete(model, [rows[i]], *options, "--threads", "1")[0], packed[i])

    def test_length_and_stop_are_told_apart(self):
        model = s.model_dir("qwen3-tiny")
        eos = set(s.read_json(model + "/generation_config.json")["eos_token_id"])
        rows = sequences(random.Random(9))
        for m in s.complete(model, rows, "--dtype", "f32", "--max-new-tokens", "48"):
            if m["finish"] == "stop":
                self.assertIn(m["ids"][-1], eos)
                self.assertFalse(eos & set(m["ids"][:-1]))
            else:
                self.assertEqual(m["finish"], "length")
                self.assertEqual(len(m["ids"]), 48)
                self.assertFalse(eos & set(m["ids"]))
            self.assertEqual(len(m["ids"]), len(m["logprobs"]))


if __name__ == "__main__":
    s.main()
