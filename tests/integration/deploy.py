"""Deployment, by the real program to a real server: the best checkpoint is served, a bad one never.

The server is a small one in Python.  It serves what the target holds: on POST /reload it reads the
folder anew, and its answers are the engine's own for that folder.  It can be told to start badly and to
answer wrongly."""
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import sqlite3
import threading
import time

import harness
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
                ok = outer.served is not None and outer.bad != "starts badly"
                self.answer(200 if ok else 503, {"status": "ok" if ok else "loading"})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
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


TOP = scratch()
GRADED = base(os.path.join(TOP.name, "base"), (GOOD, BETTER), 60)
EVAL = "eval: {max_new_tokens: 24}\n"
with open(os.path.join(GRADED, "proctor.yaml"), "a", encoding="utf-8") as f:
    f.write(EVAL)
proctor("model-comparison", "--base-dir", GRADED, "--once", "--quiet")
proctor("regression-monitor", "--base-dir", GRADED, "--once", "--quiet")


@contextlib.contextmanager
def world(link=True, extra=""):
    """A copy of the graded base folder, a target, a server."""
    with scratch() as top:
        folder = os.path.join(top, "base")
        shutil.copytree(GRADED, folder)
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


def test_a_checkpoint_is_served_and_its_answers_are_those_of_the_engine():
    with world() as (folder, target, server):
        done = deploy(folder, GOOD)
        assert "is served at " + target in done.out, done.out
        assert os.path.islink(target) and weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD))
        assert server.questions == 2 and len(server.reloads) == 1
        doc = status_of(folder)
        assert doc["checkpoint"] == GOOD and doc["success"] is True
        assert doc["probe"]["asked"] == 2 and doc["probe"]["agreed"] == 2, doc["probe"]
        assert "already" in deploy(folder, GOOD).out


def test_wrong_answers_are_rolled_back_and_the_old_version_is_served_again():
    with world() as (folder, target, server):
        deploy(folder, GOOD)
        server.bad = "answers wrongly"
        begun = time.monotonic()
        done = deploy(folder, BETTER, status=1)
        assert time.monotonic() - begun < 10
        assert "rolled back" in done.err and "0 of 2 answers" in done.err, done.err
        assert weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD)), "the server was told"
        doc = status_of(folder)
        assert doc["checkpoint"] == GOOD and doc["success"] is False
        assert doc["history"][0]["step"] == "rolled_back" and doc["history"][0]["rollback_seconds"] < 10
        assert [x["agrees"] for x in doc["history"][0]["probe"]["questions"]] == [False, False]
        assert not [v for v in doc["versions"] if v["checkpoint"] == BETTER], doc["versions"]
        assert deploy(folder, BETTER, status=1)
        server.bad = None
        deploy(folder, BETTER)
        assert weights(target) == weights(original(BETTER))


def test_a_server_that_starts_badly_is_rolled_back():
    with world() as (folder, target, server):
        deploy(folder, GOOD)

        # The new version keeps it from starting, the old one does not.
        class Picky(Served):
            def __init__(self, path):
                super().__init__(path)
                server.bad = "starts badly" if BETTER in self.folder else None
        server.reads = Picky
        begun = time.monotonic()
        done = deploy(folder, BETTER, status=1)
        assert time.monotonic() - begun < 10
        assert "not healthy after 1 s" in done.err and "rolled back" in done.err, done.err
        assert weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD))


def test_the_first_deployment_that_fails_leaves_nothing_behind():
    with world() as (folder, target, server):
        server.bad = "answers wrongly"
        deploy(folder, GOOD, status=1)
        assert not os.path.lexists(target)
        assert status_of(folder)["checkpoint"] is None


def test_a_real_folder_is_exchanged_and_becomes_a_version_of_its_own():
    with world() as (folder, target, server):
        shutil.copytree(original("checkpoint-1574"), target)
        with open(os.path.join(target, "notes.txt"), "w") as f:
            f.write("mine")
        inode = os.stat(target).st_ino
        deploy(folder, GOOD)
        assert not os.path.islink(target) and weights(target) == weights(original(GOOD))
        versions = target + ".versions"
        own = [n for n in os.listdir(versions) if os.path.exists(os.path.join(versions, n, "notes.txt"))]
        assert len(own) == 1 and os.stat(os.path.join(versions, own[0])).st_ino == inode
        deploy(folder, BETTER)
        assert weights(target) == weights(original(BETTER))
        proctor("rollback", "--base-dir", folder)
        assert weights(target) == weights(original(GOOD))
        proctor("rollback", own[0], "--base-dir", folder)
        assert os.stat(target).st_ino == inode and os.path.exists(os.path.join(target, "notes.txt"))
        kept = status_of(folder)["versions"]
        assert sorted(v["checkpoint"] for v in kept) == sorted([GOOD, BETTER]), kept


def test_a_link_of_the_users_own_is_gone_back_to():
    with world() as (folder, target, server):
        os.symlink(original("checkpoint-1574"), target)
        deploy(folder, GOOD)
        proctor("rollback", "--base-dir", folder)
        assert os.readlink(target) == original("checkpoint-1574")
        assert weights(server.served.copy.name) == weights(original("checkpoint-1574"))


def test_the_gate_holds_what_it_must_and_says_why():
    with world() as (folder, target, server):
        held = proctor("deploy", GOOD, "--dry-run", "--json", "--base-dir", folder, status=1).row()
        assert held["verdict"] == "hold" and "not " + GOOD in held["why"], held["why"]
        few = proctor("deploy", BETTER, "--base-dir", folder, status=1)
        assert "deploy.min_examples is 50" in few.err, few.err
        assert not os.path.lexists(target) and not server.reloads


def test_the_system_deploys_the_best_one_and_holds_it_afterwards():
    with world(extra="  min_examples: 5\n") as (folder, target, server):
        row = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder).row()
        assert row["state"] == "ok", row
        assert row["checkpoint"] == BETTER and row["success"] is True, row
        assert isinstance(row["score"], float) and row["deployed_at"]
        assert weights(target) == weights(original(BETTER))
        assert row["probe"]["agreed"] == 2
        again = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder).row()
        assert again["checkpoint"] == BETTER and len(server.reloads) == 1
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "proctor.db"))) as db:
            made = db.execute("SELECT verdict FROM decisions WHERE kind = 'deployment'").fetchall()
        assert made == [("deployed",)], made


def test_without_a_target_it_says_what_to_set():
    with scratch() as top:
        folder = base(os.path.join(top, "base"), ())
        row = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder,
                      status=None).row()
        assert row["state"] == "waiting" and "deploy.target" in row["state_reason"], row
        assert proctor("deploy", "x", "--base-dir", folder, status=2)


harness.run(globals())
