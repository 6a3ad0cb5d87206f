/* A request's way through the server, without sockets, and the description of it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/openapi.h"
#include "api/router.h"
#include "api/server.h"
#include "base/remove.h"

static char folder[64];
static struct pr_config config;
static struct pr_api *api;

static int setup(void **state)
{
    struct pr_error e;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/proctor-api-XXXXXX");
    if (!mkdtemp(folder) || pr_config_load(folder, &config, &e))
        return 1;
    return pr_api_new(&config, &api, &e) != PR_OK;
}

static int teardown(void **state)
{
    struct pr_error e;
    (void)state;
    pr_api_stop(api);
    pr_api_free(api);
    pr_config_done(&config);
    return pr_remove_tree(folder, &e) != PR_OK;
}

static enum pr_api_next ask(const char *method, const char *uri, enum pr_api_header h,
    const char *value, struct pr_api_reply *r)
{
    struct pr_api_call call = {
        .method = method, .uri = uri, .peer = "127.0.0.1", .local = "127.0.0.1"};
    struct pr_api_request q = {0};
    call.header[PR_API_H_HOST] = "localhost";
    if (value)
        call.header[h] = value;
    enum pr_api_next next = pr_api_begin(api, &call, &q, r);
    pr_api_request_done(&q);
    return next;
}

static int status_of(const char *method, const char *uri, enum pr_api_header h, const char *value)
{
    struct pr_api_reply r;
    enum pr_api_next next = ask(method, uri, h, value, &r);
    int status = next == PR_API_REPLY ? r.status : -(int)next;
    if (next == PR_API_REPLY)
        pr_api_reply_done(&r);
    return status;
}

static void documents_are_answered_and_queries_are_work(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", "/api/status", 0, NULL), 200);
    assert_int_equal(status_of("GET", "/api/status?", 0, NULL), 200);
    assert_int_equal(status_of("GET", "/api/status?&", 0, NULL), 200);
    assert_int_equal(status_of("GET", "/api/checkpoints", 0, NULL), -PR_API_WORK);
    assert_int_equal(status_of("GET", "/api/events", 0, NULL), -PR_API_STREAM);
    assert_int_equal(
        status_of("POST", "/api/login", PR_API_H_CONTENT_TYPE, "application/json; charset=utf-8"),
        -PR_API_BODY);
    assert_int_equal(status_of("POST", "/api/login", PR_API_H_CONTENT_TYPE, "text/plain"), 415);
    assert_int_equal(status_of("GET", "http://evil/", 0, NULL), 400);
    assert_int_equal(status_of("GET", "", 0, NULL), 400);
    assert_int_equal(status_of("GET", "/healthz", PR_API_H_HOST, "evil.example"), 403);
    assert_int_equal(status_of("GET", "/healthz", PR_API_H_HOST, ""), 403);
}

static void an_unchanged_answer_is_not_sent_again(void **state)
{
    struct pr_api_reply r;
    char sent[200];
    (void)state;
    ask("GET", "/api/status", PR_API_H_ACCEPT_ENCODING, "deflate, gzip;q=1.0, *;q=0.5", &r);
    assert_int_equal(r.form, PR_API_GZIP);
    snprintf(sent, sizeof sent, "\"a\", W/%s", r.blob->etag);
    pr_api_reply_done(&r);
    ask("GET", "/api/status", PR_API_H_IF_NONE_MATCH, sent, &r);
    assert_int_equal(r.status, 304);
    assert_int_equal(r.form, PR_API_UNCHANGED);
    pr_api_reply_done(&r);
    static const char *const no[] = {
        "gzip;q=0", "gzip; q=0.0", "identity", "xgzip", "", "gzi", "*;q=0"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        ask("GET", "/api/status", PR_API_H_ACCEPT_ENCODING, no[i], &r);
        if (r.form != PR_API_PLAIN)
            fail_msg("%s", no[i]);
        pr_api_reply_done(&r);
    }
    static const char *const yes[] = {
        "gzip", "GZIP", "br , gzip", "*", "gzip;q=0.5", "br;q=0, gzip"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        ask("GET", "/api/status", PR_API_H_ACCEPT_ENCODING, yes[i], &r);
        if (r.form != PR_API_GZIP)
            fail_msg("%s", yes[i]);
        pr_api_reply_done(&r);
    }
}

/* ---- workers ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stir = PTHREAD_COND_INITIALIZER;
static bool hold;
static int running, answers[600];

/* Stays until it is let go. */
static enum pr_code slow(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)x;
    (void)q;
    (void)e;
    pthread_mutex_lock(&lock);
    running++;
    pthread_cond_broadcast(&stir);
    while (hold)
        pthread_cond_wait(&stir, &lock);
    pthread_mutex_unlock(&lock);
    *ret = json_object();
    return PR_OK;
}

static void answered(void *ctx, struct pr_api_blob *answer)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    answers[answer->status]++;
    pthread_cond_broadcast(&stir);
    pthread_mutex_unlock(&lock);
    pr_api_blob_unref(answer);
}

static void *stop_queries(void *v)
{
    pr_api_queries_stop(v);
    return NULL;
}

static void let_go(void)
{
    pthread_mutex_lock(&lock);
    hold = false;
    pthread_cond_broadcast(&stir);
    pthread_mutex_unlock(&lock);
}

static void what_is_too_much_is_refused_and_what_waits_at_the_end_is_told(void **state)
{
    static const struct pr_api_route route = {.path = "/slow", .get = slow};
    struct pr_api_request q = {.route = &route};
    struct pr_api_queries *v = NULL;
    struct pr_error e;
    pthread_t later;
    (void)state;
    assert_int_equal(pr_api_queries_new(pr_api_snapshot_of(api), &v, &e), PR_OK);
    hold = true;
    for (int i = 0; i < 2; i++)
        assert_true(pr_api_queries_add(v, &q, answered, NULL));
    pthread_mutex_lock(&lock);
    while (running < 2)
        pthread_cond_wait(&stir, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < PR_API_QUEUE; i++)
        assert_true(pr_api_queries_add(v, &q, answered, NULL));
    assert_false(pr_api_queries_add(v, &q, answered, NULL));
    let_go();
    pthread_mutex_lock(&lock);
    while (answers[200] < PR_API_QUEUE + 2)
        pthread_cond_wait(&stir, &lock);
    hold = true;
    pthread_mutex_unlock(&lock);
    int added = PR_API_QUEUE + 2;
    for (int i = 0; i < 5; i++, added++)
        assert_true(pr_api_queries_add(v, &q, answered, NULL));
    assert_int_equal(pthread_create(&later, NULL, stop_queries, v), 0);
    while (pr_api_queries_add(v, &q, answered, NULL)) {
        added++;
        sched_yield();
    }
    let_go();
    pthread_join(later, NULL);
    assert_int_equal(answers[200] + answers[503], added);
    pr_api_queries_free(v);
}

/* ---- the description ---- */

static void walk(const json_t *v, const json_t *schemas)
{
    const char *key;
    json_t *x;
    size_t i;
    static const char place[] = "#/components/schemas/";
    json_object_foreach ((json_t *)(uintptr_t)v, key, x) {
        if (!strcmp(key, "$ref")) {
            const char *to = json_string_value(x);
            if (strncmp(to, place, strlen(place)) != 0 ||
                !json_object_get(schemas, to + strlen(place)))
                fail_msg("%s is nowhere", to);
        }
        walk(x, schemas);
    }
    json_array_foreach (v, i, x)
        walk(x, schemas);
}

static void the_description_has_every_route_and_every_schema_that_it_names(void **state)
{
    json_t *o = pr_api_openapi(), *paths = json_object_get(o, "paths");
    const struct pr_api_route *r;
    (void)state;
    walk(o, json_object_get(json_object_get(o, "components"), "schemas"));
    for (size_t k = 0; (r = pr_api_route_at(k, NULL)); k++) {
        const json_t *p = json_object_get(paths, r->path);
        if (!p || (r->get && !json_object_get(p, "get")) ||
            (r->post && !json_object_get(p, "post")))
            fail_msg("%s is not described", r->path);
        if (!r->type && !r->schema)
            fail_msg("%s names no schema", r->path);
    }
    for (size_t i = 0; i < PR_API_OWN_NONE; i++)
        assert_non_null(json_object_get(paths, pr_api_own_routes[i].path));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_answered_and_queries_are_work),
        cmocka_unit_test(an_unchanged_answer_is_not_sent_again),
        cmocka_unit_test(what_is_too_much_is_refused_and_what_waits_at_the_end_is_told),
        cmocka_unit_test(the_description_has_every_route_and_every_schema_that_it_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
