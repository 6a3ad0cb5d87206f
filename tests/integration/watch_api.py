"""`proctor run` and the API process beside it: started, started again when it dies, ended with it."""
import os
import signal
import socket
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
from watchbase import Base, Daemon, until  # noqa: E402

FREE = "api: {port: 0, page_port: 0}\n"


def start(base, *options):
    return Daemon(base.dir, "run", *options, program=harness.PROCTOR, env={"PROCTOR_API": "1"})


def served(base, but=0):
    """status/api.json of a process that is there and is not `but`."""
    document = base.document("api.json") if os.path.isdir(base.status) else None
    if not document or document["pid"] == but:
        return None
    try:
        os.kill(document["pid"], 0)
    except ProcessLookupError:
        return None
    return document


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def test_the_api_is_there_comes_back_when_it_is_killed_and_ends_with_the_watch():
    base = Base(8)
    base.configure(FREE)
    daemon = start(base)
    try:
        first = until("an address", lambda: served(base), 30, daemon)
        assert b'"schema_version"' in get(first["api_url"] + "api/status")
        said = harness.proctor("status", "--once", "--base-dir", base.dir).out
        assert "page at " + first["page_url"] in said, said
        os.kill(first["pid"], signal.SIGKILL)
        second = until("another process", lambda: served(base, first["pid"]), 30, daemon)
        assert b'"schema_version"' in get(second["page_url"] + "api/status")
    finally:
        daemon.stop()
    until("its end", lambda: not os.path.exists("/proc/%d" % second["pid"]))
    assert base.document("api.json") is None
    base.remove()


def test_it_ends_when_the_watch_is_killed():
    base = Base(8)
    base.configure(FREE)
    daemon = start(base, "--quiet")
    pid = until("an address", lambda: served(base), 30, daemon)["pid"]
    assert not daemon.said(), daemon.said()
    daemon.kill_hard()
    until("its end", lambda: not os.path.exists("/proc/%d" % pid))
    base.remove()


def test_a_port_that_is_taken_is_said_and_the_watch_goes_on():
    base = Base(8)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        base.configure("api: {port: %d, page_port: 0}\n" % port)
        daemon = start(base)
        try:
            until("the reason", lambda: str(port) in daemon.said() and "api.port" in daemon.said(),
                  30, daemon)
            base.drop(4500)
            until("a grade", lambda: base.ask("SELECT 1 FROM graded"), 60, daemon)
        finally:
            taken.close()
            daemon.stop()
    base.remove()


def test_a_changed_configuration_moves_it():
    base = Base(8)
    base.configure("api: {enabled: false}\n")
    daemon = start(base)
    try:
        until("the watch", lambda: base.ask("SELECT 1"), 30, daemon)
        base.configure(FREE)
        daemon.send_signal(signal.SIGHUP)
        pid = until("an address", lambda: served(base), 30, daemon)["pid"]
        base.configure("api: {enabled: false}\n")
        daemon.send_signal(signal.SIGHUP)
        until("its end", lambda: not os.path.exists("/proc/%d" % pid), 10, daemon)
    finally:
        daemon.stop()
    base.remove()


harness.run(globals())
