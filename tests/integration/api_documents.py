"""Every number that the API says, against plain SQL over proctor.db, against the commands, and against
statistics that are written out here: on a real run, graded by this build.

API_DOCUMENTS_BASE names another base folder that nobody owns, to be held against itself in the same way."""
import contextlib
import json
import math
import os
import shutil
import sqlite3
import sys
import tempfile
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
from api_support import Server, check  # noqa: E402
from watchbase import CHECKPOINTS, Base  # noqa: E402

SYSTEMS = {"regression": "regression_monitoring.json", "model_comparison": "model_comparisons.json",
           "confidence": "confidence_calibration.json", "testing": "automated_testing.json",
           "curriculum": "curriculum_optimization.json",
           "adversarial": "adversarial_mining.json",
           "self_correction": "self_correction.json"}
HELD = ("/api/status", "/api/training", "/api/checkpoints", "/api/gradebook/", "/api/curves",
        *("/api/" + name for name in SYSTEMS))
EDGES = [0, 0.2, 0.4, 0.6, 0.8, 0.95, 1]


# ---- statistics, from their definitions ----

def wilson(k, n, z=1.959963984540054):
    if not n:
        return None, None
    p, d = k / n, 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    middle = (p + z * z / (2 * n)) / d
    return middle - half, middle + half


def mcnemar(gained, lost):
    n = gained + lost
    if not n:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2 ** n)


def binned(pairs):
    """(ece, [count], [accuracy]) of (confidence, right)."""
    bins = [[] for _ in EDGES[1:]]
    for c, right in pairs:
        k = 0
        while k + 1 < len(bins) and c >= EDGES[k + 1]:
            k += 1
        bins[k].append((c, right))
    ece = None
    if pairs:
        ece = sum(abs(sum(r for _, r in b) - sum(c for c, _ in b)) for b in bins) / len(pairs)
    return ece, [len(b) for b in bins], [sum(r for _, r in b) / len(b) if b else None for b in bins]


def near(a, b, where):
    if a is None or b is None:
        assert a is None and b is None, (where, a, b)
    else:
        assert math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12), (where, a, b)


# ---- the base folder ----

@contextlib.contextmanager
def base_of_run_a():
    """The repository's run, graded and judged by this build; half of another checkpoint's grades are
    taken away again, one loses its folder, one is pinned, and a training's log is put beside it."""
    base = Base(60)
    base.configure("eval:\n  max_new_tokens: 32\ncurriculum:\n  budget_percent: 0\n"
                   "machine:\n  disabled: [data-generation]\n")
    for name in os.listdir(CHECKPOINTS):
        shutil.copytree(os.path.join(CHECKPOINTS, name), os.path.join(base.models, name))
    base.drop(4600, seed=3)
    base.drop(4700, seed=4)
    harness.proctor("run", "--once", "--base-dir", base.dir)
    db = sqlite3.connect(os.path.join(base.dir, "proctor.db"))
    with db:
        model, = db.execute("SELECT model FROM checkpoints WHERE name = 'checkpoint-4700'").fetchone()
        db.execute("DELETE FROM grades WHERE model = ? AND example % 2", (model,))
        db.execute("UPDATE checkpoints SET gone = 1, gone_reason = 'its folder is gone'"
                   " WHERE name = 'checkpoint-2926'")
        db.execute("INSERT INTO pins SELECT id, 1, 'test' FROM checkpoints WHERE name = 'checkpoint-4500'")
        run, = db.execute("SELECT run_id FROM checkpoints WHERE name = 'checkpoint-4700'").fetchone()
        for name in ("a_long_one", "another"):  # beside those of the checkpoints' own logs
            series = db.execute("INSERT INTO series(run_id, name) VALUES(?, ?)", (run, name)).lastrowid
            db.executemany("INSERT INTO points VALUES(?, ?, ?)", (
                (series, 10 * k, None if k % 50 == 7 else 1 + math.sin(k / 30) + (40 if k == 1234 else 0))
                for k in range(5000)))
    db.close()
    try:
        yield base.dir
    finally:
        base.remove()


@contextlib.contextmanager
def base_that_is_given():
    with tempfile.TemporaryDirectory(prefix="proctor-given-") as scratch:
        copy = os.path.join(scratch, "base")
        shutil.copytree(os.environ["API_DOCUMENTS_BASE"], copy)
        harness.proctor("run", "--once", "--base-dir", copy)
        yield copy


class Book:
    def __init__(self, folder, server):
        self.dir, self.server = folder, server
        self.db = sqlite3.connect("file:%s/proctor.db?mode=ro" % folder, uri=True)
        self.openapi = self.get("/api/openapi.json")
        self.asked = set()

    def sql(self, text, *values):
        return self.db.execute(text, values).fetchall()

    def get(self, url, status=200):
        answer = self.server.ask(url)
        assert answer.status == status, (url, answer.status, answer.body[:500])
        return answer.json()

    def ok(self, url):
        """An answer that is as its schema says."""
        doc = self.get(url)
        for path, methods in self.openapi["paths"].items():
            parts, given = path.split("/"), url.split("?")[0].split("/")
            if len(parts) == len(given) and all(p == g or p[:1] == "{" for p, g in zip(parts, given)):
                schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
                check(doc, schema, self.openapi)
                if path not in self.asked:
                    self.hold_schema(doc, schema)
                self.asked.add(path)
                return doc
        raise AssertionError("not in openapi.json: " + url)

    def hold_schema(self, doc, schema):
        """A schema that takes everything would say nothing: each member that is left out, or is something
        else, breaks it."""
        def breaks(wrong, what):
            try:
                check(wrong, schema, self.openapi)
            except AssertionError:
                return
            raise AssertionError("the schema takes %s" % what)
        optional = self.optional(schema)
        for key in doc:
            if key in optional or key.endswith("_reason") or key not in self.members(schema):
                continue
            breaks({k: v for k, v in doc.items() if k != key}, "an answer without " + key)
            breaks({**doc, key: {"a": 1} if isinstance(doc[key], list) else [[1]]}, "another " + key)
            if isinstance(doc[key], list) and doc[key] and isinstance(doc[key][0], dict):
                breaks({**doc, key: [{}]}, "an empty item of " + key)

    def resolved(self, schema):
        if "$ref" in schema:
            schema = self.openapi["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return [schema] + [x for part in schema.get("allOf", []) for x in self.resolved(part)]

    def members(self, schema):
        return {k for s in self.resolved(schema) for k in s.get("properties", {})}

    def optional(self, schema):
        return self.members(schema) - {k for s in self.resolved(schema) for k in s.get("required", [])}

    def command(self, *args):
        return json.loads(harness.proctor(*args, "--base-dir", self.dir, "--json").out)

    def status_file(self, name):
        with open(os.path.join(self.dir, "status", name)) as f:
            return json.load(f)

    def grades(self, checkpoint, suite="validation"):
        """The grades of a checkpoint on the suite in use: rows by position; None where there is none."""
        rows = self.sql(
            "SELECT x.position, e.digest, e.difficulty, v.graded, v.correct, v.nll, v.answer_tokens,"
            " v.loss, v.confidence, v.finish, v.truncated, v.empty, v.think, v.output_tokens, v.bad_number"
            " FROM suites s JOIN suite_examples x ON x.suite = s.id JOIN examples e ON e.id = x.example"
            " LEFT JOIN checkpoints c ON c.id = ? LEFT JOIN grade_values v ON v.model = c.model"
            " AND v.example = e.id WHERE s.current AND s.name = ? ORDER BY x.position", checkpoint, suite)
        names = ("position digest difficulty graded correct nll answer_tokens loss confidence finish truncated"
                 " empty think output_tokens bad_number").split()
        return [dict(zip(names, row)) for row in rows]


def figures(rows):
    """What proctor eval says of grades, worked out anew; None: not known."""
    graded = [g for g in rows if g["graded"]]
    losses = [g for g in graded if g["loss"] is not None]
    decided = [g for g in graded if g["correct"] is not None]
    asked = [g for g in graded if g["finish"] not in (None, "choice")]
    tokens = sum(g["answer_tokens"] for g in losses)
    right = sum(g["correct"] for g in decided)
    low, high = wilson(right, len(decided))
    return {
        "graded": len(graded), "loss": sum(g["nll"] for g in losses) / tokens if tokens else None,
        "loss_mean_per_example": math.fsum(g["loss"] for g in losses) / len(losses) if losses else None,
        "accuracy": right / len(decided) if decided else None, "accuracy_low": low, "accuracy_high": high,
        "ece": binned([(g["confidence"], g["correct"]) for g in decided if g["confidence"] is not None])[0],
        "truncated": sum(g["truncated"] for g in asked), "empty": sum(g["empty"] for g in asked),
        "think_rate": sum(g["think"] for g in asked) / len(asked) if asked else None,
        "mean_output_tokens": sum(g["output_tokens"] for g in asked) / len(asked) if asked else None,
        "bad_numbers": sum(g["bad_number"] for g in graded)}


# ---- what each endpoint says ----

def same(a, b, where, but=()):
    a, b = ({k: v for k, v in x.items() if k not in but} for x in (a, b))
    assert a == b, (where, [(k, a.get(k), b.get(k)) for k in {*a, *b} if a.get(k) != b.get(k)][:3])


def hold_status(b):
    status, command = b.ok("/api/status"), b.command("status")
    ages = ("age_seconds", "age_seconds_reason")
    same(status["training"], command["training"], "training", ages)
    same(b.ok("/api/training"), command["training"], "training", (*ages, "schema_version", "at"))
    for key in ("systems", "newest", "checkpoints", "alerts", "orders", "tokens", "checkpoints_by_state",
                "n_checkpoints", "base_dir", "owner"):
        assert status[key] == command[key], key
    best = b.status_file("model_comparisons.json")["best"]
    if best:
        assert status["best"]["checkpoint"] == best["checkpoint"]
        assert status["best"]["score"] == best["score"]
        assert b.sql("SELECT path FROM checkpoints WHERE id = ?", status["best"]["id"]) == [(best["path"],)]
    assert status["deployed"] is None and status["deployed_reason"]
    assert status["live"] is None and status["live_reason"]
    assert status["machines"][0]["self"] and status["machines"][0]["reachable"]
    ids = [p["id"] for p in status["panels"]]
    order = ["progress", "previews", "calibration", "comparison", "checkpoints", "curriculum",
             "testing", "gpu", "alerts"]
    assert ids[:5] == order[:5], ids
    assert ids == sorted(ids, key=lambda i: order.index(i) if i in order else 99), ids


def hold_systems(b):
    for name, path in SYSTEMS.items():
        doc = b.ok("/api/" + name)
        assert doc["active"] is False  # nobody owns the folder
        # What is found again is not stored again: its time is in the file alone.
        same(doc, b.status_file(path), name, ("active", "schema_version", "at", "last_run"))
        assert doc["last_run"] <= b.status_file(path)["last_run"]
    doc = b.ok("/api/deployments")
    assert doc["state"] == "not_installed" and doc["state_reason"]
    doc = b.ok("/api/queue")
    assert doc["health"]["status"] in ("green", "yellow", "red"), doc
    assert doc["generation"]["state"] == "not_installed" and doc["generation"]["state_reason"]


def pages(b, url, key, most=100):
    """All rows of a list, and n; every page but the last is full."""
    rows, cursor = [], None
    for _ in range(most):
        doc = b.ok(url + ("&cursor=" + quote(cursor) if cursor else ""))
        rows += doc[key]
        cursor = doc["next_cursor"]
        if not cursor:
            assert len(rows) == doc["n"], url
            return rows
    raise AssertionError("no end: " + url)


def hold_checkpoints(b):
    ranking = {r["path"]: r for r in b.status_file("model_comparisons.json")["rankings"]}
    rows = pages(b, "/api/checkpoints?limit=3", "checkpoints")
    there = b.sql("SELECT id FROM checkpoints WHERE NOT gone")
    assert sorted(r["id"] for r in rows) == sorted(x for x, in there)
    steps = [r["step"] for r in rows if r["step"] is not None]
    assert steps == sorted(steps, reverse=True)
    for r in rows:
        path, name, state, model = b.sql(
            "SELECT path, name, state, model FROM checkpoints WHERE id = ?", r["id"])[0]
        assert (r["path"], r["name"], r["state"]) == (path, name, state)
        assert r["pinned"] == bool(b.sql("SELECT 1 FROM pins WHERE checkpoint = ?", r["id"]))
        rank = ranking.get(path, {})
        assert (r["rank"], r["score"]) == (rank.get("rank"), rank.get("score")), name
        verdict = b.sql("SELECT d.verdict FROM decisions d JOIN suites s ON s.id = d.suite WHERE checkpoint = ?"
                        " AND system = 'regression-monitor' AND kind = 'verdict' AND s.current"
                        " AND s.name = 'validation' ORDER BY d.id DESC LIMIT 1", r["id"])
        assert r["level"] == (verdict[0][0] if verdict else None)
        for s in r["suites"]:
            want = figures(b.grades(r["id"], s["suite"]))
            view = b.sql("SELECT n_graded, loss, loss_mean_per_example, accuracy FROM checkpoint_scores"
                         " WHERE checkpoint = ? AND suite = ?", r["id"], s["suite"])
            assert s["graded"] == (view[0][0] if view else 0)
            for i, key in enumerate(("loss", "loss_mean_per_example", "accuracy")):
                near(s[key], want[key], (name, key))
                near(s[key], view[0][i + 1] if view else None, (name, key))
            near(s["ece"], want["ece"], (name, "ece"))
        same(b.ok("/api/checkpoints/%d" % r["id"]), b.command("why", path), name, ("at",))
    best = pages(b, "/api/checkpoints?order=best&limit=2", "checkpoints")
    assert sorted(r["id"] for r in best) == sorted(r["id"] for r in rows)
    scores = [r["score"] for r in best if r["score"] is not None]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == len([path for path, in b.sql("SELECT path FROM checkpoints WHERE NOT gone")
                               if ranking.get(path, {}).get("score") is not None])
    assert b.get("/api/checkpoints/99999", 404)["error"]["code"] == "not_found"


def hold_runs_and_suites(b):
    runs = b.ok("/api/gradebook/runs")["runs"]
    assert [(r["id"], r["run"], r["checkpoints"]) for r in runs] == b.sql(
        "SELECT r.id, r.run, (SELECT count(*) FROM checkpoints c WHERE c.run_id = r.id AND NOT gone)"
        " FROM runs r ORDER BY first_checkpoint, id")
    for s in b.ok("/api/gradebook/suites")["suites"]:
        assert b.sql("SELECT name, fingerprint, n FROM suites WHERE id = ? AND current", s["id"]) == \
            [(s["name"], s["fingerprint"], s["n"])]
        for column, key in (("difficulty", "by_difficulty"), ("skill", "by_skill")):
            assert s[key] == dict(b.sql("SELECT coalesce(%s, 'unspecified'), count(*) FROM suite_examples x JOIN"
                                        " examples e ON e.id = x.example WHERE x.suite = ? GROUP BY 1" % column,
                                        s["id"]))


def hold_history(b):
    scores = {r["path"]: r["score"] for r in b.status_file("model_comparisons.json")["rankings"]}
    for run, in b.sql("SELECT id FROM runs"):
        doc = b.ok("/api/gradebook/history?run=%d" % run)
        want = [c for c, in b.sql("SELECT c.id FROM checkpoints c WHERE run_id = ? AND EXISTS (SELECT 1 FROM"
                                  " grades g WHERE g.model = c.model) ORDER BY step, id", run)]
        assert set(doc["checkpoint"]) <= set(want) and doc["n"] == len(doc["checkpoint"])
        assert {m for m, in b.sql("SELECT DISTINCT model FROM checkpoints WHERE id IN (%s)" % ",".join(
            map(str, doc["checkpoint"] or [0])))} == {m for m, in b.sql(
                "SELECT DISTINCT model FROM checkpoints WHERE id IN (%s)" % ",".join(map(str, want or [0])))}
        for i, c in enumerate(doc["checkpoint"]):
            rows = b.grades(c)
            for key, value in figures(rows).items():
                near(doc[key][i], value, (doc["name"][i], key))
            for name, group in doc["difficulties"].items():
                some = figures([g for g in rows if g["difficulty"] == name])
                assert group["n"][i] == some["graded"]
                for key in ("accuracy", "accuracy_low", "accuracy_high", "loss"):
                    near(group[key][i], some[key], (doc["name"][i], name, key))
            path, gone = b.sql("SELECT path, gone FROM checkpoints WHERE id = ?", c)[0]
            assert doc["gone"][i] == bool(gone)
            if path in scores and not gone and doc["graded"][i] == doc["of"]:
                near(doc["score"][i], scores[path], (path, "score"))
            if doc["graded"][i] < doc["of"]:
                assert doc["score"][i] is None
        verdicts = b.sql(
            "SELECT c.id, d.verdict FROM decisions d JOIN checkpoints c ON c.id = d.checkpoint JOIN suites s ON"
            " s.id = d.suite WHERE c.run_id = ? AND s.name = 'validation' AND s.current AND d.kind = 'verdict' AND"
            " d.system = 'regression-monitor' AND d.id = (SELECT max(l.id) FROM decisions l WHERE l.checkpoint ="
            " c.id AND l.kind = 'verdict' AND l.system = d.system AND l.suite = d.suite)", run)
        for level, kind in (("critical", "regression"), ("warning", "warning")):
            assert sorted(m["checkpoint"] for m in doc["marks"] if m["kind"] == kind) == \
                sorted(c for c, v in verdicts if v == level)
        assert sorted(m["checkpoint"] for m in doc["marks"] if m["kind"] == "pin") == sorted(
            c for c, in b.sql("SELECT checkpoint FROM pins JOIN checkpoints c ON c.id = checkpoint"
                              " WHERE c.run_id = ?", run))


def two_of_one_run(b):
    return [c for c, in b.sql(
        "SELECT c.id FROM checkpoints c JOIN runs r ON r.id = c.run_id WHERE NOT gone AND state = 'ready'"
        " ORDER BY r.last_ms DESC, c.step DESC LIMIT 2")]


def hold_examples(b):
    newest, other = two_of_one_run(b)
    now, was = b.grades(newest), b.grades(other)
    texts = {r[0]: r[1:] for r in b.sql("SELECT example, answer, output, correct, loss, confidence FROM grade_texts"
                                        " WHERE checkpoint = ?", newest)}
    fit = {"all": lambda g, o: True, "right": lambda g, o: g["correct"] == 1,
           "wrong": lambda g, o: g["correct"] == 0,
           "gained": lambda g, o: g["correct"] == 1 and o["correct"] == 0,
           "lost": lambda g, o: g["correct"] == 0 and o["correct"] == 1,
           "truncated": lambda g, o: bool(g["truncated"]), "ungraded": lambda g, o: not g["graded"]}
    assert b.ok("/api/gradebook/examples")["checkpoint"]["id"] == newest
    for outcome, fits in fit.items():
        rows = pages(b, "/api/gradebook/examples?checkpoint=%d&against=%d&outcome=%s&limit=7" % (
            newest, other, outcome), "examples")
        assert [r["example"] for r in rows] == [g["digest"] for g, o in zip(now, was) if fits(g, o)], outcome
        for r in rows:
            g = next(g for g in now if g["digest"] == r["example"])
            assert r["difficulty"] == g["difficulty"] and r["graded"] == bool(g["graded"])
            assert r["correct"] == (None if g["correct"] is None else bool(g["correct"]))
            near(r["loss"], g["loss"], "loss")
            near(r["confidence"], g["confidence"], "confidence")
            if r["graded"]:
                answer, output, *_ = texts[r["id"]]
                assert (r["answer"], r["output"]) == (answer, output), r["id"]
            line, = b.sql("SELECT line FROM examples WHERE digest = ?", r["example"])[0]
            line = json.loads(line)["line"]
            if "prompt" in line and isinstance(line["prompt"], str):
                assert r["messages"][-1]["content"] == line["prompt"]
            if isinstance(line.get("golden"), str):
                assert r["golden"] == line["golden"]
    word = next(r for r in b.ok("/api/gradebook/examples")["examples"] if r["golden"])["golden"][:3]
    rows = pages(b, "/api/gradebook/examples?checkpoint=%d&limit=50&search=%s" % (newest, quote(word.upper())),
                 "examples")
    everything = pages(b, "/api/gradebook/examples?checkpoint=%d&limit=200" % newest, "examples")
    hay = lambda r: "\0".join([*(m["content"] for m in r["messages"]), r["golden"] or "", r["output"] or ""]).lower()
    assert [r["example"] for r in rows] == [r["example"] for r in everything if word.lower() in hay(r)]
    digest = everything[0]["example"]
    doc = b.ok("/api/gradebook/examples/%s" % digest)
    want = b.sql("SELECT c.id, v.correct, v.loss FROM checkpoints c JOIN grade_values v ON v.model = c.model JOIN"
                 " examples e ON e.id = v.example WHERE e.digest = ? AND c.run_id = ? ORDER BY c.step, c.id",
                 digest, doc["run_id"])
    assert [a["checkpoint"] for a in doc["answers"]] == [w[0] for w in want]
    for a, w in zip(doc["answers"], want):
        assert a["correct"] == (None if w[1] is None else bool(w[1]))
        near(a["loss"], w[2], "loss")


def hold_compare(b):
    new, old = two_of_one_run(b)
    doc = b.ok("/api/gradebook/compare?a=%d&b=%d" % (old, new))
    pairs = [(o, n) for o, n in zip(b.grades(old), b.grades(new)) if o["graded"] and n["graded"]]
    assert doc["n"] == len(pairs)
    table = {(x, y): sum(o["correct"] == x and n["correct"] == y for o, n in pairs) for x in (0, 1) for y in (0, 1)}
    assert (doc["both"], doc["gained"], doc["lost"], doc["neither"]) == (
        table[1, 1], table[0, 1], table[1, 0], table[0, 0])
    near(doc["p_accuracy"], mcnemar(doc["gained"], doc["lost"]), "McNemar")
    near(doc["accuracy_difference"], (doc["gained"] - doc["lost"]) / sum(table.values()), "difference")
    near(doc["loss_difference"], math.fsum(n["loss"] - o["loss"] for o, n in pairs) / len(pairs), "loss")
    for name, group in doc["by_difficulty"].items():
        some = [(o, n) for o, n in pairs if o["difficulty"] == name]
        assert group["gained"] == sum(n["correct"] == 1 and o["correct"] == 0 for o, n in some)
        assert group["lost"] == sum(n["correct"] == 0 and o["correct"] == 1 for o, n in some)
    # As `proctor compare` says it, which grades both anew.
    complete = [c for c, path in b.sql(
        "SELECT c.id, c.path FROM checkpoints c JOIN checkpoint_scores s ON s.checkpoint = c.id WHERE"
        " s.suite = 'validation' AND s.n = s.n_graded AND c.state = 'ready' ORDER BY c.step") if os.path.isdir(
            os.path.join(b.dir, path))][:2]
    paths = [os.path.join(b.dir, b.sql("SELECT path FROM checkpoints WHERE id = ?", c)[0][0]) for c in complete]
    limit = json.loads(b.sql("SELECT document FROM settings ORDER BY id DESC LIMIT 1")[0][0])["max_new_tokens"]
    said = json.loads(harness.proctor(
        "compare", *paths, "--suite", os.path.join(b.dir, "data", "validation"), "--max-new-tokens", limit,
        "--json").out)
    doc = b.ok("/api/gradebook/compare?a=%d&b=%d" % tuple(complete))
    accuracy, loss = said["metrics"]["accuracy"], said["metrics"]["loss_mean_per_example"]
    assert doc["n"] == said["n_paired"]
    for key, value in (("accuracy_difference", accuracy["difference"]), ("p_accuracy", accuracy["p_mcnemar"]),
                       ("accuracy_difference_low", accuracy["ci95"][0]),
                       ("accuracy_difference_high", accuracy["ci95"][1]),
                       ("loss_difference", loss["difference"]), ("p_loss", loss["p_sign_flip"]),
                       ("loss_difference_low", loss["ci95"][0]), ("loss_difference_high", loss["ci95"][1]),
                       ("gained", accuracy["n_gained"]), ("lost", accuracy["n_lost"])):
        near(doc[key], value, key)
    for side, key in (("a", "first"), ("b", "second")):
        near(doc[side]["accuracy"], accuracy[key], side)
        near(doc[side]["loss_mean_per_example"], loss[key], side)
    assert b.get("/api/gradebook/compare?a=%d" % new, 400)["error"]["code"] == "bad_request"


def hold_calibration(b):
    for c in two_of_one_run(b):
        doc = b.ok("/api/gradebook/calibration?checkpoint=%d" % c)
        pairs = [(g["confidence"], g["correct"], g["difficulty"]) for g in b.grades(c)
                 if g["graded"] and g["correct"] is not None and g["confidence"] is not None]
        for group, name in [(doc, None)] + [(g, n) for n, g in doc["by_difficulty"].items()]:
            some = [p[:2] for p in pairs if name in (None, p[2])]
            ece, counts, accuracies = binned(some)
            assert group["n"] == len(some) and [x["count"] for x in group["bins"]] == counts
            near(group["ece"], ece, (c, name))
            for x, a in zip(group["bins"], accuracies):
                near(x["accuracy"], a, (c, name, x["range"]))
            assert [(x["low"], x["high"]) for x in group["bins"]] == list(zip(EDGES, EDGES[1:]))


def hold_curves(b):
    series = b.ok("/api/curves")["series"]
    if not series:
        b.get("/api/curves/1", 404)
        b.asked.add("/api/curves/{id}")
    for s in series:
        points = b.sql("SELECT step, value FROM points WHERE series = ? ORDER BY step", s["id"])
        assert (s["n"], s["first_step"], s["last_step"]) == (len(points), points[0][0], points[-1][0])
        for width, beta in ((1000, 0.9), (50, 0.999), (20000, 0)):
            doc = b.ok("/api/curves/%d?width=%d&smoothing=%s" % (s["id"], width, beta))
            assert doc["n"] == len(points) and len(doc["step"]) <= 2 * width
            assert doc["decimated"] == (len(doc["step"]) < len(points))
            known, mean, weight, smooth = dict(points), 0.0, 0.0, {}
            for step, value in points:
                if value is not None:
                    mean, weight = beta * mean + (1 - beta) * value, beta * weight + 1 - beta
                smooth[step] = mean / weight if weight else None
            for step, value, smoothed in zip(doc["step"], doc["value"], doc["smoothed"]):
                assert known[step] == value
                near(smoothed, smooth[step], (step, "smoothed"))
            values = [v for v in known.values() if v is not None]
            shown = [v for v in doc["value"] if v is not None]
            assert (min(values), max(values)) == (min(shown), max(shown))
            assert doc["n_not_numbers"] == sum(v is None for v in known.values())
            assert doc["not_numbers"] == [k for k, v in points if v is None][:1000]


def hold(base):
    with Server(base) as server:
        b = Book(base, server)
        for name, one in list(globals().items()):
            if name.startswith("hold_"):
                one(b)
                print("     " + name)
        here = {p for p, methods in b.openapi["paths"].items() if "get" in methods and p.startswith(HELD)}
        assert here <= b.asked, here - b.asked


def test_every_number_is_that_of_the_gradebook():
    with base_that_is_given() if "API_DOCUMENTS_BASE" in os.environ else base_of_run_a() as base:
        hold(base)


def test_an_empty_base_folder_has_answers_too():
    with harness.scratch() as base, Server(base) as server:
        b = Book.__new__(Book)
        b.dir, b.server, b.asked = base, server, set()
        b.openapi = b.get("/api/openapi.json")
        for path, methods in b.openapi["paths"].items():
            if "get" not in methods or not path.startswith("/api/") or "{" in path or path in (
                    "/api/openapi.json", "/api/events", "/api/session"):
                continue
            answer = server.ask(path)
            assert answer.status in (200, 400, 404), (path, answer.status, answer.body[:300])
            if answer.status == 200:
                b.ok(path)
            else:
                assert answer.error()["message"], path
        status = b.ok("/api/status")
        assert status["best"] is None and status["best_reason"] and status["newest"] is None
        assert "progress" not in [p["id"] for p in status["panels"]]
        same(b.ok("/api/checkpoints"), {"checkpoints": [], "n": 0, "next_cursor": None}, "none yet",
             ("schema_version", "at"))
        for name in SYSTEMS:
            assert b.ok("/api/" + name)["state"] == "waiting"


if __name__ == "__main__":
    harness.run(globals())
