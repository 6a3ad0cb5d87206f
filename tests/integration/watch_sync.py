"""checkpoint-sync as a user runs it, against a real sshd: whole checkpoints or none, whatever happens in between."""
import concurrent.futures
import getpass
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import harness
import sshd

CUTS = int(os.environ.get("PROCTOR_CUTS", "40"))
KILLS = int(os.environ.get("PROCTOR_KILLS", "8"))
SEED = int(os.environ.get("PROCTOR_SEED", str(time.time_ns() % 1000000)))

if sshd.missing():
    print(f"SKIPPED: {sshd.missing()} is not installed here: nothing over ssh is tested")
    sys.exit(77)

SCRATCH = harness.scratch()
POOR = os.path.join(SCRATCH.name, "poor")  # the programs of a machine that has no rsync
os.makedirs(POOR)
for program in ("sh", "find", "head", "cat", "stat", "sha256sum", "printf"):
    if shutil.which(program):
        os.symlink(shutil.which(program), os.path.join(POOR, program))
SERVER = sshd.Sshd(SCRATCH.name, poor_path=POOR)
NUMBER = [0]
LOCK = threading.Lock()


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def make(folder, n=100_000, seed=1, step=1, age=0):
    """A complete checkpoint, trained `age` seconds ago."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [n], "data_offsets": [0, n]}}).encode()
    write(folder, "model.safetensors", struct.pack("<Q", len(header)) + header + random.Random(seed).randbytes(n))
    write(folder, "config.json", b'{"model_type": "qwen3"}')
    write(folder, "tokenizer.json", b"{}")
    write(folder, "optimizer.pt", b"x" * 1000)
    write(folder, "trainer_state.json", json.dumps({"global_step": step}).encode())
    at = time.time() - age
    for name in os.listdir(folder):
        os.utime(os.path.join(folder, name), (at, at))


def contents(folder):
    found = {}
    for name in os.listdir(folder):
        if name != "optimizer.pt":
            with open(os.path.join(folder, name), "rb") as f:
                found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


class Place:
    """A base folder, and a folder over there."""

    def __init__(self, port=None, key="key", keep=3, **more):
        with LOCK:
            NUMBER[0] += 1
            self.dir = os.path.join(SCRATCH.name, f"t{NUMBER[0]}")
        self.runs, self.base = self.dir + "/runs with space", self.dir + "/base"
        self.local = self.base + "/models/current_model"
        os.makedirs(self.runs)
        os.makedirs(self.base)
        options = [o for o in SERVER.options(port, key) if "=" in o]
        settings = {"remote_host": "127.0.0.1", "remote_user": getpass.getuser(), "remote_port": port or SERVER.port,
                    "remote_dir": self.runs, "ssh_options": options, "keep": keep, "look_seconds": 0.05, "reserve_gb": 0,
                    "retry_seconds": 0.01, "retry_max_seconds": 0.05, **more}
        self.configure(settings)

    def configure(self, settings):
        self.settings = settings
        with open(self.base + "/proctor.yaml", "w", encoding="utf-8") as f:
            f.write("sync:\n" + "".join(f"  {k}: {json.dumps(v)}\n" for k, v in settings.items() if v is not None))

    def once(self, *args):
        return harness.proctor("checkpoint-sync", "--once", "--json", "--base-dir", self.base, *args).row()

    def here(self):
        if not os.path.isdir(self.local):
            return set()
        return {n for n in os.listdir(self.local) if not n.startswith(".")}

    def make(self, step, **more):
        make(f"{self.runs}/checkpoint-{step}", **{"step": step, "seed": step, **more})

    def status(self):
        with open(self.base + "/status/checkpoint_sync.json", encoding="utf-8") as f:
            return json.load(f)

    def alerts(self):
        """Its own: that these folders cannot be graded is another's, and may come at any moment."""
        db = sqlite3.connect(f"file:{self.base}/proctor.db?mode=ro", uri=True)
        rows = db.execute("SELECT key, level, text FROM alerts WHERE system = 'checkpoint-sync'"
                          " AND (cleared_ms IS NULL OR cleared_ms = 0)").fetchall()
        db.close()
        return {key: (level, text) for key, level, text in rows}

    def start(self, *args):
        log = open(self.dir + "/log", "ab")
        p = subprocess.Popen([harness.PROCTOR, "checkpoint-sync", "--interval", "1", "--base-dir", self.base, *args],
                             stdout=subprocess.DEVNULL, stderr=log)
        log.close()
        return p


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("not in time")


def states(document):
    return {c["name"]: c["state"] for c in document["checkpoints"]}


def test_newest_come_and_old_go():
    p = Place()
    for step in range(1, 6):
        p.make(step, age=100 - step)
    write(f"{p.runs}/checkpoint-6", "config.json", b"{}")  # half written
    make(f"{p.local}/checkpoint-900", step=900, age=1000)  # the user's own
    d = p.once()
    assert p.here() == {"checkpoint-3", "checkpoint-4", "checkpoint-5", "checkpoint-900"}, (p.here(), d)
    for name in ("checkpoint-3", "checkpoint-4", "checkpoint-5"):
        assert contents(f"{p.local}/{name}") == contents(f"{p.runs}/{name}")
        assert not os.path.exists(f"{p.local}/{name}/optimizer.pt")
    found = states(d)
    assert found["checkpoint-1"] == "ready" and found["checkpoint-5"] == "copied" and found["checkpoint-6"] == "incomplete", found
    assert all(c["reason"] for c in d["checkpoints"] if c["state"] == "incomplete")
    assert d["last_look"] and d["last_success"] and d["consecutive_failures"] == 0 and d["removed"] == []
    assert d["disk"]["free"] > 0 and d["transferring"] is None and d["direction"] == "fetch"
    before = {n: os.stat(f"{p.local}/{n}").st_ino for n in p.here()}
    p.make(7)
    d = p.once()
    assert p.here() == {"checkpoint-4", "checkpoint-5", "checkpoint-7", "checkpoint-900"}, p.here()
    assert [(r["name"], r["bytes"] > 100_000) for r in d["removed"]] == [("checkpoint-3", True)], d["removed"]
    assert "older than the newest 3" in d["removed"][0]["why"], d["removed"]
    assert os.stat(p.local + "/checkpoint-5").st_ino == before["checkpoint-5"]  # not fetched again
    with open(p.base + "/logs/checkpoint-sync.log", encoding="utf-8") as f:
        log = f.read()
    assert "removed" in log and "checkpoint-3: older than" in log and "copied" in log, log
    assert os.listdir(p.local + "/.incoming") == []


def test_same_name_with_other_content_gets_its_own():
    p = Place()
    p.make(8, age=50)
    p.once()
    old = contents(p.local + "/checkpoint-8")
    shutil.rmtree(p.runs + "/checkpoint-8")
    p.make(8, n=50_000, age=10, seed=99)  # the trainer begins anew in its folder
    p.once()
    names = sorted(p.here())
    assert names[0] == "checkpoint-8" and len(names) == 2 and len(names[1]) == len("checkpoint-8.12345678"), names
    assert contents(p.local + "/checkpoint-8") == old
    assert contents(f"{p.local}/{names[1]}") == contents(p.runs + "/checkpoint-8")
    p.once()
    assert sorted(p.here()) == names


def test_lost_record_is_made_again():
    p = Place(keep=1, keep_best=0)
    p.make(1, age=50)
    p.once()
    inode = os.stat(p.local + "/checkpoint-1").st_ino
    os.remove(p.base + "/.checkpoint_sync.json")
    d = p.once()
    assert p.here() == {"checkpoint-1"} and os.stat(p.local + "/checkpoint-1").st_ino == inode
    assert states(d) == {"checkpoint-1": "copied"} and "never removed" in d["kept"][0]["reason"], d
    p.make(2)
    p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-2"}  # whose it is nobody can tell
    with open(p.base + "/.checkpoint_sync.json", "w", encoding="ascii") as f:
        f.write('{"copied": [{"name": 1}, 2, {"name": "../../x"}], "seen": [], "failed": {"x": 1}, "host": 3')
    p.once()
    with open(p.base + "/.checkpoint_sync.json", "w", encoding="ascii") as f:
        f.write('{"copied": [{"name": 1}, 2, {"name": "../../x"}], "seen": [], "failed": {"x": 1}, "host": 3, "removed": {}}')
    p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-2"}


def test_pinned_stay():
    p = Place(keep=1, keep_best=0)
    p.make(1, age=50)
    p.once()
    harness.proctor("regression-monitor", "--once", "--base-dir", p.base, status=None)  # it is known now
    harness.proctor("pin", "checkpoint-1", "--base-dir", p.base)
    p.make(2, age=40)
    d = p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-2"}, d["removed"]
    assert {k["name"]: k["reason"] for k in d["kept"]}["checkpoint-1"] == "pinned", d["kept"]
    os.makedirs(p.base + "/status", exist_ok=True)
    write(p.base + "/status", "last_deployment.json", json.dumps({"checkpoint": "checkpoint-2"}).encode())
    p.make(3, age=30)
    d = p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-2", "checkpoint-3"}
    assert {k["name"]: k["reason"] for k in d["kept"]}["checkpoint-2"] == "deployed", d["kept"]


def test_wrong_host_key_is_for_a_person():
    proxy = sshd.Cutter(SERVER.port, [])
    SERVER.trust(proxy.port, SERVER.other_host_key)
    p = Place(port=proxy.port, retry_max_seconds=1000)
    p.make(1)
    d = p.once()
    assert p.here() == set() and d["consecutive_failures"] == 1 and "host key" in d["failure"], d
    alerts = p.alerts()
    assert list(alerts) == ["source-refused"], alerts
    wait = time.mktime(time.strptime(d["next_try_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - time.time()
    assert 400 < wait <= 1001, (d["next_try_at"], wait)
    proxy.close()


def test_no_rsync_there_is_the_hosts():
    p = Place(key="poor_key", retry_max_seconds=1000)
    p.make(1, age=20)
    p.make(2)
    d = p.once()
    assert p.here() == set() and d["consecutive_failures"] == 1 and "rsync is not installed there" in d["failure"], d
    assert list(p.alerts()) == ["source-refused"], p.alerts()
    assert "failed" not in states(d).values(), d


def ssh_of(process):
    """The ssh that a daemon has open, or None."""
    found = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "ssh"], capture_output=True, text=True, check=False)
    return int(found.stdout.split()[0]) if found.stdout.strip() else None


def test_one_connection_serves_many_runs():
    p = Place()
    p.make(1, age=10)
    process = p.start()
    try:
        until(lambda: p.here() == {"checkpoint-1"})
        first = until(lambda: ssh_of(process))

        def looked(times):
            seen = set()
            until(lambda: seen.add(p.status()["last_look"]) or len(seen) > times)
        looked(3)
        assert ssh_of(process) == first, "each run made a connection of its own"
        assert p.status()["look_ms"] > 0
        os.kill(first, signal.SIGKILL)  # as a firewall that forgets it
        p.make(2)
        until(lambda: p.here() == {"checkpoint-1", "checkpoint-2"})
        assert p.status()["consecutive_failures"] == 0
        with open(p.dir + "/log", encoding="utf-8") as f:
            assert "not-reached" not in f.read()
        assert ssh_of(process) != first
    finally:
        process.terminate()
        process.wait(60)


def test_unreachable_source_is_told():
    p = Place(port=sshd.free_port())
    d = p.once()
    assert d["consecutive_failures"] >= 3 and d["next_try_at"] and d["failure"], d
    assert list(p.alerts()) == ["source-unreachable"]
    p.configure({**p.settings, "remote_port": SERVER.port})
    p.make(1)
    assert p.once()["consecutive_failures"] == 0 and p.alerts() == {} and p.here() == {"checkpoint-1"}


def test_clocks_that_differ():
    p = Place(keep=2, keep_best=0)
    for step, age in ((1, -5e8), (2, -5e8 + 1), (3, 1.7e9)):  # some 16 years ahead, and in the seventies
        p.make(step, age=age)
    p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-2"}, p.here()
    state = json.load(open(p.base + "/.checkpoint_sync.json", encoding="utf-8"))
    for x in state["seen"].values():  # our own clock was ahead and is set back
        x["since_ms"] += 10**12
    state["host"]["next_ms"] = int(time.time() * 1000) + 10**12
    json.dump(state, open(p.base + "/.checkpoint_sync.json", "w", encoding="utf-8"))
    p.make(4, age=-5e8 - 1)
    p.once()
    assert p.here() == {"checkpoint-1", "checkpoint-4"}, p.here()


def whole(p, versions, where=None):
    """Everything in place is what was once whole over there.  What a running sync removes meanwhile goes as a whole."""
    where = where or p.local
    for name in os.listdir(where) if os.path.isdir(where) else ():
        folder = f"{where}/{name}"
        if name.startswith("."):
            continue
        try:
            assert contents(folder) in versions, (SEED, name)
        except FileNotFoundError:
            assert not os.path.exists(folder), (SEED, name)


def cuts(rng, n):
    return [rng.randrange(1, 10_000) if rng.random() < 0.4 else rng.randrange(1, 300_000) for _ in range(n)]


def cut_connections(part):
    """A quarter of the cuts: they mostly wait, beside each other."""
    rng = random.Random(SEED + part)
    n = CUTS // 4 + (part < CUTS % 4)
    proxy = sshd.Cutter(SERVER.port, cuts(rng, n))
    SERVER.trust(proxy.port)
    p = Place(port=proxy.port, keep=2, keep_best=0)
    versions, step, runs = [], 0, 0
    while proxy.gaps:
        step += 1
        p.make(step, n=500_000)
        versions.append(contents(f"{p.runs}/checkpoint-{step}"))
        for _ in range(CUTS + 5):
            runs += 1
            p.once()
            whole(p, versions)
            if f"checkpoint-{step}" in p.here():
                break
        else:
            raise AssertionError((SEED, "never finished", p.status()))
    proxy.close()
    assert proxy.cuts == n, (SEED, proxy.cuts)
    if n:
        assert contents(f"{p.local}/checkpoint-{step}") == versions[-1]
    print(f"     {n} cuts: {step} checkpoints came in {runs} runs, seed {SEED}")


def test_cut_connections_1():
    cut_connections(0)


def test_cut_connections_2():
    cut_connections(1)


def test_cut_connections_3():
    cut_connections(2)


def test_cut_connections_4():
    cut_connections(3)


def test_killed_rewritten_and_removed_meanwhile():
    """kill -9 of the sync at random moments, while the trainer writes, rewrites and rotates."""
    rng = random.Random(SEED)
    p = Place(keep=2, keep_best=0, bandwidth_mb=8, compress="zstd")
    versions = []
    for i in range(KILLS):
        daemon = p.start()
        step = 1 + i // 2
        p.make(step, n=600_000, seed=1000 + i)  # every other one is a rewrite
        versions.append(contents(f"{p.runs}/checkpoint-{step}"))
        time.sleep(rng.random() * 0.9)
        if i % 4 == 3:
            shutil.rmtree(f"{p.runs}/checkpoint-{step}")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        whole(p, versions)
    p.make(100, n=600_000)
    p.make(101, n=600_000)
    versions += [contents(f"{p.runs}/checkpoint-{n}") for n in (100, 101)]
    daemon = p.start()
    until(lambda: {"checkpoint-100", "checkpoint-101"} <= p.here())
    whole(p, versions)
    until(lambda: len(p.here()) == 2 and not p.status().get("transferring"))
    daemon.terminate()
    assert daemon.wait(60) == 0
    whole(p, versions)


def test_full_disk():
    p = Place(reserve_gb=0.001)
    os.makedirs(p.local)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", p.local], capture_output=True, check=False).returncode:
        raise harness.Skipped("no tmpfs can be mounted here, so a full disk is not tested")
    try:
        p.make(1, n=1_200_000, age=50)
        p.make(2, n=1_200_000, age=40)
        d = p.once()
        assert p.here() == {"checkpoint-1", "checkpoint-2"}, d
        p.make(3, n=1_200_000, age=30)  # keep is 3, there is room for 2
        d = p.once()
        assert p.here() == {"checkpoint-2", "checkpoint-3"} and "for room" in d["removed"][0]["why"], d
        p.make(4, n=3_500_000)
        d = p.once()
        assert p.here() == {"checkpoint-2", "checkpoint-3"} and states(d)["checkpoint-4"] == "failed", d
        assert "disk" in p.alerts() and d["disk"]["free"] > 0, p.alerts()
    finally:
        subprocess.run(["umount", p.local], check=True)


def test_push():
    rng = random.Random(SEED + 1)
    proxy = sshd.Cutter(SERVER.port, cuts(rng, max(CUTS // 4, 1)))
    SERVER.trust(proxy.port)
    p = Place(port=proxy.port, keep=2, keep_best=0)
    far = p.dir + "/far folder"
    os.makedirs(far)
    make(far + "/checkpoint-1", step=1, seed=77)  # somebody else's
    other = contents(far + "/checkpoint-1")
    p.configure({**p.settings, "local_dir": p.runs, "remote_dir": far, "push": True})
    versions = [other]
    for step in (1, 2, 3):
        p.make(step, n=400_000, age=100 - step)
        versions.append(contents(f"{p.runs}/checkpoint-{step}"))
    for _ in range(CUTS + 20):
        d = p.once()
        whole(p, versions, far)
        if not proxy.gaps and d["consecutive_failures"] == 0:
            break
        p.make(3, n=400_000, seed=rng.randrange(10**9))  # more to push until all cuts are used up
        versions.append(contents(f"{p.runs}/checkpoint-3"))
    d = p.once()
    there = {n for n in os.listdir(far) if not n.startswith(".")}
    found = [contents(f"{far}/{n}") for n in there]
    assert contents(far + "/checkpoint-1") == other and contents(p.runs + "/checkpoint-3") in found, (SEED, there)
    assert len(there) == 3, (SEED, there, d)
    assert d["direction"] == "push" and d["place"].endswith(far), d
    assert sorted(os.listdir(p.runs)) == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert proxy.cuts == max(CUTS // 4, 1), (SEED, proxy.cuts)
    proxy.close()


def test_push_knows_room_and_progress_over_there():
    p = Place(reserve_gb=0.001)
    far = p.dir + "/far disk"
    os.makedirs(far)
    p.configure({**p.settings, "local_dir": p.runs, "remote_dir": far, "push": True})
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", far], capture_output=True, check=False).returncode:
        raise harness.Skipped("no tmpfs can be mounted here, so a full disk over there is not tested")
    try:
        p.make(1, n=1_200_000, age=50)
        p.make(2, n=1_200_000, age=40)
        d = p.once()
        there = os.statvfs(far)
        assert d["disk"]["free"] == there.f_bavail * there.f_frsize, d["disk"]
        p.make(3, n=1_200_000, age=30)  # keep is 3, there is room for 2
        d = p.once()
        assert sorted(os.listdir(far)) == [".incoming", "checkpoint-2", "checkpoint-3"], d
        assert "for room" in d["removed"][0]["why"], d["removed"]
        p.make(4, n=3_500_000)
        d = p.once()
        assert states(d)["checkpoint-4"] == "failed" and "disk" in p.alerts(), d
        assert sorted(os.listdir(far)) == [".incoming", "checkpoint-2", "checkpoint-3"], d
        shutil.rmtree(p.runs + "/checkpoint-4")
        p.make(5, n=1_200_000, seed=9)
        p.configure({**p.settings, "bandwidth_mb": 0.2})
        daemon = p.start()
        try:
            seen = until(lambda: [t for t in [p.status()["transferring"]] if t and 300_000 < t["bytes_done"] < t["bytes_total"]])[0]
            until(lambda: (p.status()["transferring"] or {}).get("bytes_per_second"))
        finally:
            daemon.terminate()
            daemon.wait()
        assert seen["bytes_total"] > 1_200_000 and "checkpoint-5" not in os.listdir(far), seen
        # What came counts: somebody fills the disk, and only what is left would fit.
        coming = [name for name in os.listdir(far + "/.incoming") if name.startswith("checkpoint-5.")][0]
        weights = f"{far}/.incoming/{coming}/model.safetensors"
        sizes = [0]
        until(lambda: sizes.append(os.path.getsize(weights)) or len(sizes) > 20 and len(set(sizes[-20:])) == 1)  # rsync there has ended
        disk, left = os.statvfs(far), seen["bytes_total"] - sizes[-1] + 200_000
        assert left < seen["bytes_total"], (left, seen)
        write(far, "filler", bytes(disk.f_bavail * disk.f_frsize - 1_000_000 - left))
        p.configure({**p.settings, "bandwidth_mb": None, "keep": 2})
        d = p.once()
        assert states(d)["checkpoint-5"] == "copied" and "checkpoint-3" in os.listdir(far), d
    finally:
        subprocess.run(["umount", far], check=True)


def test_push_to_a_mounted_folder():
    p = Place(keep=2, keep_best=0)
    far = p.dir + "/far"
    p.configure({**p.settings, "remote_host": None, "local_dir": p.runs, "remote_dir": far, "push": True})
    for step in (1, 2, 3):
        p.make(step, age=100 - step)
    p.once()
    assert sorted(os.listdir(far)) == [".incoming", "checkpoint-2", "checkpoint-3"]
    assert contents(far + "/checkpoint-3") == contents(p.runs + "/checkpoint-3")


def test_two_hosts():
    """Each in a network namespace of its own; the cable between them is pulled while a checkpoint comes."""
    a, b = f"pra{os.getpid()}", f"prb{os.getpid()}"

    def ip(*args):
        return subprocess.run(["ip", *args], capture_output=True, check=False).returncode == 0
    made = shutil.which("ip") and ip("netns", "add", a) and ip("netns", "add", b) and \
        ip("link", "add", "pra", "netns", a, "type", "veth", "peer", "name", "prb", "netns", b)
    server = None
    try:
        if not made:
            raise harness.Skipped("no network namespaces can be made here, so two hosts are not tested")
        for name, device, address in ((a, "pra", "10.99.7.1/24"), (b, "prb", "10.99.7.2/24")):
            assert ip("-n", name, "addr", "add", address, "dev", device) and ip("-n", name, "link", "set", device, "up")
        server = sshd.Sshd(os.path.join(SCRATCH.name, "two"), address="10.99.7.2", within=("ip", "netns", "exec", b))
        options = [o for o in server.options() if "=" in o] + ["ServerAliveInterval=1", "ServerAliveCountMax=1"]
        p = Place(remote_host="10.99.7.2", remote_port=server.port, ssh_options=options, bandwidth_mb=4)
        p.make(1, n=4_000_000)
        daemon = subprocess.Popen(["ip", "netns", "exec", a, harness.PROCTOR, "checkpoint-sync", "--interval", "1", "--base-dir", p.base],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: os.path.isdir(p.local + "/.incoming/checkpoint-1"))
            assert ip("-n", a, "link", "set", "pra", "down")
            time.sleep(2.5)
            assert "checkpoint-1" not in p.here()
            assert ip("-n", a, "link", "set", "pra", "up")
            until(lambda: "checkpoint-1" in p.here())
            assert contents(p.local + "/checkpoint-1") == contents(p.runs + "/checkpoint-1")
        finally:
            daemon.terminate()
            assert daemon.wait(60) == 0
    finally:
        if server:
            server.stop()
        for name in (a, b):
            ip("netns", "del", name)


def beside_each_other(names, workers):
    """The tests, begun at once: each has folders of its own, and they mostly wait."""
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    # the longest first
    tests = sorted((n for n in names if n.startswith("test_")), key=lambda n: not any(part in n for part in ("cut", "kill", "push", "two")))
    begun = {name: pool.submit(names[name]) for name in tests}
    return {name: begun[name].result for name in tests}


if __name__ == "__main__":
    try:
        harness.run(beside_each_other(globals(), 6))
    finally:
        SERVER.stop()
