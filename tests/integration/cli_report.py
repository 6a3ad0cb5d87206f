"""proctor report: one file that says what the gradebook says, and asks nobody."""
import html.parser
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness  # noqa: E402
from harness import proctor, scratch  # noqa: E402
from watchbase import Base  # noqa: E402


def made(base, path):
    result = proctor("report", "--base-dir", base, "--output", path, status=None)
    if "built without its page" in result.err:
        print("skipped: this build has no page")
        sys.exit(77)
    assert result.status == 0, result.err
    with open(path, encoding="utf-8") as f:
        return f.read()


class Parts(html.parser.HTMLParser):
    """The scripts by their type, and every attribute that could load something."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.loads, self.kind = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.loads += [v for k, v in given.items() if k in ("src", "href", "action", "data")]
        self.kind = given.get("type", "script") if tag == "script" else None

    def handle_endtag(self, tag):
        self.kind = None

    def handle_data(self, data):
        if self.kind:
            self.scripts[self.kind] = self.scripts.get(self.kind, "") + data


def test_a_report_holds_the_gradebooks_figures_and_loads_nothing():
    base = Base(12)
    hostile = "</script><img src=x onerror=alert(1)>"
    base.write_suite(12, lambda i, row: {**row, "id": "%d%s" % (i, hostile)})
    base.drop(2886, source=2886)
    base.drop(4500)
    proctor("run", "--once", "--base-dir", base.dir)
    with scratch() as folder:
        text = made(base.dir, os.path.join(folder, "report.html"))
    parts = Parts(text)
    assert not parts.loads, parts.loads
    assert hostile not in text
    assert "Content-Security-Policy" in text and "default-src 'none'" in text
    report = json.loads(parts.scripts["application/json"])
    documents = report["documents"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", report["made_at"])
    rows = {r["name"]: r for r in documents["/api/checkpoints?limit=500"]["checkpoints"]}
    scores = base.ask("SELECT checkpoint_name, accuracy, loss FROM checkpoint_scores"
                      " WHERE suite = 'validation'")
    assert len(scores) == 2
    for name, accuracy, loss in scores:
        suite = next(s for s in rows[name]["suites"] if s["suite"] == "validation")
        assert abs(suite["accuracy"] - accuracy) < 1e-12 and abs(suite["loss"] - loss) < 1e-9, name
    examples = documents["/api/gradebook/examples?limit=200"]["examples"]
    assert len(examples) == 12 and all(hostile in e["id"] for e in examples)
    for e in examples:
        assert len(documents["/api/gradebook/examples/" + e["example"]]["answers"]) == 2
    a, b = [documents["/api/checkpoints?limit=500"]["checkpoints"][i]["id"] for i in (1, 0)]
    assert documents["/api/gradebook/compare?a=%d&b=%d" % (a, b)]["n"] == 12
    base.remove()


def test_without_a_gradebook_or_a_folder_it_says_so():
    with scratch() as folder:
        path = os.path.join(folder, "report.html")
        result = proctor("report", "--base-dir", folder, "--output", path, status=1)
        assert "no proctor.db" in result.err and not os.path.exists(path)
        result = proctor("report", "--base-dir", folder + "/none", status=1)
        assert "there is no base folder" in result.err


harness.run(globals())
