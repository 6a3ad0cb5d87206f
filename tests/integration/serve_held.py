"""proctor serve while its model stands still: at a named moment it waits (tests/faults) until the test lets it go on, so that
what happens meanwhile is a matter of order and not of time."""
import contextlib
import json
import os

import harness
from harness import MODELS
from serve_support import JSON, Server

FAULTS = os.environ.get("PROCTOR_FAULTS", os.path.join(harness.ROOT, "build", "tests", "faults", "proctor_faults"))
TINY = os.path.join(MODELS, "qwen3-tiny")
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


harness.run(globals())
