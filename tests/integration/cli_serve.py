"""proctor serve: swaps under load, what it watches, who may ask, and how it ends."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import harness
from harness import MODELS, proctor
from serve_support import JSON, Server, alone, fingerprint

TINY = os.path.join(MODELS, "qwen3-tiny")
OTHER = os.path.join(MODELS, "qwen3-tiny-untied")
OLD, NEW = (os.path.join(harness.RUN_A, "checkpoints", "checkpoint-%d" % n) for n in (1574, 4500))
LONG = {"model": "default", "prompt": "Once", "n": 16, "max_tokens": 900, "temperature": 1, "seed": 3,
        "stream": True}
N_CLIENTS, SECONDS = 32, 3


def ask(server, prompt, connection=None, stream=False, tokens=24):
    """(fingerprint, text) of a greedy completion."""
    c = connection or server.connect()
    c.request("POST", "/v1/completions", headers=JSON, body=json.dumps({
        "model": "default", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": stream}))
    r = c.getresponse()
    text = r.read().decode()
    assert r.status == 200, "%d: %s" % (r.status, text)
    print_of = r.headers["X-Model-Fingerprint"]
    if not stream:
        rows = [json.loads(text)]
    else:
        events = [e[len("data: "):] for e in text.split("\n\n") if e]
        assert events[-1] == "[DONE]"
        rows = [json.loads(e) for e in events[:-1]]
    assert {row["system_fingerprint"] for row in rows} == {print_of}
    if not connection:
        c.close()
    return print_of, "".join(c["text"] for row in rows for c in row["choices"])


def test_every_answer_under_swaps_is_that_of_its_fingerprints_model():
    with open(os.path.join(harness.RUN_A, "validation.jsonl")) as f:
        prompts = [json.loads(line)["prompt"] for line in f][:64]
    want = {fingerprint(folder): [row["text"] for row in alone(folder, prompts, 24)] for folder in (OLD, NEW)}
    assert len(want) == 2
    answers, errors, over = [], [], threading.Event()

    def client(server, k):
        c = server.connect()
        try:
            for i in range(k, 1 << 30, 7):
                if over.is_set():
                    break
                answers.append((i % len(prompts), *ask(server, prompts[i % len(prompts)], c, i % 3 == 0)))
        except Exception as e:
            errors.append(e)
        c.close()

    with Server(OLD, "--name", "served") as s:
        threads = [threading.Thread(target=client, args=(s, k)) for k in range(N_CLIENTS)]
        for t in threads:
            t.start()
        end, swaps = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            time.sleep(0.5)
            got = s.ask("/v1/load", {"path": (NEW, OLD)[swaps % 2]})
            assert got["status"] == "loaded" and got["fingerprint"] == fingerprint((NEW, OLD)[swaps % 2])
            swaps += 1
        over.set()
        for t in threads:
            t.join()
        assert not errors, errors[0]
        s.until("old models are let go", lambda: s.metric("models_loaded") == 1)
        assert s.metric("swaps_total") == swaps and s.metric("answers") == 0
    for i, print_of, text in answers:
        assert text == want[print_of][i], (i, print_of)
    assert {print_of for _, print_of, _ in answers} == set(want)
    print("     %d answers, %d swaps" % (len(answers), swaps))


def point(link, folder):
    os.symlink(folder, link + ".new")
    os.replace(link + ".new", link)


def test_what_a_watched_link_leads_to_is_served_once_it_is_whole():
    with harness.scratch() as base:
        link, half = os.path.join(base, "deployed"), os.path.join(base, "half")
        point(link, TINY)
        first, second = fingerprint(TINY), fingerprint(OTHER)
        with Server(link, "--watch") as s:
            assert s.ask("/v1/models")["data"][0]["id"] == "deployed"
            assert ask(s, "Hello")[0] == first
            shutil.copytree(OTHER, half)
            os.rename(os.path.join(half, "config.json"), os.path.join(base, "config.json"))
            point(link, half)
            time.sleep(1.2)
            assert ask(s, "Hello")[0] == first
            os.rename(os.path.join(base, "config.json"), os.path.join(half, "config.json"))
            s.until("the other is served", lambda: ask(s, "Hello")[0] == second)
            broken = os.path.join(base, "broken")
            shutil.copytree(TINY, broken)
            with open(os.path.join(broken, "tokenizer.json"), "w") as f:
                f.write("{}")
            point(link, broken)
            s.until("it says why not", lambda: "tokenizer.json" in s.said())
            assert ask(s, "Hello")[0] == second
            os.unlink(link)
            time.sleep(0.6)
            assert ask(s, "Hello")[0] == second
            point(link, TINY)
            s.until("the first is served again", lambda: ask(s, "Hello")[0] == first)


def test_sighup_loads_what_is_there_now():
    with harness.scratch() as base:
        link = os.path.join(base, "deployed")
        point(link, TINY)
        with Server(link) as s:
            point(link, OTHER)
            time.sleep(0.7)
            assert ask(s, "Hello")[0] == fingerprint(TINY)  # it was not told to watch
            s.process.send_signal(signal.SIGHUP)
            s.until("the other is served", lambda: ask(s, "Hello")[0] == fingerprint(OTHER))
            s.process.send_signal(signal.SIGHUP)
            s.until("it says that nothing changed", lambda: "served already" in s.said())


def test_what_is_under_way_ends_before_the_server_does():
    with Server(TINY) as s:
        c = s.connect()
        c.request("POST", "/v1/completions", headers=JSON, body=json.dumps(LONG))
        r = c.getresponse()
        assert r.read(10)
        s.process.send_signal(signal.SIGTERM)
        assert r.read().decode().rstrip().endswith("data: [DONE]")
        c.close()
        assert s.process.wait(60) == 0  # a second signal would be a hurry


def test_who_is_a_stranger_gets_nothing():
    with harness.scratch() as base:
        key = os.path.join(base, "key")
        with open(key, "w") as f:
            f.write("a-key-for-this-test\n")
        os.chmod(key, 0o644)
        assert "others may read the key" in proctor("serve", TINY, "--api-key-file", key, status=2).err
        assert "others could ask" in proctor("serve", TINY, "--bind", "0.0.0.0", status=2).err
        os.chmod(key, 0o600)
        with Server(TINY, "--api-key-file", key) as s:
            body = {"model": "default", "prompt": "x", "max_tokens": 1}
            error = s.ask("/v1/completions", body, 401)["error"]
            assert error["code"] == "invalid_api_key" and error["type"] == "authentication_error"
            s.ask("/v1/load", {"path": OTHER}, 401)
            s.ask("/health")
            right = {"Authorization": "Bearer a-key-for-this-test"}
            assert s.ask("/v1/completions", body, headers=right)["usage"]["completion_tokens"] == 1


def test_a_page_of_a_rebound_name_is_nobody():
    """Without a key the address is all that tells a program of this machine from a page of a stranger's site."""
    def host(s, name, path="/health"):
        c = s.connect()
        c.putrequest("GET", path, skip_host=True)
        if name:
            c.putheader("Host", name)
        c.endheaders()
        r = c.getresponse()
        body = json.loads(r.read())
        c.close()
        return r.status, body
    with Server(TINY) as s:
        for name in ("localhost:%d" % s.port, "127.0.0.1:%d" % s.port, "[::1]:1", "127.1.2.3"):
            assert host(s, name)[0] == 200, name
        for name in ("evil.example:%d" % s.port, "127.0.0.1.evil.example", "localhost.evil.example"):
            status, body = host(s, name)
            assert status == 403, (name, status, body)
        assert host(s, "evil.example", "/v1/models")[1]["error"]["code"] == "unknown_host"


def test_cached_tokens_are_counted_as_the_prompts_are():
    with Server(TINY) as s:
        body = {"model": "default", "prompt": "Once upon a time " * 40, "n": 4, "max_tokens": 1, "temperature": 0}
        s.ask("/v1/completions", body)
        usage = s.ask("/v1/completions", body)["usage"]
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        assert 0 < cached <= usage["prompt_tokens"], usage


def test_a_hangup_before_it_serves_does_not_end_it():
    with harness.scratch() as base:
        link = os.path.join(base, "deployed")
        with open(os.path.join(base, "said"), "wb") as said:
            p = subprocess.Popen([harness.PROCTOR, "serve", link, "--watch", "--port", "0"], stderr=said)
        try:
            path = os.path.join(base, "said")
            while b"waits for a checkpoint" not in open(path, "rb").read():
                assert p.poll() is None
                time.sleep(0.02)
            p.send_signal(signal.SIGHUP)
            point(link, TINY)
            while b" at http://" not in open(path, "rb").read():
                assert p.poll() is None, open(path, "rb").read()
                time.sleep(0.02)
        finally:
            p.send_signal(signal.SIGTERM)
            assert p.wait(60) == 0


def test_broken_requests_harm_nobody():
    with Server(TINY) as s:
        c = s.connect()
        c.putrequest("POST", "/v1/completions")
        c.putheader("Content-Type", "application/json")
        c.putheader("Content-Length", str(1 << 30))
        c.endheaders()
        assert c.getresponse().status == 413
        c.close()
        s.ask("/v1/completions", {"model": "default", "prompt": "x", "tempertaure": 1}, 400)
        assert s.ask("/v1/load", {"path": os.path.join(MODELS, "nothing")}, 404)["error"]["code"] == "checkpoint_not_found"
        assert s.ask("/v1/load", {"path": TINY})["status"] == "unchanged"
        assert ask(s, "Hello")[1] == alone(TINY, ["Hello"], 24)[0]["text"]


def test_the_folder_and_the_port_may_be_those_of_proctor_yaml():
    with harness.scratch() as base:
        assert "serve.target" in proctor("serve", "--base-dir", base, status=2).err
        with open(os.path.join(base, "proctor.yaml"), "w") as f:
            f.write("serve:\n  target: %s\n  port: 0\n  name: mine\n" % TINY)
        p = subprocess.Popen([harness.PROCTOR, "serve", "--base-dir", base], stderr=subprocess.PIPE)
        note = os.path.join(base, "status", "serve.json")
        end = time.monotonic() + 60
        while not os.path.exists(note):
            assert time.monotonic() < end and p.poll() is None
            time.sleep(0.02)
        with open(note) as f:
            url = json.load(f)["url"]
        c = http.client.HTTPConnection(url.split("/")[2], timeout=30)
        c.request("GET", "/v1/models")
        assert json.loads(c.getresponse().read())["data"][0]["id"] == "mine"
        c.close()
        p.terminate()
        assert p.wait(30) == 0 and not os.path.exists(note)
        p.stderr.close()


harness.run(globals())
