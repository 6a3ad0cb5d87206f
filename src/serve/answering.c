/* POST /v1/chat/completions and /v1/completions: from a request's body to an answer under way, and
 * from what is told of it to the exchange's bytes.
 *
 * The work is made by the thread that asks; from its start on it is the model's thread's alone,
 * also when the exchange is freed before its end: that leaves a mark, and the model's thread lets
 * it go before its next pass.  Until then its places are taken, so that clients who come and go
 * during a pass cannot pile up more than there may be. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "serve/reply.h"
#include "serve/server_internal.h"

#define MOST_TEXT ((size_t)256 << 20)

struct answering {
    struct pr_serve_exchange *x;
    struct pr_serve_loaded *loaded;
    struct pr_serve_request request;
    struct pr_serve_answer *answer;
    struct pr_serve_reply *reply;
    char id[48], fingerprint[65];
    bool begun;         /* a token came */
    struct pr_str text; /* of the calls; kept from one to the next */
};

static size_t places_of(const struct pr_serve_request *r)
{
    return r->n * (r->kind == PR_SERVE_CHAT ? 1 : r->n_prompts);
}

static void free_answering(struct answering *w)
{
    pr_serve_answer_free(w->answer); /* releases the model */
    pr_serve_give_back(w->loaded, places_of(&w->request));
    pr_serve_reply_free(w->reply);
    pr_serve_request_done(&w->request);
    pr_str_done(&w->text);
    pr_free(w);
}

/* ---- on the model's thread ---- */

static int64_t age_ns(const struct answering *w)
{
    return pr_clock_monotonic_ns() - pr_serve_exchange_begun_ns(w->x);
}

static void put_text(struct answering *w)
{
    if (w->text.len)
        pr_serve_stream_put(w->x, w->fingerprint, pr_str_cstr(&w->text), w->text.len);
    pr_str_clear(&w->text);
}

static void on_piece(void *ctx, size_t choice, const char *text, size_t n,
    const struct pr_serve_token *tokens, size_t n_tokens)
{
    struct answering *w = ctx;
    if (!w->begun)
        pr_serve_tally_first_token(&pr_serve_exchange_server(w->x)->tally, age_ns(w));
    w->begun = true;
    pr_serve_reply_piece(w->reply, choice, text, n, tokens, n_tokens, &w->text);
    put_text(w);
}

static void on_choice_over(void *ctx, size_t choice, const char *finish)
{
    struct answering *w = ctx;
    pr_serve_reply_choice_over(w->reply, choice, finish, &w->text);
    put_text(w);
}

static void refuse_end(enum pr_serve_end end, const char *why, struct pr_serve_error *e)
{
    if (end == PR_SERVE_DEADLINE)
        pr_serve_refuse(e, 504, "deadline_exceeded", NULL,
            "the answer was not ready within the time that the server gives to one");
    else if (end == PR_SERVE_BAD_NUMBER)
        pr_serve_refuse(e, 500, "bad_number", NULL,
            "NaN or infinity came up in the model's logits: its weights are damaged");
    else
        pr_serve_refuse(e, 500, "failed", NULL, "the model failed: %.400s", why ? why : "");
}

/* What the end of an answer looks like, before its work is let go. */
struct ending {
    struct pr_serve_exchange *x;
    struct pr_serve_error e;
    struct pr_str text;
    char fingerprint[65];
    bool stream, failed;
};

static void put_ending(struct ending *g)
{
    if (g->stream) {
        pr_serve_stream_put(g->x, g->fingerprint, pr_str_cstr(&g->text), g->text.len);
        pr_serve_stream_over(g->x, g->failed ? g->e.status : 200);
    } else if (g->failed) {
        pr_serve_answer_error(g->x, g->fingerprint, &g->e);
    } else {
        pr_serve_answer_text(
            g->x, 200, g->fingerprint, PR_SERVE_JSON, pr_str_cstr(&g->text), g->text.len);
    }
    pr_str_done(&g->text);
}

/* The place is free before the client can know that its answer is over. */
static void on_over(void *ctx, enum pr_serve_end end, const char *why)
{
    struct answering *w = ctx;
    struct ending g = {.x = w->x, .text = PR_STR_INIT(MOST_TEXT), .failed = end != PR_SERVE_DONE};
    struct pr_serve_usage usage;
    if (!pr_serve_exchange_end_work(w->x)) {
        free_answering(w);
        pr_str_done(&g.text);
        pr_serve_exchange_let_go(g.x);
        return;
    }
    snprintf(g.fingerprint, sizeof g.fingerprint, "%s", w->fingerprint);
    g.stream = w->request.stream && (!g.failed || pr_serve_stream_begun(w->x));
    pr_serve_answer_usage(w->answer, &usage);
    if (g.failed)
        refuse_end(end, why, &g.e);
    if (!g.failed)
        pr_serve_reply_over(w->reply, &usage, &g.text);
    else if (g.stream)
        pr_serve_reply_error(&g.e, &g.text);
    if (!g.failed)
        pr_serve_tally_whole(&pr_serve_exchange_server(w->x)->tally, age_ns(w));
    free_answering(w);
    put_ending(&g);
    pr_serve_exchange_let_go(g.x);
}

static const struct pr_serve_calls calls = {on_piece, on_choice_over, on_over};

/* ---- on the thread that asks ---- */

static void cancel(void *work)
{
    struct answering *w = work;
    pr_serve_answer_cancel(w->answer);
}

static uint64_t draw(struct pr_serve_server *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = pr_rng_u64(&s->rng);
    pthread_mutex_unlock(&s->lock);
    return n;
}

static struct pr_serve_reply *make_reply(struct answering *w)
{
    const struct pr_serve_model *m = w->loaded->model;
    const struct pr_serve_reply_of of = {.request = &w->request,
        .id = w->id,
        .model = w->request.model,
        .fingerprint = w->fingerprint,
        .numerics = pr_serve_model_numerics(m),
        .tokenizer = pr_prompter_tokenizer(pr_serve_model_prompter(m)),
        .created_s = pr_clock_utc_ms() / 1000,
        .n_choices = pr_serve_answer_choices(w->answer)};
    return pr_serve_reply_new(&of);
}

static void begin(struct pr_serve_exchange *x, struct answering *w)
{
    struct pr_serve_server *s = pr_serve_exchange_server(x);
    struct pr_serve_error e;
    int64_t deadline_ns = 0;
    if (s->o.deadline_s)
        deadline_ns = pr_serve_exchange_begun_ns(x) + s->o.deadline_s * INT64_C(1000000000);
    snprintf(
        w->fingerprint, sizeof w->fingerprint, "%s", pr_serve_model_fingerprint(w->loaded->model));
    snprintf(w->id, sizeof w->id, "%s-%016llx%08llx",
        w->request.kind == PR_SERVE_CHAT ? "chatcmpl" : "cmpl", (unsigned long long)draw(s),
        (unsigned long long)(draw(s) >> 32));
    if (!pr_serve_answer_new(
            w->loaded->model, &w->request, draw(s), deadline_ns, &calls, w, &w->answer, &e)) {
        char fingerprint[65];
        snprintf(fingerprint, sizeof fingerprint, "%s", w->fingerprint);
        free_answering(w);
        pr_serve_answer_error(x, fingerprint, &e);
        return;
    }
    w->reply = make_reply(w);
    pr_serve_exchange_keep(x);
    pr_serve_exchange_set_work(x, w, cancel);
    pr_serve_answer_start(w->answer); /* it may be over already when this returns */
}

static void answer(struct pr_serve_exchange *x, enum pr_serve_kind kind, const char *body, size_t n)
{
    struct answering *w = pr_zalloc(sizeof *w);
    struct pr_serve_error e;
    w->x = x;
    w->text = PR_STR_INIT(MOST_TEXT);
    if (pr_serve_request_read(kind, body, n, &w->request, &e)) {
        w->loaded = pr_serve_take_places(
            pr_serve_exchange_server(x), w->request.model, places_of(&w->request), &e);
        if (w->loaded) {
            begin(x, w);
            return;
        }
        pr_serve_request_done(&w->request);
    }
    pr_free(w);
    pr_serve_answer_error(x, NULL, &e);
}

void pr_serve_do_chat(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    (void)h;
    answer(x, PR_SERVE_CHAT, body, n);
}

void pr_serve_do_completion(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    (void)h;
    answer(x, PR_SERVE_COMPLETION, body, n);
}
