#!/usr/bin/python3
"""The gradebook by SQL, beside proctor: gradebook.py DB read|write, statements as JSON on stdin
([[sql, [values…]], …]); the rows of each on stdout.  What the page shows is held against this."""
import json
import sqlite3
import sys

path, mode = sys.argv[1:]
book = sqlite3.connect("file:%s?mode=%s" % (path, "ro" if mode == "read" else "rw"), uri=True, timeout=30)
book.row_factory = sqlite3.Row
out = []
with book:
    for sql, values in json.load(sys.stdin):
        out.append([dict(row) for row in book.execute(sql, values).fetchall()])
json.dump(out, sys.stdout)
