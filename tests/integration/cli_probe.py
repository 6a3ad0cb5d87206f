"""proctor probe: trained in an order, examined, and nothing left of it."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import harness
from harness import PROCTOR, RUN_A, proctor

START = os.path.join(RUN_A, "checkpoints", "checkpoint-1574")
POOL = os.path.join(RUN_A, "validation.jsonl")
SUITE = POOL
ARMS = ("easy_to_hard", "random", "hard_first", "interleaved", "adaptive", "random_again")
TIMES = ("prepare_seconds", "train_seconds", "grade_seconds", "seconds")

# A trainer of a user's: notes what it was given and "trains" by copying.  How it is to fail is its
# first argument.
TRAINER = r'''
import json, os, shutil, subprocess, sys, time
how, notes, order, start, out, seed, tokens, rate = sys.argv[1:9]
with open(notes, "w") as f:
    json.dump({"argv": sys.argv[1:], "pid": os.getpid(), "nice": os.nice(0), "stdin": sys.stdin.read(),
               "threads": os.environ.get("OMP_NUM_THREADS"), "order": open(order).read(),
               "out": os.listdir(out)}, f)
print("step 1 of 1\rtraining on %s tokens" % tokens)
if how == "status":
    sys.exit("there is no GPU here")
if how == "signal":
    os.kill(os.getpid(), 11)
if how == "nothing":
    sys.exit(0)
if how in ("hang", "hang-twice", "chatter"):
    # What it starts has a session of its own and hears no SIGTERM.
    stubborn = "import os, signal, sys, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    child = subprocess.Popen([sys.executable, "-c", stubborn + "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
                              "time.sleep(1000)", notes + ".child"])
    if how == "hang-twice":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while how == "chatter":
        print("x" * 1000)
    time.sleep(1000)
if how == "touch":
    open(os.path.join(start, "note.txt"), "w").close()
if how == "leave":
    subprocess.Popen([sys.executable, "-c", "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()))\n"
                      "time.sleep(1000)", notes + ".child"], start_new_session=True)
    while not os.path.exists(notes + ".child") or not os.path.getsize(notes + ".child"):
        time.sleep(0.01)
if how == "half":
    os.makedirs(os.path.join(out, "checkpoint-7"))
    shutil.copy(os.path.join(start, "config.json"), os.path.join(out, "checkpoint-7"))
    sys.exit(0)
if how == "torn":
    shutil.copytree(start, os.path.join(out, "checkpoint-7"))
    with open(os.path.join(out, "checkpoint-7", "model.safetensors"), "r+b") as f:
        f.truncate(1000)
    sys.exit(0)
if how == "link":
    os.symlink(start, os.path.join(out, "checkpoint-1"))
    os.symlink("/", os.path.join(out, "root"))
    sys.exit(0)
if how == "many":  # the newest is the one of the largest number; half of one and others beside it
    for n in (9, 10):
        shutil.copytree(start if n == 10 else os.environ["OTHER"], os.path.join(out, "checkpoint-%d" % n))
    os.makedirs(os.path.join(out, "checkpoint-11"))
    os.makedirs(os.path.join(out, ".checkpoint-12.tmp"))
    sys.exit(0)
if how == "itself":
    shutil.copytree(start, out, dirs_exist_ok=True)
    sys.exit(0)
shutil.copytree(start, os.path.join(out, "checkpoint-1"))
'''


def probe(folder, *args, arm="random", start=START, status=0, work="work", **kw):
    return proctor("probe", start, "--pool", POOL, "--suite", SUITE, "--samples", 15, "--strategy", arm,
                   "--tokens", 120, "--lr", "1e-3", "--threads", 1, "--work", os.path.join(folder, work), *args,
                   status=status, **kw)


def figures(document):
    return {k: v for k, v in document.items() if k not in TIMES}


def test_one_line_tells_what_came_of_it():
    with harness.scratch() as folder:
        document = probe(folder, "--baseline", "--seed", 3).row()
        assert document["schema_version"] == 1 and document["start"] == "checkpoint-1574"
        assert (document["strategy"], document["seed"], document["trainer"]) == ("random", 3, "builtin")
        assert document["n"] == document["n_accuracy"] == 15 and document["n_ungraded"] == 0
        assert list(document["by_difficulty"]) == ["easy", "medium", "hard"]
        levels = document["by_difficulty"].values()
        assert [level["n"] for level in levels] == [5, 5, 5]
        mean = sum(level["n"] * level["loss_mean_per_example"] for level in levels) / 15
        assert abs(mean - document["loss_mean_per_example"]) < 1e-12
        assert 0 < document["tokens"] <= 120 and document["examples"] == 8 * document["steps"]
        assert sum(level["tokens"] for level in document["trained"].values()) == document["tokens"]
        assert sum(level["examples"] for level in document["trained"].values()) == document["examples"]
        assert all(document[key] > 0 for key in TIMES)
        # It learned something, and the start is what eval says of it.
        assert document["loss_mean_per_example"] < document["baseline"]["loss_mean_per_example"]
        alone = proctor("eval", START, "--suite", SUITE, "--samples", 15).row()
        for key in ("loss_mean_per_example", "accuracy", "n"):
            assert alone[key] == document["baseline"][key], key
        assert alone["suite_fingerprint"] != "" and len(document["suite"]) == len(document["pool"]) == 64
        assert not os.listdir(folder)


harness.run(globals())
