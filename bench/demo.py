#!/usr/bin/python3
"""Times what `proctor demo` promises, from its own lines.

  bench/demo.py BUILD [--folder DIR]

Runs the whole demo (some ten minutes) and prints, beside what is asked of it: when the first
checkpoint was graded, when the damaged one was caught, when easy problems passed 90 %, what medium
ones reached within five minutes, and the curriculum optimizer's verdict."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROW = re.compile(r"^ *\d+:\d\d +checkpoint-(\d+) +([\d.]+) +(\d+) % +(\d+) % +(\d+) %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--folder", help="keep the demo here (default: a temporary folder)")
    args = parser.parse_args()
    proctor = os.path.abspath(os.path.join(args.build, "src", "cli", "proctor"))
    with tempfile.TemporaryDirectory(prefix="proctor-demo-") as scratch:
        folder = args.folder or os.path.join(scratch, "demo")
        began = time.monotonic()
        demo = subprocess.Popen([proctor, "demo", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        rows, caught, trained, lines = [], None, None, []
        for line in demo.stdout:
            now = time.monotonic() - began
            print("%6.1f s | %s" % (now, line), end="", flush=True)
            found = ROW.match(line)
            if found:
                rows.append((now, *map(float, found.groups())))
            if "CAUGHT" in line:
                caught = now
            if "curriculum-optimizer" in line and trained is None:
                trained = now
        ended = time.monotonic() - began
        status = demo.wait()
        try:
            with open(os.path.join(folder, "status", "curriculum_optimization.json"), encoding="utf-8") as f:
                curriculum = json.load(f)
        except FileNotFoundError:
            curriculum = {}
    over90 = next((r[0] for r in rows if r[3] > 90), None)
    within = [r for r in rows if r[0] <= 300]
    print()
    print("%-44s %12s   %s" % ("", "measured", "asked"))
    for what, value, asked in [
            ("first graded checkpoint", rows and "%.0f s" % rows[0][0], "30 s"),
            ("damaged checkpoint caught", caught and "%.0f s" % caught, "2 min"),
            ("easy above 90 %", over90 and "%.0f s" % over90, "5 min"),
            ("best medium accuracy within 5 min", within and "%.0f %%" % max(r[4] for r in within), "above chance"),
            ("training over", trained and "%.0f s" % trained, ""),
            ("demo over", "%.0f s" % ended, ""),
            ("curriculum: decision", curriculum.get("decision"), ""),
            ("curriculum: best strategy", curriculum.get("best_strategy"), "")]:
        print("%-44s %12s   %s" % (what, value if value else "–", asked))
    return status


if __name__ == "__main__":
    sys.exit(main())
