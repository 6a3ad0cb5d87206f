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
if how == "lines":  # short ones, which are joined, and bytes that are no text
    sys.stdout.flush()
    os.write(2, b"\xff\xfe\n" * 190 + b"there is no memory for it\n")
    sys.exit(3)
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
if how == "touch-deep":
    open(os.path.join(start, "deep", "er", "note.txt"), "w").close()
if how == "rewrite":  # and nobody is to notice
    path = os.path.join(start, "deep", "state.json")
    before = os.stat(path)
    with open(path, "r+") as f:
        f.write("{ }")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
if how == "depths":
    os.chdir(out)
    for _ in range(1000):
        os.mkdir("deeper")
        os.chdir("deeper")
    sys.exit(0)
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
    shutil.copytree(start, os.path.join(out, "checkpoint-7"), ignore=shutil.ignore_patterns("trainer_state.json"))
    with open(os.path.join(out, "checkpoint-7", "model.safetensors"), "r+b") as f:
        f.truncate(1000)
    sys.exit(0)
if how == "link":
    os.symlink(start, os.path.join(out, os.path.basename(start)))
    os.symlink("/", os.path.join(out, "root"))
    sys.exit(0)
plain = shutil.ignore_patterns("trainer_state.json")  # whose step is that of its folder's name
if how == "many":  # the newest is the one of the largest number; half of one and others beside it
    for n in (10, 9):
        shutil.copytree(start if n == 10 else os.environ["OTHER"], os.path.join(out, "checkpoint-%d" % n), ignore=plain)
    os.makedirs(os.path.join(out, "checkpoint-11"))
    os.makedirs(os.path.join(out, ".checkpoint-12.tmp"))
    sys.exit(0)
if how == "itself":
    shutil.copytree(start, out, dirs_exist_ok=True)
    sys.exit(0)
shutil.copytree(start, os.path.join(out, "checkpoint-1"), ignore=plain)
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


def test_the_same_seed_gives_the_same_numbers_to_the_last_bit():
    with harness.scratch() as folder:
        for arm in ("hard_first", "random_again"):
            one = probe(folder, "--seed", 5, arm=arm).row()
            two = probe(folder, "--seed", 5, arm=arm, work="elsewhere").row()
            assert figures(one) == figures(two)
            other = probe(folder, "--seed", 6, arm=arm).row()
            assert one["loss_mean_per_example"] != other["loss_mean_per_example"]


def order_of(folder):
    with open(os.path.join(folder, "work", "order.jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def test_all_arms_of_a_seed_train_on_the_same_examples_in_the_order_of_their_names():
    with open(POOL, encoding="utf-8") as f:
        lines = {row["id"]: row for row in map(json.loads, f)}
    rank = dict(easy=0, medium=1, hard=2)
    progress = json.dumps({"easy": [0.5, 0.5], "medium": [2.0, 1.0], "hard": [2.0, 2.0]})
    tokens, orders, logged = {}, {}, {}
    with harness.scratch() as folder:
        for arm in ARMS:
            document = probe(folder, "--keep", "--progress", progress, "--seed", 2, arm=arm).row()
            tokens[arm] = document["tokens"]
            orders[arm] = order_of(folder)
            with open(os.path.join(folder, "work", "log")) as f:
                steps = [json.loads(line) for line in f if line.startswith("{")]
            logged[arm] = sum(step["tokens"] for step in steps)
            assert len(steps) == document["steps"] and len(orders[arm]) == document["examples"]
    assert logged == tokens  # the trainer trained on what was counted
    for arm in ARMS:
        assert all(lines[row["id"]] == row for row in orders[arm])  # complete lines
        if arm != "adaptive":
            assert tokens[arm] == tokens["random"]
            assert sorted(row["id"] for row in orders[arm]) == sorted(row["id"] for row in orders["random"])
    assert abs(tokens["adaptive"] - tokens["random"]) <= 40  # within a batch
    levels = {arm: [rank[row["difficulty"]] for row in orders[arm]] for arm in ARMS}
    assert levels["easy_to_hard"] == sorted(levels["random"])
    assert levels["hard_first"] == sorted(levels["random"], reverse=True)
    assert levels["random"] != levels["random_again"]
    count = levels["adaptive"].count
    assert count(1) > count(0) and count(1) > count(2)  # what is being learned now


def test_the_pool_may_be_of_any_format_and_names_of_files_give_difficulties():
    with harness.scratch() as folder:
        pool = os.path.join(folder, "pool")
        os.mkdir(pool)
        with open(os.path.join(pool, "easy.jsonl"), "w") as f:
            for i in range(20):
                f.write(json.dumps({"question": "%d + 1 =" % i, "answer": str(i + 1)}) + "\n")
        with open(os.path.join(pool, "hard_20.jsonl"), "w") as f:
            for i in range(20):
                f.write(json.dumps({"id": i, "messages": [{"role": "user", "content": "%d + 100 =" % i},
                                                          {"role": "assistant", "content": str(i + 100)}]}) + "\n")
            f.write("broken\n" + json.dumps({"text": "word " * 5000}) + "\n")
        document = probe(folder, "--keep", "--pool", pool, arm="easy_to_hard").row()
        assert document["pool_examples"] == 340 and document["pool_left_out"] == 1  # too long a text
        assert "positions" in document["pool_left_out_reason"], document
        rows = order_of(folder)
        assert all(row["difficulty"] in ("easy", "medium", "hard") and isinstance(row["id"], str) for row in rows)
        document = proctor("probe", START, "--pool", pool, "--suite", SUITE, "--samples", 6, "--strategy", "hard_first",
                           "--tokens", 90, "--work", os.path.join(folder, "work"), "--keep").row()
        rows = order_of(folder)
        assert rows[0]["difficulty"] == "hard" and "messages" in rows[0]
        assert rows[-1]["difficulty"] == "easy" and "question" in rows[-1]


def test_a_trained_adapter_is_examined_on_its_base():
    with harness.scratch() as folder:
        start = os.path.join(folder, "base")
        shutil.copytree(START, start)
        document = probe(folder, "--lora-rank", 4, "--baseline", start=start).row()
        assert document["lora_rank"] == 4
        assert document["loss_mean_per_example"] != document["baseline"]["loss_mean_per_example"]


def test_an_adapter_is_trained_on_and_examined_over_its_base():
    base = os.path.join(harness.MODELS, "qwen3-tiny")
    with harness.scratch() as folder:
        start = os.path.join(folder, "adapter")
        shutil.copytree(os.path.join(harness.FIXTURES, "adapters", "qwen3-all-linear"), start)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(os.path.join(base, name), start)
        document = probe(folder, "--base-model", base, "--baseline", start=start).row()
        assert document["loss_mean_per_example"] < document["baseline"]["loss_mean_per_example"]
        with open(os.path.join(folder, "proctor.yaml"), "w") as f:
            f.write("models:\n  bases:\n    test/qwen3-tiny: %s\n" % base)
        again = probe(folder, "--base-dir", folder, "--baseline", start=start).row()
        assert figures(again) == dict(figures(document), baseline_seconds=again["baseline_seconds"])


# ---- a trainer of the user's ----


class User:
    """The stand-in trainer in a folder, and what it noted."""

    def __init__(self, folder, how="copy"):
        self.folder, self.notes = folder, os.path.join(folder, "notes.json")
        self.script = os.path.join(folder, "train.py")
        with open(self.script, "w") as f:
            f.write(TRAINER)
        self.command = [sys.executable, self.script, how, self.notes, "{order}", "{start}", "{out}", "{seed}", "{tokens}",
                        "{learning_rate}", "--both={seed}/{tokens}", "{not a placeholder}", "{}"]

    def run(self, *args, **kw):
        return probe(self.folder, *args, "--", *self.command, **kw)

    def noted(self):
        with open(self.notes) as f:
            return json.load(f)


def state_of(folder):
    h = hashlib.sha256()
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(top, name)
            h.update(path.encode() + b"\0%d" % os.stat(path).st_mtime_ns)
            with open(path, "rb") as f:
                h.update(f.read())
    return h.hexdigest()


def test_a_command_is_given_what_it_needs_and_its_checkpoint_is_examined():
    with harness.scratch() as folder:
        user, before = User(folder), state_of(START)
        document = user.run("--seed", 9, "--nice", 7, "--baseline", arm="easy_to_hard").row()
        given = user.noted()
        work = os.path.realpath(os.path.join(folder, "work"))
        assert given["argv"][2:5] == [work + "/order.jsonl", os.path.realpath(START), work + "/out"]
        assert given["argv"][5:] == ["9", str(document["tokens"]), "0.001", "--both=9/%d" % document["tokens"],
                                     "{not a placeholder}", "{}"]
        assert (given["nice"], given["threads"], given["stdin"], given["out"]) == (7, "1", "", [])
        assert document["trainer"] == "command"
        base = document["baseline"]  # it copied its start
        assert document["loss_mean_per_example"] == base["loss_mean_per_example"]
        rows = [json.loads(line) for line in given["order"].splitlines()]
        assert len(rows) == document["examples"]
        builtin = probe(folder, "--seed", 9, "--keep", arm="easy_to_hard").row()
        assert rows == order_of(folder) and builtin["tokens"] == document["tokens"]
        assert state_of(START) == before


def test_a_command_may_be_a_json_array_as_the_configuration_has_it():
    with harness.scratch() as folder:
        user = User(folder)
        probe(folder, "--command", json.dumps(user.command))
        assert user.noted()["argv"][0] == "copy"


def test_the_newest_checkpoint_counts_wherever_a_trainer_leaves_it():
    with harness.scratch() as folder:
        want = probe(folder, "--baseline").row()["baseline"]["loss_mean_per_example"]
        other = os.path.join(RUN_A, "checkpoints", "checkpoint-4500")
        for how in ("copy", "many", "itself", "link"):
            got = User(folder, how).run(env={"OTHER": other}).row()
            assert got["loss_mean_per_example"] == want, how
        assert os.path.exists(os.path.join(START, "config.json"))  # a link is removed, not followed


def test_what_goes_wrong_with_a_trainer_is_said_with_its_last_words():
    cases = {"status": ("status 1", "there is no GPU here"), "lines": ("status 3", "there is no memory for it\n"), "signal": ("signal 11", "training on"),
             "nothing": ("left no checkpoint", "training on"), "half": ("left no checkpoint", "checkpoint-7"),
             "depths": ("left no checkpoint",), "torn": ("left no checkpoint", "model.safetensors"), "touch": ("start checkpoint changed",),
             "touch-deep": ("start checkpoint changed",), "rewrite": ("start checkpoint changed",)}
    with harness.scratch() as folder:
        for how, words in cases.items():
            start = os.path.join(folder, "start")
            shutil.copytree(START, start)
            os.makedirs(os.path.join(start, "deep", "er"))
            with open(os.path.join(start, "deep", "state.json"), "w") as f:
                f.write("{} ")
            result = User(folder, how).run(start=start, status=1)
            assert not result.out and result.err.count("\n") == 1, result.err
            for word in words:
                assert word in result.err, (how, result.err)
            assert not os.path.exists(os.path.join(folder, "work"))
            shutil.rmtree(start)
        result = probe(folder, "--", "no-such-program", "{order}", "{out}", status=1)
        assert "no-such-program" in result.err and "PATH" in result.err
        result = probe(folder, "--", "/etc/passwd", "{order}", "{out}", status=1)
        assert "/etc/passwd cannot be started" in result.err
        for words, expected in ((["x", "{ordr}", "{out}"], "{ordr}"), (["x", "{order}"], "{out}"), (["x", "{out}"], "{order}")):
            assert expected in probe(folder, "--", *words, status=2).err


def test_a_checkpoint_that_the_grader_refuses_is_a_failed_probe():
    with harness.scratch() as folder:
        broken = os.path.join(harness.FIXTURES, "malformed", "checkpoint", "nan_weight")
        copy = "import shutil, sys; open(sys.argv[1]); shutil.copytree(sys.argv[2], sys.argv[3], dirs_exist_ok=True)"
        result = probe(folder, "--", sys.executable, "-c", copy, "{order}", broken, "{out}", status=None)
        if result.status:
            assert result.err
        else:
            document = result.row()
            assert document["loss_mean_per_example"] is None and document["loss_mean_per_example_reason"]
        assert not os.path.exists(os.path.join(folder, "work"))


SPOIL = r'''
import glob, json, os, shutil, struct, sys
order, start, out, token = sys.argv[1:5]
shutil.copytree(start, out, dirs_exist_ok=True)
for path in glob.glob(os.path.join(out, "*.safetensors")):
    with open(path, "r+b") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        tensor = json.loads(f.read(size)).get("model.embed_tokens.weight")
        if tensor:  # bf16
            width = tensor["shape"][1]
            f.seek(8 + size + tensor["data_offsets"][0] + 2 * width * int(token))
            f.write(b"\xc0\x7f" * width)
'''


def test_nan_for_one_example_makes_the_loss_unknown_and_not_the_mean_of_the_others():
    start = os.path.join(harness.MODELS, "qwen3-tiny-untied")
    with open(SUITE, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f][:15]
    ids = proctor("tokenize", start, input=[{"text": row["prompt"] + " " + row["golden"]} for row in rows]).rows()
    seen = [set(row["ids"]) for row in ids]
    token, bad = next((t, n) for t in seen[0] for n in [sum(t in s for s in seen)] if n < 8)
    with harness.scratch() as folder:
        suite = os.path.join(folder, "suite.jsonl")
        with open(suite, "w") as f:
            for i, row in enumerate(rows):
                level = "hard" if token in seen[i] else "easy"
                f.write(json.dumps(dict(row, difficulty=level)) + "\n")
        document = proctor("probe", start, "--pool", POOL, "--suite", suite, "--strategy", "random", "--tokens", "60",
                           "--work", os.path.join(folder, "work"), "--", sys.executable, "-c", SPOIL, "{order}",
                           "{start}", "{out}", token).row()
    levels = document["by_difficulty"]
    assert document["n"] == 15 and levels["hard"]["n"] == bad
    assert document["loss_mean_per_example"] is None and "NaN" in document["loss_mean_per_example_reason"]
    assert levels["hard"]["loss_mean_per_example"] is None
    assert levels["easy"]["loss_mean_per_example"] > 0


def test_examples_that_a_command_checks_count_with_their_loss():
    with open(SUITE, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f][:6]
    with harness.scratch() as folder:
        suite = os.path.join(folder, "suite.jsonl")

        def written(commands):
            with open(suite, "w") as f:
                for i, row in enumerate(rows):
                    f.write(json.dumps(dict(row, check={"command": ["/bin/false"]}) if i < commands else row) + "\n")
            return proctor("probe", START, "--pool", POOL, "--suite", suite, "--strategy", "random", "--tokens", 60,
                           "--threads", 1, "--work", os.path.join(folder, "work")).row()
        plain, some, every = written(0), written(2), written(6)
    assert (plain["n"], some["n"], every["n"]) == (6, 6, 6)
    assert (plain["n_accuracy"], some["n_accuracy"], every["n_accuracy"]) == (6, 4, 0)
    assert plain["loss_mean_per_example"] == some["loss_mean_per_example"] == every["loss_mean_per_example"]
    assert every["accuracy"] is None and "commands judge" in every["accuracy_reason"], every


# ---- it ends with everything that it started ----


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(what, ready):
    end = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < end, "waited for " + what
        time.sleep(0.005)


def written(path):
    return os.path.exists(path) and os.path.getsize(path) > 0


def started(user, *args, status=None):
    """A probe whose trainer and that one's own child run; their pids."""
    for path in (user.notes, user.notes + ".child"):
        if os.path.exists(path):
            os.remove(path)
    child = subprocess.Popen([PROCTOR, "probe", START, "--pool", POOL, "--suite", SUITE, "--samples", "9", "--strategy",
                              "random", "--tokens", "60", "--threads", "1", "--work",
                              os.path.join(user.folder, "work"), *args, "--", *user.command],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until("the trainer's child", lambda: written(user.notes + ".child") or child.poll() is not None)
    assert child.poll() is None, child.stderr.read()
    with open(user.notes + ".child") as f:
        return child, [user.noted()["pid"], int(f.read())]


def test_a_signal_ends_the_trainer_and_all_that_it_started_and_removes_the_folder():
    with harness.scratch() as folder:
        for how in ("hang", "hang-twice", "chatter"):
            for sign in (signal.SIGTERM, signal.SIGINT):
                child, pids = started(User(folder, how))
                child.send_signal(sign)
                out, err = child.communicate(timeout=30)
                assert child.returncode == 130 and not out and b"stopped" in err, err
                assert not [pid for pid in pids if alive(pid)]
                assert not os.path.exists(os.path.join(folder, "work"))


def test_a_second_sigterm_does_not_take_the_trainers_half_second():
    with harness.scratch() as folder:
        told = os.path.join(folder, "told")
        script = ("import os, signal, sys, time\n"
                  "def told(*_):\n    time.sleep(0.2); open(%r, 'w').close(); os._exit(1)\n"
                  "signal.signal(signal.SIGTERM, told)\nopen(%r, 'w').close()\ntime.sleep(100)\n"
                  % (told, told + ".ready"))
        child = subprocess.Popen([PROCTOR, "probe", START, "--pool", POOL, "--suite", SUITE, "--strategy", "random",
                                  "--tokens", "60", "--work", os.path.join(folder, "work"), "--", sys.executable, "-c",
                                  script, "{order}", "{out}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until("the trainer", lambda: os.path.exists(told + ".ready") or child.poll() is not None)
        for _ in range(3):
            child.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        out, err = child.communicate(timeout=30)
        assert child.returncode == 130 and b"stopped" in err and os.path.exists(told), err
        assert not os.path.exists(os.path.join(folder, "work"))


def test_killed_it_leaves_no_process_and_the_next_probe_cleans_up():
    with harness.scratch() as folder:
        user = User(folder, "hang-twice")
        child, pids = started(user)
        child.kill()
        child.wait()
        until("the end of its children", lambda: not any(map(alive, pids)))
        assert os.path.exists(os.path.join(folder, "work", "order.jsonl"))
        probe(folder)
        assert not os.path.exists(os.path.join(folder, "work"))


def test_its_time_limit_ends_a_trainer():
    with harness.scratch() as folder:
        user = User(folder, "hang")
        child, pids = started(user, "--seconds", "2")
        out, err = child.communicate(timeout=60)
        assert child.returncode == 1 and b"time for it was over" in err, err
        assert not [pid for pid in pids if alive(pid)]
        assert not os.path.exists(os.path.join(folder, "work"))


def test_what_a_trainer_leaves_running_ends_with_it():
    with harness.scratch() as folder:
        user = User(folder, "leave")
        user.run().row()
        with open(user.notes + ".child") as f:
            assert not alive(int(f.read()))


def children_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found += [int(name)] + children_of(int(name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def test_killed_at_any_moment_nothing_of_it_runs_on_and_the_start_is_as_it_was():
    before = state_of(START)
    with harness.scratch() as folder:
        for i in range(16):
            child = subprocess.Popen([PROCTOR, "probe", START, "--pool", POOL, "--suite", SUITE, "--strategy", "random",
                                      "--tokens", "400", "--threads", "1", "--baseline", "--work",
                                      os.path.join(folder, "work")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            end = time.monotonic() + i * 0.06
            seen = set()
            while time.monotonic() < end and child.poll() is None:
                seen.update(children_of(child.pid))
                time.sleep(0.002)
            seen.update(children_of(child.pid))
            child.send_signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
            child.communicate(timeout=30)
            until("the end of its children", lambda: not any(map(alive, seen)))
            assert i % 2 or not os.path.exists(os.path.join(folder, "work")), i
        probe(folder)
        assert not os.listdir(folder)
    assert state_of(START) == before


def state(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def test_a_share_of_the_cpus_halts_the_trainer_and_lets_it_go_on():
    with harness.scratch() as folder:
        child, pids = started(User(folder, "hang"), "--cpu-percent", "50")
        for _ in range(3):
            until("its halt", lambda: state(pids[0]) == "T")
            until("its going on", lambda: state(pids[0]) != "T")
        child.terminate()
        child.communicate(timeout=30)
        assert not any(map(alive, pids))


# ---- its folder ----


def test_a_folder_that_is_not_a_probes_is_never_touched():
    with harness.scratch() as folder:
        start = os.path.join(folder, "run", "checkpoint-1574")
        shutil.copytree(START, start)
        pool = os.path.join(folder, "data", "pool")
        os.makedirs(pool)
        shutil.copy(POOL, pool)
        mine = os.path.join(folder, "mine")
        os.mkdir(mine)
        with open(os.path.join(mine, "thesis.txt"), "w") as f:
            f.write("years of work")
        before = state_of(folder)
        for work, word in (("mine", "holds files that no probe put there"), ("run", "is in it"), (".", "is in it"),
                           ("run/checkpoint-1574", "is in it"), ("run/checkpoint-1574/work", "lies in"),
                           ("run/work", "lies in"), ("data", "is in it"), ("data/pool/x/y", "lies in"),
                           ("data/pool/x/../..", "no such place"), ("mine/thesis.txt", "")):
            result = probe(folder, "--pool", pool, start=start, work=work, status=None)
            assert result.status and word in result.err, (work, result.err)
            assert not result.out
        assert state_of(folder) == before
        os.symlink(mine, os.path.join(folder, "link"))
        assert probe(folder, start=start, work="link", status=2).err
        assert state_of(folder) == before
        os.remove(os.path.join(mine, "thesis.txt"))
        with open(os.path.join(mine, ".proctor-probe"), "w") as f:
            f.write("mine too")
        assert "is not a probe's" in probe(folder, start=start, work="mine", status=2).err


def test_two_probes_do_not_share_a_folder():
    with harness.scratch() as folder:
        user = User(folder, "hang")
        child, _ = started(user)
        assert "in use by another probe" in probe(folder, status=2).err
        child.terminate()
        child.communicate(timeout=30)


def test_keep_leaves_all_to_look_at_and_the_next_probe_empties_it():
    with harness.scratch() as folder:
        assert "left in" in probe(folder, "--keep").err
        work = os.path.join(folder, "work")
        assert {"order.jsonl", "out", "log", ".proctor-probe"} == set(os.listdir(work))
        with open(os.path.join(work, "stray"), "w"):
            pass
        probe(folder)
        assert not os.path.exists(work)


def test_a_training_status_beside_it_is_not_written():
    with harness.scratch() as folder:
        with open(os.path.join(folder, "proctor.yaml"), "w"):
            pass
        probe(folder, "--base-dir", folder, work="a/b")
        assert sorted(os.listdir(folder)) == ["a", "proctor.yaml"] and not os.listdir(os.path.join(folder, "a"))


def test_options_that_make_no_sense_are_usage_errors():
    with harness.scratch() as folder:
        assert "--strategy" in proctor("probe", START, "--pool", POOL, "--suite", SUITE, status=2).err
        assert "--pool" in proctor("probe", START, "--suite", SUITE, "--strategy", "random", status=2).err
        assert "--progress" in probe(folder, "--progress", "{", status=2).err
        assert "progress" in probe(folder, "--progress", '{"easy": 1}', status=1).err
        assert "gone" in probe(folder, start=os.path.join(folder, "gone"), status=1).err
        assert "gone.jsonl" in probe(folder, "--suite", folder + "/gone.jsonl", status=1).err
        assert not os.listdir(folder)


harness.run(globals())
