"""Alerts on their way: a real watch in which a checkpoint got worse, and a real server that is told of
it, is not there, does not answer, or comes back."""
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import threading
import time

import harness
from cli_run import base
from daemon_control import Daemons, owner_pid, until
from harness import RUN_A, proctor, scratch

GOOD, WORSE, BETTER = "checkpoint-2886", "checkpoint-2926", "checkpoint-4500"
SECRET = "T00000000-B00000000-XXXXsecret"


class Server:
    """Hears POSTs on a port that it keeps while it is down; `answer` is what it says: a status, or None:
    nothing at all."""

    def __init__(self):
        self.heard, self.cond, self.answer, self.http, self.release = [], threading.Condition(), 200, None, None
        self.keep = socket.socket()
        self.keep.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.keep.bind(("127.0.0.1", 0))
        self.port = self.keep.getsockname()[1]

    def url(self, path="/services/" + SECRET):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def start(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with server.cond:
                    server.heard.append((self.path, json.loads(body), dict(self.headers)))
                    server.cond.notify_all()
                if server.answer is None:
                    server.release.wait()
                    return
                self.send_response(server.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.release = threading.Event()
        self.keep.listen(50)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.http.socket.close()
        self.http.socket = self.keep
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def wait(self, n):
        until(lambda: len(self.heard) >= n, "%d messages, heard %s" % (n, self.heard))
        return [body for _, body, _ in self.heard]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.release:
            self.release.set()
        if self.http:
            self.http.shutdown()
        self.keep.close()


def add(folder, name):
    """As a trainer that writes elsewhere and renames."""
    hidden = os.path.join(folder, "arriving")
    shutil.copytree(os.path.join(RUN_A, "checkpoints", name), hidden)
    os.rename(hidden, os.path.join(folder, "models/current_model", name))


def configure(folder, channels, more=""):
    with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
        f.write("api: {enabled: false}\nwatch: {scan_seconds: 1}\neval: {max_new_tokens: 32}\n"
                "machine: {disabled: [data-generation]}\n")
        f.write("alerts:\n%s  channels:\n" % more)
        for name, keys in channels.items():
            f.write("    %s: %s\n" % (name, json.dumps(keys)))


def rows(folder, sql):
    try:
        db = sqlite3.connect("file:%s/proctor.db?mode=ro" % folder, uri=True)
    except sqlite3.OperationalError:
        return []  # not there yet
    try:
        return db.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []  # its tables neither
    finally:
        db.close()


def deliveries(folder, what="kind, state"):
    return rows(folder, "SELECT %s FROM deliveries ORDER BY id" % what)


def tells_no_secret(folder):
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if name == "proctor.yaml" or not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            with open(path, "rb") as f:
                assert SECRET.encode() not in f.read(), path


def logs(folder):
    said = ""
    for name in os.listdir(os.path.join(folder, "logs")):
        with open(os.path.join(folder, "logs", name), encoding="utf-8") as f:
            said += f.read()
    return said


def made(top, checkpoints=(GOOD,)):
    return base(os.path.join(top, "base"), checkpoints, 300)


def test_a_run_that_ends_has_told_what_it_found():
    with scratch() as top, Server().start() as server:
        folder = made(top, (GOOD, WORSE))
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()},
                           "loud": {"kind": "slack", "url": server.url("/loud"), "levels": ["critical"]}})
        proctor("run", "--once", "--quiet", "--base-dir", folder)
        assert len(server.heard) == 1, server.heard
        path, body, headers = server.heard[0]
        assert path == "/services/" + SECRET and headers["Content-Type"] == "application/json"
        assert body["version"] == "4" and body["status"] == "firing" and body["receiver"] == "hook"
        alert = body["alerts"][0]
        assert alert["labels"] == {"alertname": "regression-monitor", "severity": "warning",
                                   "system": "regression-monitor", "checkpoint": WORSE,
                                   "instance": socket.gethostname()}, alert
        assert "20 answers lost, 3 gained" in alert["annotations"]["description"]
        assert deliveries(folder, "channel, kind, state, attempts") == [("hook", "firing", "sent", 1)]
        # Another look finds the same, and says nothing new.
        proctor("run", "--once", "--quiet", "--base-dir", folder)
        assert len(server.heard) == 1
        tells_no_secret(folder)


def test_a_server_that_was_down_is_told_once_when_it_is_back_though_the_owner_was_killed():
    with scratch() as top, Server() as server, Daemons() as d:
        folder = made(top)
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()}})
        first = d.start(folder, "run")
        until(lambda: rows(folder, "SELECT 1 FROM graded WHERE n = 300"), "the first to be graded")
        add(folder, WORSE)
        until(lambda: deliveries(folder, "state, attempts > 0") == [("waiting", 1)], "a failed attempt")
        reason = deliveries(folder, "reason")[0][0]
        assert "127.0.0.1:%d" % server.port in reason and "refused" in reason.lower(), reason
        first.stop(signal.SIGKILL)
        server.start()
        d.start(folder, "run")
        body = server.wait(1)[0]
        assert body["status"] == "firing" and WORSE in body["commonAnnotations"]["description"]
        until(lambda: deliveries(folder) == [("firing", "sent")], "it to be put down")

        # Somebody sees it, over the socket.
        proctor("alert", "ack", "1", "--base-dir", folder)
        assert rows(folder, "SELECT acknowledged_ms IS NOT NULL FROM alerts") == [(1,)]
        assert "no alert 99" in proctor("alert", "ack", "99", "--base-dir", folder, status=1).err
        audit = rows(folder, "SELECT action, target, outcome, origin FROM actions ORDER BY id")
        assert audit == [("acknowledge", "alert 1", "done", "cli"),
                         ("acknowledge", "alert 99", "refused", "cli")], audit
        listed = proctor("alert", "list", "--json", "--base-dir", folder).row()
        assert listed["n_open"] == 1 and listed["alerts"][0]["acknowledged_at"]
        assert listed["alerts"][0]["deliveries"][0]["state"] == "sent"
        assert "hook sent" in proctor("alert", "list", "--base-dir", folder).out

        # Its cause goes, and where it was told its end is told.
        add(folder, BETTER)
        over = server.wait(2)[1]
        assert over["status"] == "resolved" and over["groupKey"] == body["groupKey"]
        assert over["alerts"][0]["fingerprint"] == body["alerts"][0]["fingerprint"]
        assert over["alerts"][0]["endsAt"] > over["alerts"][0]["startsAt"]
        until(lambda: deliveries(folder) == [("firing", "sent"), ("resolved", "sent")], "its end")
        assert proctor("alert", "list", "--base-dir", folder).out == "no alerts\n"
        assert proctor("alert", "list", "--all", "--json", "--base-dir", folder).row()["alerts"][0]["cleared_at"]
        assert len(server.heard) == 2, server.heard
        tells_no_secret(folder)


def test_what_was_on_its_way_when_the_owner_was_killed_is_at_most_doubled():
    with scratch() as top, Server().start() as server, Daemons() as d:
        server.answer = None  # takes it and says nothing
        folder = made(top, (GOOD, WORSE))
        configure(folder, {"hook": {"kind": "webhook", "url": server.url(), "timeout_seconds": 600}})
        first = d.start(folder, "run")
        server.wait(1)
        assert deliveries(folder) == [("firing", "sending")]
        first.stop(signal.SIGKILL)
        server.answer = 200
        d.start(folder, "run")
        server.wait(2)
        until(lambda: deliveries(folder) == [("firing", "sent")], "it to be put down")
        assert len(server.heard) == 2
        assert server.heard[0][1]["alerts"][0]["fingerprint"] == server.heard[1][1]["alerts"][0]["fingerprint"]


def test_an_owner_that_ends_well_does_not_wait_for_a_server_that_hangs():
    with scratch() as top, Server().start() as server, Daemons() as d:
        server.answer = None
        folder = made(top, (GOOD, WORSE))
        configure(folder, {"hook": {"kind": "webhook", "url": server.url(), "timeout_seconds": 600}})
        one = d.start(folder, "run")
        server.wait(1)
        one.stop()
        assert one.p.returncode == 0
        assert deliveries(folder, "kind, state, attempts") == [("firing", "waiting", 0)]


def test_what_is_over_before_it_could_be_told_is_not_told():
    with scratch() as top, Server() as server, Daemons() as d:
        folder = made(top)
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()}})
        d.start(folder, "run")
        until(lambda: rows(folder, "SELECT 1 FROM graded WHERE n = 300"), "the first to be graded")
        add(folder, WORSE)
        until(lambda: deliveries(folder, "attempts > 0") == [(1,)], "a failed attempt")
        add(folder, BETTER)
        until(lambda: deliveries(folder, "kind, state, reason") ==
              [("firing", "dropped", "resolved before it was sent")], "it to be dropped")
        assert not server.heard


def test_in_quiet_hours_only_what_is_critical_is_told():
    now = time.localtime()
    quiet = "%02d:%02d-%02d:%02d" % (now.tm_hour, now.tm_min, (now.tm_hour + 12) % 24, now.tm_min)
    with scratch() as top, Server().start() as server:
        folder = made(top, (GOOD, WORSE))
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()}}, "  quiet_hours: '%s'\n" % quiet)
        proctor("run", "--once", "--quiet", "--base-dir", folder)
        held = deliveries(folder, "state, reason, next_ms > made_ms + 3600000")
        assert held == [("held", "held by alerts.quiet_hours", 1)] and not server.heard, held
        # They are over: what still holds is told.
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()}})
        db = sqlite3.connect(os.path.join(folder, "proctor.db"))  # nobody owns it now
        with db:
            db.execute("UPDATE deliveries SET next_ms = made_ms")
        db.close()
        with Daemons() as d:
            d.start(folder, "run")
            server.wait(1)


def test_a_loss_that_is_no_number_is_told_and_so_is_its_end():
    with scratch() as top, Server().start() as server, Daemons() as d:
        folder = made(top, ())
        configure(folder, {"hook": {"kind": "webhook", "url": server.url(), "systems": ["watch"]}})
        training = os.path.join(folder, "status", "training_status.json")

        def write(loss):
            with open(training + ".new", "w", encoding="utf-8") as f:
                f.write('{"status": "training", "current_step": 10, "total_steps": 100, "loss": %s}' % loss)
            os.rename(training + ".new", training)

        write("NaN")
        d.start(folder, "run")
        alert = server.wait(1)[0]["alerts"][0]
        assert alert["labels"]["alertname"] == "watch-training-loss" and alert["labels"]["severity"] == "critical"
        write("2.5")
        assert server.wait(2)[1]["status"] == "resolved"


def test_a_hot_gpu_is_told_until_it_is_cooler():
    with scratch() as top, Server().start() as server, Daemons() as d:
        folder, heat = made(top, ()), os.path.join(top, "heat")
        configure(folder, {"hook": {"kind": "webhook", "url": server.url(), "systems": ["watch"]}})

        def write(celsius):
            with open(heat + ".new", "w", encoding="utf-8") as f:
                f.write(str(celsius))
            os.rename(heat + ".new", heat)

        program = os.path.join(top, "bin", "nvidia-smi")
        os.mkdir(os.path.dirname(program))
        with open(program, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o755)) as f:
            f.write("#!/bin/sh\necho \"0, H200, GPU-1, 1000, 140000, 99, $(cat %s), 500, 700\"\n" % heat)
        write(91)
        before = os.environ["PATH"]
        os.environ.update(PATH=os.path.dirname(program) + ":" + before, PROCTOR_NVML="/nowhere/libnvidia-ml.so.1")
        try:
            d.start(folder, "run")
        finally:
            os.environ["PATH"] = before
            del os.environ["PROCTOR_NVML"]
        alert = server.wait(1)[0]["alerts"][0]
        assert alert["labels"]["alertname"] == "watch-gpu" and alert["labels"]["severity"] == "warning", alert
        assert "GPU 0 (H200) is at 91 degrees" in alert["annotations"]["description"]
        write(60)
        assert server.wait(2)[1]["status"] == "resolved"


def test_a_channel_that_makes_no_sense_is_named_and_nothing_stops():
    with scratch() as top, Server().start() as server:
        folder = made(top, (GOOD, WORSE))
        configure(folder, {"hook": {"kind": "webhook", "url": server.url()}, "bird": {"kind": "pigeon"},
                           "none": {"kind": "slack"}, "odd": {"kind": "ntfy", "url": server.url(), "lvls": []}})
        proctor("run", "--once", "--quiet", "--base-dir", folder)
        said = logs(folder)
        for words in ("alerts.channels.bird: there is no kind 'pigeon'", "alerts.channels.none: url is missing",
                      "alerts.channels.odd: a ntfy has no key 'lvls'"):
            assert words in said, said
        assert len(server.heard) == 1
        found = [c for c in proctor("doctor", "--json", "--base-dir", folder, status=None).row()["checks"]
                 if c["name"] == "alerts"]
        assert [c["level"] for c in found] == ["warning"] * 3 + ["ok"], found
        assert not any(SECRET in c["text"] for c in found)


def test_every_channel_can_be_tried():
    with scratch() as top, Server().start() as server:
        folder = made(top, ())
        secret = os.path.join(folder, "slack-url")
        with open(secret, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(server.url() + "\n")
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("tk_" + SECRET)
        mail, told = os.path.join(top, "mail"), os.path.join(top, "told")
        channels = {
            "hook": {"kind": "webhook", "url": server.url()},
            "chat": {"kind": "slack", "url_file": "slack-url"},
            "talk": {"kind": "discord", "url": server.url()},
            "phone": {"kind": "ntfy", "url": server.url("/topic"), "token_file": "token"},
            "mail": {"kind": "email", "command": ["/bin/sh", "-c", "cat > " + mail], "to": "a@example.org",
                     "from": "b@example.org"},
            "own": {"kind": "command", "command": ["/bin/sh", "-c", "cat > " + told]},
        }
        configure(folder, channels)
        said = proctor("alert", "test", "--base-dir", folder, "--json").rows()
        assert [(r["channel"], r["sent"]) for r in said] == [(name, True) for name in channels], said
        by_path = {}
        for path, body, headers in server.heard:
            by_path.setdefault(path, []).append((body, headers))
        phone = by_path["/"][0]
        assert phone[0]["topic"] == "topic" and phone[1]["Authorization"] == "Bearer tk_" + SECRET
        assert len(by_path["/services/" + SECRET]) == 3
        with open(mail, encoding="utf-8") as f:
            assert f.read().startswith("From: b@example.org\nTo: a@example.org\nSubject: [TEST] watch on ")
        with open(told, encoding="utf-8") as f:
            assert json.load(f)["alerts"][0]["status"] == "test"

        # One by its name, and what does not work is said without the secret.
        assert proctor("alert", "test", "own", "--base-dir", folder).out == "own (command): sent\n"
        server.answer = 404
        bad = proctor("alert", "test", "--base-dir", folder, status=1)
        assert "hook (webhook): 127.0.0.1:%d: HTTP status 404" % server.port in bad.out
        assert "own (command): sent" in bad.out and SECRET not in bad.out + bad.err
        server.answer = 302
        assert "not followed" in proctor("alert", "test", "hook", "--base-dir", folder, status=1).out
        assert "no channel 'x'" in proctor("alert", "test", "x", "--base-dir", folder, status=1).err
        proctor("alert", "dance", "--base-dir", folder, status=2)
        proctor("alert", "ack", "x", "--base-dir", folder, status=2)


if __name__ == "__main__":
    harness.run(globals())
