"""proctor skills: what there is, and the levels of one."""
import harness
from harness import proctor

SKILLS = ["addition", "subtraction", "comparison", "sorting", "reversal", "maximum", "arithmetic", "ordering",
          "deduction", "bases"]


def test_the_list_shows_every_skill_with_an_example():
    text = proctor("skills").out
    for skill in SKILLS:
        line = [line for line in text.split("\n") if line.startswith(skill + " ")]
        assert len(line) == 1 and line[0].count(" → ") == 1, text


def test_a_name_shows_its_levels():
    for skill, levels in (("addition", 3), ("deduction", 10)):
        text = proctor("skills", skill).out
        assert text.count(" → ") == levels and "medium" in text, text
    assert "'alchemy'" in proctor("skills", "alchemy", status=2).err


harness.run(globals())
