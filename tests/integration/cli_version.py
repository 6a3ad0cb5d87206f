"""proctor version."""
import re

import harness
from harness import proctor


def test_the_version_is_one_line():
    text = proctor("version").out
    assert re.fullmatch(r"proctor \d+\.\d+\.\d+\n", text)
    assert text == proctor("--version").out
    assert "proctor " + proctor("version", "--json").row()["version"] + "\n" == text


harness.run(globals())
