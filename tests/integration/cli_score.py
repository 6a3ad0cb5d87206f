"""proctor score against a float64 reference."""
import json
import os
import signal
import subprocess

import harness
from harness import MODELS, proctor

NAMES = ("qwen3-tiny", "qwen3-tiny-untied", "qwen2-tiny", "llama-tiny")
TINY = os.path.join(MODELS, "qwen3-tiny")


def reference(name):
    with open(os.path.join(harness.FIXTURES, "reference", name + ".forward.json")) as f:
        return json.load(f)["sequences"]


def test_log_probabilities_are_those_of_the_reference():
    for name in NAMES:
        want = reference(name)
        rows = proctor("score", os.path.join(MODELS, name), "--dtype", "f32",
                       input=[{"ids": s["token_ids"]} for s in want]).rows()
        worst = 0
        for s, row in zip(want, rows):
            assert len(row["logprobs"]) == s["length"] - 1 and len(row["top"]) == s["length"]
            for a, b in zip(row["logprobs"], s["token_logprobs"]):
                worst = max(worst, abs(a - b))
            for top, ids, logprobs in zip(row["top"], s["top5_ids"], s["top5_logprobs"]):
                assert [t[0] for t in top] == ids
                worst = max([worst] + [abs(t[1] - p) for t, p in zip(top, logprobs)])
            if s["length"] > 1:
                worst = max(worst, abs(row["loss"] - s["mean_nll"]))
        print("     %s: largest difference %.1e" % (name, worst))
        assert worst <= 1e-4


def test_one_id_has_no_loss_and_says_why():
    row = proctor("score", TINY, input=[{"ids": [5]}]).row()
    assert row["logprobs"] == [] and row["loss"] is None and row["loss_reason"]
    assert len(row["top"]) == 1 and len(row["top"][0]) == 5


def test_a_line_scores_the_same_alone_and_among_others_at_any_thread_count():
    ids = [s["token_ids"] for s in reference("qwen3-tiny")]
    for dtype in ("f32", "bf16"):
        together = proctor("score", TINY, "--dtype", dtype, "--threads", 2,
                           input=[{"ids": i} for i in ids]).out.splitlines()
        for i, line in zip(ids, together):
            assert proctor("score", TINY, "--dtype", dtype, "--threads", 1,
                           input=[{"ids": i}]).out == line + "\n"


def test_text_is_tokenized_as_it_stands():
    text = "12 + 30 = <|im_end|>"
    ids = proctor("tokenize", TINY, input=[{"text": text}]).row()["ids"]
    by_text, by_ids = proctor("score", TINY, input=[{"text": text}, {"ids": ids}]).rows()
    assert by_text["ids"] == ids and by_text["logprobs"] == by_ids["logprobs"]


def test_the_dtype_used_is_reported():
    result = proctor("score", TINY, "--quiet", input=[{"ids": [1, 2]}])
    assert "dtype f32" in result.err and result.row()["dtype"] == "f32"
    result = proctor("score", TINY, "--dtype=bf16", input=[{"ids": [1, 2]}])
    assert "dtype bf16" in result.err and result.row()["dtype"] == "bf16"


def test_bad_lines_keep_their_place():
    result = proctor("score", TINY, status=1, input=[
        {"ids": [1, 2]}, {"ids": []}, {"ids": [1, 1 << 40]}, {"ids": [1, -1]}, {"ids": [1, 99999]},
        {"ids": ["x"]}, {"ids": [1.5]}, {}, {"ids": [1] * 5000}, {"text": ""}, {"ids": [1, 2]}])
    rows = result.rows()
    assert len(rows) == 11 and rows[0] == rows[10] and "loss" in rows[0]
    for i, row in enumerate(rows[1:10]):
        assert list(row) == ["error"], row
        assert "line %d: " % (i + 2) in result.err


def test_a_checkpoint_with_nan_never_shows_a_number():
    folder = os.path.join(harness.FIXTURES, "malformed", "checkpoint", "nan_weight")
    row = proctor("score", folder, input=[{"ids": [1, 2, 3]}]).row()
    assert row["loss"] is None and row["loss_reason"]


def test_an_adapter_is_scored_beside_its_base_however_that_is_named():
    adapter = os.path.join(harness.FIXTURES, "adapters", "qwen3-all-linear")
    with open(os.path.join(adapter, "reference.json")) as f:
        want = json.load(f)["sequences"]
    lines = [{"ids": s["token_ids"]} for s in want]
    by_option = proctor("score", adapter, "--base-model", TINY, "--dtype=f32", input=lines).rows()
    for s, row in zip(want, by_option):
        assert max(abs(a - b) for a, b in zip(row["logprobs"], s["token_logprobs"])) <= 1e-4
    with harness.scratch() as folder:
        with open(os.path.join(folder, "proctor.yaml"), "w") as f:
            f.write("models:\n  bases:\n    test/qwen3-tiny: %s\n" % TINY)
        assert proctor("score", adapter, "--dtype=f32", input=lines, cwd=folder).rows() == by_option
        assert proctor("score", adapter, "--dtype=f32", "--base-dir", folder, input=lines).rows() == by_option
        home = {"HOME": folder, "HF_HOME": folder, "PROCTOR_BASE_DIR": folder + "/none"}
        said = proctor("score", adapter, input=lines, env=home, status=1).err
        for place in ("--base-model", "models.bases", "Hugging Face cache"):
            assert place in said, said


def test_a_refused_model_is_status_1_and_one_line():
    folder = os.path.join(harness.FIXTURES, "malformed", "checkpoint", "config_unknown_arch")
    result = proctor("score", folder, input=[{"ids": [1]}], status=1)
    assert not result.out and result.err.count("\n") == 1


def test_ctrl_c_while_waiting_for_input_is_status_130():
    with subprocess.Popen([harness.PROCTOR, "score", TINY], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdin.write(b'{"ids":[1,2]}\n')
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["loss"]
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 130


def test_a_reader_that_goes_away_ends_the_work_quietly():
    rows = "".join('{"ids":[%d,2,3]}\n' % i for i in range(900))
    done = subprocess.run("%s score %s --quiet | head -1" % (harness.PROCTOR, TINY), shell=True,
                          input=rows.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stdout.count(b"\n") == 1 and done.stderr.count(b"\n") == 1, done.stderr


harness.run(globals())
