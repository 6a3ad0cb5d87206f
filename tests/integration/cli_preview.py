"""proctor preview: what a checkpoint answers."""
import os
import pty
import shutil
import subprocess

import harness
from harness import RUN_A, proctor

SUITE = os.path.join(RUN_A, "validation.jsonl")
CHECKPOINTS = os.path.join(RUN_A, "checkpoints")


def test_examples_come_with_prompt_golden_and_answer():
    rows = proctor("preview", os.path.join(CHECKPOINTS, "checkpoint-4500"), "--suite", SUITE, "--count", 4).rows()
    assert len(rows) == 4
    for row in rows:
        assert row["prompt"] and row["golden"]
        assert {"answer", "correct", "confidence", "loss"} <= set(row)


def test_a_step_is_found_under_the_base_folder():
    with harness.scratch() as folder:
        shutil.copytree(CHECKPOINTS, os.path.join(folder, "current_model"))
        os.makedirs(os.path.join(folder, "data", "validation"))
        shutil.copy(SUITE, os.path.join(folder, "data", "validation"))
        result = proctor("preview", "--base-dir", folder, "--step", 2886, "--count", 2)
        assert len(result.rows()) == 2 and "checkpoint-2886" in result.err
        assert "checkpoint-4500" in proctor("preview", "--base-dir", folder, "--count", 1).err
        result = proctor("preview", "--base-dir", folder, "--step", 7, status=1)
        assert "checkpoint-7" in result.err


def test_a_terminal_gets_text_without_control_characters():
    with harness.scratch() as folder:
        suite = os.path.join(folder, "s.jsonl")
        with open(suite, "w") as f:
            f.write('{"prompt":"\\u001b[2Jhostile","golden":"4\\u202e"}\n')
        main, other = pty.openpty()
        child = subprocess.Popen([harness.PROCTOR, "preview", os.path.join(CHECKPOINTS, "checkpoint-4500"),
                                  "--suite", suite], stdout=other, stderr=subprocess.DEVNULL)
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
        assert "\x1b" not in text and "\u202e" not in text and "?[2Jhostile" in text and "confidence" in text


harness.run(globals())
