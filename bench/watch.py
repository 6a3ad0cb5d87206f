"""What it costs to be watched: memory and CPU time of an idle `proctor run`, how soon a checkpoint is
noticed and judged, and how many tokens all systems together compute beside `proctor eval` alone.

    bench/watch.py BUILD_FOLDER [--seconds N] [--checkpoints N]"""
import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "faults"))


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--seconds", type=int, default=60, help="to look at the idle daemon")
    p.add_argument("--checkpoints", type=int, default=20)
    a = p.parse_args()
    os.environ["PROCTOR_BUILD"] = os.path.abspath(a.build)
    from watchbase import STATUS_FILES, Base, Daemon, cpu_seconds, descriptors, memory, until
    program = os.path.join(a.build, "src", "cli", "proctor")
    base = Base(300)
    for i in range(a.checkpoints):
        base.drop(100 * (i + 1), (2886, 4500)[i % 2], seed=i)
    daemon = Daemon(base.dir, "run", program=program)

    def quiet():
        state = base.state()["live"]
        return state and not state["orders"] and not daemon.graders()

    def judged(name):
        document = base.document("regression_monitoring.json")
        return document and document["state"] == "ok" and document["checkpoint"] == name
    try:
        newest = "checkpoint-%d" % (100 * a.checkpoints)
        begin = time.monotonic()
        until("the newest", lambda: judged(newest), 300, daemon)
        first = time.monotonic() - begin
        until("all", quiet, 600, daemon)
        everything = time.monotonic() - begin
        cpu, begin = cpu_seconds(daemon.pid), time.monotonic()
        time.sleep(a.seconds)
        share = (cpu_seconds(daemon.pid) - cpu) / (time.monotonic() - begin)
        resident, fds = memory(daemon.pid), descriptors(daemon.pid)

        lags = []
        for i in range(5):
            step = 100 * (a.checkpoints + 1 + i)
            base.drop(step, 4500, seed=1000 + i)
            begin = time.monotonic()
            until("one more", lambda: judged("checkpoint-%d" % step), 60, daemon)
            lags.append(time.monotonic() - begin)
            until("quiet", quiet, 60, daemon)
        tokens = base.state()["live"]["tokens"]
        alone = json.loads(subprocess.run(
            [program, "eval", os.path.join(base.models, newest), "--suite",
             os.path.join(base.dir, "data", "validation"), "--quiet"],
            stdout=subprocess.PIPE, check=True).stdout)
        each = alone["tokens_prefilled"] + alone["tokens_generated"]
        # Answers differ a little from one checkpoint to the next, and their lengths with them.
        graded = a.checkpoints + 5
        ratio = (tokens["prefilled"] + tokens["generated"]) / graded / each
        rows = [
            ("idle, %d checkpoints: resident memory" % a.checkpoints, "%.1f MB" % (resident / 1e6),
             "< 30 MB"),
            ("idle: share of one core over %d s" % a.seconds, "%.3f %%" % (100 * share), "< 0.2 %"),
            ("idle: open descriptors", "%d" % fds, "–"),
            ("at start: newest of %d judged after" % a.checkpoints, "%.2f s" % first, "–"),
            ("at start: all graded, all systems done after", "%.1f s" % everything, "–"),
            ("last file of a checkpoint to its verdict, median of 5", "%.2f s" % median(lags),
             "noticed < 1 s"),
            ("tokens a checkpoint beside `proctor eval`", "%.3f ×" % ratio,
             "≤ 1.05 ×; four programs 4 ×"),
        ]
        print("| what | measured | wanted |\n| --- | --- | --- |")
        for row in rows:
            print("| %s | %s | %s |" % row)
    finally:
        daemon.stop()
        base.remove()


if __name__ == "__main__":
    main()
