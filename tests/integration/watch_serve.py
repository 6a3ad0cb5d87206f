"""`proctor run` has a model served by a process of its own: it waits for the first, ends with the watch, and follows the
configuration."""
import json
import os
import signal
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
from watchbase import Base, Daemon, until  # noqa: E402

TINY = os.path.join(harness.MODELS, "qwen3-tiny")
SERVE = "api: {enabled: false}\nserve: {enabled: true, target: served, port: 0, bind: 127.0.0.1%s}\n%s"


def note(base):
    try:
        with open(os.path.join(base.dir, "status", "serve.json"), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def health(found):
    with urllib.request.urlopen(found["url"].rsplit("/v1", 1)[0] + "/health", timeout=30) as r:
        return json.load(r)


def is_gone(pid):
    return not os.path.exists("/proc/%d" % pid)


def started():
    base = Base(8)
    base.configure(SERVE % ("", ""))
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    until("the watch", lambda: base.ask("SELECT 1"), 30, daemon)
    os.symlink(TINY, os.path.join(base.dir, "served"))
    return base, daemon, until("the server", lambda: note(base), 30, daemon)


def test_what_comes_is_served_and_ends_with_the_watch():
    base, daemon, found = started()
    assert health(found)["status"] == "ok"
    daemon.stop()
    assert is_gone(found["pid"]) and not note(base)
    base.remove()


def test_it_ends_when_the_watch_is_killed():
    base, daemon, found = started()
    daemon.kill_hard()
    until("its end", lambda: is_gone(found["pid"]), 15)
    base.remove()


def test_it_is_started_anew_for_what_it_goes_by_and_for_nothing_else():
    base, daemon, found = started()
    base.configure(SERVE % ("", "deploy: {min_steps: 7}\nmonitor: {threshold: 20}\n"))
    daemon.send_signal(signal.SIGHUP)
    until("the configuration", lambda: "configuration read" in daemon.said(), 30, daemon)
    assert health(found)["status"] == "ok" and note(base)["pid"] == found["pid"]
    base.configure(SERVE % ("", "template: {variables: {enable_thinking: false}}\n"))
    daemon.send_signal(signal.SIGHUP)
    anew = until("another", lambda: (note(base) or found)["pid"] != found["pid"] and note(base), 30, daemon)
    assert is_gone(found["pid"]) and health(anew)["status"] == "ok"
    base.configure("api: {enabled: false}\n")
    daemon.send_signal(signal.SIGHUP)
    until("its end", lambda: is_gone(anew["pid"]), 30, daemon)
    daemon.stop()
    base.remove()


harness.run(globals())
