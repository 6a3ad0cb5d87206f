"""Hugging Face's own code, and OpenAI's client, as npm packages, for the tests that compare with it.

They are downloaded into .cache/tokenizer-vs-hf on the first run; where that is not possible the
test says 'skipped' and passes."""
import fcntl
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "tokenizer-vs-hf")
OPENAI = "openai@7.59.0"
TOKENIZERS = "tokenizers@0.23.2"  # the native binding


def skip(why):
    print(os.path.basename(sys.argv[0]) + ": skipped, " + why)
    sys.exit(77)  # Meson's word for a skipped test


def install(packages):
    """The folder whose node_modules holds them all."""
    if not shutil.which("node") or not shutil.which("npm"):
        skip("node and npm are not here")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run beside each other, and npm's folder is one
        return install_alone(packages)


def install_alone(packages):
    wanted = [os.path.join(CACHE, "node_modules", name.rsplit("@", 1)[0]) for name in packages]
    if all(os.path.isdir(path) for path in wanted):
        return CACHE
    package = os.path.join(CACHE, "package.json")
    if not os.path.exists(package):  # else it names what is there, which npm would remove
        with open(package, "w") as out:
            out.write('{"private":true}\n')
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages],
                          cwd=CACHE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=240)
    if done.returncode:
        skip("npm could not install: " + done.stdout.strip().replace("\n", " ")[-300:])
    return CACHE
