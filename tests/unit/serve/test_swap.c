/* The model of a server is exchanged while it serves: whose answers are whose, what fits into
 * memory, and a load that is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/remove.h"
#include "machine/memory.h"
#include "server_client.h"

#define N_ASKERS 3
#define EACH     10

/* ---- what the model gives alone ---- */

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

/* ---- swaps ---- */

static const json_t *answer_text(const json_t *o)
{
    return json_object_get(json_array_get(json_object_get(o, "choices"), 0), "text");
}

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
    assert_int_equal(pr_machine_memory_available(folder, groups), 0);
    write_file(folder, "meminfo", "MemTotal:   9000 kB\nMemAvailable:   1000 kB\nBuffers: 1 kB\n");
    assert_int_equal(pr_machine_memory_available(folder, groups), 1000 << 10);
    write_file(folder, "self/cgroup", "4:memory:/other\n0::/a/b\n");
    write_file(groups, "a/b/memory.max", "max\n");
    write_file(groups, "a/memory.max", "900000\n");
    write_file(groups, "a/memory.current", "500000\n");
    assert_int_equal(pr_machine_memory_available(folder, groups), 400000);
    write_file(groups, "a/memory.stat", "anon 1\ninactive_file 100000\nactive_file 50000\n");
    assert_int_equal(pr_machine_memory_available(folder, groups), 550000);
    write_file(groups, "a/memory.current", "2000000\n");
    assert_int_equal(pr_machine_memory_available(folder, groups), 1);
    assert_int_equal(pr_remove_tree(folder, &e), PR_OK);
}

/* Files of /proc say 0 as their size, which those above do not. */
static void memory_is_known_on_this_machine(void **state)
{
    (void)state;
    char line[256];
    unsigned long long kb = 0, found;
    FILE *f = fopen("/proc/meminfo", "r");
    assert_non_null(f);
    while (!kb && fgets(line, sizeof line, f))
        kb = sscanf(line, "MemTotal: %llu", &kb) == 1 ? kb : 0;
    fclose(f);
    found = pr_machine_memory_available("/proc", "/sys/fs/cgroup");
    assert_true(found > 0 && found < kb << 10);
    found = pr_machine_memory_available("/proc", "/no/such/folder");
    assert_true(found > kb && found < kb << 10); /* more than a thousandth of it */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_under_swaps_are_those_of_their_fingerprints_models),
        cmocka_unit_test(a_stream_that_began_on_the_old_model_ends_on_it),
        cmocka_unit_test(the_same_content_is_not_loaded_again),
        cmocka_unit_test(what_there_is_no_memory_for_is_refused_and_nothing_changes),
        cmocka_unit_test(memory_is_the_least_of_the_systems_and_the_groups),
        cmocka_unit_test(memory_is_known_on_this_machine),
        cmocka_unit_test(a_load_ends_at_once_with_the_server_and_nothing_of_it_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
