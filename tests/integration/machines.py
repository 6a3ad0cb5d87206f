"""A base folder with its owner (`proctor run`) and its API (`proctor api`), each started and ended apart."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from harness import PROCTOR, scratch


def free_port():
    """A port that nobody listens at now; for a machine that is to come back at the same one."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Machine:
    def __init__(self, yaml="", env=None, base=None):
        self.own = None if base else scratch()
        self.base = base or self.own.name
        self.env = {**os.environ, "PROCTOR_NVML": "/nowhere/libnvidia-ml.so.1", **(env or {})}
        self.owner = self.api = None
        self.url = None
        os.makedirs(os.path.join(self.base, "models", "current_model"), exist_ok=True)
        with open(os.path.join(self.base, "proctor.yaml"), "w") as f:
            f.write("api: {enabled: false}\nmachine: {disabled: [curriculum-optimizer, data-generation]}\n" + yaml)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in (self.api, self.owner):
            if p and p.poll() is None:
                p.send_signal(signal.SIGTERM)
                p.wait(60)
        if self.own:
            self.own.cleanup()

    def _start(self, name, *args):
        with open(os.path.join(self.base, name + ".err"), "ab") as log:
            return subprocess.Popen([PROCTOR, name, "--base-dir", self.base, *map(str, args)], env=self.env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)

    def start_owner(self):
        self.owner = self._start("run")
        until("an owner", lambda: os.path.exists(os.path.join(self.base, "proctor.sock")), self.owner)
        return self

    def start_api(self, port=0):
        note = os.path.join(self.base, "status", "api.json")
        if os.path.exists(note):
            os.unlink(note)
        self.api = self._start("api", "--port", port, "--page-port", 0)
        until("status/api.json", lambda: os.path.exists(note), self.api)
        with open(note) as f:
            self.url = json.load(f)["api_url"].rstrip("/")
        return self

    def kill(self, what):
        process = getattr(self, what)
        process.kill()
        process.wait(60)

    def text(self, path, status=200):
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                assert answer.status == status, answer.status
                return answer.read().decode(), answer.headers
        except urllib.error.HTTPError as e:
            assert e.code == status, "%s: %d %s" % (path, e.code, e.read())
            return e.read().decode(), e.headers

    def get(self, path, status=200):
        def refuse(word):
            raise AssertionError("not JSON: " + word)
        return json.loads(self.text(path, status)[0], parse_constant=refuse)

    def said(self, name):
        with open(os.path.join(self.base, name + ".err")) as f:
            return f.read()


def until(what, test, process=None, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = test()
        if found:
            return found
        assert process is None or process.poll() is None, "it ended while waiting for " + what
        assert time.monotonic() < end, "not within %d s: %s" % (seconds, what)
        time.sleep(0.05)
