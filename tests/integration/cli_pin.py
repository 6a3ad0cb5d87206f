"""proctor pin, and actions over proctor.sock: carried out by the owner, and noted, refusals too."""
import os
import sqlite3

import harness
from cli_run import base
from daemon_control import Daemons, Peer, until
from harness import proctor, scratch

TOP = scratch()
FOLDER = base(os.path.join(TOP.name, "base"))
proctor("run", "--base-dir", FOLDER, "--once", "--quiet")


def rows(sql):
    db = sqlite3.connect("file:%s/proctor.db?mode=ro" % FOLDER, uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def test_without_an_owner_the_command_does_it():
    proctor("pin", "checkpoint-2886", "--base-dir", FOLDER)
    assert len(rows("SELECT * FROM pins")) == 1
    gone = proctor("pin", "checkpoint-1", "--base-dir", FOLDER, status=1)
    assert "no checkpoint 'checkpoint-1' is known; the newest are checkpoint-2886" in gone.err
    proctor("pin", "2886", "--remove", "--base-dir", FOLDER)
    assert not rows("SELECT * FROM pins")
    assert "not pinned" in proctor("pin", "2886", "--remove", "--base-dir", FOLDER, status=1).err
    audit = rows("SELECT action, target, outcome, reason, origin FROM actions ORDER BY id")
    assert [(a[0], a[2]) for a in audit] == [("pin", "done"), ("pin", "refused"), ("unpin", "done"),
                                             ("unpin", "refused")], audit
    assert audit[0][1] == "checkpoint 1" and audit[1][1] == "checkpoint 'checkpoint-1'"
    assert audit[0][3] is None and "no checkpoint" in audit[1][3] and audit[0][4] == "cli"


def test_a_folder_where_nothing_was_graded_is_left_alone():
    with scratch() as empty:
        assert "no proctor.db" in proctor("pin", "1", "--base-dir", empty, status=1).err
        assert os.listdir(empty) == []


def ask(peer, **message):
    peer.put({"type": "action", "who": "somebody", "origin": "test", **message})
    return peer.take()


def test_the_owner_carries_actions_out_and_notes_them():
    before = len(rows("SELECT * FROM actions"))
    with Daemons() as d:
        d.start(FOLDER, "run")
        until(lambda: os.path.exists(os.path.join(FOLDER, "proctor.sock")), "an owner")
        proctor("pin", "checkpoint-2886", "--base-dir", FOLDER)
        peer = Peer(FOLDER)
        assert peer.take()["type"] == "hello"
        said = [ask(peer, action="unpin", checkpoint=1), ask(peer, action="unpin", checkpoint=1),
                ask(peer, action="pin", checkpoint="nothing\x1b[31m"), ask(peer, action="pin", checkpoint=True),
                ask(peer, action="acknowledge", alert=99), ask(peer, action="scan"),
                ask(peer, action="run", system="regression-monitor"), ask(peer, action="run", system="x"),
                ask(peer, action="deploy", checkpoint=1), ask(peer, action="rollback"), ask(peer, action="fly"),
                ask(peer)]
    assert [m["type"] for m in said] == ["done"] + ["refused"] * 4 + ["done", "done"] + ["refused"] * 5, said
    assert said[0] == {"type": "done", "action": "unpin"}
    assert [m["code"] for m in said if m["type"] == "refused"] == [
        "not found", "not found", "usage", "not found", "not found", "unsupported", "unsupported", "usage", "usage"]
    assert said[8]["message"] == "deploy: not installed"
    audit = rows("SELECT action, outcome, reason, who, origin, target FROM actions ORDER BY id")[before:]
    assert [a[0] for a in audit] == ["pin", "unpin", "unpin", "pin", "pin", "acknowledge", "scan", "run", "run",
                                     "deploy", "rollback", "fly", "?"], audit
    assert audit[0][4] == "cli" and all(a[3:5] == ("somebody", "test") for a in audit[1:])
    assert not any("\x1b" in str(a) for a in audit), audit


if __name__ == "__main__":
    harness.run(globals())
