#!/usr/bin/python3
"""Are the miner's hard examples failed indeed?  Mines several checkpoints of a real run, then has
`proctor eval` ask each checkpoint its own ones again, in a folder where nothing was graded before.

  bench/loop/miner.py BUILD [--run FOLDER] [--samples N] [--kept N] [--json OUT]

FOLDER holds checkpoints/checkpoint-N and validation.jsonl, as tests/fixtures/run_a does.  Prints the
share that is failed again (asked: 95 %), whether the answers are the same, and the patterns."""
import argparse
import collections
import json
import os
import shutil
import sys
import tempfile

from program import Program, read_lines, wilson, write_lines

NEW_TOKENS = 32
ASKED = 0.95
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def made(base, run, args):
    os.makedirs(os.path.join(base, "models", "current_model"))
    os.makedirs(os.path.join(base, "data", "validation"))
    shutil.copy(os.path.join(run, "validation.jsonl"), os.path.join(base, "data", "validation"))
    with open(os.path.join(base, "proctor.yaml"), "w", encoding="utf-8") as f:
        f.write("eval: {max_new_tokens: %d}\nminer: {samples: %d, kept: %d}\n" % (NEW_TOKENS, args.samples, args.kept))


def hard_lines(base):
    folder = os.path.join(base, "data", "adversarial_examples")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [r for n in names for r in read_lines(os.path.join(folder, n))]


def ask_again(proctor, scratch, checkpoint, rows):
    """{id: the row of proctor eval}, of an exam that has nothing but these files."""
    suite, out = os.path.join(scratch, "suite.jsonl"), os.path.join(scratch, "again.jsonl")
    write_lines(suite, rows)
    o = proctor.rows("eval", checkpoint, "--suite", suite, "--base-dir", scratch, "--max-new-tokens", NEW_TOKENS,
                     "--examples", out, "--quiet")[0]
    if o["n_skipped"] or o["n_accuracy"] != len(rows):
        sys.exit("proctor eval took %d of %d lines, %d skipped" % (o["n_accuracy"], len(rows), o["n_skipped"]))
    return {r["id"]: r for r in read_lines(out)}


def mine(proctor, base, run, step):
    """One checkpoint arrives and is mined; what came of it."""
    name = "checkpoint-%d" % step
    source = os.path.join(run, "checkpoints", name)
    shutil.copytree(source, os.path.join(base, "models", "current_model", name))
    o = proctor.rows("adversarial-miner", "--once", "--json", "--base-dir", base)[0]
    if o["state"] != "ok" or o["checkpoint"] != name:
        sys.exit("the miner says %s of %s: %s" % (o["state"], o["checkpoint"], o["state_reason"]))
    rows = [r for r in hard_lines(base) if r["checkpoint"] == name]
    with tempfile.TemporaryDirectory(prefix="proctor-again-") as scratch:
        again = ask_again(proctor, scratch, source, rows) if rows else {}
    return {"checkpoint": name, "asked": o["asked"], "yield": o["yield"], "kept": len(rows),
            "failed_again": sum(again[r["id"]]["correct"] is False for r in rows),
            "same_answer": sum(again[r["id"]]["answer"] == r["model_answer"] for r in rows),
            "patterns": dict(collections.Counter(r["pattern"] for r in rows).most_common())}


def show(found):
    total = collections.Counter()
    print("%-16s %6s %6s %6s %8s %8s" % ("checkpoint", "asked", "yield", "kept", "again", "same"))
    for r in found:
        share = r["failed_again"] / r["kept"] if r["kept"] else float("nan")
        print("%-16s %6d %6.3f %6d %7.1f%% %8d" % (r["checkpoint"], r["asked"], r["yield"], r["kept"], 100 * share,
                                                   r["same_answer"]))
        total.update(r["patterns"])
    print("\npatterns: " + ", ".join("%s %d" % x for x in total.most_common()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--run", default=os.path.join(ROOT, "tests", "fixtures", "run_a"))
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--kept", type=int, default=500)
    parser.add_argument("--json", help="write the figures there, too")
    args = parser.parse_args()
    names = os.listdir(os.path.join(args.run, "checkpoints"))
    with tempfile.TemporaryDirectory(prefix="proctor-miner-") as scratch:
        proctor, base = Program(args.build, os.path.join(scratch, "log")), os.path.join(scratch, "base")
        made(base, args.run, args)
        found = [mine(proctor, base, args.run, s) for s in sorted(int(n.split("-")[1]) for n in names)]
    show(found)
    kept, again = (sum(r[k] for r in found) for k in ("kept", "failed_again"))
    if not kept:
        sys.exit("nothing was kept")
    lo, hi = wilson(again, kept)
    print("\nfailed again: %d of %d, %.1f %% (%.1f to %.1f); asked: %.0f %%"
          % (again, kept, 100 * again / kept, 100 * lo, 100 * hi, 100 * ASKED))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"kept": kept, "failed_again": again, "share_ci95": [lo, hi], "checkpoints": found}, f, indent=2)
    return again / kept < ASKED


if __name__ == "__main__":
    sys.exit(main())
