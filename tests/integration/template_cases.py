"""Snippets."""


def cases():
    return iter(())
