"""proctor init: the base folder, its proctor.yaml, and the page of documentation made from the same table."""
import os
import re

import harness
from harness import proctor, scratch


def test_it_makes_the_folders_and_a_file_in_which_all_is_commented():
    with scratch() as base:
        base = os.path.join(base, "new", "TRAINING")
        said = proctor("init", "--base-dir", base)
        assert "proctor doctor --base-dir " + base in said.out
        for folder in ("models/current_model", "data/validation", "queue/high", "queue/normal", "queue/low",
                       "status", "logs"):
            assert os.path.isdir(os.path.join(base, folder)), folder
        with open(os.path.join(base, "proctor.yaml"), encoding="utf-8") as f:
            lines = f.read().split("\n")
        for line in lines:
            assert not line or line.startswith("#") or re.fullmatch(r"[a-z]+:|  #.*", line), line
            assert len(line) <= 100, line
        assert "  #threshold: 15" in lines and "  #role: all" in lines


def test_a_role_is_written_into_it():
    with scratch() as base:
        proctor("init", "--base-dir", base, "--role", "training")
        with open(os.path.join(base, "proctor.yaml"), encoding="utf-8") as f:
            assert "\n  role: training\n" in f.read()
    with scratch() as base:
        proctor("init", "--base-dir", base, "--role", "pilot", status=2)
        assert os.listdir(base) == []


def test_a_file_that_is_there_is_kept():
    with scratch() as base:
        path = os.path.join(base, "proctor.yaml")
        with open(path, "w") as f:
            f.write("eval:\n  threads: 3\n")
        refused = proctor("init", "--base-dir", base, status=1)
        assert "--force" in refused.err and not refused.out
        assert os.listdir(base) == ["proctor.yaml"]
        for n in (1, 2):  # twice within a second: the copies do not overwrite each other
            proctor("init", "--base-dir", base, "--force")
            kept = sorted(x for x in os.listdir(base) if x.startswith("proctor.yaml.bak-"))
            assert len(kept) == n, kept
        assert re.fullmatch(r"proctor\.yaml\.bak-\d{8}T\d{6}Z", kept[0])
        with open(os.path.join(base, kept[0])) as f:
            assert f.read() == "eval:\n  threads: 3\n"


def test_what_is_in_the_folders_stays():
    with scratch() as base:
        os.makedirs(os.path.join(base, "data/validation"))
        os.makedirs(os.path.join(base, "current_model"))
        with open(os.path.join(base, "data/validation/easy.jsonl"), "w") as f:
            f.write("{}\n")
        proctor("init", "--base-dir", base)
        assert os.listdir(os.path.join(base, "data/validation")) == ["easy.jsonl"]
        # the run's checkpoints lie at the other usual place
        assert not os.path.exists(os.path.join(base, "models"))


def test_a_folder_that_cannot_be_made_is_named():
    with scratch() as base:
        blocked = os.path.join(base, "file")
        with open(blocked, "w"):
            pass
        refused = proctor("init", "--base-dir", os.path.join(blocked, "base"), status=1)
        assert "file" in refused.err and refused.err.count("\n") == 1


def test_the_page_of_documentation_is_the_programs_own():
    with open(os.path.join(harness.ROOT, "docs", "configuration.md"), encoding="utf-8") as f:
        assert f.read() == proctor("init", "--markdown").out, \
            "run: proctor init --markdown > docs/configuration.md"


harness.run(globals())
