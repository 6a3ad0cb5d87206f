/* Chat templates: the part of Jinja that they use, rendered exactly as transformers renders it
 * (trim_blocks, lstrip_blocks, loop controls, tojson without HTML escaping), bounded in steps,
 * depth and output, with no access to files, attributes of the host, or anything but its variables.
 *
 * All of Jinja 3.1's expressions, statements, filters and tests are there but these, which are
 * refused by name: include, import, from, extends, block, autoescape; the filters pprint, random,
 * urlize, wordwrap; lipsum(); \N{...} in strings; str.encode, translate, maketrans, format_map,
 * isidentifier.  Different from Python: an integer past 64 bits is an error; the sets that
 * arithmetic on dict views gives are not there; a filter over a sequence works at once, so that its
 * errors come where it stands and not where its items are read; `self` is undefined. */
#ifndef PR_MODEL_TEMPLATE_H
#define PR_MODEL_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

struct pr_template;

struct pr_template_options {
    int64_t now_utc_ms; /* what strftime_now shows (UTC); fixed, so that a grade is reproducible */
    size_t max_output;  /* bytes; 0: 16 MiB */
    size_t max_steps;   /* evaluation steps; 0: 20 million */
};

/* Compiles source (n bytes of UTF-8).  A syntax error is PR_E_FORMAT "line N: …", a construct
 * outside the supported part PR_E_UNSUPPORTED by name. */
PR_MUST_CHECK enum pr_code pr_template_compile(
    const char *source, size_t n, struct pr_template **ret, struct pr_error *e);
void pr_template_free(struct pr_template *t);

/* The source in a "chat_template" value: its text, or, of a list of {"name", "template"}, the one
 * named "default"; where there is one named "tool_use" too, a template that takes that one when
 * tools are given, as transformers does.  pr_free; NULL: there is none. */
char *pr_template_choose(const json_t *v);

/* Renders with the members of the object vars as global variables (messages, add_generation_prompt,
 * bos_token, tools …) and appends to out.  raise_exception(text) is PR_E_TEMPLATE with that very
 * text as the message; other run-time errors (undefined, wrong type) are PR_E_TEMPLATE too, with
 * the line; limits are PR_E_LIMIT.  Safe from several threads at once. */
PR_MUST_CHECK enum pr_code pr_template_render(const struct pr_template *t, const json_t *vars,
    const struct pr_template_options *options, struct pr_str *out, struct pr_error *e);

#endif
