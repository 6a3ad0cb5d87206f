"""proctor help: what a person meets first."""
import re
import shutil
import subprocess

import harness
from harness import proctor


def test_the_overview_lists_every_command():
    text = proctor("help").out
    assert text == proctor("--help").out == proctor("-h").out
    for name in ("help", "version"):
        assert "\n  %s " % name in text
        assert "Usage: proctor " + name in proctor("help", name).out


def test_help_of_a_command_is_the_same_both_ways_and_shows_examples():
    text = proctor("help", "help").out
    assert text == proctor("help", "--help").out
    for part in ("Usage:", "Options:", "Examples:", "Exit status:"):
        assert part in text


def test_the_manual_page_has_every_command_and_formats_without_a_warning():
    page = proctor("help", "--man").out
    if not shutil.which("groff"):
        print("skipped: groff is not here, so that the page is not formatted")
        return
    done = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=100n"],
                          input=page.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout.decode())
    for name in re.findall(r"(?m)^  ([a-z][a-z-]+)  ", proctor("help").out):
        assert re.search(r"(?m)^ +proctor %s( |$)" % name, text), name
    assert "--base-dir" in text and "proctor.db" in text


def test_wrong_usage_is_status_2_with_a_suggestion_and_a_silent_stdout():
    for args, said in ((["hepl"], "did you mean 'help'?"), ([], "a command is missing"),
                       (["help", "verison"], "did you mean 'version'?"),
                       (["help", "--markdwon"], "did you mean --markdown?"),
                       (["version", "x"], "one argument too many")):
        result = proctor(*args, status=2)
        assert said in result.err and not result.out, result.err
        assert result.err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error():
    import subprocess
    done = subprocess.run("%s help --markdown | true" % harness.PROCTOR, shell=True,
                          stderr=subprocess.PIPE, executable="/bin/bash")
    assert done.returncode == 0 and not done.stderr


def test_a_full_disk_is_an_error():
    import subprocess
    with open("/dev/full", "w") as full:
        done = subprocess.run([harness.PROCTOR, "help"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"standard output" in done.stderr


harness.run(globals())
