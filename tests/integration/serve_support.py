"""What the tests of `proctor serve` share: a server of this build, requests, and what its models give
alone."""
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from urllib.parse import urlsplit

import harness
from harness import PROCTOR, proctor

JSON = {"Content-Type": "application/json"}


class Server:
    """`proctor serve` on a free port, until the end of a with."""

    def __init__(self, folder, *args, program=PROCTOR, env=None):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [program, "serve", folder, "--port", "0", *map(str, args)], stderr=self.errors,
            stdin=subprocess.DEVNULL, env={**os.environ, "XDG_CACHE_HOME": harness.CACHE.name, **(env or {})})
        end = time.monotonic() + 60
        while not (at := re.search(r" at (https?://\S+?/v1)", self.said())):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, "the server does not come up: " + self.said()
            time.sleep(0.02)
        self.url = at.group(1)
        self.host, self.port = urlsplit(self.url).hostname, urlsplit(self.url).port

    def said(self):
        size = os.fstat(self.errors.fileno()).st_size
        return os.pread(self.errors.fileno(), size, 0).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        said = self.said()
        self.errors.close()
        assert status == 0, "status %d: %s" % (status, said)

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def ask(self, path, body=None, status=200, connection=None, headers=None):
        """The answer's document; GET without a body."""
        c = connection or self.connect()
        try:
            c.request("GET" if body is None else "POST", path, headers={**JSON, **(headers or {})},
                      body=None if body is None else json.dumps(body))
            r = c.getresponse()
            text = r.read().decode()
            assert r.status == status, "%d: %s" % (r.status, text)
            return json.loads(text) if "json" in r.headers["Content-Type"] else text
        finally:
            if not connection:
                c.close()

    def metric(self, name):
        found = re.search(r"^proctor_serve_%s ([0-9.e+]+)$" % name, self.ask("/metrics"), re.M)
        return float(found.group(1))

    def until(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "not within %d s: %s\n%s" % (seconds, what, self.said())
            time.sleep(0.02)


def alone(folder, prompts, max_tokens):
    """What `proctor complete` gives to each prompt: {"text","finish"}."""
    return proctor("complete", folder, "--max-new-tokens=%d" % max_tokens, "--quiet",
                   input=[{"prompt": p} for p in prompts]).rows()


def fingerprint(folder):
    return proctor("inspect", folder, "--json").row()["fingerprint"]
