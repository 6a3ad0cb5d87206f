"""The machine in the API: GPUs by a made driver, the host against /proc, curves, and other machines as
peers, that come, go, lie and are this very one."""
import http.server
import json
import os
import sqlite3
import stat
import threading

import harness
from machines import Machine, free_port, until

FAKE_NVML = os.environ["FAKE_NVML_LIBRARY"]


def self_of(doc):
    assert doc["schema_version"] == 1 and doc["at"]
    first = doc["machines"][0]
    assert first["self"] is True and first["reachable"] is True and first["reason"] is None
    assert [m["self"] for m in doc["machines"][1:]] == [False] * (len(doc["machines"]) - 1)
    return first


def peer_of(machine, name):
    """The first documents of an API may be older than its list of peers."""
    return until("the peer '%s'" % name,
                 lambda: {m["name"]: m for m in machine.get("/api/gpu")["machines"]}.get(name))


def seen(machine):
    """What it says of itself, once the owner has looked twice."""
    def look():
        m = self_of(machine.get("/api/gpu"))
        return m if m["host"] and m["host"]["cpu_percent"] is not None else None
    return until("two looks at the machine", look)


def meminfo():
    with open("/proc/meminfo") as f:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in f if line.endswith("kB\n")}


def test_the_host_is_what_proc_says():
    with Machine().start_owner().start_api() as m:
        found = seen(m)
        host, now = found["host"], meminfo()
        assert 0 <= host["cpu_percent"] <= 100
        assert host["cpus"] == os.sysconf("SC_NPROCESSORS_ONLN")
        assert host["memory_total_bytes"] == now["MemTotal"]
        used = now["MemTotal"] - now["MemAvailable"]
        assert abs(host["memory_used_bytes"] - used) < now["MemTotal"] / 4
        disk = os.statvfs(m.base)
        assert host["disks"][0]["path"] == m.base
        assert host["disks"][0]["total_bytes"] == disk.f_blocks * disk.f_frsize
        assert abs(host["disks"][0]["free_bytes"] - disk.f_bavail * disk.f_frsize) < 1 << 30
        assert found["gpus"] == [] and found["gpu_source"] is None and "NVIDIA" in found["gpu_reason"]


def test_gpus_are_shown_and_kept_as_curves():
    env = {"PROCTOR_NVML": FAKE_NVML, "FAKE_NVML": "gpus=2 nopower"}
    with Machine(env=env).start_owner().start_api() as m:
        found = seen(m)
        assert found["gpu_source"] == "nvml" and [g["index"] for g in found["gpus"]] == [0, 1]
        assert found["gpus"][1]["memory_used_bytes"] == 4000000001
        assert found["gpus"][0]["power_watts"] is None
        assert found["gpus"][0]["power_watts_reason"] == "Not Supported"

        def series():
            return {s["name"]: s for s in m.get("/api/gpu/curves")["series"]}
        names = until("the first points", series)
        assert "gpu0.power_watts" not in names, "a figure that never was known has no curve"
        assert {"gpu0.memory_used_bytes", "gpu1.utilization_percent", "host.cpu_percent", "host.memory_used_bytes",
                "disk0.free_bytes"} <= set(names)
        one = names["gpu1.utilization_percent"]
        curve = m.get("/api/gpu/curves/%d?width=10" % one["id"])
        assert curve["name"] == "gpu1.utilization_percent" and curve["value"][0] == 38
        assert curve["n"] >= 1 and curve["decimated"] is False and len(curve["at_ms"]) == len(curve["value"])
        with sqlite3.connect("file:%s?mode=ro" % os.path.join(m.base, "proctor.db"), uri=True) as db:
            kept = db.execute("SELECT at_ms, value FROM machine_points WHERE series = ? AND at_ms <= ? ORDER BY at_ms",
                              (one["id"], curve["at_ms"][-1])).fetchall()
        assert kept == list(zip(curve["at_ms"], curve["value"]))
        empty = m.get("/api/gpu/curves/%d?from=1&to=2" % one["id"])
        assert empty["at_ms"] == [] and empty["n"] == 0
        assert m.get("/api/gpu/curves/9999", status=404)["error"]["code"] == "not_found"
        assert m.get("/api/gpu/curves/%d?from=3&to=2" % one["id"], status=400)["error"]["code"] == "bad_request"
        assert m.get("/api/gpu/curves/x", status=400)["error"]["code"] == "bad_request"


def test_without_an_owner_nothing_is_known_of_the_machine():
    with Machine().start_owner().start_api() as m:
        seen(m)
        m.kill("owner")

        def gone():
            found = self_of(m.get("/api/gpu"))
            return found if found["host"] is None else None
        found = until("that the owner is away", gone)
        assert found["host_reason"] and found["gpus"] == [] and found["gpu_reason"]


def peers(entries):
    return "peers:\n  seconds: 1\n  machines: %s\n" % json.dumps(entries)


def test_a_peer_is_shown_until_it_is_away_and_again_when_it_is_back():
    env = {"PROCTOR_NVML": FAKE_NVML, "FAKE_NVML": "gpus=1"}
    port = free_port()
    with Machine(env=env).start_owner() as far:
        url = "http://127.0.0.1:%d" % port
        with Machine(peers({"far": {"url": url}})).start_owner().start_api() as near:
            first = peer_of(near, "far")
            assert first["reachable"] is False and first["reason"] and first["gpus"] == [] and first["host"] is None
            far.start_api(port)
            seen(far)
            found = until("the peer", lambda: next(
                (p for p in [peer_of(near, "far")] if p["reachable"] and p["gpus"]), None))
            assert found["gpus"][0]["name"] == "Fake GPU 0" and found["url"] == url and found["at"]
            assert found["host"]["memory_total_bytes"] == meminfo()["MemTotal"]
            assert found["gpu_source"] == "nvml" and found["reason"] is None
            line = {m["name"]: m for m in near.get("/api/status")["machines"]}["far"]
            assert line["reachable"] is True and "gpus" not in line
            # Peers are not followed: the far one says nothing of the near one, nor of others.
            assert [m["self"] for m in far.get("/api/gpu")["machines"]] == [True]

            far.kill("api")
            gone = until("that it is away", lambda: next(
                (p for p in [peer_of(near, "far")] if not p["reachable"]), None))
            assert "127.0.0.1:%d" % port in gone["reason"], gone["reason"]
            assert gone["gpus"] == [] and gone["host"] is None and gone["host_reason"] and gone["at"]
            assert self_of(near.get("/api/gpu"))["reachable"] is True
            assert "unreachable" in near.said("api")

            far.start_api(port)
            until("that it is back", lambda: peer_of(near, "far")["reachable"])


def test_a_machine_is_no_peer_of_itself():
    port = free_port()
    url = "http://127.0.0.1:%d" % port
    with Machine(peers({"me": {"url": url}})).start_owner().start_api(port) as m:
        found = until("that it knows itself", lambda: next(
            (p for p in [peer_of(m, "me")] if "itself" in (p["reason"] or "")), None))
        assert found["reachable"] is False and found["gpus"] == []


def test_what_is_wrong_in_the_configuration_is_the_reason():
    entries = {"a": {"url": "ftp://127.0.0.1/"}, "b": {"url": "http://127.0.0.1:1", "tokens": "x"}, "c": {},
               "d": {"url": "http://127.0.0.1:1", "token_file": "open.token"}}
    m = Machine(peers(entries))
    token = os.path.join(m.base, "open.token")
    with open(token, "w") as f:
        f.write("abc\n")
    os.chmod(token, 0o644)
    with m.start_owner().start_api():
        assert "http" in peer_of(m, "a")["reason"]
        assert "unknown key 'tokens'" in peer_of(m, "b")["reason"]
        assert "url is missing" in peer_of(m, "c")["reason"]
        until("the token's reason", lambda: "others may read it" in peer_of(m, "d")["reason"])
        assert "unknown key 'tokens'" in m.said("api")


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers as the test wants: {path: (status, body)}."""
    protocol_version = "HTTP/1.1"
    answers, asked = {}, []

    def do_GET(self):
        Liar.asked.append((self.path, dict(self.headers)))
        status, body = Liar.answers.get(self.path, (404, b"{}"))
        if self.headers.get("If-None-Match") == '"one"' and status == 200:
            status, body = 304, b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/api/elsewhere")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass


def test_of_what_a_peer_says_only_what_is_known_is_taken():
    status = {"api": {"version": "9", "boot": "abc", "more": 1}, "training": {"loss": "low", "current_step": 7}}
    gpu = {"machines": [{"self": False, "gpus": [{"index": 5}]}, {
        "self": True, "name": "<b>other</b>", "reachable": "maybe", "url": "javascript:1",
        "gpus": [{"index": 0, "name": "x" * 5000, "memory_used_bytes": "many", "utilization_percent": 5,
                  "evil": [1], "processes": [{"pid": 4, "name": "p", "memory_bytes": -3}, {"name": "no pid"}]},
                 {"name": "no index"}, 7],
        "gpu_source": "guess", "host": {"cpu_percent": None, "cpu_percent_reason": "why", "disks": {"a": 1}}}]}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_address[1]
    m = Machine(peers({"liar": {"url": url + "/", "token_file": "t"}}))
    with open(os.path.join(m.base, "t"), "w") as f:
        f.write("the-token\n")
    os.chmod(os.path.join(m.base, "t"), stat.S_IRUSR | stat.S_IWUSR)
    Liar.answers = {"/api/status": (200, json.dumps(status).encode()), "/api/gpu": (200, json.dumps(gpu).encode())}
    try:
        with m.start_owner().start_api():
            found = until("the peer", lambda: next((p for p in [peer_of(m, "liar")] if p["reachable"]), None))
            assert found["name"] == "liar" and found["self"] is False and found["url"] == url
            assert len(found["gpus"]) == 1 and len(found["gpus"][0]["name"]) == 300
            g = found["gpus"][0]
            assert g["memory_used_bytes"] is None and g["utilization_percent"] == 5 and "evil" not in g
            assert len(g["processes"]) == 1 and g["processes"][0]["memory_bytes"] is None
            assert g["memory_used_bytes_reason"] and g["processes"][0]["memory_bytes_reason"]
            assert found["gpu_source"] is None
            assert found["host"]["cpu_percent"] is None and found["host"]["cpu_percent_reason"] == "why"
            assert found["host"]["disks"] is None
            assert all(h.get("Authorization") == "Bearer the-token" for _, h in Liar.asked)
            until("a question for what changed", lambda: any(
                h.get("If-None-Match") == '"one"' for _, h in Liar.asked))
            assert peer_of(m, "liar")["reachable"] is True

            def becomes(answers, word):
                Liar.answers = answers
                until(word, lambda: word in (peer_of(m, "liar")["reason"] or ""))
                assert peer_of(m, "liar")["gpus"] == []
            becomes({"/api/status": (401, b"")}, "does not take the token")
            becomes({"/api/status": (302, b"")}, "HTTP 302")
            assert not any(p == "/api/elsewhere" for p, _ in Liar.asked)
            assert "the-token" not in m.said("api")
    finally:
        server.shutdown()
        server.server_close()


def test_answers_that_are_none_are_refused():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_address[1]
    fine = b'{"api": {"boot": "b"}}'
    try:
        for answers, word in (({"/api/status": (200, b"[" * 500)}, "/api/status"),
                              ({"/api/status": (200, b"{}")}, "no proctor"),
                              ({"/api/status": (200, b" " * (5 << 20))}, "bytes"),
                              ({"/api/status": (200, fine), "/api/gpu": (200, b'{"machines": 3}')}, "no machine"),
                              ({"/api/status": (200, fine)}, "HTTP 404")):
            Liar.answers = answers
            with Machine(peers({"liar": {"url": url}})).start_owner().start_api() as m:
                until(word, lambda: word in (peer_of(m, "liar")["reason"] or ""))
                assert peer_of(m, "liar")["reachable"] is False
    finally:
        server.shutdown()
        server.server_close()


harness.run(globals())
