"""One arm of the experiment: a base folder whose training goes on in rounds of as many tokens, on what
proctor's own systems put into its queue."""
import glob
import json
import math
import os
import shutil
import sqlite3
import sys

from program import read_lines, write_lines

BATCH = 64
RATE, WARMUP = 0.002, 100  # the rate is constant, and falls to 0 over the last round
NEW_TOKENS = 24
SKILLS = ["addition", "subtraction", "comparison", "sorting", "reversal", "maximum"]
LEVELS = ["easy", "medium", "hard"]
MODELS = os.path.join("models", "current_model")
LOOKS = 4000      # problems that the miner asks, and keeps at most
CORRECTED = 2000  # examples of the queue that self-correction asks
THRESHOLD = 20    # errors of one kind that make corrections

# Which systems look at the newest checkpoint before a round, and what they may put into its files.
ARMS = {
    "uniform": {"systems": [], "hard": 0, "corrections": 0},
    "loop": {"systems": ["curriculum-optimizer", "adversarial-miner", "self-correction"], "hard": 20, "corrections": 10},
    "hard": {"systems": ["curriculum-optimizer", "adversarial-miner"], "hard": 20, "corrections": 0},
}


def turns(row):
    return row.get("messages") or [{"role": "user", "content": row["prompt"]},
                                   {"role": "assistant", "content": row["golden"]}]


class Arm:
    """base: its base folder, in which a training has made `steps` steps."""

    def __init__(self, proctor, base, name, seed, lines, steps):
        self.proctor, self.base, self.name, self.seed, self.steps = proctor, base, name, seed, steps
        self.begun = steps
        self.files = []  # in the order in which they are trained on
        self.tokens = self.answer_tokens = 0
        self.rounds = []
        arm = ARMS[name]
        with open(os.path.join(base, "proctor.yaml"), "w", encoding="utf-8") as f:
            json.dump({"eval": {"max_new_tokens": NEW_TOKENS},
                       "miner": {"samples": LOOKS, "kept": LOOKS},
                       "correction": {"samples": CORRECTED, "max_samples": CORRECTED, "error_threshold": THRESHOLD},
                       "curriculum": {"budget_percent": 0},  # its mix alone, no probes
                       # Easy problems are few (550 of addition): without repeat they are soon used up.
                       "generation": {"lines": lines, "seed": seed, "repeat": True, "hard_percent": arm["hard"],
                                      "correction_percent": arm["corrections"]}}, f)

    def path(self, *names):
        return os.path.join(self.base, *names)

    # ---- what is in its queue ----

    def count(self, path):
        """(all tokens, answer tokens) of a training file's examples, as proctor train makes them."""
        rows = [turns(r) for r in read_lines(path)]
        prompts = self.proctor("render", self.path("tokenizer"), "--quiet", stdin="".join(
            json.dumps({"messages": t[:-1], "add_generation_prompt": True}) + "\n" for t in rows))
        answers = [json.dumps({"text": t[-1]["content"]}) for t in rows]
        ids = [len(r["ids"]) for r in self.proctor.rows(
            "tokenize", self.path("tokenizer"), "--quiet", stdin="\n".join(prompts + answers) + "\n")]
        answered = sum(ids[len(rows):]) + len(rows)  # and the end of each turn
        return sum(ids[:len(rows)]) + answered, answered

    def look(self):
        """Takes note of files that are new in the queue."""
        known = {f["name"] for f in self.files}
        for path in sorted(glob.glob(self.path("queue", "normal", "*.jsonl"))):
            name = os.path.basename(path)
            if name in known:
                continue
            with open(path + ".manifest.json", encoding="utf-8") as f:
                made = json.load(f)
            tokens, answered = self.count(path)
            self.files.append({"name": name, "steps": math.ceil(made["lines"] / BATCH), "tokens": tokens,
                               "answer_tokens": answered, "lines": made["lines"], "made": made["provenance"],
                               "mix": made["wanted"]["difficulties"], "mix_source": made["wanted"]["source"],
                               "exhausted": made["exhausted"]})

    def ahead(self):
        """Tokens of all files that there are and were, trained on or not."""
        return sum(f["tokens"] for f in self.files)

    def fill(self, tokens):
        """Data generation, until the queue holds so many tokens (since the beginning of the arm).  A
        file at a time: what waits behind a round was made before the systems looked again."""
        while self.ahead() < tokens:
            waiting = len(glob.glob(self.path("queue", "normal", "*.jsonl")))
            self.system("data-generation", "--min-files", waiting + 1)
            before = len(self.files)
            self.look()
            if len(self.files) == before:
                sys.exit("%s: data-generation wrote nothing" % self.base)

    def until(self, tokens):
        """The number of steps after which as near to `tokens` as can be were trained on, and how many."""
        steps, sum_ = 0, 0
        for f in self.files:
            each = f["tokens"] / f["steps"]
            if sum_ + f["tokens"] >= tokens:
                n = min(f["steps"], round((tokens - sum_) / each))
                return steps + n, sum_ + n * each
            steps, sum_ = steps + f["steps"], sum_ + f["tokens"]
        return steps, sum_

    # ---- a round ----

    def system(self, name, *args):
        o = self.proctor.rows(name, "--once", "--json", "--base-dir", self.base, *args)[0]
        if o["state"] != "ok":
            sys.exit("%s: %s is %s: %s" % (self.base, name, o["state"], o["state_reason"]))
        return o

    def ask(self):
        """What the systems find of the newest checkpoint."""
        found = {}
        for name in ARMS[self.name]["systems"]:
            if name == "self-correction" and not glob.glob(self.path("queue", "normal", "*.jsonl")):
                self.fill(1)  # it asks examples of the queue
            o = self.system(name)
            if name == "curriculum-optimizer":
                found["mix"] = o["difficulty_weights"]
            elif name == "adversarial-miner":
                found.update(asked=o["asked"], kept=o["kept"], yield_=o["yield"])
            else:
                found.update(queue_asked=o["asked"], errors=o["errors"], corrections=o["corrections_written"]["run"])
        return found

    def train(self, steps, rates):
        """Goes on to so many steps in all."""
        path = self.path("rates.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines("%.9g\n" % r for r in rates)
        # Ended by its steps; the limit of time is for the case that the queue runs empty.
        rows = self.proctor.rows(
            "train", "--from-scratch", self.path("config.json"), "--tokenizer", self.path("tokenizer"), "--queue",
            self.base, "--out", self.path(MODELS), "--steps", steps, "--save-every", 200, "--batch", BATCH, "--lr",
            "@" + path, "--weight-decay", 0.05, "--seed", self.seed, "--seconds", 3000, "--quiet")
        if rows[-1]["step"] != steps:
            sys.exit("%s: the training ended at step %d of %d" % (self.base, rows[-1]["step"], steps))
        self.steps = steps
        return rows

    def round(self, tokens, last):
        """Trains until `tokens` in all since the beginning of the arm."""
        found = self.ask()
        self.fill(tokens)
        steps, self.tokens = self.until(tokens)
        total = self.begun + steps
        flat = [min(1.0, s / WARMUP) * RATE for s in range(total)]
        if last:
            n = total - self.steps
            flat = flat[:self.steps] + [RATE * (1 - i / n) for i in range(n)]
        rows = self.train(total, flat)
        self.answer_tokens += sum(r["tokens"] for r in rows)
        self.rounds.append({"steps": len(rows), **found})

    # ---- what it comes to ----

    def newest(self):
        return self.path(MODELS, "checkpoint-%d" % self.steps)

    def score(self, suite, out):
        o = self.proctor.rows("eval", self.newest(), "--suite", suite, "--max-new-tokens", NEW_TOKENS, "--base-dir",
                              self.base, "--examples", out, "--quiet")[0]
        if o["n_skipped"]:
            sys.exit("%s: %d lines of the suite were skipped" % (suite, o["n_skipped"]))
        return read_lines(out)

    def must_not_know(self, suite):
        """No file that was trained on has a question of the suite, and no system asked it."""
        asked = {r["prompt"] for r in suite}
        for folder in ("processing", "recently_completed", "normal"):
            for path in glob.glob(self.path("queue", folder, "*.jsonl")):
                for r in read_lines(path):
                    if turns(r)[0]["content"] in asked:
                        sys.exit("%s has a question of the held-out suite: %s" % (path, turns(r)[0]["content"]))
        if os.path.exists(self.path("proctor.db")):
            db = sqlite3.connect("file:%s?mode=ro" % self.path("proctor.db"), uri=True)
            ids = {r["id"] for r in suite}
            seen = [i for (i,) in db.execute("SELECT e.name FROM grades g JOIN examples e ON e.id = g.example") if i in ids]
            db.close()
            if seen:
                sys.exit("%s: %d grades of the held-out suite, such as of %s" % (self.base, len(seen), seen[0]))


def begin(proctor, base, config, tokenizer, seed, steps):
    """A base folder with its suites, and a training of so many steps on uniform data."""
    for name in ("data/validation/held-out", "queue/normal", MODELS):
        os.makedirs(os.path.join(base, name))
    shutil.copytree(tokenizer, os.path.join(base, "tokenizer"))
    with open(os.path.join(base, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f)
    rows, held = [], []
    skills = [x for s in SKILLS for x in ("--skill", s)]
    for level in LEVELS:
        seen = os.path.join(base, "data", "validation", level + ".jsonl")
        hidden = os.path.join(base, "data", "validation", "held-out", level + ".jsonl")
        make = ["generate", *skills, "--difficulty", level]
        proctor(*make, "--count", 102, "--seed", 10 * seed + 1, "--out", seen)
        proctor(*make, "--count", 300, "--seed", 10 * seed + 2, "--exclude", seen, "--out", hidden)
        rows += proctor.rows(*make, "--count", math.ceil(steps * BATCH / 3), "--repeat", "--seed", 10 * seed + 3,
                             "--exclude", seen, hidden)
        held += read_lines(hidden)
    write_lines(os.path.join(base, "queue", "normal", "begin.jsonl"), rows[:steps * BATCH])
    arm = Arm(proctor, base, "uniform", seed, BATCH, 0)
    per_line = arm.count(os.path.join(base, "queue", "normal", "begin.jsonl"))[0] / len(rows[:steps * BATCH])
    arm.train(steps, [min(1.0, s / WARMUP) * RATE for s in range(steps)])
    return arm, held, per_line
