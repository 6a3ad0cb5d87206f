"""The API's alerts and actions: read from the gradebook, carried out by the owner, audited."""
import json
import os
import signal
import urllib.error
import urllib.request

import harness
from cli_api import note, start
from cli_run import base
from daemon_control import Daemons, until
from harness import proctor, scratch

TOP = scratch()
FOLDER = base(os.path.join(TOP.name, "base"), ("checkpoint-2886", "checkpoint-2926"), 300)
with open(os.path.join(FOLDER, "proctor.yaml"), "w", encoding="utf-8") as config:
    config.write("api: {enabled: false}\neval: {max_new_tokens: 32}\nmachine: {disabled: [data-generation]}\n")
proctor("run", "--base-dir", FOLDER, "--once", "--quiet")
API = start(FOLDER, "--port", "0", "--page-port", "0")
URL = note(FOLDER, API)["api_url"]
with open(os.path.join(FOLDER, "api.token"), encoding="utf-8") as token:
    TOKEN = token.read().strip()


def ask(path, body=None, token=TOKEN):
    """(status, document)"""
    request = urllib.request.Request(URL + "api/" + path, method="GET" if body is None else "POST",
                                     data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def test_alerts_are_listed_with_their_checkpoint():
    status, doc = ask("alerts")
    assert status == 200 and doc["n_open"] == 1 and doc["next_cursor"] is None, doc
    alert = doc["alerts"][0]
    assert alert["level"] == "warning" and alert["checkpoint_name"] == "checkpoint-2926"
    assert alert["deliveries"] == [] and alert["cleared_at"] is None
    assert ask("alerts?state=open&cursor=1")[1]["alerts"] == []
    for bad in ("state=x", "limit=0", "cursor=x", "cursor=-1"):
        assert ask("alerts?" + bad)[0] == 400, bad


def test_without_an_owner_nothing_can_be_done():
    status, doc = ask("actions/pin", {"checkpoint": 1})
    assert status == 503 and "no proctor runs" in doc["error"]["message"], doc
    assert ask("actions/pin", {"checkpoint": 1}, token=None)[0] == 401


def test_actions_are_carried_out_by_the_owner_and_audited():
    with Daemons() as d:
        d.start(FOLDER, "run")
        until(lambda: os.path.exists(os.path.join(FOLDER, "proctor.sock")), "an owner")
        assert ask("actions/pin", {"checkpoint": 1}, token="wrong")[0] == 401
        done = ask("actions/acknowledge", {"alert": 1})
        assert done[0] == 200 and (done[1]["action"], done[1]["outcome"]) == ("acknowledge", "done"), done
        assert ask("actions/pin", {"checkpoint": 2})[0] == 200
        assert ask("actions/pin", {"checkpoint": 99})[0] == 404
        assert ask("actions/unpin", {"checkpoint": 2})[0] == 200
        assert ask("actions/run", {"system": "regression-monitor"})[0] == 200
        assert ask("actions/run", {"system": "no-such"})[0] == 404
        assert ask("actions/scan", {})[0] == 200
        status, doc = ask("actions/deploy", {})
        assert status == 400 and "not installed" in doc["error"]["message"], doc
        for name, body in (("pin", {}), ("pin", {"checkpoint": "1"}), ("acknowledge", {"alert": 0})):
            assert ask("actions/" + name, body)[0] == 400, (name, body)
        assert ask("actions/fly", {})[0] == 404
    assert ask("alerts")[1]["alerts"][0]["acknowledged_at"]
    status, doc = ask("actions?limit=3")
    assert status == 200 and [a["action"] for a in doc["actions"]] == ["deploy", "scan", "run"], doc
    assert doc["actions"][0]["outcome"] == "refused" and doc["actions"][0]["reason"] == "deploy: not installed"
    rest = ask("actions?cursor=" + doc["next_cursor"])[1]
    assert [(a["action"], a["target"], a["outcome"]) for a in rest["actions"]] == [
        ("run", "system regression-monitor", "done"), ("unpin", "checkpoint 2", "done"),
        ("pin", "checkpoint 99", "refused"), ("pin", "checkpoint 2", "done"), ("acknowledge", "alert 1", "done")]
    assert rest["next_cursor"] is None
    assert {(a["who"], a["origin"]) for a in rest["actions"]} == {("token", "127.0.0.1")}, rest


def test_the_server_ends():
    API.send_signal(signal.SIGTERM)
    assert API.wait(60) == 0
    API.stderr.close()


if __name__ == "__main__":
    try:
        harness.run(globals())
    finally:
        API.kill()
