"""The watch on a real run: its checkpoints are dropped into a folder one by one, and what the status
files of the systems say is held against an independent reference."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
import support  # noqa: E402
from watchbase import STATUS_FILES, Base, Daemon, Reader, skipped, until  # noqa: E402

FULL = os.path.join(support.SHARED, "run_a")


def reference():
    """(folder of the checkpoints, RESULTS.json's entries): all eight where they are to be had."""
    if os.path.isdir(FULL):
        folder = FULL
    else:
        skipped("the whole run of eight checkpoints", "not there; the repository's four are used")
        folder = os.path.join(harness.FIXTURES, "run_a")
    results = support.read_json(os.path.join(folder, "RESULTS.json"))["checkpoints"]
    there = set(os.listdir(os.path.join(folder, "checkpoints")))
    return os.path.join(folder, "checkpoints"), [r for r in results if r["checkpoint"] in there]


def drop(base, source, name):
    """File by file, the trainer's state last."""
    folder = os.path.join(base.models, name)
    os.mkdir(folder)
    names = sorted(os.listdir(os.path.join(source, name)), key=lambda n: n == "trainer_state.json")
    for one in names:
        with open(os.path.join(source, name, one), "rb") as f, \
                open(os.path.join(folder, one), "wb") as to:
            to.write(f.read())


def about(base, name):
    """The first four, once they all speak of this checkpoint and wait for nothing."""
    documents = [base.document(one) for one in STATUS_FILES]
    if any(d is None or d["state"] != "ok" for d in documents):
        return None
    monitor, comparison, calibration, testing = documents = documents[:4]
    if monitor["checkpoint"] == testing["checkpoint"] == calibration["checkpoint"] == name and \
            name in [r["checkpoint"] for r in comparison["rankings"]]:
        return documents
    return None


def near(a, b, tolerance):
    assert a is not None and abs(a - b) <= tolerance, (a, b)


def test_every_status_file_is_true_within_seconds_of_each_checkpoint():
    source, results = reference()
    base = Base(300)
    base.configure("eval:\n  max_new_tokens: 32\n")  # as the reference did
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    reader = Reader(base)
    expected_level = {"blowup": "critical", "mild": "warning", None: "ok"}
    best_good, slowest, seen = None, 0, []
    try:
        for r in results:
            name = r["checkpoint"]
            begin = time.monotonic()
            drop(base, source, name)
            monitor, comparison, calibration, testing = until(
                name, lambda: about(base, name), 60, daemon)
            slowest = max(slowest, time.monotonic() - begin)
            seen.append(r)

            # Judged as it should be, with the reference's numbers.
            first = best_good is None
            level = "ok" if first else expected_level[r["injected"]]
            assert monitor["alert_level"] == level, (name, monitor)
            assert monitor["regression_detected"] == (level == "critical")
            if first:
                for field in ("baseline_loss", "current_loss", "increase_percent"):
                    assert monitor[field] is None and monitor[field + "_reason"], field
            else:
                near(monitor["current_loss"], r["mean_loss"], 2e-5)
                near(monitor["baseline_loss"], best_good["mean_loss"], 2e-5)
                near(monitor["increase_percent"],
                     100 * (r["mean_loss"] / best_good["mean_loss"] - 1), 1e-2)
                assert monitor["baseline"] == best_good["checkpoint"] or r["injected"] is None
            if level == "ok":
                best_good = r

            rank = {x["checkpoint"]: x for x in comparison["rankings"]}
            assert set(rank) == {x["checkpoint"] for x in seen}
            for x in seen:
                row = rank[x["checkpoint"]]
                near(row["accuracy"], x["accuracy"], 1e-9)
                near(row["loss"], x["mean_loss"], 2e-5)
            scores = [x["score"] for x in comparison["rankings"]]
            assert scores == sorted(scores, reverse=True)
            assert comparison["best_checkpoint"] in rank

            assert sum(b["count"] for b in calibration["bins"]) == 300
            assert [b["range"] for b in calibration["bins"]] == [
                "0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8", "0.8-0.95", "0.95-1.0"]
            near(calibration["ece_15"], r["ece_15"]["ece"], 2e-5)

            assert testing["n"] == 100
            sizes = [testing["by_difficulty"][d] for d in ("easy", "medium", "hard")]
            assert all(0 <= s <= 1 for s in sizes), sizes
        state = json.loads(base.command("status", "--json"))
        assert state["schema_version"] == 1
        print("slowest: %.1f s after a checkpoint's last file" % slowest)
        rows = base.ask("SELECT count(*) FROM grades WHERE example IN (SELECT example FROM suite_examples x"
                        " JOIN suites s ON s.id = x.suite WHERE s.name = 'validation')")
        assert rows == [(300 * len(results),)], rows
    finally:
        reader.finish()
        took = daemon.stop()
        print("stopped in %.2f s" % took)
        base.remove()


def test_all_systems_together_cost_one_pass():
    source, results = reference()
    name = results[-1]["checkpoint"]
    base = Base(300)
    drop(base, source, name)
    alone = harness.proctor("eval", os.path.join(base.models, name), "--suite",
                            os.path.join(base.dir, "data", "validation"), "--quiet").row()
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        until(name, lambda: about(base, name), 60, daemon)
        tokens = base.state()["live"]["tokens"]
        alone_tokens = alone["tokens_prefilled"] + alone["tokens_generated"]
        computed = tokens["prefilled"] + tokens["generated"]
        print("tokens computed: %d, by `proctor eval` alone: %d (%.3f ×)" % (
            computed, alone_tokens, computed / alone_tokens))
        assert computed <= 1.05 * alone_tokens
        until("the grader to leave", lambda: not daemon.graders(), 30)
    finally:
        daemon.stop()
        base.remove()


if __name__ == "__main__":
    harness.run(globals())
