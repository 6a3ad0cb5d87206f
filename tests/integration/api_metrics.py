"""/metrics: strictly the text format, with the numbers that the gradebook holds and no others; rules and
dashboard name only metrics that exist."""
import functools
import json
import os
import re
import sqlite3
import subprocess
import time
import urllib.request

import harness
from machines import Machine, until

MAKE_BASE = os.environ["MAKE_BASE"]
FAKE_NVML = os.environ["FAKE_NVML_LIBRARY"]
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (\S+)$" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


def parse(text):
    """{name: (type, help, {labels: value})}; fails on anything that the format does not allow, or that the
    house does not: NaN, infinities, repeated samples, samples of a family apart from each other."""
    families, now = {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        m = re.fullmatch(r"# HELP (%s) (.+)" % NAME, line)
        if m:
            assert m.group(1) not in families, "two of " + m.group(1)
            assert not re.search(r"\\(?![\\n])", m.group(2))
            now = m.group(1)
            families[now] = [None, m.group(2), {}]
            continue
        m = re.fullmatch(r"# TYPE (%s) (counter|gauge)" % NAME, line)
        if m:
            assert m.group(1) == now and families[now][0] is None and not families[now][2]
            families[now][0] = m.group(2)
            continue
        m = SAMPLE.fullmatch(line)
        assert m, "neither a comment nor a sample: " + line
        assert m.group(1) == now and families[now][0], "a sample apart from its family: " + line
        labels, rest = [], m.group(2) or ""
        while rest:
            k = LABEL.match(rest)
            assert k, line
            labels.append((k.group(1), re.sub(r"\\(.)", lambda x: {"n": "\n"}.get(x[1], x[1]), k.group(2))))
            rest = rest[k.end():]
        assert len({k for k, _ in labels}) == len(labels)
        value = float(m.group(3))
        assert value == value and abs(value) != float("inf"), line
        key = tuple(sorted(labels))
        assert key not in families[now][2], "twice: " + line
        families[now][2][key] = value
    for name, (kind, _, samples) in families.items():
        assert samples, name + " has no sample"
        assert name.startswith("proctor_")
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(percent|ms|milliseconds|mb|kb|gb)(_|$)", name), name
    return families


def metrics(machine):
    text, headers = machine.text("/metrics")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(text)


def value(families, name, /, **labels):
    return families[name][2][tuple(sorted(labels.items()))]


def query(machine, sql, *args):
    with sqlite3.connect("file:%s?mode=ro" % os.path.join(machine.base, "proctor.db"), uri=True) as db:
        return db.execute(sql, args).fetchall()


def made():
    m = Machine()
    subprocess.run([MAKE_BASE, m.base], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return m


def near(a, b):
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def test_figures_are_those_of_the_gradebook():
    with made().start_api() as m:
        found = metrics(m)
        states = dict(query(m, "SELECT state, count(*) FROM checkpoints WHERE NOT gone AND NOT reference"
                               " GROUP BY state"))
        for state in ("found", "ready", "refused", "quarantined"):
            assert value(found, "proctor_checkpoints", state=state) == states.get(state, 0)
        assert value(found, "proctor_checkpoint_newest_step") == 5000
        assert value(found, "proctor_checkpoint_newest_graded_examples", suite="validation") == 120
        # The newest is graded in part: figures are of the one before it.
        rows = query(m, "SELECT suite, step, accuracy, loss_mean_per_example FROM checkpoint_scores s"
                        " WHERE n_graded = n AND step = (SELECT max(step) FROM checkpoint_scores"
                        " WHERE suite = s.suite AND n_graded = n)")
        assert rows and "validation" in [r[0] for r in rows]
        for suite, step, accuracy, loss in rows:
            assert value(found, "proctor_graded_step", suite=suite) == step
            assert near(value(found, "proctor_graded_accuracy_ratio", suite=suite), accuracy)
            assert near(value(found, "proctor_graded_loss", suite=suite), loss)
        assert value(found, "proctor_graded_step", suite="validation") < 5000
        step = value(found, "proctor_graded_step", suite="validation")
        for difficulty, accuracy, loss in query(
                m, "SELECT e.difficulty, avg(t.correct), avg(t.loss) FROM grade_texts t"
                   " JOIN examples e ON e.name = t.example JOIN suite_examples x ON x.example = e.id"
                   " JOIN suites s ON s.id = x.suite AND s.name = 'validation' AND s.current"
                   " WHERE t.step = ? GROUP BY 1", step):
            labels = {"suite": "validation", "difficulty": difficulty}
            assert near(value(found, "proctor_graded_difficulty_accuracy_ratio", **labels), accuracy)
            assert abs(value(found, "proctor_graded_difficulty_loss", **labels) - loss) < 1e-9
        levels = dict(query(m, "SELECT level, count(*) FROM alerts WHERE cleared_ms IS NULL GROUP BY level"))
        for i, level in enumerate(("info", "warning", "critical")):
            assert value(found, "proctor_alerts_open", level=level) == levels.get(i, 0)
        assert sum(levels.values()) == 1
        best = json.loads(query(m, "SELECT document FROM findings WHERE system = 'model-comparison'"
                                   " ORDER BY id DESC LIMIT 1")[0][0])["best"]
        assert value(found, "proctor_best_score") == best["score"]
        for system, at in query(m, "SELECT system, max(at_ms) FROM findings GROUP BY system"):
            assert abs(value(found, "proctor_system_last_run_timestamp_seconds", system=system) - at / 1000) < 1e-3
        assert value(found, "proctor_gradebook_size_bytes") == os.path.getsize(os.path.join(m.base, "proctor.db"))
        assert value(found, "proctor_gradebook_grades") == query(m, "SELECT sum(n) FROM graded")[0][0]


def test_requests_and_streams_are_counted():
    with Machine().start_api() as m:
        metrics(m)
        before = value(metrics(m), "proctor_api_requests_total", code="200")
        for _ in range(3):
            m.get("/healthz")
        m.get("/api/nothing", status=404)
        found = metrics(m)
        # beside the three, the first scrape of them
        assert value(found, "proctor_api_requests_total", code="200") == before + 4
        assert value(found, "proctor_api_requests_total", code="404") == 1
        assert value(found, "proctor_api_event_streams") == 0
        with urllib.request.urlopen(m.url + "/api/events", timeout=60) as stream:
            assert stream.readline()
            assert value(metrics(m), "proctor_api_event_streams") == 1


def test_what_is_not_known_is_left_out():
    with made().start_api() as m:
        found = metrics(m)
        assert value(found, "proctor_owner_up") == 0
        for name in ("proctor_owner_start_time_seconds", "proctor_training_loss", "proctor_training_step",
                     "proctor_host_cpu_ratio", "proctor_host_memory_used_bytes", "proctor_grading_queue_checkpoints",
                     "proctor_tokens_computed_total", "proctor_system_failing", "proctor_gpu_info",
                     "proctor_storage_paused", "proctor_peer_up", "proctor_queue_level", "proctor_queue_files",
                     "proctor_hard_examples_kept", "proctor_generated_files_today"):
            assert name not in found, name
    with Machine().start_api() as m: # no gradebook either
        found = metrics(m)
        assert value(found, "proctor_owner_up") == 0 and "proctor_checkpoints" not in found
        assert "proctor_gradebook_size_bytes" not in found


FOUND = {
    "adversarial-miner": {"failures_total": 48, "asked": 67, "yield": 0.875, "kept": 50, "kept_total_today": 61,
                          "forgetting": {"n": 5}},
    "self-correction": {"asked": 88, "answered": 87, "errors": 85,
                        "corrections_written": {"today": 48, "total": 67},
                        "validation": {"total": {"moved": 3, "split": 2, "rejected": 1, "failed": 0,
                                                 "lines_moved": 80, "lines_rejected": 7}}},
    "data-generation": {"today": {"files": 4, "lines": 2000}}}
FILES = {("normal", "a.jsonl"): '{"prompt": "1 + 1 =", "golden": "2"}\n' * 2,
         ("high", "b.jsonl"): "no line at all\n",
         ("failed", "c.jsonl"): '{"prompt": "1 + 2 =", "golden": "3"}\n'}


def put_data(m):
    """A queue that is red, and a data side that found something."""
    for (queue, name), text in FILES.items():
        os.makedirs(os.path.join(m.base, "queue", queue), exist_ok=True)
        with open(os.path.join(m.base, "queue", queue, name), "w") as f:
            f.write(text)
    os.makedirs(os.path.join(m.base, "status"), exist_ok=True)
    with open(os.path.join(m.base, "status", "training_status.json"), "w") as f:
        json.dump({"examples_per_second": 0.5, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, f)
    with sqlite3.connect(os.path.join(m.base, "proctor.db")) as db:
        for system, document in FOUND.items():
            db.execute("DELETE FROM findings WHERE system = ?", (system,))
            db.execute("INSERT INTO findings(system, day, at_ms, document) VALUES(?, 1, 1000, ?)",
                       (system, json.dumps(document)))
    return m


def test_the_data_side_is_that_of_its_documents():
    with put_data(made()).start_api() as m:
        found = metrics(m)
        doc = m.get("/api/queue")["health"]
        assert value(found, "proctor_queue_level") == 2 and doc["status"] == "red"
        assert value(found, "proctor_queue_reason_level", reason="invalid") == 2
        assert value(found, "proctor_queue_reason_level", reason="failed") == 1
        for queue, o in doc["queues"].items():
            files = [text for (q, _), text in FILES.items() if q == queue]
            assert value(found, "proctor_queue_files", queue=queue) == o["files"] == len(files)
            assert value(found, "proctor_queue_size_bytes", queue=queue) == o["bytes"] == sum(map(len, files))
        assert value(found, "proctor_queue_waiting_examples") == 2
        assert value(found, "proctor_queue_unchecked_files") == 0
        assert near(value(found, "proctor_queue_remaining_seconds"), 2 / 0.5)
        assert 0 <= value(found, "proctor_queue_oldest_age_seconds", queue="high") < 600
        for name, expected in (("mining_failed_examples", 48), ("mining_asked_examples", 67),
                               ("mining_yield_ratio", 0.875), ("hard_examples_kept", 50),
                               ("hard_examples_kept_today", 61), ("mining_forgotten_examples", 5),
                               ("queue_asked_examples", 88), ("queue_answered_examples", 87),
                               ("queue_wrong_examples", 85), ("corrections_written", 67),
                               ("corrections_written_today", 48), ("generated_files_today", 4),
                               ("generated_lines_today", 2000)):
            assert value(found, "proctor_" + name) == expected, name
        for outcome, n in (("moved", 3), ("split", 2), ("rejected", 1), ("failed", 0)):
            assert value(found, "proctor_intake_files_total", outcome=outcome) == n
        for outcome, n in (("moved", 80), ("rejected", 7)):
            assert value(found, "proctor_intake_lines_total", outcome=outcome) == n


STATUS = {"status": 'half "way"\\\n', "current_step": 250, "total_steps": 1000, "epoch": 0.5, "loss": 1.25,
          "eval_loss": 1.5, "learning_rate": 1e-4, "grad_norm": 0.75, "tokens_per_second": 1234.5,
          "steps_per_second": 2, "eta_seconds": 375, "timestamp": "2026-01-02T03:04:05.250Z"}


def whole():
    """A daemon of which everything is known: GPUs, a peer, a training."""
    m = Machine('peers: {machines: {far: {url: "http://127.0.0.1:9"}}}\n',
                env={"PROCTOR_NVML": FAKE_NVML, "FAKE_NVML": "gpus=2"})
    subprocess.run([MAKE_BASE, m.base], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.makedirs(os.path.join(m.base, "status"), exist_ok=True)
    with open(os.path.join(m.base, "status", "training_status.json"), "w") as f:
        json.dump(STATUS, f)
    return m.start_owner().start_api()


def all_of(m):
    def look():
        found = metrics(m)
        return found if "proctor_host_cpu_ratio" in found and "proctor_gpu_power_watts" in found else None
    return until("the owner's looks", look)


def test_the_daemons_numbers_are_in_base_units():
    with whole() as m:
        found = all_of(m)
        assert value(found, "proctor_owner_up") == 1 and value(found, "proctor_storage_paused") == 0
        for key, name in (("current_step", "step"), ("total_steps", "steps_planned"), ("loss", "loss"),
                          ("eval_loss", "eval_loss"), ("learning_rate", "learning_rate"), ("grad_norm", "grad_norm"),
                          ("tokens_per_second", "tokens_per_second"), ("eta_seconds", "eta_seconds")):
            assert value(found, "proctor_training_" + name) == STATUS[key], key
        assert value(found, "proctor_training_updated_timestamp_seconds") == 1767323045.25
        assert value(found, "proctor_training_info", status=STATUS["status"], source="training_status.json") == 1
        assert value(found, "proctor_gpu_memory_used_bytes", gpu="1") == 4000000001
        assert near(value(found, "proctor_gpu_utilization_ratio", gpu="0"), 0.37)
        assert value(found, "proctor_gpu_power_watts", gpu="0") == 250.5
        assert value(found, "proctor_gpu_info", gpu="0", name="Fake GPU 0",
                     uuid="GPU-00000000-0000-0000-0000-000000000000") == 1
        assert 0 <= value(found, "proctor_host_cpu_ratio") <= 1
        assert value(found, "proctor_host_memory_size_bytes") == m.get("/api/gpu")["machines"][0]["host"][
            "memory_total_bytes"]
        assert value(found, "proctor_disk_size_bytes", path=m.base) > 0
        assert value(found, "proctor_peer_up", peer="far") == 0
        assert value(found, "proctor_system_active", system="regression-monitor") == 1
        assert value(found, "proctor_system_failing", system="regression-monitor") == 0
        assert value(found, "proctor_tokens_computed_total", kind="generated") == 0


@functools.cache
def everything():
    """{name: names of labels}, of a daemon and of a gradebook with graded checkpoints: make_base's have no
    folders, so that a daemon counts them as gone."""
    known = {}
    with whole() as a, put_data(made()).start_api() as b:
        for found in (all_of(a), metrics(b)):
            for name, (_, _, samples) in found.items():
                known.setdefault(name, set()).update(k for key in samples for k, _ in key)
    return known


def test_rules_and_dashboard_name_only_what_there_is():
    found = everything()
    root = harness.ROOT
    with open(os.path.join(root, "deploy", "prometheus", "proctor.rules.yml"), encoding="utf-8") as f:
        rules = f.read()
    with open(os.path.join(root, "deploy", "grafana", "proctor.json"), encoding="utf-8") as f:
        dashboard = json.load(f)
    expressions = re.findall(r"expr: (?:>-\n((?: {10}.*\n)+)|(.*))", rules)
    assert len(expressions) == rules.count("alert: ") > 10
    panels = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    assert len(panels) > 20 and len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    for text in [a + b for a, b in expressions] + panels + [
            t["query"]["query"] for t in dashboard["templating"]["list"] if t["type"] == "query"] + [
            a["expr"] for a in dashboard["annotations"]["list"]]:
        names = re.findall(r"\bproctor_\w+", text)
        assert names or text.startswith("up{"), text
        for name in names:
            assert name in found, "%s is in no /metrics: %s" % (name, text)
        for name, labels in re.findall(r"(proctor_\w+)\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)=", labels)) <= found[name] | {"instance"}, text


def test_the_list_in_the_documents_is_complete():
    with open(os.path.join(harness.ROOT, "docs", "metrics.md"), encoding="utf-8") as f:
        listed = {n: set(filter(None, labels.split(", "))) for n, labels in re.findall(
            r"^\| `(proctor_\w+)` \| \w+ \| ([^|]*?) ?\|", f.read(), re.M)}
    for name, labels in everything().items():
        assert listed.get(name) == labels, name


harness.run(globals())
