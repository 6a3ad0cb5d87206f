"""What goes wrong around a training, one test each: a full disk, a folder that cannot be written, a second
training in the same folder; and what goes right: the watch beside it sees every checkpoint under its
own name and nothing else."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from train_kills import EVERY, HIDDEN, KEEP, MODEL, PLAIN, STEPS, Run, inspect, outcome
from watchbase import CHECKPOINTS, PROCTOR, RUN_A, Base, Daemon, skipped, until


def finished(kind, out):
    run = Run(kind, out)
    status, said = run.end(), run.said()
    run.close()
    return status, said


def mounted(folder, size):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder],
                          stderr=subprocess.PIPE)
    if done.returncode:
        skipped("training on a small disk", "no right to mount a tmpfs: " +
                done.stderr.decode().strip())
    return not done.returncode


def names(out):
    return sorted(os.listdir(out), key=lambda n: int(n.split("-")[1]) if PLAIN.match(n) else -1)


def test_a_full_disk_loses_nothing_and_the_training_goes_on_when_there_is_room():
    with tempfile.TemporaryDirectory() as elsewhere, tempfile.TemporaryDirectory() as mount:
        assert finished("bf16", os.path.join(elsewhere, "out"))[0] == 0
        truth = outcome("bf16", os.path.join(elsewhere, "out"))
        folder = os.path.join(elsewhere, "out", "checkpoint-%d" % STEPS)
        size = sum(os.path.getsize(os.path.join(top, f))
                   for top, _, files in os.walk(folder) for f in files)
        for room in (1.3, 2.5, 2.95):  # of the KEEP + 1 that are there for a moment
            if not mounted(mount, "%dk" % (size * room / 1024)):
                return
            try:
                out = os.path.join(mount, "out")
                status, said = finished("bf16", out)
                last = "checkpoint-%d" % (EVERY * (int(room) + 1))
                assert status == 1 and "No space left on device" in said and last + ": " in said, said
                assert names(out) == ["checkpoint-%d" % (EVERY * (i + 1)) for i in range(int(room))]
                for name in names(out):
                    inspect("bf16", out, name)
                subprocess.run(["mount", "-o", "remount,size=100m", mount], check=True)
                status, said = finished("bf16", out)
                assert status == 0, said
                assert outcome("bf16", out) == truth
            finally:
                subprocess.run(["umount", "-l", mount], check=False)


def test_a_folder_that_cannot_be_written_is_said_before_any_work():
    with tempfile.TemporaryDirectory() as mount:
        if not mounted(mount, "50m"):
            return
        try:
            out = os.path.join(mount, "out")
            assert finished("f32", out)[0] == 0
            before = names(out)
            subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
            run = Run("f32", out)
            status, said, steps = run.end(), run.said(), run.steps()
            run.close()
            assert status == 1 and "Read-only file system" in said and not steps, (status, said)
            assert names(out) == before
        finally:
            subprocess.run(["umount", "-l", mount], check=False)


def test_a_second_training_in_the_same_folder_is_kept_out():
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out")
        first = Run("f32", out)
        until("the first checkpoint", lambda: os.path.isdir(out) and os.listdir(out), 60)
        first.process.send_signal(19)  # SIGSTOP: it holds the folder for as long as needed
        status, said = finished("f32", out)
        first.process.send_signal(18)
        assert status == 1 and "another training" in said, (status, said)
        assert first.end() == 0, first.said()
        first.close()


def test_the_watch_sees_checkpoints_under_their_own_names_alone():
    base = Base(6)
    try:
        daemon = Daemon(base.dir, "run")
        try:
            until("the watch", lambda: base.ask("SELECT 1"), 60, daemon)
            steps = 30
            done = subprocess.run(
                [PROCTOR, "train", os.path.join(CHECKPOINTS, "checkpoint-4500"), "--data",
                 os.path.join(RUN_A, "validation.jsonl"), "--steps", str(steps), "--save-every", "1",
                 "--keep", "2", "--batch", "2", "--lr", "1e-6", "--dtype", "bf16", "--quiet",
                 "--out", base.models], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert done.returncode == 0, done.stderr.decode()
            last = "checkpoint-%d" % steps
            until("a verdict on the last", lambda: judged(base, last), 60, daemon)
        finally:
            daemon.stop()
        seen = base.ask("SELECT name, state, step FROM checkpoints")
        assert all(PLAIN.match(name) for name, _, _ in seen), seen
        assert all(step is None or name == "checkpoint-%d" % step for name, _, step in seen), seen
        bad = [row for row in seen if row[1] not in ("ready", "found", "gone")]
        assert not bad, bad
        assert sorted(names(base.models)) == ["checkpoint-%d" % n for n in (steps - 1, steps)]
        assert not [n for n in os.listdir(base.models) if HIDDEN.match(n)]
    finally:
        base.remove()


def judged(base, name):
    document = base.document("regression_monitoring.json")
    return document and document["state"] == "ok" and document["checkpoint"] == name


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
