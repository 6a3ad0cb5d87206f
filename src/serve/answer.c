/* An answer's choices: sequences of the batcher, and their text. */
#include "serve/answer.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"

#define MAX_TEXT ((size_t)64 << 20)

struct choice {
    struct pr_serve_answer *a;
    size_t index;
    struct pr_live live;
    struct pr_serve_text text;
    struct pr_serve_token *tokens; /* since the last piece; wanted where the request says so */
    size_t n_tokens, cap_tokens;
    bool alive;   /* the batcher has it */
    bool stopped; /* by a stop text */
    bool failed;  /* its text could not be made */
};

struct pr_serve_answer {
    struct pr_serve_model *m;
    const struct pr_serve_request *r;
    int64_t deadline_ns;
    const struct pr_serve_calls *calls;
    void *ctx;
    struct pr_ids *prompts; /* (n_prompts) */
    size_t n_prompts;
    struct choice *v; /* (n): those of the first prompt, then of the next */
    size_t n, n_alive;
    bool bad_number, failed;
    atomic_bool cancelled; /* by whoever asked, at any moment */
    size_t n_completion, n_cached;
};

/* ---- on the model's thread ---- */

static void tell_piece(struct choice *c, const struct pr_str *text)
{
    if (!text->len && !c->n_tokens)
        return;
    c->a->calls->piece(c->a->ctx, c->index, pr_str_cstr(text), text->len, c->tokens, c->n_tokens);
    c->n_tokens = 0;
}

static void keep_token(struct choice *c, const struct pr_live_token *t)
{
    struct pr_serve_token x = {.id = t->id, .logprob = t->logprob, .n_top = t->n_top};
    memcpy(x.top, t->top, t->n_top * sizeof *x.top);
    PR_PUSH(c->tokens, c->n_tokens, c->cap_tokens, x);
}

static bool ends(const struct pr_live *l, int32_t id)
{
    for (size_t i = 0; i < l->n_stop; i++)
        if (l->stop[i] == id)
            return true;
    return false;
}

static bool on_token(void *ctx, const struct pr_live_token *t)
{
    struct choice *c = ctx;
    struct pr_str out = PR_STR_INIT(MAX_TEXT);
    struct pr_error e;
    bool goes_on = true;
    c->a->n_completion++;
    if (ends(&c->live, t->id))
        return true; /* its text is none */
    if (c->a->r->logprobs)
        keep_token(c, t);
    c->failed = pr_serve_text_add(&c->text, t->id, &out, &goes_on, &e);
    c->stopped = c->text.stopped;
    if (out.len) /* tokens whose text is still held back come with it */
        tell_piece(c, &out);
    pr_str_done(&out);
    return goes_on && !c->failed;
}

static void on_over(void *ctx, struct pr_live *l)
{
    struct choice *c = ctx;
    struct pr_serve_answer *a = c->a;
    struct pr_str out = PR_STR_INIT(MAX_TEXT);
    struct pr_error e;
    c->alive = false;
    a->n_alive--;
    a->bad_number |= l->bad_number;
    if (c->index % a->r->n == 0) /* once a prompt, as its tokens are counted */
        a->n_cached += l->n_cached;
    a->failed |= c->failed || pr_serve_text_end(&c->text, &out, &e);
    if (!a->bad_number && !a->failed) {
        tell_piece(c, &out);
        a->calls->choice_over(
            a->ctx, c->index, !c->stopped && l->finish == PR_FINISH_LENGTH ? "length" : "stop");
    }
    pr_str_done(&out);
}

static const struct pr_live_calls live_calls = {on_token, on_over};

void pr_serve_answer_begin(struct pr_serve_answer *a, struct pr_batcher *b)
{
    struct pr_error e;
    for (size_t i = 0; i < a->n; i++) {
        struct choice *c = &a->v[i];
        c->alive = !pr_batcher_add(b, &c->live, &e);
        a->n_alive += c->alive;
        a->failed |= !c->alive; /* it was checked before: memory is short */
    }
}

void pr_serve_answer_end(
    struct pr_serve_answer *a, struct pr_batcher *b, enum pr_serve_end end, const char *why)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].alive) {
            pr_batcher_cancel(b, &a->v[i].live);
            a->v[i].alive = false;
        }
    a->n_alive = 0;
    a->calls->over(a->ctx, end, why);
}

int64_t pr_serve_answer_deadline(const struct pr_serve_answer *a)
{
    return a->deadline_ns;
}

bool pr_serve_answer_is_over(const struct pr_serve_answer *a, enum pr_serve_end *ret_end)
{
    *ret_end = a->bad_number ? PR_SERVE_BAD_NUMBER
               : a->failed   ? PR_SERVE_FAILED
               : !a->n_alive ? PR_SERVE_DONE
                             : PR_SERVE_CANCELLED;
    return *ret_end != PR_SERVE_CANCELLED || atomic_load(&a->cancelled);
}

/* ---- making one ---- */

static bool refuse_code(struct pr_serve_error *e, enum pr_code code, const struct pr_error *why)
{
    bool theirs = code == PR_E_TEMPLATE || code == PR_E_LIMIT || code == PR_E_FORMAT ||
                  code == PR_E_NOT_FOUND;
    pr_serve_refuse(
        e, theirs ? 400 : 500, NULL, theirs ? "messages" : NULL, "%.400s", why->message);
    return false;
}

static bool encode(struct pr_serve_answer *a, const char *text, size_t n, struct pr_ids *ids,
    struct pr_serve_error *e)
{
    struct pr_error why;
    enum pr_code code = pr_tokenizer_encode(
        pr_prompter_tokenizer(pr_serve_model_prompter(a->m)), text, n, ids, &why);
    return code ? refuse_code(e, code, &why) : true;
}

static bool make_prompt(struct pr_serve_answer *a, size_t i, struct pr_serve_error *e)
{
    const struct pr_serve_request *r = a->r;
    struct pr_ids *ids = &a->prompts[i];
    struct pr_error why;
    if (r->kind == PR_SERVE_COMPLETION && r->prompts[i].text)
        return encode(a, r->prompts[i].text, r->prompts[i].n, ids, e);
    if (r->kind == PR_SERVE_COMPLETION) {
        for (size_t k = 0; k < r->prompts[i].n; k++)
            pr_ids_push(ids, r->prompts[i].ids[k]);
        return true;
    }
    struct pr_str text = PR_STR_INIT(MAX_TEXT);
    enum pr_code code = pr_prompter_render_turns(
        pr_serve_model_prompter(a->m), r->messages, r->template_vars, &text, &why);
    bool ok = code ? refuse_code(e, code, &why) : encode(a, pr_str_cstr(&text), text.len, ids, e);
    pr_str_done(&text);
    return ok;
}

static bool check_length(
    const struct pr_serve_answer *a, const struct pr_ids *ids, struct pr_serve_error *e)
{
    size_t most = pr_serve_model_positions(a->m);
    size_t wanted = a->r->max_tokens > 0 ? (size_t)a->r->max_tokens : 1;
    const char *param = a->r->kind == PR_SERVE_CHAT ? "messages" : "prompt";
    if (ids->n && ids->n + wanted <= most)
        return true;
    if (!ids->n)
        pr_serve_refuse(e, 400, "invalid_value", param, "the prompt has no tokens");
    else
        pr_serve_refuse(e, 400, "context_length_exceeded", param,
            "the model has %zu positions; the prompt has %zu tokens, and %zu more are asked for",
            most, ids->n, wanted);
    return false;
}

static bool check_ids(
    const struct pr_serve_answer *a, const struct pr_ids *ids, struct pr_serve_error *e)
{
    int32_t size = (int32_t)pr_serve_model_vocab(a->m);
    for (size_t i = 0; i < ids->n; i++)
        if (ids->v[i] >= size) {
            pr_serve_refuse(e, 400, "invalid_value", "prompt", "token id %d: the vocabulary has %d",
                ids->v[i], size);
            return false;
        }
    return true;
}

static void make_choices(struct pr_serve_answer *a, uint64_t seed)
{
    const struct pr_serve_request *r = a->r;
    const struct pr_prompter *p = pr_serve_model_prompter(a->m);
    a->n = a->n_prompts * r->n;
    a->v = pr_zalloc(a->n * sizeof *a->v);
    for (size_t i = 0; i < a->n; i++) {
        struct choice *c = &a->v[i];
        const struct pr_ids *ids = &a->prompts[i / r->n];
        size_t room = pr_serve_model_positions(a->m) - ids->n;
        *c = (struct choice){.a = a, .index = i};
        c->live = (struct pr_live){.ids = ids->v,
            .n = ids->n,
            .max_new = r->max_tokens > 0 ? (size_t)r->max_tokens : room,
            .sampling = r->sampling,
            .top = r->logprobs ? r->top_logprobs : 0,
            .calls = &live_calls,
            .ctx = c};
        c->live.stop = pr_prompter_stops(p, &c->live.n_stop);
        c->live.sampling.seed = (r->has_seed ? r->sampling.seed : seed) + i;
        pr_serve_text_init(
            &c->text, pr_prompter_tokenizer(p), (const char *const *)r->stop, r->n_stop);
    }
}

bool pr_serve_answer_new(struct pr_serve_model *m, const struct pr_serve_request *r, uint64_t seed,
    int64_t deadline_ns, const struct pr_serve_calls *calls, void *ctx,
    struct pr_serve_answer **ret, struct pr_serve_error *e)
{
    struct pr_serve_answer *a = pr_zalloc(sizeof *a);
    bool ok = true;
    *a = (struct pr_serve_answer){
        .m = m, .r = r, .deadline_ns = deadline_ns, .calls = calls, .ctx = ctx};
    a->n_prompts = r->kind == PR_SERVE_CHAT ? 1 : r->n_prompts;
    a->prompts = pr_zalloc(a->n_prompts * sizeof *a->prompts);
    for (size_t i = 0; i < a->n_prompts && ok; i++)
        ok = make_prompt(a, i, e) && check_ids(a, &a->prompts[i], e) &&
             check_length(a, &a->prompts[i], e);
    if (!ok) {
        pr_serve_answer_free(a);
        return false;
    }
    make_choices(a, seed);
    *ret = a;
    return true;
}

void pr_serve_answer_start(struct pr_serve_answer *a)
{
    pr_serve_model_start(a->m, a);
}

void pr_serve_answer_cancel(struct pr_serve_answer *a)
{
    atomic_store(&a->cancelled, true);
}

void pr_serve_answer_free(struct pr_serve_answer *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++) {
        pr_serve_text_done(&a->v[i].text);
        pr_free(a->v[i].tokens);
    }
    for (size_t i = 0; i < a->n_prompts; i++)
        pr_ids_done(&a->prompts[i]);
    pr_free(a->prompts);
    pr_free(a->v);
    pr_serve_model_release(a->m);
    pr_free(a);
}

struct pr_serve_model *pr_serve_answer_model(const struct pr_serve_answer *a)
{
    return a->m;
}

size_t pr_serve_answer_choices(const struct pr_serve_answer *a)
{
    return a->n;
}

void pr_serve_answer_usage(const struct pr_serve_answer *a, struct pr_serve_usage *ret)
{
    *ret = (struct pr_serve_usage){.cached = a->n_cached, .completion = a->n_completion};
    for (size_t i = 0; i < a->n_prompts; i++)
        ret->prompt += a->prompts[i].n;
}
