"""Self-correction and data generation in the real watch: what is said of the queue's examples is held
against `proctor eval`, every correction and every generated line against arithmetic done here."""
import collections
import json
import math
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import api_support  # noqa: E402
import harness  # noqa: E402
from watchbase import CHECKPOINTS, Base, Daemon, strict, until  # noqa: E402

NEW_TOKENS = 32
Z = 1.959963984540054


def wilson(k, n):
    p, z2 = k / n, Z * Z
    half = Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return [(p + z2 / (2 * n) - half) / (1 + z2 / n), (p + z2 / (2 * n) + half) / (1 + z2 / n)]


def lines_of(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return [strict(line) for line in f]


def names_of(*parts):
    path = os.path.join(*parts)
    return sorted(n for n in os.listdir(path) if not n.startswith(".")) if os.path.isdir(path) else []


def sums(n, seed):
    rng = random.Random(seed)
    rows = {}
    while len(rows) < n:
        a, b = rng.randrange(100, 1000), rng.randrange(100, 1000)
        rows["%d + %d =" % (a, b)] = {"prompt": "%d + %d =" % (a, b), "golden": str(a + b),
                                      "skill": "addition", "difficulty": "hard"}
    return list(rows.values())


def put(base, name, lines):
    path = os.path.join(base.dir, "queue", "unvalidated", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)
    os.utime(path + ".new", (1e9, 1e9))
    os.rename(path + ".new", path)


def open_alerts(base):
    return base.ask("SELECT key, level FROM alerts WHERE cleared_ms IS NULL AND key LIKE 'queue:%'")


def test_what_comes_in_is_asked_and_what_is_wrong_is_corrected():
    base = Base(300)
    base.configure("eval: {max_new_tokens: %d}\ncorrection: {error_threshold: 20, samples: 60, "
                   "continuous: true}\nmachine:\n  disabled: [curriculum-optimizer, "
                   "adversarial-miner, data-generation]\n" % NEW_TOKENS)
    with open(os.path.join(base.dir, "data", "validation", "validation.jsonl")) as f:
        examined = [json.loads(line) for line in f]
    rows = sums(150, 1)
    examined_prompts = {x["prompt"] for x in examined}
    rows = [r for r in rows if r["prompt"] not in examined_prompts]
    bad = ["no line at all", json.dumps({"prompt": "1 + 1 =", "golden": "3", "skill": "addition"}),
           json.dumps({"prompt": examined[2]["prompt"].upper(), "golden": examined[2]["golden"]}),
           json.dumps(rows[0])]
    put(base, "sums.jsonl", [json.dumps(r) for r in rows] + bad)
    base.drop(4500)
    stuck = os.path.join(base.dir, "queue", "failed", "failed.jsonl")
    os.makedirs(os.path.dirname(stuck))
    with open(stuck, "w", encoding="utf-8") as f:
        f.write(json.dumps(rows[0]) + "\n")
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        def ended():
            o = base.document("self_correction.json")
            return o if o and o["state"] == "ok" and o["asked"] == len(rows) else None
        o = until("the queue to be asked", ended, 60, daemon)
        until("the alert about the queue", lambda: open_alerts(base) == [("queue:failed", 1)], 60, daemon)
    finally:
        daemon.stop()
    os.unlink(stuck)
    daemon = Daemon(base.dir, "run", program=harness.PROCTOR)
    try:
        until("the alert to end", lambda: not open_alerts(base), 60, daemon)
    finally:
        daemon.stop()

    moved = lines_of(base.dir, "queue", "normal", "sums.jsonl")
    assert moved == rows
    refused = lines_of(base.dir, "queue", "rejected", "sums.jsonl")
    assert [r["text"] for r in refused] == bad
    assert [r["defect"] for r in refused] == ["invalid_json", "wrong_answer", "contaminated",
                                              "duplicate"], refused
    assert [r["line"] for r in refused] == [len(rows) + i + 1 for i in range(4)]
    assert examined[2]["id"] in refused[2]["reason"], refused[2]
    assert o["waiting_files"]["refused_lines"] == 0 and o["waiting_files"]["lines"] == len(rows)

    # The same questions, asked by `proctor eval`.
    out = os.path.join(base.dir, "again.jsonl")
    suite = os.path.join(base.dir, "again-suite.jsonl")
    with open(suite, "w") as f:
        f.writelines(json.dumps(dict(r, id="q%d" % i)) + "\n" for i, r in enumerate(rows))
    harness.proctor("eval", os.path.join(CHECKPOINTS, "checkpoint-4500"), "--suite", suite,
                    "--max-new-tokens", str(NEW_TOKENS), "--examples", out, "--quiet")
    answers = {rows[int(x["id"][1:])]["prompt"]: x for x in lines_of(out)}
    wrong = {p: x["answer"] for p, x in answers.items() if not x["correct"]}
    assert o["errors"] == len(wrong) > 20, (o["errors"], len(wrong))
    assert abs(o["error_rate"] - len(wrong) / len(rows)) < 1e-12
    assert max(abs(a - b) for a, b in zip(o["error_rate_ci95"],
                                          wilson(len(wrong), len(rows)))) < 1e-9
    assert sum(g["count"] for g in o["groups"]) == len(wrong)
    large = [g for g in o["groups"] if g["count"] >= 20]
    assert large and [g["threshold_reached"] for g in o["groups"]] == [
        g["count"] >= 20 for g in o["groups"]]

    # Every correction is of such an error, and ends in the right answer.
    [day] = names_of(base.dir, "queue", "corrections")
    made = lines_of(base.dir, "queue", "corrections", day)
    assert len(made) == sum(g["count"] for g in large) == o["corrections_written"]["total"]
    assert len({r["id"] for r in made}) == len(made)
    for r in made:
        user, assistant = (m["content"] for m in r["messages"])
        assert [m["role"] for m in r["messages"]] == ["user", "assistant"]
        prompt = next(p for p in wrong if p in user)
        a, b = map(int, prompt.rstrip("= ").split(" + "))
        assert r["correction"]["model_answer"] == wrong[prompt] and wrong[prompt] in user, r
        assert assistant.split("\n")[-1] == str(a + b) and wrong[prompt] in assistant, r
        assert "%d + %d" % (a % 10, b % 10) in assistant, assistant  # the working begins there
        assert abs(r["correction"]["confidence"] - answers[prompt]["confidence"]) < 1e-6
    by = collections.Counter(r["pattern"] for r in made)
    for g in large:
        assert by[g["pattern"]] == g["count"]
        with open(os.path.join(base.dir, g["report"]), encoding="utf-8") as f:
            report = strict(f.read())
        assert report["count"] == g["count"] and report["asked"] == len(rows)
        assert max(abs(a - b) for a, b in zip(report["share_ci95"],
                                              wilson(g["count"], len(rows)))) < 1e-9
        assert report["first_seen"] and report["examples"]
        confidences = [x["confidence"] for x in report["examples"]]
        assert confidences == sorted(confidences, reverse=True)
    assert len(names_of(base.dir, "logs", "error_patterns")) == len(large)

    # Started again, it has nothing to add.
    row = strict(base.command("self-correction", "--once", "--json", "--continuous",
                              "--error-threshold", "20"))
    assert row["corrections_written"]["run"] == 0 and row["errors"] == len(wrong)
    assert lines_of(base.dir, "queue", "corrections", day) == made
    base.remove()


def test_once_tells_of_all_the_runs_that_it_took():
    base = Base(30)
    base.configure("eval: {max_new_tokens: %d}\ncorrection: {samples: 3}\n" % NEW_TOKENS)
    base.drop(4500)
    folder = os.path.join(base.dir, "queue", "unvalidated")
    os.makedirs(folder)
    path = os.path.join(folder, "new.jsonl")
    with open(path, "w") as f:
        f.write('{"prompt": "1+2=", "golden": "3", "skill": "addition"}\n'
                '{"prompt": "3+4=", "golden": "8", "skill": "addition"}\n'
                '{"prompt": "4+5=", "golden": "9", "skill": "addition"}\n')
    os.utime(path, (1e9, 1e9))  # nobody is writing it any more
    for i in range(2):
        o = strict(base.command("self-correction", "--once", "--json"))
        assert o["asked"] == 2, o
        v, t = o["validation"], o["validation"]["total"]
        # Files are moved in the first run, and the answers are there in the last one.
        assert (v["files"], v["lines_moved"], v["lines_rejected"]) == ((1, 2, 1) if i == 0 else (0, 0, 0)), v
        assert v["by_defect"] == ({"wrong_answer": 1} if i == 0 else {}), v
        assert (t["files"], t["lines_moved"], t["lines_rejected"]) == (1, 2, 1), t
    base.remove()


def test_a_machine_that_only_trains_has_its_queue_filled():
    base = Base(300)
    base.configure("machine: {role: training}\ngeneration: {lines: 100, min_files: 3}\n")
    base.drop(4500)  # opened meanwhile, it must not have --once run again and say that it wrote nothing
    os.makedirs(base.status, exist_ok=True)
    row = strict(base.command("data-generation", "--once", "--json"))
    assert row["state"] == "ok" and row["mix"]["source"] == "default", row
    files = [n for n in names_of(base.dir, "queue", "normal") if n.endswith(".jsonl")]
    assert files == [w["file"] for w in row["written"]] and len(files) == 3
    with open(os.path.join(base.dir, "data", "validation", "validation.jsonl")) as f:
        seen = {json.loads(line)["prompt"] for line in f}
    for name in files:
        rows = lines_of(base.dir, "queue", "normal", name)
        with open(os.path.join(base.dir, "queue", "normal", name + ".manifest.json")) as f:
            manifest = strict(f.read())
        counts = collections.Counter((r["skill"], r["difficulty"]) for r in rows)
        assert len(rows) == manifest["lines"] == 100
        assert {(s, d): n for s, by in manifest["counts"].items() for d, n in by.items() if n} == counts
        assert all(32 <= sum(n for (_, x), n in counts.items() if x == d) <= 35
                   for d in ("easy", "medium", "hard")), counts
        for r in rows:
            assert r["prompt"] not in seen, r
            seen.add(r["prompt"])
    # The API says the same, and where each file is now.
    with api_support.Server(base.dir) as server:
        whole = server.ask("/api/openapi.json").json()
        schema = whole["paths"]["/api/queue"]["get"]["responses"]["200"]["content"]["application/json"]
        doc = server.ask("/api/queue").json()
        api_support.check(doc, schema["schema"], whole)
        own, served = base.document("data_generation.json"), doc["generation"]
        assert [f.pop("queue") for f in served["last_files"]] == ["normal"] * 3
        for key in ("last_files", "mix", "today", "waiting_files", "reason", "written"):
            assert served[key] == own[key], key
        os.rename(os.path.join(base.dir, "queue", "normal", files[0]),
                  os.path.join(base.dir, "queue", files[0] + ".away"))
        server.until("the file that is gone", lambda: [
            f["queue"] for f in server.ask("/api/queue").json()["generation"]["last_files"]] == [
                None, "normal", "normal"], 20)
        os.rename(os.path.join(base.dir, "queue", files[0] + ".away"),
                  os.path.join(base.dir, "queue", "normal", files[0]))
    # Beside one that is named otherwise nothing more is written; the interval has two names.
    row = strict(base.command("data-generation", "--once", "--json", "--check-interval", "7",
                              "--min-files", "2"))
    assert row["written"] == [] and row["reason"] == "enough files wait already"
    done = harness.proctor("data-generation", "--base-dir", base.dir, "--check-interval", "0", status=2)
    assert "--check-interval" in done.err, done.err
    base.remove()


def test_skills_from_outside_give_their_share_and_one_that_fails_is_named():
    base = Base(300)
    shutil.copy(os.path.join(harness.ROOT, "tests/fixtures/skills/plugin.py"), base.dir)
    base.configure("machine: {role: training}\n"
                   "generation: {lines: 60, min_files: 1, skills: {addition: 1, letters: 1, broken: 1, none: 1}}\n"
                   "skills:\n  programs: {letters: python3 ./plugin.py, broken: 'echo no json'}\n")
    row = strict(base.command("data-generation", "--once", "--json"))
    assert list(row["mix"]["skills_failed"]) == ["broken"] and "broken" in row["mix"]["skills_failed"]["broken"], row
    assert row["mix"]["skills_unknown"] == ["none"] and row["mix"]["skills"] == {"addition": 1, "letters": 1}, row
    rows = lines_of(base.dir, "queue", "normal", row["written"][0]["file"])
    by = collections.Counter((r["skill"], r["difficulty"]) for r in rows)
    assert len(rows) == 60 and by == {(s, d): 10 for s in ("addition", "letters") for d in ("easy", "medium", "hard")}, by
    for r in rows:
        if r["skill"] == "letters":
            word = r["prompt"].split("'")[1]
            assert r["golden"] == str(sum(word.count(c) > 1 for c in set(word))) and "check" not in r, r
    assert len({r["prompt"] for r in rows}) == 60
    base.remove()


if __name__ == "__main__":
    harness.run(globals())
