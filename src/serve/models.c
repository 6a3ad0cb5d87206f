/* What there is to say of the model: /v1/models, /health; and POST /v1/load. */
#include <string.h>

#include "base/alloc.h"
#include "serve/server_internal.h"

static json_t *model_json(const struct pr_serve_loaded *l)
{
    json_t *o = json_object();
    pr_json_set_str(o, "id", pr_serve_name_of(l));
    pr_json_set_str(o, "object", "model");
    pr_json_set_int(o, "created", l->since_s);
    pr_json_set_str(o, "owned_by", "proctor");
    pr_json_set_int(o, "max_model_len", pr_serve_model_positions(l->model));
    pr_json_set_str(o, "checkpoint", pr_serve_model_name(l->model));
    pr_json_set_str(o, "fingerprint", pr_serve_model_fingerprint(l->model));
    pr_json_set_str(o, "numerics", pr_serve_model_numerics(l->model));
    return o;
}

void pr_serve_do_models(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    struct pr_serve_loaded *l = pr_serve_take(pr_serve_exchange_server(x));
    json_t *o = json_object(), *list = json_array();
    (void)h, (void)body, (void)n;
    json_array_append_new(list, model_json(l));
    pr_json_set_str(o, "object", "list");
    pr_json_set(o, "data", list);
    pr_serve_answer_json(x, 200, pr_serve_model_fingerprint(l->model), o);
    pr_serve_give_back(l, 0);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "Qwen%2FQwen3" as clients write a name that has a slash; false: no name. */
static bool decode(const char *text, char *ret, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        int hi = *text == '%' ? hex_digit(text[1]) : -1;
        int lo = hi >= 0 ? hex_digit(text[2]) : -1;
        ret[n++] = lo >= 0 ? (char)(hi * 16 + lo) : *text;
        text += lo >= 0 ? 2 : 0;
    }
    ret[n] = 0;
    return !*text;
}

void pr_serve_do_model(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    char name[512];
    struct pr_serve_error e;
    struct pr_serve_loaded *l = pr_serve_take(pr_serve_exchange_server(x));
    const char *fingerprint = pr_serve_model_fingerprint(l->model);
    (void)body, (void)n;
    if (!decode(h->path + strlen("/v1/models/"), name, sizeof name))
        *name = 0;
    if (pr_serve_is_named(l, name, &e))
        pr_serve_answer_json(x, 200, fingerprint, model_json(l));
    else
        pr_serve_answer_error(x, fingerprint, &e);
    pr_serve_give_back(l, 0);
}

void pr_serve_do_health(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    struct pr_serve_server *s = pr_serve_exchange_server(x);
    struct pr_serve_loaded *l = pr_serve_take(s);
    const char *fingerprint = pr_serve_model_fingerprint(l->model);
    json_t *o = json_object();
    (void)h, (void)body, (void)n;
    pthread_mutex_lock(&s->lock);
    bool draining = s->draining;
    pthread_mutex_unlock(&s->lock);
    pr_json_set_str(o, "status", draining ? "ending" : "ok");
    pr_json_set_str(o, "model", pr_serve_name_of(l));
    pr_json_set_str(o, "fingerprint", fingerprint);
    pr_json_set_str(o, "numerics", pr_serve_model_numerics(l->model));
    pr_serve_answer_json(x, draining ? 503 : 200, fingerprint, o);
    pr_serve_give_back(l, 0);
}

/* ---- POST /v1/load ---- */

struct load {
    struct pr_serve_exchange *x;
    char *dir;
};

static void refuse_load(enum pr_code code, const struct pr_error *why, struct pr_serve_error *e)
{
    static const struct {
        enum pr_code code;
        int status;
        const char *name;
    } rows[] = {{PR_E_LIMIT, 507, "not_enough_memory"}, {PR_E_MEMORY, 507, "not_enough_memory"},
        {PR_E_USAGE, 409, "already_loading"}, {PR_E_NOT_FOUND, 404, "checkpoint_not_found"},
        {PR_E_CANCELLED, 503, "shutting_down"}, {PR_E_IO, 500, "unreadable"}};
    int status = 400;
    const char *name = "bad_checkpoint";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code) {
            status = rows[i].status;
            name = rows[i].name;
        }
    pr_serve_refuse(e, status, name, "path", "%.400s", why->message);
}

static void load_and_answer(struct load *w)
{
    struct pr_serve_swapped swapped;
    struct pr_serve_error e;
    struct pr_error why;
    enum pr_code code = pr_serve_swap(pr_serve_exchange_server(w->x), w->dir, &swapped, &why);
    if (code) {
        refuse_load(code, &why, &e);
        pr_serve_answer_error(w->x, NULL, &e);
        return;
    }
    json_t *o = json_object();
    pr_json_set_str(o, "status", swapped.unchanged ? "unchanged" : "loaded");
    pr_json_set_str(o, "fingerprint", swapped.to);
    pr_json_set_str(o, "previous", swapped.from);
    pr_serve_answer_json(w->x, 200, swapped.to, o);
}

static void *load(void *ctx)
{
    struct load *w = ctx;
    struct pr_serve_server *s = pr_serve_exchange_server(w->x);
    load_and_answer(w);
    pr_serve_exchange_let_go(w->x);
    pr_free(w->dir);
    pr_free(w);
    pthread_mutex_lock(&s->lock);
    s->n_threads--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* It goes on even where who asked for it goes away. */
static void start_load(struct pr_serve_exchange *x, const char *dir)
{
    struct pr_serve_server *s = pr_serve_exchange_server(x);
    struct load *w = pr_zalloc(sizeof *w);
    struct pr_serve_error e;
    pthread_t thread;
    *w = (struct load){x, pr_strdup(dir)};
    pr_serve_exchange_keep(x);
    pthread_mutex_lock(&s->lock);
    s->n_threads++;
    pthread_mutex_unlock(&s->lock);
    if (!pthread_create(&thread, NULL, load, w)) {
        pthread_detach(thread);
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->n_threads--;
    pthread_mutex_unlock(&s->lock);
    pr_serve_refuse(&e, 500, NULL, NULL, "the system gives no further thread");
    pr_serve_answer_error(x, NULL, &e);
    pr_serve_exchange_let_go(x);
    pr_free(w->dir);
    pr_free(w);
}

void pr_serve_do_load(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    struct pr_serve_error e;
    struct pr_error why;
    json_t *o = NULL;
    const char *dir = NULL;
    (void)h;
    if (!pr_serve_exchange_server(x)->o.allow_load)
        pr_serve_refuse(&e, 403, "not_allowed", NULL, "models are not loaded by request here");
    else if (pr_json_parse(body, n, PR_JSON_STRICT, "the body", &o, NULL, &why))
        pr_serve_refuse(&e, 400, NULL, NULL, "the request is no JSON: %.400s", why.message);
    else if (json_object_size(o) != 1 || !(dir = json_string_value(json_object_get(o, "path"))) ||
             !*dir)
        pr_serve_refuse(&e, 400, NULL, "path", "the body is to be {\"path\": FOLDER}");
    if (dir && *dir)
        start_load(x, dir);
    else
        pr_serve_answer_error(x, NULL, &e);
    json_decref(o);
}
