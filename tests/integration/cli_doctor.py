"""proctor doctor: each thing that can be wrong is found, with a remedy, and nothing is ever written."""
import fcntl
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time

import harness
from harness import proctor, scratch

CHECKPOINTS = os.path.join(harness.RUN_A, "checkpoints")
NAMES = ["configuration", "base folder", "file system", "disk space", "owner", "socket", "gradebook", "checkpoints",
         "reference", "suites", "testing suite", "curriculum", "skills", "peers", "sync",
         "deployment", "serve", "alerts", "status files", "left-overs",
         "instruction set", "memory", "open files", "inotify", "sandbox", "clock", "systemd"]


def snapshot(base):
    found = {}
    for folder, _, files in os.walk(base):
        for path in [folder] + [os.path.join(folder, f) for f in files]:
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_size, st.st_mtime_ns, st.st_ino, st.st_ctime_ns)
    return found


class Base:
    """A base folder in which all is well, to be spoilt."""

    def __init__(self, yaml="", checkpoints=("checkpoint-4500",)):
        self.yaml, self.checkpoints = yaml, checkpoints

    def __enter__(self):
        self.scratch = scratch()
        self.dir = os.path.join(self.scratch.name, "base")
        proctor("init", "--base-dir", self.dir)
        if self.yaml:
            self.write("proctor.yaml", self.yaml)
        for name in self.checkpoints:
            shutil.copytree(os.path.join(CHECKPOINTS, name), self.path("models/current_model/" + name))
        shutil.copy(os.path.join(harness.RUN_A, "validation.jsonl"), self.path("data/validation"))
        return self

    def __exit__(self, *_):
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb" if isinstance(text, bytes) else "w") as f:
            f.write(text)

    def doctor(self, status=None, env=None):
        """All lines, after it was seen that nothing was changed and that each is well-formed."""
        before = snapshot(self.dir)
        result = proctor("doctor", "--json", "--base-dir", self.dir, status=status,
                         env={"HOME": self.scratch.name, **(env or {})})
        assert snapshot(self.dir) == before, "doctor changed something"
        report = result.row()
        assert report["schema_version"] == 1 and report["base_dir"] == self.dir
        levels = ["ok", "note", "warning", "error"]
        for check in report["checks"]:
            assert list(check) == ["name", "level", "text", "remedy"] and check["text"], check
            assert check["level"] in levels and check["name"] in NAMES
            if check["level"] in ("warning", "error"):
                assert check["remedy"], check
        assert report["worst"] == max((c["level"] for c in report["checks"]), key=levels.index)
        assert (report["worst"] == "error") == (result.status == 1)
        return report["checks"]

    def finds(self, name, level, *words, **options):
        """The line of this check and level that holds all the words."""
        checks = self.doctor(**options)
        for c in checks:
            if c["name"] == name and c["level"] == level and all(w in c["text"] for w in words):
                return c
        raise AssertionError("no %s of '%s' with %s in:\n%s" % (
            level, name, words, "\n".join(map(str, checks))))


def test_a_sound_folder_has_no_error_and_every_check_reports():
    with Base() as b:
        checks = b.doctor(status=0)
        assert [n for n in NAMES if n not in [c["name"] for c in checks]] == []
        b.finds("suites", "ok", "300 examples", "100 easy", "100 medium", "100 hard")
        b.finds("checkpoints", "ok", "1 complete")
        b.finds("configuration", "ok", "proctor.yaml")


def test_a_person_gets_lines_with_remedies():
    with Base() as b:
        os.unlink(b.path("data/validation/validation.jsonl"))
        result = proctor("doctor", "--base-dir", b.dir, status=1)
        assert "\nerror    suites           " in result.out and "→ put lines such as" in result.out
        assert result.out.endswith("1 error, 0 warnings\n") or "1 error, " in result.out
        assert max(map(len, result.out.split("\n"))) <= 101


def test_a_folder_that_is_not_there():
    with scratch() as base:
        report = proctor("doctor", "--json", "--base-dir", os.path.join(base, "none"), status=1).row()
        assert report["checks"][1]["level"] == "error" and "init" in report["checks"][1]["remedy"]
        assert os.listdir(base) == []
        path = os.path.join(base, "file")
        with open(path, "w"):
            pass
        report = proctor("doctor", "--json", "--base-dir", path, status=1).row()
        assert "no folder" in report["checks"][1]["text"]


def test_a_configuration_that_cannot_be_read_is_an_error_and_the_rest_is_looked_at():
    with Base("eval:\n  thraeds: 2\n") as b:
        b.finds("configuration", "error", "proctor.yaml:2", "did you mean 'threads'?", status=1)
        b.finds("checkpoints", "ok", "1 complete")
        os.unlink(b.path("proctor.yaml"))
        assert "init" in b.finds("configuration", "note", "no proctor.yaml", status=0)["remedy"]


def test_skills_from_outside_are_asked():
    plugin = os.path.join(harness.ROOT, "tests", "fixtures", "skills", "plugin.py")
    programs = "skills:\n  timeout_seconds: 5\n  programs:\n    letters: [%s, %s]\n    gone: /no/such/program\n" % (
        json.dumps(sys.executable), json.dumps(plugin))
    with Base(programs + "generation:\n  skills: {letters: 1, sortin: 1}\n") as b:
        checks = b.doctor(status=1)
        said = {c["level"] + ": " + c["text"] for c in checks if c["name"] == "skills"}
        assert "ok: skill 'letters' answers: 5 levels" in said, said
        assert any(s.startswith("error: ") and "'gone'" in s and "/no/such/program" in s for s in said), said
        assert any(s.startswith("error: ") and "'sortin'" in s and "did you mean 'sorting'?" in s for s in said), said


def test_a_folder_that_everybody_may_write():
    with Base() as b:
        os.chmod(b.dir, 0o777)
        b.finds("base folder", "warning", "every user")


def test_checkpoints_that_are_half_there_or_cannot_be_used():
    with Base(checkpoints=("checkpoint-1574", "checkpoint-2926", "checkpoint-4500")) as b:
        weights = b.path("models/current_model/checkpoint-4500/model.safetensors")
        size = os.path.getsize(weights)
        os.truncate(weights, size - 1000)
        b.finds("checkpoints", "note", "checkpoint-4500 is still being written")
        # a copying program sets the source's times: they say nothing about whether it is still at work
        os.utime(os.path.dirname(weights), (time.time() - 7300, time.time() - 7300))
        b.finds("checkpoints", "note", "checkpoint-4500 is still being written")
        b.write("models/current_model/checkpoint-2926/tokenizer.json", "{}")
        found = b.finds("checkpoints", "warning", "checkpoint-2926 cannot be used", "tokenizer.json")
        assert "proctor inspect" in found["remedy"]
        b.finds("checkpoints", "ok", "1 complete, 1 being written, 1 that cannot be used")
        shutil.rmtree(b.path("models/current_model"))
        b.finds("checkpoints", "note", "models/current_model is not there")


def test_a_folder_of_checkpoints_named_in_the_configuration():
    with Base("models:\n  current: elsewhere\n", checkpoints=()) as b:
        b.finds("checkpoints", "warning", "elsewhere is not there")
        shutil.copytree(os.path.join(CHECKPOINTS, "checkpoint-4500"), b.path("elsewhere"))  # itself a model
        b.finds("checkpoints", "ok", "1 complete")


def test_the_reference_model():
    with Base() as b:
        b.finds("reference", "note", "no reference model")
        b.write("proctor.yaml", "models:\n  reference: base\n")
        b.finds("reference", "error", "base", status=1)
        shutil.copytree(os.path.join(CHECKPOINTS, "checkpoint-1574"), b.path("base"))
        b.finds("reference", "ok", "has the tokenizer of the checkpoints", status=0)
        with open(b.path("base/tokenizer.json"), encoding="utf-8") as f:
            tokenizer = json.load(f)
        tokenizer["added_tokens"].append({"id": max(t["id"] for t in tokenizer["added_tokens"]) + 1,
                                          "content": "<other>", "special": True, "lstrip": False, "rstrip": False,
                                          "single_word": False, "normalized": False})
        b.write("base/tokenizer.json", json.dumps(tokenizer))
        b.finds("reference", "warning", "another tokenizer than checkpoint-4500")


def test_suites_name_lines_that_are_not_used():
    with Base() as b:
        b.write("data/validation/more.jsonl",
                '{"prompt":"a","golden":"b","id":"x"}\n{"nothing":1}\nnot json\n{"prompt":"c","golden":"d","id":"x"}\n')
        b.finds("suites", "warning", "more.jsonl:2:")
        b.finds("suites", "warning", "more.jsonl:3:")
        b.finds("suites", "warning", "1 lines repeat an id")
        b.write("data/validation/plain/texts.jsonl", '{"text":"only text"}\n{"text":"and more"}\n')
        b.finds("suites", "warning", "plain: no example has a golden answer")
        b.finds("suites", "note", "plain: with 2 examples")
        b.write("data/validation/mixed/m.jsonl", '{"text":"only text"}\n{"prompt":"a","golden":"b"}\n')
        b.finds("suites", "note", "mixed: 1 of 2 examples have no golden answer", status=0)


def test_a_suite_of_which_nothing_can_be_used_is_an_error():
    with Base() as b:
        b.write("data/validation/bad/bad.jsonl", '{"nothing":1}\n')
        b.finds("suites", "error", "bad", status=1)
        shutil.rmtree(b.path("data/validation/bad"))
        b.write("data/validation/sub/good.jsonl", '{"prompt":"a","golden":"b"}\n')
        os.unlink(b.path("data/validation/validation.jsonl"))
        b.finds("suites", "error", "'validation' is empty", status=1)
        shutil.rmtree(b.path("data/validation"))
        b.finds("suites", "error", "nothing to grade on", status=1)


def test_the_testing_suite():
    with Base() as b:
        b.finds("testing suite", "note", "not chosen yet")
        with open(b.path("data/validation/validation.jsonl")) as f:
            lines = f.readlines()
        b.write("data/testing/suite.jsonl", "".join(lines[:100]))
        b.write("data/testing/suite.json", '{"schema_version":1}')
        b.finds("testing suite", "ok", "100 examples", status=0)
        b.write("data/testing/suite.jsonl", "".join(lines[:7]))
        b.finds("testing suite", "note", "asks for 100")
        b.write("data/testing/suite.json", "{")
        b.finds("testing suite", "error", "suite.json", status=1)


def test_status_files():
    with Base() as b:
        b.write("status/regression_monitoring.json", '{"schema_version":1}')
        b.write("status/training_status.json", '{"loss": NaN}')  # as Python writes it; the trainer's own
        b.finds("status files", "ok", "2, all of them readable", status=0)
        b.write("status/model_comparisons.json", '{"schema_version":1')
        b.finds("status files", "error", "model_comparisons.json", status=1)
        b.write("status/model_comparisons.json", "{}")
        b.finds("status files", "error", "model_comparisons.json", "schema_version", status=1)
        os.unlink(b.path("status/model_comparisons.json"))
        b.write("status/training_status.json", "{")
        b.finds("status files", "warning", "training_status.json", status=0)


def test_left_overs_are_told_from_files_being_written():
    with Base() as b:
        b.write("status/x.json.tmp.AbC123", "{")
        b.finds("left-overs", "ok", "no stale")
        old = time.time() - 7200
        os.utime(b.path("status/x.json.tmp.AbC123"), (old, old))
        b.finds("left-overs", "note", "1 temporary file", "x.json.tmp.AbC123")


def test_the_socket():
    with Base() as b:
        b.write("proctor.sock", "")
        b.finds("socket", "error", "no socket", status=1)
        os.unlink(b.path("proctor.sock"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(b.path("proctor.sock"))
            os.chmod(b.path("proctor.sock"), 0o666)
            b.finds("socket", "error", "other users may connect", "666", status=1)
            os.chmod(b.path("proctor.sock"), 0o600)
        b.finds("socket", "ok", "left by a proctor that ended")
        b.finds("owner", "note", "no proctor runs")


def test_an_owner_that_does_not_answer():
    with Base() as b, open(b.path("proctor.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = b.finds("owner", "error", "process %d owns this folder" % os.getpid(), status=1)
        assert "end that process" in found["remedy"]
        fcntl.flock(lock, fcntl.LOCK_UN)
        b.finds("owner", "note", "no proctor runs")


def test_beside_a_proctor_that_runs():
    with Base() as b:
        name = "\0proctor-test-%d" % os.getpid()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(name)
            notify.settimeout(60)
            running = subprocess.Popen([harness.PROCTOR, "run", "--base-dir", b.dir], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL,
                                       env={**os.environ, "NOTIFY_SOCKET": "@" + name[1:],
                                            "XDG_CACHE_HOME": harness.CACHE.name})
            try:
                while b"READY=1" not in notify.recv(4096):
                    pass
                report = proctor("doctor", "--json", "--base-dir", b.dir, status=0).row()
            finally:
                running.terminate()
                assert running.wait(30) == 0
        said = {c["name"]: c for c in report["checks"]}
        assert said["owner"]["level"] == "ok" and "process %d runs" % running.pid in said["owner"]["text"], said["owner"]
        assert "only this user" in said["socket"]["text"], said["socket"]
        assert said["gradebook"]["level"] == "ok" and "intact" in said["gradebook"]["text"], said["gradebook"]
        b.finds("owner", "note", "no proctor runs")
        b.finds("gradebook", "ok", "intact")


def test_a_gradebook_that_is_none():
    with Base() as b:
        b.finds("gradebook", "note", "none yet")
        b.write("proctor.db", b"this is no database" * 500)
        assert b.finds("gradebook", "error", "proctor.db", status=1)["remedy"]


def test_memory_is_compared_with_the_largest_checkpoint():
    with Base() as b:
        b.finds("memory", "ok", "checkpoint-4500")
        b.write("proctor.yaml", "graders:\n  memory_mb: 1\n")
        assert "memory_mb" in b.finds("memory", "error", "checkpoint-4500", "graders may take 1 MB", status=1)["remedy"]
        b.write("proctor.yaml", "graders:\n  memory_mb: 16000000\n")
        b.finds("memory", "warning", "graders may take 16000000 MB")


def test_instruction_sets():
    with Base() as b:
        b.finds("instruction set", "warning", "portable", env={"PROCTOR_ISA": "portable"})
        b.finds("instruction set", "error", "PROCTOR_ISA=mmx", env={"PROCTOR_ISA": "mmx"}, status=1)


def test_the_limit_of_open_files():
    with Base() as b:
        done = subprocess.run([harness.PROCTOR, "doctor", "--json", "--base-dir", b.dir], stdout=subprocess.PIPE,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        checks = json.loads(done.stdout)["checks"]
        assert [c for c in checks if c["name"] == "open files"][0]["level"] == "warning"


def test_files_from_the_future():
    with Base() as b:
        b.finds("clock", "ok", time.strftime("%Y"))
        later = time.time() + 86400
        os.utime(b.path("models/current_model/checkpoint-4500"), (later, later))
        b.finds("clock", "warning", "checkpoint-4500 is from later")


def test_systemds_unit():
    with Base() as b:
        if any(os.path.exists(d + "/systemd/system/proctor.service") for d in ("/etc", "/lib", "/usr/local/lib")):
            print("skipped: this machine has a unit of its own")
            return
        b.finds("systemd", "note", "no unit")
        unit = os.path.join(b.scratch.name, ".config/systemd/user/proctor.service")
        os.makedirs(os.path.dirname(unit))
        with open(unit, "w") as f:
            f.write("[Service]\nExecStart=proctor run --base-dir /elsewhere\n")
        b.finds("systemd", "note", "another base folder")
        with open(unit, "w") as f:
            f.write("[Service]\nExecStart=proctor run --base-dir %s\n" % b.dir)
        b.finds("systemd", "ok", unit)


def test_hostile_names_do_not_reach_the_terminal():
    with Base() as b:
        os.makedirs(b.path("models/current_model/checkpoint-7"))
        b.write("models/current_model/x\x1b[31m\ny/config.json", "{}")
        out = proctor("doctor", "--base-dir", b.dir, status=None).out
        assert "\x1b" not in out and "\ny " not in out


def test_what_probes_train_on_is_there_and_is_not_the_exam():
    with open(os.path.join(harness.RUN_A, "validation.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    own = [{"prompt": "%d + %d + 7 =" % (i, i), "golden": str(2 * i + 7)} for i in range(50)]

    def lines(rows):
        return "".join(json.dumps(row) + "\n" for row in rows)
    with Base() as b:
        assert "curriculum.pool" in b.finds("curriculum", "note", "queue is empty", status=0)["remedy"]
        b.write("queue/normal/a.jsonl", lines(own))
        b.finds("curriculum", "ok", "50 examples for probes", status=0)
    with Base("curriculum:\n  pool: [data/train.jsonl, data/gone.jsonl]\n") as b:
        b.write("data/train.jsonl", lines(own) + "broken\n")
        b.finds("curriculum", "error", "data/gone.jsonl", "does not exist", status=1)
        b.write("data/gone.jsonl", lines(own[:1]))
        b.finds("curriculum", "note", "lines beside them are not used", status=0)
        # The same question in another form, with another answer.
        b.write("data/train.jsonl", lines(own + [{"messages": [
            {"role": "user", "content": rows[0]["prompt"]}, {"role": "assistant", "content": "?"}]}] + rows[1:3]))
        b.finds("curriculum", "warning", "3 of the 300 prompts of data/validation", status=0)
    with Base("curriculum:\n  pool: [data/validation]\n") as b:
        found = b.finds("curriculum", "error", "300 of the 300 prompts", status=1)
        assert "curriculum.pool" in found["remedy"]


def test_the_program_that_trains_probes_is_there():
    yaml = "curriculum:\n  probe_command: [%s, '{order}', '{out}']\n"
    for name, word in (("no-such-trainer", "PATH"), ("/no/such/trainer", "cannot be started")):
        with Base(yaml % name) as b:
            b.finds("curriculum", "error", name, word, status=1)
    with Base(yaml % "sh") as b:
        b.finds("curriculum", "ok", "/sh", status=0)


def test_what_is_wrong_with_a_peer_is_said_without_asking_it():
    def yaml(entry):
        return "peers:\n  machines: {trainer: %s}\n" % entry
    with Base() as b:
        b.finds("peers", "ok", "no other machine", status=0)
    for entry, words in (("{}", ["url is missing"]),
                         ("{url: 'ftp://10.0.0.2/'}", ["http://"]),
                         ("{url: 'http://10.0.0.2:5000/?a=1'}", ["no place"]),
                         ("{url: 'http://me:pw@10.0.0.2:5000'}", ["no password"]),
                         ("{url: 'http://10.0.0.2:5000', tokenfile: x}", ["unknown key 'tokenfile'"]),
                         ("{url: 5}", ["a text was expected"]),
                         ("5", ["a map"]),
                         ("{url: 'http://10.0.0.2:5000', token_file: gone}", ["token_file", "gone"]),
                         ("{url: 'http://10.0.0.2:5000', ca_file: gone.pem}", ["ca_file"])):
        with Base(yaml(entry)) as b:
            found = b.finds("peers", "error", "trainer", *words, status=1)
            assert "pw" not in found["text"].replace("password", "")
    with Base(yaml("{url: 'http://10.0.0.2:5000', token_file: t}")) as b:
        b.write("t", "secret-word\n")
        os.chmod(b.path("t"), 0o644)
        b.finds("peers", "error", "others may read it", status=1)
        os.chmod(b.path("t"), 0o600)
        found = b.finds("peers", "warning", "goes over the network", status=0)
        assert "secret-word" not in str(found)
    with Base(yaml("{url: 'https://10.0.0.2:5000/', token_file: t}")) as b:
        b.write("t", "secret-word\n")
        os.chmod(b.path("t"), 0o600)
        b.finds("peers", "ok", "https://10.0.0.2:5000", status=0)
        b.write("t", "two words\n")
        b.finds("peers", "error", "one printable word", status=1)
    with Base("peers:\n  machines: {'a b': {url: 'http://10.0.0.2:5000'}}\n") as b:
        b.finds("peers", "error", "a b", "letters", status=1)


harness.run(globals())
