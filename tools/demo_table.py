#!/usr/bin/python3
"""The demo's table: what `proctor eval` said of a run's checkpoints, best first, and beside it what an
independent reference says.

  tools/demo_table.py RESULTS.json EVALUATION.json…
"""
import json
import os
import sys


def read(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def name_of(document):
    return os.path.basename(document["checkpoint"].rstrip("/"))


def note(name, reference):
    """What the run's history says of a checkpoint: damaged on purpose or not."""
    how = {"blowup": "damaged: 20 steps at a far too high learning rate",
           "mild": "damaged: weights moved a little"}
    return how.get(reference[name]["injected"] or "", "")


def main():
    reference = {r["checkpoint"]: r for r in read(sys.argv[1])["checkpoints"]}
    documents = sorted((read(p) for p in sys.argv[2:]), key=lambda d: d["loss_mean_per_example"])
    head = ["rank", "checkpoint", "loss", "accuracy", "95 % interval", "ECE", "easy", "medium", "hard"]
    rows = []
    worst = {"loss": 0.0, "accuracy": 0.0, "ece_15": 0.0}
    for rank, d in enumerate(documents, 1):
        r = reference[name_of(d)]
        worst["loss"] = max(worst["loss"], abs(d["loss_mean_per_example"] - r["mean_loss"]),
                            abs(d["loss"] - r["token_mean_loss"]))
        worst["accuracy"] = max(worst["accuracy"], abs(d["accuracy"] - r["accuracy"]))
        worst["ece_15"] = max(worst["ece_15"], abs(d["ece_15"] - r["ece_15"]["ece"]))
        lo, hi = d["accuracy_ci95"]
        rows.append([str(rank), name_of(d), f"{d['loss_mean_per_example']:.4f}",
                     f"{100 * d['accuracy']:.1f} %", f"{100 * lo:.1f}–{100 * hi:.1f} %",
                     f"{d['ece_15']:.4f}",
                     *[f"{100 * d['by_difficulty'][k]['accuracy']:.0f} %"
                       for k in ("easy", "medium", "hard")], note(name_of(d), reference)])
    head.append("")
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for r in [head, ["─" * w for w in widths], *rows]:
        print("  ".join(c.ljust(w) if i in (1, len(head) - 1) else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, widths))).rstrip())
    n = sum(d["n"] for d in documents)
    tokens = sum(d["tokens_scored"] + d["tokens_generated"] for d in documents)
    seconds = sum(d["seconds"] for d in documents)
    print(f"\n{n} examples graded, {tokens} tokens, in {seconds:.1f} s. loss: mean over examples of the "
          "answer's\nmean negative log-probability; ECE: 15 bins.")
    print("Against an independent float64 reference, the largest difference is "
          f"{worst['loss']:.0e} in loss,\n{worst['accuracy']:.0e} in accuracy, "
          f"{worst['ece_15']:.0e} in ECE.")
    if worst["loss"] > 2e-5 or worst["accuracy"] > 0 or worst["ece_15"] > 2e-5:
        print("That is more than it may be: this build does not reproduce the reference.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
