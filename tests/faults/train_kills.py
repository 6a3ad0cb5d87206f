"""proctor train is killed (SIGKILL) at every named moment of saving and at random ones, while it trains
and while it saves; it is started again, and in the end its model and optimizer are, byte for byte,
those of a training that nobody disturbed.  All the while two watchers look: whatever lies under the name
of a checkpoint must be whole, by its files' own headers and by proctor inspect.

    train_kills.py [--kills N] [--each M] [--seed S]

N kills in all; each named moment is hit at least M times.  The moments that were hit are printed."""
import argparse
import collections
import hashlib
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from watchbase import ROOT, RUN_A, PROCTOR, strict

STEPS, EVERY, KEEP = 24, 2, 2
PLAIN = re.compile(r"^checkpoint-(0|[1-9][0-9]*)$")
HIDDEN = re.compile(r"^\.checkpoint-[0-9]+\.(tmp|old|gone)$")
MODEL = os.path.join(ROOT, "tests", "fixtures", "models", "qwen3-tiny")
DATA = os.path.join(RUN_A, "validation.jsonl")
# Each is a training of its own; kills are shared out among them.
KINDS = {
    "f32": ["--dtype", "f32"],
    "bf16": ["--dtype", "bf16"],
    "lora": ["--dtype", "f32", "--lora-rank", "4"],
}
SAVES = STEPS // EVERY
# How often a moment comes by in one training, at least; which of them is to be the last is drawn.
OFTEN = {"save.data": 2 * SAVES, "save.hidden": SAVES - KEEP, "save.removing": SAVES - KEEP}
FILES = {"f32": "model.safetensors", "bf16": "model.safetensors",
         "lora": "adapter_model.safetensors"}


def command(kind, out, *more):
    return [PROCTOR, "train", MODEL, "--data", DATA, "--steps", str(STEPS), "--batch", "4",
            "--lr", "2e-3", "--schedule", "cosine", "--warmup", "3", "--seed", "5", "--threads", "2",
            "--save-every", str(EVERY), "--keep", str(KEEP), "--out", out, "--status", "none",
            "--quiet", *KINDS[kind], *more]


def environment(**more):
    env = {**os.environ, "XDG_CACHE_HOME": os.path.join(tempfile.gettempdir(), "proctor-kills-cache")}
    env.pop("PROCTOR_FAULT", None)
    return {**env, **more}


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def outcome(kind, out):
    """What must not depend on any kill: the model, the optimizer's state, what was logged."""
    last = os.path.join(out, "checkpoint-%d" % STEPS)
    with open(os.path.join(last, "trainer_state.json"), encoding="utf-8") as f:
        log = strict(f.read())["log_history"]
    return {
        "model": digest(os.path.join(last, FILES[kind])),
        "optimizer": digest(os.path.join(last, "proctor", "optimizer.safetensors")),
        "log": [[e[k] for k in ("step", "loss", "learning_rate", "grad_norm", "epoch")]
                for e in log if "loss" in e],
    }


def check_kept(out):
    """The newest KEEP, even where the kill came between the last save's rename and its removal of the
    oldest: whoever goes on makes up for it."""
    steps = sorted(int(n.split("-")[1]) for n in os.listdir(out) if PLAIN.match(n))
    assert steps == [STEPS - EVERY * i for i in reversed(range(KEEP))], steps


class Gone(Exception):
    """The folder was moved away while it was being looked at: what was read says nothing."""


def read_at(fd, name):
    inner = os.open(name, os.O_RDONLY, dir_fd=fd)
    with os.fdopen(inner, "rb") as f:
        return f.read()


def check_tensors(fd, name):
    """As long as its own header says."""
    inner = os.open(name, os.O_RDONLY, dir_fd=fd)
    with os.fdopen(inner, "rb") as f:
        size = os.fstat(inner).st_size
        length, = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(length))
    head.pop("__metadata__", None)
    assert 8 + length + max(t["data_offsets"][1] for t in head.values()) == size, name


def check_folder(kind, out, name):
    """All that a training writes is there and whole."""
    path = os.path.join(out, name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        for one in (FILES[kind], "proctor/optimizer.safetensors"):
            check_tensors(fd, one)
        files = ["trainer_state.json", "tokenizer.json", "tokenizer_config.json",
                 "proctor/training.json"]
        files += ["adapter_config.json"] if kind == "lora" else \
            ["config.json", "generation_config.json"]
        for one in files:
            document = strict(read_at(fd, one).decode("utf-8"))
            if one == "trainer_state.json":
                assert "checkpoint-%d" % document["global_step"] == name
        return True
    except Exception:
        # Removed, or exchanged for another, in the meantime: then it has a hidden name by now, and
        # nothing that was read counts.  An open folder keeps its inode.
        if moved(fd, path):
            return False
        raise
    finally:
        os.close(fd)


def moved(fd, path):
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return True
    then = os.fstat(fd)
    return (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino)


def inspect(kind, out, name):
    """As a watcher of proctor's own sees it."""
    path = os.path.join(out, name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        base = ["--base-model", MODEL] if kind == "lora" else []
        done = subprocess.run([PROCTOR, "inspect", path, "--json", *base], env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        document = strict(done.stdout.decode()) if done.stdout else {}
        whole = done.returncode == 0 and document["accepted"] and document["complete"] and \
            not document["warnings"]
        assert whole or moved(fd, path), (name, document, done.stderr.decode()[-500:])
    finally:
        os.close(fd)


class Watcher(threading.Thread):
    """Looks at every checkpoint over and over: at no moment may one have its name and not be whole."""

    def __init__(self, kind, out, look, pause):
        super().__init__(daemon=True)
        self.kind, self.out, self.look, self.pause = kind, out, look, pause
        self.ended, self.looks, self.wrong = False, 0, []
        self.start()

    def run(self):
        while not self.ended:
            for name in os.listdir(self.out) if os.path.isdir(self.out) else []:
                try:
                    if PLAIN.match(name):
                        self.look(self.kind, self.out, name)
                        self.looks += 1
                    else:
                        assert HIDDEN.match(name), name
                except Exception:
                    self.wrong.append("%s\n%s" % (name, traceback.format_exc()))
            time.sleep(self.pause)

    def finish(self):
        self.ended = True
        self.join()
        assert not self.wrong, "%d findings, the first: %s" % (len(self.wrong), self.wrong[0])
        return self.looks


class Run:
    """One process of proctor train."""

    def __init__(self, kind, out, fault=None, log=None):
        env = environment(**({"PROCTOR_FAULT": fault, "PROCTOR_FAULT_LOG": log} if fault else {}))
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(command(kind, out), stdin=subprocess.DEVNULL, env=env,
                                        stdout=self.out, stderr=self.err)

    def end(self, kill_after=None):
        """The exit status (negative: the signal)."""
        try:
            self.process.wait(kill_after if kill_after is not None else 120)
        except subprocess.TimeoutExpired:
            if kill_after is None:
                self.process.kill()
                self.process.wait()
                raise AssertionError("train has not ended after 120 s\n" + self.said())
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        return self.process.returncode

    def said(self):
        self.err.seek(0)
        return self.err.read().decode("utf-8", "replace")[-2000:]

    def steps(self):
        """Those whose line came whole."""
        self.out.seek(0)
        lines = self.out.read().split(b"\n")[:-1]
        return [strict(line.decode())["step"] for line in lines]

    def close(self):
        self.out.close()
        self.err.close()


class Truth:
    """The undisturbed training of each kind, and how long it takes."""

    def __init__(self, parent):
        self.of, self.seconds = {}, {}
        for kind in KINDS:
            out = os.path.join(parent, "truth-" + kind)
            begin = time.monotonic()
            run = Run(kind, out)
            status = run.end()
            assert status == 0, run.said()
            self.seconds[kind] = time.monotonic() - begin
            assert run.steps() == list(range(1, STEPS + 1)), run.steps()
            run.close()
            self.of[kind] = outcome(kind, out)
            check_kept(out)
            assert not [n for n in os.listdir(out) if HIDDEN.match(n)]


def newest(out):
    steps = [int(n.split("-")[1]) for n in os.listdir(out) if PLAIN.match(n)] \
        if os.path.isdir(out) else []
    return max(steps, default=0)


def one_kill(kind, out, point, nth, seconds, log):
    """Starts or resumes the training and kills it; returns whether the moment was reached."""
    before = newest(out)
    if point == "random":
        run = Run(kind, out)
        status = run.end(kill_after=seconds)
    else:
        run = Run(kind, out, "%s:%d:daemon" % (point, nth), log)
        status = run.end()
    steps, said = run.steps(), run.said()
    run.close()
    assert status in (0, -signal.SIGKILL), (status, said)
    assert not steps or steps[0] == before + 1, "goes on at %s after checkpoint-%d\n%s" % (
        steps[:1], before, said)
    assert newest(out) >= before, "checkpoint-%d is lost" % before
    return status == -signal.SIGKILL


def training(parent, truth, kind, kills, drawn):
    """One training with these kills, to its end; returns those that were hit."""
    folder = tempfile.mkdtemp(prefix="training-", dir=parent)
    out, log = os.path.join(folder, "out"), os.path.join(folder, "fault.log")
    watchers = [Watcher(kind, out, check_folder, 0.001), Watcher(kind, out, inspect, 0.02)]
    hit = []
    try:
        for point in kills:
            # A share of what is left, so that the later kills of a training still find one.
            left = max(1, (STEPS - newest(out)) // EVERY)
            often = max(1, OFTEN.get(point, SAVES) * left // SAVES // len(kills))
            seconds = drawn.uniform(0, truth.seconds[kind] * 1.2 / len(kills))
            if one_kill(kind, out, point, 1 + drawn.randrange(often), seconds, log):
                hit.append(point)
        for _ in range(2):  # the second finds nothing left to do
            run = Run(kind, out)
            status, said = run.end(), run.said()
            run.close()
            assert status == 0, said
        found = outcome(kind, out)
        assert found == truth.of[kind], "%s after %s: %s" % (
            kind, kills, [k for k in found if found[k] != truth.of[kind][k]])
        check_kept(out)
        assert not [n for n in os.listdir(out) if HIDDEN.match(n)], os.listdir(out)
    finally:
        looks = [w.finish() for w in watchers]
        shutil.rmtree(folder, ignore_errors=True)
    return hit, looks


def points():
    out = subprocess.run([PROCTOR, "--fault-points"], stdout=subprocess.PIPE, check=True)
    return [p for p in out.stdout.decode().split() if p.startswith("save.")]


def plan(n, each, rng):
    """Trainings as (kind, kills): every moment `each` times, then random ones, some to a training."""
    kills = [point for point in points() for _ in range(each)]
    kills += ["random"] * max(0, n - len(kills))
    rng.shuffle(kills)
    kinds, jobs = list(KINDS), []
    while kills:
        share = rng.randrange(1, 5)
        jobs.append((kinds[len(jobs) % len(kinds)], kills[:share]))
        kills = kills[share:]
    return jobs


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=int(os.environ.get("PROCTOR_TRAIN_KILLS", "20")))
    p.add_argument("--each", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    rng = random.Random(a.seed)
    hits, asked, failed, looks = collections.Counter(), collections.Counter(), [], [0, 0]
    with tempfile.TemporaryDirectory(prefix="proctor-train-kills-") as parent:
        truth = Truth(parent)
        print("an undisturbed training takes " +
              ", ".join("%.2f s (%s)" % (v, k) for k, v in truth.seconds.items()))
        jobs, tries = plan(a.kills, a.each, rng), 0
        while jobs:
            kind, kills = jobs.pop()
            asked.update(kills)
            try:
                hit, looked = training(parent, truth, kind, kills, random.Random(rng.random()))
            except Exception:
                failed.append("%s, %s\n%s" % (kind, kills, traceback.format_exc()))
                continue
            hits.update(hit)
            looks = [x + y for x, y in zip(looks, looked)]
            missed = list((collections.Counter(kills) - collections.Counter(hit)).elements())
            tries += len(missed)
            # A moment that did not come, or a training that had ended, is asked for once more.
            if missed and tries < 2 * a.kills + 20:
                jobs.append((kind, missed))
    for name in sorted(asked):
        print("%4d kills of %3d asked for: %s" % (hits[name], asked[name], name))
    never = [n for n in asked if hits[n] < (a.each if n != "random" else 1)]
    print("%d kills, %d failures; whole whenever looked at: %d times by headers, %d by inspect" % (
        sum(hits.values()), len(failed), looks[0], looks[1]))
    for text in failed[:5]:
        print(text)
    if never:
        print("not reached as often as asked: " + ", ".join(sorted(never)))
    return 1 if failed or never or not all(looks) or sum(hits.values()) < a.kills else 0


if __name__ == "__main__":
    sys.exit(main())
