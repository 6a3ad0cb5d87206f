"""Templates written for this test, with the constructs that published templates of the last years use
(thinking switches, tool schemas turned into types, dates, parts of content, macros that recurse),
so that these are tried also where a model's own template is not to be had."""


def templates():
    for name, template in WRITTEN.items():
        yield name, template, {}


WRITTEN = {
    "thinking_switch": """\
{# a default, then a switch in the system message #}
{%- if enable_thinking is not defined -%}
{%- set enable_thinking = true -%}
{%- endif -%}
{%- set reasoning_mode = "/think" if enable_thinking else "/no_think" -%}
{{- "<|start|>system\\n" -}}
{%- if messages and messages[0].role == "system" -%}
  {%- set system_message = messages[0].content -%}
  {%- if "/no_think" in system_message -%}
    {%- set reasoning_mode = "/no_think" -%}
  {%- elif "/think" in system_message -%}
    {%- set reasoning_mode = "/think" -%}
  {%- endif -%}
  {%- set custom = system_message.replace("/no_think", "").replace("/think", "").rstrip() -%}
{%- endif -%}
{%- if "/system_override" in (system_message or "") -%}
  {{- custom.replace("/system_override", "").rstrip() -}}
{%- else -%}
  {{- "## Metadata\\n\\n" -}}
  {{- "Cutoff: June 2025\\n" -}}
  {%- set today = strftime_now("%d %B %Y") -%}
  {{- "Today: " ~ today ~ "\\nMode: " + reasoning_mode + "\\n\\n" -}}
  {%- if custom -%}{{- custom + "\\n\\n" -}}{%- else -%}{{- "Default.\\n\\n" -}}{%- endif -%}
  {%- if xml_tools or python_tools or tools -%}
    {{- "### Tools\\n\\n" -}}
    {%- set ns = namespace(xml_tool_string="Call:\\n<tools>\\n") -%}
    {%- for tool in xml_tools or tools -%}
      {%- set ns.xml_tool_string = ns.xml_tool_string ~ (tool | string) ~ "\\n" -%}
    {%- endfor -%}
    {{- ns.xml_tool_string + "</tools>" -}}
  {%- endif -%}
{%- endif -%}
{{- "<|end|>\\n" -}}
{%- set loop_messages = messages[1:] if messages and messages[0].role == "system" else messages -%}
{%- for message in loop_messages -%}
  {%- set content = message.content if message.content is string else "" -%}
  {%- if message.role == "user" -%}
    {{ "<|start|>" + message.role + "\\n" + content + "<|end|>\\n" }}
  {%- elif message.role == "assistant" -%}
    {%- generation -%}
    {%- if reasoning_mode == "/think" -%}
      {{ "<|start|>assistant\\n" + content.lstrip("\\n") + "<|end|>\\n" }}
    {%- else -%}
      {{ "<|start|>assistant\\n" + "<think>\\n\\n</think>\\n" + content.lstrip("\\n") + "<|end|>\\n" }}
    {%- endif -%}
    {%- endgeneration -%}
  {%- elif message.role == "tool" -%}
    {{ "<|start|>user\\n" + content + "<|end|>\\n" }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {%- if reasoning_mode == "/think" -%}{{ "<|start|>assistant\\n" }}
  {%- else -%}{{ "<|start|>assistant\\n" + "<think>\\n\\n</think>\\n" }}
  {%- endif -%}
{%- endif -%}
""",
    "types_macro": """\
{%- macro render_type(spec, required, is_nullable=false) -%}
    {%- if spec.type is defined and spec.type == "array" -%}
        {%- if spec['items'] -%}
            {%- if spec['items']['type'] == "string" -%}{{- "string[]" }}
            {%- else -%}{{- render_type(spec['items'], required) + "[]" -}}{%- endif -%}
        {%- else -%}{{- "any[]" }}{%- endif -%}
        {%- if spec.nullable %}{{- " | null" -}}{%- endif -%}
    {%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type[0] is defined -%}
        {%- if spec.type | length > 1 -%}{{- spec.type | join(" | ") }}{%- else -%}{{- spec.type[0] }}{%- endif -%}
    {%- elif spec.oneOf -%}
        {%- for variant in spec.oneOf -%}{{- render_type(variant, required) -}}{%- if not loop.last %}{{- " | " }}{% endif -%}{%- endfor -%}
    {%- elif spec.type == "string" -%}
        {%- if spec.enum -%}{{- '"' + spec.enum|join('" | "') + '"' -}}{%- else -%}{{- "string" }}{%- endif -%}
    {%- elif spec.type == "number" or spec.type == "integer" -%}{{- "number" }}
    {%- elif spec.type == "object" -%}
        {%- if spec.properties -%}
            {{- "{\\n" }}
            {%- for name, prop in spec.properties.items() -%}
                {{- name -}}{%- if name not in (spec.required or []) -%}{{- "?" }}{%- endif -%}{{- ": " }}{{ render_type(prop, spec.required or []) }}
                {%- if not loop.last -%}{{-", " }}{%- endif -%}
            {%- endfor -%}
            {{- "}" }}
        {%- else -%}{{- "object" }}{%- endif -%}
    {%- else -%}{{- "any" }}{%- endif -%}
{%- endmacro -%}
{%- macro render_tools(name, tools) -%}
    {{- "## " + name + "\\n\\nnamespace " + name + " {\\n\\n" }}
    {%- for tool in tools %}
        {%- set tool = tool.function %}
        {{- "// " + tool.description + "\\ntype "+ tool.name + " = " }}
        {%- if tool.parameters and tool.parameters.properties %}
            {{- "(_: {\\n" }}
            {%- for param, spec in tool.parameters.properties|dictsort %}
                {%- if spec.description %}{{- "// " + spec.description + "\\n" }}{%- endif %}
                {{- param }}{%- if param not in (tool.parameters.required or []) -%}{{- "?" }}{%- endif -%}
                {{- ": " }}{{- render_type(spec, tool.parameters.required or []) }}
                {%- if spec.default is defined -%}
                    {%- if spec.enum %}{{- ", // default: " + spec.default|string }}
                    {%- else %}{{- ", // default: " + spec.default|tojson }}{%- endif -%}
                {%- endif -%}
                {%- if not loop.last %}{{- ",\\n" }}{%- else %}{{- "\\n" }}{%- endif %}
            {%- endfor %}
            {{- "}) => any;\\n\\n" }}
        {%- else -%}{{- "() => any;\\n\\n" }}{%- endif -%}
    {%- endfor %}
    {{- "} // namespace " + name }}
{%- endmacro -%}
{%- if tools %}{{ render_tools("functions", tools) }}{% endif -%}
{%- set ns = namespace(last_user=-1, multi_step=true) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" %}{% set ns.multi_step = false %}{% set ns.last_user = index %}{% endif %}
{%- endfor %}
{%- for message in messages %}
{%- if message.tool_calls is defined and message.tool_calls %}
{%- for tc in message.tool_calls %}
{%- set f = tc.function if tc.function else tc %}
<|call|>{{ f.name }} {{ f.arguments if f.arguments is string else f.arguments|tojson }}
{% endfor %}
{%- endif %}
[{{ loop.index0 > ns.last_user }}]{{ message.role }}: {{ message.content }}
{% endfor %}
""",
    "content_parts": """\
{{ bos_token }}
{%- if messages and messages[0]['role'] in ['system', 'developer'] %}
    {%- if messages[0]['content'] is string %}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' %}
    {%- else %}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' %}
    {%- endif %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set first_user_prefix = "" %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception("Roles must alternate, not " ~ message['role'] ~ " at " ~ loop.index) }}
    {%- endif %}
    {%- set role = {'assistant': 'model'}.get(message['role'], message['role']) %}
<turn>{{ role }}
{{ first_user_prefix if loop.first else '' }}
    {%- if message['content'] is string %}
        {{- message['content'] | trim }}
    {%- elif message['content'] is iterable %}
        {%- for item in message['content'] %}
            {%- if item['type'] == 'image' %}<image>{% elif item['type'] == 'text' %}{{ item['text'] | trim }}{% endif %}
        {%- endfor %}
    {%- else %}
        {{- raise_exception("Invalid content type") }}
    {%- endif %}
</turn>
{% endfor %}
{%- if add_generation_prompt %}<turn>model
{% endif %}
""",
    "tool_ids": """\
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = messages | selectattr("role", "equalto", "user") | list %}
{%- for message in messages | rejectattr("role", "equalto", "tool") | rejectattr("role", "equalto", "system") | selectattr("tool_calls", "undefined") %}
    {%- if (message["role"] == "user") != (loop.index0 % 2 == 0) %}{%- set bad = true %}{%- endif %}
{%- endfor %}
{%- set index = namespace(value=0) %}
{%- for message in messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}{%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- "[INST] " + message["content"] + "[/INST]" }}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
        {%- endfor %}
    {%- elif message["role"] in ("tool", "tool_results") %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}{%- set content = message.content %}{%- endif %}
        {{- '{"content": ' + content|string + ", " }}{%- set index.value = index.value + 1 %}{{ index.value }}
    {%- else %}
        {{- " " ~ message["content"] ~ eos_token }}
    {%- endif %}
{%- endfor %}
""",
    "thinking_split": """\
{%- for m in messages %}
{%- set reasoning = '' %}
{%- set content = m.content %}
{%- if m.reasoning_content is string %}{% set reasoning = m.reasoning_content %}
{%- elif content is string and '</think>' in content %}
    {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
    {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
{%- endif %}
{%- if loop.last or (not loop.last and reasoning) %}
{{- m.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + (content or '')|string }}
{%- else %}{{ m.role }}:{{ content }}{% endif %}
{%- if loop.previtem is defined and loop.previtem.role != m.role %}<-{{ loop.previtem.role }}{% endif %}
{%- if loop.nextitem is defined %}->{{ loop.nextitem.role|upper }}{% endif %}
{%- if m.content is mapping %}{% for k, v in m.content.items() %}<{{ k }}>{{ v }}</{{ k }}>{% endfor %}{% endif %}
{% endfor %}
{%- if add_generation_prompt %}{{ '<think>\\n' }}{% if enable_thinking is defined and enable_thinking is false %}{{ '\\n</think>\\n\\n' }}{% endif %}{% endif %}
""",
    "header_date": """\
{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- endif %}
{%- if not tools_in_user_message is defined %}{%- set tools_in_user_message = true %}{%- endif %}
{%- if builtin_tools is defined %}Environment: ipython {{ builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\\n"}}{%- endif %}
{%- set system_message = messages[0]['content']|trim if messages and messages[0]['role'] == 'system' else "" %}
{{- "Today Date: " + date_string + "\\n\\n" + system_message }}
{%- if tools is not none and not tools_in_user_message %}{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|h|>' + message['role'] + '<|/h|>\\n\\n'+ message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", ' + '"parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}<|eot|>" }}
    {%- else %}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
    {%- endif %}
{%- endfor %}
""",
    "documents": """\
{%- macro document_turn(documents) -%}
{# format documents as one turn #}
<|start|>documents
{%- for doc in documents %}

Document: {{ loop.index0 }}
{% for key, value in doc.items() -%}
{%- if value is string %}{{ key|title }}: {{ value|trim|indent(2) }}{% endif %}

{% endfor %}
{%- endfor -%}
<|end|>
{%- endmacro %}
{%- set has_docs = documents is defined and documents is not none and documents|length > 0 %}
{{- document_turn(documents) if has_docs }}
{%- filter trim %}

  {% for role, group in messages|groupby('role') %}{{ role }}={{ group|length }};{% endfor %}

{% endfilter %}
{%- call(m) (none or caller) %}{% endcall %}
""".replace("{%- call(m) (none or caller) %}{% endcall %}\n", ""),
    "phi_like": """\
{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}
""",
}
