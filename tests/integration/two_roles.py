"""Two machines of one user on this one: the trainer's folder, reached by ssh, and the folder that grades. Checkpoints
flow over, the best one is served by the trainer's machine, a bad one never is, and the official client asks it."""
import getpass
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import harness
import hf_packages
import sshd
import support
from machines import Machine, free_port, until

if sshd.missing():
    print(f"SKIPPED: {sshd.missing()} is not installed here: nothing over ssh is tested")
    sys.exit(77)

RUN = os.path.join(harness.FIXTURES, "run_a")
MODULES = hf_packages.install([hf_packages.OPENAI])
CLIENT = """
const { createRequire } = require('node:module');
const { OpenAI } = createRequire(process.argv[2] + '/')('openai');
const client = new OpenAI({ baseURL: process.argv[3], apiKey: 'none' });
client.chat.completions.create({ model: 'default', temperature: 0, max_tokens: 32,
  messages: [{ role: 'user', content: process.argv[4] }] }).then((a) =>
  console.log(JSON.stringify({ text: a.choices[0].message.content, fingerprint: a.system_fingerprint })));
"""


def checkpoints():
    """(name, what was injected): a good one first, so that there is something to fall behind."""
    results = support.read_json(os.path.join(RUN, "RESULTS.json"))["checkpoints"]
    there = set(os.listdir(os.path.join(RUN, "checkpoints")))
    found = [(r["checkpoint"], r["injected"]) for r in results if r["checkpoint"] in there]
    return sorted(found, key=lambda x: (x[0] != "checkpoint-2886", int(x[0].split("-")[1])))


def save(machine, name):
    """As a trainer does: file after file, its state last."""
    source = os.path.join(RUN, "checkpoints", name)
    folder = os.path.join(machine.base, "models", "current_model", name)
    os.mkdir(folder)
    for one in sorted(os.listdir(source), key=lambda n: n == "trainer_state.json"):
        shutil.copyfile(os.path.join(source, one), os.path.join(folder, one))


def document(machine, name):
    try:
        return support.read_json(os.path.join(machine.base, "status", name))
    except FileNotFoundError:
        return {}


def configure(machine, text):
    with open(os.path.join(machine.base, "proctor.yaml"), "w", encoding="utf-8") as f:
        f.write(text)


def ask(scratch, url, question):
    script = os.path.join(scratch, "ask.cjs")
    with open(script, "w", encoding="utf-8") as f:
        f.write(CLIENT)
    done = subprocess.run(["node", script, MODULES, url, question], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_best_is_brought_over_served_and_asked_and_a_bad_one_never_is():
    with harness.scratch() as scratch:
        server = sshd.Sshd(scratch)
        try:
            flow(scratch, server)
        finally:
            server.stop()


def flow(scratch, server):
    port = free_port()
    options = [o for o in server.options() if "=" in o]
    with Machine(env={"PROCTOR_API": "1"}) as trainer, Machine(env={"PROCTOR_API": "1"}) as grader:
        served = os.path.join(trainer.base, "served", "model")
        os.makedirs(os.path.dirname(served))
        os.makedirs(os.path.join(grader.base, "data", "validation"))
        shutil.copyfile(os.path.join(RUN, "validation.jsonl"),
                        os.path.join(grader.base, "data", "validation", "all.jsonl"))
        configure(grader, f"""
api: {{enabled: true, port: {port}, page_port: 0}}
machine: {{role: inference, disabled: [curriculum-optimizer, adversarial-miner, self-correction],
           intervals: {{checkpoint-sync: 1}}}}
eval: {{max_new_tokens: 32}}
sync:
  remote_host: 127.0.0.1
  remote_user: {getpass.getuser()}
  remote_port: {server.port}
  remote_dir: {trainer.base}/models/current_model
  ssh_options: {json.dumps(options)}
  look_seconds: 0.2
  reserve_gb: 0
""")
        configure(trainer, f"""
api: {{enabled: false}}
machine: {{role: training, disabled: [data-generation], intervals: {{auto-deployment: 1}}}}
peers: {{machines: {{grader: {{url: "http://127.0.0.1:{port}"}}}}}}
deploy: {{target: served/model, source: peer grader, driver: proctor, timeout_seconds: 60}}
serve: {{enabled: true, port: {free_port()}}}
""")
        grader.start_owner()
        trainer.start_owner()
        seen, bad = [], []
        for name, injected in checkpoints():
            save(trainer, name)
            until(name + " is graded over there", lambda n=name: any(
                x["checkpoint"] == n and x["level"] for x in document(grader, "model_comparisons.json").get("rankings", [])),
                grader.owner, 120)
            bad += [name] if injected == "blowup" else []
            best = document(grader, "model_comparisons.json")["promotion"]["candidate"]
            looked = time.time()
            until("a decision about it", lambda at=looked: os.path.getmtime(
                os.path.join(trainer.base, "status", "last_deployment.json")) > at + 2, trainer.owner, 60)
            now = os.path.basename(os.path.realpath(served)) if os.path.exists(served) else None
            seen.append((name, best, now))
        print("     checkpoint, candidate, served: %s" % seen)
        assert bad and not any(now and now.startswith(b) for _, _, now in seen for b in bad), (bad, seen)
        last = document(trainer, "last_deployment.json")
        # What is served was the candidate when it was brought there: the first at once, others when the gate let them.
        assert seen[0][2].startswith(seen[0][1] + "-"), seen
        for i, (_, _, now) in enumerate(seen):
            assert any(now.startswith(best + "-") for _, best, _ in seen[:i + 1]), (now, seen)
        made = [x for x in last["history"] if x["step"] == "done"]
        assert made and all(x["gate"]["candidate"]["checkpoint"] == x["checkpoint"] for x in made), made
        assert seen[-1][2] == made[0]["version"] and last["checkpoint"] == made[0]["checkpoint"], (seen, made)
        assert last["success"] is True and last["checkpoint"], last
        note = until("the server", lambda: document(trainer, "serve.json"), trainer.owner)
        example = support.read_lines(os.path.join(RUN, "validation.jsonl"))[0]
        answer = ask(scratch, note["url"], example["prompt"])
        assert answer["fingerprint"] == last["fingerprint"], (answer, last)
        model = os.path.join(RUN, "checkpoints", last["checkpoint"])
        alone = support.complete(model, [{"messages": [{"role": "user", "content": example["prompt"]}]}],
                                 "--max-new-tokens", "32")[0]
        assert answer["text"] == alone["text"], (answer, alone)
        health = json.load(urllib.request.urlopen(note["url"].rsplit("/v1", 1)[0] + "/health", timeout=30))
        assert health["fingerprint"] == last["fingerprint"], health


if __name__ == "__main__":
    harness.run(globals())
