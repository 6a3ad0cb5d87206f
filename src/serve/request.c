/* A request's fields, by a table. */
#include "serve/request.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/head.h"
#include "serve/request_parts.h"

#define INVALID "invalid_request_error"

void pr_serve_refuse(
    struct pr_serve_error *e, int status, const char *code, const char *param, const char *fmt, ...)
{
    va_list ap;
    *e = (struct pr_serve_error){.status = status,
        .type = status == 401   ? "authentication_error"
                : status == 429 ? "rate_limit_error"
                : status >= 500 ? "server_error"
                                : INVALID,
        .code = code};
    snprintf(e->param, sizeof e->param, "%s", param ? param : "");
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
}

json_t *pr_serve_error_json(const struct pr_serve_error *e)
{
    json_t *o = json_object(), *error = json_object();
    pr_json_set_str(error, "message", e->message);
    pr_json_set_str(error, "type", e->type);
    pr_json_set(error, "param", *e->param ? json_string(e->param) : json_null());
    pr_json_set(error, "code", e->code ? json_string(e->code) : json_null());
    pr_json_set(o, "error", error);
    return o;
}

/* ---- values ---- */

static bool wrong_type(struct pr_serve_error *e, const char *name, const char *expected)
{
    pr_serve_refuse(e, 400, "invalid_type", name, "'%s': %s was expected", name, expected);
    return false;
}

static bool real_in(
    const json_t *v, const char *name, double lo, double hi, double *ret, struct pr_serve_error *e)
{
    double x = json_number_value(v);
    if (!json_is_number(v))
        return wrong_type(e, name, "a number");
    if (!(x >= lo && x <= hi)) {
        pr_serve_refuse(e, 400, "invalid_value", name, "'%s' is %g: from %g to %g is possible",
            name, x, lo, hi);
        return false;
    }
    *ret = x;
    return true;
}

static bool int_in(const json_t *v, const char *name, int64_t lo, int64_t hi, int64_t *ret,
    struct pr_serve_error *e)
{
    int64_t x = json_integer_value(v);
    if (!json_is_integer(v))
        return wrong_type(e, name, "a whole number");
    if (x < lo || x > hi) {
        pr_serve_refuse(e, 400, "invalid_value", name,
            "'%s' is %lld: from %lld to %lld is possible", name, (long long)x, (long long)lo,
            (long long)hi);
        return false;
    }
    *ret = x;
    return true;
}

static bool bool_of(const json_t *v, const char *name, bool *ret, struct pr_serve_error *e)
{
    if (!json_is_boolean(v))
        return wrong_type(e, name, "true or false");
    *ret = json_is_true(v);
    return true;
}

/* ---- fields ---- */

typedef bool read_fn(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e);

static bool read_model(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
        return wrong_type(e, name, "a model's name");
    r->model = pr_strdup(json_string_value(v));
    return true;
}

static bool read_max_tokens(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    return int_in(v, name, 1, INT32_MAX, &r->max_tokens, e);
}

static bool read_n(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    int64_t n = 1;
    bool ok = int_in(v, name, 1, PR_SERVE_MAX_CHOICES, &n, e);
    r->n = (size_t)n;
    return ok;
}

static bool read_stream(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    return bool_of(v, name, &r->stream, e);
}

static bool read_stream_options(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    const char *key;
    json_t *x;
    if (!json_is_object(v))
        return wrong_type(e, name, "an object");
    json_object_foreach ((json_t *)(uintptr_t)v, key, x) {
        if (strcmp(key, "include_usage") != 0 && strcmp(key, "include_obfuscation") != 0) {
            pr_serve_refuse(e, 400, "unknown_parameter", name,
                "'stream_options.%.40s' is not known (known: include_usage)", key);
            return false;
        }
        if (!strcmp(key, "include_usage") && !json_is_null(x) &&
            !bool_of(x, "stream_options.include_usage", &r->include_usage, e))
            return false;
    }
    return true;
}

static bool read_temperature(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    return real_in(v, name, 0, 2, &r->sampling.temperature, e);
}

static bool read_top_p(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    if (!real_in(v, name, 0, 1, &r->sampling.top_p, e))
        return false;
    if (r->sampling.top_p > 0)
        return true;
    r->sampling.top_p = 1e-9; /* of the API: the likeliest alone; ours: no limit */
    return true;
}

static bool read_top_k(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    int64_t k = 0;
    bool ok = int_in(v, name, -1, INT32_MAX, &k, e); /* −1 is vLLM's "all" */
    r->sampling.top_k = k > 0 ? (uint32_t)k : 0;
    return ok;
}

static bool read_min_p(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    return real_in(v, name, 0, 1, &r->sampling.min_p, e);
}

static bool read_seed(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    int64_t seed = 0;
    r->has_seed = int_in(v, name, INT64_MIN, INT64_MAX, &seed, e);
    r->sampling.seed = (uint64_t)seed;
    return r->has_seed;
}

/* Of a chat true or false, of a completion how many of the likeliest. */
static bool read_logprobs(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    int64_t n = 0;
    if (r->kind == PR_SERVE_CHAT)
        return bool_of(v, name, &r->logprobs, e);
    r->logprobs = int_in(v, name, 0, PR_MAX_TOP, &n, e);
    r->top_logprobs = (uint32_t)n;
    return r->logprobs;
}

static bool read_top_logprobs(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    int64_t n = 0;
    bool ok = int_in(v, name, 0, PR_MAX_TOP, &n, e);
    r->top_logprobs = (uint32_t)n;
    return ok;
}

/* Variables of the chat template, as vLLM names them: {"enable_thinking": false}. */
static bool read_template_vars(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    static const char *const ours[] = {"messages", "add_generation_prompt", "tools"};
    if (!json_is_object(v))
        return wrong_type(e, name, "an object");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (json_object_get(v, ours[i])) {
            pr_serve_refuse(e, 400, "invalid_value", name,
                "'chat_template_kwargs.%s' is given by the request itself", ours[i]);
            return false;
        }
    r->template_vars = json_incref((json_t *)(uintptr_t)v);
    return true;
}

/* What asks for nothing: it is there, and may be this. */
static bool read_nothing(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    (void)r, (void)name, (void)v, (void)e;
    return true;
}

/* A field that is not supported may say what holds anyway. */
static bool read_unsupported(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    const char *type = json_string_value(json_object_get(v, "type")), *word = json_string_value(v);
    bool holds = json_is_false(v) || (json_is_number(v) && json_number_value(v) == 0) ||
                 (json_is_array(v) && !json_array_size(v)) ||
                 (json_is_object(v) && !json_object_size(v)) || (type && !strcmp(type, "text")) ||
                 (word && (!*word || !strcmp(word, "none") || !strcmp(word, "auto")));
    (void)r;
    if (!holds)
        pr_serve_refuse(e, 400, "unsupported_parameter", name,
            "'%s' is not supported here; leave it out", name);
    return holds;
}

static bool read_one(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    (void)r;
    int64_t n = 0;
    return int_in(v, name, 1, 1, &n, e);
}

enum { CHAT = 1 << PR_SERVE_CHAT, TEXT = 1 << PR_SERVE_COMPLETION };
static const struct field {
    const char *name;
    unsigned kinds;
    read_fn *read;
} fields[] = {{"model", CHAT | TEXT, read_model}, {"messages", CHAT, pr_serve_read_messages},
    {"prompt", TEXT, pr_serve_read_prompt}, {"max_tokens", CHAT | TEXT, read_max_tokens},
    {"max_completion_tokens", CHAT, read_max_tokens}, {"n", CHAT | TEXT, read_n},
    {"stream", CHAT | TEXT, read_stream}, {"stream_options", CHAT | TEXT, read_stream_options},
    {"stop", CHAT | TEXT, pr_serve_read_stop}, {"temperature", CHAT | TEXT, read_temperature},
    {"top_p", CHAT | TEXT, read_top_p}, {"top_k", CHAT | TEXT, read_top_k},
    {"min_p", CHAT | TEXT, read_min_p}, {"seed", CHAT | TEXT, read_seed},
    {"logprobs", CHAT | TEXT, read_logprobs}, {"top_logprobs", CHAT, read_top_logprobs},
    {"chat_template_kwargs", CHAT, read_template_vars}, {"user", CHAT | TEXT, read_nothing},
    {"metadata", CHAT | TEXT, read_nothing}, {"store", CHAT | TEXT, read_unsupported},
    {"frequency_penalty", CHAT | TEXT, read_unsupported},
    {"presence_penalty", CHAT | TEXT, read_unsupported},
    {"logit_bias", CHAT | TEXT, read_unsupported}, {"tools", CHAT, read_unsupported},
    {"tool_choice", CHAT, read_unsupported}, {"parallel_tool_calls", CHAT, read_nothing},
    {"functions", CHAT, read_unsupported}, {"function_call", CHAT, read_unsupported},
    {"response_format", CHAT | TEXT, read_unsupported}, {"modalities", CHAT, read_nothing},
    {"service_tier", CHAT | TEXT, read_nothing}, {"reasoning_effort", CHAT, read_unsupported},
    {"suffix", TEXT, read_unsupported}, {"echo", TEXT, read_unsupported},
    {"best_of", TEXT, read_one}};

static const struct field *field_of(enum pr_serve_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if ((fields[i].kinds & 1U << kind) && !strcmp(fields[i].name, name))
            return &fields[i];
    return NULL;
}

/* ---- the whole ---- */

static bool check_whole(const struct pr_serve_request *r, struct pr_serve_error *e)
{
    const char *missing = !r->model                                         ? "model"
                          : r->kind == PR_SERVE_CHAT && !r->messages        ? "messages"
                          : r->kind == PR_SERVE_COMPLETION && !r->n_prompts ? "prompt"
                                                                            : NULL;
    if (missing)
        pr_serve_refuse(e, 400, "missing_required_parameter", missing, "'%s' is missing", missing);
    else if (r->kind == PR_SERVE_CHAT && r->top_logprobs && !r->logprobs)
        pr_serve_refuse(e, 400, "invalid_value", "top_logprobs",
            "'top_logprobs' takes 'logprobs': true beside it");
    else if (r->include_usage && !r->stream)
        pr_serve_refuse(e, 400, "invalid_value", "stream_options",
            "'stream_options' takes 'stream': true beside it");
    else if (r->n_prompts * r->n > PR_SERVE_MAX_CHOICES)
        pr_serve_refuse(e, 400, "invalid_value", "n", "%zu answers are asked for, at most %d",
            r->n_prompts * r->n, PR_SERVE_MAX_CHOICES);
    else
        return true;
    return false;
}

/* In the order of the table: max_completion_tokens counts where both are there. */
static bool read_fields(struct pr_serve_request *r, const json_t *body, struct pr_serve_error *e)
{
    const char *name;
    json_t *v;
    json_object_foreach ((json_t *)(uintptr_t)body, name, v) {
        if (field_of(r->kind, name))
            continue;
        pr_serve_refuse(e, 400, "unknown_parameter", name, "'%.80s' is not known here", name);
        return false;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *f = &fields[i];
        v = f->kinds & 1U << r->kind ? json_object_get(body, f->name) : NULL;
        if (v && !json_is_null(v) && !f->read(r, f->name, v, e)) /* null: the default */
            return false;
    }
    return check_whole(r, e);
}

bool pr_serve_request_read(enum pr_serve_kind kind, const char *body, size_t n,
    struct pr_serve_request *ret, struct pr_serve_error *e)
{
    struct pr_error why;
    json_t *o = NULL;
    *ret = (struct pr_serve_request){
        .kind = kind, .n = 1, .max_tokens = -1, .sampling = {.temperature = 1}};
    if (kind == PR_SERVE_COMPLETION)
        ret->max_tokens = 16; /* the API's default */
    if (pr_json_parse(body, n, PR_JSON_STRICT, "the body", &o, NULL, &why)) {
        pr_serve_refuse(e, 400, NULL, NULL, "the request is no JSON: %.400s", why.message);
        return false;
    }
    bool ok = json_is_object(o);
    if (!ok)
        pr_serve_refuse(e, 400, NULL, NULL, "the request is no JSON object");
    else
        ok = read_fields(ret, o, e);
    json_decref(o);
    if (!ok) {
        pr_serve_request_done(ret);
        *ret = (struct pr_serve_request){0};
    }
    return ok;
}

void pr_serve_request_done(struct pr_serve_request *r)
{
    pr_free(r->model);
    json_decref(r->messages);
    json_decref(r->template_vars);
    for (size_t i = 0; i < r->n_prompts; i++) {
        pr_free(r->prompts[i].text);
        pr_free(r->prompts[i].ids);
    }
    pr_free(r->prompts);
    for (size_t i = 0; i < r->n_stop; i++)
        pr_free(r->stop[i]);
}
