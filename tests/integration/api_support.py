"""What the tests of the API share: a server of this build on a base folder, requests as a client sends
them, and a validator for the schemas of openapi.json."""
import gzip
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from urllib.parse import urlsplit

from harness import PROCTOR


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        def refuse(word):
            raise AssertionError("not JSON: " + word)
        body = gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body
        return json.loads(body, parse_constant=refuse)

    def error(self):
        return self.json()["error"]


class Server:
    """`proctor api` on free ports, until the end of a with."""

    def __init__(self, base, *args, yaml=None):
        self.base = base
        if yaml is not None:
            with open(os.path.join(base, "proctor.yaml"), "w") as f:
                f.write(yaml)
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [PROCTOR, "api", "--base-dir", base, "--port", "0", "--page-port", "0", *args],
            stderr=self.errors, stdin=subprocess.DEVNULL)
        path = os.path.join(base, "status", "api.json")
        end = time.monotonic() + 60
        while not os.path.exists(path):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, "the server does not come up: " + self.said()
            time.sleep(0.01)
        with open(path) as f:
            self.note = json.load(f)
        self.host, self.port = "127.0.0.1", urlsplit(self.note["api_url"]).port
        self.page_port = urlsplit(self.note["page_url"]).port

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        said = self.said()
        self.errors.close()
        assert status == 0, "status %d: %s" % (status, said)

    def token(self):
        with open(os.path.join(self.base, "api.token")) as f:
            return f.read().strip()

    def ask(self, path, method="GET", headers=None, body=None, port=None, tls=None):
        make = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        extra = {"context": tls} if tls else {}
        c = make(self.host, port or self.port, timeout=60, **extra)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def post(self, path, body, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.ask(path, "POST", {"Content-Type": "application/json", **headers},
                        body if isinstance(body, (bytes, str)) else json.dumps(body))

    def raw(self, data, timeout=30):
        """Bytes as they are; what comes back until the server closes."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as s:
            s.sendall(data)
            out = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return out
                out += part

    def until(self, what, test, seconds=60):
        end = time.monotonic() + seconds
        while True:
            found = test()
            if found:
                return found
            assert time.monotonic() < end, "not within %d s: %s" % (seconds, what)
            time.sleep(0.02)


class Stream:
    """Events as they come: (id, event, data)."""

    def __init__(self, server, last=None, headers=None):
        self.socket = socket.create_connection((server.host, server.port), timeout=60)
        lines = ["GET /api/events HTTP/1.1", "Host: localhost"]
        if last:
            lines.append("Last-Event-ID: " + last)
        for key, value in (headers or {}).items():
            lines.append("%s: %s" % (key, value))
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.rest = b""

    def chunk(self):
        line = self.file.readline()
        if not line:
            return False
        n = int(line, 16)
        self.rest += self.file.read(n)
        self.file.readline()
        return n > 0

    def next(self):
        """The next event; None at the end of the stream."""
        while b"\n\n" not in self.rest:
            if not self.chunk():
                return None
        block, self.rest = self.rest.split(b"\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.decode().split("\n")
                      if not line.startswith(":") and line)
        if "event" not in fields:
            return self.next()
        return fields.get("id"), fields["event"], json.loads(fields["data"])

    def close(self):
        self.file.close()
        self.socket.close()


def commit(base, text="made by a test"):
    """Changes the gradebook as its owner would; nobody may own it now."""
    db = sqlite3.connect(os.path.join(base, "proctor.db"), timeout=30)
    with db:
        db.execute("INSERT INTO alerts(system, key, level, text, raised_ms) VALUES('test', ?, 1, ?, 1000)",
                   (text, text))
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'revision'").fetchone():
            db.execute("UPDATE revision SET n = n + 1")
    db.close()


# ---- schemas ----

TYPES = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check(value, schema, whole, where="$"):
    """Raises where value breaks the schema: what openapi.json uses of JSON Schema."""
    unknown = set(schema) - {"$ref", "allOf", "anyOf", "oneOf", "type", "const", "enum", "required",
                             "properties", "additionalProperties", "items", "format", "description",
                             "minimum", "maximum", "maxLength", "default", "pattern"}
    assert not unknown, "%s: the validator knows no %s" % (where, unknown)
    if "$ref" in schema:
        name = re.fullmatch(r"#/components/schemas/(\w+)", schema["$ref"]).group(1)
        check(value, whole["components"]["schemas"][name], whole, where)
    for part in schema.get("allOf", []):
        check(value, part, whole, where)
    some = schema.get("anyOf") or schema.get("oneOf")
    if some:
        problems = []
        for part in some:
            try:
                check(value, part, whole, where)
                break
            except AssertionError as e:
                problems.append(str(e))
        else:
            raise AssertionError("%s: fits none: %s" % (where, problems))
    kinds = schema.get("type")
    if kinds:
        kinds = kinds if isinstance(kinds, list) else [kinds]
        assert any(is_type(value, k) for k in kinds), "%s: %r is no %s" % (where, value, kinds)
    if "const" in schema:
        assert value == schema["const"], "%s: %r" % (where, value)
    if "enum" in schema:
        assert value in schema["enum"], "%s: %r is none of %s" % (where, value, schema["enum"])
    if isinstance(value, dict):
        for name in schema.get("required", []):
            assert name in value, "%s.%s is missing" % (where, name)
        members = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for name, x in value.items():
            if name in members:
                check(x, members[name], whole, where + "." + name)
            elif isinstance(more, dict):
                check(x, more, whole, where + "." + name)
            else:
                assert more, "%s.%s is not known" % (where, name)
    if isinstance(value, list) and "items" in schema:
        for i, x in enumerate(value):
            check(x, schema["items"], whole, "%s[%d]" % (where, i))
