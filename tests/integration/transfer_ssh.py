"""Checkpoints come over ssh whole or not at all: against a real sshd, real rsync, hostile names, cut connections."""
import concurrent.futures
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import time

import harness
import sshd

TOOL = os.environ["TRANSFER_TOOL"]
CUTS = int(os.environ.get("PROCTOR_CUTS", "12"))
SEED = int(os.environ.get("PROCTOR_SEED", str(time.time_ns() % 1000000)))

if sshd.missing():
    print(f"SKIPPED: {sshd.missing()} is not installed here: nothing over ssh is tested")
    sys.exit(77)

SCRATCH = harness.scratch()
# Programs of a poor machine: no find that knows -printf, no sha256sum.
POOR = os.path.join(SCRATCH.name, "poor")
os.makedirs(POOR)
for program in ("sh", "bash", "head", "stat", "rsync"):
    if shutil.which(program):
        os.symlink(shutil.which(program), os.path.join(POOR, program))
SERVER = sshd.Sshd(SCRATCH.name, POOR)
NUMBER = [0]
# As many have it in ~/.ssh/config: the tests that are not about connections share one of each login.
SHARED = ["-o", "ControlMaster=auto", "-o", "ControlPersist=3"]


def place():
    """A folder for one test."""
    NUMBER[0] += 1
    path = os.path.join(SCRATCH.name, f"t{NUMBER[0]}")
    os.makedirs(path)
    return path


def tool(command, folder, *args, port=None, key="key", alone=False, check=True, env=None):
    """alone: a connection of its own, as without ControlMaster in ~/.ssh/config."""
    shared = [] if alone or port else [*SHARED, "-o", f"ControlPath={SCRATCH.name}/master-{key}"]
    done = subprocess.run([TOOL, command, "--dir", folder, *SERVER.options(port, key), *shared, *map(os.fsencode, map(str, args))],
                          capture_output=True, timeout=120, check=False, env=env)
    assert done.returncode in (0, 1), (done.returncode, done.stderr[-2000:])
    answer = json.loads(done.stdout)
    if check:
        assert done.returncode == 0, answer
    return answer


def failure(*args, **more):
    answer = tool(*args, check=False, **more)
    assert "message" in answer, answer
    return answer


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as f:
        f.write(data)


def make(folder, n=200_000, seed=1, step=None, shards=1):
    """A complete checkpoint of n random bytes of weights."""
    rng = random.Random(seed)
    header = json.dumps({"w": {"dtype": "U8", "shape": [n], "data_offsets": [0, n]}}).encode()
    names = ["model.safetensors"]
    if shards > 1:
        names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
        write(folder, "model.safetensors.index.json",
              json.dumps({"weight_map": {f"w{i}": name for i, name in enumerate(names)}}).encode())
    for name in names:
        write(folder, name, struct.pack("<Q", len(header)) + header + rng.randbytes(n))
    write(folder, "config.json", b'{"model_type": "qwen3"}')
    write(folder, "tokenizer.json", b"{}")
    write(folder, "optimizer.pt", rng.randbytes(1000))
    if step is not None:
        write(folder, "trainer_state.json", json.dumps({"global_step": step}).encode())


def contents(folder):
    found = {}
    for name in os.listdir(os.fsencode(folder)):
        with open(os.path.join(os.fsencode(folder), name), "rb") as f:
            found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


def wanted(folder):
    return {name: digest for name, digest in contents(folder).items() if name != b"optimizer.pt"}


def absent(local, name):
    return not os.path.lexists(os.path.join(local, name))


def test_fetch():
    at = place()
    runs, local = at + "/runs", at + "/local"
    make(runs + "/checkpoint-10", step=10, shards=3)
    ready = tool("ready", runs, "--name", "checkpoint-10", "--local", at)
    assert ready["complete"] and ready["step"] == 10 and len(ready["content"]) == 64, ready
    answer = tool("fetch", runs, "--name", "checkpoint-10", "--local", local, alone=True)
    assert bytes.fromhex(answer["path"]).decode() == local + "/checkpoint-10"
    assert answer["hashed"] and answer["files"] == 7 and answer["reused"] == 0, answer
    assert contents(local + "/checkpoint-10") == wanted(runs + "/checkpoint-10")
    assert os.listdir(local + "/.incoming") == []
    all_of_it = tool("fetch", runs, "--name", "checkpoint-10", "--local", local, "--as", "whole", "--all", 1, "--zstd", 1)
    assert all_of_it["files"] == 8 and contents(local + "/whole") == contents(runs + "/checkpoint-10")
    again = failure("fetch", runs, "--name", "checkpoint-10", "--local", local)
    assert again["code"] == "usage" and "already" in again["message"], again
    assert sorted(os.listdir(at)) == ["local", "runs"]  # no skeleton is left


def test_listing_is_what_lies_there():
    at = place()
    make(at + "/checkpoint-1", 1000)
    make(at + "/final", 1000)
    write(at + "/logs", "events", b"x")
    write(at + "/checkpoint-1", ".hidden", b"x")
    os.symlink("config.json", at + "/checkpoint-1/link")
    os.makedirs(at + "/checkpoint-1/global_step1")
    for key in ("key", "poor_key"):
        found = tool("list", at, key=key)["checkpoints"]
        assert [bytes.fromhex(c["name"]) for c in found] == [b"checkpoint-1", b"final"], (key, found)
        files = {bytes.fromhex(f["name"]): f for f in found[0]["files"]}
        assert {n: f["kind"] for n, f in files.items() if f["kind"]} == {b"global_step1": 1, b"link": 2}, files
        assert b".hidden" not in files
        for name, f in files.items():
            if f["kind"] == 0:
                st = os.stat(os.path.join(os.fsencode(at), b"checkpoint-1", name))
                unit = 1 if key == "key" else 10**9  # the poor machine's stat knows whole seconds
                assert f["size"] == st.st_size and f["mtime_ns"] // unit == st.st_mtime_ns // unit, (name, f)


def test_unchanged_look_is_cheap():
    at = place()
    for i in range(20):
        make(f"{at}/checkpoint-{i}", 1000)
    looks = [tool("list", at, alone=i == 0) for i in range(3)]
    assert looks[0]["checkpoints"] == looks[1]["checkpoints"]
    best = min(look["second_ms"] for look in looks)
    print(f"     a look at 20 checkpoints over an open connection: {best:.1f} ms")
    assert best < 100, best


HOSTILE = ["a b", "it's", 'say "x"', "new\nline\n", "-rf", "--help", "$(touch PWNED)", "`touch PWNED`", "back\\slash\\0101",
           "; touch PWNED;", "star*", "q?[x]", "%s%n%b", "#comment", "host:path", "~root", "\udcff\udcfe", "ümlaut", "\t", "&|<>",
           "x" * 240]


def test_hostile_names_work():
    at = place()
    runs = at + "/" + "dir '\"$(touch PWNED) *[x]\\ \n-"
    for i, name in enumerate(HOSTILE):
        folder = os.fsdecode(os.fsencode(runs) + b"/" + os.fsencode(name))
        if i < 10 or name in ("star*", "q?[x]"):
            make(folder, 1000, seed=i)
    # patterns that would match what lies beside: in a plain folder, since one that matches nothing is no pattern
    make(at + "/plain/star*", 1000, seed=98)
    make(at + "/plain/starred", 1000, seed=99)
    for i, name in enumerate(HOSTILE):  # and as files
        write(runs + "/a b", name + ".json", b"%d" % i)
    found = {bytes.fromhex(c["name"]) for c in tool("list", runs)["checkpoints"]}
    assert found == {n for n in os.listdir(os.fsencode(runs))}, found
    for name in ("a b", "new\nline\n", "$(touch PWNED)", "-rf", "back\\slash\\0101"):
        answer = tool("fetch", runs, "--name", name, "--local", at + "/local")
        assert answer["hashed"], answer
        assert contents(f"{at}/local/{name}") == wanted(f"{runs}/{name}"), name
    tool("fetch", at + "/plain", "--name", "star*", "--local", at + "/local", "--as", "plain")
    assert contents(at + "/local/plain") == wanted(at + "/plain/star*")
    for folder, _, names in os.walk(os.fsencode(SCRATCH.name)):
        assert b"PWNED" not in names, folder
    assert not os.path.exists(os.path.expanduser("~/PWNED")) and not os.path.exists("PWNED")


def test_options_are_never_taken_from_names():
    for host in ("-oProxyCommand=touch PWNED", "", "a b", "h;x"):
        done = subprocess.run([TOOL, "list", "--dir", "/x", "--host", host], capture_output=True, check=False)
        assert done.returncode == 1 and json.loads(done.stdout)["code"] == "usage", (host, done.stdout)
    # an ssh option with spaces and quotes reaches ssh as it is, by way of rsync too
    at = place()
    make(at + "/runs/checkpoint-1", 1000)
    known = at + "/known 'hosts' \"x\""
    shutil.copy(SERVER.path("known"), known)
    quoted = known.replace('"', '\\"')
    tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", "-o", f'RevokedHostKeys=none', "-o",
         f'SetEnv=NOTE="{quoted}"')


def test_wrong_host_key():
    at = place()
    make(at + "/runs/checkpoint-1", 1000)
    proxy = sshd.Cutter(SERVER.port, [])
    unknown = failure("list", at + "/runs", port=proxy.port)
    assert unknown["code"] == "usage" and "by hand" in unknown["message"], unknown
    SERVER.trust(proxy.port, SERVER.other_host_key)
    wrong = failure("list", at + "/runs", port=proxy.port)
    assert wrong["code"] == "usage" and "ssh-keygen -R" in wrong["message"], wrong
    assert "127.0.0.1:" in wrong["message"], wrong
    proxy.close()
    stranger = failure("list", at + "/runs", key="stranger")
    assert stranger["code"] == "usage" and "login is refused" in stranger["message"], stranger
    nobody = failure("list", at + "/runs", port=sshd.free_port())
    assert nobody["code"] == "io" and "Connection refused" in nobody["message"], nobody
    empty = SCRATCH.name + "/empty"
    os.makedirs(empty)
    bare = subprocess.run([TOOL, "list", "--dir", at, *SERVER.options()], capture_output=True, check=False, env={"PATH": empty})
    assert "ssh is not installed here" in json.loads(bare.stdout)["message"], bare
    none = failure("list", at + "/none")
    assert none["code"] == "not found" and "no such folder" in none["message"], none


def test_poor_machine():
    """No sha256sum and no find -printf there: rsync's own checksums must do, also against an earlier try's wrong bytes."""
    at = place()
    make(at + "/runs/checkpoint-1", 5000)
    weights = at + "/runs/checkpoint-1/model.safetensors"
    left = at + "/local/.incoming/checkpoint-1"
    write(left, "model.safetensors", bytes(os.stat(weights).st_size))
    os.utime(left + "/model.safetensors", ns=(0, os.stat(weights).st_mtime_ns))
    answer = tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", key="poor_key")
    assert not answer["hashed"], answer
    assert contents(at + "/local/checkpoint-1") == wanted(at + "/runs/checkpoint-1")
    # what comes in one go has rsync's hash of both sides
    fresh = tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", "--as", "fresh", key="poor_key")
    assert fresh["hashed"] and contents(at + "/local/fresh") == wanted(at + "/runs/checkpoint-1"), fresh
    os.rename(POOR + "/rsync", POOR + "/.rsync")
    try:
        lacking = failure("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", "--as", "b", key="poor_key")
    finally:
        os.rename(POOR + "/.rsync", POOR + "/rsync")
    assert lacking["code"] == "usage" and "rsync is not installed there" in lacking["message"], lacking


def test_half_written_is_not_ready():
    at = place()
    runs = at + "/runs"
    make(runs + "/checkpoint-1", 50_000, step=1)
    make(runs + "/checkpoint-2", 50_000, step=2)
    weights = runs + "/checkpoint-2/model.safetensors"
    os.truncate(weights, 30_000)
    half = tool("ready", runs, "--name", "checkpoint-2", "--local", at)
    assert not half["complete"] and "model.safetensors" in half["reason"], half
    refused = failure("fetch", runs, "--name", "checkpoint-2", "--local", at + "/local")
    assert refused["code"] == "incomplete" and absent(at + "/local", "checkpoint-2"), refused
    make(runs + "/checkpoint-2", 50_000)
    os.remove(runs + "/checkpoint-2/trainer_state.json")
    no_state = tool("ready", runs, "--name", "checkpoint-2", "--local", at)
    assert not no_state["complete"] and "checkpoint-1 has one" in no_state["reason"], no_state
    # one that is being written between two looks
    writer = subprocess.Popen(["sh", "-c", 'while echo x; do sleep 0.005; done >> "$1"', "sh", runs + "/checkpoint-1/log.txt"])
    try:
        moving = failure("ready", runs, "--name", "checkpoint-1", "--local", at)
    finally:
        writer.kill()
        writer.wait()
    assert moving["code"] == "incomplete", moving


def timed(names):
    """The tests, each telling what it took."""
    def wrap(test):
        def run():
            begin = time.monotonic()
            try:
                test()
            finally:
                print(f"     {time.monotonic() - begin:.2f} s")
        return run
    return {name: wrap(test) if name.startswith("test_") else test for name, test in names.items()}


def fetch_and(at, do, *more):
    """Fetches slowly, and does something once the first bytes are here; what the tool said."""
    command = [TOOL, "fetch", "--dir", at + "/runs", *SERVER.options(), "--name", "checkpoint-1", "--local", at + "/local",
               "--bwlimit", "1000000", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        done = False
        for line in process.stderr:
            if not done and int(line.split()[0]) > 0:
                done = True
                do()
        answer = json.loads(process.stdout.read())
    assert done, "too fast to be disturbed"
    return answer


def test_changed_while_it_is_copied():
    for what in ("delete", "rewrite"):
        at = place()
        folder = at + "/runs/checkpoint-1"
        make(folder, 1_500_000)

        def disturb():
            if what == "delete":
                shutil.rmtree(folder)
            else:  # other bytes of the same size
                make(folder, 1_500_000, seed=2)
        answer = fetch_and(at, disturb)
        assert answer.get("code") == "changed", (what, answer)
        assert ("was removed" if what == "delete" else "was written to") in answer["message"], answer
        assert absent(at + "/local", "checkpoint-1")
        if what == "rewrite":
            assert tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local")["hashed"]
            assert contents(at + "/local/checkpoint-1") == wanted(folder)


def test_rewritten_within_a_second():
    """What an earlier try left of the content before, of the same size and second, is not taken for the new one."""
    at = place()
    make(at + "/runs/checkpoint-1", 5000)
    left = at + "/local/.incoming/checkpoint-1"
    make(left, 5000, seed=2)
    os.utime(at + "/runs/checkpoint-1/model.safetensors", ns=(0, 1_700_000_000_600_000_000))
    os.utime(left + "/model.safetensors", ns=(0, 1_700_000_000_100_000_000))
    assert tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local")["hashed"]
    assert contents(at + "/local/checkpoint-1") == wanted(at + "/runs/checkpoint-1")


def with_rsync(at, text, *args, **more):
    """tool fetch, with an rsync here that is this script; $REAL is the real one, the last argument where it writes."""
    write(at + "/bin", "rsync", f"#!/bin/bash\nREAL={shutil.which('rsync')}\nto=${{@: -1}}\n{text}\n".encode())
    os.chmod(at + "/bin/rsync", 0o755)
    env = {**os.environ, "PATH": f"{at}/bin:{os.environ['PATH']}"}
    return tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", *args, env=env, **more)


def test_rsyncs_hash_is_not_believed_where_another_lies_here():
    at = place()
    make(at + "/runs/checkpoint-1", 50_000)
    right = wanted(at + "/runs/checkpoint-1")
    # An earlier try left some, so nothing is hashed before all has come; then a bit falls over on the disk.
    write(at + "/local/.incoming/checkpoint-1", "model.safetensors", b"\0" * 1000)
    flip = '"$REAL" "$@" && touch -r "$to/model.safetensors" "$to/../at" && printf x | dd of="$to/model.safetensors" ' \
           'bs=1 seek=40000 conv=notrunc 2>/dev/null && touch -r "$to/../at" "$to/model.safetensors" && rm "$to/../at"'
    wrong = with_rsync(at, flip, check=False)
    assert wrong.get("code") == "changed" and "SHA-256" in wrong["message"] and "model.safetensors" in wrong["message"], wrong
    assert absent(at + "/local", "checkpoint-1")
    # the next try makes it over
    assert tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local")["hashed"]
    assert contents(at + "/local/checkpoint-1") == right
    # an rsync that says nothing, something else, or another hash (an old one's is MD5): SHA-256 decides
    for i, said in enumerate([">/dev/null", "| sed s/^/x/", "| sed 's/^[0-9a-f]/e/;s/^[0-9a-f]/0/'"]):
        answer = with_rsync(at, f'"$REAL" "$@" {said}', "--as", f"c{i}")
        assert answer["hashed"] and contents(f"{at}/local/c{i}") == right, answer
    env_of_old = "RSYNC_CHECKSUM_LIST=md5"
    answer = with_rsync(at, f'{env_of_old} "$REAL" "$@"', "--as", "md5")
    assert answer["hashed"] and contents(at + "/local/md5") == right, answer
    # one that floods is not listened to for ever
    flood = with_rsync(at, "yes", "--as", "flood", check=False)
    assert flood.get("code") == "limit" and absent(at + "/local", "flood"), flood


def test_sshd_killed_and_resumed():
    at = place()
    make(at + "/runs/checkpoint-1", 3_000_000)

    def kill():
        # the listener and every session of it
        subprocess.run(["pkill", "-KILL", "-P", str(SERVER.process.pid)], check=False)
        SERVER.stop()
    answer = fetch_and(at, kill)
    assert answer.get("code") == "io", answer
    assert absent(at + "/local", "checkpoint-1")
    SERVER.start()
    resumed = tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local")
    assert resumed["reused"] > 0 and resumed["hashed"], resumed
    assert contents(at + "/local/checkpoint-1") == wanted(at + "/runs/checkpoint-1")


def cut_connections(at):
    rng = random.Random(SEED)
    make(at + "/runs/checkpoint-1", 800_000)
    right = wanted(at + "/runs/checkpoint-1")
    # as well in handshake, listing and headers as in the transfer
    gaps = [rng.randrange(1, 10_000) if rng.random() < 0.4 else rng.randrange(1, 500_000) for _ in range(CUTS)]
    proxy = sshd.Cutter(SERVER.port, gaps)
    SERVER.trust(proxy.port)
    tries = finished = resumed = 0
    while proxy.gaps or not finished:
        tries += 1
        assert tries <= 3 * CUTS + 3, (SEED, tries)
        answer = tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", at + "/local", port=proxy.port, check=False)
        if "path" in answer:
            assert answer["hashed"] and contents(at + "/local/checkpoint-1") == right, SEED
            shutil.rmtree(at + "/local/checkpoint-1")
            finished += 1
            resumed += answer["reused"] > 0
        else:
            assert answer["code"] == "io", (SEED, answer)
            assert absent(at + "/local", "checkpoint-1"), (SEED, answer)
    proxy.close()
    print(f"     of cut connections: {proxy.cuts} cuts, {tries} tries, {finished} finished, {resumed} of them went on, seed {SEED}")
    assert proxy.cuts == CUTS and finished


# It mostly waits: beside the other tests, of which one kills sshd.
CUTTING = concurrent.futures.ThreadPoolExecutor(1).submit(cut_connections, place())


def test_disk_full():
    at = place()
    local = at + "/small"
    os.makedirs(local)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", local], capture_output=True, check=False)
    if mounted.returncode:
        print("     SKIPPED: no tmpfs can be mounted here, so a full disk is not tested")
        return
    try:
        make(at + "/runs/checkpoint-1", 3_000_000)
        early = failure("fetch", at + "/runs", "--name", "checkpoint-1", "--local", local)
        assert early["code"] == "limit" and "keep fewer" in early["message"], early
        # sized so that it seems to fit: somebody else fills the disk meanwhile
        make(at + "/runs/checkpoint-1", 800_000)
        filler = local + "/filler"

        def fill():
            fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
            try:
                while os.write(fd, b"x" * 4096):
                    pass
            except OSError:
                os.close(fd)
        full = fetch_and(at, fill, "--local", local)
        assert full["code"] == "io" and full["errno"] == 28 and "no space is left" in full["message"], full
        assert absent(local, "checkpoint-1")
        os.remove(filler)
        assert tool("fetch", at + "/runs", "--name", "checkpoint-1", "--local", local)["hashed"]
    finally:
        subprocess.run(["umount", local], check=True)


def test_cut_connections():
    """Cut after any number of bytes: never a wrong or half checkpoint in place, and finished in the end."""
    CUTTING.result()


if __name__ == "__main__":
    try:
        harness.run(timed(globals()))
    finally:
        SERVER.stop()
