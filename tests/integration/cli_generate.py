"""proctor generate: distinct problems that the exam's verifier accepts."""
import fractions
import itertools
import json
import os
import re
import shutil

import harness
from harness import MODELS, proctor

SKILLS = ["addition", "subtraction", "comparison", "sorting", "reversal", "maximum"]


def generate(*args, **more):
    return proctor("generate", *args, **more)


def of_the_old(*args, **more):
    """Of the six skills whose levels are the difficulties."""
    return generate(*args, *(x for skill in SKILLS for x in ("--skill", skill)), **more)


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
    rows = of_the_old("--count", 1800, "--seed", 4).rows()
    assert len(rows) == 1800
    assert len({row["prompt"] for row in rows}) == len({row["id"] for row in rows}) == 1800
    cells = {}
    for row in rows:
        assert list(row) == ["id", "prompt", "golden", "skill", "difficulty", "level", "check"]
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


def test_levels_are_chosen():
    rows = generate("--count", 30, "--skill", "arithmetic", "--skill", "addition", "--level", "2-4").rows()
    assert {(row["skill"], row["level"]) for row in rows} == \
        {("arithmetic", 2), ("arithmetic", 3), ("arithmetic", 4), ("addition", 2), ("addition", 3)}
    rows = generate("--count", 10, "--skill", "bases", "--level", "7").rows()
    assert {(row["level"], row["difficulty"]) for row in rows} == {(7, "medium")}
    assert all(row["id"].startswith("bases-7-") for row in rows)
    assert "such a level" in generate("--count", 10, "--skill", "addition", "--level", "7", status=1).err


def value(text):
    """Of whole-number arithmetic, by Python's own rules."""
    for word, sign in (("\u00d7", "*"), ("\u00f7", "/"), ("\u2212", "-"), ("divided by", "/"), ("plus", "+"),
                       ("minus", "-"), ("times", "*")):
        text = text.replace(word, sign)
    body = re.search(r"[-(\d].*[\d)]", text).group()
    assert re.fullmatch(r"[-+*/() \d]+", body), text
    result = eval(re.sub(r"\d+", lambda m: "Fraction(%s)" % m.group(), body),  # nothing but numbers and signs
                  {"Fraction": fractions.Fraction})
    return result


def test_arithmetic_is_right_by_another_reckoning():
    rows = generate("--count", 2000, "--seed", 8, "--skill", "arithmetic").rows()
    for row in rows:
        assert value(row["prompt"]) == int(row["golden"]), row


def test_bases_and_order_are_right_by_another_reckoning():
    rows = generate("--count", 600, "--seed", 8, "--skill", "bases", "--level", "1-9").rows()
    bases = {"binary": 2, "octal": 8, "decimal": 10, "hexadecimal": 16}
    checked = 0
    for row in rows:
        m = re.fullmatch(r"Convert (\w+) from base (\d+) to base (\d+)\.", row["prompt"])
        x = re.fullmatch(r"(?:What is|Compute) (.+) in (\w+)[.?]", row["prompt"])
        if m:
            assert int(m.group(1), int(m.group(2))) == int(row["golden"], int(m.group(3))), row
        elif x and "number" not in row["prompt"] and "(base" not in row["prompt"]:
            body = x.group(1).replace("AND", "&").replace("XOR", "^").replace("OR", "|")
            assert re.fullmatch(r"[-+&|^<>() \da-fxo]+", body), row
            assert eval(body, {}) == int(row["golden"], bases[x.group(2)]), row
        checked += bool(m or x)
    assert checked > 200, checked
    checked = 0
    for row in generate("--count", 600, "--seed", 8, "--skill", "ordering").rows():
        m = re.fullmatch(r"Sort in (\w+) order: ([-\d., ]+)\.", row["prompt"])
        if m:
            numbers = [float(x) for x in m.group(2).split(", ")]
            numbers.sort(reverse=m.group(1) in ("descending", "decreasing"))
            assert [float(x) for x in row["golden"].split(", ")] == numbers, row
            checked += 1
    assert checked > 30, checked


def worlds(kinds, fits):
    """Every choice of which kinds of member there are (all that `fits` allows), no kind without one."""
    members = [dict(zip(kinds, m)) for m in itertools.product((False, True), repeat=len(kinds))]
    members = [m for m in members if fits(m)]
    for n in range(1, len(members) + 1):
        for chosen in itertools.combinations(members, n):
            if all(any(m[k] for m in chosen) for k in kinds):
                yield chosen


def test_deduction_is_right_by_looking_at_all_worlds():
    """Statements about facts: each combination is tried here by Python's own evaluation."""
    forms = [(r"Either (.+) or (.+), or both", "({0} or {1})"), (r"Either (.+) or (.+), but not both", "({0} != {1})"),
             (r"If (.+) and (.+), then (.+)", "(not ({0} and {1}) or {2})"), (r"If (.+), then (.+)", "(not {0} or {1})"),
             (r"It is not true that both (.+) and (.+)", "(not ({0} and {1}))"),
             (r"(.+) if and only if (.+)", "({0} == {1})"), (r"(.+) only if (.+)", "(not {0} or {1})"), (r"(.+)", "{0}")]
    for row in generate("--count", 300, "--seed", 8, "--skill", "deduction", "--level", "6-10").rows():
        facts = {}

        def literal(text, facts=facts):
            m = re.fullmatch(r"[Tt]he (\w+) is (not )?(\w+)", text)
            name = facts.setdefault((m.group(1), m.group(3)), "f[%d]" % len(facts))
            return "(not %s)" % name if m.group(2) else name

        *statements, question = row["prompt"].replace(" Answer yes, no or unknown.", "").split(". ")
        m = re.fullmatch(r"Is (?:it true that )?the (\w+) (?:is )?(\w+)\?", question)
        asked = literal("the %s is %s" % m.groups())
        terms = []
        for statement in statements:
            pattern, form = next(f for f in forms if re.fullmatch(f[0], statement))
            terms.append(form.format(*map(literal, re.fullmatch(pattern, statement).groups())))
        seen = {eval(asked, {"f": f}) for f in itertools.product((False, True), repeat=len(facts))
                if all(eval(t, {"f": f}) for t in terms)}
        assert row["golden"] == {(True,): "yes", (False,): "no"}.get(tuple(seen), "unknown") and seen, row


def test_kinds_are_right_by_looking_at_all_worlds():
    """Statements about kinds: what holds in every world in which they hold follows."""
    say = {"All": lambda w, a, b: all(m[b] for m in w if m[a]),
           "No": lambda w, a, b: not any(m[a] and m[b] for m in w),
           "Some": lambda w, a, b: any(m[a] and m[b] for m in w),
           "Some not": lambda w, a, b: any(m[a] and not m[b] for m in w)}
    for row in generate("--count", 100, "--seed", 9, "--skill", "deduction", "--level", "1-5").rows():
        *statements, question = re.sub(r" Answer .*", "", row["prompt"]).split(". ")
        parsed = [re.fullmatch(r"(All|No|Some) (\w+) are (not )?(\w+)", s).groups() for s in statements]
        m = re.fullmatch(r"(?:Does it follow that|Is it possible that|Are|Must|Can) (all|no|some) (\w+) (?:are |be )?"
                         r"(not )?(\w+)\?", question)
        kinds = sorted({x for p in parsed for x in (p[1], p[3])} | {m.group(2), m.group(4)})

        def fits(member, parsed=parsed):
            return all(say[p[0]]([member], p[1], p[3]) for p in parsed if p[0] in ("All", "No"))

        ask = say[m.group(1).capitalize() + (" not" if m.group(3) else "")]
        seen = {ask(w, m.group(2), m.group(4)) for w in worlds(kinds, fits)
                if all(say[p[0] + (" not" if p[2] else "")](w, p[1], p[3]) for p in parsed)}
        possible = question.startswith(("Can", "Is it possible"))
        want = "yes" if seen == {True} else "unknown" if possible and True in seen else "no"
        assert row["golden"] == want and seen, (row, seen)


def test_chats_hold_the_same_problems():
    plain = generate("--count", 40, "--seed", 3).rows()
    chats = generate("--count", 40, "--seed", 3, "--messages").rows()
    for a, b in zip(plain, chats):
        assert list(b) == ["id", "messages", "skill", "difficulty", "level", "check"]
        assert [m["role"] for m in b["messages"]] == ["user", "assistant"]
        assert [m["content"] for m in b["messages"]] == [a["prompt"], a["golden"]] and a["id"] == b["id"]


def test_excluded_questions_do_not_come_in_whatever_format_they_are():
    with harness.scratch() as folder:
        exam, chat = os.path.join(folder, "exam.jsonl"), os.path.join(folder, "chat.jsonl")
        out = os.path.join(folder, "train.jsonl")
        of_the_old("--count", 200, "--seed", 1, "--difficulty", "easy", "--out", exam)
        with open(exam) as f:
            excluded = [json.loads(line) for line in f]
        with open(chat, "w") as f:
            for row in excluded[100:]:
                f.write(json.dumps({"messages": [{"role": "user", "content": row["prompt"]},
                                                 {"role": "assistant", "content": row["golden"]}]}) + "\n")
        with open(exam, "w") as f:
            for row in excluded[:100]:
                f.write(json.dumps(row) + "\n")
        result = of_the_old("--count", 2000, "--seed", 1, "--difficulty", "easy", "--exclude", exam, chat,
                            "--out", out)
        assert result.out == ""
        with open(out) as f:
            made = {json.loads(line)["prompt"] for line in f}
        assert len(made) == 2000 and not made & {row["prompt"] for row in excluded}


def base_with(folder, text):
    shutil.copy(os.path.join(harness.ROOT, "tests/fixtures/skills/plugin.py"), folder)
    with open(os.path.join(folder, "proctor.yaml"), "w") as f:
        f.write(text)
    return folder


def test_a_program_s_problems_come_beside_our_own():
    with harness.scratch() as folder:
        base = base_with(folder, "skills:\n  programs: {letters: python3 ./plugin.py}\n")
        args = ("--count", 60, "--seed", 5, "--skill", "addition", "--skill", "letters", "--base-dir", base)
        rows = generate(*args).rows()
        assert rows == generate(*args).rows() and len(rows) == 60
        mine = [row for row in rows if row["skill"] == "letters"]
        # 3 levels of addition and 5 of letters share alike.
        assert len(mine) in (37, 38) and {row["level"] for row in mine} == {1, 2, 3, 4, 5}
        assert len({row["prompt"] for row in rows}) == 60
        for row in mine:
            word = row["prompt"].split("'")[1]
            assert row["golden"] == str(sum(word.count(c) > 1 for c in set(word)))
            assert "check" not in row and row["id"].startswith("letters-%d-" % row["level"])
        hard = generate("--count", 3, "--skill", "letters", "--difficulty", "hard", "--base-dir", base).rows()
        assert {row["difficulty"] for row in hard} == {"hard"} and {row["level"] for row in hard} == {4, 5}
        exam = os.path.join(folder, "exam.jsonl")
        generate("--count", 20, "--skill", "letters", "--level", 3, "--base-dir", base, "--out", exam)
        more = generate("--count", 40, "--skill", "letters", "--level", 3, "--exclude", exam, "--base-dir", base).rows()
        with open(exam) as f:
            assert not {json.loads(line)["prompt"] for line in f} & {row["prompt"] for row in more}
        assert proctor("skills", "--base-dir", base).out.count("letters") > 0
        assert proctor("skills", "letters", "--base-dir", base).out.count(" → ") == 5
        assert "letters" in generate("--count", 1, "--skill", "alchemy", "--base-dir", base, status=2).err


def test_a_skill_from_outside_that_fails_is_named():
    cases = [("programs: {addition: a}", "proctor's own"), ("programs: {x y: a}", "'x y'"),
             ("programs: {far: []}", "a command was expected"), ("programs: {far: {a: b}}", "a command was expected"),
             ("servers: {far: 'ftp://x'}", "skills.servers: 'far'"), ("servers: {far: 7}", "a url was expected"),
             ("servers: {far: 'http://127.0.0.1:1/?q'}", "no place in its url"),
             ("programs: {far: a}\n  servers: {far: 'http://x'}", "named twice"),
             ("programs: {far: [/no/such, 7]}", "/no/such"), ("servers: {far: 'http://127.0.0.1:1'}", "skill 'far': /info"),
             ("programs: {far: 'echo no json'}", "skill 'far': its answer"), ("programs: 7", "a map of names to values")]
    with harness.scratch() as folder:
        for text, why in cases:
            base = base_with(folder, "skills:\n  %s\n" % text)
            result = generate("--count", 1, "--skill", "far", "--base-dir", base, status=None)
            assert result.status in (1, 2) and why in result.err and not result.out, (text, result.err)
        # Our own do not depend on it.
        assert generate("--count", 1, "--skill", "bases", "--base-dir", base).out


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
    for level in ("0", "101", "5-2", "x", "3-", "-3", "1-2-3", ""):
        assert "--level" in generate("--count", 1, "--level", level, status=2).err, level
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
