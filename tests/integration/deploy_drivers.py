"""Each reload driver speaks to its server as that server's documentation has it.

The servers are small ones in Python: they answer with the engine's own texts for the folder that they
were told to load, and their endpoints, statuses and refusals are those of SGLang and of llama-server's
router."""
import json
import os
import sys

from cli_run import base
from deploying import BETTER, EVAL, GOOD, Served, deploy, original, status_of, weights, world
from harness import proctor, run, scratch

TOP = scratch()
GRADED = base(os.path.join(TOP.name, "base"), (GOOD, BETTER), 60)
with open(os.path.join(GRADED, "proctor.yaml"), "a", encoding="utf-8") as f:
    f.write(EVAL)
proctor("model-comparison", "--base-dir", GRADED, "--once", "--quiet")


def configure(folder, target, server, text):
    with open(os.path.join(folder, "proctor.yaml"), "w", encoding="utf-8") as f:
        f.write(EVAL + "deploy:\n  target: %s\n  url: %s\n  timeout_seconds: 5\n  probe_questions: 2\n"
                "  probe_tokens: 24\n%s" % (target, server.url, text))


def both_ways(folder, target, server, refuse):
    """One checkpoint, a better one, and one that the server refuses to load: the better one stays."""
    deploy(folder, GOOD)
    assert weights(server.served.copy.name) == weights(original(GOOD))
    deploy(folder, BETTER)
    assert weights(server.served.copy.name) == weights(original(BETTER))
    refuse()
    done = deploy(folder, GOOD, status=1)
    assert "rolled back" in done.err, done.err
    assert weights(target) == weights(original(BETTER)) == weights(server.served.copy.name)
    assert status_of(folder)["checkpoint"] == BETTER
    return done.err


def test_sglang_is_given_the_path_and_its_refusal_counts():
    with world(GRADED) as (folder, target, server):
        configure(folder, target, server, "  driver: sglang\n")
        asked, refused = [], set()

        def update(body):
            asked.append(body)
            if any(name in os.path.realpath(body["model_path"]) for name in refused):
                return 400, {"success": False, "message": "Failed to update weights: shapes differ."}
            server.served = Served(body["model_path"])
            return 200, {"success": True, "message": "Succeeded to update model weights."}
        server.posts["/update_weights_from_disk"] = update
        said = both_ways(folder, target, server, lambda: refused.add(GOOD))
        assert "shapes differ" in said, said
        assert asked == [{"model_path": target}] * 4, asked  # the last to go back


class Router:
    """llama-server without a model: it lists what lies in its folder, as of its start or of ?reload=1, loads in its own
    time, and refuses to load what it does not list or runs already."""

    def __init__(self, server, folder):
        self.server, self.folder, self.status, self.failed, self.refused = server, folder, {}, set(), set()
        self.looks = 0
        server.gets["/models"] = lambda: self.list(False)
        server.gets["/models?reload=1"] = lambda: self.list(True)
        server.posts["/models/load"] = self.load
        server.posts["/models/unload"] = self.unload

    def list(self, reload):
        self.looks += 1
        if reload:
            names = {name[:-5] for name in os.listdir(self.folder) if name.endswith(".gguf")}
            self.status = {name: self.status.get(name, "unloaded") for name in names}
        answer = [{"id": name, "status": {"value": value, **({"failed": True, "exit_code": 1} if name in self.failed else {})}}
                  for name, value in self.status.items()]
        for name, value in self.status.items():  # seen once as on its way
            if value == "loading":
                self.arrive(name)
        return 200, {"object": "list", "data": answer}

    def arrive(self, name):
        with open(os.path.join(self.folder, name + ".gguf"), encoding="utf-8") as f:
            path = f.read()
        if any(word in path for word in self.refused):
            self.status[name] = "unloaded"
            self.failed.add(name)
        else:
            self.status[name] = "loaded"
            self.server.served = Served(path)

    def load(self, body):
        if self.status.get(body["model"]) != "unloaded":
            return 400, {"error": {"code": 400, "message": "model is already running or not found", "type": "invalid_request_error"}}
        self.failed.discard(body["model"])
        self.status[body["model"]] = "loading"
        return 200, {"success": True}

    def unload(self, body):
        if self.status.get(body["model"]) in (None, "unloaded"):
            return 400, {"error": {"code": 400, "message": "model is not running", "type": "invalid_request_error"}}
        self.status[body["model"]] = "unloaded"
        self.server.served = None
        return 200, {"success": True}


# In place of convert_hf_to_gguf.py: a "GGUF" that says what it was made of.
CONVERT = "import os,sys; open(sys.argv[2],'w').write(os.path.realpath(sys.argv[1]))"


def test_llama_servers_router_is_given_a_file_and_waited_for():
    with world(GRADED) as (folder, target, server):
        models = os.path.join(folder, "gguf")
        os.makedirs(models)
        router = Router(server, models)
        configure(folder, target, server, "  driver: llama-server\n  model: tiny\n  command: %s\n" % json.dumps(
            [sys.executable, "-c", CONVERT, "{path}", models + "/tiny.gguf"]))
        said = both_ways(folder, target, server, lambda: router.refused.add(GOOD))
        assert "could not load 'tiny'" in said, said
        assert router.status == {"tiny": "loaded"}
        router.refused.clear()
        router.status["tiny"] = "sleeping"  # --sleep-idle-seconds
        deploy(folder, GOOD)
        assert weights(server.served.copy.name) == weights(original(GOOD))
        configure(folder, target, server, "  driver: llama-server\n  model: other\n")
        assert "lists no model 'other'" in deploy(folder, BETTER, status=1).err


def test_a_command_that_fails_is_rolled_back():
    with world(GRADED) as (folder, target, server):
        refused = os.path.join(folder, "refused")
        tell = ("import os,sys,urllib.request; sys.exit('no such unit') if open(sys.argv[3]).read() in os.path.realpath(sys.argv[2]) else "
                "urllib.request.urlopen(sys.argv[1] + '/reload', ('{\"path\": \"%s\"}' % sys.argv[2]).encode())")
        with open(refused, "w", encoding="utf-8") as f:
            f.write("none")

        def refuse():
            with open(refused, "w", encoding="utf-8") as f:
                f.write(GOOD)
        configure(folder, target, server, "  driver: command\n  command: %s\n" % json.dumps(
            [sys.executable, "-c", tell, "{url}", "{path}", refused]))
        said = both_ways(folder, target, server, refuse)
        assert "no such unit" in said, said


run(globals())
