"""proctor status: the state of a base folder, for people and as a document."""
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import harness
from harness import PROCTOR, proctor

MAKE_BASE = os.environ["MAKE_BASE"]


def make_base(folder):
    """A base folder whose gradebook saw the reference run, without its checkpoints' folders."""
    subprocess.run([MAKE_BASE, folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_an_empty_base_folder_says_so():
    with harness.scratch() as base:
        text = proctor("status", "--base-dir", base).out
        assert "not watched" in text and "no checkpoint was opened yet" in text and "never" in text
        doc = proctor("status", "--base-dir", base, "--json").row()
        assert doc["schema_version"] == 1 and doc["gradebook"] is None and doc["live"] is None
        assert doc["owner"] is None and doc["checkpoints"] == [] and doc["live_reason"]
        unset = {"auto-deployment": "deploy.target", "checkpoint-sync": "sync.remote_dir"}
        for s in doc["systems"]:
            key = unset.get(s["name"])
            assert s["state"] == ("not_installed" if key else "never run"), s
            assert s["state_reason"] == (key and key + " is not set in proctor.yaml"), s
        assert os.listdir(base) == []


def test_a_base_folder_that_is_not_there_is_refused():
    with harness.scratch() as base:
        result = proctor("status", "--base-dir", os.path.join(base, "none"), status=1)
        assert "no base folder" in result.err and not result.out


def test_the_document_holds_what_was_found():
    with harness.scratch() as base:
        make_base(base)
        doc = proctor("status", "--base-dir", base, "--json").row()
        systems = {s["name"]: s for s in doc["systems"]}
        assert len(systems) == 10
        assert systems["model-comparison"]["finding"]["best_checkpoint"] == "checkpoint-4500"
        assert not systems["model-comparison"]["active"]
        assert doc["newest"]["checkpoint"] == "checkpoint-5000" and doc["newest"]["level"] is None
        assert {"suite": "validation", "graded": 120, "of": 300} in doc["newest"]["suites"]
        rows = {c["checkpoint"]: c for c in doc["checkpoints"]}
        assert rows["checkpoint-2926"]["level"] == "warning"
        assert doc["checkpoints_by_state"] == {"ready": 5, "refused": 1}
        assert [a["level"] for a in doc["alerts"]] == ["warning"]
        # Four systems, of which testing needs a third of the examples.
        assert doc["tokens"]["computed"] == 4 * 3000
        assert doc["tokens"]["if_each_system_graded"] == 4 * 10000
        assert doc["gradebook"]["grades"] == 4 * 300 + 120
        assert len(doc["ended_orders"]) == 4 and doc["ended_orders"][0]["suite"] == "validation"


def test_the_view_shows_it_without_harm():
    with harness.scratch() as base:
        make_base(base)
        text = proctor("status", "--base-dir", base).out
        for word in ("checkpoint-4500, score", "tokens", "12,000", "1 open", "regression-monitor",
                     "5 ready, 1 refused"):
            assert word in text, word
        assert "\x1b" not in text and all(len(line) <= 100 for line in text.split("\n"))
        assert "\x1b" not in proctor("status", "--once", "--base-dir", base).out


def test_what_was_found_is_shown_when_the_configuration_is_broken():
    with harness.scratch() as base:
        make_base(base)
        with open(os.path.join(base, "proctor.yaml"), "w") as f:
            f.write("nonsense: 1\n")
        result = proctor("status", "--base-dir", base, status=1)
        assert "proctor.yaml:1" in result.err


def screen(args, rows, columns, until):
    """Runs proctor on a terminal of this size until `until` is true of its output, then Ctrl-C."""
    child, fd = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execv(PROCTOR, [PROCTOR, *args])
    out, asked, end = b"", False, time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(fd, 65536)
        except OSError:  # the terminal closed with its program
            break
        out += chunk
        if not asked and until(out):
            asked = True
            os.kill(child, signal.SIGINT)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, out.decode()


def test_a_terminal_is_kept_up_to_date_until_it_is_stopped():
    with harness.scratch() as base:
        make_base(base)
        status, out = screen(["status", "--base-dir", base], 12, 60, lambda o: o.count(b"\x1b[H") >= 3)
        assert status == 0
        frames = out.split("\x1b[H")
        assert len(frames) >= 4 and out.count("\x1b[?1049h") == out.count("\x1b[?1049l") == 1
        lines = frames[2].replace("\x1b[K", "").replace("\x1b[J", "").split("\n")
        assert len(lines) <= 12 and all(len(line.rstrip("\r")) <= 60 for line in lines)
        assert "more lines" in lines[-1]
        assert "checkpoint-2926" in out.split("\x1b[?1049l")[1]  # the last view stays, whole


def test_a_running_watch_is_asked():
    with harness.scratch() as base:
        os.makedirs(os.path.join(base, "data", "validation"))
        for name, to in (("checkpoints/checkpoint-4500", "models/current_model/checkpoint-4500"),
                         ("validation.jsonl", "data/validation/validation.jsonl")):
            source, target = os.path.join(harness.RUN_A, name), os.path.join(base, to)
            (shutil.copytree if os.path.isdir(source) else shutil.copyfile)(source, target)
        with open(os.path.join(base, "proctor.yaml"), "w") as f:
            # Nothing in the queue to be asked, and no hard examples to be found.
            f.write("machine: {disabled: [data-generation, adversarial-miner]}\n")
        watch = subprocess.Popen([PROCTOR, "run", "--base-dir", base], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 120
            while time.monotonic() < end:
                doc = proctor("status", "--base-dir", base, "--json").row()
                if doc["live"] and doc["newest"] and doc["newest"]["level"] and not doc["n_orders"] \
                        and doc["tokens"]["examples"] == 300:
                    break
            assert doc["owner"]["pid"] == watch.pid and doc["newest"]["level"] == "ok"
            assert all(s["active"] for s in doc["systems"]
                       if s["name"] not in ("data-generation", "adversarial-miner", "checkpoint-sync",
                                            "auto-deployment"))
            assert doc["training"]["current_step"] == 4500
            # All systems together cost one grading.
            assert doc["tokens"]["examples"] == 300
            assert doc["tokens"]["if_each_system_graded"] > 3 * doc["tokens"]["computed"]
            assert "watched by process %d" % watch.pid in proctor("status", "--base-dir", base).out
            assert "first of its run" in proctor("why", "4500", "--base-dir", base).out
        finally:
            watch.terminate()
            watch.wait(30)
        text = proctor("status", "--base-dir", base).out
        assert "not watched" in text and "checkpoint-4500" in text


harness.run(globals())
