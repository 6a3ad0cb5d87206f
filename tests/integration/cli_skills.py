"""proctor skills: what there is, and problems that the exam's verifier accepts."""
import json
import os

import harness
from harness import MODELS, proctor

SKILLS = ["addition", "subtraction", "comparison", "sorting", "reversal", "maximum"]


def generate(*args, **more):
    return proctor("skills", "generate", *args, **more)


def test_the_list_shows_every_skill_with_a_problem_of_each_difficulty():
    text = proctor("skills").out
    for skill in SKILLS:
        line = [line for line in text.split("\n") if line.startswith(skill)]
        assert len(line) == 1 and line[0].count(" → ") == 3, text


def answer(skill, prompt):
    """The right answer, worked out here."""
    if skill in ("addition", "subtraction"):
        a, b = (int(x) for x in prompt[:-1].split("+" if skill == "addition" else "-"))
        return str(a + b if skill == "addition" else a - b)
    if skill == "comparison":
        a, b = (int(x) for x in prompt.split("?"))
        return "<" if a < b else ">" if a > b else "="
    word, rest = prompt.split(" ", 1)
    if word == "sort":
        return "".join(sorted(rest))
    if word == "rev":
        return rest[::-1]
    return max(rest)


def test_problems_are_distinct_right_and_evenly_spread():
    rows = generate("--count", 1800, "--seed", 4).rows()
    assert len(rows) == 1800
    assert len({row["prompt"] for row in rows}) == len({row["id"] for row in rows}) == 1800
    cells = {}
    for row in rows:
        assert list(row) == ["id", "prompt", "golden", "skill", "difficulty", "check"]
        assert row["check"] == "verifier"
        assert row["golden"] == answer(row["skill"], row["prompt"]), row
        cell = (row["skill"], row["difficulty"])
        cells[cell] = cells.get(cell, 0) + 1
    assert sorted(cells) == sorted((s, d) for s in SKILLS for d in ("easy", "medium", "hard"))
    assert set(cells.values()) == {100}


def test_the_seed_decides():
    a, b = generate("--count", 50, "--seed", 1), generate("--count", 50, "--seed", 1)
    assert a.out == b.out != generate("--count", 50, "--seed", 2).out
    # Part of what is promised for every release.
    first = generate("--count", 1, "--seed", 1, "--skill", "addition").row()
    assert (first["id"], first["prompt"], first["golden"]) == \
        ("addition-easy-53fae9edcc4c", "23+6=", "29"), first


def test_one_skill_and_some_difficulties():
    rows = generate("--count", 40, "--skill", "sorting", "--skill", "maximum",
                    "--difficulty", "easy,hard").rows()
    assert {row["skill"] for row in rows} == {"sorting", "maximum"}
    assert {row["difficulty"] for row in rows} == {"easy", "hard"}


def test_excluded_questions_do_not_come_in_whatever_format_they_are():
    with harness.scratch() as folder:
        exam, chat = os.path.join(folder, "exam.jsonl"), os.path.join(folder, "chat.jsonl")
        out = os.path.join(folder, "train.jsonl")
        generate("--count", 200, "--seed", 1, "--difficulty", "easy", "--out", exam)
        with open(exam) as f:
            excluded = [json.loads(line) for line in f]
        with open(chat, "w") as f:
            for row in excluded[100:]:
                f.write(json.dumps({"messages": [{"role": "user", "content": row["prompt"]},
                                                 {"role": "assistant", "content": row["golden"]}]}) + "\n")
        with open(exam, "w") as f:
            for row in excluded[:100]:
                f.write(json.dumps(row) + "\n")
        result = generate("--count", 2000, "--seed", 1, "--difficulty", "easy", "--exclude", exam, chat,
                          "--out", out)
        assert result.out == ""
        with open(out) as f:
            made = {json.loads(line)["prompt"] for line in f}
        assert len(made) == 2000 and not made & {row["prompt"] for row in excluded}


def test_what_runs_out_is_said():
    result = generate("--count", 1000, "--skill", "addition", "--difficulty", "easy")
    assert len(result.rows()) == 550
    assert "addition, easy" in result.err and "550 problems instead of 1000" in result.err
    result = generate("--count", 1500, "--skill", "addition", "--difficulty", "easy,medium")
    assert len(result.rows()) == 1500 and "instead of" not in result.err


def test_wrong_use_is_named():
    for args, word in [(("--skill", "alchemy"), "alchemy"), (("--difficulty", "easy,odd"), "odd"),
                       (("--difficulty", ""), "none of easy")]:
        assert word in generate("--count", 1, *args, status=2).err
    assert "--count" in generate(status=2).err
    assert "generate" in proctor("skills", "--count", 5, status=2).err
    assert "'make'" in proctor("skills", "make", "--count", 5, status=2).err
    assert "no-such" in generate("--count", 1, "--exclude", "/no-such.jsonl", status=1).err


def test_the_exam_takes_them_and_refuses_a_skill_without_verifier():
    model = os.path.join(MODELS, "qwen3-tiny")
    with harness.scratch() as folder:
        suite = os.path.join(folder, "suite.jsonl")
        generate("--count", 6, "--difficulty", "easy", "--out", suite)
        with open(suite, "a") as f:
            f.write('{"prompt":"1+1=","golden":"2","skill":"alchemy","check":"verifier"}\n')
        result = proctor("eval", model, "--suite", suite, "--max-new-tokens", 2)
        doc = result.row()
        assert doc["n"] == doc["n_accuracy"] == 6 and doc["n_skipped"] == 1
        assert "'alchemy' has no verifier" in result.err + json.dumps(doc)


harness.run(globals())
