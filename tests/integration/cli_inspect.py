"""proctor inspect on what it takes."""
import json
import os
import shutil

import harness
from harness import MODELS, RUN_A, proctor

CHECKPOINT = os.path.join(RUN_A, "checkpoints", "checkpoint-4500")


def test_a_checkpoint_is_described():
    doc = proctor("inspect", CHECKPOINT).row()
    assert doc["kind"] == "checkpoint" and doc["accepted"] is True and doc["error"] is None
    assert doc["warnings"] == [] and doc["complete"] is True and doc["step"] == 4500
    assert doc["architecture"] == "Qwen3ForCausalLM" and doc["shape"]["layers"] == 5
    assert len(doc["fingerprint"]) == 64 and len(doc["run"]) == 16
    assert doc == proctor("inspect", "--json", CHECKPOINT + "/").row() | {"path": doc["path"]}


def test_the_same_weights_have_the_same_fingerprint_wherever_they_lie():
    with harness.scratch() as folder:
        copy = os.path.join(folder, "elsewhere")
        shutil.copytree(CHECKPOINT, copy)
        assert (proctor("inspect", copy).row()["fingerprint"] ==
                proctor("inspect", CHECKPOINT).row()["fingerprint"])
        with open(os.path.join(copy, "generation_config.json"), "a") as f:
            f.write("\n")
        assert (proctor("inspect", copy).row()["fingerprint"] ==
                proctor("inspect", CHECKPOINT).row()["fingerprint"])


def test_every_kind_is_recognised():
    kinds = {
        CHECKPOINT: "checkpoint",
        os.path.join(MODELS, "qwen3-tiny-untied"): "checkpoint",
        os.path.join(CHECKPOINT, "model.safetensors"): "safetensors",
        os.path.join(CHECKPOINT, "tokenizer.json"): "tokenizer",
        os.path.join(CHECKPOINT, "trainer_state.json"): "trainer_state",
        os.path.join(RUN_A, "validation.jsonl"): "dataset",
        os.path.join(RUN_A, "validation_chatml.jsonl"): "dataset",
    }
    for path, kind in kinds.items():
        doc = proctor("inspect", path).row()
        assert doc["kind"] == kind and doc["accepted"] and doc["warnings"] == [], doc
    assert doc["examples"] == 300


def test_a_folder_being_written_is_not_complete():
    with harness.scratch() as folder:
        copy = os.path.join(folder, "checkpoint-1")
        shutil.copytree(CHECKPOINT, copy)
        with open(os.path.join(copy, "model.safetensors"), "r+b") as f:
            f.truncate(100000)
        result = proctor("inspect", copy, status=1)
        doc = result.row()
        assert doc["complete"] is False and doc["accepted"] is False
        assert "model.safetensors" in doc["error"] and result.err.count("\n") == 1


def test_what_is_none_of_these_is_refused():
    with harness.scratch() as folder:
        path = os.path.join(folder, "x\033[31m.bin")
        with open(path, "wb") as f:
            f.write(b"\x00\x01\x02")
        result = proctor("inspect", path, status=1)
        assert result.row()["kind"] is None and result.err.count("\n") == 1
        assert "\033" not in result.err
        for name, kind in (("none", None), ("none.safetensors", "safetensors"), ("", None)):
            result = proctor("inspect", os.path.join(folder, name), status=1)
            doc = result.row()
            assert doc["kind"] == kind and doc["accepted"] is False and doc["error"], doc
            assert result.err.count("\n") == 1
        os.mkfifo(os.path.join(folder, "fifo.jsonl"))
        assert "regular" in proctor("inspect", os.path.join(folder, "fifo.jsonl"), status=1).row()["error"]
        os.mkdir(os.path.join(folder, "checkpoint-7"))
        assert proctor("inspect", os.path.join(folder, "checkpoint-7"), status=1).row()["kind"] == "checkpoint"


def test_a_terminal_gets_a_summary_for_people():
    import pty
    import subprocess
    main, other = pty.openpty()
    child = subprocess.Popen([harness.PROCTOR, "inspect", CHECKPOINT], stdout=other)
    os.close(other)
    text = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        text += part
    assert child.wait() == 0
    text = text.decode()
    assert not text.startswith("{") and "Qwen3ForCausalLM" in text
    json.loads(proctor("inspect", CHECKPOINT).out)


harness.run(globals())
