#!/usr/bin/python3
"""Measures `proctor validate-data`: the format pass beside the JSON parser's own rate, the whole of it
(validation, duplicates, contamination) over a million lines of mixed formats with its peak memory,
and whether planted contamination is found and clean text left alone.

  bench/validate.py BUILD_DIR [TEXTS.jsonl] [--lines N] [--rounds N] [--seed S]

TEXTS.jsonl: real questions ({"question","answer"} a line, such as GSM8K's), of which validation
suites and clean text are made (default: the one in ../shared, where that is; else it says skipped).
Data is made in a temporary folder, by the seed.
"""
import argparse
import json
import os
import random
import re
import resource
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEXTS = os.path.join(ROOT, "..", "shared", "assets", "data", "gsm8k", "test.jsonl")
KINDS = ["exact", "recased", "respaced", "inside"]


def sentences_of(rows):
    out = []
    for row in rows:
        out += [s for s in re.split(r"(?<=[.?!])\s+", row["question"]) if len(s) > 20]
    return out


def a_text(rng, vocabulary, sentences):
    """Half random words, half sentences of other problems with other numbers."""
    if rng.random() < 0.5:
        return " ".join(rng.choices(vocabulary, k=rng.randint(30, 70)))
    chosen = rng.choices(sentences, k=rng.randint(2, 4))
    return re.sub(r"\d+", lambda _: str(rng.randint(2, 9999)), " ".join(chosen))


def a_line(rng, i, question, answer):
    q, a = json.dumps(question), json.dumps(answer)
    kind = i % 10
    if kind == 0:
        return '{"id": "x-%d", "prompt": %s, "golden": %s, "skill": "words", "difficulty": "easy"}' % (i, q, a)
    if kind == 1:
        return '{"messages": [{"role": "user", "content": %s}, {"role": "assistant", "content": %s}]}' % (q, a)
    if kind == 2:
        return ('{"messages": [{"role": "system", "content": "You are a helpful assistant that thinks step by step '
                'and then gives the final answer on a line of its own."}, {"role": "user", "content": %s}, '
                '{"role": "assistant", "content": %s}], "source": "bench", "n": %d}' % (q, a, i))
    if kind == 3:
        return '{"conversations": [{"from": "human", "value": %s}, {"from": "gpt", "value": %s}]}' % (q, a)
    if kind == 4:
        return '{"instruction": "Solve this.", "input": %s, "output": %s}' % (q, a)
    if kind == 5:
        return '{"prompt": %s, "completion": %s}' % (q, a)
    if kind == 6:
        return '{"question": %s, "answer": %s}' % (q, a)
    if kind == 7:
        return '{"input": %s, "output": %s}' % (q, a)
    if kind == 8:
        return '{"text": %s}' % json.dumps("<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n%s<|im_end|>\n"
                                           % (question, answer))
    return '{"text": %s}' % json.dumps(question + "\n\n" + answer)


def planted(rng, kind, question, vocabulary):
    words = question.split()
    if kind == "exact":
        return question
    if kind == "recased":
        return question.upper() if rng.random() < 0.5 else question.swapcase()
    if kind == "respaced":
        return "".join(w + rng.choice(["  ", "\n", "\t", " \u00a0", "\r\n "]) for w in words)
    at = rng.randrange(max(1, len(words) - 16))
    return " ".join(rng.choices(vocabulary, k=40) + words[at:at + 17] + rng.choices(vocabulary, k=40))


def make(rng, path, n, rows, suite):
    """n lines, a planted one here and there; returns {line: kind}."""
    vocabulary = sorted({w for row in rows for w in row["question"].split()})
    sentences = sentences_of(rows)
    where = {}
    with open(path, "w", encoding="utf-8") as f:
        for i in range(n):
            question = a_text(rng, vocabulary, sentences)
            if i % 1000 == 500:
                kind = KINDS[i // 1000 % len(KINDS)]
                where[i + 1] = kind
                question = planted(rng, kind, rng.choice(suite)["question"], vocabulary)
            answer = "So it is %s.\n%s" % (" ".join(rng.choices(vocabulary, k=20)), rng.randint(1, 10 ** 6))
            f.write(a_line(rng, i, question, answer) + "\n")
    return where


def validate(build, data, against, threads, report):
    command = [os.path.join(build, "src", "cli", "proctor"), "validate-data", data, "--against", against,
               "--threads", str(threads), "--report", report, "--quiet"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (json.loads(out), time.monotonic() - start, after.ru_utime - before.ru_utime + after.ru_stime
            - before.ru_stime, after.ru_maxrss / 1024)


def write(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)


def report_contamination(report, where):
    found, false = {}, {}
    with open(report, encoding="utf-8") as f:
        for line in map(json.loads, f):
            for reason in line["reasons"]:
                if reason["defect"] == "contaminated" and line["line"] in where:
                    kind = where[line["line"]]
                    found[kind] = found.get(kind, 0) + 1
                else:
                    false[reason["defect"]] = false.get(reason["defect"], 0) + 1
    for kind in KINDS:
        n = sum(k == kind for k in where.values())
        print("  planted %-9s found %d of %d" % (kind, found.get(kind, 0), n))
    return false


def plain(text):
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def clean_text(build, folder, rows, rng, splits):
    """Questions of one half against those of the other: real text that shares no example, but for
    what its authors wrote twice (a finding whose words really are in both)."""
    n = alarms = real = 0
    a, b, report = (os.path.join(folder, name) for name in ("a.jsonl", "b.jsonl", "r.jsonl"))
    for _ in range(splits):
        rng.shuffle(rows)
        half = len(rows) // 2
        write(a, rows[:half])
        write(b, rows[half:])
        doc, *_ = validate(build, b, a, 1, report)
        n += doc["lines"]
        known = "\n".join(plain(row["question"] + " " + row["answer"]) for row in rows[:half])
        for f in doc["findings"]:
            row = rows[half + f["line"] - 1]
            words = plain(f["text"].split("'")[1])
            if f["defect"] == "contaminated" and words in plain(row["question"] + " " + row["answer"]) \
                    and words in known:
                real += 1
            else:
                alarms += 1
    print("clean text: %d lines of real problems against other real problems: %d really share 13 words, "
          "%d false alarms (%.3f %%)" % (n, real, alarms, 100 * alarms / n))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("texts", nargs="?", default=TEXTS)
    p.add_argument("--lines", type=int, default=1000000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    if not os.path.exists(a.texts):
        print("skipped: TEXTS is not given, and there is none beside the repository")
        return
    rng = random.Random(a.seed)
    with open(a.texts, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        data, suite = os.path.join(folder, "train.jsonl"), os.path.join(folder, "suite.jsonl")
        write(suite, rows[:len(rows) // 2])
        where = make(rng, data, a.lines, rows[len(rows) // 2:], rows[:len(rows) // 2])
        size = os.path.getsize(data)
        part = os.path.join(folder, "part.jsonl")
        with open(data, "rb") as f, open(part, "wb") as g:
            g.writelines(line for line, _ in zip(f, range(min(a.lines, 100000))))
        print(subprocess.run([os.path.join(a.build, "bench", "bench_validate_rate"), part, str(a.rounds)],
                             stdout=subprocess.PIPE, check=True).stdout.decode().strip())
        for threads in (1, 2):
            report = os.path.join(folder, "report.jsonl")
            doc, wall, cpu, rss = validate(a.build, data, suite, threads, report)
            print("whole, %d thread%s: %d lines, %.0f MB in %.1f s (%.0f MB/s, %.1f s of CPU), peak %.0f MB"
                  % (threads, "s" * (threads > 1), doc["lines"], size / 1e6, wall, size / 1e6 / wall, cpu, rss))
        false = report_contamination(report, where)
        print("  other findings on %d clean lines: %s" % (doc["lines"] - len(where), false or "none"))
        clean_text(a.build, folder, rows, rng, 10)


if __name__ == "__main__":
    main()
