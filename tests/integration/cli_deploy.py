"""proctor deploy and auto-deployment, to a real server: the best checkpoint is served, a bad one never."""
import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import threading
import time

import sshd
from cli_run import base
from deploying import BETTER, EVAL, GOOD, Served, deploy, original, status_of, weights, world
from harness import Skipped, proctor, run, scratch

TOP = scratch()
CRITICAL = 2  # enum pr_alert_level
GRADED = base(os.path.join(TOP.name, "base"), (GOOD, BETTER), 60)
with open(os.path.join(GRADED, "proctor.yaml"), "a", encoding="utf-8") as f:
    f.write(EVAL)
proctor("model-comparison", "--base-dir", GRADED, "--once", "--quiet")
proctor("regression-monitor", "--base-dir", GRADED, "--once", "--quiet")


def test_a_checkpoint_is_served_and_its_answers_are_those_of_the_engine():
    with world(GRADED) as (folder, target, server):
        done = deploy(folder, GOOD)
        assert "is served at " + target in done.out, done.out
        assert os.path.islink(target) and weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD))
        assert server.questions == 2 and len(server.reloads) == 1
        doc = status_of(folder)
        assert doc["checkpoint"] == GOOD and doc["success"] is True
        assert doc["probe"]["asked"] == 2 and doc["probe"]["agreed"] == 2, doc["probe"]
        assert "already" in deploy(folder, GOOD).out


def rolled_back_at_once(doc):
    last = doc["history"][0]
    assert last["step"] == "rolled_back" and last["rollback_seconds"] < 10, last
    began, ended = (datetime.datetime.fromisoformat(last[k].replace("Z", "+00:00")) for k in ("began_at", "ended_at"))
    print("     served again %.3f s after it was seen to be bad, %.1f s after the deployment began" %
          (last["rollback_seconds"], (ended - began).total_seconds()))


def test_wrong_answers_are_rolled_back_and_the_old_version_is_served_again():
    with world(GRADED) as (folder, target, server):
        deploy(folder, GOOD)
        server.bad = "answers wrongly"
        done = deploy(folder, BETTER, status=1)
        assert "rolled back" in done.err and "0 of 2 answers" in done.err, done.err
        assert weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD)), "the server was told"
        doc = status_of(folder)
        assert doc["checkpoint"] == GOOD and doc["success"] is False
        rolled_back_at_once(doc)
        assert [x["agrees"] for x in doc["history"][0]["probe"]["questions"]] == [False, False]
        assert not [v for v in doc["versions"] if v["checkpoint"] == BETTER], doc["versions"]
        assert deploy(folder, BETTER, status=1)
        server.bad = None
        deploy(folder, BETTER)
        assert weights(target) == weights(original(BETTER))


def test_a_server_that_starts_badly_is_rolled_back():
    with world(GRADED) as (folder, target, server):
        deploy(folder, GOOD)

        # The new version keeps it from starting, the old one does not.
        class Picky(Served):
            def __init__(self, path):
                super().__init__(path)
                server.bad = "starts badly" if BETTER in self.folder else None
        server.reads = Picky
        done = deploy(folder, BETTER, status=1)
        assert "not healthy after 1 s" in done.err and "rolled back" in done.err, done.err
        rolled_back_at_once(status_of(folder))
        assert weights(target) == weights(original(GOOD))
        assert weights(server.served.copy.name) == weights(original(GOOD))


def test_a_server_that_nobody_tells_is_given_time_to_notice():
    with world(GRADED) as (folder, target, server):
        with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
            f.write(EVAL + "deploy: {target: %s, driver: none, url: '%s', timeout_seconds: 8, probe_questions: 2, "
                    "probe_tokens: 24}\n" % (target, server.url))
        over, had = threading.Event(), []  # those that a question may still be asked of

        def look():
            while not over.wait(0.5):
                if os.path.exists(target) and not (
                        server.served and server.served.folder == os.path.realpath(target)):
                    had.append(Served(target))
                    server.served = had[-1]
        looking = threading.Thread(target=look)
        looking.start()
        try:
            deploy(folder, GOOD)
            deploy(folder, BETTER)  # it serves the other one still
        finally:
            over.set()
            looking.join()
        assert weights(target) == weights(original(BETTER)) and not server.reloads
        probe = status_of(folder)["probe"]
        assert probe["agreed"] == 2, probe


def test_the_first_deployment_that_fails_leaves_nothing_behind():
    with world(GRADED) as (folder, target, server):
        server.bad = "answers wrongly"
        deploy(folder, GOOD, status=1)
        assert not os.path.lexists(target)
        assert status_of(folder)["checkpoint"] is None


def test_the_gate_holds_what_it_must_and_says_why():
    with world(GRADED) as (folder, target, server):
        held = proctor("deploy", GOOD, "--dry-run", "--json", "--base-dir", folder, status=1).row()
        assert held["verdict"] == "hold" and "not " + GOOD in held["why"], held["why"]
        few = proctor("deploy", BETTER, "--base-dir", folder, status=1)
        assert "deploy.min_examples is 50" in few.err, few.err
        assert not os.path.lexists(target) and not server.reloads


def test_the_system_deploys_the_best_one_and_holds_it_afterwards():
    with world(GRADED, extra="  min_examples: 5\n") as (folder, target, server):
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
        deploy(folder, GOOD)
        proctor("rollback", "--base-dir", folder)
        assert status_of(folder)["score"] == row["score"]


def checks_of(folder):
    row = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder).row()
    return {c["name"]: c for c in row["checks"]}


def test_what_a_trainer_has_deleted_is_compared_with_for_as_long_as_it_is_served():
    with world(GRADED) as (folder, target, server):
        deploy(folder, GOOD)  # by hand; the gate holds the better one, of which too few examples confirm
        before = checks_of(folder)["better_than_deployed"]
        assert "p" in before["figures"]["confirm"], before
        shutil.rmtree(os.path.join(folder, "models/current_model", GOOD))
        proctor("model-comparison", "--base-dir", folder, "--once", "--quiet")
        with open(os.path.join(folder, "status/model_comparisons.json")) as f:
            document = json.load(f)
        assert [r["checkpoint"] for r in document["rankings"]] == [BETTER], document["rankings"]
        assert [(a["checkpoint"], a["gone"]) for a in document["promotion"]["against"]] == [(GOOD, True)]
        assert checks_of(folder)["better_than_deployed"] == before
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "proctor.db"))) as db:
            made = db.execute("SELECT verdict, json_extract(evidence, '$.reason') FROM decisions"
                              " WHERE kind = 'deployment'").fetchall()
        assert made == [("deployed", "by hand")], made  # once, however often it is looked at


def test_what_somebody_went_back_from_is_not_brought_back():
    with world(GRADED, extra="  min_examples: 5\n") as (folder, target, server):
        deploy(folder, GOOD)
        deploy(folder, BETTER)
        proctor("rollback", "--base-dir", folder)
        row = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder).row()
        assert row["verdict"] == "hold", row
        back = [c for c in row["checks"] if c["name"] == "not_rolled_back_before"]
        assert not back[0]["passed"] and "went back from it" in back[0]["why"], row
        assert weights(target) == weights(original(GOOD))


def test_a_target_that_cannot_be_written_is_a_critical_alert():
    with world(GRADED) as (folder, target, server):
        row = proctor("auto-deployment", "--target", os.path.join(folder, "proctor.yaml", "x"), "--once",
                      "--json", "--quiet", "--base-dir", folder, status=None).row()
        assert row["state"] == "waiting", row
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "proctor.db"))) as db:
            raised = db.execute("SELECT level FROM alerts WHERE system = 'auto-deployment'").fetchall()
        assert raised == [(CRITICAL,)], raised


def test_another_machines_comparison_decides_with_its_token():
    with world(GRADED, extra="  min_examples: 5\n  source: peer trainer\n") as (folder, target, server):
        with open(os.path.join(folder, "status/model_comparisons.json")) as f:
            server.documents = {"/api/model_comparison": json.load(f), "/api/regression": {}}
        os.remove(os.path.join(folder, "status/model_comparisons.json"))
        with open(os.path.join(folder, "token"), "w") as f:
            f.write("secret\n")
        os.chmod(os.path.join(folder, "token"), 0o600)
        with open(os.path.join(folder, "proctor.yaml"), "a") as f:
            f.write("peers: {machines: {trainer: {url: '%s', token_file: token}}}\n" % server.url)
        done = proctor("deploy", BETTER, "--base-dir", folder)
        assert "gate: deploy" in done.out, done.out
        assert weights(target) == weights(original(BETTER))
        assert server.tokens == {"Bearer secret"}, server.tokens


def test_status_files_over_ssh_decide():
    if sshd.missing():
        raise Skipped(sshd.missing() + " is missing")
    with world(GRADED) as (folder, target, server), scratch() as top:
        there = os.path.join(top, "it's the trainer's")
        os.makedirs(there)
        shutil.move(os.path.join(folder, "status"), there)
        daemon = sshd.Sshd(top)
        try:
            with open(os.path.join(top, "config"), "w") as f:
                f.write("Host trainer\n  HostName 127.0.0.1\n  Port %d\n  IdentityFile %s\n"
                        "  UserKnownHostsFile %s\n" % (daemon.port, daemon.path("key"), daemon.path("known")))
            os.makedirs(os.path.join(top, "bin"))
            with open(os.path.join(top, "bin", "ssh"), "w") as f:
                f.write("#!/bin/sh\nexec %s -F %s/config \"$@\"\n" % (shutil.which("ssh"), top))
            os.chmod(os.path.join(top, "bin", "ssh"), 0o755)
            with open(os.path.join(folder, "proctor.yaml"), "a") as f:
                f.write("  min_examples: 5\n  source: \"trainer:%s\"\n" % there)
            env = {"PATH": os.path.join(top, "bin") + ":" + os.environ["PATH"]}
            done = proctor("deploy", BETTER, "--base-dir", folder, "--dry-run", env=env)
            assert "gate: deploy" in done.out, done.out
        finally:
            daemon.stop()
        gone = proctor("deploy", BETTER, "--base-dir", folder, "--dry-run", env=env, status=1)
        assert "deploy.source" in gone.err and "ssh" in gone.err, gone.err


SLOT = """
import sys, urllib.request
what, slot, first, second, path, log = sys.argv[1:]
open(log, "a").write(what + " " + slot + "\\n")
if what == "start":
    url = first if slot == "1" else second
    urllib.request.urlopen(url + "/reload", ('{"path": "%s"}' % path).encode()).read()
"""


def test_vllm_is_probed_beside_the_old_one_and_switched_to():
    with world(GRADED) as (folder, target, blue), world() as (_, _, green):
        log, script = os.path.join(folder, "slots.log"), os.path.join(folder, "slot.py")
        with open(script, "w") as f:
            f.write(SLOT)

        def command(what):
            return json.dumps(["python3", script, what, "{slot}", blue.url, green.url, "{path}", log])

        def lines():
            with open(log) as f:
                text = f.read().split("\n")[:-1]
            os.remove(log)
            return text
        with open(os.path.join(folder, "proctor.yaml"), "w") as f:
            f.write(EVAL + "deploy:\n  target: %s\n  driver: vllm\n  slots: %s\n  start_command: %s\n"
                    "  switch_command: %s\n  stop_command: %s\n  timeout_seconds: 5\n"
                    "  probe_questions: 2\n" % (target, json.dumps([blue.url, green.url]),
                                               command("start"), command("switch"), command("stop")))
        deploy(folder, GOOD)
        assert lines() == ["start 1", "switch 1"] and blue.questions == 2 and not green.questions
        deploy(folder, BETTER)
        assert lines() == ["start 2", "switch 2", "stop 1"] and green.questions == 2
        blue.bad = "answers wrongly"
        deploy(folder, GOOD, status=1)
        assert lines() == ["start 1", "switch 2", "stop 1"]
        assert weights(target) == weights(original(BETTER))
        assert weights(green.served.copy.name) == weights(original(BETTER))


def test_a_gradebook_that_cannot_be_read_is_said():
    with world(GRADED) as (folder, target, server):
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "proctor.db"))) as db:
            db.execute("ALTER TABLE checkpoints RENAME TO elsewhere")
            db.commit()
        done = deploy(folder, GOOD, status=1)
        assert "checkpoints" in done.err, done.err
        assert not os.path.lexists(target)


def test_without_a_target_it_says_what_to_set():
    with scratch() as top:
        folder = base(os.path.join(top, "base"), ())
        row = proctor("auto-deployment", "--once", "--json", "--quiet", "--base-dir", folder,
                      status=None).row()
        assert row["state"] == "waiting" and "deploy.target" in row["state_reason"], row
        assert proctor("deploy", "x", "--base-dir", folder, status=2)


run(globals())
