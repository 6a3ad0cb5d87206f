"""A day at high speed: a new checkpoint every second, the oldest rotated away as a trainer does, and
at the end the daemon holds no more memory and no more descriptors than after its first quarter.

    soak.py [--seconds N]   default $PROCTOR_SOAK or 60"""
import argparse
import os
import sys
import time

from watchbase import Base, Daemon, Reader, descriptors, memory, skipped, until

KEEP = 12


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=int, default=int(os.environ.get("PROCTOR_SOAK", "60")))
    seconds = p.parse_args().seconds
    base = Base(30)
    base.configure("watch:\n  scan_seconds: 1\ngraders:\n  idle_seconds: 0\n")
    daemon = Daemon(base.dir, "run")
    reader = Reader(base)
    samples = []
    begin = time.monotonic()
    try:
        for i in range(seconds):
            base.drop(10 * (i + 1), source=(2886, 4500)[i % 2], seed=i)
            if i >= KEEP:
                base.take(10 * (i + 1 - KEEP))
            assert daemon.poll() is None, daemon.said()
            samples.append((memory(daemon.pid), descriptors(daemon.pid)))
            time.sleep(max(0, begin + i + 1 - time.monotonic()))
        last = "checkpoint-%d" % (10 * seconds)
        until("the last one to be judged", lambda: (base.document("regression_monitoring.json") or
              {}).get("checkpoint") == last, 60, daemon)
        graded = base.ask("SELECT count(*) FROM grades")[0][0]
        wal = os.path.getsize(os.path.join(base.dir, "proctor.db-wal"))
        size = os.path.getsize(os.path.join(base.dir, "proctor.db"))
        reads = reader.finish()
        took = daemon.stop()
        early, late = samples[seconds // 4:seconds // 2], samples[-seconds // 4:]
        rss = [median([s[0] for s in part]) / 1e6 for part in (early, late)]
        fds = [max(s[1] for s in part) for part in (early, late)]
        print("%d checkpoints in %d s, %d grades, %d reads of status files" % (
            seconds, seconds, graded, reads))
        print("daemon: %.1f MB resident in the second quarter, %.1f MB in the last; most descriptors "
              "%d, then %d; stopped in %.2f s" % (rss[0], rss[1], fds[0], fds[1], took))
        print("MB at each tenth: " + " ".join(
            "%.1f" % (samples[i * seconds // 10][0] / 1e6) for i in range(10)))
        print("gradebook %.2f MB, its WAL %.2f MB" % (size / 1e6, wal / 1e6))
        if os.environ.get("PROCTOR_SANITIZED") == "1":
            skipped("memory", "the sanitizer keeps what is freed for a while")
            rss = [0, 0]
        # A short run still fills SQLite's caches; in a long one what grows is a leak.
        assert rss[1] < rss[0] * 1.15 + (6 if seconds < 200 else 2), "memory grows"
        # A grader, a run and a log that is read hold theirs for a moment: few samples miss when all do.
        assert fds[1] <= fds[0] + (2 if seconds >= 60 else 5), "descriptors grow"
        assert wal < 32e6, "the WAL grows"
        assert base.ask("PRAGMA integrity_check") == [("ok",)]
    finally:
        daemon.kill_hard()
        base.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
