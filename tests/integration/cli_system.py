"""proctor <system>: each system by itself, with its own options."""
import json
import os

from cli_run import base
from harness import proctor, run, scratch

SYSTEMS = {"regression-monitor": "regression_monitoring.json",
           "model-comparison": "model_comparisons.json",
           "confidence-calibrator": "confidence_calibration.json",
           "automated-testing": "automated_testing.json",
           "curriculum-optimizer": "curriculum_optimization.json",
           "self-correction": "self_correction.json",
           "data-generation": "data_generation.json"}


def test_each_system_runs_once_alone():
    with scratch() as top:
        folder = base(os.path.join(top, "base"))
        for name, file in SYSTEMS.items():
            row = proctor(name, "--base-dir", folder, "--once", "--json").row()
            assert row["system"] == name and row["state"] == "ok", row
            with open(os.path.join(folder, "status", file), encoding="utf-8") as f:
                assert json.load(f) == row


def test_its_own_options_count_for_it():
    with scratch() as top:
        folder = base(os.path.join(top, "base"))
        row = proctor("regression-monitor", "--base-dir", folder, "--once", "--json", "--threshold",
                      "33").row()
        assert row["threshold_percent"] == 33, row
        assert row["set"] == {"monitor.threshold": "33"}, row
        row = proctor("regression-monitor", "--base-dir", folder, "--once", "--json").row()
        assert row["threshold_percent"] == 15 and "set" not in row, row


def test_a_value_that_does_not_fit_is_wrong_usage():
    with scratch() as top:
        folder = base(os.path.join(top, "base"), checkpoints=())
        done = proctor("regression-monitor", "--base-dir", folder, "--threshold", "much", status=2)
        assert "--threshold" in done.err and "a number" in done.err, done.err
        done = proctor("regression-monitor", "--base-dir", folder, "--interval", "0", status=2)
        assert "--interval" in done.err, done.err
        done = proctor("regression-monitor", "--bins", "3", status=2)
        assert "--bins" in done.err, done.err


def test_a_mistyped_system_is_guessed():
    done = proctor("regression-monitr", status=2)
    assert "did you mean 'regression-monitor'" in done.err, done.err


def test_every_system_explains_itself():
    listed = proctor("help").out
    for name, file in SYSTEMS.items():
        assert "  " + name in listed
        text = proctor(name, "--help").out
        assert "status/" + file in text and "--interval" in text, text


if __name__ == "__main__":
    run(globals())
