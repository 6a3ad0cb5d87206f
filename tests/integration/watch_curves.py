"""The curves of a training in the gradebook: what its checkpoints logged, and what it says meanwhile."""
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
from watchbase import Base, Daemon, until  # noqa: E402



def log_of(folder):
    with open(os.path.join(folder, "trainer_state.json")) as f:
        return json.load(f)["log_history"]


def curve(base, name, run=None):
    """{step: value} of the newest run with such a curve, or of this one (0: it has no run yet)."""
    if not base.ask("SELECT 1 FROM sqlite_schema WHERE name = 'points'"):
        return {}  # the gradebook is being made
    rows = base.ask("SELECT s.run_id, p.step, p.value FROM points p JOIN series s ON s.id = p.series"
                    " WHERE s.name = ? ORDER BY s.run_id, p.step", name)
    runs = sorted({r[0] for r in rows})
    if run is None and runs:
        run = runs[-1]
    return {step: value for r, step, value in rows if r == run}


def say(base, **what):
    path = os.path.join(base.status, "training_status.json")
    os.makedirs(base.status, exist_ok=True)
    with open(path + ".new", "w") as f:
        json.dump(what, f)
    os.rename(path + ".new", path)


def test_a_checkpoints_log_is_the_curve_to_the_last_digit():
    base = Base(8)
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        folder = base.drop(3000)
        log = log_of(folder)
        for name in ("loss", "learning_rate", "grad_norm", "eval_loss"):
            expected = {e["step"]: e[name] for e in log if name in e}
            if expected:
                until(name, lambda: curve(base, name) == expected, 30, daemon)
            else:
                assert curve(base, name) == {}, name
        assert len(curve(base, "loss")) > 5
    finally:
        daemon.stop()
    base.remove()


def test_live_points_get_their_run_and_give_way_to_the_log():
    base = Base(8)
    say(base, current_step=10, loss=2.5, learning_rate=1e-3)
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        until("a live point", lambda: curve(base, "loss", 0) == {10: 2.5}, 30, daemon)
        folder = base.drop(3000)
        log = {e["step"]: e["loss"] for e in log_of(folder) if "loss" in e}
        until("the log", lambda: curve(base, "loss") == log, 30, daemon)
        until("nothing without a run", lambda: not curve(base, "loss", 0), 30, daemon)
        say(base, current_step=3010, loss=float("nan"))
        until("a loss that is none", lambda: curve(base, "loss") == {**log, 3010: None}, 30, daemon)
        # A training that begins anew is another run.
        say(base, current_step=5, loss=9)
        until("the new one", lambda: curve(base, "loss", 0) == {5: 9}, 30, daemon)
        assert curve(base, "loss")[3010] is None
    finally:
        daemon.stop()
    base.remove()


def test_what_an_owner_that_was_killed_left_unread_is_read_by_the_next():
    base = Base(8)
    folder = base.drop(3000)
    log = {e["step"]: e["loss"] for e in log_of(folder) if "loss" in e}
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    until("the log", lambda: curve(base, "loss") == log, 30, daemon)
    daemon.kill_hard()
    db = sqlite3.connect(os.path.join(base.dir, "proctor.db"))
    db.execute("UPDATE series SET logged = 100")
    db.execute("DELETE FROM points WHERE step > 100")
    db.commit()
    db.close()
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        until("the log again", lambda: curve(base, "loss") == log, 30, daemon)
    finally:
        daemon.stop()
    base.remove()


harness.run(globals())
