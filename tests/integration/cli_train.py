"""proctor train: what it prints and writes, that it repeats itself byte for byte, that a stopped training
goes on as if it had never stopped, and that it says what is wrong."""
import filecmp
import json
import math
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import FIXTURES, RUN_A, proctor, scratch

MODEL = os.path.join(FIXTURES, "models", "qwen3-tiny")
TRAINED = os.path.join(RUN_A, "checkpoints", "checkpoint-2886")
TOKENIZER = os.path.join(FIXTURES, "tokenizers", "small-qwen-a")
DATA = os.path.join(RUN_A, "validation.jsonl")
FIELDS = ["step", "loss", "learning_rate", "grad_norm", "tokens", "epoch", "tokens_per_second"]
CONFIG = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 1019,
          "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
          "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
          "tie_word_embeddings": True, "hidden_act": "silu", "eos_token_id": 1014,
          "initializer_range": 0.02}


def train(out, *args, model=MODEL, data=DATA, **more):
    if data:
        args = ("--data", data) + args
    if model:
        args = (model,) + args
    return proctor("train", "--threads", 2, *args, "--out", out, **more)


def path(folder, *parts):
    return os.path.join(folder, *parts)


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return json.load(f)


def write(folder, name, text):
    with open(path(folder, name), "w", encoding="utf-8") as f:
        f.write(text)
    return path(folder, name)


def new_model(folder, **changes):
    return write(folder, "config.json", json.dumps({**CONFIG, **changes}))


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def same_folders(a, b):
    names = files_of(a)
    assert names == files_of(b), (names, files_of(b))
    for name in names:
        assert filecmp.cmp(path(a, name), path(b, name), shallow=False), name


def without_time(rows):
    return [{k: v for k, v in row.items() if k != "tokens_per_second"} for row in rows]


def test_a_line_a_step_and_a_checkpoint_at_the_end():
    with scratch() as tmp:
        r = train(path(tmp, "out"), "--steps", 5, "--batch", 10, "--lr", 1e-4, "--warmup", 2,
                  "--schedule", "linear", "--save-every", 2)
        rows = r.rows()
        assert [x["step"] for x in rows] == [1, 2, 3, 4, 5]
        assert all(list(x) == FIELDS for x in rows), rows[0]
        want = [0, 0.5e-4, 1e-4, 1e-4 * 2 / 3, 1e-4 / 3]
        assert all(math.isclose(x["learning_rate"], y, abs_tol=1e-18) for x, y in zip(rows, want))
        assert rows[4]["epoch"] == 50 / 300
        assert sorted(os.listdir(path(tmp, "out"))) == ["checkpoint-2", "checkpoint-4", "checkpoint-5"]
        last = path(tmp, "out", "checkpoint-5")
        assert f"{last} is written" in r.err
        state = read(last, "trainer_state.json")
        assert state["global_step"] == state["max_steps"] == 5
        assert state["logging_steps"] == 1 and state["train_batch_size"] == 10
        assert state["save_steps"] == 2 and state["num_train_epochs"] == 1
        for row, log in zip(rows, state["log_history"], strict=True):
            assert sorted(log) == ["epoch", "grad_norm", "learning_rate", "loss", "step"]
            assert all(row[k] == v for k, v in log.items())
        seen = proctor("inspect", last).row()
        assert seen["accepted"] and not seen["warnings"], seen
        seen = proctor("inspect", path(last, "trainer_state.json")).row()
        assert seen["accepted"] and not seen["warnings"] and seen["log_lines"] == 5, seen


def test_what_is_trained_is_what_eval_grades():
    with scratch() as tmp:
        with open(DATA, encoding="utf-8") as f:
            lines = [next(f) for _ in range(12)]
        data = write(tmp, "twelve.jsonl", "".join(lines))
        graded = proctor("eval", TRAINED, "--suite", data, "--quiet", "--dtype", "f32").row()
        row = train(path(tmp, "out"), "--steps", 1, "--batch", 12, "--dtype", "f32", data=data,
                    model=TRAINED).row()
        assert math.isclose(row["loss"], graded["loss"], rel_tol=1e-5), (row, graded["loss"])
        r = train(path(tmp, "more"), "--steps", 30, "--batch", 12, "--lr", 2e-3, data=data,
                  model=TRAINED)
        graded = proctor("eval", path(tmp, "more", "checkpoint-30"), "--suite", data, "--quiet").row()
        assert graded["loss"] < 0.5 * r.rows()[0]["loss"], graded["loss"]


def test_the_same_command_gives_the_same_bytes():
    with scratch() as tmp:
        args = ("--steps", 6, "--batch", 16, "--lr", 1e-3, "--seed", 3)
        a, b = (train(path(tmp, name), *args).rows() for name in "ab")
        assert without_time(a) == without_time(b)
        same_folders(path(tmp, "a"), path(tmp, "b"))
        for n in (1, 3):
            train(path(tmp, f"threads-{n}"), *args, "--threads", n)
            same_folders(path(tmp, "a"), path(tmp, f"threads-{n}"))
        other = train(path(tmp, "c"), *args[:-1], 4).rows()
        assert without_time(a) != without_time(other)


def test_a_batch_in_parts_is_the_same_batch():
    with scratch() as tmp:
        args = ("--steps", 3, "--batch", 20, "--lr", 1e-3)
        whole = train(path(tmp, "a"), *args).rows()
        parts = train(path(tmp, "b"), *args, "--micro-tokens", 40).rows()
        for x, y in zip(whole, parts, strict=True):
            assert x["tokens"] == y["tokens"]
            assert math.isclose(x["loss"], y["loss"], rel_tol=1e-5)
            assert math.isclose(x["grad_norm"], y["grad_norm"], rel_tol=1e-4)


def test_recomputing_activations_changes_no_bit():
    with scratch() as tmp:
        args = ("--steps", 3, "--batch", 20, "--lr", 1e-3)
        for mode in ("on", "off"):
            train(path(tmp, mode), *args, "--recompute", mode)
        same_folders(path(tmp, "on"), path(tmp, "off"))


def test_a_training_goes_on_as_if_it_had_never_stopped():
    with scratch() as tmp:
        args = ("--steps", 12, "--batch", 12, "--lr", 1e-3, "--schedule", "cosine", "--warmup", 3,
                "--save-every", 4)
        whole = train(path(tmp, "whole"), *args).rows()
        train(path(tmp, "parts"), *args)
        for gone in ("checkpoint-8", "checkpoint-12"):
            shutil.rmtree(path(tmp, "parts", gone))
        os.mkdir(path(tmp, "parts", ".checkpoint-8.tmp"))  # as a killed training leaves it
        r = train(path(tmp, "parts"), *args)
        assert "going on from " + path(tmp, "parts", "checkpoint-4") in r.err, r.err
        assert without_time(r.rows()) == without_time(whole[4:])
        same_folders(path(tmp, "whole"), path(tmp, "parts"))
        r = train(path(tmp, "parts"), *args)
        assert not r.out and "nothing is left to do" in r.err
        longer = train(path(tmp, "constant"), "--steps", 2, "--batch", 50)
        assert "checkpoint-2" in longer.err
        longer = train(path(tmp, "constant"), "--steps", 4, "--batch", 50)
        assert [x["step"] for x in longer.rows()] == [3, 4]


def test_a_lora_goes_on_as_well():
    with scratch() as tmp:
        args = ("--steps", 4, "--batch", 20, "--lr", 1e-3, "--save-every", 2, "--lora-rank", 4,
                "--lora-alpha", 8, "--lora-targets", "q_proj,v_proj")
        train(path(tmp, "a"), *args)
        train(path(tmp, "b"), *args)
        shutil.rmtree(path(tmp, "b", "checkpoint-4"))
        assert len(train(path(tmp, "b"), *args).rows()) == 2
        same_folders(path(tmp, "a"), path(tmp, "b"))
        adapter = read(tmp, "a", "checkpoint-4", "adapter_config.json")
        assert adapter["r"] == 4 and adapter["lora_alpha"] == 8
        assert sorted(adapter["target_modules"]) == ["q_proj", "v_proj"]


def test_an_adapter_that_is_trained_further_takes_no_lora_options():
    with scratch() as tmp:
        train(path(tmp, "a"), "--steps", 1, "--batch", 4, "--lora-rank", 4)
        adapter = path(tmp, "a", "checkpoint-1")
        r = train(path(tmp, "b"), "--steps", 1, "--base-model", MODEL, "--lora-rank", 16, "--lora-alpha", 99,
                  model=adapter, status=2)
        assert "--lora-rank: checkpoint-1 is an adapter already" in r.err, r.err
        train(path(tmp, "b"), "--steps", 1, "--base-model", MODEL, model=adapter)
        assert read(tmp, "b", "checkpoint-1", "adapter_config.json")["r"] == 4


def test_dropout_that_is_asked_for_is_said_to_be_none():
    with scratch() as tmp:
        model = path(tmp, "model")
        shutil.copytree(MODEL, model)
        r = train(path(tmp, "a"), "--steps", 1, "--batch", 4, "--lora-rank", 2, model=model)
        assert "dropout" not in r.err, r.err
        write(model, "config.json", json.dumps({**read(model, "config.json"), "attention_dropout": 0.1}))
        adapter = path(tmp, "a", "checkpoint-1")
        write(adapter, "adapter_config.json",
              json.dumps({**read(adapter, "adapter_config.json"), "lora_dropout": 0.05}))
        r = train(path(tmp, "b"), "--steps", 1, "--batch", 4, "--base-model", model, model=adapter)
        assert f"{model}/config.json: 'attention_dropout' is 0.1, but proctor trains without" in r.err, r.err
        assert "adapter_config.json: 'lora_dropout' is 0.05, but" in r.err, r.err
        assert read(tmp, "b", "checkpoint-1", "adapter_config.json")["lora_dropout"] == 0.05
        r = train(path(tmp, "c"), "--steps", 1, "--from-scratch", new_model(tmp, attention_dropout=0.2),
                  "--tokenizer", TOKENIZER, model=None)
        assert "'attention_dropout' is 0.2" in r.err, r.err


def test_another_training_is_not_gone_on_with():
    with scratch() as tmp:
        args = ("--steps", 2, "--batch", 4)
        train(path(tmp, "out"), *args, "--seed", 1)
        before = files_of(path(tmp, "out"))
        r = train(path(tmp, "out"), *args, "--seed", 2, status=2)
        assert "'seed' was 1, now it is 2" in r.err and "--resume never" in r.err, r.err
        assert files_of(path(tmp, "out")) == before
        assert len(train(path(tmp, "out"), *args, "--seed", 2, "--resume", "never").rows()) == 2
        train(path(tmp, "lora"), *args, "--lora-rank", 2, "--lr", 1e-4)
        r = train(path(tmp, "lora"), *args, "--lr", 1e-4, status=2)
        assert "another training ('lora_" in r.err and "now it is not set)" in r.err, r.err
        r = train(path(tmp, "out"), *args, "--seed", 2, "--lora-rank", 2, "--lr", 2e-5, status=2)
        assert "another training ('lora_rank' was not set, now it is 2)" in r.err, r.err
        r = train(path(tmp, "out"), *args, "--seed", 2, "--micro-tokens", 40, status=2)
        assert "another training ('micro_tokens' was 8192, now it is 40)" in r.err, r.err
        same = ("--batch", 4, "--lr", "@" + write(tmp, "rates", "1e-3 2e-3 3e-3"))
        train(path(tmp, "rates-out"), *same, "--steps", 2)
        assert len(train(path(tmp, "rates-out"), *same).rows()) == 1  # the file is longer: one more
        write(tmp, "rates", "1e-3 5e-3 3e-3 4e-3")
        r = train(path(tmp, "rates-out"), *same, status=2)
        assert "step 2 had the learning rate 0.002, now it would be 0.005" in r.err, r.err
        linear = ("--batch", 4, "--schedule", "linear")
        train(path(tmp, "linear"), *linear, "--steps", 2)
        r = train(path(tmp, "linear"), *linear, "--steps", 3, status=2)
        assert "step 2 had the learning rate 1e-05, now" in r.err, r.err
        # The first checkpoint lies in the warm-up and would agree: what came after it is not given up.
        warm = (*linear, "--warmup", 3, "--save-every", 2)
        train(path(tmp, "warm"), *warm, "--steps", 6)
        before = files_of(path(tmp, "warm"))
        r = train(path(tmp, "warm"), *warm, "--steps", 9, status=2)
        assert "checkpoint-6" in r.err and "learning rate" in r.err and "--resume never" in r.err, r.err
        assert files_of(path(tmp, "warm")) == before


def test_a_folder_that_is_not_to_be_replaced_is_named_before_any_work():
    with scratch() as tmp:
        theirs = path(tmp, "out", "checkpoint-4")
        shutil.copytree(MODEL, theirs)
        before = files_of(tmp)
        for args in (("--steps", 4), ("--steps", 7, "--save-every", 2)):
            r = train(path(tmp, "out"), "--batch", 4, *args, status=2)
            assert not r.out and f"checkpoint-4 in {path(tmp, 'out')} " in r.err, r.err
            assert "no training of proctor wrote it: give another --out" in r.err, r.err
        assert files_of(tmp) == before
        args = ("--batch", 4, "--steps", 5, "--save-every", 3)
        assert len(train(path(tmp, "out"), *args).rows()) == 5
        same_folders(MODEL, theirs)
        # Where it started from, which is ours: it could be replaced otherwise.
        r = train(path(tmp, "out"), *args, "--resume", "never", model=path(tmp, "out", "checkpoint-3"),
                  status=2)
        assert not r.out and "checkpoint-3 in" in r.err and "started from" in r.err, r.err
        # Where no last step is known, each save looks for itself.
        r = train(path(tmp, "out"), "--batch", 4, "--max-answer-tokens", 10**6, "--save-every", 1,
                  "--resume", "never", status=2)
        assert len(r.rows()) == 4 and "checkpoint-4 in" in r.err, r.err
        same_folders(MODEL, theirs)


def test_a_stop_at_a_step_whose_name_is_taken_waits_for_the_next():
    with scratch() as tmp:
        for step in (1, 2):
            shutil.copytree(MODEL, path(tmp, "out", f"checkpoint-{step}"))
        r = train(path(tmp, "out"), "--batch", 4, "--steps", 50, "--max-answer-tokens", 1)
        assert [x["step"] for x in r.rows()] == [1, 2, 3] and "after step 3" in r.err, r.err
        assert files_of(path(tmp, "out", "checkpoint-2")) == files_of(MODEL)


def test_an_old_checkpoint_that_cannot_be_removed_ends_no_training():
    with scratch() as tmp:
        out, args = path(tmp, "out"), ("--batch", 4, "--save-every", 1)
        train(out, *args, "--steps", 2)
        os.makedirs(path(out, "checkpoint-1", *"1234567890"))  # deeper than what is removed
        args += ("--steps", 4, "--keep", 1, "--status", path(tmp, "status.json"))
        r = train(out, *args)
        assert len(r.rows()) == 2, r.out
        assert r.err.count("--keep: .checkpoint-1.gone: cannot be removed") == 1, r.err
        assert sorted(os.listdir(out)) == [".checkpoint-1.gone", "checkpoint-4"]
        doc = read(tmp, "status.json")
        assert doc["status"] == "completed" and doc["last_checkpoint"] == path(out, "checkpoint-4"), doc
        r = train(out, *args)
        assert not r.out and ".checkpoint-1.gone: cannot be removed" in r.err, r.err


def test_what_keep_does_not_ask_for_goes_when_nothing_is_left_to_do():
    with scratch() as tmp:
        args = ("--batch", 4, "--steps", 4, "--save-every", 2)
        train(path(tmp, "out"), *args)  # as after a kill between the last save and its clean-up
        r = train(path(tmp, "out"), *args, "--keep", 1)
        assert not r.out and os.listdir(path(tmp, "out")) == ["checkpoint-4"], r.err


def changed_meanwhile(out, change, *args):
    """A training under which something changes after its first line."""
    with subprocess.Popen([harness.PROCTOR, "train", "--data", DATA, "--out", out, "--threads", "2",
                           *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as p:
        first = p.stdout.readline()
        p.send_signal(signal.SIGSTOP)
        change()
        p.send_signal(signal.SIGCONT)
        lines = [first] + p.stdout.readlines()
        err = p.stderr.read()
        assert p.wait(timeout=120) == 0, err
    return lines


def test_what_becomes_of_the_start_meanwhile_changes_no_checkpoint():
    with scratch() as tmp:
        src, config = path(tmp, "src"), new_model(tmp)
        steps = ("--steps", 400, "--batch", 2, "--lr", 1e-4)
        cases = [
            ("gone", (src,), lambda: shutil.rmtree(src)),
            ("lora", (src, "--lora-rank", 2), lambda: shutil.rmtree(src)),
            ("tokenizer", (src,), lambda: os.remove(path(src, "tokenizer.json"))),
            ("new", ("--from-scratch", config, "--tokenizer", TOKENIZER),
             lambda: write(tmp, "config.json", "{}")),
        ]
        for name, args, change in cases:
            shutil.rmtree(src, ignore_errors=True)
            shutil.copytree(MODEL, src)
            train(path(tmp, name, "whole"), *args, *steps, model=None)
            lines = changed_meanwhile(path(tmp, name, "out"), change, *args, *steps)
            assert len(lines) == 400
            same_folders(path(tmp, name, "whole"), path(tmp, name, "out"))


def test_two_trainings_in_one_folder_each_go_on_from_their_own():
    with scratch() as tmp:
        out, other = path(tmp, "out"), ("--batch", 4, "--lr", 1e-3, "--save-every", 2)
        train(out, "--steps", 6, "--batch", 4)
        train(out, *other, "--steps", 4, "--resume", "never")
        r = train(out, *other, "--steps", 8)
        assert [x["step"] for x in r.rows()] == [5, 6, 7, 8]
        assert "checkpoint-6 is of another training ('lr' was 2e-05, now it is 0.001)" in r.err, r.err
        assert f"going on from {out}/checkpoint-4" in r.err, r.err
        train(path(tmp, "alone"), *other, "--steps", 8)
        same_folders(path(tmp, "alone", "checkpoint-8"), path(out, "checkpoint-8"))
        r = train(out, *other, "--steps", 8, "--seed", 9, status=2)  # none of them
        assert f"--out: {out}/checkpoint-8 is of another training" in r.err, r.err


def test_a_falling_schedule_begun_anew_is_gone_on_with_beside_an_older_one():
    with scratch() as tmp:
        out = path(tmp, "out")
        linear = ("--batch", 4, "--lr", 1e-3, "--schedule", "linear", "--save-every", 2)
        train(out, *linear, "--steps", 6)
        done = len(train(out, *linear, "--steps", 12, "--resume", "never", "--seconds", "0.001").rows())
        assert done < 6
        r = train(out, *linear, "--steps", 12)
        assert [x["step"] for x in r.rows()] == list(range(done + 1, 13)), r.err
        assert "checkpoint-6 is of another training (step 2 had the learning rate" in r.err, r.err
        train(path(tmp, "alone"), *linear, "--steps", 12)
        same_folders(path(tmp, "alone", "checkpoint-12"), path(out, "checkpoint-12"))


def test_what_is_wrong_with_its_own_is_said_although_only_others_are_left():
    with scratch() as tmp:
        out, args = path(tmp, "out"), ("--batch", 4)
        train(out, *args, "--steps", 2, "--seed", 7)
        train(out, *args, "--steps", 4, "--resume", "never")
        with open(path(out, "checkpoint-4", "proctor", "optimizer.safetensors"), "r+b") as f:
            f.seek(-1, os.SEEK_END)
            f.write(b"x")
        r = train(out, *args, "--steps", 4, status=2)
        assert "checkpoint-4 is passed over" in r.err and "'seed' was 7" in r.err, r.err


def test_a_command_that_trains_nothing_removes_nothing():
    with scratch() as tmp:
        out = path(tmp, "out")
        train(out, "--batch", 4, "--steps", 6, "--save-every", 2)
        r = train(out, "--batch", 4, "--steps", 4, "--keep", 1)
        assert not r.out and sorted(os.listdir(out)) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"], r.err


def test_a_continued_adapters_base_is_not_in_the_way():
    with scratch() as tmp:
        out = path(tmp, "out")
        train(out, "--batch", 4, "--steps", 2)
        base = path(out, "checkpoint-2")
        train(path(tmp, "adapter"), "--batch", 4, "--steps", 1, "--lora-rank", 2, model=base)
        adapter = path(tmp, "adapter", "checkpoint-1")
        r = train(out, "--batch", 4, "--steps", 6, "--keep", 1, "--resume", "never", "--base-model", base,
                  model=adapter, status=2)
        assert "base model" in r.err and "give another folder" in r.err, r.err
        assert os.listdir(out) == ["checkpoint-2"]


def test_another_instruction_set_is_said_and_gone_on_with():
    with scratch() as tmp:
        isa = dict(env={"PROCTOR_ISA": "portable"})
        train(path(tmp, "out"), "--steps", 1, "--batch", 4, **isa)
        r = train(path(tmp, "out"), "--steps", 2, "--batch", 4, **isa)
        assert "instruction set" not in r.err, r.err
        train_isa = read(tmp, "out", "checkpoint-2", "proctor", "training.json")["instruction_set"]
        assert train_isa == "portable", train_isa
        try:
            r = train(path(tmp, "out"), "--steps", 3, "--batch", 4, env={"PROCTOR_ISA": "avx2"})
        except AssertionError as e:
            assert "names no instruction set of this CPU" in str(e), e
            return
        assert "checkpoint-2 was computed with the instruction set portable, what" in r.err, r.err
        assert "with avx2: it will not be byte for byte" in r.err and len(r.rows()) == 1, r.err


def interrupted(out, number, *args):
    """A training that gets a signal after its second line: (exit status, lines, stderr)."""
    with subprocess.Popen([harness.PROCTOR, "train", MODEL, "--data", DATA, "--out", out,
                           "--threads", "2", "--quiet", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as p:
        lines = [p.stdout.readline(), p.stdout.readline()]
        p.send_signal(number)
        lines += p.stdout.readlines()  # not communicate(): readline has read ahead
        err = p.stderr.read()
        return p.wait(timeout=120), lines, err


def test_a_signal_ends_the_step_and_writes_a_checkpoint():
    with scratch() as tmp:
        args = ("--steps", 300, "--batch", 3, "--lr", 1e-3)
        whole = train(path(tmp, "whole"), *args).rows()
        for number in (signal.SIGINT, signal.SIGTERM):
            out = path(tmp, number.name)
            code, lines, err = interrupted(out, number, *args)
            assert code == 130, (code, err)
            names = os.listdir(out)
            assert names == [f"checkpoint-{len(lines)}"], (names, len(lines))
            assert "the same command goes on from there" in err, err
            rows = [json.loads(x) for x in lines] + train(out, *args).rows()
            assert without_time(rows) == without_time(whole)
            same_folders(path(tmp, "whole", "checkpoint-300"), path(out, "checkpoint-300"))


def test_a_signal_while_data_are_read_ends_it_with_nothing_written():
    with scratch() as tmp:
        with open(DATA, encoding="utf-8") as f:
            lines = f.read()
        data, out = write(tmp, "long.jsonl", lines * 400), path(tmp, "out")  # seconds of reading
        with subprocess.Popen([harness.PROCTOR, "train", MODEL, "--data", data, "--out", out, "--threads",
                               "2", "--steps", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as p:
            while not os.path.exists(out) and p.poll() is None:
                time.sleep(0.001)
            p.send_signal(signal.SIGINT)
            lines, err = p.communicate(timeout=120)
        assert (p.returncode, lines) == (130, "") and "nothing is written" in err, (p.returncode, err)
        assert not os.path.exists(out)


def test_stopped_where_it_never_resumes_it_says_what_to_leave_out():
    with scratch() as tmp:
        args = ("--steps", 300, "--batch", 3)
        code, lines, err = interrupted(path(tmp, "out"), signal.SIGINT, *args, "--resume", "never")
        assert code == 130 and "the same command without '--resume never' goes on" in err, err
        assert len(train(path(tmp, "out"), *args).rows()) == 300 - len(lines)


def test_killed_it_goes_on_from_its_last_checkpoint():
    with scratch() as tmp:
        args = ("--steps", 150, "--batch", 10, "--lr", 1e-3, "--save-every", 5, "--keep", 3)
        whole = train(path(tmp, "whole"), *args)
        code, _, _ = interrupted(path(tmp, "out"), signal.SIGKILL, *args)
        assert code == -9
        rows = train(path(tmp, "out"), *args).rows()
        assert rows and rows[-1]["step"] == 150
        same_folders(path(tmp, "whole", "checkpoint-150"), path(tmp, "out", "checkpoint-150"))
        assert sorted(os.listdir(path(tmp, "out"))) == ["checkpoint-140", "checkpoint-145",
                                                        "checkpoint-150"], whole.err


def test_an_order_is_followed():
    with scratch() as tmp:
        with open(DATA, encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        order = [rows[i] for i in (7, 3, 3, 200, 11, 0)]
        text = "".join(json.dumps(x) + "\n" for x in order)
        status = path(tmp, "status.json")
        train(path(tmp, "out"), "--order", write(tmp, "order.jsonl", text), "--batch", 3, "--steps", 2,
              "--status", status)
        shown = [x["id"] for x in read(status)["recent_examples"]]
        assert shown == [x["id"] for x in order[3:]]
        by_order = train(path(tmp, "a"), "--order", path(tmp, "order.jsonl"), "--batch", 6, "--steps", 1)
        lines = "".join(json.dumps({**x, "id": str(i)}) + "\n" for i, x in enumerate(order))
        alone = train(path(tmp, "b"), "--batch", 6, "--steps", 1, data=write(tmp, "six.jsonl", lines))
        assert math.isclose(by_order.row()["loss"], alone.row()["loss"], rel_tol=1e-5)
        r = train(path(tmp, "c"), "--order", write(tmp, "bad.jsonl", '{"id":"nobody"}\n'), status=1)
        assert "bad.jsonl:1: id 'nobody'" in r.err, r.err


def test_a_mark_before_the_text_is_no_part_of_it():
    with scratch() as tmp:
        order = write(tmp, "order.jsonl", '\ufeff{"id":"a"}\n')
        data = write(tmp, "data.jsonl", '\ufeff{"id":"a","prompt":"one","golden":"two"}\n')
        rates = write(tmp, "rates", "\ufeff1e-3\n")
        assert train(path(tmp, "out"), "--order", order, "--lr", "@" + rates, "--batch", 1,
                     data=data).row()["learning_rate"] == 1e-3
        given = write(tmp, "batches.jsonl", '\ufeff{"input_ids":[[1,2]],"labels":[[1,2]]}\n')
        assert train(path(tmp, "given"), "--token-batches", given, data=None).row()["tokens"] == 1


def test_a_warm_up_that_never_ends_is_said():
    with scratch() as tmp:
        r = train(path(tmp, "a"), "--steps", 2, "--batch", 4, "--warmup", 2)
        assert "the rate never reaches --lr" in r.err, r.err
        r = train(path(tmp, "b"), "--steps", 2, "--batch", 4, "--warmup", 1)
        assert "warmup" not in r.err, r.err


def test_a_new_model_starts_from_its_config():
    with scratch() as tmp:
        config = new_model(tmp)
        args = ("--from-scratch", config, "--tokenizer", TOKENIZER, "--steps", 60, "--batch", 32,
                "--lr", 3e-3)
        rows = train(path(tmp, "out"), *args, model=None).rows()
        assert abs(rows[0]["loss"] - math.log(1019)) < 0.2, rows[0]
        assert rows[-1]["loss"] < 0.7 * rows[0]["loss"], rows[-1]
        last = path(tmp, "out", "checkpoint-60")
        seen = proctor("inspect", last).row()
        assert seen["accepted"] and not seen["warnings"], seen
        graded = proctor("eval", last, "--suite", DATA, "--samples", 10, "--quiet").row()
        assert graded["loss"] < 0.8 * math.log(1019)
        r = train(path(tmp, "small"), "--from-scratch", new_model(tmp, vocab_size=1000), "--tokenizer",
                  TOKENIZER, model=None, status=1)
        assert "'vocab_size' is 1000, the tokenizer in" in r.err, r.err
        r = train(path(tmp, "odd"), "--from-scratch", new_model(tmp, architectures=["Nobody"]),
                  "--tokenizer", TOKENIZER, model=None, status=1)
        assert "Nobody" in r.err and "config.json" in r.err, r.err


def test_limits_of_tokens_and_time_end_it_with_a_checkpoint():
    with scratch() as tmp:
        r = train(path(tmp, "tokens"), "--batch", 10, "--max-answer-tokens", 200)
        total = [sum(x["tokens"] for x in r.rows()[:n]) for n in (-1, None)]
        assert total[0] < 200 <= total[1], total
        assert os.listdir(path(tmp, "tokens")) == [f"checkpoint-{len(r.rows())}"]
        assert "the limit of tokens is reached" in r.err, r.err
        assert not train(path(tmp, "tokens"), "--batch", 10, "--max-answer-tokens", 200).out
        r = train(path(tmp, "time"), "--batch", 10, "--seconds", 0.001)
        assert len(r.rows()) == 1 and "the limit of time is reached" in r.err, r.err
        r = train(path(tmp, "usage"), "--seconds", 1, "--schedule", "cosine", status=2)
        assert "--schedule" in r.err, r.err


def test_epochs_are_counted_in_examples():
    with scratch() as tmp:
        assert len(train(path(tmp, "a"), "--batch", 64, "--epochs", 2).rows()) == 10  # ceil(600 / 64)
        assert len(train(path(tmp, "b"), "--batch", 100).rows()) == 3  # one epoch


def test_numbers_that_are_not_finite_stop_it_and_nothing_bad_is_written():
    with scratch() as tmp:
        r = train(path(tmp, "out"), "--steps", 5, "--lr", 1e30, status=1)
        assert "step 2 is refused" in r.err or "not finite" in r.err, r.err
        assert os.listdir(path(tmp, "out")) == []
        rates = write(tmp, "rates", "1e-4 1e-4 1e38 1e-4 1e-4")
        status = path(tmp, "status.json")
        r = train(path(tmp, "some"), "--lr", "@" + rates, "--save-every", 1, "--status", status, status=1)
        assert sorted(os.listdir(path(tmp, "some"))) == ["checkpoint-1", "checkpoint-2"]
        assert "step 3" in r.err or "step 4" in r.err, r.err
        doc = read(status)
        assert doc["status"] == "failed" and "not finite" in doc["error"], doc


def test_a_batch_without_labels_is_skipped_and_said():
    with scratch() as tmp:
        batches = [{"input_ids": [[1, 2, 3, 0]], "labels": [[-100, 2, 3, -100]],
                    "attention_mask": [[1, 1, 1, 0]]},
                   {"input_ids": [[1, 2, 3]], "labels": [[-100, -100, -100]]}]
        given = write(tmp, "batches.jsonl", "".join(json.dumps(b) + "\n" for b in batches))
        r = train(path(tmp, "out"), "--token-batches", given, "--steps", 4, "--batch", 7, data=None)
        rows = r.rows()
        assert "--batch does not count" in r.err, r.err
        assert [x["tokens"] for x in rows] == [2, 0, 2, 0]
        assert rows[1]["loss"] is None and "skipped" in rows[1]["loss_reason"], rows[1]
        assert rows[1]["grad_norm"] is None
        assert "1 batch without a label that counts" in r.err, r.err
        logged = read(tmp, "out", "checkpoint-4", "trainer_state.json")["log_history"]
        assert [x["step"] for x in logged] == [1, 3]


def test_lines_that_cannot_be_used_are_said():
    with scratch() as tmp:
        data = write(tmp, "mixed.jsonl", '{"prompt":"a","golden":"b"}\nnot json\n{"odd":1}\n'
                     + json.dumps({"text": "word " * 400}) + "\n")
        r = train(path(tmp, "out"), "--steps", 1, "--max-tokens", 50, data=data)
        assert "mixed.jsonl:2: " in r.err and "mixed.jsonl:3: " in r.err, r.err
        assert "1 example of more than 50 tokens left out" in r.err, r.err
        facts = read(tmp, "out", "checkpoint-1", "proctor", "training.json")["data"]
        assert (facts["examples"], facts["skipped"], facts["too_long"]) == (1, 2, 1), facts


def test_training_status_goes_where_the_watch_reads_it():
    with scratch() as tmp:
        proctor("init", "--base-dir", tmp)
        out = path(tmp, "models", "current_model")
        train(out, "--steps", 4, "--batch", 8)
        doc = read(tmp, "status", "training_status.json")
        assert doc["schema_version"] == 1 and doc["status"] == "completed", doc
        assert doc["current_step"] == doc["total_steps"] == 4
        assert doc["model_name"] == "qwen3-tiny" and doc["timestamp"].endswith("Z")
        assert doc["last_checkpoint"] == os.path.realpath(path(out, "checkpoint-4"))
        log = read(out, "checkpoint-4", "trainer_state.json")["log_history"][-1]
        assert all(doc[k] == log[k] for k in ("epoch", "loss", "learning_rate", "grad_norm"))
        shown = doc["recent_examples"]
        assert len(shown) == 5 and all({"id", "prompt", "golden", "step"} <= set(x) for x in shown)
        train("models/other", "--steps", 1, cwd=tmp)  # whoever reads it runs in another folder
        doc = read(tmp, "status", "training_status.json")
        assert doc["output_folder"] == os.path.realpath(path(tmp, "models", "other")), doc
        assert doc["last_checkpoint"] == os.path.realpath(path(tmp, "models", "other", "checkpoint-1")), doc
        os.remove(path(tmp, "status", "training_status.json"))
        train(path(tmp, "aside"), "--steps", 1, "--status", "none")
        assert not os.path.exists(path(tmp, "status", "training_status.json"))


def test_a_base_that_becomes_shorter_is_said():
    with scratch() as tmp:
        base = shutil.copytree(MODEL, path(tmp, "base"))
        command = [harness.PROCTOR, "train", base, "--data", DATA, "--steps", "100000", "--batch", "2",
                   "--lora-rank", "2", "--threads", "2", "--quiet", "--out", path(tmp, "out")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
            p.stdout.readline()
            os.truncate(path(base, "model.safetensors"), 1000)
            _, err = p.communicate(timeout=120)
        assert p.returncode == 1 and "became shorter or unreadable" in err, (p.returncode, err)


def test_an_adapters_base_is_read_where_the_user_names_it():
    with scratch() as tmp:
        train(path(tmp, "out"), "--steps", 1, "--batch", 2, "--lora-rank", 2)
        adapter = path(tmp, "out", "checkpoint-1")
        r = proctor("eval", adapter, "--suite", DATA, "--samples", 2, status=1)
        assert MODEL in r.err and "--base-model" in r.err and "models.bases" in r.err, r.err
        assert proctor("eval", adapter, "--suite", DATA, "--samples", 2, "--base-model",
                       MODEL).row()["n"] == 2


def test_what_trains_nothing_leaves_the_status_alone():
    with scratch() as tmp:
        proctor("init", "--base-dir", tmp)
        out, args = path(tmp, "models", "run"), ("--batch", 4, "--lr", 1e-3)
        train(out, *args, "--steps", 6)
        before = read(tmp, "status", "training_status.json")
        assert before["status"] == "completed", before
        train(out, "--batch", 4, "--lr", 7, "--steps", 6, status=2)
        r = train(out, *args, "--steps", 3)
        assert "the training is at step 6, past --steps 3" in r.err and not r.out, r.err
        r = train(out, *args, "--epochs", 0.04)
        assert "the training is at step 6, past the 3 steps asked for" in r.err, r.err
        assert read(tmp, "status", "training_status.json") == before
        train(out, *args, "--steps", 6)
        again = read(tmp, "status", "training_status.json")
        assert (again["status"], again["current_step"]) == ("completed", 6), again
        assert again["tokens_per_second_reason"] == "no step was made since it was gone on with", again


def test_a_refusal_leaves_no_folder_behind():
    with scratch() as tmp:
        for args, more in ((("--steps", 1), dict(model=path(tmp, "nothing"))),
                           (("--steps", 1), dict(data=path(tmp, "nothing"))),
                           (("--schedule", "linear", "--seconds", 1), {})):
            train(path(tmp, "a", "b"), *args, status=None, **more)
            assert os.listdir(tmp) == [], os.listdir(tmp)
        os.makedirs(path(tmp, "a", "b"))
        train(path(tmp, "a", "b"), data=path(tmp, "nothing"), status=1)
        assert os.listdir(path(tmp, "a")) == ["b"]  # it was there


def test_wrong_usage_names_the_option():
    with scratch() as tmp:
        new_model(tmp)
        cases = [
            (("--steps", 1), dict(data=None), "--data FILE"),
            ((), dict(model=None), "MODEL_DIR is missing"),
            (("--steps", 1, "--epochs", 1), {}, "--steps and --epochs exclude each other"),
            (("--lr", "fast"), {}, "--lr: 'fast'"),
            (("--lr", "-1"), {}, "--lr: '-1'"),
            (("--lr", "@" + path(tmp, "config.json"), "--warmup", 2), {}, "leave out --schedule"),
            (("--lora-alpha", 2), {}, "--lora-alpha needs --lora-rank"),
            (("--from-scratch", path(tmp, "config.json"), "--tokenizer", TOKENIZER), {},
             "exclude each other"),
            (("--from-scratch", path(tmp, "config.json")), dict(model=None), "go together"),
            (("--token-batches", "x", "--order", "y"), dict(data=None), "exclude each other"),
        ]
        for args, more, why in cases:
            r = train(path(tmp, "out"), *args, **more, status=2)
            assert why in r.err, (why, r.err)
        assert not os.path.exists(path(tmp, "out"))
        rates = write(tmp, "rates", "1e-3\n2e-3\n")
        r = train(path(tmp, "out"), "--lr", "@" + rates, "--steps", 3, status=2)
        assert "the file has 2 rates, for 3 steps" in r.err, r.err
        r = train(path(tmp, "out"), "--lr", "@" + write(tmp, "bad", "1e-3\nx\n"), status=1)
        assert "bad:2: 'x'" in r.err, r.err
        r = train(path(tmp, "out"), "--lora-rank", 2, "--lora-targets", "q_proj,nothing", status=2)
        assert "nothing" in r.err, r.err


if __name__ == "__main__":
    harness.run(globals())
