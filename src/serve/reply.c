/* Documents and chunks of the OpenAI API. */
#include "serve/reply.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

#define MAX_TEXT ((size_t)64 << 20)

/* What there is of a choice, for a whole document. */
struct part {
    struct pr_str text;
    json_t *logprobs; /* an array, or of a completion an object of arrays; NULL: not wanted */
    const char *finish;
    bool begun;    /* a stream's first chunk, with the role, was sent */
    size_t offset; /* characters so far: a completion's text_offset counts them */
};

struct pr_serve_reply {
    struct pr_serve_reply_of of;
    struct part *v; /* (n_choices) */
};

static bool is_chat(const struct pr_serve_reply *r)
{
    return r->of.request->kind == PR_SERVE_CHAT;
}

struct pr_serve_reply *pr_serve_reply_new(const struct pr_serve_reply_of *of)
{
    struct pr_serve_reply *r = pr_zalloc(sizeof *r);
    r->of = *of;
    r->v = pr_zalloc((of->n_choices + 1) * sizeof *r->v);
    for (size_t i = 0; i < of->n_choices; i++)
        r->v[i].text = (struct pr_str)PR_STR_INIT(MAX_TEXT);
    return r;
}

void pr_serve_reply_free(struct pr_serve_reply *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->of.n_choices; i++) {
        pr_str_done(&r->v[i].text);
        json_decref(r->v[i].logprobs);
    }
    pr_free(r->v);
    pr_free(r);
}

/* ---- log-probabilities ---- */

static void token_text(const struct pr_serve_reply *r, int32_t id, struct pr_str *text)
{
    struct pr_error ignored;
    if (pr_tokenizer_decode(r->of.tokenizer, &id, 1, false, text, &ignored))
        pr_str_clear(text);
}

/* −inf has no number in JSON; the API's clients know −9999 for it. */
static json_t *logprob(float x)
{
    return json_real(isfinite(x) ? (double)x : -9999.0);
}

static json_t *bytes_of(const struct pr_str *text)
{
    json_t *list = json_array();
    for (size_t i = 0; i < text->len; i++)
        json_array_append_new(list, json_integer((unsigned char)text->data[i]));
    return list;
}

static json_t *chat_token(const struct pr_serve_reply *r, int32_t id, float x)
{
    json_t *o = json_object();
    struct pr_str text = PR_STR_INIT(1 << 16);
    token_text(r, id, &text);
    pr_json_set_strn(o, "token", pr_str_cstr(&text), text.len);
    pr_json_set(o, "logprob", logprob(x));
    pr_json_set(o, "bytes", bytes_of(&text));
    pr_str_done(&text);
    return o;
}

static json_t *chat_logprobs(
    const struct pr_serve_reply *r, const struct pr_serve_token *tokens, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = chat_token(r, tokens[i].id, tokens[i].logprob), *top = json_array();
        for (size_t k = 0; k < tokens[i].n_top; k++)
            json_array_append_new(top, chat_token(r, tokens[i].top[k].id, tokens[i].top[k].logit));
        pr_json_set(o, "top_logprobs", top);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *likeliest(const struct pr_serve_reply *r, const struct pr_serve_token *t)
{
    json_t *o = json_object();
    for (size_t k = 0; k < t->n_top; k++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        token_text(r, t->top[k].id, &text);
        if (!json_object_get(o, pr_str_cstr(&text))) /* two tokens may have one text */
            pr_json_set(o, pr_str_cstr(&text), logprob(t->top[k].logit));
        pr_str_done(&text);
    }
    return o;
}

static size_t characters(const struct pr_str *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += (text->data[i] & 0xc0) != 0x80;
    return n;
}

static json_t *completion_logprobs(
    const struct pr_serve_reply *r, struct part *p, const struct pr_serve_token *tokens, size_t n)
{
    json_t *o = json_object(), *texts = json_array(), *numbers = json_array(),
           *offsets = json_array(), *top = json_array();
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        token_text(r, tokens[i].id, &text);
        json_array_append_new(texts, json_stringn(pr_str_cstr(&text), text.len));
        json_array_append_new(numbers, logprob(tokens[i].logprob));
        json_array_append_new(offsets, json_integer((json_int_t)p->offset));
        json_array_append_new(top, likeliest(r, &tokens[i]));
        p->offset += characters(&text);
        pr_str_done(&text);
    }
    pr_json_set(o, "tokens", texts);
    pr_json_set(o, "token_logprobs", numbers);
    pr_json_set(o, "text_offset", offsets);
    pr_json_set(o, "top_logprobs", top);
    return o;
}

static json_t *logprobs_of(
    const struct pr_serve_reply *r, struct part *p, const struct pr_serve_token *tokens, size_t n)
{
    if (!r->of.request->logprobs)
        return NULL;
    return is_chat(r) ? chat_logprobs(r, tokens, n) : completion_logprobs(r, p, tokens, n);
}

/* more is stolen. */
static void add_logprobs(struct part *p, json_t *more)
{
    const char *key;
    json_t *list;
    if (!p->logprobs) {
        p->logprobs = more;
        return;
    }
    if (json_is_array(more))
        json_array_extend(p->logprobs, more);
    else
        json_object_foreach (more, key, list)
            json_array_extend(json_object_get(p->logprobs, key), list);
    json_decref(more);
}

/* list is stolen; NULL: null. */
static void set_logprobs(const struct pr_serve_reply *r, json_t *choice, json_t *list)
{
    json_t *o = list;
    if (list && is_chat(r)) {
        o = json_object();
        pr_json_set(o, "content", list);
        pr_json_set(o, "refusal", json_null());
    }
    pr_json_set(choice, "logprobs", o ? o : json_null());
}

/* ---- documents ---- */

static json_t *envelope(const struct pr_serve_reply *r, bool chunk)
{
    json_t *o = json_object();
    pr_json_set_str(o, "id", r->of.id);
    pr_json_set_str(o, "object",
        !is_chat(r) ? "text_completion"
        : chunk     ? "chat.completion.chunk"
                    : "chat.completion");
    pr_json_set_int(o, "created", r->of.created_s);
    pr_json_set_str(o, "model", r->of.model);
    pr_json_set_str(o, "system_fingerprint", r->of.fingerprint);
    return o;
}

static json_t *usage_json(const struct pr_serve_usage *u)
{
    json_t *o = json_object(), *details = json_object();
    pr_json_set_int(o, "prompt_tokens", (int64_t)u->prompt);
    pr_json_set_int(o, "completion_tokens", (int64_t)u->completion);
    pr_json_set_int(o, "total_tokens", (int64_t)(u->prompt + u->completion));
    pr_json_set_int(details, "cached_tokens", (int64_t)u->cached);
    pr_json_set(o, "prompt_tokens_details", details);
    return o;
}

static json_t *choice_json(const struct pr_serve_reply *r, size_t i)
{
    struct part *p = &r->v[i];
    json_t *o = json_object(), *message = json_object();
    pr_json_set_int(o, "index", (int64_t)i);
    if (is_chat(r)) {
        pr_json_set_str(message, "role", "assistant");
        pr_json_set_strn(message, "content", pr_str_cstr(&p->text), p->text.len);
        pr_json_set(message, "refusal", json_null());
        pr_json_set(o, "message", message);
    } else {
        json_decref(message);
        pr_json_set_strn(o, "text", pr_str_cstr(&p->text), p->text.len);
    }
    set_logprobs(r, o, json_incref(p->logprobs));
    pr_json_set(o, "finish_reason", p->finish ? json_string(p->finish) : json_null());
    return o;
}

/* ---- a stream ---- */

static void put_event(const json_t *o, struct pr_str *out)
{
    pr_str_puts(out, "data: ");
    pr_json_dump(o, 0, 0, out);
    pr_str_puts(out, "\n\n");
}

/* A chunk of one choice; usage is null in each but the last where it is wanted. */
static void put_chunk(const struct pr_serve_reply *r, json_t *choice, struct pr_str *out)
{
    json_t *o = envelope(r, true), *choices = json_array();
    json_array_append_new(choices, choice);
    pr_json_set(o, "choices", choices);
    if (r->of.request->include_usage)
        pr_json_set(o, "usage", json_null());
    put_event(o, out);
    json_decref(o);
}

/* text NULL: nothing comes but the finish. */
static json_t *chunk_choice(const struct pr_serve_reply *r, size_t i, const char *text, size_t n,
    json_t *logprobs, const char *finish)
{
    json_t *o = json_object(), *delta = json_object();
    pr_json_set_int(o, "index", (int64_t)i);
    if (is_chat(r)) {
        if (!r->v[i].begun)
            pr_json_set_str(delta, "role", "assistant");
        if (text || !r->v[i].begun)
            pr_json_set_strn(delta, "content", text ? text : "", n);
        pr_json_set(o, "delta", delta);
        r->v[i].begun = true;
    } else {
        json_decref(delta);
        pr_json_set_strn(o, "text", text ? text : "", n);
    }
    set_logprobs(r, o, logprobs);
    pr_json_set(o, "finish_reason", finish ? json_string(finish) : json_null());
    return o;
}

/* ---- as it comes ---- */

void pr_serve_reply_piece(struct pr_serve_reply *r, size_t choice, const char *text, size_t n,
    const struct pr_serve_token *tokens, size_t n_tokens, struct pr_str *out)
{
    struct part *p = &r->v[choice];
    json_t *logprobs = logprobs_of(r, p, tokens, n_tokens);
    if (r->of.request->stream) {
        put_chunk(r, chunk_choice(r, choice, text, n, logprobs, NULL), out);
        return;
    }
    pr_str_append(&p->text, text, n);
    if (logprobs)
        add_logprobs(p, logprobs);
}

void pr_serve_reply_choice_over(
    struct pr_serve_reply *r, size_t choice, const char *finish, struct pr_str *out)
{
    r->v[choice].finish = finish;
    if (r->of.request->stream)
        put_chunk(r, chunk_choice(r, choice, NULL, 0, NULL, finish), out);
}

void pr_serve_reply_over(
    struct pr_serve_reply *r, const struct pr_serve_usage *usage, struct pr_str *out)
{
    json_t *o = envelope(r, r->of.request->stream), *choices = json_array();
    for (size_t i = 0; i < r->of.n_choices && !r->of.request->stream; i++)
        json_array_append_new(choices, choice_json(r, i));
    pr_json_set(o, "choices", choices);
    pr_json_set(o, "usage", usage_json(usage));
    if (!r->of.request->stream) {
        pr_json_set_str(o, "numerics", r->of.numerics);
        pr_json_dump(o, 0, 0, out);
    } else {
        if (r->of.request->include_usage)
            put_event(o, out);
        pr_str_puts(out, "data: [DONE]\n\n");
    }
    json_decref(o);
}

void pr_serve_reply_error(const struct pr_serve_error *e, struct pr_str *out)
{
    json_t *o = pr_serve_error_json(e);
    put_event(o, out);
    json_decref(o);
}
