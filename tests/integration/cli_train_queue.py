"""proctor train --queue: which file is next, where it goes, how the training waits, and that what a stop,
a damaged checkpoint or another training left is gone on with.  tests/faults/queue_kills.py kills it."""
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

import harness
from harness import FIXTURES, PROCTOR, proctor, scratch

MODEL = os.path.join(FIXTURES, "models", "qwen3-tiny")
TAKEN = re.compile(r"^proctor train: (\S+) from queue/(\w+): (\d+) examples, (\d+) steps?$", re.M)
FOLDERS = ["high", "normal", "low", "processing", "recently_completed", "failed"]
STATUS = "waiting for training files"


def example(name, i):
    return {"prompt": "%s %d?" % (name, i), "golden": str(i * i % 97)}


def put(base, folder, name, n, text=None):
    top = os.path.join(base, "queue", folder)
    os.makedirs(top, exist_ok=True)
    rows = [json.dumps(example(name, i)) for i in range(n)]
    with open(os.path.join(top, name), "w", encoding="utf-8") as f:
        f.write(text if text is not None else "".join(row + "\n" for row in rows))


def files(base):
    found = {}
    for folder in FOLDERS:
        top = os.path.join(base, "queue", folder)
        found[folder] = sorted(os.listdir(top)) if os.path.isdir(top) else []
    return {k: v for k, v in found.items() if v}


def arguments(base, steps, *more):
    return ["train", MODEL, "--queue", base, "--steps", str(steps), "--batch", "4", "--lr", "1e-3",
            "--threads", "2", "--out", os.path.join(base, "out"), "--status",
            os.path.join(base, "status.json"), "--quiet", *map(str, more)]


def train(base, steps, *more, **options):
    return proctor(*arguments(base, steps, *more), **options)


def read_status(base):
    with open(os.path.join(base, "status.json"), encoding="utf-8") as f:
        return json.load(f)


def state(base, step):
    with open(os.path.join(base, "out", "checkpoint-%d" % step, "proctor", "training.json"),
              encoding="utf-8") as f:
        return json.load(f)["queue"]


def weights(base, step):
    with open(os.path.join(base, "out", "checkpoint-%d" % step, "model.safetensors"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def wait_for(base, predicate):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.path.exists(os.path.join(base, "status.json")) and predicate(read_status(base)):
            return
        time.sleep(0.02)
    raise AssertionError(read_status(base))


def test_files_are_taken_by_priority_and_name_and_each_goes_where_it_belongs():
    with scratch() as base:
        put(base, "low", "a.jsonl", 4)
        put(base, "normal", "c.json", 0, json.dumps([example("c", i) for i in range(5)]))
        put(base, "normal", "b.jsonl", 6)
        put(base, "normal", "b.jsonl.manifest.json", 0, '{"made_by": "hand"}')
        put(base, "normal", ".begun.jsonl", 9)
        put(base, "high", "none.jsonl", 0, '{"prompt": 1}\nnot json\n')
        put(base, "high", "z.jsonl", 3)
        put(base, "failed", "none.jsonl", 1)  # its name is taken there
        r = train(base, 6, "--save-every", 2)
        # One at the end has what is left: 3 | 4 + 2 | 4 + 1 | 4.
        assert TAKEN.findall(r.err) == [("z.jsonl", "high", "3", "1"), ("b.jsonl", "normal", "6", "2"),
                                        ("c.json", "normal", "5", "2"), ("a.jsonl", "low", "4", "1")], r.err
        assert "none.jsonl from queue/high goes to queue/failed: no usable examples" in r.err, r.err
        assert files(base) == {
            "recently_completed": ["a.jsonl", "b.jsonl", "b.jsonl.manifest.json", "c.json", "z.jsonl"],
            "failed": ["none-2.jsonl", "none-2.jsonl.reason.txt", "none.jsonl"],
            "normal": [".begun.jsonl"]}, files(base)
        with open(os.path.join(base, "queue", "failed", "none-2.jsonl.reason.txt"), encoding="utf-8") as f:
            assert "no usable examples" in f.read()
        s = state(base, 6)
        assert [x["name"] for x in s["files"]] == ["z.jsonl", "b.jsonl", "c.json", "a.jsonl"], s
        assert s["files_completed"] == 4 and s["current_steps"] == 0, s
        with open(os.path.join(base, "queue", "recently_completed", "z.jsonl"), "rb") as f:
            assert s["files"][0]["sha256"] == hashlib.sha256(f.read()).hexdigest()
        said = read_status(base)
        assert (said["files_completed"], said["queue_waiting"], said["current_file"]) == (4, 0, None), said
        assert [x["epoch"] for x in r.rows()] == [i / 6 for i in range(1, 7)]


def test_an_empty_queue_is_waited_for_until_a_signal_or_the_time_ends_it():
    with scratch() as base:
        p = subprocess.Popen([PROCTOR, *arguments(base, 5)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(base, lambda o: o["status"] == STATUS and o["current_step"] == 0)
        put(base, "normal", ".a", 6)
        os.rename(os.path.join(base, "queue/normal/.a"), os.path.join(base, "queue/normal/a.jsonl"))
        wait_for(base, lambda o: o["status"] == STATUS and o["current_step"] == 2)
        said = read_status(base)
        assert (said["files_completed"], said["queue_waiting"], said["current_file"]) == (1, 0, None), said
        assert files(base) == {"processing": ["a.jsonl"]}  # no checkpoint holds it yet
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=30)
        assert p.returncode == 130 and "stopped after step 2" in err.decode(), err
        assert files(base) == {"recently_completed": ["a.jsonl"]}
        assert read_status(base)["status"] == "stopped"
        r = train(base, 5, "--seconds", 0.3)
        assert not r.out and "nothing is left to do" not in r.err and "limit of time" in r.err, r.err
    with scratch() as base:
        r = train(base, 5, "--seconds", 0.3)
        assert not r.out and "nothing is written" in r.err, r.err
        assert os.listdir(os.path.join(base, "out")) == []


def waves(base):
    for i, (folder, n) in enumerate([("normal", 7), ("low", 9), ("high", 5), ("normal", 8)]):
        put(base, folder, "f%d.jsonl" % i, n)


def test_a_damaged_checkpoint_costs_no_file():
    with scratch() as whole, scratch() as base:
        waves(whole)
        waves(base)
        train(whole, 8)
        train(base, 6, "--save-every", 3)
        want = state(base, 6)
        assert want["files_completed"] == 3 and want["current_steps"] == 0, want
        with open(os.path.join(base, "out", "checkpoint-6", "model.safetensors"), "r+b") as f:
            f.seek(-4, 2)
            f.write(b"\0\0\0\1")
        # Of f0 the second of two steps comes again, of f3 both: they had been completed.
        r = train(base, 8, "--save-every", 3)
        assert [x["step"] for x in r.rows()] == list(range(4, 9)), r.err
        assert [x[0] for x in TAKEN.findall(r.err)] == ["f0.jsonl", "f3.jsonl", "f1.jsonl"], r.err
        assert weights(base, 8) == weights(whole, 8)
        assert files(base) == files(whole), (files(base), files(whole))


def test_it_goes_on_without_its_row_and_takes_first_what_another_training_left():
    with scratch() as whole, scratch() as base:
        waves(whole)
        waves(base)
        train(whole, 8)
        train(base, 3, "--save-every", 1)
        assert "processing" in files(base), files(base)
        os.unlink(os.path.join(base, "out", ".queue.jsonl"))
        train(base, 8)
        assert weights(base, 8) == weights(whole, 8)
        assert files(base) == files(whole)
        # Of a training that nobody goes on with a file is in processing: a new one begins with it.
        assert files(base)["processing"] == ["f1.jsonl"], files(base)
        shutil.rmtree(os.path.join(base, "out"))
        put(base, "high", "new.jsonl", 4)
        r = train(base, 4)
        assert TAKEN.findall(r.err)[:2] == [("f1.jsonl", "processing", "9", "3"),
                                            ("new.jsonl", "high", "4", "1")], r.err


def test_a_current_file_that_is_gone_or_another_is_passed_over():
    with scratch() as base:
        put(base, "normal", "a.jsonl", 9)
        put(base, "normal", "b.jsonl", 4)
        train(base, 2)
        assert state(base, 2)["current_steps"] == 2
        put(base, "processing", "a.jsonl", 5)
        r = train(base, 4)
        assert "a.jsonl is gone from queue/processing, or another now" in r.err, r.err
        assert TAKEN.findall(r.err)[0] == ("a.jsonl", "processing", "5", "2"), r.err


def test_what_cannot_be_is_said():
    with scratch() as base:
        put(base, "normal", "a.jsonl", 4)
        for more, words in [(["--data", "x.jsonl"], "--queue and --data exclude"),
                            (["--order", "x"], "--queue and --order exclude")]:
            assert words in train(base, 2, *more, status=2).err
        assert "needs --queue" in proctor("train", MODEL, "--data", "x", "--epochs-per-file", 2, "--out",
                                          os.path.join(base, "out"), status=2).err
        missing = os.path.join(base, "missing")
        assert "is no folder" in proctor("train", MODEL, "--queue", missing, "--steps", 1, "--out",
                                         os.path.join(base, "out"), status=1).err
        assert not os.path.exists(missing) and not os.path.exists(os.path.join(base, "out"))
        assert "give --steps" in proctor("train", MODEL, "--queue", base, "--schedule", "cosine", "--out",
                                         os.path.join(base, "out"), status=2).err
        p = subprocess.Popen([PROCTOR, *arguments(base, 9)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(base, lambda o: o["status"] == STATUS)
        r = proctor("train", MODEL, "--queue", base, "--steps", 2, "--out", os.path.join(base, "other"),
                    "--status", "none", status=1)
        assert "another training takes its files from this queue" in r.err, r.err
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 130
        r = train(base, 9, "--epochs-per-file", 2, status=2)
        assert "'epochs_per_file' was 1, now it is 2" in r.err, r.err


if __name__ == "__main__":
    harness.run(globals())
