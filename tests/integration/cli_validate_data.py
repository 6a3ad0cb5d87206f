"""proctor validate-data: defects by line as the manifest of malformed files expects, and findings that
a plain Python implementation of the three comparisons makes too."""
import json
import os
import random
import re

import harness
from harness import proctor

MALFORMED = os.path.join(harness.FIXTURES, "malformed")


def write(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return path


def validate(*args, status=None, **more):
    return proctor("validate-data", *args, status=status, **more).row()


def test_every_malformed_data_set_is_judged_as_its_manifest_expects():
    with open(os.path.join(MALFORMED, "MANIFEST.jsonl"), encoding="utf-8") as f:
        entries = [e for e in map(json.loads, f) if e["kind"] == "dataset" and "generate" not in e]
    assert len(entries) >= 9
    with harness.scratch() as base:
        for entry in entries:
            doc = validate(os.path.join(MALFORMED, entry["path"]), "--base-dir", base)
            name = entry["path"]
            named = [int(n) for n in re.findall(r"line (\d+)", entry["what"] + entry.get("note", ""))]
            good = re.search(r"(\d+) (?:good )?(?:lines|examples?)", entry["what"] + entry.get("note", ""))
            if entry["expect"] == "accept":
                assert doc["accepted"] and not doc["refused"], (name, doc)
            elif entry["expect"] == "accept_with_warning":
                assert {f["line"] for f in doc["findings"]} == {named[0]}, (name, doc)
            else:
                assert not doc["accepted"] and doc["lines"] == 0, (name, doc)
            if good and entry["expect"] != "reject":
                assert doc["valid"] + doc["warned"] >= int(good[1]) - (name.endswith("broken_line.jsonl")), (name, doc)


def test_a_line_of_10_mb_is_named_and_the_others_are_read():
    with harness.scratch() as base:
        path = write(os.path.join(base, "x.jsonl"), [
            {"prompt": "a", "golden": "b"}, {"prompt": "a" * 10_000_000, "golden": "1"}, {"prompt": "c", "golden": "d"}])
        doc = validate(path, "--base-dir", base, status=1)
        assert [(f["line"], f["defect"]) for f in doc["findings"]] == [(2, "turn_too_long")], doc["findings"]
        doc = validate(path, "--base-dir", base, "--max-line", 1000000, status=1)
        assert [(f["line"], f["defect"]) for f in doc["findings"]] == [(2, "line_too_long")], doc["findings"]
        assert doc["valid"] == 2


# --- an implementation of the comparisons by the rules of docs/queue.md, for ASCII ---

def words(text):
    text = text.lower()
    found = []
    for m in re.finditer(r"[0-9]+(?:\.[0-9]+)*[a-z0-9]*|[a-z][a-z0-9]*|[+=<>%^|~]|[-*/&]", text):
        w = m.group()
        if w in "-*/&":
            left = re.search(r"(\S?)(\S)\s*$", text[:m.start()])
            right = re.match(r"\s*(\S)(\S?)", text[m.end():])
            operand = False
            if left:
                operand |= left[2].isdigit() or left[2] == ")" or (left[2].isalpha() and not left[1].isalnum())
            if right:
                operand |= right[1].isdigit() or right[1] == "(" or (right[1].isalpha() and not right[2].isalnum())
            if not operand:
                continue
        found.append(w)
    return found


def grams(w):
    return {tuple(w[i:i + 13]) for i in range(len(w) - 12)}


def test_contamination_and_duplicates_are_those_of_a_plain_implementation():
    rng = random.Random(4)
    vocabulary = ["alpha", "beta", "gamma", "delta", "12", "7", "+", "-", "so-called", "x.", "(5)", "*", "3.5,"]
    with harness.scratch() as base:
        suite = [{"id": "v-%d" % i, "prompt": " ".join(rng.choices(vocabulary, k=rng.randint(3, 30))),
                  "golden": rng.choice(["yes", "no"])} for i in range(40)]
        data = []
        for i in range(600):
            text = rng.choices(vocabulary, k=rng.randint(1, 25))
            kind = rng.randrange(5)
            if kind == 0:
                w = rng.choice(suite)["prompt"].split()
                at = rng.randrange(len(w))
                text += w[at:at + rng.randint(5, 20)] + rng.choices(vocabulary, k=5)
            elif kind == 1:
                text = rng.choice(suite)["prompt"].upper().replace(" ", "  ").split(" ")
            elif kind == 2 and data:
                text = rng.choice(data)["prompt"].split()
            data.append({"prompt": " ".join(text), "golden": rng.choice(["yes", "no", "maybe"])})
        protected, whole = set(), set()
        for row in suite:
            q, a = words(row["prompt"]), words(row["golden"])
            protected |= grams(q + a)
            whole |= {tuple(w) for w in (q, q + a) if len(w) < 13}
        want, seen = {}, set()
        for n, row in enumerate(data, 1):
            q, a = words(row["prompt"]), words(row["golden"])
            if grams(q + a) & protected or tuple(q) in whole or tuple(q + a) in whole:
                want[n] = "contaminated"
            elif tuple(q + a) in seen:
                want[n] = "duplicate"
            else:
                seen.add(tuple(q + a))
        path, report = write(os.path.join(base, "d.jsonl"), data), os.path.join(base, "report.jsonl")
        against = write(os.path.join(base, "suite.jsonl"), suite)
        for threads in (1, 3):
            validate(path, "--against", against, "--report", report, "--threads", threads, "--base-dir", base, status=1)
            with open(report, encoding="utf-8") as f:
                got = {r["line"]: r["reasons"][0]["defect"] for r in map(json.loads, f)
                       if r["reasons"][0]["defect"] in ("contaminated", "duplicate")}
            assert got == want, sorted(set(got.items()) ^ set(want.items()))[:10]
        kinds = list(want.values())
        assert kinds.count("contaminated") > 50 and kinds.count("duplicate") > 20


def test_the_report_says_where_the_lines_are():
    with harness.scratch() as base:
        path = os.path.join(base, "x.jsonl")
        with open(path, "wb") as f:
            f.write(b'\xef\xbb\xbf{"prompt":"a","golden":"b"}\r\n\n{"prompt":"\xc3\xa9"}\r\n{"prompt":"c","golden":""}')
        report = os.path.join(base, "r.jsonl")
        validate(path, "--report", report, "--base-dir", base, status=1)
        with open(report, encoding="utf-8") as f, open(path, "rb") as data:
            rows, content = list(map(json.loads, f)), data.read()
        assert [(r["line"], r["verdict"]) for r in rows] == [(1, "warned"), (3, "refused"), (4, "refused")], rows
        assert content[rows[1]["offset"]:][:rows[1]["length"]] == '{"prompt":"é"}'.encode()
        assert content[rows[2]["offset"]:][:rows[2]["length"]] == b'{"prompt":"c","golden":""}'
        assert os.listdir(base) == ["x.jsonl", "r.jsonl"] or len(os.listdir(base)) == 2


def test_the_base_folder_gives_files_and_suites():
    with harness.scratch() as base:
        for folder in ("queue/normal", "queue/unvalidated", "queue/failed", "data/validation/sums"):
            os.makedirs(os.path.join(base, folder))
        write(os.path.join(base, "data/validation/v.jsonl"), [{"id": "v-1", "prompt": "What is 3 + 4?", "golden": "7"}])
        write(os.path.join(base, "data/validation/sums/s.jsonl"), [{"prompt": "What is 5 + 4?", "golden": "9"}])
        write(os.path.join(base, "queue/normal/a.jsonl"), [{"prompt": "what is 3+4", "golden": "7"}])
        write(os.path.join(base, "queue/normal/a.jsonl.manifest.json"), ["{}"])
        write(os.path.join(base, "queue/unvalidated/b.jsonl"), [{"prompt": "What is 5 + 4?", "golden": "9"},
                                                               {"prompt": "What is 6 + 4?", "golden": "10"}])
        write(os.path.join(base, "queue/failed/c.jsonl"), ["broken"])
        doc = validate("--queue", "--base-dir", base, status=1)
        assert [os.path.basename(f["path"]) for f in doc["files"]] == ["a.jsonl", "b.jsonl"]
        assert doc["by_defect"] == {"contaminated": 2} and doc["valid"] == 1, doc
        assert "example 'v-1'" in doc["findings"][0]["text"] and "v.jsonl:1" in doc["findings"][0]["text"]
        assert doc["against"] == [{"path": os.path.join(base, "data/validation"), "examples": 2}]


def test_warnings_alone_are_fine_and_wrong_use_is_named():
    with harness.scratch() as base:
        path = write(os.path.join(base, "x.jsonl"), [{"id": "a", "prompt": "a", "golden": "b"},
                                                    {"id": "a", "prompt": "c", "golden": "d"}])
        doc = validate(path, "--base-dir", base, status=0)
        assert doc["by_defect"] == {"repeated_id": 1} and doc["accepted"]
        assert "--queue" in proctor("validate-data", "--base-dir", base, status=2).err
        os.mkdir(os.path.join(base, "empty"))
        assert "no *.jsonl" in proctor("validate-data", os.path.join(base, "empty"), status=1).err
        assert "nowhere" in proctor("validate-data", path, "--against", "nowhere", status=1).err
        doc = validate("nowhere.jsonl", "--base-dir", base, status=1)
        assert doc["findings"][0]["defect"] == "unreadable_file" and not doc["files"][0]["accepted"]


if __name__ == "__main__":
    harness.run(globals())
