"""Scores and greedy continuations of every tiny checkpoint against float64 references, on every
instruction set of this machine."""
import unittest

import support as s

F32_TOLERANCE = 2e-5   # absolute, of each log-probability
BF16_MEAN = 0.02       # mean absolute difference
BF16_GAP = 0.05        # the same arg-max where the reference is surer than this


def rows(sequences):
    return [{"ids": q["token_ids"]} for q in sequences]


class F32(unittest.TestCase):
    """The f32 path is the reference up to rounding."""

    def check_scores(self, name, isa):
        sequences = s.reference(name)
        got = s.score(s.model_dir(name), rows(sequences), "--dtype", "f32",
                      env={"PROCTOR_ISA": isa})
        worst = 0.0
        for q, g in zip(sequences, got):
            where = f"{name} {isa} {q['name']}"
            worst = max(worst, s.max_abs(g["logprobs"], q["token_logprobs"]))
            self.assertLessEqual(worst, F32_TOLERANCE, where)
            if q["length"] == 1:
                self.assertIsNone(g["loss"], where)
                self.assertTrue(g["loss_reason"], where)
            else:
                self.assertAlmostEqual(g["loss"], q["mean_nll"], delta=F32_TOLERANCE, msg=where)
            self.check_top(g["top"], q, where)
        return worst

    def check_top(self, top, q, where):
        self.assertEqual(len(top), q["length"], where)
        for i, five in enumerate(top):
            self.assertEqual(len(five), 5, where)
            lp = q["top5_logprobs"][i]
            self.assertLessEqual(s.max_abs([x for _, x in five], lp), F32_TOLERANCE, where)
            for k in range(4):  # which of two nearly equal ones comes first is not decided
                if lp[k] - lp[k + 1] > F32_TOLERANCE and (k == 0 or lp[k - 1] - lp[k] > F32_TOLERANCE):
                    self.assertEqual(five[k][0], q["top5_ids"][i][k], f"{where} position {i}")

    def test_log_probabilities_are_those_of_the_reference(self):
        for isa in s.isas():
            for name in s.MODELS:
                with self.subTest(model=name, isa=isa):
                    worst = self.check_scores(name, isa)
                    print(f"{name} {isa}: max |Δ logprob| {worst:.2e}")

    def test_greedy_continuations_are_those_of_the_reference(self):
        for isa in s.isas():
            for name in s.MODELS:
                with self.subTest(model=name, isa=isa):
                    sequences = s.reference(name)
                    got = s.complete(s.model_dir(name), rows(sequences), "--dtype", "f32",
                                     "--ignore-eos", "--max-new-tokens", "32",
                                     env={"PROCTOR_ISA": isa})
                    for q, g in zip(sequences, got):
                        where = f"{name} {isa} {q['name']}"
                        self.assertEqual(g["ids"], q["greedy32_ids"], where)
                        self.assertLessEqual(s.max_abs(g["logprobs"], q["greedy32_logprobs"]),
                                             F32_TOLERANCE, where)
                        self.assertEqual(g["finish"], "length", where)


class Bf16(unittest.TestCase):
    """The bf16 path is near the reference on average, and agrees where the reference is sure."""

    def test_log_probabilities_are_near_and_sure_choices_the_same(self):
        for isa in s.isas():
            for name in s.MODELS:
                with self.subTest(model=name, isa=isa):
                    self.check(name, isa)

    def check(self, name, isa):
        sequences, env = s.reference(name), {"PROCTOR_ISA": isa}
        model = s.model_dir(name)
        got = s.score(model, rows(sequences), "--dtype", "bf16", env=env)
        diffs, sure, flips = [], 0, []
        for q, g in zip(sequences, got):
            self.assertEqual(len(g["logprobs"]), len(q["token_logprobs"]))
            diffs += [abs(x - y) for x, y in zip(g["logprobs"], q["token_logprobs"])]
            for i, (best, second, *_) in enumerate(q["top5_logprobs"]):
                if best - second > BF16_GAP:
                    sure += 1
                    if g["top"][i][0][0] != q["top5_ids"][i][0]:
                        flips.append((q["name"], i, best - second))
        mean = sum(diffs) / len(diffs)
        print(f"{name} {isa}: bf16 mean |Δ logprob| {mean:.2e}, {sure} sure choices, "
              f"{len(flips)} differ")
        self.assertLessEqual(mean, BF16_MEAN)
        self.assertEqual(flips, [])

    def test_sure_choices_hold_along_the_greedy_continuation(self):
        # The references keep no gaps along the continuation; the f32 path, which the tests above hold
        # within 2e-5 of them, supplies those.
        for name in s.MODELS:
            with self.subTest(model=name):
                longer = [{"ids": q["token_ids"] + q["greedy32_ids"]} for q in s.reference(name)]
                model = s.model_dir(name)
                f32 = s.score(model, longer, "--dtype", "f32")
                bf16 = s.score(model, longer, "--dtype", "bf16")
                for a, b in zip(f32, bf16):
                    for i, (x, y) in enumerate(zip(a["top"], b["top"])):
                        if x[0][1] - x[1][1] > BF16_GAP:
                            self.assertEqual(x[0][0], y[0][0], f"{name} position {i}")


if __name__ == "__main__":
    s.main()
