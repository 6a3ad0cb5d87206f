#!/usr/bin/python3
"""Sets proctor's engine beside other engines and the machine's limits, on one made checkpoint.

  bench/engines.py BUILD_DIR CHECKPOINT [--quick]

The others run where they are found, and are called skipped where not:
  llama.cpp   LLAMA_BENCH, LLAMA_BATCHED_BENCH: its programs of these names; LLAMA_GGUF: the same shape
              as a GGUF file
  PyTorch     TORCH_PEER: a script that is called as `score CHECKPOINT` and prints lines with
              "BxT: median RATE" (default: the one in ../shared, where that is)
"""
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TORCH_PEER = os.environ.get("TORCH_PEER",
                            os.path.join(ROOT, "..", "shared", "peers", "torch_qwen3.py"))


def run_engine(build, model, options):
    out = subprocess.run([os.path.join(build, "bench", "bench_engine"), model, *options], check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    return [json.loads(line) for line in out.splitlines()]


def run_process(build, model):
    """Seconds and peak bytes of a whole `proctor score` of one line, the best of three."""
    ids = json.dumps({"ids": list(range(1, 17))}).encode() + b"\n"
    best, peak = float("inf"), 0
    for _ in range(3):
        begin = time.monotonic()
        p = subprocess.Popen([os.path.join(build, "src", "cli", "proctor"), "score", model],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        p.stdin.write(ids)
        p.stdin.close()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise SystemExit(f"proctor score {model}: exit status {p.returncode}")
        best, peak = min(best, time.monotonic() - begin), max(peak, usage.ru_maxrss * 1024)
    return best, peak


def llama_rates(threads, quick):
    """{(what, sequences, length): tokens/s}"""
    gguf, rates = os.environ.get("LLAMA_GGUF"), {}
    bench, batched = os.environ.get("LLAMA_BENCH"), os.environ.get("LLAMA_BATCHED_BENCH")
    if not gguf or not (bench or batched):
        print("llama.cpp: skipped (LLAMA_GGUF and LLAMA_BENCH are not set)")
        return rates
    if bench:
        prompts = "128,512" if quick else "128,512,2048"
        out = subprocess.run([bench, "-m", gguf, "-t", str(threads), "-p", prompts, "-n", "32",
                              "-r", "3", "-o", "json"], check=True, capture_output=True).stdout
        for row in json.loads(out):
            if row["n_gen"] == 0:
                rates["prefill", 1, row["n_prompt"]] = row["avg_ts"]
            else:
                rates["decode", 1, None] = row["avg_ts"]
    if batched:
        out = subprocess.run([batched, "-m", gguf, "-t", str(threads), "-c", "2048", "-b", "512",
                              "-ub", "512", "-npp", "8", "-ntg", "48", "-npl", "1,8,16,32",
                              "--output-format", "jsonl"], check=True, capture_output=True).stdout
        for line in out.decode().splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                rates["decode", row["pl"], None] = row["speed_tg"]
    return rates


def torch_rates(model, threads, dtype):
    if not os.path.exists(TORCH_PEER):
        print("PyTorch: skipped (no script at TORCH_PEER)")
        return {}
    env = dict(os.environ, T=str(threads), DT={"bf16": "bfloat16", "f32": "float32"}[dtype])
    p = subprocess.run(["/usr/bin/python3", TORCH_PEER, "score", model], env=env, check=False,
                       capture_output=True)
    if p.returncode:
        print("PyTorch: skipped (" + (p.stderr.decode().strip().splitlines() or ["failed"])[-1] + ")")
        return {}
    return {("score all", int(b), int(t)): float(rate) for b, t, rate in
            re.findall(r"(\d+)x(\d+): median ([\d.]+)", p.stdout.decode())}


def cell(x, form="{:.0f}"):
    return form.format(x) if x is not None else "–"


def table(head, rows):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for r in [head, ["-" * w for w in widths], *rows]:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, widths))))


def main():
    args = [a for a in sys.argv[1:] if a != "--quick"]
    quick = "--quick" in sys.argv
    if len(args) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build, model = args
    seconds, peak = run_process(build, model)  # first: it also brings the file into the page cache
    rows = run_engine(build, model, ["--quick", "--repeat", "3"] if quick else [])
    by_what = {r["what"]: r for r in rows}
    load, machine = by_what["load"], by_what["machine"]
    threads, dtype = machine["threads"], machine["math"]
    llama, torch = llama_rates(threads, quick), torch_rates(model, threads, dtype)

    print(f"\n{os.path.basename(os.path.abspath(model))}: {load['numerics']}, {threads} threads; "
          f"peak {machine['peak_flops'] / 1e9:.0f} GFLOP/s ({dtype}), "
          f"read {machine['read_bytes_per_second'] / 1e9:.1f} GB/s, the best in the run; limits are taken beside each row")
    print(f"load: {load['open_seconds']:.2f} s open, {load['pack_seconds']:.2f} s pack, ready in "
          f"{load['ready_seconds']:.2f} s; whole process to first score {seconds:.2f} s")
    print(f"memory: {load['weight_bytes'] / 2**20:.0f} MiB of weights; peak {peak / 2**20:.0f} MiB "
          f"for a process that scores one line ({peak / load['weight_bytes']:.2f} ×), "
          f"{load['peak_rss_bytes'] / 2**20:.0f} MiB with 8 × 64 tokens scored "
          f"({load['peak_rss_share']:.2f} ×)\n")
    out = []
    for r in rows:
        if "tokens_per_second" not in r:
            continue
        n, length = r["sequences"], r.get("length")
        key = (r["what"], n, length)
        size = f" {n} × {length}" if length else f", batch {n}"
        best, limit = r["best_tokens_per_second"], r["limit_tokens_per_second"]
        out.append([r["what"] + size, cell(r["tokens_per_second"], "{:.1f}"), cell(best, "{:.1f}"),
                    cell(limit), cell(100 * best / limit, "{:.0f} %"),
                    cell(100 * r["share_of_peak_flops"], "{:.0f} %"),
                    cell(100 * r["share_of_bandwidth"] if "share_of_bandwidth" in r else None,
                         "{:.0f} %"),
                    cell(llama.get(key), "{:.1f}"), cell(torch.get(key), "{:.1f}")])
    table(["tokens/s", "proctor", "best", "limit", "of limit", "of peak FLOP/s", "of bandwidth",
           "llama.cpp", "PyTorch"], out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
