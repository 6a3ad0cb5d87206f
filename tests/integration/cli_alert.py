"""proctor alert by itself: what it says where there is nothing to say."""
import os

import harness
from harness import proctor, scratch


def test_a_folder_without_a_gradebook_is_named_and_left_alone():
    with scratch() as empty:
        for args in (("list",), ("ack", "1")):
            assert "no proctor.db" in proctor("alert", *args, "--base-dir", empty, status=1).err
        assert "names no channel" in proctor("alert", "test", "--base-dir", empty, status=1).err
        assert os.listdir(empty) == []


def test_wrong_usage_says_what_is_right():
    with scratch() as empty:
        assert "none of list, ack and test" in proctor("alert", "x", "--base-dir", empty, status=2).err
        assert "an alert's number" in proctor("alert", "ack", "--base-dir", empty, status=2).err
        assert "what is 'x' for?" in proctor("alert", "list", "x", "--base-dir", empty, status=2).err


if __name__ == "__main__":
    harness.run(globals())
