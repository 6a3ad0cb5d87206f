"""What the API takes: requests a second for /api/status by wrk on loopback, memory with many idle
clients of /api/events, and how much of its rate grading keeps meanwhile.

    bench/api.py BUILD_FOLDER [BASE_DIR] [--seconds N] [--clients N] [--json]

BASE_DIR is only read, but for status/api.json and api.token; without it one with 1,000 checkpoints is made.  wrk shares the machine with the server."""
import argparse
import gzip
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "faults"))
from watchbase import Base, Daemon, until  # noqa: E402

GOALS = {"304": 20000, "gzip": 5000, "plain": 5000}
MEMORY_MB = 150
GRADING_SHARE = 0.25
ROUNDS = 5


def rss_mb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(build, base):
    note = os.path.join(base, "status", "api.json")
    if os.path.exists(note):
        os.unlink(note)
    process = subprocess.Popen([os.path.join(build, "src", "cli", "proctor"), "api", "--base-dir", base, "--port",
                                "0", "--page-port", "0"], stderr=subprocess.DEVNULL)
    while not os.path.exists(note):
        assert process.poll() is None, "the server ended"
        time.sleep(0.02)
    with open(note) as f:
        return process, json.load(f)["api_url"].rstrip("/")


def wrk(url, seconds, headers):
    command = ["wrk", "-t2", "-c64", "-d%ds" % seconds, "--latency", url]
    for key, value in headers.items():
        command += ["-H", "%s: %s" % (key, value)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), re.search(r"99%\s+(\S+)", out).group(1)


def listen(url, n):
    """n clients of /api/events that have had their hello and wait."""
    host, port = url.split("//")[1].split(":")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    out = []
    for _ in range(min(n, hard - 200)):
        s = socket.create_connection((host, int(port)))
        s.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        out.append(s)
    for s in out:
        got = b""
        while b"hello" not in got:
            got += s.recv(4096)
    return out


def grade_one(base, daemon, number):
    """Examples a second of a checkpoint's orders, by the grader's own account."""
    base.drop(number, source=4500, seed=number)
    rows = until("grades", lambda: base.ask(
        "SELECT sum(o.examples), sum(o.seconds), c.id FROM orders o JOIN checkpoints c ON c.id = o.checkpoint"
        " WHERE c.step = ? AND o.state = 'done' HAVING sum(o.examples) >= 300", number), 300, daemon)
    return rows[0][0] / rows[0][1]


def grading(build):
    """By turns: alone, beside 304s, beside whole bodies, as fast as wrk can; the API is the watch's own."""
    base = Base(300)
    base.configure("api: {port: 0, page_port: 0}\neval: {max_new_tokens: 32}\n")
    daemon = Daemon(base.dir, "run", "--quiet", program=os.path.join(build, "src", "cli", "proctor"), env={"PROCTOR_API": "1"})
    rates, served = {"alone": [], "304": [], "plain": []}, {"304": [], "plain": []}
    try:
        note = until("the API", lambda: os.path.isdir(base.status) and base.document("api.json"), 60, daemon)
        url = note["api_url"] + "api/status"
        grade_one(base, daemon, 1)  # the first one waits for the suite to be read
        step = 1
        for _ in range(ROUNDS):
            for how in rates:
                step += 1
                load = None
                if how != "alone":
                    with urllib.request.urlopen(url) as answer:
                        etag = answer.headers["ETag"]
                    more = ["-H", "If-None-Match: " + etag] if how == "304" else []
                    load = subprocess.Popen(["wrk", "-t2", "-c64", "-d300s", *more, url], stdout=subprocess.PIPE, text=True)
                rates[how].append(grade_one(base, daemon, step))
                if load:
                    load.send_signal(signal.SIGINT)
                    served[how].append(float(re.search(r"Requests/sec:\s+([\d.]+)", load.communicate()[0]).group(1)))
    finally:
        daemon.stop()
        base.remove()
    median = {how: statistics.median(v) for how, v in rates.items()}
    return {how: {"share": median[how] / median["alone"], "requests_per_second": statistics.median(served[how])}
            for how in served} | {"examples_per_second": median["alone"], "goal": GRADING_SHARE}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("base", nargs="?")
    p.add_argument("--seconds", type=int, default=8)
    p.add_argument("--clients", type=int, default=5000)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    made = None if a.base else tempfile.TemporaryDirectory(prefix="proctor-api-bench-")
    if made:
        os.mkdir(os.path.join(made.name, "status"))
        subprocess.run([os.path.join(a.build, "bench", "bench_curves"), "100000", "1000", "300", made.name], check=True,
                       stdout=subprocess.DEVNULL)
    process, url = start(a.build, a.base or made.name)
    rows = {}
    try:
        with urllib.request.urlopen(url + "/api/status") as answer:
            body, etag = answer.read(), answer.headers["ETag"]
        sizes = {"304": 0, "gzip": len(gzip.compress(body, 5)), "plain": len(body)}
        headers = {"304": {"If-None-Match": etag}, "gzip": {"Accept-Encoding": "gzip"}, "plain": {}}
        for name, goal in GOALS.items():
            rate, worst = wrk(url + "/api/status", a.seconds, headers[name])
            rows[name] = {"requests_per_second": rate, "p99": worst, "goal": goal, "bytes": sizes[name]}
        rows["memory"] = {"before_mb": rss_mb(process.pid)}
        streams = listen(url, a.clients)
        time.sleep(17)  # past the first heartbeat
        cpu, begin = cpu_seconds(process.pid), time.monotonic()
        time.sleep(15)
        rows["memory"].update(mb=rss_mb(process.pid), clients=len(streams), goal_mb=MEMORY_MB,
                              cpu_percent=100 * (cpu_seconds(process.pid) - cpu) / (time.monotonic() - begin))
        for s in streams:
            s.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    rows["grading"] = grading(a.build)
    if a.json:
        print(json.dumps(rows))
        return 0
    for name in GOALS:
        r = rows[name]
        print("%-6s %9.0f requests/s  (goal %6d)  p99 %-8s  %7d bytes a body" %
              (name, r["requests_per_second"], r["goal"], r["p99"], r["bytes"]))
    m = rows["memory"]
    print("memory %9.1f MB with %d idle clients of /api/events (goal %d MB; %.1f MB without), %.1f %% of a CPU" %
          (m["mb"], m["clients"], m["goal_mb"], m["before_mb"], m["cpu_percent"]))
    g = rows["grading"]
    for how in ("304", "plain"):
        print("grading keeps %4.0f %% of %.0f examples/s (goal %.0f %%) beside %.0f answers/s (%s), as many as wrk gets"
              " beside it" % (100 * g[how]["share"], g["examples_per_second"], 100 * g["goal"],
                               g[how]["requests_per_second"], how))
    return 0


if __name__ == "__main__":
    sys.exit(main())
