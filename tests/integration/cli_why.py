"""proctor why: what was decided about a checkpoint, with the evidence of that moment."""
import os
import subprocess

import harness
from harness import proctor

BASE = harness.scratch()
subprocess.run([os.environ["MAKE_BASE"], BASE.name], check=True, stdout=subprocess.DEVNULL,
               stderr=subprocess.PIPE)


def why(which, *args, status=0):
    return proctor("why", which, "--base-dir", BASE.name, *args, status=status)


def test_the_document_replays_the_verdict_with_its_evidence():
    doc = why("checkpoint-2926", "--json").row()
    assert doc["checkpoint"]["step"] == 2926 and doc["checkpoint"]["state"] == "ready"
    verdict = [d for d in doc["decisions"] if d["kind"] == "verdict"][-1]
    assert verdict["verdict"] == "warning" and verdict["against"] == "checkpoint-2886"
    assert verdict["suite"] == "validation" and not verdict["superseded"]
    accuracy = verdict["evidence"]["accuracy"]
    assert (accuracy["lost"], accuracy["gained"]) == (20, 3)
    assert abs(verdict["evidence"]["loss"]["increase_percent"] - 6.77) < 0.01
    grades = {g["suite"]: g for g in doc["grades"]}
    assert abs(grades["validation"]["accuracy"] - 122 / 300) < 1e-9
    assert doc["rank"]["rank"] == 3 and doc["rank"]["of"] == 4
    assert [a["level"] for a in doc["alerts"]] == ["warning"]
    assert any("20 answers lost, 3 gained" in s for s in doc["summary"])


def test_the_best_one_says_why_it_is_the_best():
    doc = why("4500", "--json").row()
    kinds = {d["kind"]: d for d in doc["decisions"]}
    assert kinds["ranking"]["verdict"] == "best" and kinds["ranking"]["against"] == "checkpoint-2886"
    assert kinds["baseline"]["verdict"] == "moved"
    text = why("4500", "--brief").out
    assert "it became the best checkpoint" in text and "it became the baseline" in text
    assert "number 1 of 4" in text and "evidence of" not in text


def test_a_checkpoint_is_found_by_name_path_step_or_fingerprint():
    rows = why("checkpoint-2886", "--json").row()["checkpoint"]
    for which in ("2886", rows["path"], rows["path"] + "/", rows["fingerprint"][:8]):
        assert why(which, "--json").row()["checkpoint"] == rows, which
    assert why("2886", "--json").row()["n_judged_against_it"] >= 2


def test_one_that_is_not_known_is_refused_with_what_is_there():
    result = why("checkpoint-1", status=1)
    assert "checkpoint-4500" in result.err and not result.out
    short = why("2886", "--json").row()["checkpoint"]["fingerprint"][:5]
    assert "no checkpoint '%s'" % short in why(short, status=1).err
    with harness.scratch() as empty:
        assert "no proctor.db" in proctor("why", "1", "--base-dir", empty, status=1).err
        assert os.listdir(empty) == []


def test_a_half_graded_one_says_how_far_it_is():
    text = why("5000").out
    assert "120 of 300 examples are graded" in text and "not in the ranking" in text
    assert why("5000", "--json").row()["rank"] is None


def test_a_refused_one_says_why_and_harms_no_terminal():
    doc = why("evil\x1b[2Jname", "--json").row()
    assert doc["checkpoint"]["state"] == "refused"
    result = why("evil\x1b[2Jname")
    assert "cannot be used" in result.out and "\x1b" not in result.out + result.err and "\x07" not in result.out


def test_the_text_shows_the_evidence_that_decided():
    text = why("2926").out
    assert "evidence of regression-monitor, verdict" in text and "accuracy.lost" in text
    assert all(len(line) <= 110 for line in text.split("\n"))


harness.run(globals())
