"""What the tests of deploying share: a target, and a real server that is driven.

The server is a small one in Python.  It serves what the target holds: on POST /reload it reads the
folder anew, and its answers are the engine's own for that folder.  It can be told to start badly and to
answer wrongly."""
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import threading
import time

from cli_run import base
from harness import RUN_A, proctor, scratch

GOOD, BETTER = "checkpoint-2886", "checkpoint-4500"


class Served:
    """What the server has in its memory: the files of the target as it read them."""

    def __init__(self, target):
        self.folder = os.path.realpath(target)
        self.copy = scratch()
        shutil.copytree(self.folder, self.copy.name, dirs_exist_ok=True)


class Server:
    def __init__(self, target):
        self.target, self.served, self.bad = target, None, None
        self.reads, self.reloads, self.questions = Served, [], 0
        self.documents, self.tokens = {}, set()
        self.gets, self.posts = {}, {}  # path: function, of a body for a POST, to (status, document)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *a):
                pass

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path in outer.gets:
                    return self.answer(*outer.gets[self.path]())
                if self.path in outer.documents:
                    outer.tokens.add(self.headers["Authorization"])
                    return self.answer(200, outer.documents[self.path])
                ok = outer.served is not None and outer.bad != "starts badly"
                self.answer(200 if ok else 503, {"status": "ok" if ok else "loading"})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
                if self.path in outer.posts:
                    return self.answer(*outer.posts[self.path](body))
                if self.path == "/reload":
                    outer.reloads.append(body)
                    outer.served = outer.reads(body["path"])
                    return self.answer(200, {"success": True})
                outer.questions += 1
                asked = [{"messages": body["messages"]} if "messages" in body else
                         {"prompt": body["prompt"]}]
                assert body["temperature"] == 0
                row = proctor("complete", outer.served.copy.name, "--max-new-tokens",
                              body["max_tokens"], input=asked).row()
                text = "no" + row["text"] if outer.bad == "answers wrongly" else row["text"]
                choice = {"message": {"content": text}} if "messages" in body else {"text": text}
                self.answer(200, {"choices": [choice]})

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def weights(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def original(name):
    return os.path.join(RUN_A, "checkpoints", name)


EVAL = "eval: {max_new_tokens: 24}\n"


@contextlib.contextmanager
def world(graded=None, extra=""):
    """A copy of a base folder that was graded, or a fresh one; a target, a server."""
    with scratch() as top:
        folder = os.path.join(top, "base")
        if graded:
            shutil.copytree(graded, folder)
        else:
            base(folder, (GOOD, BETTER))
        target = os.path.join(top, "llm", "tiny")
        os.makedirs(os.path.dirname(target))
        server = Server(target)
        with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
            f.write(EVAL + "deploy:\n  target: %s\n  driver: http\n  url: %s\n  http_url: %s/reload\n"
                    "  http_body: '{\"path\": \"{path}\"}'\n  timeout_seconds: 1\n"
                    "  probe_questions: 2\n  probe_tokens: 24\n%s" % (
                        target, server.url, server.url, extra))
        try:
            yield folder, target, server
        finally:
            server.close()


def deploy(folder, name, status=0, *more):
    return proctor("deploy", os.path.join(folder, "models/current_model", name), "--force", *more,
                   "--base-dir", folder, status=status)


def status_of(folder):
    return proctor("deploy", "--list", "--json", "--base-dir", folder).row()
