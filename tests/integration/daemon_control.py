"""Who owns a base folder: many daemons on one, owners that die, signals, strangers at the socket."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

from cli_run import QUIET, base
from harness import CACHE, PROCTOR, RUN_A, proctor, run, scratch

WAIT = 60  # seconds: for what happens within one or two
FILES = {"regression-monitor": "regression_monitoring.json",
         "model-comparison": "model_comparisons.json",
         "confidence-calibrator": "confidence_calibration.json",
         "automated-testing": "automated_testing.json",
         "curriculum-optimizer": "curriculum_optimization.json"}


class Daemon:
    """A proctor that runs until it is told otherwise; what it says goes to a file."""

    def __init__(self, folder, *args):
        self.log = open(os.path.join(os.path.dirname(folder), "err-%d" % id(self)), "w+",
                        encoding="utf-8")
        self.p = subprocess.Popen([PROCTOR, *args, "--base-dir", folder], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=self.log,
                                  env={**os.environ, "XDG_CACHE_HOME": CACHE.name})

    def said(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def stop(self, how=signal.SIGTERM):
        """Ends it; seconds that it took."""
        if self.p.poll() is None:
            start = time.monotonic()
            self.p.send_signal(how)
            self.p.wait(timeout=WAIT)
            return time.monotonic() - start
        return 0


class Daemons(list):
    def start(self, *args):
        self.append(Daemon(*args))
        return self[-1]

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for d in self:
            if args[0]:
                print("---- %s\n%s" % (d.p.args, d.said()[-2000:]))
            d.stop(signal.SIGKILL)
            d.log.close()


def until(true, what):
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, "not within %d s: %s" % (WAIT, what)
        time.sleep(0.02)


def owner_pid(folder):
    try:
        with open(os.path.join(folder, "proctor.lock")) as f:
            return int(f.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def status(folder, name):
    try:
        with open(os.path.join(folder, "status", FILES[name]), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def newest_in(document):
    """The newest checkpoint that a status file knows of."""
    if "rankings" in document:
        return max((r["checkpoint"] for r in document["rankings"]), default=None)
    return document.get("checkpoint")


def add(folder, name):
    shutil.copytree(os.path.join(RUN_A, "checkpoints", name),
                    os.path.join(folder, "models/current_model", name))


class Peer:
    """A stranger's side of proctor.sock: docs/protocol.md in twenty lines."""

    def __init__(self, folder, hello=True):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(WAIT)
        self.s.connect(os.path.join(folder, "proctor.sock"))
        if hello:
            self.put({"type": "hello", "version": 1, "proctor": "test", "pid": os.getpid()})

    def put(self, message):
        text = json.dumps(message).encode()
        self.s.sendall(b"PR1\n" + struct.pack("<I", len(text)) + text)

    def exactly(self, n):
        got = b""
        while len(got) < n:
            more = self.s.recv(n - len(got))
            if not more:
                return None
            got += more
        return got

    def take(self):
        head = self.exactly(8)
        if head is None:
            return None
        assert head[:4] == b"PR1\n"
        return json.loads(self.exactly(struct.unpack("<I", head[4:])[0]))

    def take_type(self, kind):
        while True:
            m = self.take()
            assert m, "the owner closed before '%s'" % kind
            if m["type"] == kind:
                return m


def test_eight_daemons_share_one_owner_and_survive_it():
    with scratch() as top, Daemons() as all_of_them:
        folder = base(os.path.join(top, "base"), ["checkpoint-1574"])
        for name in FILES:
            all_of_them.start(folder, name)
            all_of_them.start(folder, name, "--interval", "30")
        until(lambda: all(status(folder, n).get("state") == "ok" and
                          newest_in(status(folder, n)) == "checkpoint-1574" for n in FILES),
              "every status file is true of the first checkpoint")
        for arriving in ("checkpoint-2886", "checkpoint-2926", "checkpoint-4500"):
            pid = owner_pid(folder)
            owner = [d for d in all_of_them if d.p.pid == pid]
            assert len(owner) == 1, (pid, [d.p.pid for d in all_of_them])
            start = time.monotonic()
            owner[0].stop(signal.SIGKILL)
            all_of_them.remove(owner[0])
            until(lambda: owner_pid(folder) not in (0, pid), "another owner")
            took = time.monotonic() - start
            print("     taken over %.3f s after kill -9" % took)
            assert took < 20, took
            add(folder, arriving)
            # A system of which no daemon is left runs no more.
            left = {d.p.args[1] for d in all_of_them}
            until(lambda: all(newest_in(status(folder, n)) == arriving for n in left),
                  "every status file is true of " + arriving)
        assert all(d.p.poll() is None for d in all_of_them)
        last = [d.stop() for d in all_of_them]
        print("     SIGTERM: %.3f s at most, of %d" % (max(last), len(last)))
        assert max(last) < 5 and all(d.p.returncode == 0 for d in all_of_them)


def test_a_second_run_is_refused_and_names_the_first():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"))
        first = d.start(folder, "run")
        until(lambda: owner_pid(folder) == first.p.pid, "the first is the owner")
        done = proctor("run", "--base-dir", folder, status=1)
        assert "process %d" % first.p.pid in done.err and "one instance" in done.err, done.err
        assert first.p.poll() is None
        # Beside it everything else goes, also run --once.
        row = proctor("regression-monitor", "--base-dir", folder, "--once", "--json").row()
        assert row["checkpoint"] == "checkpoint-2886", row
        assert len(proctor("run", "--base-dir", folder, "--once", "--json").rows()) == 7
        done = proctor("regression-monitor", "--base-dir", folder, "--once", "--threshold", "33",
                       "--json")
        assert done.row()["threshold_percent"] == 33


def test_run_registers_with_a_system_and_takes_over():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"))
        alone = d.start(folder, "model-comparison")
        until(lambda: owner_pid(folder) == alone.p.pid, "the system is the owner")
        whole = d.start(folder, "run")
        until(lambda: all(status(folder, n).get("state") == "ok" for n in FILES), "all systems run")
        assert owner_pid(folder) == alone.p.pid
        done = proctor("run", "--base-dir", folder, status=1)
        assert "process %d" % whole.p.pid in done.err, done.err
        print("     SIGTERM: %.3f s" % alone.stop())
        until(lambda: owner_pid(folder) == whole.p.pid, "run has taken over")
        add(folder, "checkpoint-4500")
        until(lambda: all(newest_in(status(folder, n)) == "checkpoint-4500" for n in FILES),
              "all files are true of the new checkpoint")


def test_sigterm_while_grading_stops_in_time():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"), ["checkpoint-1574", "checkpoint-2886"], lines=300)
        one = d.start(folder, "run")
        until(lambda: os.path.exists(os.path.join(folder, "proctor.db")), "it has begun")
        took = one.stop()
        print("     SIGTERM: %.3f s" % took)
        assert took < 5 and one.p.returncode == 0, (took, one.p.returncode)
        assert not os.path.exists(os.path.join(folder, "proctor.sock"))


def test_sighup_reads_the_configuration_and_keeps_the_old_when_it_is_broken():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"))
        one = d.start(folder, "run")
        yaml = os.path.join(folder, "proctor.yaml")

        def reload(text):
            with open(yaml, "w") as f:
                f.write(text if "machine:" in text else QUIET + text)
            one.p.send_signal(signal.SIGHUP)

        def threshold():
            return status(folder, "regression-monitor").get("threshold_percent")

        until(lambda: threshold() == 15, "the first finding")
        reload("monitor:\n  threshold: 25\n")
        until(lambda: threshold() == 25, "the new threshold counts")
        reload("monitor:\n  threshold: [oh\n")
        until(lambda: "not-read" in one.said(), "the log names the broken file")
        assert "proctor.yaml:" in one.said(), one.said()
        add(folder, "checkpoint-4500")
        until(lambda: newest_in(status(folder, "regression-monitor")) == "checkpoint-4500",
              "it goes on")
        assert threshold() == 25 and one.p.poll() is None
        reload("machine:\n  disabled: [model-comparison, data-generation]\n")
        until(lambda: threshold() == 15, "and reads the mended one")
        peer = Peer(folder)
        peer.put({"type": "state"})
        names = [s["name"] for s in peer.take_type("state")["state"]["systems"]]
        assert "model-comparison" not in names and len(names) == 6, names


def test_systemd_is_told_what_goes_on():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"))
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(os.path.join(top, "notify"))
        manager.settimeout(WAIT)
        heard = []

        def hear(word):
            while word not in heard:
                heard.extend(manager.recv(4096).decode().split("\n"))
            del heard[:heard.index(word) + 1]

        os.environ.update(NOTIFY_SOCKET=os.path.join(top, "notify"), WATCHDOG_USEC="200000")
        try:
            one = d.start(folder, "run")
            hear("READY=1")
            # A second one, registered, is ready and alive as well.
            two = d.start(folder, "model-comparison")
            hear("STATUS=registered with the owner of the base folder; 1 system")
            hear("READY=1")
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        for _ in range(5):
            hear("WATCHDOG=1")
        one.p.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        # Whose loop does not turn says nothing: this would never end.
        one.p.send_signal(signal.SIGSTOP)
        two.stop(signal.SIGINT)
        hear("STOPPING=1")
        assert two.p.returncode == 0
        heard.clear()
        manager.settimeout(1)
        try:
            while True:  # what was on its way
                manager.recv(4096)
                manager.settimeout(1)
        except TimeoutError:
            pass
        manager.settimeout(WAIT)
        one.p.send_signal(signal.SIGCONT)
        hear("WATCHDOG=1")
        one.stop()
        hear("STOPPING=1")


def test_a_reader_that_goes_away_ends_it():
    with scratch() as top:
        folder = base(os.path.join(top, "base"))
        p = subprocess.Popen([PROCTOR, "regression-monitor", "--base-dir", folder, "--json", "--quiet",
                              "--interval", "1"], stdout=subprocess.PIPE,
                             env={**os.environ, "XDG_CACHE_HOME": CACHE.name})
        row = json.loads(p.stdout.readline())
        assert row["system"] == "regression-monitor"
        p.stdout.close()
        assert p.wait(timeout=WAIT) == 0


def test_strangers_at_the_socket_end_alone():
    with scratch() as top, Daemons() as d:
        folder = base(os.path.join(top, "base"))
        one = d.start(folder, "run")
        until(lambda: os.path.exists(os.path.join(folder, "proctor.sock")), "the socket")
        half = Peer(folder)
        half.s.sendall(b"PR1\n\xff\x00\x00\x00{\"type\"")  # and not a word more
        for bad in ({"type": "nonsense"}, {"type": ""}, {"type": "hello"}):
            p = Peer(folder)
            p.put(bad)
            assert p.take_type("error")["message"]
            assert p.take() is None
        p = Peer(folder, hello=False)
        p.s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert p.take_type("error") and p.take() is None
        p = Peer(folder, hello=False)
        p.put({"type": "hello", "version": 9, "proctor": "9.0"})
        assert "protocol version 9" in p.take_type("error")["message"]
        p = Peer(folder)
        for bad, part in (({"system": "oracle"}, "no system 'oracle'"), ({}, "system"),
                          ({"system": 3}, "system"),
                          ({"system": "model-comparison", "interval_ms": -5}, "interval_ms"),
                          ({"system": "model-comparison", "set": ["x"]}, "set"),
                          ({"system": "model-comparison", "set": {"eval.dtype": "f32"}}, "setting"),
                          ({"system": "regression-monitor", "set": {"monitor.threshold": "x"}},
                           "monitor.threshold"),
                          ({"system": "regression-monitor", "set": {"monitor.threshold": 3}},
                           "string"),
                          ({"system": "regression-monitor", "run": True}, "one instance")):
            p.put({"type": "register", **bad})
            answer = p.take_type("refused")
            assert part in answer["message"], answer
        p.put({"type": "register", "system": "regression-monitor", "once": True})
        assert p.take_type("registered")["system"] == "regression-monitor"
        assert p.take_type("found")["document"]["system"] == "regression-monitor"
        assert p.take_type("finished")["system"] == "regression-monitor"
        p.put({"type": "scan"})
        p.take_type("scanning")
        p.put({"type": "ping"})
        assert p.take_type("pong")["pid"] == one.p.pid
        assert one.p.poll() is None


def test_a_read_only_base_folder_is_said():
    with scratch() as top:
        folder = base(os.path.join(top, "base"), ())
        os.chmod(top, 0o755)
        os.chmod(folder, 0o555)
        # Root may write anywhere: it tries as nobody.
        nobody = {"user": 65534} if os.geteuid() == 0 else {}
        try:
            done = subprocess.run([PROCTOR, "run", "--base-dir", folder], stderr=subprocess.PIPE,
                                  timeout=WAIT, **nobody)
        except PermissionError:
            print("     skipped: this build is out of nobody's reach")
            return
        finally:
            os.chmod(folder, 0o755)
        assert done.returncode == 1, done
        assert b"cannot write to the base folder" in done.stderr, done.stderr


if __name__ == "__main__":
    run(globals())
