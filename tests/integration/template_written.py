"""Templates written for this test, with the constructs of models whose own templates are not to be had
here."""


def templates():
    for name, template in WRITTEN.items():
        yield name, template, {}


WRITTEN = {}
