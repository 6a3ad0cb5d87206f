"""A base folder under test: made, fed with checkpoints, watched over, and held to what must always be
true of it.

The checkpoints are those of a small real run (tests/fixtures/run_a), copied, or copied with a few
weights moved so that each is a model of its own."""
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("PROCTOR_API", "0")  # no ports are taken but by the tests of the API
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN_A = os.path.join(ROOT, "tests", "fixtures", "run_a")
CHECKPOINTS = os.path.join(RUN_A, "checkpoints")
BUILD = os.environ.get("PROCTOR_BUILD", os.path.join(ROOT, "build"))
PROCTOR = os.environ.get("PROCTOR_FAULTS", os.path.join(BUILD, "tests", "faults", "proctor_faults"))
STATUS_FILES = ["regression_monitoring.json", "model_comparisons.json",
                "confidence_calibration.json", "automated_testing.json",
                "curriculum_optimization.json"]


# A queue that fills itself would be asked and trained on: tests of other things leave it alone.
QUIET = "machine:\n  disabled: [data-generation, self-correction]\n"


def strict(text):
    def refuse(word):
        raise AssertionError("not JSON: " + word)
    return json.loads(text, parse_constant=refuse)


def until(what, condition, seconds=60, process=None):
    """Waits until condition() is true; it is asked often, since what it looks at has no event."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if process is not None and process.poll() is not None:
            raise AssertionError("%s: the process ended with %s\n%s" % (
                what, process.returncode, process.said()))
        if time.monotonic() > end:
            said = process.said() if process is not None else ""
            raise AssertionError("waited %d s for: %s\n%s" % (seconds, what, said))
        time.sleep(0.02)


class Daemon(subprocess.Popen):
    """proctor as a background process, its stderr kept in a file."""

    def __init__(self, base, *args, env=None, program=PROCTOR):
        self.log = tempfile.NamedTemporaryFile(prefix="proctor-stderr-", delete=False)
        super().__init__([program, *args, "--base-dir", base], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=self.log,
                         env={**os.environ, "XDG_CACHE_HOME": os.path.join(base, "cache"),
                              **(env or {})})

    def said(self, n=3000):
        with open(self.log.name, "rb") as f:
            return f.read().decode("utf-8", "replace")[-n:]

    def graders(self):
        """The pids of its grader processes."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == self.pid and words[1:2] == [b"grader"]:
                found.append(int(pid))
        return found

    def stop(self, seconds=10):
        if self.poll() is None:
            self.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        self.wait(seconds)
        os.unlink(self.log.name)
        return time.monotonic() - begin

    def kill_hard(self):
        if self.poll() is None:
            self.kill()
        self.wait()


def mutate(folder, seed):
    """Moves some bf16 weights by their last bits: another model, of nearly the same quality."""
    path = os.path.join(folder, "model.safetensors")
    rng = random.Random(seed)
    with open(path, "r+b") as f:
        header = struct.unpack("<Q", f.read(8))[0]
        size = os.path.getsize(path)
        for _ in range(64):
            at = 8 + header + 2 * rng.randrange((size - 8 - header) // 2)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1]))


def set_step(folder, step):
    path = os.path.join(folder, "trainer_state.json")
    with open(path) as f:
        state = json.load(f)
    state["global_step"] = step
    state["log_history"] = [e for e in state["log_history"] if e["step"] <= step] or \
        state["log_history"][:1]
    with open(path, "w") as f:
        json.dump(state, f)


class Base:
    def __init__(self, examples=40, parent=None):
        self.dir = tempfile.mkdtemp(prefix="proctor-watch-", dir=parent)
        self.models = os.path.join(self.dir, "models", "current_model")
        self.status = os.path.join(self.dir, "status")
        os.makedirs(self.models)
        os.makedirs(os.path.join(self.dir, "data", "validation"))
        self.write_suite(examples)
        self.configure("")

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def configure(self, text):
        text = text if "machine:" in text else QUIET + text
        with open(os.path.join(self.dir, "proctor.yaml"), "w") as f:
            f.write(text)

    def write_suite(self, n, edit=lambda i, row: row):
        with open(os.path.join(RUN_A, "validation.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        step = max(1, len(rows) // n)
        rows = rows[::step][:n]
        path = os.path.join(self.dir, "data", "validation", "validation.jsonl")
        with open(path + ".new", "w") as f:
            for i, row in enumerate(rows):
                f.write(json.dumps(edit(i, row)) + "\n")
        os.rename(path + ".new", path)
        return len(rows)

    def drop(self, step, source=4500, seed=None, slowly=None, name=None):
        """A checkpoint as a trainer leaves it: written file by file (slowly: seconds between), the
        trainer's state last."""
        folder = os.path.join(self.models, name or "checkpoint-%d" % step)
        with tempfile.TemporaryDirectory(prefix="proctor-drop-") as made:
            made = os.path.join(made, "c")
            shutil.copytree(os.path.join(CHECKPOINTS, "checkpoint-%d" % source), made)
            if seed is not None:
                mutate(made, seed)
            set_step(made, step)
            os.makedirs(folder, exist_ok=True)
            names = sorted(os.listdir(made), key=lambda n: (n == "trainer_state.json", n))
            for one in names:
                shutil.copyfile(os.path.join(made, one), os.path.join(folder, one))
                if slowly:
                    time.sleep(slowly)
        return folder

    def take(self, step):
        shutil.rmtree(os.path.join(self.models, "checkpoint-%d" % step))

    def document(self, name):
        """A status file, or None while there is none; it must parse whenever it is there."""
        try:
            with open(os.path.join(self.status, name), encoding="utf-8") as f:
                text = f.read()
        except FileNotFoundError:
            return None
        document = strict(text)
        assert document["schema_version"] == 1, text[:200]
        return document

    def db(self):
        return sqlite3.connect("file:%s/proctor.db?mode=ro" % self.dir, uri=True, timeout=10)

    def ask(self, sql, *values):
        try:
            db = self.db()
        except sqlite3.OperationalError:
            return []  # not made yet
        with contextlib.closing(db):
            try:
                if not db.execute("PRAGMA user_version").fetchone()[0]:
                    return []
            except sqlite3.OperationalError as e:
                # Not made yet, or a killed owner's log is being brought in this moment.
                if "unable to open" in str(e) or "readonly database" in str(e):
                    return []
                raise
            return db.execute(sql, values).fetchall()

    def command(self, *args, status=0):
        done = subprocess.run([PROCTOR, *args, "--base-dir", self.dir], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120,
                              env={**os.environ, "XDG_CACHE_HOME": os.path.join(self.dir, "cache")})
        if status is not None:
            assert done.returncode == status, (done.returncode, done.stderr.decode()[-2000:])
        return done.stdout.decode()

    def state(self):
        return strict(self.command("status", "--json"))


class Reader(threading.Thread):
    """Reads every status file over and over: at no moment may one be there and not be whole."""

    def __init__(self, base):
        super().__init__(daemon=True)
        self.base, self.ended, self.reads, self.wrong = base, False, 0, []
        self.start()

    def run(self):
        while not self.ended:
            for name in os.listdir(self.base.status) if os.path.isdir(self.base.status) else []:
                if not name.endswith(".json"):
                    continue
                try:
                    self.base.document(name)
                    self.reads += 1
                except Exception as e:  # whatever it is, it is the finding
                    self.wrong.append("%s: %r" % (name, e))
            time.sleep(0.002)

    def finish(self):
        self.ended = True
        self.join()
        assert not self.wrong, self.wrong[:3]
        return self.reads


def memory(pid):
    """Resident bytes of a process."""
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def skipped(what, why):
    print("skipped: %s (%s)" % (what, why), file=sys.stderr)
