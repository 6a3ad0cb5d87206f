"""What the checks of this folder share: proctor's own commands, and intervals of shares."""
import json
import math
import os
import subprocess
import sys

NICE = 10
Z = 1.959963984540054  # of a two-sided 95 % interval


class Program:
    """proctor as a user calls it, at lower priority; says what went wrong and ends."""

    def __init__(self, build, log):
        self.path = os.path.abspath(os.path.join(build, "src", "cli", "proctor"))
        self.log = log  # a file for all that the commands say on stderr
        if not os.access(self.path, os.X_OK):
            sys.exit("%s is not there: ninja -C %s" % (self.path, build))

    def __call__(self, *args, stdin=None):
        """The lines of its stdout, as text."""
        args = [str(a) for a in args]
        done = subprocess.run(["nice", "-n", str(NICE), self.path, *args], input=stdin,
                              capture_output=True, text=True, env={**os.environ, "PROCTOR_API": "0"})
        with open(self.log, "a", encoding="utf-8") as f:
            f.write("$ proctor %s\n%s" % (" ".join(args), done.stderr))
        if done.returncode:
            sys.exit("proctor %s ended with status %d:\n%s"
                     % (" ".join(args), done.returncode, done.stderr[-2000:]))
        return done.stdout.splitlines()

    def rows(self, *args, stdin=None):
        return [json.loads(line) for line in self(*args, stdin=stdin)]


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write_lines(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)


def wilson(k, n):
    """The 95 % interval of a share k / n (Wilson 1927)."""
    p, z2 = k / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return [max(0.0, middle - half), min(1.0, middle + half)]
