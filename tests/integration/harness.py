"""What the integration tests share: runs the proctor of this build and checks what it promises.

The build passes the program as $PROCTOR; each test file is a program of its own that ends with
harness.run(globals())."""
import json
import os
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
MODELS = os.path.join(FIXTURES, "models")
RUN_A = os.path.join(FIXTURES, "run_a")
PROCTOR = os.environ.get("PROCTOR", os.path.join(ROOT, "build", "src", "cli", "proctor"))


# No ports are taken but by the tests of the API.
os.environ.setdefault("PROCTOR_API", "0")

# Fingerprints that another build cached are no evidence about this one.
CACHE = tempfile.TemporaryDirectory(prefix="proctor-test-cache-")


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def rows(self):
        """stdout as JSON Lines, strictly: no NaN, nothing else between them."""
        def refuse(word):
            raise AssertionError("not JSON: " + word)
        return [json.loads(line, parse_constant=refuse) for line in self.out.split("\n")[:-1]]

    def row(self):
        rows = self.rows()
        assert len(rows) == 1, self.out[:1000] + self.err
        return rows[0]


def proctor(*args, input="", status=0, env=None, cwd=None):
    """Runs proctor; input is text, bytes, or a list of rows."""
    if isinstance(input, list):
        input = "".join(json.dumps(row) + "\n" for row in input)
    if isinstance(input, str):
        input = input.encode("utf-8", "surrogatepass")
    done = subprocess.run([PROCTOR, *map(str, args)], input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, "XDG_CACHE_HOME": CACHE.name, **(env or {})}, cwd=cwd,
                          timeout=300)
    result = Result(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
    if status is not None:
        assert result.status == status, "exit status %d, expected %d\n%s\n%s" % (
            result.status, status, result.out[:2000], result.err[:2000])
    return result


def scratch():
    return tempfile.TemporaryDirectory(prefix="proctor-test-")


class Skipped(Exception):
    """What a test needs is not here: the whole file counts as skipped then, not as passed."""


def run(names):
    """Runs every function named test_… ."""
    failed = skipped = 0
    for name, test in list(names.items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            print("ok   " + name)
        except Skipped as why:
            skipped += 1
            print("skipped: %s, %s" % (name, why))
        except Exception:
            failed += 1
            print("FAIL " + name)
            traceback.print_exc()
    sys.exit(1 if failed else 77 if skipped else 0)  # 77: Meson's word for a skipped test
