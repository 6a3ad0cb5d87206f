"""proctor compare: two checkpoints side by side."""
import json
import os

import harness
from harness import RUN_A, proctor

SUITE = os.path.join(RUN_A, "validation.jsonl")


def checkpoint(step):
    return os.path.join(RUN_A, "checkpoints", "checkpoint-%d" % step)


def reference(step):
    with open(os.path.join(RUN_A, "reference", "checkpoint-%d.jsonl" % step)) as f:
        return {row["id"]: row for row in map(json.loads, f)}


def test_differences_are_those_of_the_reference():
    doc = proctor("compare", checkpoint(2886), checkpoint(2926), "--suite", SUITE, "--dtype=f32",
                  "--max-new-tokens=32").row()
    a, b = reference(2886), reference(2926)
    assert doc["n_paired"] == 300
    assert sorted(doc["lost"]) == sorted(i for i in a if a[i]["correct"] and not b[i]["correct"])
    assert sorted(doc["gained"]) == sorted(i for i in a if b[i]["correct"] and not a[i]["correct"])
    accuracy = doc["metrics"]["accuracy"]
    assert abs(accuracy["difference"] - sum(b[i]["correct"] - a[i]["correct"] for i in a) / 300) < 1e-9
    assert accuracy["ci95"][0] < accuracy["difference"] < accuracy["ci95"][1] < 0
    loss = doc["metrics"]["loss_mean_per_example"]
    assert abs(loss["difference"] - sum(b[i]["loss"] - a[i]["loss"] for i in a) / 300) < 1e-4
    assert len(doc["examples"]) == len(doc["lost"]) + len(doc["gained"])


def test_options_name_the_checkpoints_too():
    args = ("--suite", SUITE, "--samples=9")
    one = proctor("compare", checkpoint(2886), checkpoint(4500), *args).row()
    for way in (("--checkpoint1", checkpoint(2886), "--checkpoint2", checkpoint(4500)),
                ("--checkpoint2", checkpoint(4500), checkpoint(2886))):
        doc = proctor("compare", *way, *args).row()
        assert doc["metrics"] == one["metrics"]
    proctor("compare", checkpoint(2886), *args, status=2)
    proctor("compare", *args, status=2)


def test_a_table_shows_both_answers_next_to_each_other():
    text = proctor("compare", checkpoint(2886), checkpoint(2926), "--suite", SUITE, "--table", "--changes=2").out
    assert "accuracy %" in text and "checkpoint-2886" in text and "lost" in text and "golden" in text
    assert text.count("  prompt ") == 2


def test_a_checkpoint_against_itself_shows_no_change():
    doc = proctor("compare", checkpoint(4500), checkpoint(4500), "--suite", SUITE, "--samples=12").row()
    assert doc["gained"] == doc["lost"] == [] and doc["metrics"]["loss_mean_per_example"]["difference"] == 0


harness.run(globals())
