"""The adversarial miner on a real run: what it says of the failures is held against the reference's
answers, and what it keeps is failed again when `proctor eval` asks it."""
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import api_support  # noqa: E402
import harness  # noqa: E402
from watchbase import CHECKPOINTS, RUN_A, Base, Daemon, strict, until  # noqa: E402

NEW_TOKENS = "32"  # as the reference did
STATUS = "adversarial_mining.json"


def reference(step):
    with open(os.path.join(RUN_A, "reference", "checkpoint-%d.jsonl" % step)) as f:
        return {r["id"]: r for r in map(json.loads, f)}


def made(examples=300):
    base = Base(examples)
    base.configure("eval:\n  max_new_tokens: %s\nmachine:\n  disabled: [curriculum-optimizer, data-generation, self-correction]\n"
                   % NEW_TOKENS)
    return base


def files_of(base):
    folder = os.path.join(base.dir, "data", "adversarial_examples")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, n) for n in names]


def lines_of(base):
    rows = []
    for path in files_of(base):
        if ".jsonl.tmp." in path:
            continue  # of a write that was killed; the next run takes it away
        assert path.endswith(".jsonl"), path
        with open(path, encoding="utf-8") as f:
            rows += [strict(line) for line in f]
    return rows


def ended(base, name):
    o = base.document(STATUS)
    return o if o and o["state"] == "ok" and o["checkpoint"] == name and o["forgetting"] else None


def by_hand(prompt):
    """The right answer to "a+b=" and its like, worked out here; None: another kind of question."""
    for sign, result in (("+", lambda a, b: a + b), ("-", lambda a, b: a - b)):
        parts = prompt.rstrip("=").split(sign)
        if prompt.endswith("=") and len(parts) == 2 and all(p.isdigit() for p in parts):
            return str(result(*map(int, parts)))
    return None


def test_failures_and_forgetting_are_the_references():
    base = made()
    for step in (2886, 4500):
        base.drop(step, source=step)
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        o = until("the miner to end", lambda: ended(base, "checkpoint-4500"), 60, daemon)
    finally:
        daemon.stop()
    old, new = reference(2886), reference(4500)
    wrong = {i for i, r in new.items() if not r["correct"]}
    assert o["failures_total"] == len(wrong) and o["answers_total"] == 300, o["failures_total"]
    assert sum(c["count"] for c in o["failures_by_pattern"]) == len(wrong)
    for c in o["failures_by_pattern"]:
        assert c["example"] in wrong and 0 <= c["confident"] <= c["count"], c
    confident = sum(1 for i in wrong if new[i]["confidence"] >= 0.8)
    assert sum(c["confident"] for c in o["failures_by_pattern"]) == confident
    lost = {i for i in wrong if old[i]["correct"]}
    assert o["forgetting"]["n"] == len(lost)
    assert o["forgetting"]["solved_before"] == sum(r["correct"] for r in old.values())
    assert set(o["forgetting"]["ids"]) <= lost and o["forgetting"]["against"] == ["checkpoint-2886"]
    assert sum(o["forgetting"]["by_skill"].values()) == len(lost)

    with api_support.Server(base.dir) as server:
        whole = server.ask("/api/openapi.json").json()
        served = server.ask("/api/adversarial").json()
    schema = whole["paths"]["/api/adversarial"]["get"]["responses"]["200"]["content"]
    api_support.check(served, schema["application/json"]["schema"], whole)
    assert served["forgetting"] == o["forgetting"] and served["examples"] == o["examples"] != []
    assert served["active"] is False and set(served) >= set(o)

    # Every line can be traced, and is failed again by whoever asks.
    rows = [r for r in lines_of(base) if r["checkpoint"] == "checkpoint-4500"]
    assert o["kept"] == len(rows) > 0 and o["kept"] <= 50 and o["asked"] <= 100
    assert len({r["id"] for r in rows}) == len(rows)
    with open(os.path.join(base.dir, "data", "validation", "validation.jsonl")) as f:
        asked = {json.loads(line)["prompt"] for line in f}
    for r in rows:
        assert r["model_failed"] is True and r["pattern"] and r["why"] and r["prompt"] not in asked
        assert r["id"].startswith(r["fingerprint"][:8]) and r["seed"] > 0 and r["round"] in (1, 2, 3)
        if r["source"] and r["source"]["suite"] == "validation":
            assert r["source"]["id"] in wrong, r
        assert by_hand(r["prompt"]) in (None, r["golden"]), r
    hard = os.path.join(base.dir, "hard.jsonl")
    with open(hard, "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)
    out = os.path.join(base.dir, "again.jsonl")
    again = harness.proctor("eval", os.path.join(CHECKPOINTS, "checkpoint-4500"), "--suite", hard,
                            "--max-new-tokens", NEW_TOKENS, "--examples", out, "--quiet").row()
    assert again["n_accuracy"] == len(rows) and again["n_skipped"] == 0, again
    print("%d kept, accuracy when asked again: %g" % (len(rows), again["accuracy"]))
    assert again["accuracy"] <= 0.05, again["accuracy"]
    with open(out) as f:
        answers = {x["id"]: x["answer"] for x in map(json.loads, f)}
    assert all(answers[r["id"]] == r["model_answer"] for r in rows)
    base.remove()


def once(base, seconds=None):
    """`proctor adversarial-miner --once`, killed after so long; True: it came to its end."""
    p = subprocess.Popen([harness.PROCTOR, "adversarial-miner", "--once", "--base-dir", base.dir],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                         env={**os.environ, "XDG_CACHE_HOME": os.path.join(base.dir, "cache")})
    try:
        _, err = p.communicate(timeout=seconds)
        assert p.returncode == 0, err.decode()[-2000:]
        return True
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return False


def test_killed_anywhere_it_keeps_the_same_lines_once():
    whole = made(60)
    whole.drop(4500)
    begin = time.monotonic()
    assert once(whole)
    took = time.monotonic() - begin
    expected = lines_of(whole)
    whole.remove()
    rng = random.Random(6)
    kills = 0
    for _ in range(2):
        base = made(60)
        base.drop(4500)
        while not once(base, took * rng.uniform(0.1, 0.7)):
            kills += 1
            for r in lines_of(base):  # whole lines at any moment
                assert r["model_failed"] is True
        assert once(base)
        assert lines_of(base) == expected, (len(lines_of(base)), len(expected))
        assert all(f.endswith(".jsonl") for f in files_of(base)), files_of(base)
        base.remove()
    print("%d kills in %d lines' making" % (kills, len(expected)))


if __name__ == "__main__":
    harness.run(globals())
