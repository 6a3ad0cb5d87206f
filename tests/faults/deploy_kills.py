"""A deployment is killed (SIGKILL) at every named moment and at random ones, is gone on with by the next
start, and all the while somebody looks: at every moment the target is one whole version, its fingerprint
known, and the server never has anything else.

    deploy_kills.py [--kills N] [--each M] [--seed S]

N kills in all; each named moment is hit at least M times.  The moments that were hit are printed.  Both
kinds of target are under test, a symbolic link and a real folder, and so are deployments that succeed, ones that
are rolled back because the server refuses them, and going back by hand to the user's own folder, which is
never lost."""
import argparse
import collections
import hashlib
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from watchbase import PROCTOR, RUN_A, strict

NAMES = ["checkpoint-1574", "checkpoint-2886", "checkpoint-2926", "checkpoint-4500"]
BAD = "checkpoint-4500"  # where the server is told to refuse it
WANTED = ["config.json", "model.safetensors", "tokenizer.json"]
# In which deployments a moment comes by: of a folder, of a bad checkpoint.
MADE = {"deploy.copying", "deploy.whole"}  # where a version is made
ONLY = {"deploy.tidied": "folder", "deploy.undoing": "bad", "deploy.undone": "bad"}


def digest(folder, dir_fd=None):
    """Of what must belong together, read from one opened folder."""
    h = hashlib.sha256()
    for name in WANTED:
        fd = os.open(name if dir_fd is not None else os.path.join(folder, name), os.O_RDONLY,
                     dir_fd=dir_fd)
        with os.fdopen(fd, "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def source(name):
    return os.path.join(RUN_A, "checkpoints", name)


KNOWN = {digest(source(name)): name for name in NAMES}


class Target:
    def __init__(self, top, kind):
        self.top, self.kind = top, kind
        self.base, self.path = os.path.join(top, "base"), os.path.join(top, "llm", "tiny")
        os.makedirs(self.base)
        os.makedirs(os.path.dirname(self.path))
        if kind == "folder":
            shutil.copytree(source(NAMES[0]), self.path)
            self.inode = os.stat(self.path).st_ino
        self.refuses, self.served, self.wrong, self.looks = None, None, [], 0
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        with open(os.path.join(self.base, "proctor.yaml"), "w", encoding="utf-8") as f:
            url = "http://127.0.0.1:%d" % self.http.server_port
            f.write("deploy: {target: %s, driver: http, url: '%s', http_url: '%s/reload', "
                    "http_body: '{\"path\": \"{path}\"}', timeout_seconds: 1, keep_versions: 1}\n" % (
                        self.path, url, url))
        self.ended = False
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def handler(target):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *a):
                pass

            def say(self, status):
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")
                except OSError:  # who asked was killed
                    self.close_connection = True

            def do_GET(self):
                self.say(200)

            def do_POST(self):
                path = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["path"]
                name = target.look(path)
                if name == target.refuses:
                    return self.say(500)
                target.served = name
                self.say(200)
        return Handler

    def look(self, path=None):
        """Which version the target is; None: there is none yet.  A folder that is open keeps its inode,
        so what is read of it belongs together whatever happens to the name."""
        for _ in range(20):
            try:
                fd = os.open(path or self.path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                if os.path.lexists(path or self.path):
                    raise AssertionError("the target is a link to nothing")
                return None
            try:
                return KNOWN[digest(None, fd)]
            except FileNotFoundError:
                # Was removed as an old version since: then the target is another one by now.
                now = os.stat(path or self.path)
                assert now.st_ino != os.fstat(fd).st_ino, "the target is half"
            finally:
                os.close(fd)
        raise AssertionError("could not be looked at")

    def watch(self):
        while not self.ended:
            try:
                name = self.look()
                assert name or (self.kind == "link" and self.first), "the target is gone"
                self.looks += 1
            except Exception:
                self.wrong.append(traceback.format_exc())
            time.sleep(0.02)

    first = True  # nothing was ever deployed to a link: it may go away again

    def run(self, *args, fault=None, log=None):
        env = {**os.environ, "XDG_CACHE_HOME": os.path.join(self.top, "cache")}
        env.pop("PROCTOR_FAULT", None)
        if fault:
            env.update(PROCTOR_FAULT=fault, PROCTOR_FAULT_LOG=log)
        return subprocess.Popen([PROCTOR, *args, "--base-dir", self.base], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def own(self):
        """The name among the versions of the folder that was there at first; None: it is none of them."""
        versions = self.path + ".versions"
        if self.kind == "folder" and os.path.isdir(versions):
            for name in os.listdir(versions):
                if os.stat(os.path.join(versions, name)).st_ino == self.inode:
                    return name
        return None

    def deploy(self, name, **more):
        return self.run("deploy", source(name), "--force", **more)

    def status(self):
        out, err = self.run("deploy", "--list", "--json").communicate(timeout=60)
        return strict(out.decode())

    def close(self):
        self.ended = True
        self.watcher.join()
        self.http.shutdown()
        self.http.server_close()


def settle(t, rng, refuses):
    """The next start finishes what was under way; afterwards all that is said is true."""
    t.refuses = refuses
    want = rng.choice([n for n in NAMES if n not in (BAD, refuses)])
    p = t.deploy(want)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0, err.decode()
    assert t.look() == want, (t.look(), want)
    if rng.random() < 0.25:
        doc = t.status()
        assert doc["under_way"] is None and doc["checkpoint"] in (want, None), doc
    # The server was told of it, unless it was the very folder that was there at first.
    assert t.served in (want, None), (t.served, want)
    assert t.kind == "link" or t.own() or os.stat(t.path).st_ino == t.inode, "the first folder is lost"
    t.first = False
    names = os.listdir(t.path + ".versions")
    left = [n for n in names if n.startswith((".copying", ".gone"))]
    assert not left or "already" in out.decode(), names
    assert len([n for n in names if n.startswith("checkpoint-")]) <= 4, names


def one_kill(t, point, nth, rng, log):
    bad = ONLY.get(point) == "bad" or (point == "random" and rng.random() < 0.3)
    was, own = t.look(), t.own()
    back = own and point not in MADE and rng.random() < 0.6
    t.refuses = None if not bad else NAMES[0] if back else BAD
    others = [n for n in NAMES if n != was and (n != BAD or bad)]
    name = NAMES[0] if back else BAD if bad else rng.choice(others)
    if name == was and not back:
        settle(t, rng, None)
    fault = None if point == "random" else "%s:%d:daemon" % (point, nth)
    p = t.run("rollback", own, fault=fault, log=log) if back else t.deploy(name, fault=fault, log=log)
    if point == "random":
        time.sleep(rng.uniform(0, 0.06))
        p.kill()
    out, err = p.communicate(timeout=60)
    hit = p.returncode == -signal.SIGKILL
    assert hit or p.returncode == (1 if bad else 0), (point, p.returncode, err.decode())
    now = t.look()
    assert now in (was, name), (was, now, name)
    settle(t, rng, rng.choice([None, name if bad else BAD]))
    return hit


def points():
    out = subprocess.run([PROCTOR, "--fault-points"], stdout=subprocess.PIPE, check=True)
    return [p for p in out.stdout.decode().split() if p.startswith("deploy.")]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kills", type=int, default=int(os.environ.get("PROCTOR_DEPLOY_KILLS", "40")))
    p.add_argument("--each", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    rng = random.Random(a.seed)
    kills = [point for point in points() for _ in range(a.each)]
    kills += ["random"] * max(0, a.kills - len(kills))
    rng.shuffle(kills)
    hits, failed, looks = collections.Counter(), [], 0
    with tempfile.TemporaryDirectory(prefix="proctor-deploy-kills-") as top:
        targets = {}
        for kind in ("link", "folder"):
            os.makedirs(os.path.join(top, kind))
            targets[kind] = Target(os.path.join(top, kind), kind)
        tries = 0
        while kills and not failed:
            point = kills.pop()
            kind = ONLY.get(point) if ONLY.get(point) in targets else rng.choice(sorted(targets))
            t = targets[kind]
            nth = rng.randrange(1, 5) if point == "deploy.copying" else 1
            try:
                if one_kill(t, point, nth, rng, os.path.join(top, "fault.log")):
                    hits[point] += 1
                else:
                    tries += 1
                    if tries < 3 * a.kills:
                        kills.insert(0, point)
            except Exception:
                failed.append("%s of a %s\n%s" % (point, kind, traceback.format_exc()))
        for t in targets.values():
            t.close()
            looks += t.looks
            failed += t.wrong[:2]
    for name in sorted(hits):
        print("%4d kills: %s" % (hits[name], name))
    never = [n for n in points() if hits[n] < a.each]
    print("%d kills, %d failures; the target was whole whenever looked at: %d times" % (
        sum(hits.values()), len(failed), looks))
    for text in failed[:5]:
        print(text)
    if never:
        print("not reached as often as asked: " + ", ".join(never))
    return 1 if failed or never or not looks or sum(hits.values()) < a.kills else 0


if __name__ == "__main__":
    sys.exit(main())
