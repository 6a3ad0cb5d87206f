"""proctor run: one base folder, once, and what stands in its way."""
import json
import os
import shutil

from harness import RUN_A, proctor, run, scratch


# Who has nothing to say about the queue does not want it filled.
QUIET = "machine:\n  disabled: [data-generation]\n"


def base(folder, checkpoints=("checkpoint-2886",), lines=20):
    """A base folder with some of run_a's checkpoints and the first lines of its examples."""
    proctor("init", "--base-dir", folder)
    with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
        f.write(QUIET)
    with open(os.path.join(RUN_A, "validation.jsonl"), encoding="utf-8") as f:
        text = f.readlines()[:lines]
    with open(os.path.join(folder, "data/validation/validation.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(text)
    for name in checkpoints:
        shutil.copytree(os.path.join(RUN_A, "checkpoints", name),
                        os.path.join(folder, "models/current_model", name))
    return folder


STATUS = ["regression_monitoring.json", "model_comparisons.json", "confidence_calibration.json",
          "automated_testing.json", "curriculum_optimization.json", "adversarial_mining.json",
          "self_correction.json", "data_generation.json"]


def test_once_grades_what_is_there_and_writes_every_status_file():
    with scratch() as top:
        folder = base(os.path.join(top, "base"))
        with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
            f.write("generation: {lines: 4}\ncurriculum: {budget_percent: 0}\n")
        rows = proctor("run", "--base-dir", folder, "--once", "--json").rows()
        assert [r["state"] for r in rows] == ["ok"] * 8, rows
        for name, row in zip(STATUS, rows):
            with open(os.path.join(folder, "status", name), encoding="utf-8") as f:
                assert json.load(f) == row, name
        assert rows[0]["checkpoint"] == "checkpoint-2886"
        shown = proctor("run", "--base-dir", folder, "--once").out
        assert "regression-monitor: ok" in shown and "checkpoint-2886" in shown, shown


def test_once_sees_the_folders_as_they_are():
    names = ["checkpoint-1574", "checkpoint-2886", "checkpoint-4500"]
    with scratch() as top:
        folder = base(os.path.join(top, "base"), names, lines=3)
        while names:
            row = proctor("model-comparison", "--base-dir", folder, "--once", "--json").row()
            assert sorted(r["checkpoint"] for r in row["rankings"]) == names, row["rankings"]
            shutil.rmtree(os.path.join(folder, "models/current_model", names.pop()))


def test_once_with_nothing_to_find_out_says_why():
    with scratch() as top:
        empty = base(os.path.join(top, "no checkpoint"), checkpoints=())
        done = proctor("run", "--base-dir", empty, "--once", status=1)
        assert "checkpoint" in done.err, done.err
        none = base(os.path.join(top, "no suite"), lines=0)
        os.remove(os.path.join(none, "data/validation/validation.jsonl"))
        done = proctor("run", "--base-dir", none, "--once", status=1)
        assert "data/validation" in done.err, done.err


def test_a_base_folder_that_is_missing_or_broken_is_named():
    with scratch() as top:
        missing = os.path.join(top, "nowhere")
        done = proctor("run", "--base-dir", missing, status=1)
        assert missing in done.err and "proctor init" in done.err, done.err
        folder = base(os.path.join(top, "base"), checkpoints=())
        with open(os.path.join(folder, "proctor.yaml"), "w") as f:
            f.write("monitor:\n  treshold: 3\n")
        done = proctor("run", "--base-dir", folder, status=1)
        assert "proctor.yaml:2:" in done.err, done.err


def test_a_role_without_systems_is_said():
    with scratch() as top:
        folder = base(os.path.join(top, "base"), checkpoints=())
        with open(os.path.join(folder, "proctor.yaml"), "w") as f:
            f.write("machine:\n  disabled: [regression-monitor, model-comparison, "
                    "confidence-calibrator, automated-testing, curriculum-optimizer, adversarial-miner, "
                    "self-correction, data-generation]\n")
        done = proctor("run", "--base-dir", folder, "--once", status=1)
        assert "machine.disabled" in done.err, done.err


def test_help_says_where_results_appear_and_how_to_stop():
    text = " ".join(proctor("run", "--help").out.split())
    for part in ("models/current_model", "status/*.json", "SIGTERM", "SIGHUP", "proctor init"):
        assert part in text, part


if __name__ == "__main__":
    run(globals())
