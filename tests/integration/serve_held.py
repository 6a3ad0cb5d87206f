"""proctor serve while something else is half done: a pass or a load, held at a named moment (tests/faults) until the test
lets it go on, so that what happens meanwhile is a matter of order and not of time; or its folder, written over in place."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import harness
from harness import MODELS
from serve_support import JSON, Server, alone, fingerprint

FAULTS = os.environ.get("PROCTOR_FAULTS", os.path.join(harness.ROOT, "build", "tests", "faults", "proctor_faults"))
TINY = os.path.join(MODELS, "qwen3-tiny")
OTHER = os.path.join(MODELS, "qwen3-tiny-untied")
OLD, NEW = (os.path.join(harness.RUN_A, "checkpoints", "checkpoint-%d" % n) for n in (1574, 4500))
LONG = {"model": "default", "prompt": "Once", "n": 16, "max_tokens": 900, "temperature": 1, "seed": 3}


class Held:
    """The moment: `env` for the program, `reached`, and `go` to let it go on."""

    def __init__(self, base, point, count=1):
        self.log, self.file = os.path.join(base, "held"), os.path.join(base, "go")
        self.env = {"PROCTOR_FAULT": "%s:%d:daemon" % (point, count), "PROCTOR_FAULT_LOG": self.log,
                    "PROCTOR_FAULT_HOLD": self.file}

    def reached(self):
        return os.path.exists(self.log) and os.path.getsize(self.log) > 0

    def go(self):
        open(self.file, "w").close()


@contextlib.contextmanager
def held(point, count=1):
    with harness.scratch() as base:
        moment = Held(base, point, count)
        try:
            yield moment
        finally:
            moment.go()


def test_who_goes_away_during_a_pass_holds_up_nobody():
    gone = 'proctor_serve_requests_total{route="/v1/completions",status="499"} 6\n'
    with held("serve.pass", 3) as moment, Server(TINY, program=FAULTS, env=moment.env) as s:
        try:
            clients = [s.connect() for _ in range(6)]  # both threads that serve have some of them
            for c in clients:
                c.request("POST", "/v1/completions", headers=JSON, body=json.dumps(LONG))
            s.until("the pass", moment.reached)
            s.until("all of them", lambda: s.metric("answers") == 6 * 16)
            for c in clients:
                c.close()
            s.until("that they are gone", lambda: gone in s.ask("/metrics"))
            for _ in range(4):
                assert s.ask("/health")["status"] == "ok"
            assert s.metric("answers") == 6 * 16  # the pass still goes on
        finally:
            moment.go()
        s.until("what they wanted is let go", lambda: s.metric("answers") == 0)


def panels(folder):
    """How many panels of 64 outputs its matrices are packed into; the embedding is the head's where there is none."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
    header.pop("__metadata__", None)
    head = "lm_head.weight" in header
    return sum(-(-t["shape"][0] // 64) for name, t in header.items()
               if len(t["shape"]) == 2 and not (head and "embed_tokens" in name))


def was_delivered(pid):
    """Has SIGTERM, which was sent, come to a thread of it?"""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        pending = [line.split()[1] for line in f if line.startswith("ShdPnd:")][0]
    return not int(pending, 16) >> (signal.SIGTERM - 1) & 1


def test_a_start_that_is_told_to_end_while_it_loads_never_serves():
    for point in ("load.hashed", "load.packed"):
        with held(point, 2) as moment, tempfile.TemporaryFile() as errors, harness.scratch() as cache:
            p = subprocess.Popen([FAULTS, "serve", TINY, "--port", "0"], stderr=errors,
                                 env={**os.environ, "XDG_CACHE_HOME": cache, **moment.env})
            try:
                end = time.monotonic() + 60
                while not moment.reached():
                    assert time.monotonic() < end and p.poll() is None
                    time.sleep(0.01)
                p.send_signal(signal.SIGTERM)
                while not was_delivered(p.pid):
                    assert time.monotonic() < end
                    time.sleep(0.01)
                moment.go()
                assert p.wait(30) == 130
                errors.seek(0)
                said = errors.read().decode()
                assert "told to stop" in said and "http://" not in said, said
            finally:
                p.kill()
                p.wait()


def is_ending(s):
    try:
        s.ask("/health", status=503)
    except OSError:  # it takes no connection any more
        return True
    except AssertionError:
        return False
    return True


def end_in_a_swap(begin, check, noticed=lambda s: was_delivered(s.process.pid)):
    """SIGTERM at the first panel of the second checkpoint.  The thread that is told of it may be the one that is held."""
    with held("load.packed", panels(TINY) + 1) as moment, harness.scratch() as base:
        link = os.path.join(base, "deployed")
        os.symlink(TINY, link)
        with Server(link, "--watch", program=FAULTS, env=moment.env) as s:
            begin(s, link)
            s.until("the load", moment.reached)
            assert s.ask("/health")["fingerprint"] == fingerprint(TINY)
            s.process.send_signal(signal.SIGTERM)
            s.until("SIGTERM was noticed", lambda: noticed(s))
            moment.go()
            assert s.process.wait(30) == 0
            assert "is served now" not in s.said() and fingerprint(OTHER)[:16] not in s.said(), s.said()
            check(s)


def test_a_swap_that_the_watch_began_ends_with_the_server():
    def begin(_, link):
        os.symlink(OTHER, link + ".new")
        os.replace(link + ".new", link)
    end_in_a_swap(begin, lambda s: None)


def test_a_load_that_was_asked_for_is_refused_when_the_server_ends():
    got = []

    def ask(s):
        got.append(s.ask("/v1/load", {"path": OTHER}, 503))
    threads = []

    def begin(s, _):
        threads.append(threading.Thread(target=ask, args=(s,)))
        threads[0].start()

    def check(_):
        threads[0].join()
        assert got and got[0]["error"]["code"] == "shutting_down", got
    end_in_a_swap(begin, check, is_ending)


def test_a_folder_that_is_written_over_in_place_is_served_once_it_is_whole():
    want = {fingerprint(folder): alone(folder, ["Hello"], 24)[0]["text"] for folder in (OLD, NEW)}
    with harness.scratch() as base:
        folder, weights = os.path.join(base, "mine"), os.path.join(base, "mine", "model.safetensors")
        shutil.copytree(OLD, folder)
        inodes = os.stat(folder).st_ino, os.stat(weights).st_ino
        with open(os.path.join(NEW, "model.safetensors"), "rb") as f:
            new = f.read()
        with Server(folder, "--watch") as s:
            def served():
                row = s.ask("/v1/completions", {"model": "default", "prompt": "Hello", "max_tokens": 24, "temperature": 0})
                # Never the one's answer under the other's name, whatever its files have become.
                assert row["choices"][0]["text"] == want[row["system_fingerprint"]]
                return row["system_fingerprint"]
            assert served() == fingerprint(OLD)
            with open(weights, "wb") as f:  # in its place, as `cp` does
                f.write(new[:len(new) // 2])
                f.flush()
                time.sleep(2.6)  # it rests, and is not whole
                assert served() == fingerprint(OLD)
                f.write(new[len(new) // 2:])
            for name in os.listdir(NEW):
                if name != "model.safetensors":
                    shutil.copyfile(os.path.join(NEW, name), os.path.join(folder, name))
            s.until("the other is served", lambda: served() == fingerprint(NEW))
            assert (os.stat(folder).st_ino, os.stat(weights).st_ino) == inodes and s.metric("swaps_total") == 1


def test_a_file_of_weights_that_becomes_shorter_while_it_is_loaded_ends_the_load_and_not_the_server():
    with held("load.packed", panels(TINY) + 1) as moment, harness.scratch() as base:
        folder = os.path.join(base, "mine")
        shutil.copytree(NEW, folder)
        with Server(TINY, program=FAULTS, env=moment.env) as s:
            got = []
            asked = threading.Thread(target=lambda: got.append(s.ask("/v1/load", {"path": folder}, 400)))
            asked.start()
            s.until("the load", moment.reached)
            os.truncate(os.path.join(folder, "model.safetensors"), 100)
            moment.go()
            asked.join()
            assert "changed" in got[0]["error"]["message"], got
            row = s.ask("/v1/completions", {"model": "default", "prompt": "Hello", "max_tokens": 24, "temperature": 0})
            assert row["system_fingerprint"] == fingerprint(TINY)
            assert row["choices"][0]["text"] == alone(TINY, ["Hello"], 24)[0]["text"]


harness.run(globals())
