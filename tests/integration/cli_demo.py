"""proctor demo: makes what it needs, trains, watches, stops in good order, goes on where it was."""
import array
import json
import math
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import time

import harness
from harness import PROCTOR, proctor

ROW = re.compile(r"^ *\d+:\d\d +checkpoint-(\d+) +([\d.]+) ")
PATIENCE = 280  # seconds until something that must come counts as missing


class Demo:
    """A demo whose lines are read as they come."""

    def __init__(self, folder):
        self.process = subprocess.Popen([PROCTOR, "demo", folder], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.rest = [], b""

    def wait_for(self, pattern):
        """The match of the first line, from here on, that holds the pattern."""
        until = time.monotonic() + PATIENCE
        seen = len(self.lines)
        while time.monotonic() < until:
            for line in self.lines[seen:]:
                found = re.search(pattern, line)
                if found:
                    return found
            seen = len(self.lines)
            if not select.select([self.process.stdout], [], [], 1)[0]:
                continue
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert chunk, "ended: %s\n%s" % ("\n".join(self.lines), self.process.stderr.read().decode())
            *whole, self.rest = (self.rest + chunk).split(b"\n")
            self.lines += [line.decode() for line in whole]
        raise AssertionError("no line with %r in:\n%s" % (pattern, "\n".join(self.lines)))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return (self.rest + out).decode(), err.decode()


def processes_in(folder):
    """Processes whose working folder is this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.realpath(os.readlink("/proc/%s/cwd" % pid)) == os.path.realpath(folder):
                found.append(open("/proc/%s/cmdline" % pid).read().replace("\0", " "))
        except OSError:
            pass
    return found


def spoil(path, rng):
    """Noise of their own spread into the layers' matrices, as the demo damages a checkpoint."""
    with open(path, "r+b") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        for name, tensor in json.loads(f.read(size)).items():
            if ".layers." not in name or len(tensor["shape"]) != 2:
                continue
            assert tensor["dtype"] == "F32", tensor
            begin, end = tensor["data_offsets"]
            f.seek(8 + size + begin)
            weights = array.array("f", f.read(end - begin))
            spread = math.sqrt(sum(w * w for w in weights) / len(weights))
            f.seek(8 + size + begin)
            f.write(array.array("f", (w + rng.gauss(0, spread) for w in weights)).tobytes())


def put_damaged(folder, step):
    """What the demo itself does at step 1000, which would take minutes to come."""
    models = os.path.join(folder, "trainer", "checkpoints")
    to = os.path.join(models, ".damaged.tmp")
    shutil.copytree(os.path.join(models, "checkpoint-%d" % step), to, ignore=lambda top, names: [
        n for n in names if os.path.isdir(os.path.join(top, n))])
    spoil(os.path.join(to, "model.safetensors"), random.Random(1))
    with open(os.path.join(to, "trainer_state.json"), "r+", encoding="utf-8") as f:
        state = dict(json.load(f), global_step=step + 1)
        f.seek(0)
        f.truncate()
        json.dump(state, f)
    os.rename(to, os.path.join(models, "checkpoint-%d" % (step + 1)))
    with open(os.path.join(folder, ".proctor", "demo.json"), "w", encoding="utf-8") as f:
        json.dump({"schema_version": 1, "damaged_step": step + 1, "trained": False}, f)


def test_it_shows_a_graded_checkpoint_stops_whole_and_goes_on():
    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "demo")
        demo = Demo(folder)
        first = int(demo.wait_for(ROW.pattern).group(1))
        rest, err = demo.interrupt()
        assert demo.process.returncode == 130, (demo.process.returncode, err)
        assert "ranked" in rest and "Look further" in rest, rest
        assert processes_in(folder) == []

        # What it leaves is whole: every checkpoint is accepted, every status file is a document.
        models = os.path.join(folder, "trainer", "checkpoints")
        checkpoints = [n for n in os.listdir(models) if not n.startswith(".")]
        assert "checkpoint-%d" % first in checkpoints
        for name in checkpoints:
            assert proctor("inspect", os.path.join(models, name), "--json").row()["accepted"]
        for name in os.listdir(os.path.join(folder, "status")):
            with open(os.path.join(folder, "status", name), encoding="utf-8") as f:
                assert json.load(f)["schema_version"] == 1

        # Again: nothing is made anew, and the training goes on from its last checkpoint.
        last = max(int(n.split("-")[1]) for n in checkpoints)
        put_damaged(folder, last)
        problems = os.stat(os.path.join(folder, "data", "training", "easy.jsonl")).st_mtime_ns
        demo = Demo(folder)
        demo.wait_for(r"^ *\d+:\d\d +checkpoint-%d " % first)
        while int(demo.wait_for(ROW.pattern).group(1)) <= last + 1:
            pass
        rest, _ = demo.interrupt()
        shown = "\n".join(demo.lines)
        assert "CAUGHT: " in shown and re.search(r"checkpoint-%d .* critical" % (last + 1), shown), shown
        # Ranked: the damaged one behind those that it was made of and that came after it.
        with open(os.path.join(folder, "status", "model_comparisons.json"), encoding="utf-8") as f:
            ranks = {x["step"]: x["rank"] for x in json.load(f)["rankings"]}
        assert ranks[last + 1] > ranks[last] > ranks[max(ranks)], ranks
        assert re.search(r"^ *1 +checkpoint-%d " % max(ranks), rest, re.M), rest
        assert os.stat(os.path.join(folder, "data", "training", "easy.jsonl")).st_mtime_ns == problems
        assert not any("proctor generate" in line for line in demo.lines)
        with open(os.path.join(folder, "logs", "demo-train.log"), encoding="utf-8") as f:
            steps = [json.loads(line)["step"] for line in f if line.startswith('{"step"')]
        assert last in steps and steps.index(1) == 0 and steps.count(1) == 1, steps[:3]


def everything_in(folder):
    return sorted((top, tuple(folders), tuple(names)) for top, folders, names in os.walk(folder))


def test_a_folder_that_is_no_demos_is_left_as_it_is():
    with harness.scratch() as folder:
        models = os.path.join(folder, "trainer", "checkpoints")
        os.makedirs(models)
        os.mkdir(os.path.join(folder, ".proctor"))  # as a watch of the user's own leaves it
        before = everything_in(folder)
        refused = proctor("demo", folder, "--minutes", "0.1", status=2)
        assert "no demo's" in refused.err and "name a folder" in refused.err, refused.err
        assert not refused.out and everything_in(folder) == before


def test_what_is_no_note_of_a_demo_is_not_taken_for_one():
    def directory(note):
        os.mkdir(note)

    def torn(note):
        with open(note, "w", encoding="utf-8") as f:
            f.write('{"schema_version": 1, ')

    def fifo(note):
        os.mkfifo(note)

    for make in (directory, torn, fifo):
        with harness.scratch() as folder:
            os.mkdir(os.path.join(folder, ".proctor"))
            make(os.path.join(folder, ".proctor", "demo.json"))
            before = everything_in(folder)
            refused = proctor("demo", folder, "--minutes", "0.1", status=2)
            assert "no demo's" in refused.err, (make, refused.err)
            assert not refused.out and everything_in(folder) == before


def test_a_demo_that_was_killed_before_its_note_begins_anew():
    for left in ((), ("demo.json.tmp.aB3dEf",)):
        with harness.scratch() as folder:
            os.mkdir(os.path.join(folder, ".proctor"))
            for name in left:
                open(os.path.join(folder, ".proctor", name), "w", encoding="utf-8").close()
            assert "$ proctor run" in proctor("demo", folder, "--minutes", "0.1").out
            assert os.path.isfile(os.path.join(folder, ".proctor", "demo.json"))


def test_two_demos_do_not_share_a_folder():
    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "demo")
        demo = Demo(folder)
        demo.wait_for(r"^\$ proctor")
        assert os.path.exists(os.path.join(folder, ".proctor", "demo.json"))  # before all else
        refused = proctor("demo", folder, status=2)
        assert "another 'proctor demo' runs" in refused.err and not refused.out, refused.err
        demo.interrupt()


def test_it_ends_when_its_time_is_over():
    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "demo")
        done = proctor("demo", folder, "--minutes", "0.1")
        assert "$ proctor run" in done.out
        assert processes_in(folder) == []


if __name__ == "__main__":
    harness.run(globals())
