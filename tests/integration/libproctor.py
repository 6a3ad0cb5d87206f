"""The example of docs/libproctor.md is compiled against the shared library and run; the header stands
alone, in C and in C++."""
import json
import os
import re
import shutil
import subprocess

import harness
from harness import RUN_A

CC = os.environ.get("CC", "cc").split()
LIBRARY = os.environ["PROCTOR_LIBRARY"]
INCLUDE = "-I" + os.path.join(harness.ROOT, "include")


def test_the_example_of_the_docs_runs():
    with open(os.path.join(harness.ROOT, "docs", "libproctor.md")) as f:
        source = re.search(r"```c\n(.*?)```", f.read(), re.S).group(1)
    with harness.scratch() as folder:
        path, program = os.path.join(folder, "example.c"), os.path.join(folder, "example")
        with open(path, "w") as f:
            f.write(source)
        subprocess.run([*CC, "-std=c17", "-Wall", "-Wextra", "-Werror", INCLUDE, path, LIBRARY,
                        "-Wl,-rpath," + os.path.dirname(LIBRARY), "-o", program], check=True)
        done = subprocess.run([program, os.path.join(RUN_A, "checkpoints", "checkpoint-4500"),
                               os.path.join(RUN_A, "validation.jsonl")], stdout=subprocess.PIPE, check=True)
        answer, document = done.stdout.decode().splitlines()
        assert answer.startswith("answer: ") and answer.endswith("stop)"), answer
        assert json.loads(document)["n"] == 12


def test_the_header_stands_alone_in_c_and_cxx():
    compilers = [(CC, "c")] + ([(["c++"], "c++")] if shutil.which("c++") else [])
    for compiler, language in compilers:
        subprocess.run([*compiler, "-x", language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", INCLUDE, "-"],
                       input=b"#include <proctor.h>\n", check=True)


def test_nothing_but_the_public_functions_is_exported():
    names = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], stdout=subprocess.PIPE, check=True).stdout.decode()
    exported = {line.split()[-1].split("@")[0] for line in names.splitlines()}
    with open(os.path.join(harness.ROOT, "include", "proctor.h")) as f:
        public = set(re.findall(r"\b(proctor_\w+)\(", re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)))
    assert exported - {"_init", "_fini"} == public, exported ^ public


harness.run(globals())
