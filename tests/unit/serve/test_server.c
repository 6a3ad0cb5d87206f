/* The server without its sockets: routes and refusals, answers that go on while the model is
 * swapped, limits, cancelling, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/json.h"
#include "base/remove.h"
#include "serve/memory.h"
#include "serve/server.h"

#define MODEL_A   PR_FIXTURES "/models/qwen3-tiny"
#define MODEL_B   PR_FIXTURES "/models/qwen3-tiny-untied"
#define KEY       "a-key-of-the-test"
#define MAX_TOKEN 24
#define N_ASKERS  3
#define EACH      10

static struct pr_serve_server *open_server(struct pr_serve_server_options o)
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

struct client {
    struct pr_serve_exchange *x;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    struct pr_serve_answer_head head;
    char fingerprint[65];
    struct pr_str body;
    int end; /* what the last read gave */
};

static void on_wake(void *ctx)
{
    struct client *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->woken = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void ask_as(struct client *c, struct pr_serve_server *s, const char *method,
    const char *path, const char *body, const char *authorization)
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
static void read_some(struct client *c, size_t least)
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

static void end_client(struct client *c)
{
    pr_serve_exchange_free(c->x);
    pr_str_done(&c->body);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

static void read_all(struct client *c)
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
static json_t *ask(
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
static bool has_line(struct pr_serve_server *s, const char *line)
{
    struct client c;
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    bool found = strstr(pr_str_cstr(&c.body), line);
    end_client(&c);
    return found;
}

/* Until so many are under way: those that were cancelled go before the next pass. */
static void wait_answers(struct pr_serve_server *s, int n)
{
    char line[40];
    snprintf(line, sizeof line, "proctor_serve_answers %d\n", n);
    while (!has_line(s, line))
        usleep(1000);
}

static const char *text_at(const json_t *o, const char *a, const char *b)
{
    o = json_object_get(o, a);
    return json_string_value(b ? json_object_get(o, b) : o);
}

static const json_t *answer_text(const json_t *o)
{
    return json_object_get(json_array_get(json_object_get(o, "choices"), 0), "text");
}

/* ---- what the model gives alone ---- */

static void fingerprint_of(const char *dir, char ret[65])
{
    const struct pr_checkpoint_options co = {.weights = true};
    struct pr_checkpoint *c;
    struct pr_error e;
    assert_int_equal(pr_checkpoint_open(dir, &co, &c, &e), PR_OK);
    assert_int_equal(pr_checkpoint_fingerprint(c, 1, ret, &e), PR_OK);
    pr_checkpoint_free(c);
}

static void alone(const char *dir, const char *prompt, struct pr_str *out)
{
    struct pr_checkpoint *c;
    struct pr_engine *g;
    struct pr_prompter *p;
    struct pr_ids ids = {0};
    struct pr_error e;
    int32_t made[MAX_TOKEN];
    float logprobs[MAX_TOKEN];
    const struct pr_checkpoint_options co = {.weights = true};
    const struct pr_engine_options eo = {.n_threads = 1};
    assert_int_equal(pr_checkpoint_open(dir, &co, &c, &e), PR_OK);
    assert_int_equal(pr_engine_new(c, &eo, &g, &e), PR_OK);
    assert_int_equal(pr_prompter_new(c, NULL, &p, &e), PR_OK);
    const struct pr_tokenizer *t = pr_prompter_tokenizer(p);
    assert_int_equal(pr_tokenizer_encode(t, prompt, strlen(prompt), &ids, &e), PR_OK);
    struct pr_request r = {.ids = ids.v,
        .n = ids.n,
        .score_from = ids.n,
        .max_new = MAX_TOKEN,
        .new_ids = made,
        .new_logprobs = logprobs};
    r.stop = pr_prompter_stops(p, &r.n_stop);
    assert_int_equal(pr_engine_run(g, &r, 1, NULL, &e), PR_OK);
    assert_int_equal(pr_tokenizer_decode(t, made,
                         r.finish == PR_FINISH_STOP ? r.n_new - 1 : r.n_new, true, out, &e),
        PR_OK);
    pr_ids_done(&ids);
    pr_prompter_free(p);
    pr_engine_free(g);
    pr_checkpoint_free(c);
}

static void make_body(char ret[300], const char *model, const char *prompt, const char *more)
{
    snprintf(ret, 300, "{\"model\":\"%s\",\"prompt\":\"%s\",\"max_tokens\":%d,\"temperature\":0%s}",
        model, prompt, MAX_TOKEN, more);
}

/* One that goes on until it is cancelled or the model's positions end. */
#define LONG                                                                                       \
    "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":16,\"max_tokens\":900,\"temperature\":1,"    \
    "\"seed\":3,"                                                                                  \
    "\"stream\":true}"

/* ---- tests ---- */

static void each_route_answers_and_others_are_refused_by_status(void **state)
{
    static const struct {
        const char *method, *path, *body, *key;
        int status;
    } cases[] = {
        {"GET", "/health", NULL, NULL, 200},
        {"GET", "/metrics", NULL, "Bearer " KEY, 200},
        {"GET", "/metrics", NULL, NULL, 401},
        {"GET", "/v1/models", NULL, "bearer " KEY, 200},
        {"GET", "/v1/models", NULL, "Bearer " KEY "x", 401},
        {"GET", "/v1/models", NULL, KEY, 401},
        {"GET", "/v1/models/qwen3-tiny", NULL, "Bearer " KEY, 200},
        {"GET", "/v1/models/q%77en3%2Dtiny", NULL, "Bearer " KEY, 200},
        {"GET", "/v1/models/gpt-4", NULL, "Bearer " KEY, 404},
        {"GET", "/nothing", NULL, "Bearer " KEY, 404},
        {"GET", "/nothing", NULL, NULL, 401},
        {"GET", "/v1/completions", NULL, "Bearer " KEY, 405},
        {"POST", "/v1/completions", NULL, "Bearer " KEY, 415},
        {"POST", "/v1/completions", "{}", "Bearer " KEY, 400},
        {"POST", "/v1/completions", "{\"model\":\"gpt-4\",\"prompt\":\"x\"}", "Bearer " KEY, 404},
        {"POST", "/v1/chat/completions", "no", "Bearer " KEY, 400},
        {"POST", "/v1/load", "{\"path\":\"/\"}", "Bearer " KEY, 403},
        {"POST", "/tokenize", "{\"text\":\"one two\"}", "Bearer " KEY, 200},
        {"POST", "/tokenize", "{\"text\":\"x\",\"prompt\":\"y\"}", "Bearer " KEY, 400},
        {"POST", "/detokenize", "{\"tokens\":[5,6]}", "Bearer " KEY, 200},
        {"POST", "/detokenize", "{\"tokens\":[-1]}", "Bearer " KEY, 400},
    };
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.key = KEY});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client c;
        ask_as(&c, s, cases[i].method, cases[i].path, cases[i].body, cases[i].key);
        read_all(&c);
        if (c.head.status != cases[i].status)
            fail_msg("%zu: %d: %s", i, c.head.status, pr_str_cstr(&c.body));
        assert_int_equal(c.head.authenticate, cases[i].status == 401);
        assert_true(cases[i].status != 405 || !strcmp(c.head.allow, "POST"));
        end_client(&c);
    }
    pr_serve_server_free(s);
}

static void what_is_refused_before_its_body_is_counted_under_its_route(void **state)
{
    static const struct {
        const char *method, *path, *key, *type, *label;
        uint64_t length;
        int status;
    } cases[] = {
        {"POST", "/v1/completions", NULL, "application/json", "/v1/completions", 5, 401},
        {"PUT", "/v1/completions", "Bearer " KEY, "application/json", "/v1/completions", 5, 405},
        {"POST", "/v1/models/x", "Bearer " KEY, "application/json", "/v1/models/", 5, 405},
        {"POST", "/tokenize", "Bearer " KEY, "application/json", "/tokenize", PR_SERVE_MAX_BODY + 1,
            413},
        {"POST", "/tokenize", "Bearer " KEY, "text/plain", "/tokenize", 5, 415},
        {"POST", "/nowhere", "Bearer " KEY, "application/json", "other", 5, 404},
        {"POST", "/nowhere", NULL, "application/json", "other", 5, 401},
        {"POST", "/tokenize", "Bearer " KEY, "application/json", NULL, PR_SERVE_MAX_BODY, 0},
    };
    struct client c;
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.key = KEY});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pr_serve_head h = {.method = cases[i].method,
            .path = cases[i].path,
            .authorization = cases[i].key,
            .content_type = cases[i].type};
        struct pr_serve_refusal why;
        assert_int_equal(pr_serve_server_check(s, &h, cases[i].length, &why), cases[i].status != 0);
        assert_int_equal(why.status, cases[i].status);
        assert_int_equal(cases[i].status == 405, why.allow != NULL);
        if (why.allow)
            assert_string_equal(why.allow, strcmp(cases[i].method, "PUT") ? "GET" : "POST");
        if (why.status == 401)
            assert_non_null(strstr(pr_str_cstr(&why.body), "invalid_api_key"));
        pr_str_done(&why.body);
    }
    ask_as(&c, s, "GET", "/metrics", NULL, "Bearer " KEY);
    read_all(&c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[160];
        snprintf(line, sizeof line, "proctor_serve_requests_total{route=\"%s\",status=\"%d\"} 1\n",
            cases[i].label, cases[i].status);
        if (cases[i].label && !strstr(pr_str_cstr(&c.body), line))
            fail_msg("no %s in\n%s", line, pr_str_cstr(&c.body));
    }
    end_client(&c);
    pr_serve_server_free(s);
}

static void tokens_go_to_text_and_back(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    json_t *o = ask(s, "POST", "/tokenize", "{\"prompt\":\"What is 2 + 2? \\u00e9\"}", 200);
    assert_true(json_integer_value(json_object_get(o, "count")) > 3);
    assert_int_equal(json_array_size(json_object_get(o, "tokens")),
        json_integer_value(json_object_get(o, "count")));
    json_t *body = json_object();
    json_object_set(body, "tokens", json_object_get(o, "tokens"));
    struct pr_str text = PR_STR_INIT(1 << 20);
    pr_json_dump(body, 0, 0, &text);
    json_t *back = ask(s, "POST", "/detokenize", pr_str_cstr(&text), 200);
    assert_string_equal(text_at(back, "prompt", NULL), "What is 2 + 2? \xc3\xa9");
    pr_str_done(&text);
    json_decref(body);
    json_decref(back);
    json_decref(o);
    pr_serve_server_free(s);
}

static void as_many_answers_as_there_are_places_and_the_next_is_told_to_wait(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.most_waiting = 32});
    struct client a, b, c;
    char body[300];
    make_body(body, "default", "Hello", "");
    ask_as(&a, s, "POST", "/v1/completions", LONG, NULL);
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&a, 1);
    ask_as(&c, s, "POST", "/v1/completions", body, NULL);
    read_all(&c);
    assert_int_equal(c.head.status, 429);
    assert_true(c.head.retry_after_s > 0);
    end_client(&c);
    end_client(&a);
    wait_answers(s, 16); /* its places are free before the next pass */
    json_decref(ask(s, "POST", "/v1/completions", body, 200));
    end_client(&b);
    pr_serve_server_free(s);
}

/* Of 128 choices none is over in a second. */
static void an_answer_that_takes_too_long_ends_as_an_error_of_the_api(void **state)
{
    static const char body[] = "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":128,"
                               "\"max_tokens\":3000,\"temperature\":1,\"seed\":1}";
    static const char streamed[] = "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":128,"
                                   "\"max_tokens\":3000,\"temperature\":1,\"stream\":true}";
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.deadline_s = 1});
    struct client whole, stream;
    ask_as(&whole, s, "POST", "/v1/completions", body, NULL);
    ask_as(&stream, s, "POST", "/v1/completions", streamed, NULL);
    read_all(&stream);
    read_all(&whole);
    assert_int_equal(whole.head.status, 504);
    assert_non_null(strstr(pr_str_cstr(&whole.body), "deadline_exceeded"));
    assert_int_equal(stream.head.status, 200); /* it had begun: its last event is the error */
    const char *error = strstr(pr_str_cstr(&stream.body), "data: {\"error\"");
    assert_non_null(error);
    assert_non_null(strstr(error, "deadline_exceeded"));
    assert_string_equal(strstr(error, "\n\n"), "\n\n");
    assert_null(strstr(pr_str_cstr(&stream.body), "[DONE]"));
    end_client(&whole);
    end_client(&stream);
    pr_serve_server_free(s);
}

static void a_reader_that_is_too_slow_is_cut_off(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.most_unread = 2000});
    struct client c;
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    char byte;
    int n = 0;
    for (int i = 0; i < 3000 && n != -2; i++) {
        n = pr_serve_exchange_read(c.x, &byte, 0);
        usleep(1000);
    }
    assert_int_equal(n, -2);
    end_client(&c);
    pr_serve_server_free(s);
}

/* ---- a pass that takes long ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int pass, held; /* passes begun; the one that is held */
    bool let_go, gave_up;
} hold = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .held = 2};

/* On the model's thread.  The time is for a build in which the test would wait for ever. */
static void hold_pass(enum pr_fault point)
{
    struct timespec until;
    if (point != PR_FAULT_SERVE_PASS)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&hold.lock);
    bool held = ++hold.pass == hold.held;
    pthread_cond_broadcast(&hold.changed);
    while (held && !hold.let_go && !hold.gave_up)
        hold.gave_up = pthread_cond_timedwait(&hold.changed, &hold.lock, &until) != 0;
    pthread_mutex_unlock(&hold.lock);
}

static void who_goes_away_waits_for_no_pass(void **state)
{
    struct client a, b, c;
    (void)state;
    pr_fault_hook = hold_pass;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    ask_as(&a, s, "POST", "/v1/completions", LONG, NULL);
    pthread_mutex_lock(&hold.lock);
    while (hold.pass < hold.held)
        pthread_cond_wait(&hold.changed, &hold.lock);
    pthread_mutex_unlock(&hold.lock);
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL); /* it waits for the pass's end */
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    end_client(&a);
    end_client(&b);
    json_decref(ask(s, "GET", "/health", NULL, 200));
    assert_true(
        has_line(s, "proctor_serve_requests_total{route=\"/v1/completions\",status=\"499\"} 2\n"));
    assert_true(has_line(s, "proctor_serve_answers 48\n")); /* the model has them still */
    pthread_mutex_lock(&hold.lock);
    assert_int_equal(hold.pass, hold.held);
    assert_false(hold.gave_up);
    hold.let_go = true;
    pthread_cond_broadcast(&hold.changed);
    pthread_mutex_unlock(&hold.lock);
    wait_answers(s, 16);
    read_some(&c, 1); /* who is still there is answered */
    end_client(&c);
    pr_serve_server_free(s);
    pr_fault_hook = NULL;
}

/* ---- swaps ---- */

struct asker {
    struct pr_serve_server *s;
    int number;
    struct {
        char prompt[64], fingerprint[65], text[1024];
        size_t n;
    } got[EACH];
};

static void *run_asker(void *ctx)
{
    struct asker *k = ctx;
    for (int i = 0; i < EACH; i++) {
        char body[300];
        struct client c;
        struct pr_error e;
        json_t *o;
        snprintf(k->got[i].prompt, sizeof k->got[i].prompt, "Say %d and %d", k->number, i);
        make_body(body, "served", k->got[i].prompt, "");
        ask_as(&c, k->s, "POST", "/v1/completions", body, NULL);
        read_all(&c);
        if (c.head.status != 200 ||
            pr_json_parse(c.body.data, c.body.len, PR_JSON_NUL, NULL, &o, NULL, &e) ||
            strcmp(text_at(o, "system_fingerprint", NULL), c.fingerprint) != 0) {
            fprintf(stderr, "%d, end %d, %zu of %zu: %s\n", c.head.status, c.end, c.head.n,
                c.body.len, pr_str_cstr(&c.body));
            abort(); /* an assertion belongs to the test's own thread */
        }
        memcpy(k->got[i].fingerprint, c.fingerprint, 65);
        const json_t *text = answer_text(o); /* may hold a zero byte */
        k->got[i].n = json_string_length(text);
        memcpy(k->got[i].text, json_string_value(text), k->got[i].n < 1024 ? k->got[i].n : 1024);
        json_decref(o);
        end_client(&c);
    }
    return NULL;
}

static void check_answers(const struct asker *k, const char (*fingerprints)[65])
{
    static const char *const dirs[2] = {MODEL_A, MODEL_B};
    for (int i = 0; i < EACH; i++) {
        int which = strcmp(k->got[i].fingerprint, fingerprints[1]) == 0;
        struct pr_str want = PR_STR_INIT(1 << 16);
        assert_string_equal(k->got[i].fingerprint, fingerprints[which]);
        alone(dirs[which], k->got[i].prompt, &want);
        assert_int_equal(k->got[i].n, want.len);
        assert_memory_equal(k->got[i].text, want.data, want.len);
        pr_str_done(&want);
    }
}

static void answers_under_swaps_are_those_of_their_fingerprints_models(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){
        .name = "served", .allow_load = true, .model = {.most_cached = 16}});
    struct asker askers[N_ASKERS];
    pthread_t threads[N_ASKERS];
    char fingerprints[2][65];
    fingerprint_of(MODEL_A, fingerprints[0]);
    fingerprint_of(MODEL_B, fingerprints[1]);
    assert_string_not_equal(fingerprints[0], fingerprints[1]);
    for (int i = 0; i < N_ASKERS; i++) {
        askers[i] = (struct asker){.s = s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_asker, &askers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        json_t *o = ask(s, "POST", "/v1/load",
            i % 2 ? "{\"path\":\"" MODEL_A "\"}" : "{\"path\":\"" MODEL_B "\"}", 200);
        assert_string_equal(text_at(o, "status", NULL), "loaded");
        assert_string_equal(text_at(o, "fingerprint", NULL), fingerprints[!(i % 2)]);
        assert_string_equal(text_at(o, "previous", NULL), fingerprints[i % 2]);
        json_decref(o);
    }
    for (int i = 0; i < N_ASKERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < N_ASKERS; i++)
        check_answers(&askers[i], (const char(*)[65])fingerprints);
    pr_serve_server_free(s);
}

static void a_stream_that_began_on_the_old_model_ends_on_it(void **state)
{
    (void)state;
    struct pr_serve_server *s =
        open_server((struct pr_serve_server_options){.name = "served", .most_unread = 1 << 26});
    struct client c;
    struct pr_error e;
    char before[65], after[65];
    fingerprint_of(MODEL_A, before);
    fingerprint_of(MODEL_B, after);
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&c, 1);
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_OK);
    json_t *o = ask(s, "GET", "/health", NULL, 200);
    assert_string_equal(text_at(o, "fingerprint", NULL), after);
    json_decref(o);
    char body[300];
    make_body(body, "served", "Hi", "");
    o = ask(s, "POST", "/v1/completions", body, 200);
    assert_string_equal(text_at(o, "system_fingerprint", NULL), after);
    json_decref(o);
    read_all(&c);
    assert_int_equal(c.end, -1);
    assert_string_equal(c.fingerprint, before);
    assert_non_null(strstr(pr_str_cstr(&c.body), "[DONE]"));
    assert_null(strstr(pr_str_cstr(&c.body), after));
    end_client(&c);
    pr_serve_server_free(s);
}

static void the_same_content_is_not_loaded_again(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.allow_load = true});
    json_t *o = ask(s, "POST", "/v1/load", "{\"path\":\"" MODEL_A "\"}", 200);
    assert_string_equal(text_at(o, "status", NULL), "unchanged");
    json_decref(o);
    json_decref(ask(s, "POST", "/v1/load", "{\"path\":\"/nowhere/at/all\"}", 404));
    json_decref(ask(s, "POST", "/v1/load", "{\"path\":\"" PR_FIXTURES "\"}", 400));
    json_decref(ask(s, "POST", "/v1/load", "{\"dir\":\"x\"}", 400));
    o = ask(s, "GET", "/health", NULL, 200);
    assert_string_equal(text_at(o, "model", NULL), "qwen3-tiny");
    json_decref(o);
    pr_serve_server_free(s);
}

static void what_there_is_no_memory_for_is_refused_and_nothing_changes(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){
        .memory_bytes = 30 << 20, .name = "served", .model = {.kv_bytes = 16 << 20}});
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_E_LIMIT);
    assert_non_null(strstr(e.message, "17.8 MiB")); /* wanted */
    assert_non_null(strstr(e.message, "13.3 MiB")); /* left */
    json_t *o = ask(s, "GET", "/health", NULL, 200);
    char fingerprint[65];
    fingerprint_of(MODEL_A, fingerprint);
    assert_string_equal(text_at(o, "fingerprint", NULL), fingerprint);
    json_decref(o);
    pr_serve_server_free(s);
    struct pr_serve_server *none;
    const struct pr_serve_server_options o2 = {
        .dir = MODEL_A, .memory_bytes = 1 << 20, .model = {.kv_bytes = 16 << 20, .n_threads = 1}};
    assert_int_equal(pr_serve_server_new(&o2, &none, &e), PR_E_LIMIT);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[300], *parent;
    struct pr_error e;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    parent = pr_strndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(pr_mkdirs(parent, &e), PR_OK);
    assert_int_equal(pr_file_write_atomic(path, text, strlen(text), &e), PR_OK);
    pr_free(parent);
}

static void memory_is_the_least_of_the_systems_and_the_groups(void **state)
{
    char folder[] = "/tmp/serve-memory-XXXXXX", groups[100];
    struct pr_error e;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(groups, sizeof groups, "%s/groups", folder);
    assert_int_equal(pr_serve_memory_available(folder, groups), 0);
    write_file(folder, "meminfo", "MemTotal:   9000 kB\nMemAvailable:   1000 kB\nBuffers: 1 kB\n");
    assert_int_equal(pr_serve_memory_available(folder, groups), 1000 << 10);
    write_file(folder, "self/cgroup", "4:memory:/other\n0::/a/b\n");
    write_file(groups, "a/b/memory.max", "max\n");
    write_file(groups, "a/memory.max", "900000\n");
    write_file(groups, "a/memory.current", "500000\n");
    assert_int_equal(pr_serve_memory_available(folder, groups), 400000);
    write_file(groups, "a/memory.stat", "anon 1\ninactive_file 100000\nactive_file 50000\n");
    assert_int_equal(pr_serve_memory_available(folder, groups), 550000);
    write_file(groups, "a/memory.current", "2000000\n");
    assert_int_equal(pr_serve_memory_available(folder, groups), 1);
    assert_int_equal(pr_remove_tree(folder, &e), PR_OK);
}

/* ---- a load that is given up ---- */

static struct {
    enum pr_fault at;
    int nth, seen; /* the server is told to end when it comes to this point for the nth time */
    struct pr_serve_server *s;
    bool told;
} ender;

static void end_server(enum pr_fault point)
{
    if (point != ender.at || ++ender.seen != ender.nth)
        return;
    ender.told = true;
    if (ender.s)
        pr_serve_server_drain(ender.s, 0);
}

static bool is_told(void *ctx)
{
    (void)ctx;
    return ender.told;
}

static void a_load_ends_at_once_with_the_server_and_nothing_of_it_is_served(void **state)
{
    static const enum pr_fault points[] = {PR_FAULT_LOAD_HASHED, PR_FAULT_LOAD_PACKED};
    struct pr_error e;
    char was[65];
    (void)state;
    fingerprint_of(MODEL_A, was);
    setenv("XDG_CACHE_HOME", "/dev/null/none", 1); /* the fingerprint is computed */
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct pr_serve_server *s = open_server((struct pr_serve_server_options){0}), *none;
        ender.s = s;
        ender.at = points[i];
        ender.nth = 3;
        ender.seen = 0;
        pr_fault_hook = end_server;
        assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_E_CANCELLED);
        assert_int_equal(ender.seen, 3); /* no block and no panel more */
        json_t *o = ask(s, "GET", "/health", NULL, 503);
        assert_string_equal(text_at(o, "fingerprint", NULL), was);
        json_decref(o);
        pr_serve_server_free(s);
        /* The first one, by the caller's word. */
        const struct pr_serve_server_options first = {
            .dir = MODEL_A, .model = {.n_threads = 1}, .stop = {is_told, NULL}};
        ender.s = NULL;
        ender.seen = 0;
        ender.told = false;
        assert_int_equal(pr_serve_server_new(&first, &none, &e), PR_E_CANCELLED);
        assert_int_equal(ender.seen, 3);
        pr_fault_hook = NULL;
    }
}

/* ---- the end ---- */

static void one_that_ends_takes_no_more_and_lets_what_goes_on_end(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    struct client a, b;
    char body[300];
    make_body(body, "default", "Hello", ",\"stream\":true");
    ask_as(&a, s, "POST", "/v1/completions", body, NULL);
    pr_serve_server_drain(s, 500);
    read_all(&a);
    assert_int_equal(a.end, -1); /* what is over is still read */
    assert_non_null(strstr(pr_str_cstr(&a.body), "[DONE]"));
    json_decref(ask(s, "GET", "/health", NULL, 503));
    json_decref(ask(s, "POST", "/v1/completions", body, 503));
    struct pr_error e;
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_E_CANCELLED);
    end_client(&a);
    pr_serve_server_free(s);
    s = open_server((struct pr_serve_server_options){0});
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&b, 1);
    pr_serve_server_drain(s, 1);
    read_all(&b);
    assert_int_equal(b.end, -2);
    end_client(&b);
    pr_serve_server_free(s);
}

static void counts_are_those_of_what_was_asked(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"200\"} 1\n",
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"404\"} 1\n",
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"499\"} 1\n",
        "proctor_serve_requests_total{route=\"other\",status=\"404\"} 1\n",
        "proctor_serve_answers 0\n", "proctor_serve_swaps_total 1\n",
        "proctor_serve_request_seconds_count 1\n", "proctor_serve_first_token_seconds_count 2\n",
        "proctor_serve_request_seconds_bucket{le=\"+Inf\"} 1\n", "name=\"served\""};
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.name = "served"});
    struct client c;
    struct pr_error e;
    char body[300], line[100];
    make_body(body, "served", "Hello there", "");
    json_t *o = ask(s, "POST", "/v1/completions", body, 200);
    long long generated =
        json_integer_value(json_object_get(json_object_get(o, "usage"), "completion_tokens"));
    json_decref(o);
    make_body(body, "gpt-4", "Hello there", "");
    json_decref(ask(s, "POST", "/v1/completions", body, 404));
    json_decref(ask(s, "GET", "/nowhere", NULL, 404));
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_OK);
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    snprintf(line, sizeof line, "proctor_serve_tokens_generated_total %lld\n", generated);
    assert_non_null(strstr(pr_str_cstr(&c.body), line)); /* of the model that was replaced too */
    end_client(&c);
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&c, 1);
    end_client(&c);
    wait_answers(s, 0);
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(pr_str_cstr(&c.body), lines[i]))
            fail_msg("no %s in\n%s", lines[i], strstr(pr_str_cstr(&c.body), "requests_total"));
    end_client(&c);
    pr_serve_server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_answers_and_others_are_refused_by_status),
        cmocka_unit_test(what_is_refused_before_its_body_is_counted_under_its_route),
        cmocka_unit_test(tokens_go_to_text_and_back),
        cmocka_unit_test(as_many_answers_as_there_are_places_and_the_next_is_told_to_wait),
        cmocka_unit_test(an_answer_that_takes_too_long_ends_as_an_error_of_the_api),
        cmocka_unit_test(a_reader_that_is_too_slow_is_cut_off),
        cmocka_unit_test(who_goes_away_waits_for_no_pass),
        cmocka_unit_test(answers_under_swaps_are_those_of_their_fingerprints_models),
        cmocka_unit_test(a_stream_that_began_on_the_old_model_ends_on_it),
        cmocka_unit_test(the_same_content_is_not_loaded_again),
        cmocka_unit_test(what_there_is_no_memory_for_is_refused_and_nothing_changes),
        cmocka_unit_test(memory_is_the_least_of_the_systems_and_the_groups),
        cmocka_unit_test(a_load_ends_at_once_with_the_server_and_nothing_of_it_is_served),
        cmocka_unit_test(one_that_ends_takes_no_more_and_lets_what_goes_on_end),
        cmocka_unit_test(counts_are_those_of_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
