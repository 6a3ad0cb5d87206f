"""What goes wrong on real machines, one test each: a full disk, a folder that cannot be written, a
clock that goes back, checkpoints that vanish, change or stay half-copied, thousands of folders, a
suite that is edited while it is being graded."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from watchbase import CHECKPOINTS, STATUS_FILES, Base, Daemon, Reader, skipped, until

FOLDERS = int(os.environ.get("PROCTOR_FOLDERS", "1500"))


def judged(base, name):
    document = base.document("regression_monitoring.json")
    return document and document["state"] == "ok" and document["checkpoint"] == name


def graded(base):
    """Grades of the user's suites; what a system asks for itself is not counted."""
    found = base.ask("SELECT count(*) FROM grades WHERE example IN (SELECT x.example FROM suites s"
                     " JOIN suite_examples x ON x.suite = s.id WHERE s.name NOT LIKE '.%')")
    return found[0][0] if found else 0


def alerts_told(path, status):
    """The texts of all alerts that a channel's command was told of."""
    try:
        with open(path, encoding="utf-8") as f:
            alerts = [a for line in f for a in json.loads(line)["alerts"]]
    except (OSError, ValueError):
        return ""
    return "\n".join(a["text"] for a in alerts if a["status"] == status)


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room():
    with tempfile.TemporaryDirectory(prefix="proctor-tmpfs-") as mount:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", mount],
                              stderr=subprocess.PIPE)
        if done.returncode:
            skipped("full disk", "no right to mount a tmpfs: " + done.stderr.decode().strip())
            return
        base = Base(300, parent=mount)
        elsewhere = tempfile.mkdtemp(prefix="proctor-models-")
        try:
            told = os.path.join(elsewhere, ".told")
            base.configure("models:\n  current: %s\nalerts:\n  channels:\n    own: {kind: command, systems: [watch],"
                           " command: [/bin/sh, -c, 'cat >> %s']}\n" % (elsewhere, told))
            base.models = elsewhere
            daemon = Daemon(base.dir, "run")
            try:
                until("the first status file", lambda: base.document(STATUS_FILES[0]), 30, daemon)
                filler = os.path.join(mount, "filler")
                with open(filler, "wb", buffering=0) as f:
                    try:
                        while True:
                            f.write(b"\0" * 4096)
                    except OSError:
                        f.truncate(f.tell() - 24576)
                base.drop(100, 4500)
                until("a word about the disk", lambda: "disk is full" in daemon.said(20000), 30,
                      daemon)
                # Nothing can be stored, and it is told all the same.
                until("an alert", lambda: "nothing is stored" in alerts_told(told, "firing"), 30, daemon)
                assert graded(base) < 300
                os.unlink(filler)
                until("all examples", lambda: graded(base) == 300, 90, daemon)
                until("a verdict", lambda: judged(base, "checkpoint-100"), 60, daemon)
                until("its end", lambda: "nothing is stored" in alerts_told(told, "resolved"), 150, daemon)
            finally:
                daemon.stop()
            assert base.ask("PRAGMA integrity_check") == [("ok",)]
            assert base.ask("SELECT level, cleared_ms > raised_ms FROM alerts WHERE key = 'storing'") == [(2, 1)]
        finally:
            shutil.rmtree(elsewhere)
            subprocess.run(["umount", "-l", mount], check=False)


def test_a_read_only_base_folder_is_a_clear_error():
    base = Base()
    try:
        if os.geteuid() == 0:
            # Root writes anywhere: only a read-only mount stops it.
            if subprocess.run(["mount", "--bind", base.dir, base.dir]).returncode or \
                    subprocess.run(["mount", "-o", "remount,ro,bind", base.dir]).returncode:
                skipped("read-only base folder", "no right to mount")
                return
        else:
            os.chmod(base.dir, 0o555)
        daemon = Daemon(base.dir, "run")
        status = daemon.wait(60)
        assert status == 1, status
        assert base.dir in daemon.said() and "ead-only" in daemon.said(), daemon.said()
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", base.dir], stderr=subprocess.DEVNULL)
        else:
            os.chmod(base.dir, 0o755)
        base.remove()


def test_a_clock_that_goes_back_stops_nothing():
    base = Base()
    clock = os.path.join(base.dir, "clock")
    with open(clock, "w") as f:
        f.write("0")
    base.drop(100, 2886)
    daemon = Daemon(base.dir, "run", env={"PROCTOR_CLOCK": clock})
    try:
        until("the first verdict", lambda: judged(base, "checkpoint-100"), 60, daemon)
        with open(clock + ".new", "w") as f:
            f.write(str(-3 * 3600 * 1000))
        os.rename(clock + ".new", clock)
        base.drop(200, 4500)
        until("the next verdict", lambda: judged(base, "checkpoint-200"), 60, daemon)
        until("the next ranking", lambda: base.document("model_comparisons.json")[
            "best_checkpoint"] == "checkpoint-200", 60, daemon)
    finally:
        daemon.stop()
        base.remove()


def test_a_checkpoint_deleted_while_it_is_graded_is_forgotten():
    base = Base(300)
    base.configure("graders:\n  cpu_percent: 5\n")  # slow enough to be caught in the act
    daemon = Daemon(base.dir, "run")
    try:
        base.drop(100, 2886)
        until("some grades", lambda: graded(base) > 0, 60, daemon)
        base.take(100)
        base.drop(200, 4500)
        until("the next verdict", lambda: judged(base, "checkpoint-200"), 120, daemon)
        rows = base.ask("SELECT name, gone FROM checkpoints ORDER BY name")
        assert rows == [("checkpoint-100", 1), ("checkpoint-200", 0)], rows
        for document in (base.document(name) for name in STATUS_FILES):
            assert "checkpoint-100" not in [r["checkpoint"] for r in document.get("rankings", [])]
        assert not base.ask("SELECT 1 FROM checkpoints WHERE failures > 0"), "blamed for vanishing"
    finally:
        daemon.stop()
        base.remove()


def test_a_checkpoint_rewritten_while_it_is_graded_is_graded_anew():
    base = Base(300)
    base.configure("graders:\n  cpu_percent: 5\n")
    daemon = Daemon(base.dir, "run")
    try:
        folder = base.drop(100, 2886)
        until("some grades", lambda: graded(base) > 0, 60, daemon)
        for name in os.listdir(folder):
            if name.endswith(".safetensors"):
                shutil.copyfile(os.path.join(CHECKPOINTS, "checkpoint-4500", name),
                                os.path.join(folder, name))
        expected = subprocess.run(
            [os.path.join(os.path.dirname(daemon.args[0]), "..", "..", "src", "cli", "proctor"),
             "eval", folder, "--suite", os.path.join(base.dir, "data", "validation"), "--quiet"],
            stdout=subprocess.PIPE, check=True).stdout
        expected = json.loads(expected)

        def right():
            document = base.document("model_comparisons.json")
            rankings = document["rankings"] if document else []
            return rankings and rankings[0]["loss"] is not None and \
                abs(rankings[0]["loss"] - expected["loss_mean_per_example"]) < 1e-12
        until("the figures of the new weights", right, 180, daemon)
    finally:
        daemon.stop()
        base.remove()


def test_a_half_copied_checkpoint_waits_and_is_taken_when_it_is_whole():
    base = Base()
    daemon = Daemon(base.dir, "run")
    try:
        base.drop(100, 2886)
        folder = base.drop(200, 4500)
        weights = os.path.join(folder, "model.safetensors")
        # Copied in place, as cp does: short for a while.
        with open(weights, "rb") as f:
            whole = f.read()
        os.unlink(weights)
        with open(weights, "wb") as f:
            f.write(whole[:len(whole) // 2])
            f.flush()
            until("the first verdict", lambda: judged(base, "checkpoint-100"), 60, daemon)
            f.write(whole[len(whole) // 2:])
        begin = time.monotonic()
        until("the whole one", lambda: judged(base, "checkpoint-200"), 60, daemon)
        print("judged %.1f s after its last byte" % (time.monotonic() - begin))
        assert not base.ask("SELECT 1 FROM checkpoints WHERE failures > 0")
    finally:
        daemon.stop()
        base.remove()


def test_thousands_of_folders_are_taken_in_their_stride():
    base = Base()
    base.configure("watch:\n  backfill: 3\n")
    first = base.drop(1, 2886)
    for step in range(2, FOLDERS + 1):
        folder = os.path.join(base.models, "checkpoint-%d" % step)
        os.mkdir(folder)
        for name in os.listdir(first):
            source, target = os.path.join(first, name), os.path.join(folder, name)
            if name != "trainer_state.json":
                os.link(source, target)
                continue
            with open(target, "w") as f:
                json.dump({"global_step": step, "log_history": []}, f)
    daemon = Daemon(base.dir, "run")
    try:
        begin = time.monotonic()
        last = "checkpoint-%d" % FOLDERS
        until("the newest of %d" % FOLDERS, lambda: judged(base, last), 120, daemon)
        print("newest of %d judged after %.1f s" % (FOLDERS, time.monotonic() - begin))
        base.drop(FOLDERS + 1, 4500)
        begin = time.monotonic()
        until("one more", lambda: judged(base, "checkpoint-%d" % (FOLDERS + 1)), 60, daemon)
        print("one more judged after %.1f s" % (time.monotonic() - begin))
    finally:
        daemon.stop()
        base.remove()


def test_an_edited_suite_is_another_suite():
    base = Base(40)
    daemon = Daemon(base.dir, "run")
    try:
        base.drop(100, 2886)
        base.drop(200, 4500)

        def both():
            document = base.document("model_comparisons.json")
            return document and document["state"] == "ok" and len(document["rankings"]) == 2 and \
                document
        before = until("both ranked", both, 60, daemon)
        base.write_suite(40, lambda i, row: dict(row, golden="never") if i < 10 else row)

        def new():
            document = both()
            return document and \
                document["suite_fingerprint"] != before["suite_fingerprint"] and document
        after = until("figures of the new suite", new, 60, daemon)
        assert all(r["n"] == 40 for r in after["rankings"]), after["rankings"]
        assert after["rankings"][0]["accuracy"] < before["rankings"][0]["accuracy"]
        # The thirty that stayed as they were are not graded twice.
        assert graded(base) == 2 * 50, graded(base)
    finally:
        daemon.stop()
        base.remove()


def test_examples_in_an_unknown_format_are_said_everywhere_and_are_no_accuracy_of_0():
    base = Base()
    path = os.path.join(base.dir, "data", "validation", "validation.jsonl")
    with open(path, "w") as f:
        f.write('{"ask": "2 + 2", "reply": "4"}\n')
    base.drop(100, 4500)
    daemon = Daemon(base.dir, "run")
    try:
        def said():
            found = [base.document(name) for name in STATUS_FILES]
            return all(d and "fits no format" in (d["state_reason"] or "") for d in found) and found
        for document in until("the reason in every status file", said, 30, daemon):
            assert document["state"] == "waiting"
            for figure in ("current_loss", "overall_accuracy", "ece", "best_checkpoint"):
                assert document.get(figure) is None, (figure, document)
        alerts = base.state()["alerts"]
        assert [a["level"] for a in alerts] == ["critical"], alerts
        assert "validation.jsonl:1" in alerts[0]["text"], alerts
        base.write_suite(40)
        until("a verdict once they can be read", lambda: judged(base, "checkpoint-100"), 60, daemon)
        assert base.state()["alerts"] == []
    finally:
        daemon.stop()
        base.remove()


def main():
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (sys.argv[1:] and sys.argv[1] not in name):
            continue
        begin = time.monotonic()
        try:
            test()
            print("ok   %5.1f s  %s" % (time.monotonic() - begin, name))
        except Exception:
            failed += 1
            print("FAIL %s" % name)
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
