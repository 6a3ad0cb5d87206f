#!/usr/bin/python3
"""Is a model that is trained on the loop's data better than one trained on uniform data?

  bench/loop/run.py BUILD [--seeds N] [--begin STEPS] [--rounds R] [--steps S] [--arms …] [--json OUT]
  bench/loop/run.py BUILD --quick      some minute, to see that it works; its figures mean nothing

Each seed: suites, a small model and STEPS steps of uniform data, from which all arms go on.  Then R
rounds; in each every arm trains on as many tokens (prompts and answers) as S steps of uniform data
have, on files that data-generation wrote into its queue:

  uniform  fresh problems alone, a third of each difficulty
  loop     before each round curriculum-optimizer (its mix, no probes), adversarial-miner and
           self-correction look at the newest checkpoint; files hold up to 20 % mined hard examples,
           and corrections up to 10 % of the answers
  hard     the same without corrections

At the end each is asked a held-out suite that no system asked and no file has.  Accuracies are with
Wilson's interval; the difference to uniform is paired by seed, its interval Student's over seeds:
the replicate is the training, not the example."""
import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time

import arms
from arms import ARMS, LEVELS, Arm, begin
from program import Program, wilson

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKENIZER = os.path.join(ROOT, "tests", "fixtures", "tokenizers", "small-qwen-a")
# The demo's shape with that tokenizer's entries, and room for a correction.
CONFIG = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 128, "num_hidden_layers": 4,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "intermediate_size": 384,
          "hidden_act": "silu", "vocab_size": 1019, "max_position_embeddings": 512, "rms_norm_eps": 1e-06,
          "rope_theta": 10000.0, "attention_bias": False, "initializer_range": 0.05, "tie_word_embeddings": True,
          "torch_dtype": "float32"}
# Student's t, 97.5 %, by degrees of freedom from 1.
T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
     2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045]


def figures(rows):
    """{level or skill or "all": {"k", "n", "accuracy", "ci95"}}"""
    found = {}
    for r in rows:
        for key in ("all", r["difficulty"], r["skill"], "%s %s" % (r["skill"], r["difficulty"])):
            k, n = found.get(key, (0, 0))
            found[key] = (k + r["correct"], n + 1)
    return {key: {"k": k, "n": n, "accuracy": k / n, "ci95": wilson(k, n)} for key, (k, n) in found.items()}


def sums(arm):
    """What it was trained on: files that were begun count whole."""
    steps, used = 0, []
    for f in arm.files:
        if steps < arm.steps - arm.begun:
            used.append(f)
        steps += f["steps"]
    return {"steps": arm.steps - arm.begun, "tokens": round(arm.tokens), "answer_tokens": arm.answer_tokens,
            **{k: sum(f["made"][k] for f in used) for k in ("fresh", "hard", "corrections")},
            "mixes": [f["mix"] for f in used], "exhausted": sorted({x for f in used for x in f["exhausted"]}),
            "rounds": arm.rounds}


def one_seed(proctor, folder, seed, args):
    say = lambda what: print("%6.0f s  seed %d  %s" % (time.monotonic() - BEGAN, seed, what), file=sys.stderr, flush=True)
    shared = os.path.join(folder, "begin")
    start, held, per_line = begin(proctor, shared, CONFIG, TOKENIZER, seed, args.begin)
    suite, out = os.path.join(shared, "data", "validation", "held-out"), os.path.join(folder, "answers.jsonl")
    budget = per_line * args.steps * 64
    result = {"seed": seed, "start": figures(start.score(suite, out)), "tokens_a_round": round(budget), "arms": {}}
    say("begun: %.3f" % result["start"]["all"]["accuracy"])
    for name in args.arms:
        base = os.path.join(folder, name)
        shutil.copytree(shared, base, symlinks=True)
        arm = Arm(proctor, base, name, seed, max(64, args.steps // 8 * 64), start.steps)
        for r in range(args.rounds):
            arm.round(budget * (r + 1), r == args.rounds - 1)
            say("%s, round %d: %d steps; %s" % (name, r + 1, arm.steps - arm.begun, arm.rounds[-1]))
        scored = figures(arm.score(suite, out))
        arm.must_not_know(held)
        result["arms"][name] = {"trained": sums(arm), "held_out": scored}
        say("%s: %s" % (name, {k: scored[k]["accuracy"] for k in ["all"] + LEVELS}))
    return result


def difference(results, name, key):
    """Mean over seeds of accuracy − uniform's, with Student's interval; None with one seed."""
    d = [r["arms"][name]["held_out"][key]["accuracy"] - r["arms"]["uniform"]["held_out"][key]["accuracy"]
         for r in results]
    n, mean = len(d), sum(d) / len(d)
    if n < 2:
        return {"n": n, "mean": mean, "sd": None, "ci95": None, "each": d}
    sd = math.sqrt(sum((x - mean) ** 2 for x in d) / (n - 1))
    half = T[min(n - 1, len(T)) - 1] * sd / math.sqrt(n)
    return {"n": n, "mean": mean, "sd": sd, "ci95": [mean - half, mean + half], "each": d}


def show(results, compared):
    keys = LEVELS + ["all"]
    print("\nheld-out accuracy in %, Wilson's 95 % interval")
    print("%-5s %-8s %s" % ("seed", "arm", "".join("%-22s" % k for k in keys)))
    for r in results:
        for name, scored in [("start", r["start"])] + [(n, a["held_out"]) for n, a in r["arms"].items()]:
            print("%-5d %-8s %s" % (r["seed"], name, "".join("%-22s" % ("%.1f (%.1f to %.1f)" % tuple(
                100 * x for x in (scored[k]["accuracy"], *scored[k]["ci95"]))) for k in keys)))
    print("\n%-5s %-8s %8s %10s %10s %8s %8s %8s" % ("seed", "arm", "steps", "tokens", "answers'", "fresh", "hard", "corr."))
    for r in results:
        for name, a in r["arms"].items():
            t = a["trained"]
            print("%-5d %-8s %8d %10d %10d %8d %8d %8d" % (r["seed"], name, t["steps"], t["tokens"], t["answer_tokens"],
                                                         t["fresh"], t["hard"], t["corrections"]))
    print("\ndifference to uniform in points, paired by seed, Student's 95 % interval")
    for name, by_level in compared.items():
        print("%-14s %s" % (name, "".join("%-26s" % ("%+.1f" % (100 * by_level[k]["mean"]) + (
            " (%+.1f to %+.1f)" % tuple(100 * x for x in by_level[k]["ci95"]) if by_level[k]["ci95"] else ""))
            for k in keys)))
        cells = sorted((by_level[k]["mean"], k) for k in by_level if " " in k)
        print("%-14s most lost: %s; most gained: %s" % ("", *(", ".join("%s %+.0f" % (k, 100 * d) for d, k in some)
                                                          for some in (cells[:3], cells[:-4:-1]))))


def write(args, compared, results):
    options = {k: v for k, v in vars(args).items() if k not in ("build", "folder", "json")}
    with open(args.json, "w", encoding="utf-8") as f:
        json.dump({"options": options, "difference": compared, "seeds": results}, f, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--begin", type=int, default=400, help="steps of the shared beginning")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=240, help="uniform steps whose tokens are a round's")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", help="keep the base folders here (default: a temporary folder)")
    parser.add_argument("--json", help="write all figures there, too")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.begin, args.rounds, args.steps = 2, 32, 2, 16
        arms.LOOKS = 300
    if "uniform" not in args.arms:
        parser.error("uniform is what the other arms are compared with")
    with tempfile.TemporaryDirectory(prefix="proctor-loop-") as scratch:
        folder = args.folder or scratch
        os.makedirs(folder, exist_ok=True)
        results = []
        for seed in range(args.first, args.first + args.seeds):
            here = os.path.join(folder, "seed-%d" % seed)
            os.makedirs(here)
            results.append(one_seed(Program(args.build, os.path.join(here, "log")), here, seed, args))
            if not args.folder:
                shutil.rmtree(here)
            compared = {name: {k: difference(results, name, k) for k in results[0]["start"]}
                        for name in args.arms if name != "uniform"}
            if args.json:  # after each seed: hours should not be lost with the last one
                write(args, compared, results)
    show(results, compared)


BEGAN = time.monotonic()
if __name__ == "__main__":
    main()
