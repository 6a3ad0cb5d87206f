"""What the API takes: requests a second for /api/status by wrk on loopback, and memory with many idle
clients of /api/events.

    bench/api.py BUILD_FOLDER BASE_DIR [--seconds N] [--clients N] [--json]

BASE_DIR is only read, but for status/api.json and api.token.  wrk shares the machine with the server."""
import argparse
import gzip
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request

GOALS = {"304": 20000, "gzip": 5000, "plain": 5000}
MEMORY_MB = 150


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


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("base")
    p.add_argument("--seconds", type=int, default=8)
    p.add_argument("--clients", type=int, default=5000)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    process, url = start(a.build, a.base)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
