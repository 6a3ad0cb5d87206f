"""Every malformed input gives its expected outcome through `proctor inspect`."""
import json
import os
import subprocess

import harness
from harness import proctor

FOLDER = os.path.join(harness.FIXTURES, "malformed")


def check(entry, path):
    result = proctor("inspect", path, status=None)
    doc = result.row()
    name = os.path.basename(path)
    assert result.status in (0, 1), result.status
    assert doc["kind"] == entry["kind"], doc
    if entry["expect"] == "reject":
        assert result.status == 1 and doc["accepted"] is False and doc["error"], doc
        assert result.err.count("\n") == 1 and name in result.err, result.err
    else:
        assert result.status == 0 and doc["accepted"] is True and doc["error"] is None, doc
        assert bool(doc["warnings"]) == (entry["expect"] == "accept_with_warning"), doc["warnings"]


def test_the_manifest():
    with open(os.path.join(FOLDER, "MANIFEST.jsonl")) as f:
        entries = [json.loads(line) for line in f]
    wrong = []
    for entry in entries:
        path = os.path.join(FOLDER, entry["path"])
        with harness.scratch() as folder:
            if "generate" in entry:
                path = os.path.join(folder, os.path.basename(entry["path"]))
                with open(path, "wb") as out:
                    subprocess.run(["/bin/bash", "-c", entry["generate"]], stdout=out, check=True)
            try:
                check(entry, path)
            except AssertionError as e:
                wrong.append("%s (%s, expected %s): %s" % (entry["path"], entry["what"], entry["expect"], e))
    assert len(entries) > 50 and not wrong, "\n" + "\n".join(wrong)


def test_a_warning_names_the_tensor_or_the_line():
    for path, word in (("checkpoint/nan_weight/model.safetensors", "model.layers.0.mlp.up_proj.weight"),
                       ("checkpoint/nan_weight", "model.layers.0.mlp.up_proj.weight"),
                       ("checkpoint/inf_weight", "model.layers.0.self_attn.q_proj.weight"),
                       ("dataset/broken_line.jsonl", ":2"), ("dataset/missing_golden.jsonl", ":2"),
                       ("dataset/invalid_utf8.jsonl", ":2"), ("dataset/lone_surrogate.jsonl", ":2")):
        assert word in " ".join(proctor("inspect", os.path.join(FOLDER, path)).row()["warnings"]), path


harness.run(globals())
