#!/usr/bin/python3
"""Plays a trainer: drops the checkpoints of a real run one by one into a new base folder that `proctor
run` watches, and prints what the status files of its four systems say each time.

  tools/demo_watch.py PROCTOR RUN_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

FILES = ["regression_monitoring.json", "model_comparisons.json", "confidence_calibration.json",
         "automated_testing.json"]


def read(base, name):
    try:
        with open(os.path.join(base, "status", name), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def about(base, name):
    """The four documents, once they are all about this checkpoint."""
    found = [read(base, one) for one in FILES]
    if any(d is None or d["state"] != "ok" for d in found):
        return None
    ranked = [r["checkpoint"] for r in found[1]["rankings"]]
    return found if name in ranked and all(
        found[i]["checkpoint"] == name for i in (0, 2, 3)) else None


def drop(source, folder, step):
    """As a trainer leaves it: its state last."""
    os.mkdir(folder)
    names = sorted(os.listdir(source), key=lambda n: n == "trainer_state.json")
    for name in names:
        if name != "trainer_state.json":
            shutil.copyfile(os.path.join(source, name), os.path.join(folder, name))
            continue
        with open(os.path.join(source, name), encoding="utf-8") as f:
            state = json.load(f)
        state["global_step"] = step
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(state, f)


def number(x, form):
    return "–" if x is None else form % x


def main():
    proctor, run = sys.argv[1:]
    # (step, whose weights): the last one is the damaged 1574 again, as if training blew up at the end.
    steps = [(1574, 1574), (2886, 2886), (2926, 2926), (4500, 4500), (4520, 1574)]
    with tempfile.TemporaryDirectory(prefix="proctor-demo-") as base:
        models = os.path.join(base, "models", "current_model")
        os.makedirs(models)
        os.makedirs(os.path.join(base, "data", "validation"))
        shutil.copy(os.path.join(run, "validation.jsonl"), os.path.join(base, "data", "validation"))
        with open(os.path.join(base, "stderr"), "wb") as said:
            daemon = subprocess.Popen([proctor, "run", "--base-dir", base], stderr=said)
        try:
            print("%-16s %8s  %-9s %10s %9s  %-16s %9s %7s  %s" % (
                "dropped", "known in", "level", "loss", "change", "best", "score", "ECE",
                "automated testing"))
            for step, source in steps:
                name = "checkpoint-%d" % step
                drop(os.path.join(run, "checkpoints", "checkpoint-%d" % source),
                     os.path.join(models, name), step)
                begin = time.monotonic()
                found = None
                while not found:
                    if daemon.poll() is not None or time.monotonic() > begin + 60:
                        with open(os.path.join(base, "stderr"), encoding="utf-8") as f:
                            sys.stderr.write(f.read()[-3000:])
                        sys.exit("proctor run did not judge %s" % name)
                    time.sleep(0.02)
                    found = about(base, name)
                monitor, comparison, calibration, testing = found
                best = comparison["rankings"][0]
                print("%-16s %6.1f s  %-9s %10s %9s  %-16s %9.4f %7.4f  %s%s" % (
                    name, time.monotonic() - begin, monitor["alert_level"],
                    number(monitor["current_loss"], "%.4f"),
                    number(monitor["increase_percent"], "%+.1f %%"),
                    comparison["best_checkpoint"], best["score"], calibration["ece"],
                    number(testing["overall_accuracy"] and 100 * testing["overall_accuracy"],
                           "%.0f %% right"),
                    ", regression" if testing["regression_detected"] else ""))
                sys.stdout.flush()
            print("\n$ proctor why checkpoint-4520 --brief")
            sys.stdout.flush()
            subprocess.run([proctor, "why", "checkpoint-4520", "--brief", "--base-dir", base], check=True)
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
