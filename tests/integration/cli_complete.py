"""proctor complete against a float64 reference."""
import json
import os
import shutil

import harness
from harness import MODELS, proctor

TINY = os.path.join(MODELS, "qwen3-tiny")
TRAINED = os.path.join(harness.RUN_A, "checkpoints", "checkpoint-4500")


def reference(name):
    with open(os.path.join(harness.FIXTURES, "reference", name + ".forward.json")) as f:
        return json.load(f)["sequences"]


def test_greedy_ids_are_those_of_the_reference():
    for name in ("qwen3-tiny", "qwen3-tiny-untied", "qwen2-tiny", "llama-tiny"):
        want = reference(name)
        rows = proctor("complete", os.path.join(MODELS, name), "--dtype=f32", "--ignore-eos",
                       "--max-new-tokens", 32, input=[{"ids": s["token_ids"]} for s in want]).rows()
        for s, row in zip(want, rows):
            assert row["ids"] == s["greedy32_ids"], (name, s["name"])
            assert row["finish"] == "length"
            for a, b in zip(row["logprobs"], s["greedy32_logprobs"]):
                assert abs(a - b) <= 1e-4


def run_a(n):
    with open(os.path.join(harness.RUN_A, "validation.jsonl")) as f:
        prompts = [json.loads(line)["prompt"] for line in f][:n]
    with open(os.path.join(harness.RUN_A, "reference", "checkpoint-4500.jsonl")) as f:
        return prompts, [json.loads(line) for line in f][:n]


def test_answers_stop_at_the_end_token_and_text_leaves_it_out():
    prompts, want = run_a(40)
    rows = proctor("complete", TRAINED, "--dtype=f32", "--max-new-tokens", 32, input=[
        {"messages": [{"role": "user", "content": p}]} for p in prompts]).rows()
    for row, w in zip(rows, want):
        if w.get("min_margin", 1) < 1e-4:
            continue
        assert row["ids"] == w["greedy_ids"]
        assert row["text"].strip() == w["greedy_answer"]
        assert row["finish"] == ("stop" if w["finished"] else "length")


def test_a_prompt_is_plain_text():
    prompt = "<|im_start|>user\n2 + 2 = ?<|im_end|>\n<|im_start|>assistant\n"
    a, b = proctor("complete", TRAINED, "--max-new-tokens=8", input=[
        {"prompt": prompt}, {"messages": [{"role": "user", "content": "2 + 2 = ?"}]}]).rows()
    assert a == b


def test_without_a_template_the_turns_are_plain_text_and_without_a_tokenizer_there_is_no_text():
    with harness.scratch() as folder:
        for name in ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json"):
            shutil.copy(os.path.join(TRAINED, name), folder)
        turns = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2 + 2"}]
        a, b = proctor("complete", folder, "--max-new-tokens=6", input=[
            {"messages": turns}, {"prompt": "Add.\n2 + 2"}]).rows()
        assert a == b
        os.remove(os.path.join(folder, "tokenizer.json"))
        row = proctor("complete", folder, "--max-new-tokens=6", input=[{"ids": [5, 6, 7]}]).row()
        assert row["ids"] and row["text"] is None and row["text_reason"]


def test_a_seed_repeats_a_sample_and_lines_do_not_disturb_each_other():
    args = ("complete", TINY, "--temperature=1", "--max-new-tokens=12", "--ignore-eos")
    lines = [{"ids": [1, 2, 3]}, {"ids": [7]}, {"ids": [1, 2, 3]}]
    one = proctor(*args, "--seed=3", input=lines).rows()
    assert one == proctor(*args, "--seed=3", "--threads=1", input=lines).rows()
    assert one[0]["ids"] != one[2]["ids"]
    assert one != proctor(*args, "--seed=4", input=lines).rows()
    assert one[0] == proctor(*args, "--seed=3", input=lines[:1]).row()


def test_the_limit_ends_an_answer_and_positions_bound_it():
    assert proctor("complete", TINY, "--max-new-tokens=3", "--ignore-eos",
                   input=[{"ids": [1, 2]}]).row()["finish"] == "length"
    result = proctor("complete", TINY, "--ignore-eos", status=1, input=[
        {"ids": [1] * 4096}, {"ids": [1] * 4090}])
    full, nearly = result.rows()
    assert "positions" in full["error"] and len(nearly["ids"]) == 6 and nearly["finish"] == "length"


def test_wrong_options_are_status_2():
    proctor("complete", TINY, "--max-new-tokens=0", status=2)
    proctor("complete", TINY, "--temperature=-1", status=2)
    proctor("complete", TINY, "--template-var=x", status=2)
    proctor("complete", status=2)


harness.run(globals())
