/* See expect.h. */
#include "deploy/expect.h"

#include <string.h>

#include "base/alloc.h"
#include "exam/prompt.h"
#include "model/engine.h"

#define TRIED 4 /* times as many examples as are wanted: some do not end in time */

bool pr_expect_fits(const struct pr_example *x)
{
    return x->messages && x->golden.s && !x->text.s && !x->check.n_choices;
}

json_t *pr_expect_question(const struct pr_example *x, const struct pr_deploy_settings *s,
    const char *answer, size_t n, size_t max_tokens)
{
    json_t *o = json_object();
    pr_json_set_str(o, "id", x->id);
    json_object_set(o, "messages", x->messages);
    if (x->tools)
        json_object_set(o, "tools", x->tools);
    if (json_object_size(s->template_vars))
        json_object_set(o, "chat_template_kwargs", (json_t *)(uintptr_t)s->template_vars);
    pr_json_set_strn(o, "prompt", x->prompt.s, x->prompt.n);
    pr_json_set_strn(o, "answer", answer, n);
    pr_json_set_int(o, "max_tokens", (int64_t)max_tokens);
    return o;
}

static enum pr_code open_text(const char *dir, const struct pr_deploy_settings *s, bool weights,
    struct pr_checkpoint **ret, struct pr_error *e)
{
    const struct pr_checkpoint_options o = {
        .bases = (const char *const(*)[2])s->bases, .n_bases = s->n_bases, .weights = weights};
    return pr_checkpoint_open(dir, &o, ret, e);
}

enum pr_code pr_expect_shape(
    const char *dir, const struct pr_deploy_settings *s, json_t *questions, struct pr_error *e)
{
    struct pr_checkpoint *c;
    json_t *q;
    size_t i;
    enum pr_code code = open_text(dir, s, false, &c, e);
    if (code)
        return code;
    bool chat = pr_checkpoint_template(c) != NULL;
    json_array_foreach (questions, i, q) {
        json_object_del(q, chat ? "prompt" : "messages");
        if (!chat) {
            json_object_del(q, "tools");
            json_object_del(q, "chat_template_kwargs");
        }
    }
    pr_checkpoint_free(c);
    return PR_OK;
}

/* ---- computing ---- */

struct asked {
    const struct pr_example *x;
    struct pr_prompt prompt;
    struct pr_request request;
};

struct computing {
    struct pr_checkpoint *checkpoint;
    struct pr_prompter *prompter;
    struct pr_engine *engine;
    struct asked *v;
    struct pr_request *requests;
    size_t n;
    const atomic_bool *stop;
};

static int watch(void *ctx, uint64_t done, uint64_t total)
{
    const struct computing *c = ctx;
    (void)done;
    (void)total;
    return c->stop && atomic_load(c->stop);
}

static enum pr_code collect(struct computing *c, const struct pr_deploy_settings *s,
    const struct pr_suite *suite, struct pr_error *e)
{
    size_t wanted = (size_t)s->probe_questions * TRIED, room = (size_t)s->probe_tokens;
    uint32_t positions = pr_checkpoint_config(c->checkpoint)->max_position;
    c->v = pr_zalloc((wanted + 1) * sizeof *c->v);
    c->requests = pr_zalloc((wanted + 1) * sizeof *c->requests);
    for (size_t i = 0; i < suite->n && c->n < wanted; i++) {
        struct asked *a = &c->v[c->n];
        if (!pr_expect_fits(&suite->v[i]))
            continue;
        a->x = &suite->v[i];
        enum pr_code code = pr_prompter_build(c->prompter, a->x, a->x->golden, &a->prompt, e);
        if (code)
            return pr_wrap(e, code, "%s", a->x->id);
        if (!a->prompt.n_prompt || a->prompt.n_prompt + room > positions) {
            pr_prompt_done(&a->prompt);
            *a = (struct asked){0};
            continue;
        }
        size_t n_stop;
        const int32_t *stop = pr_prompter_stops(c->prompter, &n_stop);
        c->requests[c->n++] = (struct pr_request){.ids = a->prompt.ids.v,
            .n = a->prompt.n_prompt,
            .score_from = a->prompt.n_prompt,
            .max_new = room,
            .stop = stop,
            .n_stop = n_stop,
            .new_ids = pr_zalloc(room * sizeof(int32_t)),
            .new_logprobs = pr_zalloc(room * sizeof(float))};
    }
    return PR_OK;
}

static enum pr_code read_answers(
    struct computing *c, const struct pr_deploy_settings *s, json_t *list, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < c->n && !code; i++) {
        const struct pr_request *r = &c->requests[i];
        struct pr_str text = PR_STR_INIT((size_t)1 << 22);
        if (r->finish != PR_FINISH_STOP || r->bad_number ||
            json_array_size(list) >= (size_t)s->probe_questions)
            continue;
        code = pr_tokenizer_decode(
            pr_prompter_tokenizer(c->prompter), r->new_ids, r->n_new, true, &text, e);
        if (!code)
            json_array_append_new(
                list, pr_expect_question(c->v[i].x, s, pr_str_cstr(&text), text.len, r->n_new + 1));
        pr_str_done(&text);
    }
    return code;
}

static void computing_done(struct computing *c)
{
    for (size_t i = 0; i < c->n; i++) {
        pr_prompt_done(&c->v[i].prompt);
        pr_free(c->requests[i].new_ids);
        pr_free(c->requests[i].new_logprobs);
    }
    pr_free(c->v);
    pr_free(c->requests);
    pr_engine_free(c->engine);
    pr_prompter_free(c->prompter);
    pr_checkpoint_free(c->checkpoint);
}

enum pr_code pr_expect_compute(const char *dir, const struct pr_deploy_settings *s,
    const struct pr_suite *suite, const atomic_bool *stop, json_t **ret, struct pr_error *e)
{
    struct computing c = {.stop = stop};
    const struct pr_engine_options engine = {0};
    const struct pr_prompt_options prompt = {.template_vars = s->template_vars};
    json_t *list = json_array();
    struct pr_run run = {.progress = watch, .ctx = &c};
    enum pr_code code = open_text(dir, s, true, &c.checkpoint, e);
    if (!code)
        code = pr_prompter_new(c.checkpoint, &prompt, &c.prompter, e);
    if (!code)
        code = collect(&c, s, suite, e);
    if (!code && c.n)
        code = pr_engine_new(c.checkpoint, &engine, &c.engine, e);
    if (!code && c.n)
        code = pr_engine_run(c.engine, c.requests, c.n, &run, e);
    if (!code)
        code = read_answers(&c, s, list, e);
    computing_done(&c);
    if (!code)
        code = pr_expect_shape(dir, s, list, e);
    if (code)
        json_decref(list);
    else
        *ret = list;
    return code;
}
