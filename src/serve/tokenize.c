/* POST /tokenize and /detokenize: the model's tokens of a text, and back. */
#include <string.h>

#include "base/alloc.h"
#include "serve/request_parts.h"
#include "serve/server_internal.h"

#define MOST_TEXT ((size_t)64 << 20)

/* What came, as far as its kind goes. */
struct asked {
    json_t *body;
    struct pr_serve_request parts; /* messages */
    const char *text;
    size_t n;
};

static bool refuse(struct pr_serve_error *e, const char *param, const char *why)
{
    pr_serve_refuse(e, 400, "invalid_value", param, "%s", why);
    return false;
}

/* The body as an object with no other keys than those; NULL: e says why. */
static json_t *read_body(
    const char *body, size_t n, const char *const *known, struct pr_serve_error *e)
{
    struct pr_error why;
    json_t *o, *v;
    const char *key;
    if (pr_json_parse(body, n, PR_JSON_STRICT, "the body", &o, NULL, &why)) {
        pr_serve_refuse(e, 400, NULL, NULL, "the request is no JSON: %.400s", why.message);
        return NULL;
    }
    bool ok = json_is_object(o) || refuse(e, NULL, "the request is no JSON object");
    json_object_foreach (o, key, v) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i] && ok) {
            pr_serve_refuse(e, 400, "unknown_parameter", key, "'%.80s' is not known here", key);
            ok = false;
        }
    }
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

static bool read_asked(struct asked *a, struct pr_serve_error *e)
{
    const json_t *text = json_object_get(a->body, "text"),
                 *prompt = json_object_get(a->body, "prompt"),
                 *messages = json_object_get(a->body, "messages"),
                 *special = json_object_get(a->body, "add_special_tokens");
    if ((text != NULL) + (prompt != NULL) + (messages != NULL) != 1)
        return refuse(e, "text", "one of 'text', 'prompt' and 'messages' is needed");
    if (special && !json_is_boolean(special))
        return refuse(e, "add_special_tokens", "'add_special_tokens' is true or false");
    if (json_is_true(special))
        return refuse(e, "add_special_tokens",
            "'add_special_tokens': none are added here, as to the prompts of completions");
    if (messages)
        return pr_serve_read_messages(&a->parts, "messages", messages, e);
    text = text ? text : prompt;
    if (!json_is_string(text))
        return refuse(e, "text", "the text is not a text");
    a->text = json_string_value(text);
    a->n = json_string_length(text);
    return true;
}

static bool is_right_model(
    const struct pr_serve_loaded *l, const json_t *body, struct pr_serve_error *e)
{
    const char *name = json_string_value(json_object_get(body, "model"));
    return !name || pr_serve_is_named(l, name, e);
}

static bool put_ids(const struct pr_serve_loaded *l, const struct asked *a, struct pr_ids *ids,
    struct pr_serve_error *e)
{
    const struct pr_prompter *p = pr_serve_model_prompter(l->model);
    struct pr_str turns = PR_STR_INIT(MOST_TEXT);
    struct pr_error why;
    enum pr_code code = PR_OK;
    const char *text = a->text;
    size_t n = a->n;
    if (!text) {
        code = pr_prompter_render_turns(p, a->parts.messages, NULL, &turns, &why);
        text = pr_str_cstr(&turns);
        n = turns.len;
    }
    if (!code)
        code = pr_tokenizer_encode(pr_prompter_tokenizer(p), text, n, ids, &why);
    if (code)
        pr_serve_refuse(e, 400, NULL, a->text ? "text" : "messages", "%.400s", why.message);
    pr_str_done(&turns);
    return !code;
}

static json_t *tokens_json(const struct pr_serve_loaded *l, const struct pr_ids *ids)
{
    json_t *o = json_object(), *list = json_array();
    for (size_t i = 0; i < ids->n; i++)
        json_array_append_new(list, json_integer(ids->v[i]));
    pr_json_set(o, "tokens", list);
    pr_json_set_int(o, "count", (int64_t)ids->n);
    pr_json_set_int(o, "max_model_len", pr_serve_model_positions(l->model));
    pr_json_set_str(o, "system_fingerprint", pr_serve_model_fingerprint(l->model));
    return o;
}

void pr_serve_do_tokenize(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    static const char *const known[] = {
        "model", "text", "prompt", "messages", "add_special_tokens", NULL};
    struct pr_serve_loaded *l = pr_serve_take(pr_serve_exchange_server(x));
    struct asked a = {.body = NULL};
    struct pr_ids ids = {0};
    struct pr_serve_error e;
    (void)h;
    a.body = read_body(body, n, known, &e);
    bool ok =
        a.body && is_right_model(l, a.body, &e) && read_asked(&a, &e) && put_ids(l, &a, &ids, &e);
    const char *fingerprint = pr_serve_model_fingerprint(l->model);
    if (ok)
        pr_serve_answer_json(x, 200, fingerprint, tokens_json(l, &ids));
    else
        pr_serve_answer_error(x, fingerprint, &e);
    pr_ids_done(&ids);
    pr_serve_request_done(&a.parts);
    json_decref(a.body);
    pr_serve_give_back(l, 0);
}

static bool read_ids(const struct pr_serve_loaded *l, const json_t *body, struct pr_ids *ids,
    struct pr_serve_error *e)
{
    const json_t *list = json_object_get(body, "tokens"), *v;
    size_t i;
    if (!json_is_array(list))
        return refuse(e, "tokens", "'tokens' is a list of token ids");
    json_array_foreach (list, i, v) {
        json_int_t id = json_is_integer(v) ? json_integer_value(v) : -1;
        if (id < 0 || id >= (json_int_t)pr_serve_model_vocab(l->model)) {
            pr_serve_refuse(e, 400, "invalid_value", "tokens",
                "'tokens' at place %zu: whole numbers from 0 to %u are token ids", i,
                pr_serve_model_vocab(l->model) - 1);
            return false;
        }
        pr_ids_push(ids, (int32_t)id);
    }
    return true;
}

void pr_serve_do_detokenize(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    static const char *const known[] = {"model", "tokens", NULL};
    struct pr_serve_loaded *l = pr_serve_take(pr_serve_exchange_server(x));
    const struct pr_tokenizer *t = pr_prompter_tokenizer(pr_serve_model_prompter(l->model));
    struct pr_ids ids = {0};
    struct pr_str text = PR_STR_INIT(MOST_TEXT);
    struct pr_serve_error e;
    struct pr_error why;
    (void)h;
    json_t *o = read_body(body, n, known, &e);
    bool ok = o && is_right_model(l, o, &e) && read_ids(l, o, &ids, &e);
    if (ok && pr_tokenizer_decode(t, ids.v, ids.n, false, &text, &why)) {
        pr_serve_refuse(&e, 400, NULL, "tokens", "%.400s", why.message);
        ok = false;
    }
    const char *fingerprint = pr_serve_model_fingerprint(l->model);
    if (ok) {
        json_t *ret = json_object();
        pr_json_set_strn(ret, "prompt", pr_str_cstr(&text), text.len);
        pr_json_set_str(ret, "system_fingerprint", fingerprint);
        pr_serve_answer_json(x, 200, fingerprint, ret);
    } else {
        pr_serve_answer_error(x, fingerprint, &e);
    }
    pr_str_done(&text);
    pr_ids_done(&ids);
    json_decref(o);
    pr_serve_give_back(l, 0);
}
