"""proctor doctor on what moves checkpoints: against a real sshd and a real server, quickly, and writing nothing."""
import getpass
import json
import os
import shutil
import socket
import sys
import threading
import time

import harness
import sshd
from harness import Skipped, proctor, scratch
from serve_support import Server

MODEL = os.path.join(harness.ROOT, "tests", "fixtures", "models", "qwen3-tiny")
PATIENCE = 40  # seconds, for all of it: what does not answer is given up in a few

SCRATCH = scratch()
SERVER = None if sshd.missing() else sshd.Sshd(SCRATCH.name)


def snapshot(folder):
    return sorted((path, os.lstat(os.path.join(path, f)).st_mtime_ns, f)
                  for path, folders, files in os.walk(folder) for f in folders + files)


class Base:
    """A base folder, a folder over there with two checkpoints and a file, and what doctor says."""

    def __init__(self):
        self.dir = os.path.join(SCRATCH.name, "base")
        self.far = os.path.join(SCRATCH.name, "far away")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.far, ignore_errors=True)
        os.makedirs(self.dir)
        for step in (1, 2):
            shutil.copytree(MODEL, f"{self.far}/checkpoint-{step}")
        os.makedirs(self.far + "/logs")

    def configure(self, **sections):
        with open(self.dir + "/proctor.yaml", "w", encoding="utf-8") as f:
            json.dump(sections, f)  # which is YAML

    def sync(self, port=None, key="key", known=None, **more):
        options = [o for o in SERVER.options(port, key) if "=" in o and not (known and o.startswith("User"))]
        if known:
            options.append("UserKnownHostsFile=" + known)
        self.configure(sync={"remote_host": "127.0.0.1", "remote_user": getpass.getuser(), "remote_port": port or SERVER.port,
                             "remote_dir": self.far, "ssh_options": options, "reserve_gb": 0, **more})

    def said(self, name, env=None):
        """[(level, text, remedy)] of a check."""
        before, began = (snapshot(self.dir), snapshot(self.far)), time.monotonic()
        report = proctor("doctor", "--json", "--base-dir", self.dir, status=None, env=env).row()
        seconds = time.monotonic() - began
        assert seconds < PATIENCE, f"doctor takes {seconds:.1f} s"
        assert (snapshot(self.dir), snapshot(self.far)) == before, "doctor changed something"
        return [(c["level"], c["text"], c["remedy"]) for c in report["checks"] if c["name"] == name]

    def finds(self, name, level, *words, env=None):
        said = self.said(name, env)
        found = [s for s in said if s[0] == level and all(w in s[1] for w in words)]
        assert found, f"no {level} of '{name}' with {words} in {said}"
        assert level in ("ok", "note") or found[0][2], found
        return found[0]


def need_sshd():
    if not SERVER:
        raise Skipped("%s is not installed here" % sshd.missing())


def test_a_host_that_answers_is_listed():
    need_sshd()
    b = Base()
    b.sync()
    b.finds("sync", "ok", "127.0.0.1:" + b.far + " holds 2 checkpoints")
    assert {s[0] for s in b.said("sync")} == {"ok"}
    b.sync(push=True)
    b.finds("sync", "ok", "holds 2 checkpoints")
    free = os.statvfs(b.far)
    said = b.finds("sync", "ok", f"GB are free at {getpass.getuser()}@127.0.0.1:{b.far}; 0.0 stay so")[1]
    assert abs(float(said.split()[0]) - free.f_bavail * free.f_frsize / 1e9) < 5, said
    b.finds("sync", "warning", "whose checkpoints are to be pushed, is not there")


def test_why_a_host_does_not_give_its_checkpoints():
    need_sshd()
    b = Base()
    b.sync(key="stranger")
    assert "ssh" in b.finds("sync", "error", "the login is refused")[2]
    b.sync(known="/dev/null")
    b.finds("sync", "error", "its host key is not known")
    other = os.path.join(SCRATCH.name, "others")
    with open(other, "w", encoding="ascii") as f:
        f.write(f"[127.0.0.1]:{SERVER.port} {SERVER.other_host_key}")
    b.sync(known=other)
    b.finds("sync", "error", "its host key is not the one in known_hosts")
    b.sync(remote_dir=b.far + "/nowhere")
    assert "sync.remote_dir" in b.finds("sync", "error", "there is no such folder there")[2]
    b.sync(port=sshd.free_port())
    b.finds("sync", "warning", "nothing listens there")


def test_a_host_that_says_nothing_does_not_keep_doctor():
    need_sshd()
    b = Base()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        b.sync(port=silent.getsockname()[1])
        b.finds("sync", "warning", "127.0.0.1")


def test_a_program_that_is_not_here():
    need_sshd()
    b = Base()
    b.sync()
    some = os.path.join(SCRATCH.name, "bin")
    os.makedirs(some)
    os.symlink(shutil.which("ssh"), some + "/ssh")
    b.finds("sync", "error", "rsync is not installed here", env={"PATH": some})
    os.unlink(some + "/ssh")
    b.finds("sync", "error", "ssh is not installed here", env={"PATH": some})


def test_a_server_that_answers_is_named_and_healthy():
    b = Base()
    model = b.far + "/checkpoint-1"
    with Server(model, "--base-dir", b.dir) as s:
        b.configure(serve={"target": model, "port": s.port},
                    deploy={"target": b.dir + "/deployed", "driver": "proctor", "url": f"http://127.0.0.1:{s.port}"})
        fingerprint = s.ask("/health")["fingerprint"]
        b.finds("serve", "ok", f"http://127.0.0.1:{s.port} answers", "checkpoint-1", fingerprint[:16])
        b.finds("serve", "ok", "is a checkpoint that opens")
        b.finds("serve", "ok", "another one fits beside it")
        b.finds("deployment", "ok", "the server is healthy")
    b.finds("serve", "ok", f"nothing serves now; port {s.port}")
    assert "start it" in b.finds("deployment", "warning", "the server is not healthy now")[2]


def test_a_port_that_another_program_has():
    b = Base()
    with socket.create_server(("127.0.0.1", 0)) as other:
        def hang_up():
            while True:
                try:
                    other.accept()[0].close()
                except OSError:
                    return
        threading.Thread(target=hang_up, daemon=True).start()
        port = other.getsockname()[1]
        b.configure(serve={"target": b.far + "/checkpoint-1", "port": port})
        assert "serve.port" in b.finds("serve", "error", f"port {port} at 127.0.0.1 is in use")[2]
        other.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    try:
        harness.run(globals())
    finally:
        if SERVER:
            SERVER.stop()
        SCRATCH.cleanup()
        sys.stdout.flush()
