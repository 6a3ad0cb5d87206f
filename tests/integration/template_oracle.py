"""Chat templates rendered by Python's jinja2 with transformers' settings: the reference that the
project's own evaluator must equal character for character."""
import copy
import datetime
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW_MS = 1763930096789  # what strftime_now shows: 2025-11-23 20:34:56.789 UTC


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks what the assistant wrote; renders as its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_render")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def _raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def _tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _strftime_now(format):
    now = datetime.datetime.fromtimestamp(NOW_MS / 1000, datetime.timezone.utc)
    return now.replace(tzinfo=None).strftime(format)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = _tojson
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = _strftime_now
    return env


_env = environment()
_compiled = {}


def render(template, variables):
    """{"text"} or {"error","type"}."""
    try:
        if template not in _compiled:
            if len(_compiled) > 1000:
                _compiled.clear()
            _compiled[template] = _env.from_string(template)
        text = _compiled[template].render(**copy.deepcopy(variables))
        text.encode("utf-8")
        return {"text": text}
    except RecursionError as e:
        return {"error": str(e), "type": "RecursionError"}
    except Exception as e:  # whatever a template can make Python raise
        return {"error": str(e), "type": type(e).__name__}
