#!/usr/bin/env python3
"""The patterns of wrong numbers and lists by the definitions of docs/mistakes.md, written a second
time from the text alone (exact fractions, columns digit by digit), against the program's (argv[1]:
mistake_tool) on random questions with answers near what slips would give."""
import json
import random
import subprocess
import sys
from collections import Counter
from fractions import Fraction

OPS = "+-*/"


def apply(op, a, b):
    if a is None or b is None or (op == "/" and b == 0):
        return None
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[op]


def ends(x):
    d = x.denominator
    while d % 2 == 0:
        d //= 2
    while d % 5 == 0:
        d //= 5
    return d == 1


# An expression is a number or (op, left, right).
def value(x):
    return x if isinstance(x, Fraction) else apply(x[0], value(x[1]), value(x[2]))


def numbers(x):
    return [x] if isinstance(x, Fraction) else numbers(x[1]) + numbers(x[2])


def steps(x):
    return [] if isinstance(x, Fraction) else steps(x[1]) + steps(x[2]) + [x]


def replaced(x, change):
    """All values of x with exactly one step changed: change(op, a, b) gives what it comes to."""
    if isinstance(x, Fraction):
        return
    op, left, right = x
    yield from change(op, value(left), value(right))
    for v in replaced(left, change):
        yield apply(op, v, value(right))
    for v in replaced(right, change):
        yield apply(op, value(left), v)


def other_operation(op, a, b):
    tries = [(o, a, b) for o in OPS if o != op] + ([(op, b, a)] if op in "-/" else [])
    for o, x, y in tries:
        v = apply(o, x, y)
        if v is not None and (o != "/" or ends(v)):
            yield v


def wrong_columns(op, a, b):
    """Every result of one addition or subtraction with its carries wrong."""
    whole = a.denominator == b.denominator == 1 and a >= 0 and b >= 0
    if op not in "+-" or not whole or (op == "-" and a < b):
        return
    n = max(len(str(a)), len(str(b)))
    x, y = ([int(c) for c in reversed(str(v).zfill(n))] for v in (a, b))
    r = int(apply(op, a, b))
    moved, carry = [], 0  # moved[i]: a carry or borrow leaves column i for i + 1
    for p, q in zip(x, y):
        carry = int(p + q + carry > 9) if op == "+" else int(p - q - carry < 0)
        moved.append(carry)
    for k in range(1, n + 1):
        if op == "+":
            yield Fraction(r - 10**k if moved[k - 1] else r + 10**k)
        elif k < n and (moved[k - 1] or r >= 10**k):
            yield Fraction(r + 10**k if moved[k - 1] else r - 10**k)
    columns = [p + q if op == "+" else p - q for p, q in zip(x, y)]
    digits = [c % 10 for c in columns]
    yield Fraction(sum(d * 10**i for i, d in enumerate(digits)))
    if op == "+":
        yield Fraction(sum(d * 10**i for i, d in enumerate(digits[:-1] + columns[-1:])))
    else:
        yield Fraction(sum(abs(d) * 10**i for i, d in enumerate(columns)))


def handed_on(op, a, b):
    yield a
    yield b


def by_digits(r, a):
    if a == -r and r:
        return "sign"
    if abs(a - r) == 1:
        return "off_by_one"
    s, t = str(abs(r)), str(abs(a))
    if a * r > 0 and s.replace("0", "") == t.replace("0", ""):
        return "place_value"
    if any(s[:i] + s[i + 1:] == t for i in range(len(s))):
        return "digit_dropped"
    if any(t[:i] + t[i + 1:] == s for i in range(len(t))):
        return "digit_added"
    if len(s) == len(t):
        where = [i for i in range(len(s)) if s[i] != t[i]]
        if len(where) == 2 and s[where[0]] == t[where[1]] and s[where[1]] == t[where[0]]:
            return "digits_swapped"
        if len(where) == 1 and len(s) > 1:
            return "digit_wrong"
    return "near" if abs(a - r) * 10 <= abs(r) else "far"


def name(right, others, a):
    """right: the expression asked for; others: those also offered."""
    r, every = value(right), [right] + others
    if others and a in map(value, others):
        return "other_choice"
    if any(a in list(replaced(x, other_operation)) for x in every):
        return "wrong_operation"
    if a in list(replaced(right, wrong_columns)):
        return "carry"
    if others and any(a in numbers(x) for x in every):
        return "step_missing"
    if len(steps(right)) > 1 and (a in map(value, steps(right)[:-1])
                                  or a in list(replaced(right, handed_on))):
        return "step_missing"
    return by_digits(int(r), int(a))


def of_list(right, given):
    a, b = Counter(given), Counter(right)
    if a == b:
        return "wrong_order"
    return "item_changed" if a - b and b - a else "item_missing" if b - a else "item_added"


def show(x, outer=True):
    if isinstance(x, Fraction):
        return str(x) if outer or x >= 0 else f"({x})"
    text = f"{show(x[1], False)} {x[0]} {show(x[2], False)}"
    return text if outer else f"({text})"


def draw(rng, n):
    if n == 1:
        return Fraction(rng.randrange(10 ** rng.choice([1, 2, 2, 3, 3, 5])))
    first = rng.randrange(1, n)
    return (rng.choice("++--*/"), draw(rng, first), draw(rng, n - first))


def whole(rng, n):
    while True:
        x = draw(rng, n)
        v = value(x)
        if v is not None and v.denominator == 1 and abs(v) < 10**12:
            return x


def answers(rng, right, others):
    r = value(right)
    pool = list(replaced(right, other_operation)) + list(replaced(right, wrong_columns))
    pool += list(replaced(right, handed_on)) + [value(x) for x in others]
    pool += [n for x in others + [right] for n in numbers(x)]
    s = str(abs(r))
    i, k = rng.randrange(len(s)), rng.randrange(len(s))
    swapped = list(s)
    swapped[i], swapped[k] = swapped[k], swapped[i]
    pool += [Fraction(t) for t in ("".join(swapped), s[:i] + s[i + 1:] or "0", s + s[k], s + "0",
                                   s[:i] + str(rng.randrange(10)) + s[i + 1:])]
    pool += [-r, r + 1, r - 1, r + rng.randrange(-200, 200), r * 10, Fraction(rng.randrange(1000))]
    pool = sorted({a for a in pool if a is not None and a.denominator == 1 and a != r})
    return rng.sample(pool, min(6, len(pool)))


def cases(rng):
    for _ in range(1200):
        right = whole(rng, rng.choice([2, 2, 2, 3, 4]))
        for a in answers(rng, right, []):
            yield f"Compute {show(right)}.", value(right), a, name(right, [], a)
    for _ in range(400):
        x, y = whole(rng, 2), whole(rng, 2)
        if value(x) == value(y):
            continue
        right, other = (x, y) if value(x) > value(y) else (y, x)
        question = f"Which is larger, {show(x)} or {show(y)}? Give the value."
        for a in answers(rng, right, [other]):
            yield question, value(right), a, name(right, [other], a)
    for _ in range(800):
        v = [rng.randrange(10) for _ in range(rng.randrange(2, 6))]
        given = [rng.choice(v + [rng.randrange(10)]) for _ in range(rng.randrange(1, 7))]
        right = sorted(v)
        if given != right:
            yield (f"Sort in ascending order: {', '.join(map(str, v))}.",
                   ", ".join(map(str, right)), ", ".join(map(str, given)), of_list(right, given))


def main():
    rng = random.Random(1)
    todo = list(cases(rng))
    lines = "".join(json.dumps({"question": q, "golden": str(r), "answer": str(a)}) + "\n"
                    for q, r, a, _ in todo)
    out = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
    got = out.stdout.split()
    assert len(got) == len(todo), (len(got), len(todo))
    wrong = [(t, g) for t, g in zip(todo, got) if t[3] != g]
    for (q, r, a, expected), g in wrong[:20]:
        print(f"{q} -> {r}, answered {a}: the reference says {expected}, the program {g}")
    count = Counter(t[3] for t in todo)
    print(f"{len(todo)} answers compared, {len(wrong)} differ; {dict(count)}")
    expected = {"other_choice", "wrong_operation", "carry", "step_missing", "sign", "off_by_one",
                "place_value", "digit_dropped", "digit_added", "digits_swapped", "digit_wrong",
                "near", "far", "wrong_order", "item_missing", "item_added", "item_changed"}
    assert expected <= set(count), expected - set(count)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
