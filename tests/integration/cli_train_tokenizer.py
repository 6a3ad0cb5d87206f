"""proctor train-tokenizer: merges as a plain implementation finds them, and a folder that proctor
itself takes."""
import json
import os
import random
import re

import harness
from harness import proctor

SIX = [x for skill in ("addition", "subtraction", "comparison", "sorting", "reversal", "maximum")
       for x in ("--skill", skill)]

# Qwen2's split pattern for ASCII, which is all that the plain trainer below is given.
PATTERN = re.compile(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+[\r\n]*"
                     r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def plain_merges(texts, vocab_size, min_frequency):
    """Byte-level BPE by counting every pair anew for each merge; as pairs of bytes."""
    chars = [*range(33, 127), *range(161, 173), *range(174, 256)]
    chars += [b for b in range(256) if b not in chars]  # the order of GPT-2's byte alphabet
    tokens = [bytes([b]) for b in chars]
    id_of = {b: i for i, b in enumerate(chars)}
    words = {}
    for text in texts:
        for word in PATTERN.findall(text):
            key = tuple(id_of[b] for b in word.encode())
            words[key] = words.get(key, 0) + 1
    merges = []
    while len(tokens) < vocab_size - 3:
        counts = {}
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + n
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < min_frequency:
            break
        merges.append((tokens[best[0]], tokens[best[1]]))
        new, after = len(tokens), {}
        tokens.append(tokens[best[0]] + tokens[best[1]])
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                both = word[i:i + 2] == best
                out.append(new if both else word[i])
                i += 2 if both else 1
            after[tuple(out)] = after.get(tuple(out), 0) + n
        words = after
    return merges


def byte_alphabet():
    taken = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in taken]
    return {chr(b): b for b in taken} | {chr(256 + i): b for i, b in enumerate(rest)}


def read_tokenizer(folder):
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as f:
        return json.load(f)


def merges_of(folder):
    alphabet = byte_alphabet()
    return [tuple(bytes(alphabet[c] for c in part) for part in merge)
            for merge in read_tokenizer(folder)["model"]["merges"]]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def train(folder, *args, out="tokenizer", **more):
    return proctor("train-tokenizer", "--out", os.path.join(folder, out), *args, **more)


def sentences(seed, n):
    pick = random.Random(seed)
    words = ["".join(pick.choice("abcdelmnost") for _ in range(pick.randint(1, 7))) for _ in range(60)]
    return [" ".join(pick.choice(words) for _ in range(pick.randint(0, 9))) + pick.choice([".", "!?", " 12", "'ll", "  "])
            for _ in range(n)]


def test_merges_are_those_of_a_plain_implementation():
    for seed, vocab, least in [(1, 300, 2), (2, 1000, 1), (3, 420, 3)]:
        lines = sentences(seed, 120)
        with harness.scratch() as folder:
            path = write(folder, "text.txt", "".join(line + "\n" for line in lines))
            row = train(folder, "--data", path, "--vocab-size", vocab, "--min-frequency", least).row()
            assert row["schema_version"] == 1
            want = plain_merges([line + "\n" for line in lines], vocab, least)
            assert merges_of(os.path.join(folder, "tokenizer")) == want
            assert row["merges"] == len(want) and row["vocab_size"] == 259 + len(want)


def chatml(row):
    return ["user\n" + row["prompt"], "\n", "assistant\n", "\n", row["golden"]]


def test_examples_of_any_format_are_the_same_texts():
    rows = proctor("generate", *SIX, "--count", 600, "--seed", 3).rows()
    merged = []
    with harness.scratch() as folder:
        forms = {
            "golden": rows,
            "messages": [{"messages": [{"role": "user", "content": r["prompt"]},
                                       {"role": "assistant", "content": r["golden"]}]} for r in rows],
            "sharegpt": [{"conversations": [{"from": "human", "value": r["prompt"]},
                                            {"from": "gpt", "value": r["golden"]}]} for r in rows],
            "chatml": [{"text": "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n%s<|im_end|>" %
                                (r["prompt"], r["golden"])} for r in rows],
        }
        for name, lines in forms.items():
            path = write(folder, name + ".jsonl", "".join(json.dumps(line) + "\n" for line in lines))
            train(folder, "--data", path, "--vocab-size", 300, out=name)
            merged.append(merges_of(os.path.join(folder, name)))
    assert merged[0] == merged[1] == merged[2] == merged[3]
    assert merged[0] == plain_merges([t for row in rows for t in chatml(row)], 300, 2)
    # A small vocabulary for digits: nothing but the words and the roles is worth a merge.
    tokens = {a + b for a, b in merged[0]}
    assert {b"user", b"assistant", b"sort", b"rev", b"max"} <= tokens, tokens
    assert not any(set(t) & set(b"0123456789") for t in tokens)


def test_the_same_texts_give_the_same_files_in_any_order():
    lines = [json.dumps({"text": s + "."}) + "\n" for s in sentences(4, 80)]
    with harness.scratch() as folder:
        one = write(folder, "one.jsonl", "".join(lines))
        two = write(folder, "two.jsonl", "".join(lines[40:]))
        three = write(folder, "three.jsonl", "".join(reversed(lines[:40])))
        train(folder, "--data", one, "--vocab-size", 400, out="a")
        train(folder, "--data", two, three, "--vocab-size", 400, out="b")
        for name in os.listdir(os.path.join(folder, "a")):
            with open(os.path.join(folder, "a", name), "rb") as f, open(os.path.join(folder, "b", name), "rb") as g:
                assert f.read() == g.read(), name


def test_proctor_takes_what_it_wrote():
    with harness.scratch() as folder:
        data = os.path.join(folder, "data.jsonl")
        proctor("generate", *SIX, "--count", 300, "--out", data)
        result = train(folder, "--data", data, "--vocab-size", 300)
        size, tokenizer = result.row()["vocab_size"], os.path.join(folder, "tokenizer")
        assert "instead of 300" in result.err and size < 300
        assert sorted(os.listdir(tokenizer)) == ["generation_config.json", "tokenizer.json", "tokenizer_config.json"]
        doc = proctor("inspect", os.path.join(tokenizer, "tokenizer.json"), "--json").row()
        assert doc["accepted"] and doc["warnings"] == [] and doc["vocabulary"] == size
        row = proctor("tokenize", tokenizer, input=[{"text": "sort 417<|im_end|>"}]).row()
        assert row["decoded"] == "sort 417<|im_end|>" and len(row["ids"]) == 6 and row["ids"][-1] == size - 1
        text = "\x00\x7f\u00ff naïve 中文 \U0001f600 1234"
        assert proctor("tokenize", tokenizer, input=[{"text": text}]).row()["decoded"] == text
        messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "12+7="}]
        silent = [{"role": "assistant", "content": None}]  # as a turn of tool calls has it
        row = proctor("render", tokenizer, input=[{"messages": silent, "add_generation_prompt": False}]).row()
        assert row["text"] == "<|im_start|>assistant\n<|im_end|>\n", row
        row = proctor("render", tokenizer, input=[{"messages": messages, "add_generation_prompt": True}]).row()
        assert row["text"] == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n12+7=<|im_end|>\n<|im_start|>assistant\n"
        with open(os.path.join(tokenizer, "generation_config.json")) as f:
            assert json.load(f)["eos_token_id"] == [size - 1, size - 3]
        # Without a template the roles are no text of the model's.
        train(folder, "--data", data, "--vocab-size", 300, "--template", "none", out="bare")
        assert b"user" not in {a + b for a, b in merges_of(os.path.join(folder, "bare"))}
        with open(os.path.join(folder, "bare", "tokenizer_config.json")) as f:
            assert "chat_template" not in json.load(f)


def test_lines_that_cannot_be_used_are_named_and_nothing_usable_is_an_error():
    with harness.scratch() as folder:
        path = write(folder, "mixed.jsonl", '{"prompt":"aa","golden":"aa"}\nnot json\n\n{"x":1}\n')
        result = train(folder, "--data", path, "--vocab-size", 300)
        assert result.row()["skipped"] == 2 and result.row()["texts"] == 1
        assert "mixed.jsonl:2: skipped" in result.err and "mixed.jsonl:4: skipped" in result.err
        bad = write(folder, "bad.jsonl", "[]\n" * 20)
        result = train(folder, "--data", bad, "--vocab-size", 300, out="none", status=1)
        assert result.err.count("skipped,") == 5 and "20 lines skipped" in result.err
        assert not os.path.exists(os.path.join(folder, "none"))
        with open(os.path.join(folder, "latin.txt"), "wb") as f:
            f.write(b"caf\xe9\nfine fine\n")
        result = train(folder, "--data", os.path.join(folder, "latin.txt"), "--vocab-size", 300)
        assert "latin.txt:1: skipped, not valid UTF-8" in result.err
        assert "no-such" in train(folder, "--data", "/no-such.txt", "--vocab-size", 300, status=1).err


def test_wrong_use_is_named():
    assert "--data" in proctor("train-tokenizer", "--vocab-size", 300, "--out", "x", status=2).err
    assert "--vocab-size" in proctor("train-tokenizer", "--data", "x.txt", "--out", "x", status=2).err
    assert "--out" in proctor("train-tokenizer", "--data", "x.txt", "--vocab-size", 300, status=2).err
    assert "259" in proctor("train-tokenizer", "--data", "x.txt", "--vocab-size", 258, "--out", "x", status=2).err


harness.run(globals())
