"""The official `openai` client for Node against `proctor serve`.

The npm package is downloaded on the first run; without npm or a network this says 'skipped'."""
import json
import os
import subprocess
import sys

import harness
import hf_packages
from harness import proctor
from serve_support import Server

MODEL = os.path.join(harness.RUN_A, "checkpoints", "checkpoint-4500")
TINY = os.path.join(harness.MODELS, "qwen3-tiny")
KEY = "a-key-for-the-tests-of-serve"


def questions(n):
    with open(os.path.join(harness.RUN_A, "validation.jsonl")) as f:
        asks = [json.loads(line)["prompt"] for line in f][:n]
    rows = proctor("complete", MODEL, "--quiet", input=[
        {"messages": [{"role": "user", "content": ask}]} for ask in asks]).rows()
    assert all(row["finish"] == "stop" for row in rows)
    return [{"ask": ask, "want": row["text"]} for ask, row in zip(asks, rows)]


def run(folder, modules, model, narrow, *args):
    key = os.path.join(folder, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(KEY + "\n")
    with Server(model, "--api-key-file", key, *args) as s:
        path = os.path.join(folder, "cases.json")
        with open(path, "w") as f:
            json.dump({"url": s.url, "key": KEY, "questions": questions(12), "prompt": "Once there was",
                       "positions": 2048, "narrow": narrow}, f)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve_openai.mjs")
        return subprocess.run(["node", script, modules, path], timeout=200).returncode


def main():
    modules = hf_packages.install([hf_packages.OPENAI])
    with harness.scratch() as folder:
        status = run(folder, modules, MODEL, False)
        status |= run(folder, modules, TINY, True, "--max-waiting", 32)
    sys.exit(status)


main()
