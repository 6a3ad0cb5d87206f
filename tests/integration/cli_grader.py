"""proctor grader: the messages of docs/protocol.md, spoken as any program could speak them."""
import json
import os
import shutil
import socket
import struct
import subprocess

import harness
from harness import FIXTURES, MODELS, PROCTOR, RUN_A, proctor

CHECKPOINT = os.path.join(RUN_A, "checkpoints", "checkpoint-4500")
SUITE = os.path.join(RUN_A, "validation.jsonl")


def frame(message):
    text = json.dumps(message).encode()
    return b"PR1\n" + struct.pack("<I", len(text)) + text


def hello(**options):
    return {"type": "hello", "version": 1, "options": options}


def messages(stream):
    """All frames of a stream that has ended."""
    at, found = 0, []
    while at < len(stream):
        assert stream[at:at + 4] == b"PR1\n", stream[at:at + 20]
        n = struct.unpack("<I", stream[at + 4:at + 8])[0]
        found.append(json.loads(stream[at + 8:at + 8 + n].decode()))
        at += 8 + n
    return found


def talk(*said, raw=b"", env=None, cwd=None):
    """Says everything at once, ends the stream, and hears what comes until the grader has left."""
    done = subprocess.run([PROCTOR, "grader"], input=b"".join(map(frame, said)) + raw,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          env={**os.environ, "XDG_CACHE_HOME": harness.CACHE.name, **(env or {})}, cwd=cwd)
    return done.returncode, messages(done.stdout)


def of_type(heard, kind):
    return [m for m in heard if m["type"] == kind]


def order(number, lines):
    return {"type": "order", "order": number,
            "examples": [{"line": json.dumps({"line": line})} for line in lines]}


def suite():
    with open(SUITE, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def test_a_grader_gives_what_eval_gives():
    with harness.scratch() as scratch:
        out = os.path.join(scratch, "examples.jsonl")
        document = proctor("eval", CHECKPOINT, "--suite", SUITE, "--examples", out).row()
        with open(out, encoding="utf-8") as f:
            expected = [json.loads(line) for line in f]
    lines = suite()
    status, heard = talk(hello(), {"type": "open", "path": CHECKPOINT},
                         order(1, lines[:16]), order(2, lines[16:]))
    assert status == 0, heard[-1]
    opened, = of_type(heard, "opened")
    assert opened["fingerprint"] == document["fingerprint"]
    assert opened["step"] == 4500
    fields = ["loss", "answer_tokens", "answer", "correct", "confidence", "finish", "output_tokens"]

    def rows(of):
        return sorted(json.dumps([row[f] for f in fields]) for row in of)
    assert rows(of_type(heard, "grade")) == rows(expected)
    assert len({m["example"] for m in of_type(heard, "grade")}) == 300
    done = of_type(heard, "done")
    assert [d["order"] for d in done] == [1, 2] and [d["examples"] for d in done] == [16, 284]
    computed = sum(d["tokens_prefilled"] + d["tokens_generated"] for d in done)
    alone = document["tokens_prefilled"] + document["tokens_generated"]
    assert computed <= 1.05 * alone, (computed, alone)


def test_what_is_not_the_protocol_is_refused():
    for raw in (b"GET / HTTP/1.1\r\n\r\n", b"PR9\n" + bytes(4), b"PR1\n\xff\xff\xff\xff",
                b"PR1\n\x02\0\0\0[]", b"PR1\n\x02\0\0\0{}", b"PR1\n\x0b\0\0\0{\"type\":1} "):
        status, heard = talk(raw=raw)
        assert status == 1 and heard[-1]["type"] == "failed", (raw, heard)
    status, heard = talk({"type": "hello", "version": 2})
    assert status == 1 and "version 2" in heard[-1]["message"]
    status, heard = talk(hello(), {"type": "order", "order": 1, "examples": []})
    assert status == 1 and "'open' was expected" in heard[-1]["message"]


def test_a_command_is_left_to_the_parent():
    line = {"prompt": "1 + 1 =", "golden": "2", "check": {"command": ["/bin/false"]}}
    status, heard = talk(hello(allow_commands=True), {"type": "open", "path": CHECKPOINT},
                         order(1, [line]))
    grade, = of_type(heard, "grade")
    assert status == 0 and grade["graded"]
    assert grade["judge"] == (not grade["truncated"])
    assert grade["correct"] is None or grade["truncated"]
    status, heard = talk(hello(), {"type": "open", "path": CHECKPOINT}, order(1, [line]))
    failed, = of_type(heard, "failed")
    assert status == 0 and failed["order"] == 1 and "command" in failed["message"]


def test_nul_in_an_answer_survives():
    line = {"prompt": "1 + 1 =", "golden": "a\0b", "check": "exact"}
    status, heard = talk(hello(), {"type": "open", "path": CHECKPOINT}, order(1, [line]))
    grade, = of_type(heard, "grade")
    assert status == 0 and grade["graded"] and grade["answer_tokens"] > 0


def test_a_broken_file_is_refused_and_nothing_dies():
    refused = 0
    with open(os.path.join(FIXTURES, "malformed", "MANIFEST.jsonl"), encoding="utf-8") as f:
        expected = {row["path"]: row["expect"] for row in map(json.loads, f)}
    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "checkpoint-4500")
        for kind, name in (("tokenizer", "tokenizer.json"), ("safetensors", "model.safetensors")):
            broken = os.path.join(FIXTURES, "malformed", kind)
            for file in sorted(os.listdir(broken)):
                shutil.copytree(CHECKPOINT, folder)
                shutil.copy(os.path.join(broken, file), os.path.join(folder, name))
                status, heard = talk(hello(scan=True), {"type": "open", "path": folder})
                failed = heard[-1]
                shutil.rmtree(folder)
                if failed["type"] == "opened":
                    assert expected[kind + "/" + file] != "reject" and status == 0, file
                    continue
                assert status == 1 and failed["type"] == "failed" and failed["order"] == 0, (file, heard)
                assert failed["code"] in ("format", "unsupported", "limit", "incomplete"), (file, failed)
                assert "global_step" not in failed["message"]
                assert failed["message"].startswith("checkpoint-4500: "), failed
                refused += 1
    assert refused > 20


def test_a_pattern_for_pcre_works_where_no_code_can_be_made():
    """PCRE2's compiler to machine code is shut out by the sandbox; its interpreter finds the same."""
    def wrap(value):
        if isinstance(value, dict):
            return {k: "(?:%s)" % v if k == "Regex" else wrap(v) for k, v in value.items()}
        return [wrap(v) for v in value] if isinstance(value, list) else value

    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "checkpoint-4500")
        shutil.copytree(CHECKPOINT, folder)
        path = os.path.join(folder, "tokenizer.json")
        with open(path, encoding="utf-8") as f:
            before = json.load(f)
        after = {**before, "pre_tokenizer": wrap(before["pre_tokenizer"])}
        assert after != before
        with open(path, "w", encoding="utf-8") as f:
            json.dump(after, f)
        found = []
        for where in (CHECKPOINT, folder):
            status, heard = talk(hello(), {"type": "open", "path": where}, order(1, suite()[:20]))
            assert status == 0, heard[-1]
            found.append(sorted((g["example"], g["nll"], g["answer"]) for g in of_type(heard, "grade")))
        assert found[0] == found[1] and len(found[0]) == 20


def test_a_file_that_leads_out_of_the_folder_is_refused():
    with harness.scratch() as scratch:
        folder = os.path.join(scratch, "checkpoint-4500")
        shutil.copytree(CHECKPOINT, folder)
        os.remove(os.path.join(folder, "config.json"))
        os.symlink(os.path.join(CHECKPOINT, "config.json"), os.path.join(folder, "config.json"))
        status, heard = talk(hello(), {"type": "open", "path": folder})
        assert status == 1 and "not followed" in heard[-1]["message"], heard


def test_a_folder_may_be_named_by_a_link_or_from_here():
    with harness.scratch() as scratch:
        os.symlink(CHECKPOINT, os.path.join(scratch, "best"))
        for path in (os.path.join(scratch, "best"), "best", "./best/"):
            status, heard = talk(hello(), {"type": "open", "path": path},
                                 order(1, suite()[:2]), cwd=scratch)
            assert status == 0 and len(of_type(heard, "grade")) == 2, heard


def cached_model(cache, name, source):
    """A model as the Hugging Face cache keeps it: links in snapshots/ to files in blobs/."""
    top = os.path.join(cache, "models--" + name.replace("/", "--"))
    commit = "0123456789" * 4
    snapshot = os.path.join(top, "snapshots", commit)
    for folder in (snapshot, os.path.join(top, "blobs"), os.path.join(top, "refs")):
        os.makedirs(folder)
    with open(os.path.join(top, "refs", "main"), "w", encoding="ascii") as f:
        f.write(commit)
    for i, file in enumerate(sorted(os.listdir(source))):
        shutil.copy(os.path.join(source, file), os.path.join(top, "blobs", "%040d" % i))
        os.symlink("../../blobs/%040d" % i, os.path.join(snapshot, file))
    return snapshot


def test_a_snapshot_of_the_cache_can_be_graded():
    with harness.scratch() as scratch:
        snapshot = cached_model(scratch, "some/model", CHECKPOINT)
        status, heard = talk(hello(), {"type": "open", "path": snapshot}, order(1, suite()[:2]))
        assert status == 0 and len(of_type(heard, "grade")) == 2, heard


def test_an_adapter_finds_its_base_and_only_an_adapter_does():
    adapter = os.path.join(FIXTURES, "adapters", "qwen3-all-linear")
    base = os.path.join(MODELS, "qwen3-tiny")
    line = {"text": "The quick brown fox"}
    with harness.scratch() as scratch:
        opened = []
        cached_model(scratch, "test/qwen3-tiny", base)
        nowhere = {"HF_HOME": "/nowhere", "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "",
                   "XDG_CACHE_HOME": "/nowhere", "HOME": "/nowhere"}
        for bases, env in (([["test/qwen3-tiny", base]], nowhere),
                           ([], {**nowhere, "HF_HUB_CACHE": scratch})):
            status, heard = talk(hello(), {"type": "open", "path": adapter, "bases": bases},
                                 order(1, [line]), env=env)
            grade, = of_type(heard, "grade")
            assert status == 0 and grade["loss"] > 0, heard
            opened.append(of_type(heard, "opened")[0]["fingerprint"])
        assert opened[0] == opened[1]
        status, heard = talk(hello(), {"type": "open", "path": adapter}, env=nowhere)
        assert status == 1 and "test/qwen3-tiny" in heard[-1]["message"], heard


def test_a_terminal_is_told_off():
    main, other = os.openpty()
    done = subprocess.run([PROCTOR, "grader"], stdin=other, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=20)
    os.close(main)
    os.close(other)
    assert done.returncode == 2 and b"docs/protocol.md" in done.stderr


def test_a_socket_will_do_as_well():
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([PROCTOR, "grader"], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(frame(hello()) + frame({"type": "open", "path": CHECKPOINT}))
    ours.shutdown(socket.SHUT_WR)
    heard = b""
    while part := ours.recv(65536):
        heard += part
    assert child.wait(60) == 0 and of_type(messages(heard), "opened")


harness.run(globals())
