"""self-correction and data-generation are killed (SIGKILL) at random moments of their work on a
queue, and started again until they come to their end: no line may be lost, none be there twice, no
file be half there.

    intake_kills.py [--kills N] [--seed S]

What each line is to become is worked out here, not asked of proctor. The named moments (queue.*) are
hit one by one in tests/unit/systems."""
import argparse
import base64
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import watchbase
from watchbase import strict

PROCTOR = os.environ.get("PROCTOR", os.path.join(watchbase.BUILD, "src", "cli", "proctor"))
FILES, LINES = 8, 400
SYSTEMS = [("self-correction",), ("data-generation", "--min-files", "12")]


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.utime(path, (time.time() - 60, time.time() - 60))  # nobody writes to it any more


class Folder:
    """A base folder whose incoming files have faults, and what is to become of each line."""

    def __init__(self, rng):
        self.dir = tempfile.mkdtemp(prefix="proctor-queue-")
        self.valid, self.refused, self.originals = collections.Counter(), collections.Counter(), {}
        for i in range(FILES):
            self.file(rng, i)
        hard = [{"prompt": "%d+1000=" % a, "golden": str(a + 1000), "id": "h%d" % a,
                 "model_failed": True} for a in range(100, 400)]
        write(os.path.join(self.dir, "data", "adversarial_examples",
                           "hard_examples_20260101.jsonl"),
              "".join(json.dumps(h) + "\n" for h in hard).encode())

    def file(self, rng, i):
        lines, bad = [], 0
        for k in range(LINES):
            kind = rng.random() if i % 4 else 1  # every fourth has no fault
            if kind < 0.03:
                lines.append(b"no line of ours %d %d" % (i, k))
            elif kind < 0.05:
                lines.append(b'{"prompt":"\xff%d","golden":"%d"}' % (i, k))
            else:
                a, b = 10000 * i + k, rng.randrange(10, 99)
                lines.append(b'{"prompt":"%d+%d=","golden":"%d"}' % (a, b, a + b))
                self.valid[lines[-1]] += 1
                continue
            bad += 1
            self.refused[lines[-1]] += 1
        name = "file-%d.jsonl" % i
        whole = b"\n".join(lines) + (b"\n" if i % 2 else b"")
        if bad:
            self.originals[name] = whole
        write(os.path.join(self.dir, "queue", "unvalidated", ["", "high", "low"][i % 3], name), whole)

    def lines(self, folder, own):
        """Raw lines of a folder's files; of generated ones where own."""
        found = []
        path = os.path.join(self.dir, "queue", folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            generated = name.startswith("gen_")
            if name.startswith(".") or not name.endswith(".jsonl") or generated != own:
                continue
            with open(os.path.join(path, name), "rb") as f:
                found += [line for line in f.read().split(b"\n") if line]
        return found

    def check(self, ended):
        """What must hold at any moment, and what at the end."""
        waiting = collections.Counter(sum((self.lines(q, False) for q in ("high", "normal", "low")),
                                          []))
        assert not waiting - self.valid, ("twice, or not to be there", waiting - self.valid)
        refused = collections.Counter()
        for row in map(strict, (r.decode() for r in self.lines("rejected", False))):
            text = row["text"]
            refused[base64.b64decode(text) if row.get("encoding") else text.encode()] += 1
            assert row["reason"] and row["defect"] in ("invalid_json", "invalid_utf8"), row
        assert not refused - self.refused, refused - self.refused
        self.check_generated(ended)
        if not ended:
            return
        assert waiting == self.valid, ("lost", list((self.valid - waiting).items())[:3])
        assert refused == self.refused, ("lost", list((self.refused - refused).items())[:3])
        path = os.path.join(self.dir, "queue", "rejected", "originals")
        assert sorted(os.listdir(path)) == sorted(self.originals), os.listdir(path)
        for name, whole in self.originals.items():
            with open(os.path.join(path, name), "rb") as f:
                assert f.read() == whole, name
        for top, _, names in os.walk(os.path.join(self.dir, "queue")):
            if os.path.basename(top) != "queue":  # where locks and notes are
                assert not [n for n in names if n.startswith(".") or ".tmp." in n], (top, names)

    def check_generated(self, ended):
        path = os.path.join(self.dir, "queue", "normal")
        names = [n for n in (os.listdir(path) if os.path.isdir(path) else []) if n[:4] == "gen_"]
        seen, numbers = set(self.valid), set()
        files = [n for n in names if n.endswith(".jsonl")]
        for name in files:
            with open(os.path.join(path, name + ".manifest.json"), encoding="utf-8") as f:
                manifest = strict(f.read())
            with open(os.path.join(path, name), encoding="utf-8") as f:
                rows = [strict(line) for line in f]
            assert manifest["lines"] == len(rows) == 500, name
            assert manifest["number"] not in numbers
            numbers.add(manifest["number"])
            for row in rows:
                assert row["prompt"] not in seen, row
                seen.add(row["prompt"])
            hard = sum("level" not in row for row in rows)
            assert hard == manifest["provenance"]["hard"], (hard, manifest["provenance"])
        if ended:
            manifests = [n for n in names if n.endswith(".manifest.json")]
            assert len(manifests) == len(files), names

    def remove(self):
        shutil.rmtree(self.dir)


def once(folder, system, seconds=None):
    """Runs a system to its end, or kills it after so long; True: it came to its end."""
    p = subprocess.Popen([PROCTOR, *system, "--once", "--quiet", "--base-dir", folder.dir],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                         env={**os.environ, "PROCTOR_API": "0",
                              "XDG_CACHE_HOME": os.path.join(folder.dir, "cache")})
    try:
        _, err = p.communicate(timeout=seconds)
        # 1: there is no checkpoint to ask, which is said.
        assert p.returncode in (0, 1) and b"fail" not in err, err.decode()[-2000:]
        return True
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return False


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=int(os.environ.get("PROCTOR_INTAKE_KILLS", "10")))
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    rng = random.Random(a.seed)
    whole = Folder(rng)
    took = {}
    for system in SYSTEMS:
        begin = time.monotonic()
        assert once(whole, system)
        took[system] = time.monotonic() - begin
    whole.check(True)
    assert len(whole.lines("normal", True)) > 0
    whole.remove()
    kills = rounds = 0
    while kills < a.kills:
        folder = Folder(rng)
        rounds += 1
        for system in SYSTEMS:
            for _ in range(4):
                if kills == a.kills or once(folder, system, took[system] * rng.uniform(0.05, 1)):
                    break
                kills += 1
                folder.check(False)
            assert once(folder, system)
        folder.check(True)
        folder.remove()
    print("%d kills in %d rounds; undisturbed: %s" % (
        kills, rounds, ", ".join("%s %.2f s" % (s[0], t) for s, t in took.items())))


if __name__ == "__main__":
    main()
