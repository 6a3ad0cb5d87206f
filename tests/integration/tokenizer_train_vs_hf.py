"""Tokenizers that proctor trains against Hugging Face's own trainer: the same merges, a file that
they would write themselves, and the same ids for random text.

  tokenizer_train_vs_hf.py BENCH_TOKENIZER_LINES [STRINGS]"""
import glob
import json
import os
import random
import subprocess
import sys

import hf_packages
import harness

HERE = os.path.dirname(os.path.abspath(__file__))


def few_letters(seed):
    """Long words of few letters: many equal counts and overlapping pairs."""
    pick = random.Random(seed)
    letters = "abcd"[:2 + seed % 3]
    for _ in range(300):
        yield " ".join("".join(pick.choice(letters) for _ in range(pick.randint(1, 30))) for _ in range(5))


def many_scripts(seed):
    pick = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzäéße\u0301中文字日本Привет한국"
    words = ["".join(pick.choice(letters[:pick.choice([4, 10, len(letters)])]) for _ in range(pick.randint(1, 9)))
             for _ in range(2000)]
    ends = [".", "!?", "  ", " 12,345", "\t'll don't", "😀", "\u00a0", " \u3000x"]
    for _ in range(3000):
        yield " ".join(pick.choice(words[:pick.choice([20, 200, 2000])]) for _ in range(pick.randint(0, 12))) + \
            pick.choice(ends)


def python_code(_):
    for path in sorted(glob.glob(os.path.join(HERE, "*.py"))):
        with open(path, encoding="utf-8") as f:
            # Special tokens in the text: we part the text there, their trainer does not.
            yield from f.read().replace("<|", "< |").split("\n")


def main():
    program, count = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "200"
    modules = hf_packages.install([hf_packages.TOKENIZERS])
    for name, lines in [("few letters 1", few_letters(1)), ("few letters 2", few_letters(2)),
                        ("few letters 3", few_letters(3)), ("many scripts", many_scripts(4)),
                        ("code", python_code(0)), ("nothing to merge", ["1", "2", ""])]:
        with harness.scratch() as folder:
            text, out = os.path.join(folder, "text.txt"), os.path.join(folder, "out")
            with open(text, "w", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in lines)
            row = harness.proctor("train-tokenizer", "--data", text, "--vocab-size", 50000, "--min-frequency", 1,
                                  "--out", out).row()
            print("%s: %s" % (name, json.dumps(row)), flush=True)
            ours = os.path.join(out, "tokenizer.json")
            subprocess.run(["node", os.path.join(HERE, "tokenizer_train_vs_hf.mjs"), modules, ours, folder, text],
                           check=True)
            # ONLY: none of the tokenizers that the script makes itself.
            subprocess.run(["node", os.path.join(HERE, "tokenizer_vs_hf.mjs"), program, modules, count, "1", ours],
                           check=True, env={**os.environ, "ONLY": "none of them"})


main()
