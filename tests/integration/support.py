"""What the tests of the engine share beyond harness.py: rows in and out, references, instruction sets.

PROCTOR_QUICK=1 says that this build is slow (sanitizers), so that repetitions of the same idea may be
left out.
"""
import json
import os
import sys
import unittest

import harness
from harness import FIXTURES, PROCTOR, ROOT

QUICK = os.environ.get("PROCTOR_QUICK") == "1"
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "assets")

# What the CPU must have for each instruction set, as /proc/cpuinfo names it.
ISA_FLAGS = {
    "portable": [],
    "avx2": ["avx2", "fma"],
    "avx512": ["avx512f", "avx512bw", "avx512vl", "avx512dq"],
    "avx512bf16": ["avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_bf16"],
}


def fixture(*parts):
    return os.path.join(FIXTURES, *parts)


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def isas():
    """The instruction sets of this machine, best last; says which it passes over."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        flags = next((set(line.split()) for line in f if line.startswith("flags")), set())
    found = [isa for isa, need in ISA_FLAGS.items() if flags.issuperset(need)]
    for isa in ISA_FLAGS:
        if isa not in found:
            print(f"skipped: instruction set {isa}, which this CPU lacks", file=sys.stderr)
    return found


def run(args, stdin="", env=None, expect=0):
    """Runs proctor; (stdout, stderr).  Another exit status fails the test with what it printed."""
    result = harness.proctor(*args, input=stdin, status=expect, env=env)
    return result.out, result.err


def lines_in(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def score_text(model, rows, *options, env=None):
    """proctor score: the output lines as they were printed."""
    out, _ = run(["score", model, *options], lines_in(rows), env)
    lines = out.splitlines()
    if len(lines) != len(rows):
        raise AssertionError(f"score {model}: {len(lines)} lines for {len(rows)} inputs")
    return lines


def score(model, rows, *options, env=None):
    return [json.loads(line) for line in score_text(model, rows, *options, env=env)]


def complete(model, rows, *options, env=None):
    out, _ = run(["complete", model, *options], lines_in(rows), env)
    got = [json.loads(line) for line in out.splitlines()]
    if len(got) != len(rows):
        raise AssertionError(f"complete {model}: {len(got)} lines for {len(rows)} inputs")
    return got


def max_abs(a, b):
    """The largest difference of two lists of numbers; a missing number is infinitely far."""
    if len(a) != len(b) or any(x is None for x in a):
        return float("inf")
    return max((abs(x - y) for x, y in zip(a, b)), default=0.0)


# Tiny checkpoint → its reference (the newer config style has the same weights).
MODELS = {
    "qwen3-tiny": "qwen3-tiny",
    "qwen3-tiny-untied": "qwen3-tiny-untied",
    "qwen3-tiny-v5config": "qwen3-tiny",
    "qwen2-tiny": "qwen2-tiny",
    "llama-tiny": "llama-tiny",
}


def model_dir(name):
    return fixture("models", name)


def reference(name):
    return read_json(fixture("reference", MODELS[name] + ".forward.json"))["sequences"]


def main():
    if not os.access(PROCTOR, os.X_OK):
        sys.exit(f"no program at {PROCTOR}: build first, or set PROCTOR")
    unittest.main(verbosity=1)
