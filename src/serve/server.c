/* The server: its routes, who may use them, its beginning and its end. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/secret.h"
#include "http/hosts.h"
#include "serve/server_internal.h"

#define MOST_WAITING 1024

static const struct pr_serve_route routes[] = {
    {"GET", "/health", true, pr_serve_do_health},
    {"GET", "/metrics", false, pr_serve_do_metrics},
    {"GET", "/v1/models", false, pr_serve_do_models},
    {"GET", "/v1/models/", false, pr_serve_do_model},
    {"POST", "/v1/chat/completions", false, pr_serve_do_chat},
    {"POST", "/v1/completions", false, pr_serve_do_completion},
    {"POST", "/tokenize", false, pr_serve_do_tokenize},
    {"POST", "/detokenize", false, pr_serve_do_detokenize},
    {"POST", "/v1/load", false, pr_serve_do_load},
};

/* ---- before a request is answered ---- */

static bool fits(const struct pr_serve_route *r, const char *path)
{
    size_t n = strlen(r->path);
    return r->path[n - 1] == '/' ? !strncmp(path, r->path, n) && path[n] : !strcmp(path, r->path);
}

static bool has_key(const struct pr_serve_server *s, const char *authorization)
{
    return !s->key || (authorization && !strncasecmp(authorization, "Bearer ", 7) &&
                          pr_same_secret(s->key, authorization + 7));
}

/* "application/json", whatever parameters follow.  A page in a browser cannot send it to another
 * site unasked. */
static bool is_json(const char *type)
{
    static const char json[] = PR_SERVE_JSON;
    size_t n = sizeof json - 1;
    return type && !strncasecmp(type, json, n) && (!type[n] || strchr("; \t", type[n]));
}

static const struct pr_serve_route *find(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (fits(&routes[i], path))
            return &routes[i];
    return NULL;
}

const char *pr_serve_route_label(const struct pr_serve_route *r)
{
    return r ? r->path : "other";
}

bool pr_serve_route_of(struct pr_serve_server *s, const struct pr_serve_head *h, uint64_t length,
    const struct pr_serve_route **ret, struct pr_serve_error *e)
{
    const struct pr_serve_route *r = *ret = find(h->path);
    if (!s->key && s->bind && !pr_host_is_ours(h->host, s->bind, h->local, NULL))
        pr_serve_refuse(e, 403, "unknown_host", NULL,
            "this is no name of this server: ask it by its address, or give it a key");
    else if (!(r && r->open) && !has_key(s, h->authorization))
        pr_serve_refuse(e, 401, "invalid_api_key", NULL,
            h->authorization ? "the API key is wrong"
                             : "an API key is needed: send the header Authorization: Bearer KEY");
    else if (!r)
        pr_serve_refuse(e, 404, NULL, NULL, "there is nothing at %.200s", h->path);
    else if (strcmp(h->method, r->method) != 0)
        pr_serve_refuse(e, 405, NULL, NULL, "%s takes %s", r->path, r->method);
    else if (length > PR_SERVE_MAX_BODY)
        pr_serve_refuse(e, 413, NULL, NULL, "the body has %llu bytes, at most %zu are taken",
            (unsigned long long)length, PR_SERVE_MAX_BODY);
    else if (!strcmp(r->method, "POST") && !is_json(h->content_type))
        pr_serve_refuse(e, 415, NULL, NULL, "the body's Content-Type is to be " PR_SERVE_JSON);
    else
        return true;
    return false;
}

bool pr_serve_server_check(struct pr_serve_server *s, const struct pr_serve_head *h,
    uint64_t length, struct pr_serve_refusal *ret)
{
    const struct pr_serve_route *r;
    struct pr_serve_error e;
    *ret = (struct pr_serve_refusal){.body = PR_STR_INIT(1 << 16)};
    if (pr_serve_route_of(s, h, length, &r, &e))
        return false;
    json_t *o = pr_serve_error_json(&e);
    pr_json_dump(o, 0, 0, &ret->body);
    json_decref(o);
    ret->status = e.status;
    ret->allow = e.status == 405 ? r->method : NULL;
    pr_serve_tally_request(&s->tally, pr_serve_route_label(r), e.status);
    return true;
}

/* ---- its beginning and its end ---- */

/* Is what is being loaded to be given up? */
static bool ends(void *ctx)
{
    struct pr_serve_server *s = ctx;
    return atomic_load(&s->draining) || pr_stop_asked(&s->o.stop);
}

enum pr_code pr_serve_server_new(
    const struct pr_serve_server_options *o, struct pr_serve_server **ret, struct pr_error *e)
{
    struct pr_serve_server *s = pr_zalloc(sizeof *s);
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint64_t)pr_clock_monotonic_ns();
    s->o = *o;
    s->o.most_waiting = o->most_waiting ? o->most_waiting : MOST_WAITING;
    s->o.model.most_waiting = s->o.most_waiting + 1; /* the server's limit is the one that counts */
    s->o.model.checkpoint.stop = (struct pr_stop){ends, s};
    s->name = o->name ? pr_strdup(o->name) : NULL;
    s->key = o->key ? pr_strdup(o->key) : NULL;
    s->bind = o->bind ? pr_strdup(o->bind) : NULL;
    pr_rng_seed(&s->rng, seed);
    pr_serve_tally_init(&s->tally);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    enum pr_code code = pr_serve_load_first(s, e);
    s->o.dir = s->o.name = s->o.key = s->o.bind = NULL; /* the caller's */
    if (code) {
        pr_serve_server_free(s);
        return code;
    }
    *ret = s;
    return PR_OK;
}

static struct timespec in_ms(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

void pr_serve_server_drain(struct pr_serve_server *s, int wait_ms)
{
    struct timespec until = in_ms(wait_ms);
    int err = 0;
    pthread_mutex_lock(&s->lock);
    s->draining = true;
    while ((s->n_answers || s->n_exchanges) && !err) /* what is over is to be read too */
        err = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    bool left = s->n_answers != 0;
    pthread_mutex_unlock(&s->lock);
    if (left)
        atomic_store(&s->ended, true);
}

void pr_serve_server_free(struct pr_serve_server *s)
{
    if (!s)
        return;
    pr_serve_let_go_of_all(s);
    pr_serve_tally_done(&s->tally);
    if (s->key)
        explicit_bzero(s->key, strlen(s->key));
    pr_free(s->key);
    pr_free(s->bind);
    pr_free(s->name);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pr_free(s);
}
