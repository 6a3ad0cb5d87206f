#!/usr/bin/python3
"""Sets what `proctor eval` said of a run's checkpoints beside an independent reference; fails where
they are not the same.

  proctor eval CHECKPOINT… --suite FILE | tools/check_reference.py RESULTS.json
"""
import json
import sys

TOLERANCE = 2e-5
# What is compared: heading, how proctor calls it, where the reference has it.
FIGURES = [
    ("loss/example", lambda d: d["loss_mean_per_example"], lambda r: r["mean_loss"]),
    ("loss", lambda d: d["loss"], lambda r: r["token_mean_loss"]),
    ("accuracy", lambda d: d["accuracy"], lambda r: r["accuracy"]),
    ("ECE-15", lambda d: d["ece_15"], lambda r: r["ece_15"]["ece"]),
]


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        reference = {r["checkpoint"]: r for r in json.load(f)["checkpoints"]}
    documents = [json.loads(line) for line in sys.stdin if line.strip()]
    worst, seconds = 0.0, sum(d["seconds"] for d in documents)
    print(f"{'checkpoint':16}" + "".join(f"{name:>14} {'reference':>10}" for name, _, _ in FIGURES))
    for d in documents:
        r, row = reference[d["checkpoint"]], f"{d['checkpoint']:16}"
        for _, ours, theirs in FIGURES:
            worst = max(worst, abs(ours(d) - theirs(r)))
            row += f"{ours(d):>14.6f} {theirs(r):>10.6f}"
        print(row)
    tokens = sum(d["tokens_scored"] + d["tokens_generated"] for d in documents)
    print(f"\n{sum(d['n'] for d in documents)} examples, {tokens} tokens scored or generated in {seconds:.1f} s; "
          f"the largest difference is {worst:.0e}.")
    if len(documents) == 0 or not worst <= TOLERANCE:
        print(f"More than {TOLERANCE:.0e}: this build does not reproduce the reference.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
