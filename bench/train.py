#!/usr/bin/python3
"""Sets a training step of proctor beside PyTorch's on the same made checkpoint, by turns, and both
beside the machine's arithmetic limit; then a LoRA step of a 0.6 B model with its peak memory.

  bench/train.py BUILD_DIR [--rounds N] [--no-lora] [--large DIR]

PyTorch runs where TORCH_PYTHON (default /usr/bin/python3) can import it and TORCH_PEER is a script
that is called as `train CHECKPOINT` and prints "median RATE best RATE tok/s" for 16 sequences of 128
tokens in f32 (default: the one in ../shared, where that is); else it is called skipped.  It is
measured twice: as it comes, and with OMP_WAIT_POLICY=PASSIVE, which keeps its idle threads from
taking CPUs from those of the BLAS.  Debian's PyTorch multiplies by the system's libblas.so.3: with
the reference one (no libopenblas0 installed) it is slower by far, and the comparison says so.
--large is a 0.6 B checkpoint that is there already.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TORCH_PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")
TORCH_PEER = os.environ.get("TORCH_PEER",
                            os.path.join(ROOT, "..", "shared", "peers", "torch_qwen3.py"))
SMALL = ["--layers", "4", "--hidden", "256", "--heads", "4", "--kv-heads", "2", "--head-dim", "64",
         "--mlp", "768", "--vocab", "4096", "--tied", "--tokenizer", "none"]
LARGE = ["--preset", "qwen3-0.6b", "--tokenizer", "none"]
MEMORY_LIMIT = 4 << 30


def made(build, folder, name, options):
    path = os.path.join(folder, name)
    if not os.path.isdir(path):
        subprocess.run([os.path.join(build, "tools", "make-checkpoint"), path, *options],
                       check=True, stdout=subprocess.DEVNULL)
    return path


def proctor_steps(build, model, *options):
    out = subprocess.run([os.path.join(build, "bench", "bench_train"), model, *options],
                         check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def torch_missing():
    """Why PyTorch cannot be measured, or None."""
    if not os.path.exists(TORCH_PEER):
        return "TORCH_PEER is not set and there is none beside the repository"
    try:
        found = subprocess.run([TORCH_PYTHON, "-c", "import torch"], capture_output=True)
    except OSError as e:
        return str(e)
    return f"{TORCH_PYTHON} cannot import torch" if found.returncode else None


def torch_blas():
    """The file that PyTorch's matrix products come from, as far as its process's map tells."""
    out = subprocess.run([TORCH_PYTHON, "-c", "import torch; torch.ones(64, 64) @ torch.ones(64, 64)"
                          "\nprint(open('/proc/self/maps').read())"], check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    files = {line.split(None, 5)[5] for line in out.splitlines() if line.count("/")}
    names = sorted(f for f in files if re.search(r"openblas|blis|mkl_|libblas", f))
    real = [n for n in names if re.search(r"openblas|blis|mkl_", n)]
    return real[0] if real else f"{names[0]} (the reference BLAS)" if names else "its own"


def torch_rate(model, **environment):
    out = subprocess.run([TORCH_PYTHON, TORCH_PEER, "train", model], check=True,
                         env={**os.environ, **environment},
                         stdout=subprocess.PIPE).stdout.decode()
    found = re.search(r"median ([0-9.]+)", out)
    if not found:
        raise SystemExit(f"{TORCH_PEER}: no rate in {out!r}")
    return float(found.group(1))


def small_model(build, folder, rounds):
    model = made(build, folder, "small", SMALL)
    why = torch_missing()
    ours, theirs, passive = [], [], []
    for _ in range(rounds):
        ours.append(proctor_steps(build, model))
        if not why:
            theirs.append(torch_rate(model))
            passive.append(torch_rate(model, OMP_WAIT_POLICY="PASSIVE"))
    rate = statistics.median(x["tokens_per_second"] for x in ours)
    share = statistics.median(x["share_of_limit"] for x in ours)
    print("4 layers, hidden 256, vocabulary 4096, 16 x 128 tokens, f32; forward, backward, AdamW\n"
          f"{'':22}{'tokens/s':>10}{'of the f32 limit':>18}{'proctor':>10}\n"
          f"{'proctor':22}{rate:10.0f}{100 * share:16.0f} %")
    if why:
        print(f"{'PyTorch':22}   skipped: {why}")
        return
    for name, rates in (("PyTorch", theirs), ("PyTorch, passive wait", passive)):
        torch = statistics.median(rates)
        print(f"{name:22}{torch:10.0f}{100 * share * torch / rate:16.0f} %{rate / torch:9.1f}x")
    print(f"PyTorch multiplies by {torch_blas()}")


def lora_steps(build, model):
    print("\n0.6 B parameters, LoRA of rank 8 on all seven modules, 2048 tokens a step\n"
          f"{'':34}{'tokens/s':>10}{'of the limit':>14}{'peak memory':>13}")
    worst = 0
    for name, options in (
            ("bf16, 16 x 128, 4 at a time", ["--bf16", "1", "--batch", "16", "--micro", "4"]),
            ("bf16, 16 x 128, recomputed", ["--bf16", "1", "--batch", "16", "--recompute", "1"]),
            ("f32, 16 x 128, 4 at a time", ["--batch", "16", "--micro", "4"])):
        x = proctor_steps(build, model, "--lora", "8", "--steps", "2", *options)
        worst = max(worst, x["peak_rss_bytes"])
        print(f"{name:34}{x['tokens_per_second']:10.0f}{100 * x['share_of_limit']:12.0f} %"
              f"{x['peak_rss_bytes'] / 2**30:10.2f} GiB")
    return worst <= MEMORY_LIMIT


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("build")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--no-lora", action="store_true")
    p.add_argument("--large")
    o = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small_model(o.build, folder, o.rounds)
        if o.no_lora:
            return
        if not lora_steps(o.build, o.large or made(o.build, folder, "large", LARGE)):
            sys.exit("a step took more than 4 GiB")


if __name__ == "__main__":
    main()
