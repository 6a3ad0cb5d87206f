"""The curriculum optimizer on a running watch: probes of a real model, trained by a stand-in whose
winner is known, examined by real graders."""
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
import watchbase  # noqa: E402
from watchbase import Base, Daemon, until  # noqa: E402

STATUS = "curriculum_optimization.json"
SHORT = 24  # tokens; some of the validation examples are longer
ARMS = {"easy_to_hard", "random", "hard_first", "interleaved", "adaptive", "random_again"}

# Copies a checkpoint with some weights moved, so that no two probes are alike: the start, or, when
# the order begins with hard examples alone, a better one.
TRAINER = r'''
import json, os, random, shutil, struct, sys, time
base, order, start, out, seed = sys.argv[1:6]
with open(os.path.join(base, "trainer.json")) as f:
    how = json.load(f)
with open(os.path.join(base, "trained.log"), "a") as f:
    f.write("%d %s\n" % (os.getpid(), start))
if how.get("fail"):
    sys.exit("there is no GPU here")
if how.get("graceful"):
    import signal
    def told(number, frame):
        time.sleep(0.2)
        with open(os.path.join(base, "told"), "a") as f:
            f.write("%d\n" % number)
        os._exit(1)
    signal.signal(signal.SIGTERM, told)
    open(os.path.join(base, "ready"), "w").close()
while how.get("gate") and not os.path.exists(os.path.join(base, "gate")):
    time.sleep(0.01)
with open(order) as f:
    first = [json.loads(line)["difficulty"] for line in f][:10]
better = how.get("better") and set(first) == {"hard"}
source = how["better"] if better else start
to = os.path.join(out, os.path.basename(source))
shutil.copytree(source, to)
rng = random.Random(order + seed + str(first))
with open(os.path.join(to, "model.safetensors"), "r+b") as f:
    header = struct.unpack("<Q", f.read(8))[0]
    size = os.fstat(f.fileno()).st_size
    for _ in range(64):
        at = 8 + header + 2 * rng.randrange((size - 8 - header) // 2)
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    if how.get("shorten"):  # a model for shorter texts: some examples cannot be asked
        with open(os.path.join(to, "config.json")) as c:
            config = json.load(c)
        config["max_position_embeddings"] = how["shorten"]
        with open(os.path.join(to, "config.json"), "w") as c:
            json.dump(config, c)
    if how.get("diverge") and set(first) == {"hard"}:  # every weight is NaN
        f.seek(8 + header)
        f.write(b"\xc0\x7f" * ((size - 8 - header) // 2))
'''


class Folder(Base):
    """A base folder with examples to train on and the stand-in trainer."""

    def __init__(self, settings="", pool=True, **how):
        super().__init__(60)
        self.how(**how)
        with open(os.path.join(self.dir, "trainer.py"), "w") as f:
            f.write(TRAINER)
        if pool:
            self.write_pool()
        self.set(settings)

    def how(self, **how):
        with open(os.path.join(self.dir, "trainer.json"), "w") as f:
            json.dump(how, f)

    def set(self, settings):
        words = [sys.executable, os.path.join(self.dir, "trainer.py"), self.dir, "{order}",
                 "{start}", "{out}", "{seed}"]
        self.configure("graders:\n  idle_seconds: 0\ncurriculum:\n  probe_command: %s\n"
                       "  samples: 60\n  probe_tokens: 200\n%s" % (json.dumps(words), settings))

    def write_pool(self):
        os.makedirs(os.path.join(self.dir, "queue", "normal"), exist_ok=True)
        for name, top in (("easy", 10), ("medium", 100), ("hard", 1000)):
            with open(os.path.join(self.dir, "queue", "normal", name + ".jsonl"), "w") as f:
                for i in range(100):
                    a, b = i * 7919 % top, i * 104729 % top
                    f.write(json.dumps({"prompt": "%d + %d =" % (a, b), "golden": str(a + b)}))
                    f.write("\n")

    def said(self):
        return self.document(STATUS)

    def probes(self):
        try:
            return self.ask("SELECT arm, seed, checkpoint, reason, at_ms, seconds, loss"
                            " FROM probes WHERE question != '' ORDER BY id")
        except sqlite3.OperationalError as e:
            if "no such table" not in str(e):
                raise
            return []  # the gradebook is being made

    def trainers(self):
        """Processes of the stand-in that still run."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if os.path.join(self.dir, "trainer.py").encode() in words[:3]:
                found.append(int(pid))
        return found

    def begun(self):
        """How many times the trainer was started."""
        try:
            with open(os.path.join(self.dir, "trained.log")) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def digest(self):
        """Of everything in the training's own folder."""
        h = hashlib.sha256()
        for top, folders, names in os.walk(self.models):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(top, name)
                h.update(path.encode() + b"\0%d" % os.stat(path).st_mtime_ns)
                with open(path, "rb") as f:
                    h.update(f.read())
        return h.hexdigest()

    def check_nothing_was_open(self):
        """No probe was begun while a grading order was open."""
        orders = self.ask("SELECT asked_ms, ended_ms FROM orders")
        for arm, seed, _, _, at, seconds, _ in self.probes():
            start = at - 1000 * seconds
            for asked, ended in orders:
                assert not asked + 20 < start < (ended or 1 << 62) - 20, (arm, seed, asked, ended)


def better():
    return os.path.join(watchbase.CHECKPOINTS, "checkpoint-4500")


def run(base, *args):
    return Daemon(base.dir, *(args or ("run",)), program=harness.PROCTOR)


def test_a_clear_winner_is_decided_upon_through_a_kill():
    base = Folder("  budget_percent: 100\n", better=better())
    base.drop(1574, source=1574)
    before = base.digest()
    daemon = run(base)
    try:
        until("some probes", lambda: len(base.probes()) >= 8, 120, daemon)
        document = base.said()
        assert document["decision"] == "undecided" and document["best_strategy"] == "random"
        assert document["method"] == "probes", document
        until("a trainer", base.trainers, 30, daemon)
        daemon.kill_hard()
        kept = base.probes()
        until("nothing of it is left", lambda: not base.trainers())
        daemon = run(base)
        document = until("a decision", lambda: (lambda d: d if d and d["decision"] == "decided"
                                                else None)(base.said()), 240, daemon)
        rows = base.probes()
        assert rows[:len(kept)] == kept and all(r[3] is None for r in rows), rows
        assert document["best_strategy"] == "hard_first", document
        tried = {s["strategy"]: s for s in document["strategies_tested"]}
        assert set(tried) == ARMS - {"random_again"}
        assert tried["hard_first"]["verdict"] == "better" and tried["hard_first"]["n_blocks"] >= 5
        assert tried["hard_first"]["loss_mean_per_example"] < tried["random"][
            "loss_mean_per_example"]
        assert not document["noise_floor"]["stands_out"] and document["noise_floor"]["n_probes"]
        assert document["history"][0]["best_strategy"] == "hard_first"
        assert len(base.ask("SELECT 1 FROM decisions WHERE system = 'curriculum-optimizer'")) == 1
        # Each strategy and seed once: nothing was paid for twice.
        assert len({r[:3] for r in rows}) == len(rows)
        base.check_nothing_was_open()
        assert "decided: hard_first" in base.command("status")
        daemon.stop()  # a round is over when the question is decided, even with open arms left
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
        assert row["decision"] == "decided" and row["n_probes"] <= len(base.probes()), row
        assert base.probes()[:len(rows)] == rows
        n = len(base.probes())
        base.command("curriculum-optimizer", "--once")
        assert len(base.probes()) == n
        assert "probes of the curriculum optimizer started from it" in base.command(
            "why", "checkpoint-1574")
        print("%d probes, %.2f s each" % (len(rows), sum(r[5] for r in rows) / len(rows)))
    finally:
        if daemon.poll() is None:
            daemon.stop()
        assert base.digest() == before, "the training's own files were touched"
        left = os.path.join(base.dir, ".proctor", "probes")
        assert not os.path.isdir(left) or not os.listdir(left), os.listdir(left)
        base.remove()


def test_a_checkpoint_that_arrives_is_graded_beside_the_probe():
    base = Folder("  budget_percent: 100\n", gate=True)
    base.drop(100, source=1574)
    daemon = run(base)
    try:
        until("a trainer", base.trainers, 60, daemon)
        base.drop(200, source=2886)
        until("its grades", lambda: (base.said() or {}).get("checkpoint") == "checkpoint-200", 60,
              daemon)
        assert not base.probes() and base.trainers()
        state = base.state()["live"]["probe"]
        assert state["state"] == "running" and state["strategy"] in ARMS, state
        with open("/proc/%d/stat" % base.trainers()[0]) as f:
            nice = int(f.read().rsplit(")", 1)[1].split()[16])
        assert nice == 19, nice
        with open(os.path.join(base.dir, "gate"), "w"):
            pass
        until("both blocks", lambda: len({r[2] for r in base.probes()}) == 2, 120, daemon)
        first = [r for r in base.probes() if r[2] == base.probes()[0][2]]
        assert {r[0] for r in first} == ARMS, first  # the block was finished from where it began
    finally:
        daemon.stop()
        base.remove()


def test_a_probe_is_given_up_when_its_start_or_its_settings_go():
    base = Folder("  budget_percent: 100\n", gate=True)
    base.drop(100, source=1574)
    base.drop(200, source=2886)
    daemon = run(base)
    try:
        until("a trainer", base.trainers, 60, daemon)
        first = base.trainers()
        base.take(200)
        until("it to be given up", lambda: not set(first) & set(base.trainers()), 20, daemon)
        second = until("another, from the other one", base.trainers, 30, daemon)
        base.set("  budget_percent: 100\n  batch: 4\n")
        daemon.send_signal(signal.SIGHUP)
        until("it to be given up", lambda: not set(second) & set(base.trainers()), 20, daemon)
        until("another", base.trainers, 30, daemon)
        assert not base.probes()
        took = daemon.stop()
        assert took < 3, took
        until("nothing of it is left", lambda: not base.trainers())
        assert not base.probes()
    finally:
        if daemon.poll() is None:
            daemon.stop()
        base.remove()


def test_a_trainer_is_told_and_has_its_half_second_when_the_owner_ends():
    base = Folder("  budget_percent: 100\n", gate=True, graceful=True)
    base.drop(100, source=1574)
    daemon = run(base)
    try:
        until("a trainer", lambda: os.path.exists(os.path.join(base.dir, "ready")), 60, daemon)
        took = daemon.stop()
        assert took < 3, took
        assert not base.trainers()
        with open(os.path.join(base.dir, "told")) as f:
            assert f.read() == "%d\n" % signal.SIGTERM
        # What it took counts for the next owner: restarts give no time away.
        (reason, seconds, n), = base.ask("SELECT reason, seconds, n FROM probes")
        assert reason.startswith("given up: ") and 0 < seconds < 60 and not n, (reason, seconds)
        base.how(gate=True)
        base.set("  budget_percent: 1\n")
        daemon = run(base)
        budget = until("its budget", lambda: (base.said() or {}).get("budget"), 30, daemon)
        used = until("what was used", lambda: base.said()["budget"]["used_seconds_last_hour"])
        assert abs(used - seconds) < 0.1 and base.said()["n_failed"] == 0, (budget, seconds)
    finally:
        if daemon.poll() is None:
            daemon.stop()
        base.remove()


def test_three_failures_are_an_alert_and_rest_the_question():
    base = Folder("  budget_percent: 100\n", fail=True)
    base.drop(100, source=1574)
    daemon = run(base)
    try:
        document = until("the rest", lambda: (lambda d: d if d and len(d.get("failures") or []) == 3
                                              and d["next"] is None else None)(base.said()), 60,
                         daemon)
        assert "there is no GPU here" in document["next_reason"], document["next_reason"]
        assert document["decision"] == "undecided"
        alerts = base.ask("SELECT text FROM alerts WHERE system = 'curriculum-optimizer'"
                          " AND cleared_ms IS NULL")
        assert len(alerts) == 1 and "GPU" in alerts[0][0], alerts
        base.how()
        base.drop(200, source=2886)  # another checkpoint is an occasion to try again
        until("a probe that was done", lambda: [r for r in base.probes() if r[3] is None], 60,
              daemon)
        assert len([r for r in base.probes() if r[3] is not None]) == 3
        until("the alert's end", lambda: not base.ask(
            "SELECT 1 FROM alerts WHERE system = 'curriculum-optimizer' AND cleared_ms IS NULL"),
            30, daemon)
    finally:
        daemon.stop()
        base.remove()


def test_a_strategy_whose_model_diverges_is_tried_no_more():
    base = Folder("  budget_percent: 100\n", diverge=True)
    base.drop(100, source=1574)
    daemon = run(base)
    try:
        until("four blocks", lambda: len({r[1] for r in base.probes()}) >= 4, 240, daemon)
    finally:
        daemon.stop()
    try:
        rows = base.ask("SELECT arm, reason, loss, result FROM probes WHERE question != '' ORDER BY id")
        diverged = [r for r in rows if r[0] == "hard_first"]
        assert len(diverged) == 2, rows
        for _, reason, loss, result in diverged:
            assert "diverged" in reason and loss is None and json.loads(result)["diverged"], reason
        assert all(r[1] is None for r in rows if r[0] != "hard_first"), rows
        tried = {s["strategy"]: s for s in base.said()["strategies_tested"]}
        assert tried["hard_first"]["n_diverged"] == 2 and not tried["hard_first"]["n_failed"], tried
    finally:
        base.remove()


def test_a_probe_that_was_not_asked_everything_is_none():
    base = Folder("  budget_percent: 100\n", shorten=SHORT)
    base.drop(1574, source=1574)
    try:
        base.command("curriculum-optimizer", "--once")
        rows = base.ask("SELECT reason, loss, n FROM probes WHERE question != ''")
        assert rows and all("could not be asked" in r[0] and r[1] is None for r in rows), rows
        assert all(0 < r[2] < 60 for r in rows), rows
    finally:
        base.remove()


def test_an_example_that_no_model_can_be_asked_is_left_out_of_all_probes():
    base = Folder("  budget_percent: 1\n")

    def edit(i, row):
        return dict(row, prompt=row["prompt"] + " 1 + 1 =" * 3000) if i == 3 else row

    base.write_suite(60, edit)
    base.drop(1574, source=1574)
    try:
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
        rows = base.ask("SELECT reason, loss, n FROM probes WHERE question != ''")
        assert rows and all(r[0] is None and r[1] > 0 and r[2] == 59 for r in rows), rows
        asked = row["question"]
        assert asked["samples"] == 60 and asked["samples_left_out"] == 1, asked
        assert "the model takes" in asked["samples_left_out_reason"], asked
    finally:
        base.remove()


def check_that_divergence_is_told(settings=""):
    base = Folder()
    base.configure("curriculum:\n  probe_tokens: 200\n  samples: 60\n" + settings)
    weights = os.path.join(base.drop(1574, source=1574), "model.safetensors")
    with open(weights, "r+b") as f:  # a start at which the first step's loss is not finite
        header = struct.unpack("<Q", f.read(8))[0]
        f.seek(8 + header)
        f.write(b"\xc0\x7f" * ((os.path.getsize(weights) - 8 - header) // 2))
    try:
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
        rows = base.ask("SELECT reason, result FROM probes WHERE question != '' ORDER BY id")
        assert rows and all("not finite" in r for r, _ in rows), rows
        assert all(json.loads(x)["diverged"] for _, x in rows), rows
        assert row["n_diverged"] == len(rows), row
    finally:
        base.remove()


def test_training_that_diverges_is_told_from_other_failures():
    check_that_divergence_is_told()


def test_it_is_told_too_where_the_trainer_says_more_before():
    check_that_divergence_is_told("  lora_rank: 16\n")


def test_a_probe_that_does_not_fit_leaves_what_can_be_observed():
    base = Folder("  budget_percent: 100\n  probe_seconds: 1\n", gate=True)
    base.drop(100, source=1574)
    base.drop(200, source=2886)
    daemon = run(base)
    try:
        document = until("the method", lambda: (lambda d: d if d and "does not fit" in (
            d.get("method_reason") or "") else None)(base.said()), 60, daemon)
        assert document["method"] == "observational"
        assert document["best_strategy"] == "random" and document["decision"] == "undecided"
        assert abs(sum(document["difficulty_weights"].values()) - 1) < 1e-9
        assert len(document["checkpoints"]) == 2
        assert not base.trainers() and len(base.probes()) == 1
        with open(os.path.join(base.dir, "gate"), "w"):
            pass
        base.set("  budget_percent: 100\n  probe_seconds: 60\n")
        daemon.send_signal(signal.SIGHUP)
        until("a probe that was done", lambda: [r for r in base.probes() if r[3] is None], 60,
              daemon)
        assert base.said()["method"] == "probes"
    finally:
        daemon.stop()
        base.remove()


def test_without_examples_to_train_on_it_observes():
    base = Folder(pool=False)
    base.drop(100, source=1574)
    try:
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
        assert row["state"] == "ok" and row["method"] == "observational", row
        assert "curriculum.pool" in row["method_reason"], row
        assert row["difficulty_weights"] is None and row["difficulty_weights_reason"]
        assert row["accuracy"] is None and row["accuracy_reason"]
        assert not base.probes()
    finally:
        base.remove()


def test_once_spends_a_round_and_goes_on_from_there():
    base = Folder("  budget_percent: 1\n")  # 3 seconds of an interval
    pool = os.path.join(base.dir, "queue", "normal", "easy.jsonl")
    with open(pool, "a") as f:
        f.write("broken\n" + json.dumps({"text": "word " * 5000}) + "\n")
    base.drop(100, source=1574)
    before = base.digest()
    try:
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
        first = base.probes()
        assert row["n_probes"] == len(first) >= 1 and row["method"] == "probes", row
        assert sum(r[5] for r in first[:-1]) < 3 <= sum(r[5] for r in first), first
        budget = row["budget"]
        assert budget["percent"] == 1
        spent = sum(r[5] for r in first)
        assert abs(budget["used_seconds_last_hour"] - spent) < 0.1, (budget, spent)
        assert 36 - spent - 0.1 < budget["left_seconds"] < 36 - spent + 1, (budget, spent)
        asked = row["question"]
        assert asked["lines_skipped"] == 93 and asked["examples"] == 302 - 93, asked
        assert "queue/normal/easy.jsonl:11: the same example" in asked["lines_skipped_reason"], asked
        assert "already at easy.jsonl:1;" in asked["lines_skipped_reason"], asked
        assert asked["examples_left_out"] == 1 and "positions" in asked["examples_left_out_reason"], asked
        assert asked["pool_changed"] is False, asked
        with open(pool, "a") as f:
            f.write(json.dumps({"prompt": "1 + 1 =", "golden": "2"}) + "\n")
        row = json.loads(base.command("curriculum-optimizer", "--once", "--json", "--samples", "60"))
        assert row["question"]["pool_changed"] and row["question"]["pool_changed_at"], row["question"]
        assert row["question"]["fingerprint"] == asked["fingerprint"], row["question"]
        assert row["n_probes"] > len(first), row
        assert base.probes()[:len(first)] == first
        # A look with another number of examples asks another question, and decides nothing.
        with contextlib.closing(sqlite3.connect(os.path.join(base.dir, "proctor.db"))) as db:
            db.execute("INSERT INTO decisions(system, kind, verdict, evidence, at_ms) VALUES("
                       "'curriculum-optimizer', 'strategy', 'decided', ?, 1)", [json.dumps(
                           {"best_strategy": "hard_first", "question": row["question"]["fingerprint"]})])
            db.commit()
        other = json.loads(base.command("curriculum-optimizer", "--once", "--json", "--samples", "30"))
        assert other["question"]["samples"] == 30 and other["set"], other
        assert other["question"]["fingerprint"] != row["question"]["fingerprint"] and other["n_probes"]
        assert len(base.ask("SELECT 1 FROM decisions WHERE system = 'curriculum-optimizer'")) == 1
        with contextlib.closing(sqlite3.connect(os.path.join(base.dir, "proctor.db"))) as db:
            db.execute("DELETE FROM decisions WHERE at_ms = 1")
            db.commit()
        # When an hour's share is spent no probe is begun, however often one asks.
        with contextlib.closing(sqlite3.connect(os.path.join(base.dir, "proctor.db"))) as db:
            db.execute("UPDATE probes SET seconds = 60 WHERE id = (SELECT max(id) FROM probes)")
            db.commit()
        for _ in range(2):
            again = json.loads(base.command("curriculum-optimizer", "--once", "--json"))
            assert again["n_probes"] == row["n_probes"], again
            assert again["budget"]["left_seconds"] <= 0 and again["budget"]["next_at"], again
            assert again["method"] == "probes" and again["next"], again
        base.check_nothing_was_open()
    finally:
        assert base.digest() == before
        base.remove()


def test_a_round_is_the_budgets_share_of_the_configured_interval():
    base = Folder("  budget_percent: 100\nmachine:\n  intervals:\n    curriculum-optimizer: 1\n")
    base.drop(100, source=1574)
    try:
        base.command("curriculum-optimizer", "--once")
        spent = [r[5] for r in base.probes()]
        assert sum(spent[:-1]) < 1 <= sum(spent), spent
    finally:
        base.remove()


def test_a_look_beside_a_watch_leaves_its_probe_alone():
    base = Folder("  budget_percent: 100\n", gate=True)
    base.drop(100, source=1574)
    daemon = run(base)
    try:
        first = until("a trainer", lambda: base.begun() and base.trainers(), 60, daemon)
        refused = harness.proctor("curriculum-optimizer", "--once", "--samples", 30, "--base-dir",
                                  base.dir, status=2)
        assert "curriculum.samples in proctor.yaml" in refused.err, refused.err
        for same in (("--samples", "60"), ()):
            row = json.loads(base.command("curriculum-optimizer", "--once", "--json", *same))
            assert row["question"]["samples"] == 60, row
        assert base.trainers() == first and base.begun() == 1, (first, base.trainers(), base.begun())
    finally:
        daemon.stop()
        base.remove()


def test_the_built_in_trainer_trains_every_strategy_on_as_much():
    base = Folder()
    base.configure("curriculum:\n  probe_tokens: 200\n  samples: 60\n  budget_percent: 100\n")
    base.drop(1574, source=1574)
    before = base.digest()
    daemon = run(base)
    try:
        until("two blocks", lambda: len(base.probes()) >= 12, 240, daemon)
    finally:
        daemon.stop()
    try:
        assert base.digest() == before
        rows = base.ask("SELECT arm, seed, reason, result, loss FROM probes WHERE question != ''"
                        " ORDER BY id LIMIT 12")
        assert all(r[2] is None for r in rows), rows
        for seed in {r[1] for r in rows}:
            block = {r[0]: json.loads(r[3]) for r in rows if r[1] == seed}
            assert set(block) == ARMS, block
            assert len({b["tokens"] for a, b in block.items() if a != "adaptive"}) == 1, block
            assert all(b["n"] == 60 and b["trainer"] == "builtin" for b in block.values()), block
            assert abs(block["adaptive"]["tokens"] - block["random"]["tokens"]) < 40, block
        losses = [r[4] for r in rows]
        assert len(set(losses)) == len(losses), losses  # what is trained in which order matters
    finally:
        base.remove()


if __name__ == "__main__":
    harness.run(globals())
