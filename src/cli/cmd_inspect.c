/* proctor inspect: what is this file or folder, and does proctor take it? */
#include <proctor.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/term.h"

/* One value of the summary, on one line: "key: value", nested members as "a 1, b 2". */
static void put_value(struct pr_str *out, const json_t *v)
{
    const char *key;
    json_t *member;
    size_t i = 0;
    if (json_is_object(v)) {
        json_object_foreach ((json_t *)(uintptr_t)v, key, member) {
            pr_str_puts(out, i++ ? ", " : "");
            pr_term_clean(out, key, strlen(key), 60);
            pr_str_putc(out, ' ');
            put_value(out, member);
        }
    } else if (json_is_array(v)) {
        json_array_foreach (v, i, member) {
            pr_str_puts(out, i ? ", " : "");
            put_value(out, member);
        }
    } else if (json_is_string(v)) {
        pr_term_clean(out, json_string_value(v), json_string_length(v), 0);
    } else if (json_is_boolean(v)) {
        pr_str_puts(out, json_is_true(v) ? "yes" : "no");
    } else if (json_is_real(v)) {
        pr_str_printf(out, "%g", json_real_value(v));
    } else if (json_is_integer(v)) {
        pr_str_printf(out, "%lld", (long long)json_integer_value(v));
    } else {
        pr_str_puts(out, "unknown");
    }
}

static void put_line(struct pr_str *out, const char *label, const json_t *v)
{
    size_t from = out->len;
    pr_term_clean(out, label, strlen(label), 0);
    for (size_t n = out->len - from; n < 22; n++)
        pr_str_putc(out, ' ');
    put_value(out, v);
    pr_str_putc(out, '\n');
}

static void summary(const json_t *doc)
{
    static const char *const not_here[] = {
        "schema_version", "kind", "accepted", "warnings", "error", "path", "offset"};
    struct pr_str out = PR_STR_INIT(1 << 24);
    const char *kind = json_string_value(json_object_get(doc, "kind")), *key;
    json_t *v;
    size_t i;
    put_value(&out, json_object_get(doc, "path"));
    pr_str_printf(&out, ": %s, %s\n", kind ? kind : "not recognised",
        json_is_true(json_object_get(doc, "accepted")) ? "accepted" : "refused");
    json_object_foreach ((json_t *)(uintptr_t)doc, key, v) {
        bool shown = true;
        for (size_t k = 0; k < sizeof not_here / sizeof *not_here; k++)
            shown &= strcmp(key, not_here[k]) != 0;
        if (shown) {
            pr_str_puts(&out, "  ");
            put_line(&out, key, v);
        }
    }
    json_array_foreach (json_object_get(doc, "warnings"), i, v) {
        pr_str_puts(&out, "  ");
        put_line(&out, "warning", v);
    }
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int show(const struct pr_args *a, char *text, bool accepted)
{
    json_t *doc = NULL;
    struct pr_error e;
    if (pr_json_parse(text, strlen(text), PR_JSON_LENIENT, NULL, &doc, NULL, &e)) {
        pr_say("inspect", "%s", e.message);
        return PR_EXIT_REFUSED;
    }
    if (!pr_args_flag(a, "json") && pr_term_is(1))
        summary(doc);
    else
        pr_out_json(doc);
    if (!accepted)
        pr_say("inspect", "%s", json_string_value(json_object_get(doc, "error")));
    json_decref(doc);
    return accepted ? PR_EXIT_OK : PR_EXIT_REFUSED;
}

static int run(const struct pr_args *a)
{
    struct pr_session s;
    struct pr_error e;
    char *text = NULL;
    bool accepted = false;
    int status = pr_session_init(&s, a, false);
    if (status)
        return status;
    if (proctor_inspect(a->positional[0], &s.options, &text, &accepted, &e)) {
        pr_say("inspect", "%s", e.message);
        status = PR_EXIT_REFUSED;
    } else {
        status = show(a, text, accepted);
    }
    proctor_free(text);
    pr_session_done(&s);
    return status;
}

static const struct pr_option options[] = {
    {"json", NULL, "print the JSON document on a terminal too", NULL, PR_OPT_FLAG},
    PR_OPTION_BASE_MODEL,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_inspect = {
    .name = "inspect",
    .summary = "say what a file or folder is, and whether it is sound",
    .arguments = "PATH",
    .about =
        "PATH may be a checkpoint folder, a safetensors file, a tokenizer.json, a data set "
        "(*.jsonl or "
        "a folder of them), a trainer_state.json or a TensorBoard event file. Prints a document "
        "{\"kind\",\"accepted\",\"warnings\":[…],\"error\",…} with what can be told of it: for a "
        "checkpoint its architecture, shape, tensors, step, run, fingerprint, and whether it is "
        "complete or still being written. On a terminal the same for reading.\n\n"
        "What is odd but usable is a warning (NaN weights, unused tensors, skipped lines …). What "
        "is "
        "refused is printed too, with the reason in 'error' and on stderr, and exit status 1.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"Is this checkpoint complete, and of what?",
                     "proctor inspect models/checkpoint-100"},
        {"Can these examples be read?", "proctor inspect validation.jsonl"},
        {"Wait until a checkpoint can be used, in a script",
            "until proctor inspect checkpoint-100 >/dev/null 2>&1; do sleep 5; done"}},
    .run = run,
};
