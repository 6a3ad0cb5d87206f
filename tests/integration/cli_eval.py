"""proctor eval against the reference of a real training run."""
import json
import math
import os
import signal
import subprocess
import time

import harness
from harness import RUN_A, proctor

STEPS = (1574, 2886, 2926, 4500)
SUITE = os.path.join(RUN_A, "validation.jsonl")
CHATML = os.path.join(RUN_A, "validation_chatml.jsonl")


def checkpoint(step):
    return os.path.join(RUN_A, "checkpoints", "checkpoint-%d" % step)


def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def test_every_example_is_graded_as_the_reference_grades_it():
    with open(os.path.join(RUN_A, "RESULTS.json")) as f:
        results = json.load(f)
    results = results.get("checkpoints", results)
    with harness.scratch() as folder:
        for step in STEPS:
            out = os.path.join(folder, "%d.jsonl" % step)
            doc = proctor("eval", checkpoint(step), "--suite", SUITE, "--examples", out,
                          "--dtype", "f32", "--max-new-tokens", 32).row()
            want = {row["id"]: row for row in lines(os.path.join(RUN_A, "reference", "checkpoint-%d.jsonl" % step))}
            got = lines(out)
            assert [row["id"] for row in got] == [row["id"] for row in lines(SUITE)]
            for row in got:
                ref = want[row["id"]]
                assert abs(row["loss"] - ref["loss"]) <= 1e-3 * ref["loss"] and abs(row["loss"] - ref["loss"]) < 1e-4
                assert row["answer_tokens"] == len(ref["answer_token_logprobs"])
                assert row["checkpoint"] == "checkpoint-%d" % step
                if ref["min_margin"] < 1e-4:
                    continue
                assert row["correct"] == ref["correct"], row
                if ref["finished"]:
                    assert row["answer"].strip() == ref["greedy_answer"] and row["finish"] == "stop"
                    assert abs(row["confidence"] - ref["confidence"]) < 1e-4
                else:
                    assert row["answer"] is None and row["finish"] == "length"
            losses = [ref["loss"] for ref in want.values()]
            assert abs(doc["loss_mean_per_example"] - sum(losses) / 300) < 1e-4
            tokens = [ref["answer_token_logprobs"] for ref in want.values()]
            pooled = -sum(map(sum, tokens)) / sum(map(len, tokens))
            assert abs(doc["loss"] - pooled) < 1e-4 and abs(doc["perplexity"] - math.exp(doc["loss"])) < 1e-6
            assert abs(doc["accuracy"] - sum(ref["correct"] for ref in want.values()) / 300) < 1e-9
            lo, hi = doc["accuracy_ci95"]
            assert lo < doc["accuracy"] < hi


FIELDS = ("checkpoint fingerprint suite suite_fingerprint n n_skipped loss loss_mean_per_example perplexity "
          "accuracy accuracy_ci95 by_difficulty by_skill ece ece_15 bins quality seconds tokens_scored "
          "tokens_generated peak_rss_bytes schema_version dtype numerics").split()


def test_the_document_has_every_field_of_the_contract():
    doc = proctor("eval", checkpoint(4500), "--suite", SUITE, "--samples", 30).row()
    for field in FIELDS:
        assert field in doc, field
    assert doc["n"] == 30 and doc["n_skipped"] == 0 and doc["schema_version"] == 1
    assert {"easy", "medium", "hard"} <= set(doc["by_difficulty"])
    assert {k: doc["by_difficulty"][k]["n"] for k in ("easy", "medium", "hard")} == dict(easy=10, medium=10, hard=10)
    assert [b["range"] for b in doc["bins"]] == ["0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8", "0.8-0.95", "0.95-1.0"]
    assert set(doc["quality"]) >= {"mean_output_tokens", "truncated", "format_ok", "empty", "think_rate"}
    assert len(doc["fingerprint"]) == 64 and doc["peak_rss_bytes"] > 1 << 20


def test_the_same_samples_are_taken_for_every_checkpoint_and_both_formats_agree():
    with harness.scratch() as folder:
        seen = []
        for step, suite in ((1574, SUITE), (4500, SUITE), (4500, CHATML)):
            out = os.path.join(folder, "out.jsonl")
            proctor("eval", checkpoint(step), "--suite", suite, "--samples=20", "--examples", out)
            seen.append(lines(out))
        ids = [[row["id"] for row in rows] for rows in seen]
        assert ids[0] == ids[1]
        if ids[1] == ids[2]:
            assert [r["loss"] for r in seen[1]] == [r["loss"] for r in seen[2]]


def test_grades_do_not_depend_on_threads():
    def graded(*args):
        with harness.scratch() as folder:
            out = os.path.join(folder, "out.jsonl")
            proctor("eval", checkpoint(2886), "--suite", SUITE, "--samples=12", "--examples", out, *args)
            return lines(out)
    for dtype in ("f32", "bf16"):
        assert graded("--dtype", dtype, "--threads=1") == graded("--dtype", dtype, "--threads=2")


def test_several_checkpoints_give_a_document_each_or_a_ranked_table():
    dirs = [checkpoint(1574), checkpoint(4500)]
    docs = proctor("eval", *dirs, "--suite", SUITE, "--samples=30").rows()
    assert [doc["checkpoint"] for doc in docs] == ["checkpoint-1574", "checkpoint-4500"]
    table = proctor("eval", *dirs, "--suite", SUITE, "--samples=30", "--table").out
    assert table.index("checkpoint-4500") < table.index("checkpoint-1574")
    assert "%.4f" % docs[0]["loss"] in table and "%.4f" % docs[1]["ece"] in table


def test_lines_that_cannot_be_used_are_named_and_counted():
    with harness.scratch() as folder:
        path = os.path.join(folder, "suite.jsonl")
        with open(path, "w") as f:
            f.write('{"id":"a","prompt":"2+2?","golden":"4"}\nbroken\n{"prompt":"x"}\n'
                    '{"id":"a","prompt":"again","golden":"5"}\n')
        result = proctor("eval", checkpoint(4500), "--suite", path)
        doc = result.row()
        assert doc["n"] == 1 and doc["n_skipped"] == 3
        for number in (2, 3, 4):
            assert "suite.jsonl:%d" % number in result.err
        with open(path, "w") as f:
            f.write("broken\n")
        result = proctor("eval", checkpoint(4500), "--suite", path, status=1)
        assert not result.out and "suite.jsonl" in result.err
        assert "gone.jsonl" in proctor("eval", checkpoint(4500), "--suite", folder + "/gone.jsonl", status=1).err


def test_files_after_suite_are_one_suite_and_the_model_may_stand_last():
    doc = proctor("eval", "--samples=6", "--suite", SUITE, CHATML, checkpoint(4500), status=None)
    assert doc.status == 0, doc.err


def test_a_refused_checkpoint_does_not_stop_the_others():
    broken = os.path.join(harness.FIXTURES, "malformed", "checkpoint", "missing_tensor")
    result = proctor("eval", broken, checkpoint(4500), "--suite", SUITE, "--samples=5", status=1)
    assert result.row()["checkpoint"] == "checkpoint-4500" and "missing_tensor" in result.err


def test_nan_weights_never_become_a_number():
    folder = os.path.join(harness.FIXTURES, "malformed", "checkpoint", "nan_weight")
    result = proctor("eval", folder, "--suite", SUITE, "--samples=5", status=None)
    for doc in result.rows():
        assert doc["loss"] is None and doc["loss_reason"], doc


def test_the_configuration_is_read_and_mistakes_in_it_are_named():
    with harness.scratch() as folder:
        path = os.path.join(folder, "proctor.yaml")
        with open(path, "w") as f:
            f.write("eval:\n  max_new_tokens: 1\n")
        doc = proctor("eval", checkpoint(4500), "--suite", SUITE, "--samples=5", "--base-dir", folder).row()
        assert doc["quality"]["truncated"] == 5
        with open(path, "w") as f:
            f.write("eval:\n  max_new_token: 2\n")
        result = proctor("eval", checkpoint(4500), "--suite", SUITE, cwd=folder, status=1)
        assert "proctor.yaml:2: unknown key 'eval.max_new_token'; did you mean 'max_new_tokens'?" in result.err


def stopped_after(seconds, suite, out):
    """Starts a long grading, interrupts it, and returns how many examples were written."""
    if os.path.exists(out):
        os.remove(out)
    child = subprocess.Popen([harness.PROCTOR, "eval", checkpoint(4500), "--suite", suite, "--examples", out,
                              "--max-new-tokens", "24"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"dtype" in child.stderr.readline()
    time.sleep(seconds)
    child.send_signal(signal.SIGINT)
    stdout, stderr = child.communicate(timeout=120)
    assert child.returncode == 130 and not stdout, (child.returncode, stderr)
    return len(lines(out))


def test_ctrl_c_flushes_what_is_finished():
    with harness.scratch() as folder:
        suite, out = os.path.join(folder, "many.jsonl"), os.path.join(folder, "out.jsonl")
        with open(suite, "w") as f:
            for k in range(100):
                for i, row in enumerate(lines(SUITE)):
                    f.write(json.dumps({**row, "id": "%d-%d" % (k, i), "prompt": "%d: " % k + row["prompt"]}) + "\n")
        seconds, n = 2, 0
        while not n and seconds < 60: # a busy machine may finish nothing in two seconds
            n = stopped_after(seconds, suite, out)
            seconds *= 3
        assert 0 < n < 30000


def test_lm_eval_files_are_written():
    with harness.scratch() as folder:
        proctor("eval", checkpoint(4500), "--suite", SUITE, "--samples=6", "--lm-eval-dir", folder)
        found = [name for _, _, names in os.walk(folder) for name in names]
        assert any(n.startswith("results_") and n.endswith(".json") for n in found), found
        assert any(n.startswith("samples_") and n.endswith(".jsonl") for n in found), found


harness.run(globals())
