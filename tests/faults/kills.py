"""proctor is killed (SIGKILL) at every named moment and at random ones, during a busy cycle; it is
started again, and then everything must be as if nothing had happened: the gradebook whole, every
example graded once and with the same numbers, status files that parsed at every moment and say the
same as those of an undisturbed run.

    kills.py [--kills N] [--each M] [--seed S]

N kills in all; each named moment is hit at least M times. The moments that were hit are printed."""
import argparse
import collections
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback

import watchbase
from watchbase import STATUS_FILES, Base, Daemon, Reader, until

EXAMPLES = 60
# A bad one first, so that the baseline moves; the last is a little worse.
STEPS = [(100, 1574), (200, 2886), (300, 2926)]
FORTY_DAYS = 40 * 86400 * 1000
GRADER = ["frame.half", "frame.written", "frame.read", "grader.opened", "grader.example"]
# How often a moment comes by in one cycle, at least: which of them is to be the last is drawn.
OFTEN = {"frame.half": 40, "frame.written": 40, "frame.read": 40, "grader.example": 60,
         "write.temporary": 6, "write.synced": 6, "write.renamed": 6, "apply.inserted": 4,
         "apply.committed": 4, "grades.inserted": 4, "grades.committed": 4,
         "checkpoint.noted": 3}


def grades(base):
    """Those of the user's suites; what a system asks for itself depends on when it was stopped."""
    return base.ask("SELECT c.name, e.digest, g.loss, g.flags, g.confidence FROM grades g "
                    "JOIN examples e ON e.id = g.example "
                    "JOIN checkpoints c ON c.model = g.model WHERE EXISTS (SELECT 1 FROM suites s "
                    "JOIN suite_examples x ON x.suite = s.id WHERE x.example = e.id AND "
                    "s.name NOT LIKE '.%') ORDER BY 1, 2")


def verdicts(base):
    """What the systems say, without what differs from run to run: times and row numbers."""
    said = {}
    for name in STATUS_FILES:
        document = base.document(name)
        if document is None or document["state"] != "ok":
            return None
        said[name] = document
    monitor = said["regression_monitoring.json"]
    ranking = said["model_comparisons.json"]["rankings"]
    testing = said["automated_testing.json"]
    if (monitor["baseline_loss"] is None) != (testing["baseline"] is None):
        return None  # one rule behind both: one of them is still to run
    return {
        "monitor": [monitor[k] for k in ("checkpoint", "alert_level", "regression_detected",
                                         "baseline_loss", "current_loss")],
        "ranking": [(r["checkpoint"], r["score"]) for r in ranking],
        "testing": [testing[k] for k in ("checkpoint", "overall_accuracy", "baseline")],
        "bins": said["confidence_calibration.json"]["bins"],
    }


def complete(base):
    if len(grades(base)) < EXAMPLES * len(STEPS):
        return None
    said = verdicts(base)
    last = "checkpoint-%d" % STEPS[-1][0]
    if said and said["monitor"][0] == last and said["testing"][0] == last and \
            len(said["ranking"]) == len(STEPS):
        return said
    return None


def fill(base):
    for step, source in STEPS:
        base.drop(step, source)


class Once:
    """The undisturbed run that all others are compared with."""

    def __init__(self):
        base = Base(EXAMPLES)
        fill(base)
        daemon = Daemon(base.dir, "run")
        self.said = until("the undisturbed run", lambda: complete(base), 60, daemon)
        self.grades = grades(base)
        daemon.stop()
        base.remove()


def cycle(truth, point, nth, role, rng):
    """One busy cycle with one kill; returns whether the moment was reached."""
    base = Base(EXAMPLES)
    log = os.path.join(base.dir, "fault.log")
    reader = Reader(base)
    env = {"PROCTOR_FAULT_LOG": log}
    clock = None
    try:
        fill(base)
        if point == "compact.step":
            # Something old enough to be compacted is there only after a while.
            first = Daemon(base.dir, "run")
            until("the first run", lambda: complete(base), 60, first)
            first.stop()
            clock = os.path.join(base.dir, "clock")
            with open(clock, "w") as f:
                f.write(str(FORTY_DAYS))
            env["PROCTOR_CLOCK"] = clock
        if point != "random":
            env["PROCTOR_FAULT"] = "%s:%d:%s" % (point, nth, role)
        daemon = Daemon(base.dir, "run", env=env)
        if point == "random":
            hit = random_kill(daemon, role, rng)
        else:
            done = lambda: os.path.exists(log) and os.path.getsize(log) > 0
            until("%s %d in a %s" % (point, nth, role),
                  lambda: done() or daemon.poll() is not None or
                  (point != "compact.step" and complete(base)), 60)
            hit = done()
        if role == "daemon" and hit:
            daemon.wait(60)
        daemon.kill_hard()
        again = Daemon(base.dir, "run")
        said = until("all to be graded after %s %d in a %s" % (point, nth, role),
                     lambda: complete(base), 60, again)
        took = again.stop()
        assert took < 5, "SIGTERM took %.1f s" % took
        check(base, truth, said)
        return hit
    finally:
        reader.finish()
        base.remove()


def check(base, truth, said):
    assert base.ask("PRAGMA integrity_check") == [("ok",)]
    assert base.ask("PRAGMA foreign_key_check") == []
    found = grades(base)
    assert found == truth.grades, "%d grades, expected %d; first difference %s" % (
        len(found), len(truth.grades), [p for p in zip(found, truth.grades) if p[0] != p[1]][:1])
    assert said == truth.said, json.dumps([said, truth.said])


def random_kill(daemon, role, rng):
    time.sleep(rng.uniform(0, 0.7))
    if role == "grader":
        for pid in daemon.graders():
            try:
                os.kill(pid, signal.SIGKILL)
                return True
            except ProcessLookupError:
                pass
        return False
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGKILL)
    return True


def points():
    import subprocess
    out = subprocess.run([watchbase.PROCTOR, "--fault-points"], stdout=subprocess.PIPE, check=True)
    # Those of a training are train_kills.py's and queue_kills.py's, those of the queue intake_kills.py's, those of deploying deploy_kills.py's; at those
    # of loading and serving serve_held.py holds the program.
    return [p for p in out.stdout.decode().split() if not p.startswith(("save.", "train.", "queue.", "deploy.", "load.", "serve."))]


def plan(n, each, rng):
    """Which kills: every moment of every role `each` times, then random ones."""
    kills = []
    for _ in range(each):
        for point in points():
            roles = ["daemon"] if not point.startswith(("frame.", "grader.")) else \
                ["grader"] if point.startswith("grader.") else ["daemon", "grader"]
            kills += [(point, role) for role in roles]
    while len(kills) < n:
        kills.append(("random", rng.choice(["daemon", "daemon", "grader"])))
    return kills


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=int(os.environ.get("PROCTOR_KILLS", "40")))
    p.add_argument("--each", type=int, default=int(os.environ.get("PROCTOR_KILLS_EACH", "1")))
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--only", help="this moment alone")
    a = p.parse_args()
    rng = random.Random(a.seed)
    kills = [k for k in plan(a.kills, a.each, rng) if not a.only or k[0] == a.only]
    truth = Once()
    hits, misses, failed = collections.Counter(), collections.Counter(), []
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not kills:
                    return
                point, role = kills.pop()
                drawn = random.Random(rng.random())
            for attempt in range(4):  # a moment that did not come so often is asked for earlier
                nth = 1 if attempt > 1 else 1 + drawn.randrange(OFTEN.get(point, 1))
                try:
                    hit = cycle(truth, point, nth, role, drawn)
                except Exception:
                    with lock:
                        failed.append("%s %d %s\n%s" % (point, nth, role, traceback.format_exc()))
                    break
                with lock:
                    (hits if hit else misses)[point + " in the " + role] += 1
                if hit or point == "random":
                    break

    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for name in sorted(set(hits) | set(misses)):
        print("%4d kills, %3d not reached: %s" % (hits[name], misses[name], name))
    never = [n for n in set(hits) | set(misses) if not hits[n] and not n.startswith("random")]
    print("%d kills, %d failures" % (sum(hits.values()), len(failed)))
    for text in failed[:5]:
        print(text)
    if never:
        print("never reached: " + ", ".join(sorted(never)))
    return 1 if failed or never else 0


if __name__ == "__main__":
    sys.exit(main())
