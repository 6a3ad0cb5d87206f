"""The skills of ten levels, each question answered a second time by skills_oracle.py."""
import skills_oracle
import harness
from harness import proctor

COUNT = 90  # of each skill


def generate(skill, count, seed):
    """Lines of problems. The one place that knows the command."""
    return proctor("skills", "generate", "--skill", skill, "--count", count, "--seed", seed).rows()


def test_answers_are_those_of_an_independent_solver():
    for skill in skills_oracle.ORACLES:
        rows = generate(skill, COUNT, 11)
        assert len(rows) == COUNT
        for row in rows:
            assert skills_oracle.answer(skill, row["prompt"]) == row["golden"], row


harness.run(globals())
