"""proctor tokenize: ids and decoded text, one line for one line."""
import json
import os
import subprocess

import harness
from harness import MODELS, proctor

MODEL = os.path.join(MODELS, "qwen3-tiny")


def vectors(name):
    with open(os.path.join(harness.FIXTURES, "tokenizer_vectors", name + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def test_ids_and_text_are_those_of_hugging_face():
    for name in ("small-qwen-a", "small-llama3-style"):
        folder = os.path.join(harness.FIXTURES, "tokenizers", name)
        if not os.path.isdir(folder):
            print("skipped: no fixture " + name)
            continue
        want = vectors(name)
        rows = proctor("tokenize", folder, input=[{"text": v["text"]} for v in want]).rows()
        bare = proctor("tokenize", folder, "--no-special", input=[{"text": v["text"]} for v in want]).rows()
        assert len(rows) == len(bare) == len(want)
        for v, row, without in zip(want, rows, bare):
            assert row["ids"] == without["ids"] == v["ids"], v["text"]
            assert row["decoded"] == v["decoded"], v["text"]
            assert without["decoded"] == v["decoded_skip_special"], v["text"]


def test_special_tokens_in_the_text_are_recognised_and_none_are_added():
    row = proctor("tokenize", MODEL, input=[{"text": "a<|im_end|>"}]).row()
    assert row["ids"][-1] == 1014 and len(row["ids"]) == 2
    assert row["decoded"] == "a<|im_end|>"
    row = proctor("tokenize", MODEL, "--no-special", input=[{"text": "a<|im_end|>"}]).row()
    assert row["ids"][-1] == 1014 and row["decoded"] == "a"
    assert proctor("tokenize", MODEL, input=[{"text": ""}]).row() == {"ids": [], "decoded": ""}


def test_a_bad_line_keeps_its_place_and_makes_the_status_1():
    text = '{"text":"a"}\nnot json\n\n{"txt":1}\n{"text":5}\n[1]\n{"text":"b"}'
    result = proctor("tokenize", MODEL, input=text, status=1)
    rows = result.rows()
    assert len(rows) == 6
    assert ["error" in row for row in rows] == [False, True, True, True, True, False]
    for number in (2, 4, 5, 6):
        assert "line %d: " % number in result.err
    assert rows[5]["decoded"] == "b"


def test_hostile_lines_are_answered():
    nul = proctor("tokenize", MODEL, input='{"text":"a\\u0000b"}\n').row()
    assert nul["decoded"] == "a\0b"
    lone = proctor("tokenize", MODEL, input='{"text":"a\\ud800b"}\n').row()
    assert lone["decoded"] == "a\ufffdb"
    proctor("tokenize", MODEL, input=b'{"text":"\xff"}\n', status=1)


def test_answers_come_while_the_input_is_still_open():
    with subprocess.Popen([harness.PROCTOR, "tokenize", MODEL], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        for text in ("one", "two"):
            child.stdin.write(json.dumps({"text": text}).encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["decoded"] == text
        child.stdin.close()
        assert child.wait() == 0


def test_a_folder_without_a_tokenizer_is_named():
    with harness.scratch() as folder:
        result = proctor("tokenize", folder, status=1)
        assert not result.out and result.err.count("\n") == 1
    assert "no such file" in proctor("tokenize", "/no/such/folder", status=1).err.lower()


def test_a_model_that_cannot_be_run_can_still_be_tokenized():
    with harness.scratch() as folder:
        os.symlink(os.path.join(MODEL, "tokenizer.json"), os.path.join(folder, "target"))
        with open(os.path.join(MODEL, "tokenizer.json"), "rb") as f, \
                open(os.path.join(folder, "tokenizer.json"), "wb") as g:
            g.write(f.read())
        with open(os.path.join(folder, "config.json"), "w") as f:
            f.write('{"architectures":["Gemma2ForCausalLM"],"model_type":"gemma2"}')
        assert proctor("tokenize", folder, input=[{"text": "hi"}]).row()["decoded"] == "hi"


harness.run(globals())
