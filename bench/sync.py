"""Checkpoint sync against plain `rsync -a` over the same sshd on the loopback: throughput, and an unchanged look.

    python3 bench/sync.py [--quick] [--rounds N] [--mb MB]

Both copy one checkpoint of one incompressible file, in turn, and the medians are compared.  proctor's side is all of a
fetch: listing, headers, hashes compared, fsync and rename, which `rsync -a` leaves out; `--fsync` is the nearest
that rsync has.  Needs ssh, sshd, rsync and the build's transfer_tool (TRANSFER_TOOL, else build/…)."""
import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
import harness  # noqa: E402
import sshd  # noqa: E402

TOOL = os.environ.get("TRANSFER_TOOL", os.path.join(ROOT, "build", "tests", "unit", "transfer", "transfer_tool"))


def make(folder, n):
    os.makedirs(folder)
    header = json.dumps({"w": {"dtype": "U8", "shape": [n], "data_offsets": [0, n]}}).encode()
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header)
        for begin in range(0, n, 1 << 24):
            f.write(os.urandom(min(1 << 24, n - begin)))
    for name, text in (("config.json", '{"model_type": "qwen3"}'), ("tokenizer.json", "{}"), ("trainer_state.json", '{"global_step": 1}')):
        with open(f"{folder}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    os.sync()


def measured(command):
    os.sync()
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, check=False)
    seconds = time.monotonic() - begin
    assert done.returncode == 0, (done.stdout[-1000:], done.stderr[-1000:])
    return seconds, done.stdout


def plain(server, scratch, runs, durable):
    to = scratch + "/plain"
    ssh = ["ssh", "-p", str(server.port), "-o", "BatchMode=yes"]
    options = server.options()
    for i, word in enumerate(options):
        if word == "-o":
            ssh += ["-o", options[i + 1]]
    rsync = ["rsync", "-a", *(["--fsync"] if durable else []), "-e", " ".join(ssh), f"127.0.0.1:{runs}/checkpoint-1", to]
    seconds, _ = measured(rsync)
    shutil.rmtree(to)
    return seconds


def fetched(server, scratch, runs):
    to = scratch + "/local"
    seconds, out = measured([TOOL, "fetch", "--dir", runs, *server.options(), "--name", "checkpoint-1", "--local", to])
    assert json.loads(out)["hashed"]
    shutil.rmtree(to)
    return seconds - 0.02  # the tool's wait between its two looks


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="200 MB, 3 rounds")
    p.add_argument("--rounds", type=int)
    p.add_argument("--mb", type=int)
    a = p.parse_args()
    if sshd.missing():
        print(f"skipped: {sshd.missing()} is not installed here")
        return
    mb, rounds = a.mb or (200 if a.quick else 1200), a.rounds or (3 if a.quick else 5)
    with harness.scratch() as scratch:
        server = sshd.Sshd(scratch)
        try:
            runs = scratch + "/runs"
            make(runs + "/checkpoint-1", mb * 1_000_000)
            times = {"rsync -a": [], "rsync -a --fsync": [], "proctor": []}
            for i in range(rounds + 1):  # the first warms up
                t = {"rsync -a": plain(server, scratch, runs, False), "rsync -a --fsync": plain(server, scratch, runs, True),
                     "proctor": fetched(server, scratch, runs)}
                for name, seconds in t.items():
                    if i:
                        times[name].append(seconds)
            best = {name: statistics.median(v) for name, v in times.items()}
            for name, seconds in best.items():
                spread = f"{mb / max(times[name]):.0f} to {mb / min(times[name]):.0f}"
                print(f"{name:18} {mb / seconds:7.0f} MB/s ({spread}), {seconds:.2f} s for {mb} MB")
            print(f"of rsync -a:         {100 * best['rsync -a'] / best['proctor']:.0f} %")
            print(f"of rsync -a --fsync: {100 * best['rsync -a --fsync'] / best['proctor']:.0f} %")
            looks = []
            for _ in range(5):
                _, out = measured([TOOL, "list", "--dir", runs, *server.options()])
                looks.append(json.loads(out)["second_ms"])
            print(f"an unchanged look over an open connection: {statistics.median(looks):.1f} ms")
            shared = ["-o", "ControlMaster=auto", "-o", "ControlPersist=5", "-o", f"ControlPath={scratch}/master"]
            warm = [measured([TOOL, "list", "--dir", runs, *server.options(), *shared])[0] * 1000 - 20 for _ in range(6)][1:]
            print(f"two looks, with ControlMaster:             {statistics.median(warm):.0f} ms")
            alone = [measured([TOOL, "list", "--dir", runs, *server.options()])[0] * 1000 - 20 for _ in range(5)]
            print(f"two looks, with making the connection:     {statistics.median(alone):.0f} ms")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
