/* See server_client.h. */
#include "server_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

struct pr_serve_server *open_server(struct pr_serve_server_options o)
{
    struct pr_serve_server *s;
    struct pr_error e;
    o.dir = MODEL_A;
    o.model.n_threads = 1;
    o.model.kv_bytes = o.model.kv_bytes ? o.model.kv_bytes : 16 << 20;
    if (pr_serve_server_new(&o, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

/* ---- a client ---- */

static void on_wake(void *ctx)
{
    struct client *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->woken = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void ask_as(struct client *c, struct pr_serve_server *s, const char *method, const char *path,
    const char *body, const char *authorization)
{
    const struct pr_serve_head h = {.method = method,
        .path = path,
        .authorization = authorization,
        .content_type = body ? "application/json; charset=utf-8" : NULL};
    *c = (struct client){.body = PR_STR_INIT(1 << 26)};
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->x = pr_serve_exchange_new(s, &h, body, body ? strlen(body) : 0, on_wake, c);
}

/* Reads until `least` bytes came, or all. */
void read_some(struct client *c, size_t least)
{
    char buf[37];
    while (c->body.len < least) {
        c->end = pr_serve_exchange_read(c->x, buf, sizeof buf);
        if (c->end < 0)
            return;
        pr_str_append(&c->body, buf, (size_t)c->end);
        if (c->end)
            continue;
        pthread_mutex_lock(&c->lock);
        while (!c->woken)
            pthread_cond_wait(&c->changed, &c->lock);
        c->woken = false;
        pthread_mutex_unlock(&c->lock);
    }
}

void end_client(struct client *c)
{
    pr_serve_exchange_free(c->x);
    pr_str_done(&c->body);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

void read_all(struct client *c)
{
    read_some(c, SIZE_MAX);
    if (c->end != -2 && !pr_serve_exchange_head(c->x, &c->head))
        abort();
    if (c->head.fingerprint)
        memcpy(c->fingerprint, c->head.fingerprint, 65);
    if (c->end == -1 && !c->head.stream && c->head.n != c->body.len)
        abort();
}

/* The whole answer's document; *status is checked. */
json_t *ask(
    struct pr_serve_server *s, const char *method, const char *path, const char *body, int status)
{
    struct client c;
    struct pr_error e;
    json_t *o;
    ask_as(&c, s, method, path, body, NULL);
    read_all(&c);
    if (c.head.status != status)
        fail_msg("%s %s: %d: %s", method, path, c.head.status, pr_str_cstr(&c.body));
    if (pr_json_parse(c.body.data, c.body.len, PR_JSON_NUL, NULL, &o, NULL, &e))
        fail_msg("%s: %s", e.message, pr_str_cstr(&c.body));
    end_client(&c);
    return o;
}

/* Does /metrics have this line? */
bool has_line(struct pr_serve_server *s, const char *line)
{
    struct client c;
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    bool found = strstr(pr_str_cstr(&c.body), line);
    end_client(&c);
    return found;
}

/* Until so many are under way: those that were cancelled go before the next pass. */
void wait_answers(struct pr_serve_server *s, int n)
{
    char line[40];
    snprintf(line, sizeof line, "proctor_serve_answers %d\n", n);
    while (!has_line(s, line))
        usleep(1000);
}

const char *text_at(const json_t *o, const char *a, const char *b)
{
    o = json_object_get(o, a);
    return json_string_value(b ? json_object_get(o, b) : o);
}

void fingerprint_of(const char *dir, char ret[65])
{
    const struct pr_checkpoint_options co = {.weights = true};
    struct pr_checkpoint *c;
    struct pr_error e;
    assert_int_equal(pr_checkpoint_open(dir, &co, &c, &e), PR_OK);
    assert_int_equal(pr_checkpoint_fingerprint(c, 1, ret, &e), PR_OK);
    pr_checkpoint_free(c);
}

void make_body(char ret[300], const char *model, const char *prompt, const char *more)
{
    snprintf(ret, 300, "{\"model\":\"%s\",\"prompt\":\"%s\",\"max_tokens\":%d,\"temperature\":0%s}",
        model, prompt, MAX_TOKEN, more);
}
