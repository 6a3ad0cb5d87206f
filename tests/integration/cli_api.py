"""proctor api as a command: where it says it can be reached, and how it ends."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

import harness
from harness import PROCTOR, proctor, scratch


def start(base, *args):
    return subprocess.Popen([PROCTOR, "api", "--base-dir", base, *args], stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL)


def note(base, process):
    path = os.path.join(base, "status", "api.json")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.stderr.read()
        if os.path.exists(path):
            with open(path) as f:
                return json.load(f)
        time.sleep(0.02)
    raise AssertionError("no status/api.json")


def test_it_says_where_it_is_until_it_ends():
    with scratch() as base:
        process = start(base, "--port", "0", "--page-port", "0")
        said = note(base, process)
        assert said["pid"] == process.pid and said["schema_version"] == 1
        for key in ("api_url", "page_url"):
            with urllib.request.urlopen(said[key] + "healthz", timeout=30) as answer:
                assert json.load(answer)["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert said["page_url"] in process.stderr.read().decode()
        assert not os.path.exists(os.path.join(base, "status", "api.json"))


def test_a_note_of_another_one_stays():
    with scratch() as base:
        process = start(base, "--port", "0", "--page-port", "0")
        note(base, process)
        with open(os.path.join(base, "status", "api.json"), "w") as f:
            json.dump({"pid": 1}, f)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stderr.close()
        assert os.path.exists(os.path.join(base, "status", "api.json"))


def test_a_port_in_use_is_named_with_its_key():
    with scratch() as base, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option, key in (("--port", "api.port"), ("--page-port", "api.page_port")):
            other = "--page-port" if option == "--port" else "--port"
            done = proctor("api", "--base-dir", base, option, port, other, 0, status=1)
            assert str(port) in done.err and key in done.err and "in use" in done.err, done.err


def test_it_ends_with_its_parent():
    with scratch() as base:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", '"$0" api --base-dir "$1" --port 0 --page-port 0 --parent $$ & wait',
             PROCTOR, base], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        pid = note(base, shell)["pid"]
        shell.kill()
        shell.wait()
        end = time.monotonic() + 60
        while os.path.exists("/proc/%d" % pid) and time.monotonic() < end:
            time.sleep(0.02)
        assert not os.path.exists("/proc/%d" % pid)


def test_what_cannot_be_is_said():
    with scratch() as base:
        assert "no base folder" in proctor("api", "--base-dir", base + "/none", status=1).err
        done = proctor("api", "--base-dir", base, "--port", 0, "--page-port", 0, "--bind", "no.such.host.invalid",
                       status=1)
        assert "api.bind" in done.err, done.err


if __name__ == "__main__":
    harness.run(globals())
