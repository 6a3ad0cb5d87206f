/* Training data from files of examples: read as a suite, made into tokens by the exam's prompter.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "train/data_internal.h"

#define MAX_TOKENS ((size_t)1 << 33) /* of all examples together: 32 GiB of ids */

struct loading {
    const struct pr_prompter *prompter;
    const struct pr_train_data_options *o;
    struct pr_train_data *d;
    struct pr_suite *s;
    uint32_t max_tokens, vocab;
    size_t n_too_long, n_failed, n_left_out;
    size_t longest;         /* tokens of the longest that was left out */
    struct pr_error failed; /* the first reason */
};

static const char *keep(struct pr_train_data *d, const char *text)
{
    return text ? pr_arena_strndup(&d->arena, text, strlen(text)) : NULL;
}

static void push(struct pr_train_data *d, const struct pr_example *x, const struct pr_prompt *p)
{
    size_t n = p->ids.n;
    struct pr_sequence q = {d->n_tokens, (uint32_t)n, (uint32_t)p->n_prompt, keep(d, x->id),
        keep(d, x->skill), keep(d, x->difficulty)};
    if (d->n_tokens + n > d->tokens_cap)
        pr_grow((void **)&d->tokens, &d->tokens_cap, d->n_tokens + n, sizeof *d->tokens);
    memcpy(d->tokens + d->n_tokens, p->ids.v, n * sizeof *p->ids.v);
    d->n_tokens += n;
    PR_PUSH(d->v, d->n, d->cap, q);
}

static enum pr_code tokens_of(
    struct loading *l, const struct pr_example *x, struct pr_prompt *p, struct pr_error *e)
{
    enum pr_code code = pr_prompter_build(l->prompter, x, x->golden, p, e);
    if (code)
        return code;
    if (!x->text.s && pr_prompter_end_of_turn(l->prompter) < 0 && l->o->end >= 0)
        pr_ids_push(&p->ids, l->o->end);
    if (p->ids.n < 2)
        return pr_fail(e, PR_E_FORMAT, "the text has one token, so none to predict");
    for (size_t i = 0; i < p->ids.n; i++)
        if (p->ids.v[i] < 0 || (uint32_t)p->ids.v[i] >= l->vocab)
            return pr_fail(e, PR_E_FORMAT,
                "its tokens hold id %d, and the model's vocabulary ends at %u", p->ids.v[i],
                l->vocab);
    return PR_OK;
}

/* Appends an example's tokens; false where it is left out. */
static bool take(struct loading *l, const struct pr_example *x)
{
    struct pr_prompt p = {0};
    struct pr_error e;
    bool used = false;
    if (tokens_of(l, x, &p, &e)) {
        if (!l->n_failed++)
            pr_fail(
                &l->failed, e.code, "%s:%zu: %s", l->s->files[x->file].path, x->line, e.message);
    } else if (p.ids.n > l->max_tokens) {
        l->n_too_long++;
        l->longest = p.ids.n > l->longest ? p.ids.n : l->longest;
    } else {
        push(l->d, x, &p);
        used = true;
    }
    pr_prompt_done(&p);
    return used;
}

static void warn(json_t *list, const char *fmt, ...) PR_PRINTF(2, 3);
static void warn(json_t *list, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_t *o = json_object(); /* by way of an object, which replaces what is no UTF-8 */
    pr_json_set_str(o, "text", text);
    json_array_append(list, json_object_get(o, "text"));
    json_decref(o);
}

#define SHOWN 5 /* lines that are named one by one */

static void put_facts(struct loading *l)
{
    const struct pr_suite *s = l->s;
    json_t *o = l->d->facts, *suite = pr_suite_json(s), *warnings = json_array();
    json_object_set(o, "files", json_object_get(suite, "files"));
    json_decref(suite);
    pr_json_set_int(o, "examples", (int64_t)l->d->n);
    pr_json_set_int(o, "skipped", (int64_t)(s->n_skipped + l->n_failed));
    pr_json_set_int(o, "repeated_ids", (int64_t)s->n_repeated);
    pr_json_set_int(o, "too_long", (int64_t)l->n_too_long);
    for (size_t i = 0; i < s->n_issues && i < SHOWN; i++) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        pr_suite_issue_text(s, &s->issues[i], &text);
        warn(warnings, "%s", pr_str_cstr(&text));
        pr_str_done(&text);
    }
    if (s->n_skipped + s->n_warned > SHOWN)
        warn(warnings,
            "%zu lines in all were skipped and %zu warned about; "
            "'proctor inspect' on the file shows them",
            s->n_skipped, s->n_warned);
    if (l->n_failed)
        warn(warnings, "%zu example%s could not be made into tokens; the first: %s", l->n_failed,
            l->n_failed == 1 ? "" : "s", l->failed.message);
    if (l->n_too_long)
        warn(warnings, "%zu example%s of more than %u tokens left out (the longest has %zu)",
            l->n_too_long, l->n_too_long == 1 ? "" : "s", l->max_tokens, l->longest);
    if (l->n_left_out)
        warn(warnings, "%zu line%s of the order name%s an example that was left out", l->n_left_out,
            l->n_left_out == 1 ? "" : "s", l->n_left_out == 1 ? "s" : "");
    pr_json_set(o, "warnings", warnings);
}

/* All of the suite's examples; *ret_of: the sequence of each, SIZE_MAX where it is left out. */
static enum pr_code take_all(struct loading *l, size_t **ret_of, struct pr_error *e)
{
    size_t *of = pr_realloc(NULL, l->s->n, sizeof *of);
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < l->s->n && !code; i++) {
        of[i] = take(l, &l->s->v[i]) ? l->d->n - 1 : SIZE_MAX;
        if (pr_train_data_stopped(l->o))
            code = pr_fail(e, PR_E_CANCELLED, "stopped while the data were made into tokens");
        else if (l->d->n_tokens > MAX_TOKENS)
            code = pr_fail(e, PR_E_LIMIT, "the examples have more than %zu tokens", MAX_TOKENS);
    }
    if (!code && !l->d->n && l->n_failed)
        code = pr_fail(e, PR_E_FORMAT, "no usable examples; the first: %s", l->failed.message);
    else if (!code && !l->d->n)
        code = pr_fail(e, PR_E_LIMIT,
            "all %zu examples are longer than %u tokens (the longest has %zu); --max-tokens and "
            "the model's max_position_embeddings set this",
            l->n_too_long, l->max_tokens, l->longest);
    *ret_of = of;
    return code;
}

enum pr_code pr_train_data_load(const struct pr_prompter *p, const struct pr_model_config *config,
    const struct pr_train_data_options *o, struct pr_train_data **ret, struct pr_error *e)
{
    struct loading l = {.prompter = p, .o = o, .d = pr_zalloc(sizeof *l.d)};
    /* Nothing here starts a check's command; what it would judge does not matter to training. */
    struct pr_suite_options so = {
        .allow_commands = true, .keep_repeated = true, .stopped = o->stopped, .ctx = o->ctx};
    size_t *of = NULL;
    l.vocab = config->vocab;
    l.max_tokens = o->max_tokens && o->max_tokens < config->max_position ? o->max_tokens
                                                                         : config->max_position;
    l.d->batch = o->batch;
    l.d->seed = o->seed;
    l.d->epoch = -1;
    l.d->facts = json_object();
    enum pr_code code = pr_suite_load(o->files, o->n_files, &so, &l.s, e);
    if (code || (code = take_all(&l, &of, e)))
        goto out;
    if (o->order && (code = pr_train_order_read(l.d, o->order, l.s, of, &l.n_left_out, e)))
        goto out;
    l.d->places = (uint64_t)o->epochs * pr_train_data_size(l.d);
    put_facts(&l);
    pr_train_data_seal(l.d);
    *ret = l.d;
    l.d = NULL;
out:
    pr_free(of);
    pr_suite_free(l.s);
    pr_train_data_free(l.d);
    return code;
}
