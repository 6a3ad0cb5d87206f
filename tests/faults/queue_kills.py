"""proctor train --queue is killed (SIGKILL) at every named moment of taking and moving files, while it
saves, while it waits and at random moments; it is started again.  In the end its model and optimizer are,
byte for byte, those of a training that nobody disturbed, and every file of the queue is in one folder,
once, with its manifest.

    queue_kills.py [--kills N] [--seed S]

Each named moment is hit at least once; the moments that were hit are printed."""
import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from train_kills import MODEL, PROCTOR, digest, environment, newest, outcome
import train_kills

STEPS, EVERY, KEEP, BATCH, EPOCHS = 35, 4, 3, 4, 2
POINTS = ["train.taken", "train.noted", "train.completed", "save.written", "save.renamed"]
OFTEN = {"train.taken": 7, "train.noted": 6, "train.completed": 4}
PATIENCE = 60
FOLDERS = ["high", "normal", "low", "processing", "recently_completed", "failed"]

# (folder, name, examples, lines that are none, manifest); the second wave comes when the queue is empty.
# Its a.jsonl is the first one's again: same name, same content, and to be trained on again.
FIRST = [("high", "z.jsonl", 9, 0, True), ("normal", "a.jsonl", 10, 0, True),
         ("normal", "b.jsonl", 6, 2, False), ("normal", "none.jsonl", 0, 3, True),
         ("low", "c.jsonl", 8, 0, False)]
SECOND = [("high", "d.jsonl", 11, 0, True), ("normal", "a.jsonl", 10, 0, True),
          ("normal", "q.jsonl", 40, 0, False)]


def content(name, n, broken):
    lines = ['{"no": "example"}'] * broken
    lines += [json.dumps({"prompt": "%s %d %d?" % (name, i, i * i), "golden": str(i * 7 % 10)})
              for i in range(n)]
    return "".join(line + "\n" for line in lines)


def put(base, wave):
    for folder, name, n, broken, manifest in wave:
        top = os.path.join(base, "queue", folder)
        os.makedirs(top, exist_ok=True)
        texts = [(name, content(name, n, broken))]
        if manifest:
            texts.insert(0, (name + ".manifest.json", json.dumps({"of": name})))
        for one, text in texts:
            with open(os.path.join(top, "." + one), "w", encoding="utf-8") as f:
                f.write(text)
            os.rename(os.path.join(top, "." + one), os.path.join(top, one))


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def check_queue(base):
    """Each file once: those trained to their end in recently_completed, the last one in processing."""
    found = {}
    for folder in FOLDERS:
        top = os.path.join(base, "queue", folder)
        names = sorted(os.listdir(top)) if os.path.isdir(top) else []
        files = [n for n in names if n.endswith(".jsonl")]
        found[folder] = sorted(digest(os.path.join(top, n)) for n in files)
        beside = [n + ".manifest.json" for n in files if n.split(".")[0].split("-")[0] in
                  {"z", "a", "none", "d"}]
        reasons = [n + ".reason.txt" for n in files] if folder == "failed" else []
        assert names == sorted(files + beside + reasons), (folder, names)
    whole = FIRST + SECOND
    want = {folder: [] for folder in FOLDERS}
    for folder, name, n, broken, _ in whole:
        to = "failed" if not n else "processing" if name == "q.jsonl" else "recently_completed"
        want[to].append(sha(content(name, n, broken)))
    assert found == {k: sorted(v) for k, v in want.items()}, found


def check_durable(base, out):
    """What is in recently_completed is held by a checkpoint, at whatever moment the training died; what
    failed has its reason."""
    top, held = os.path.join(base, "queue", "recently_completed"), []
    if newest(out):
        path = os.path.join(out, "checkpoint-%d" % newest(out), "proctor", "training.json")
        with open(path, encoding="utf-8") as f:
            queue = json.load(f)["queue"]
        held = [x["sha256"] for x in queue["files"][:queue["files_completed"]]]
    names = os.listdir(top) if os.path.isdir(top) else []
    moved = [digest(os.path.join(top, n)) for n in names if n.endswith(".jsonl")]
    assert not collections.Counter(moved) - collections.Counter(held), (moved, held)
    failed = os.path.join(base, "queue", "failed")
    for name in os.listdir(failed) if os.path.isdir(failed) else []:
        assert not name.endswith(".jsonl") or name + ".reason.txt" in os.listdir(failed), name


class Base:
    """A base folder and its training, started as often as it takes."""

    def __init__(self, parent):
        self.dir = tempfile.mkdtemp(prefix="base-", dir=parent)
        self.out = os.path.join(self.dir, "out")
        self.status = os.path.join(self.dir, "status.json")
        self.second = False
        put(self.dir, FIRST)

    def waits(self):
        try:
            with open(self.status, encoding="utf-8") as f:
                o = json.load(f)
        except FileNotFoundError:
            return False
        return o["status"] == "waiting for training files" and o["queue_waiting"] == 0 and \
            o["current_file"] is None

    def run(self, fault=None, seconds=None, while_waiting=False):
        """Until it ends or is killed; the exit status and the steps whose line came whole."""
        if os.path.exists(self.status):
            os.unlink(self.status)
        env = environment(**({"PROCTOR_FAULT": fault} if fault else {}))
        begin = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            p = subprocess.Popen(
                [PROCTOR, "train", MODEL, "--queue", self.dir, "--steps", str(STEPS), "--batch",
                 str(BATCH), "--epochs-per-file", str(EPOCHS), "--lr", "2e-3", "--schedule", "cosine",
                 "--seed", "5", "--threads", "2", "--save-every", str(EVERY), "--keep", str(KEEP),
                 "--out", self.out, "--status", self.status, "--quiet", "--dtype", "f32"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
            while p.poll() is None:
                gone = time.monotonic() - begin
                if not self.second and self.waits():
                    if while_waiting:
                        p.kill()
                        continue
                    put(self.dir, SECOND)
                    self.second = True
                if seconds is not None and gone > seconds or gone > PATIENCE:
                    p.kill()
                    assert gone < PATIENCE, "train has not ended"
                time.sleep(0.002)
            out.seek(0)
            steps = [json.loads(line) for line in out.read().split(b"\n")[:-1]]
            err.seek(0)
            said = err.read().decode("utf-8", "replace")
        assert p.returncode in (0, -signal.SIGKILL), (p.returncode, said)
        check_durable(self.dir, self.out)
        return p.returncode, steps, said


def check_counts(base, steps):
    """Against a training on the same files as --data, which counts their answers without a queue."""
    names, n_steps = [], 0
    done = [x for x in FIRST + SECOND if x[2] and x[1] != "q.jsonl"]
    for i, (_, name, n, broken, _) in enumerate(done):
        names.append(os.path.join(base.dir, "%d.jsonl" % i))
        with open(names[-1], "w", encoding="utf-8") as f:
            f.write(content(name, n, broken))
        n_steps += -(-n * EPOCHS // BATCH)
    assert n_steps < STEPS < n_steps + 40 * EPOCHS // BATCH, n_steps
    out = os.path.join(base.dir, "counted")
    subprocess.run([PROCTOR, "train", MODEL, "--data", *names, "--steps", "1", "--out", out,
                    "--status", "none", "--quiet"], env=environment(), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(out, "checkpoint-1", "proctor", "training.json"), encoding="utf-8") as f:
        tokens = json.load(f)["data"]["answer_tokens"]
    assert sum(s["tokens"] for s in steps[:n_steps]) == EPOCHS * tokens


def undisturbed(parent):
    base = Base(parent)
    begin = time.monotonic()
    status, steps, said = base.run()
    seconds = time.monotonic() - begin
    assert status == 0, said
    assert [s["step"] for s in steps] == list(range(1, STEPS + 1)), steps
    assert "queue/failed" in said
    check_queue(base.dir)
    check_counts(base, steps)
    return outcome("f32", base.out), seconds


def training(parent, truth, seconds, kills, rng):
    """One training with these kills, to its end; returns those that were hit."""
    base, hit = Base(parent), []
    for point in kills:
        before = newest(base.out)
        if point == "random":
            status, steps, _ = base.run(seconds=rng.uniform(0, seconds))
        elif point == "waiting":
            status, steps, _ = base.run(while_waiting=True)
        else:
            left = max(1, (STEPS - before) * OFTEN.get(point, STEPS // EVERY) // STEPS)
            status, steps, _ = base.run(fault="%s:%d:daemon" % (point, 1 + rng.randrange(left)))
        assert not steps or steps[0]["step"] == before + 1, (steps[0]["step"], before)
        if status:
            hit.append(point)
    for _ in range(2):  # the second finds nothing left to do
        status, steps, said = base.run()
        assert status == 0, said
    assert not steps
    assert outcome("f32", base.out) == truth, kills
    check_queue(base.dir)
    shutil.rmtree(base.dir)
    return hit


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=int(os.environ.get("PROCTOR_QUEUE_KILLS", "12")))
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    train_kills.STEPS = STEPS
    rng = random.Random(a.seed)
    kills = POINTS + ["waiting"]
    kills += ["random"] * max(0, a.kills - len(kills))
    rng.shuffle(kills)
    hits, failed, tries = collections.Counter(), [], 0
    with tempfile.TemporaryDirectory(prefix="proctor-queue-kills-") as parent:
        truth, seconds = undisturbed(parent)
        while kills:
            n = rng.randrange(2, 5)
            share, kills = kills[:n], kills[n:]
            try:
                hit = training(parent, truth, seconds, share, rng)
            except Exception:
                failed.append("%s\n%s" % (share, traceback.format_exc()))
                continue
            hits.update(hit)
            missed = list((collections.Counter(share) - collections.Counter(hit)).elements())
            tries += len(missed)
            if tries < 2 * a.kills + 20:  # a moment that did not come is asked for once more
                kills += missed
    for name, n in sorted(hits.items()):
        print("%4d kills: %s" % (n, name))
    print("%d kills, %d failures; an undisturbed training takes %.2f s" % (
        sum(hits.values()), len(failed), seconds))
    for text in failed[:5]:
        print(text)
    return 1 if failed or any(not hits[point] for point in POINTS + ["waiting"]) else 0


if __name__ == "__main__":
    sys.exit(main())
