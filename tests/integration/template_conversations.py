"""Conversations that chat templates are tried on: every combination a template may ask about."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather \"now\" in a town <b>&</b> nearby é 日本",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "description": "the town's name"},
                "days": {"type": "integer", "default": 3, "enum": [1, 3, 7]},
                "unit": {"type": ["string", "null"], "enum": ["C", "F"]},
                "exact": {"type": "boolean", "default": False},
                "where": {"type": "object", "properties": {"lat": {"type": "number"}}},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["town"],
        },
        "return": {"type": "object"},
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "a + b",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number", "default": 1.5}},
            "required": ["a", "b"],
        },
    },
}


def u(text):
    return {"role": "user", "content": text}


def a(text, **more):
    return {"role": "assistant", "content": text, **more}


def s(text):
    return {"role": "system", "content": text}


def call(name, arguments, id="abcdef123"):
    return {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "empty": [],
    "one": [u("Hello")],
    "spaces": [u("  \n Hello \t\n"), a("\n\n Hi there \n"), u(" \n ")],
    "system": [s("Be brief."), u("Hello")],
    "system_spaces": [s("\n Be brief. \n\n"), u("Hello"), a("Hi")],
    "turns": [u("1+1?"), a("2"), u("2+2?"), a("4"), u("3+3?")],
    "system_turns": [s("Sys"), u("1"), a("2"), u("3"), a("4")],
    "empty_content": [s(""), u(""), a("")],
    "unicode": [s("Système 日本語"), u("Grüße, Καλημέρα, 👩‍👩‍👧 \u2028 \u00a0x"), a("𝔘nicode ✓")],
    "think": [
        u("2+2?"),
        a("<think>\nadd\n</think>\n\n4"),
        u("3+3?"),
        a("<think>\nadd again\n</think>\n\n6"),
    ],
    "think_field": [
        u("2+2?"),
        a("4", reasoning_content="\nI add.\n"),
        u("again"),
        a("5", reasoning_content="hmm", reasoning="hm", thinking="h"),
    ],
    "think_open": [u("x"), a("<think>never closed"), u("y"), a("closed only</think> z")],
    "tool_call": [
        s("Use tools."),
        u("Weather in Köln?"),
        a("", tool_calls=[call("get_weather", {"town": "Köln", "days": 1, "deep": {"a": [1, 2.5, None, True]}})]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "{\"t\": 12}"},
        a("12 degrees"),
        u("Thanks"),
    ],
    "tool_call_none": [
        u("Weather?"),
        a(None, tool_calls=[call("get_weather", {"town": "X"})]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": {"t": 12.0}},
    ],
    "tool_calls": [
        u("Two things"),
        a("Let me see.", tool_calls=[call("get_weather", {"town": "A"}), call("add", {"a": 1, "b": 2}, "123456789")]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "rain\n"},
        {"role": "tool", "name": "add", "tool_call_id": "123456789", "content": "3"},
        a("Rain and 3."),
        u("more"),
        a("<think>\nok\n</think>\n\nfine", tool_calls=[call("add", {"a": 2, "b": 2}, "987654321")]),
        {"role": "tool", "name": "add", "tool_call_id": "987654321", "content": "4"},
    ],
    "tool_call_text": [
        u("x"),
        a("", tool_calls=[call("add", "{\"a\": 1}")]),
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
        u("y"),
    ],
    "tool_call_flat": [
        u("x"),
        a("", tool_calls=[{"name": "add", "arguments": {"a": 1, "b": "<&>'\""}}]),
        {"role": "ipython", "content": {"output": "1"}},
        a("done"),
    ],
    "parts": [
        {"role": "user", "content": [{"type": "text", "text": " look "}, {"type": "image"}, {"type": "text", "text": "here"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "seen"}]},
    ],
    "parts_system": [
        {"role": "system", "content": [{"type": "text", "text": "Sys"}]},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ],
    "developer": [{"role": "developer", "content": "Dev"}, u("Hello")],
    "two_users": [u("a"), u("b")],
    "assistant_first": [a("Hi"), u("Hello")],
    "assistant_last": [u("Hi"), a("Hello "), a("again")],
    "late_system": [u("Hi"), s("System in the middle"), a("ok")],
    "unknown_role": [u("Hi"), {"role": "narrator", "content": "meanwhile"}],
    "no_content": [u("Hi"), {"role": "assistant"}],
    "null_content": [u("Hi"), a(None), u("there")],
    "no_role": [{"content": "who?"}],
    "think_commands": [s("Custom. /no_think"), u("Hello /think"), a("ok"), u("x /no_think")],
    "documents": [u("What do they say?")],
}

SETTINGS = [
    {},
    {"add_generation_prompt": True},
    {"add_generation_prompt": False, "enable_thinking": False},
    {"add_generation_prompt": True, "enable_thinking": True},
    {"add_generation_prompt": True, "enable_thinking": False},
    {"add_generation_prompt": True, "tools": [WEATHER]},
    {"add_generation_prompt": False, "tools": [WEATHER, ADD]},
    {"add_generation_prompt": True, "tools": [WEATHER, ADD], "enable_thinking": False},
    {"tools": [], "documents": [{"title": "T", "text": "Text\n"}, {"title": "U", "text": "é"}]},
    {"add_generation_prompt": True, "tools": [ADD], "tools_in_user_message": False,
     "date_string": "01 Jan 2025", "builtin_tools": ["brave_search", "code_interpreter"]},
    {"continue_final_message": True, "custom_tools": [ADD], "xml_tools": [ADD], "python_tools": ["f"]},
]

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def variables(special):
    """All combinations as dictionaries of template variables, each with a name."""
    for name, messages in CONVERSATIONS.items():
        for number, settings in enumerate(SETTINGS):
            given = {"messages": messages, "tools": None, "documents": None,
                     "add_generation_prompt": False}
            given.update(SPECIAL)
            given.update(special)
            given.update(settings)
            yield f"{name}/{number}", given
