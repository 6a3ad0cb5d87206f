"""proctor queue-health: each reason is found, the light follows, and what is known is kept."""
import json
import os
import time

import harness
from harness import proctor


def put(base, queue, name, text):
    folder = os.path.join(base, "queue", queue)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def lines(n, start=0):
    return "".join(json.dumps({"prompt": "Question number %d?" % i, "golden": str(i)}) + "\n"
                   for i in range(start, start + n))


def health(base, status):
    doc = proctor("queue-health", "--base-dir", base, "--json", status=status).row()
    assert doc["schema_version"] == 1
    return doc, {r["code"]: r for r in doc["reasons"]}


def test_an_ordered_queue_is_green_and_lasts_as_long_as_it_says():
    with harness.scratch() as base:
        put(base, "normal", "a.jsonl", lines(7200))
        put(base, "high", "b.json", json.dumps([{"prompt": "x", "golden": "y"}] * 2))
        put(base, "normal", "a.jsonl.manifest.json", "{}")
        doc, _ = health(base, 0)
        assert doc["status"] == "green" and doc["reasons"] == [], doc
        assert doc["hours_left"] is None and "training_status.json" in doc["hours_left_reason"]
        assert doc["waiting"] == {"files": 2, "bytes": doc["waiting"]["bytes"], "examples": 7202.0}
        os.mkdir(os.path.join(base, "status"))
        status = os.path.join(base, "status", "training_status.json")
        with open(status, "w", encoding="utf-8") as f:
            json.dump({"status": "training", "samples_per_second": 0.5, "tokens_per_second": 9}, f)
        doc, _ = health(base, 0)
        assert abs(doc["hours_left"] - 7202 / 0.5 / 3600) < 1e-9
        with open(status, "w", encoding="utf-8") as f:
            json.dump({"tokens_per_second": 5.0}, f)
        doc, _ = health(base, 0)
        assert abs(doc["hours_left"] - doc["waiting"]["bytes"] / 4 / 5 / 3600) < 1e-9
        with open(status, "w", encoding="utf-8") as f:
            json.dump({"samples_per_second": 50}, f)
        doc, reasons = health(base, 1)
        assert list(reasons) == ["runs_out"] and doc["status"] == "yellow"
        assert doc["reasons"][0]["text"] == "what waits lasts for about 2 minutes of training", doc["reasons"]
        old = time.time() - 7300
        os.utime(status, (old, old))
        doc, _ = health(base, 0)
        assert doc["hours_left"] is None and "not running" in doc["hours_left_reason"], doc


def test_each_thing_that_is_wrong_is_a_reason():
    with harness.scratch() as base:
        doc, reasons = health(base, 1)
        assert doc["status"] == "yellow" and list(reasons) == ["empty_queue"]
        put(base, "normal", "good.jsonl", lines(3))
        put(base, "low", "same.jsonl", lines(3))
        put(base, "rejected", "same.jsonl", lines(3))  # no copy that would be trained on
        put(base, "normal", "empty.jsonl", "")
        put(base, "normal", "blank.jsonl", "\n\n")
        put(base, "failed", "f.jsonl", lines(2, 50))
        put(base, "high", "half.jsonl", lines(2, 60) + "broken\n")
        doc, reasons = health(base, 1)
        assert doc["status"] == "yellow"
        assert set(reasons) == {"duplicates", "empty_files", "failed", "invalid"}, reasons
        assert reasons["duplicates"]["files"] == ["low/same.jsonl"]
        assert sorted(reasons["empty_files"]["files"]) == ["normal/blank.jsonl", "normal/empty.jsonl"]
        assert reasons["failed"]["files"] == ["failed/f.jsonl"]
        assert reasons["invalid"]["files"] == ["high/half.jsonl"] and "line 3" in reasons["invalid"]["text"]
        put(base, "high", "none.jsonl", "broken\n")
        doc, _ = health(base, 1)
        assert doc["status"] == "red" and doc["reasons"][0]["files"] == ["high/none.jsonl"]


def test_what_stays_in_processing_is_stuck_and_many_files_are_a_backlog():
    with harness.scratch() as base:
        for i in range(4):
            put(base, "normal", "%d.jsonl" % i, lines(2, 10 * i))
        moved = put(base, "low", "moved.jsonl", lines(1, 99))
        put(base, "processing", "p.jsonl", lines(1, 90))
        config = os.path.join(base, "proctor.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write("queue:\n  backlog_files: 3\n  stuck_warning_hours: 0.001\n  stuck_critical_hours: 0.1\n")
        time.sleep(3.8)
        os.rename(moved, os.path.join(base, "queue", "processing", "moved.jsonl"))  # an old file that came just now
        doc, reasons = health(base, 1)
        assert doc["status"] == "yellow" and set(reasons) == {"stuck", "backlog"}, reasons
        assert reasons["stuck"]["files"] == ["processing/p.jsonl"]
        with open(config, "w", encoding="utf-8") as f:
            f.write("queue:\n  stuck_warning_hours: 0.001\n  stuck_critical_hours: 0.001\n")
        doc, reasons = health(base, 1)
        assert doc["status"] == "red" and "p.jsonl" in reasons["stuck"]["files"][0]


def test_what_is_known_of_a_file_is_kept_until_it_changes():
    with harness.scratch() as base:
        path = put(base, "normal", "a.jsonl", lines(5))
        assert health(base, 0)[0]["waiting"]["examples"] == 5
        cache = os.path.join(base, ".proctor", "queue_health.json")
        with open(cache, encoding="utf-8") as f:
            doc = json.load(f)
        (key,) = doc["files"]
        doc["files"][key]["lines"] = 77
        with open(cache, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        assert health(base, 0)[0]["waiting"]["examples"] == 77
        with open(path, "a", encoding="utf-8") as f:
            f.write(lines(1, 7))
        assert health(base, 0)[0]["waiting"]["examples"] == 6
        with open(cache, "w", encoding="utf-8") as f:
            f.write("[broken")
        assert health(base, 0)[0]["waiting"]["examples"] == 6


if __name__ == "__main__":
    harness.run(globals())
