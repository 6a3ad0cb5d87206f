"""proctor render: chat templates."""
import json
import os
import time

import harness
from harness import proctor

CHECKPOINT = os.path.join(harness.RUN_A, "checkpoints", "checkpoint-4500")


def folder_with(template, folder):
    with open(os.path.join(folder, "chat_template.jinja"), "w") as f:
        f.write(template)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        f.write('{"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":"not this one"}')
    return folder


def test_a_question_is_rendered_as_the_model_was_trained():
    row = proctor("render", CHECKPOINT, input=[
        {"messages": [{"role": "user", "content": "2+2?"}], "add_generation_prompt": True},
    ]).row()
    assert row == {"text": "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"}


def test_the_file_goes_before_the_configuration_and_keys_are_variables():
    with harness.scratch() as folder:
        folder_with("{{ bos_token }}{{ messages|length }}{{ mood }}{{ eos_token }}"
                    "{{ tools is none }}{{ add_generation_prompt }}", folder)
        rows = proctor("render", folder, input=[{"messages": [], "mood": "x"}]).rows()
        assert rows == [{"text": "<s>0x</s>TrueFalse"}]
        rows = proctor("render", folder, "--template-var", "mood=z", input=[{"messages": []}]).rows()
        assert rows == [{"text": "<s>0z</s>TrueFalse"}]


def test_an_error_that_the_template_raises_is_given_in_its_words():
    with harness.scratch() as folder:
        folder_with("{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}ok",
                    folder)
        turn = {"role": "user", "content": "x"}
        result = proctor("render", folder, input=[{"messages": [turn, turn]}, {"messages": [turn]}])
        assert result.rows() == [{"error": "one turn only"}, {"text": "ok"}]
        assert "line 1: one turn only" in result.err


def test_of_several_templates_tools_decide_as_in_transformers():
    with harness.scratch() as folder:
        templates = [{"name": "default", "template": "  plain {{ tools is none }}\n"},
                     {"name": "tool_use", "template": "\n  {% if true %}\n{{ tools|length }}{% endif %}\n\n"}]
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
            json.dump({"chat_template": templates}, f)
        rows = proctor("render", folder, input=[{"messages": []}, {"messages": [], "tools": [{}, {}]}]).rows()
        assert rows == [{"text": "  plain True"}, {"text": "\n2"}], rows  # as jinja2 gives


def test_the_date_is_now_unless_it_is_given():
    with harness.scratch() as folder:
        folder_with("{{ strftime_now('%Y-%m-%d') }}", folder)
        assert proctor("render", folder, "--date", "2024-02-29", input=[{"messages": []}]).row() == {
            "text": "2024-02-29"}
        before = time.strftime("%Y-%m-%d")
        text = proctor("render", folder, input=[{"messages": []}]).row()["text"]
        assert before <= text <= time.strftime("%Y-%m-%d")
        proctor("render", folder, "--date", "yesterday", status=2)


def test_lines_without_messages_and_models_without_templates_are_refused():
    result = proctor("render", CHECKPOINT, input=[{"text": "x"}], status=1)
    assert "messages" in result.row()["error"] and "line 1: " in result.err
    with harness.scratch() as folder:
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
            f.write("{}")
        assert "no chat template" in proctor("render", folder, status=1).err


harness.run(globals())
