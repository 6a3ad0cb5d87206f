"""`proctor eval` on the checkpoints of a real training run, example by example against an independent
reference, and in its aggregates."""
import json
import os
import sys
import tempfile
import unittest

import support as s

LOSS = 2e-5        # absolute, of an example (the contract asks for 1e-3 relative)
CONFIDENCE = 2e-5
AGGREGATE = 2e-5
DECIDED = 1e-4     # where the reference's own gap is smaller, f32 may rightly choose otherwise


def runs():
    """(checkpoint name, its folder, validation file, reference file) of all that are here."""
    here = s.fixture("run_a")
    names = sorted(os.listdir(os.path.join(here, "checkpoints")))
    found = [(n, os.path.join(here, "checkpoints", n), here) for n in names]
    shared = os.path.join(s.SHARED, "run_a")
    if os.path.isdir(shared) and not s.QUICK:
        found += [(n, os.path.join(shared, "checkpoints", n), shared)
                  for n in sorted(os.listdir(os.path.join(shared, "checkpoints"))) if n not in names]
    else:
        print("skipped: the run's other checkpoints, which are not kept in the repository",
              file=sys.stderr)
    return [(n, folder, os.path.join(base, "validation.jsonl"),
             os.path.join(base, "reference", n + ".jsonl")) for n, folder, base in found]


def evaluate(folder, suite, *options):
    with tempfile.TemporaryDirectory() as tmp:
        examples = os.path.join(tmp, "examples.jsonl")
        out, _ = s.run(["eval", folder, "--suite", suite, "--examples", examples,
                        "--max-new-tokens", "32", *options])
        return json.loads(out), s.read_lines(examples)


class RunA(unittest.TestCase):
    results = {r["checkpoint"]: r
               for r in s.read_json(s.fixture("run_a", "RESULTS.json"))["checkpoints"]}

    def test_every_example_is_graded_as_the_reference_grades_it(self):
        for name, folder, suite, reference in runs():
            with self.subTest(checkpoint=name):
                document, examples = evaluate(folder, suite)
                self.check_examples(name, examples, s.read_lines(reference))
                self.check_document(name, document, self.results[name])

    def check_examples(self, name, examples, reference):
        self.assertEqual(len(examples), len(reference))
        got = {x["id"]: x for x in examples}
        loss = confidence = 0.0
        for r in reference:
            g, where = got[r["id"]], f"{name} {r['id']}"
            loss = max(loss, abs(g["loss"] - r["loss"]))
            self.assertLessEqual(loss, LOSS, where)
            self.assertEqual(g["answer_tokens"], r["answer_tokens"], where)
            if r["min_margin"] < DECIDED and g["answer"] != r["greedy_answer"]:
                print(f"{where}: another answer, where the reference decided by {r['min_margin']:.1e}")
                continue
            self.assertEqual(g["correct"], r["correct"], where)
            self.assertEqual(g["skill"], r["skill"], where)
            self.assertEqual(g["finish"], "stop" if r["finished"] else "length", where)
            if r["finished"]:
                self.assertEqual(g["answer"].strip(), r["greedy_answer"], where)
                confidence = max(confidence, abs(g["confidence"] - r["confidence"]))
                self.assertLessEqual(confidence, CONFIDENCE, where)
            else:
                self.assertIsNone(g["answer"], where)
        print(f"{name}: {len(reference)} examples, max |Δ loss| {loss:.1e}, "
              f"max |Δ confidence| {confidence:.1e}")

    def check_document(self, name, d, r):
        self.assertEqual(d["n"], r["n"])
        self.assertEqual(d["n_skipped"], 0)
        self.assertEqual(d["accuracy"], r["accuracy"])
        pairs = [("loss", d["loss"], r["token_mean_loss"]),
                 ("loss_mean_per_example", d["loss_mean_per_example"], r["mean_loss"]),
                 ("ece_15", d["ece_15"], r["ece_15"]["ece"])]
        for key, got, want in pairs:
            self.assertAlmostEqual(got, want, delta=AGGREGATE, msg=f"{name} {key}")
        for group in ("by_difficulty", "by_skill"):
            self.assertEqual({k for k, v in d[group].items() if v}, set(r[group]))
            for key, want in r[group].items():
                self.assertEqual(d[group][key]["n"], want["n"], f"{name} {key}")
                self.assertEqual(d[group][key]["accuracy"], want["accuracy"], f"{name} {key}")
        lo, hi = d["accuracy_ci95"]
        self.assertTrue(lo <= d["accuracy"] <= hi)
        self.assertEqual(sum(b["count"] for b in d["bins"]), d["n"])

    def test_pooled_losses_of_groups_are_those_of_the_reference(self):
        name, folder, suite, reference = runs()[0]
        document, _ = evaluate(folder, suite)
        rows = s.read_lines(reference)
        for group, key in (("by_difficulty", "difficulty"), ("by_skill", "skill")):
            for value, got in document[group].items():
                mine = [r for r in rows if r[key] == value]
                tokens = sum(r["answer_tokens"] for r in mine)
                pooled = sum(r["loss"] * r["answer_tokens"] for r in mine) / tokens
                self.assertAlmostEqual(got["loss"], pooled, delta=AGGREGATE, msg=f"{name} {value}")

    def test_the_same_suite_as_messages_gives_the_same_grades(self):
        name, folder, suite, _ = runs()[-1]
        _, plain = evaluate(folder, suite)
        chat = suite.replace("validation.jsonl", "validation_chatml.jsonl")
        _, messages = evaluate(folder, chat)
        self.assertEqual([(x["loss"], x["correct"], x["confidence"]) for x in plain],
                         [(x["loss"], x["correct"], x["confidence"]) for x in messages], name)

    def test_a_sample_is_a_part_of_the_whole_with_the_same_grades(self):
        name, folder, suite, _ = runs()[0]
        _, whole = evaluate(folder, suite)
        document, part = evaluate(folder, suite, "--samples", "60", "--threads", "1")
        self.assertEqual(document["n"], 60)
        by_id = {x["id"]: x for x in whole}
        for x in part:
            self.assertEqual(x, by_id[x["id"]], name)
        counts = {k: v["n"] for k, v in document["by_difficulty"].items() if v and v["n"]}
        self.assertEqual(counts, {"easy": 20, "medium": 20, "hard": 20})


if __name__ == "__main__":
    s.main()
