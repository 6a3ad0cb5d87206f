"""proctor validate: a quick validation."""
import json
import os
import shutil

import harness
from harness import RUN_A, proctor

CHECKPOINT = os.path.join(RUN_A, "checkpoints", "checkpoint-4500")
SUITE = os.path.join(RUN_A, "validation.jsonl")


def test_the_document_goes_to_the_file_and_a_table_to_stdout():
    with harness.scratch() as folder:
        path = os.path.join(folder, "result.json")
        result = proctor("validate", "--model-path", CHECKPOINT, "--suite", SUITE, "--output", path)
        with open(path) as f:
            doc = json.load(f)
        assert doc["n"] == 10 and doc["checkpoint"] == "checkpoint-4500"
        assert "accuracy" in result.out and "easy" in result.out
        assert os.listdir(folder) == ["result.json"]


def test_a_pipe_without_output_gets_the_document():
    assert proctor("validate", CHECKPOINT, "--suite", SUITE, "--samples", 4).row()["n"] == 4


def test_the_base_folder_gives_checkpoint_and_examples():
    with harness.scratch() as folder:
        runs = os.path.join(folder, "models", "current_model")
        os.makedirs(runs)
        os.makedirs(os.path.join(folder, "data", "validation"))
        shutil.copy(SUITE, os.path.join(folder, "data", "validation", "all.jsonl"))
        for step in (1574, 2886):
            shutil.copytree(os.path.join(RUN_A, "checkpoints", "checkpoint-%d" % step),
                            os.path.join(runs, "checkpoint-%d" % step))
        doc = proctor("validate", "--base-dir", folder, "--samples=5").row()
        assert doc["checkpoint"] == "checkpoint-2886" and doc["n"] == 5
        os.truncate(os.path.join(runs, "checkpoint-2886", "model.safetensors"), 5000)
        assert proctor("validate", "--base-dir", folder, "--samples=5").row()["checkpoint"] == "checkpoint-1574"
        shutil.rmtree(runs)
        shutil.copytree(CHECKPOINT, runs)
        assert proctor("validate", "--base-dir", folder, "--samples=5").row()["checkpoint"] == "current_model"


def test_what_is_missing_is_named():
    with harness.scratch() as folder:
        assert "data/validation" in proctor("validate", CHECKPOINT, "--base-dir", folder, status=2).err
        assert "no complete checkpoint" in proctor("validate", "--suite", SUITE, "--base-dir", folder, status=1).err
        assert "is no folder" in proctor("validate", CHECKPOINT, "--base-dir", folder + "/x", status=1).err
        assert "no such" in proctor("validate", folder + "/gone", "--suite", SUITE, status=1).err.lower()


harness.run(globals())
