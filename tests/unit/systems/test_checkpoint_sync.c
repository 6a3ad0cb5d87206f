/* Checkpoint sync: its rules, and what it takes from the gradebook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "gradebook/actions.h"
#include "hand_made.h"
#include "systems/auto_deployment.h"
#include "systems/checkpoint_sync.h"
#include "systems/deploy_settings.h"

static struct pr_error e;

/* ---- rules ---- */

static void test_back_off_doubles_up_to_the_longest(void **state)
{
    (void)state;
    assert_int_equal(pr_sync_delay_ms(10, 600, 1, 0), 5000);
    assert_int_equal(pr_sync_delay_ms(10, 600, 1, 1), 10000);
    assert_int_equal(pr_sync_delay_ms(10, 600, 2, 1), 20000);
    assert_int_equal(pr_sync_delay_ms(10, 600, 6, 1), 320000);
    assert_int_equal(pr_sync_delay_ms(10, 600, 7, 1), 600000);
    assert_int_equal(pr_sync_delay_ms(10, 600, INT64_MAX, 0), 300000);
    assert_int_equal(pr_sync_delay_ms(10, 600, 0, 1), 10000);
}

static void test_rest_is_by_our_own_clock(void **state)
{
    (void)state;
    assert_false(pr_sync_rests(1000, 1000, 5));
    assert_false(pr_sync_rests(1000, 5999, 5));
    assert_true(pr_sync_rests(1000, 6000, 5));
    assert_false(pr_sync_rests(10000, 6000, 5)); /* set back */
}

static void test_no_wait_is_longer_than_the_longest(void **state)
{
    (void)state;
    assert_int_equal(pr_sync_wait_ms(5000, 3000, 10000), 2000);
    assert_int_equal(pr_sync_wait_ms(3000, 5000, 10000), 0);
    assert_int_equal(pr_sync_wait_ms(500000, 3000, 10000), 10000); /* set back meanwhile */
    assert_int_equal(pr_sync_wait_ms(INT64_MAX, INT64_MIN, 10000), 10000);
}

static void test_another_content_has_another_name(void **state)
{
    (void)state;
    char name[256], longest[256];
    pr_sync_other_name("checkpoint-8", "3fa2b1c0ffff", name);
    assert_string_equal(name, "checkpoint-8.3fa2b1c0");
    memset(longest, 'x', 255);
    longest[255] = 0;
    pr_sync_other_name(longest, "3fa2b1c0ffff", name);
    assert_int_equal(strlen(name), 249);
    assert_string_equal(name + 240, ".3fa2b1c0");
}

static struct pr_listed_file file(const char *name, uint64_t size, int64_t mtime_ns)
{
    return (struct pr_listed_file){
        .name = (char *)(uintptr_t)name, .size = size, .mtime_ns = mtime_ns};
}

static void test_trained_when_its_weights_were_written(void **state)
{
    (void)state;
    struct pr_listed_file v[] = {file("config.json", 1, 900), file("a.safetensors", 1, 500),
        file("b.safetensors", 1, 600), file("trainer_state.json", 1, 1000)};
    struct pr_listed l = {.files = v, .n = 4};
    assert_int_equal(pr_sync_trained_ns(&l), 600);
    l.n = 1;
    assert_int_equal(pr_sync_trained_ns(&l), 900);
    l.n = 0;
    assert_int_equal(pr_sync_trained_ns(&l), 0);
}

static void test_a_copy_is_told_by_what_is_fetched(void **state)
{
    (void)state;
    const int64_t s = 1000000000;
    struct pr_listed_file there[] = {file("config.json", 10, 5 * s + 7),
        file("model.safetensors", 100, 6 * s + 8), file("optimizer.pt", 100, 6 * s)};
    struct pr_listed_file here[] = {
        file("config.json", 10, 5 * s + 7), file("model.safetensors", 100, 6 * s + 8)};
    struct pr_listed a = {.files = there, .n = 3}, b = {.files = here, .n = 2};
    assert_true(pr_sync_is_copy(&b, &a, false));
    assert_false(pr_sync_is_copy(&b, &a, true)); /* the optimizer's state is missing */
    here[1].mtime_ns = 6 * s;                    /* a file system of whole seconds */
    assert_true(pr_sync_is_copy(&b, &a, false));
    here[1].mtime_ns = 6 * s + 9;
    assert_false(pr_sync_is_copy(&b, &a, false));
    here[1].mtime_ns = 6 * s + 8;
    here[1].size = 99;
    assert_false(pr_sync_is_copy(&b, &a, false));
    b.n = 1;
    assert_false(pr_sync_is_copy(&b, &a, false));
}

/* ---- flags ---- */

static void decide(struct hand_made *h, const char *system, const char *kind, int64_t checkpoint,
    int64_t against, int64_t suite)
{
    struct pr_decision d = {.system = (char *)(uintptr_t)system,
        .kind = (char *)(uintptr_t)kind,
        .checkpoint = checkpoint,
        .suite = suite,
        .verdict = (char *)(uintptr_t) "x",
        .against = against,
        .evidence = json_object(),
        .at_ms = HAND_MADE_NOW};
    assert_int_equal(pr_gradebook_put_decision(h->g, &d, &e), PR_OK);
    json_decref(d.evidence);
}

static const struct pr_sync_flag *of(const struct pr_sync_flags *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->v[i].name, name))
            return &f->v[i];
    fail_msg("%s is not there", name);
    return NULL;
}

/* As they are when this is last_deployment.json (taken over; NULL: there is none). */
static struct pr_sync_flags *read_flags(struct hand_made *h, json_t *deployment, const char *target)
{
    char path[128];
    snprintf(path, sizeof path, "%s/status", h->dir);
    assert_int_equal(pr_mkdirs(path, &e), PR_OK);
    snprintf(path, sizeof path, "%s/status/last_deployment.json", h->dir);
    struct pr_str text = PR_STR_INIT(1 << 16);
    if (deployment && json_is_string(deployment)) /* as it is */
        pr_str_puts(&text, json_string_value(deployment));
    else if (deployment)
        pr_json_dump(deployment, 0, 0, &text);
    unlink(path);
    if (deployment)
        assert_int_equal(pr_file_write_atomic(path, pr_str_cstr(&text), text.len, &e), PR_OK);
    pr_str_done(&text);
    json_decref(deployment);

    struct pr_view v;
    const struct pr_deploy_settings deploy = {.target = (char *)(uintptr_t)target};
    const struct pr_move m = {.base_dir = h->dir, .deploy = &deploy};
    assert_int_equal(pr_gradebook_begin(h->g, &e), PR_OK);
    assert_int_equal(pr_view_open(h->g, &h->settings, h->options, h->now_ms, &v, &e), PR_OK);
    v.move = &m;
    struct pr_sync_flags *f = pr_zalloc(sizeof *f);
    assert_int_equal(pr_sync_flags_read(&v, f, &e), PR_OK);
    pr_view_close(&v);
    pr_gradebook_rollback(h->g);
    return f;
}

static const char *fingerprint_of(struct hand_made *h, int64_t checkpoint)
{
    static char found[65];
    struct pr_view v;
    assert_int_equal(pr_view_open(h->g, &h->settings, h->options, h->now_ms, &v, &e), PR_OK);
    snprintf(found, sizeof found, "%s", pr_view_checkpoint(&v, checkpoint)->fingerprint);
    pr_view_close(&v);
    return found;
}

static void test_what_is_deployed_may_be_unknown(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    json_t *empty = json_pack("{s:n,s:s}", "current", "target", "/srv/model");
    json_t *foreign = json_pack("{s:{},s:s}", "current", "target", "/srv/model");
    json_t *failed = pr_deploy_document(empty, NULL);
    const char *key;
    json_t *x;
    json_object_foreach (failed, key, x) /* as the daemon makes it */
        pr_json_set(failed, key, json_is_array(x) ? json_array() : json_null());
    pr_json_set_str(failed, "state", "failed");
    pr_json_set_str(failed, "state_reason", "the journal is damaged");
    const struct {
        json_t *document;
        const char *target, *unsure; /* NULL: it is known */
    } cases[] = {
        {NULL, "/srv/model", NULL},
        {pr_deploy_document(empty, NULL), "/srv/model", NULL},
        {pr_deploy_no_document("deploy.target is not set"), NULL, NULL},
        {pr_deploy_document(foreign, NULL), "/srv/model", "did not put it there"},
        {pr_deploy_no_document("/srv/model: Permission denied"), "/srv/model", "denied"},
        {failed, NULL, "the journal is damaged"},
        {json_string("{\"checkpoint\": \"chec"), NULL, "last_deployment.json"},
        {json_string("[]"), NULL, "no object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_sync_flags *f = read_flags(&h, cases[i].document, cases[i].target);
        if (!cases[i].unsure)
            assert_null(f->unsure);
        else if (!f->unsure || !strstr(f->unsure, cases[i].unsure))
            fail_msg("case %zu: %s", i, f->unsure ? f->unsure : "taken for known");
        pr_sync_flags_free(f);
    }
    json_decref(empty);
    json_decref(foreign);
    hand_made_done(&h);
}

static void test_the_gradebook_says_what_must_stay(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 6, 0), c[8];
    for (int i = 1; i < 8; i++)
        c[i] = hand_made_checkpoint(&h, NULL, i, NULL);
    assert_int_equal(pr_gradebook_pin(h.g, c[1], "test", HAND_MADE_NOW, &e), PR_OK);
    decide(&h, "regression-monitor", "baseline", c[2], 0, suite);
    decide(&h, "regression-monitor", "baseline", c[3], c[2], suite);
    decide(&h, "regression-monitor", "verdict", c[4], c[2], suite); /* not the last: no longer */
    decide(&h, "regression-monitor", "verdict", c[5], c[3], suite);
    json_t *doc = json_pack("{s:[{s:s,s:s,s:f},{s:s,s:s,s:n}]}", "rankings", "checkpoint",
        "checkpoint-6", "path", "/models/run/checkpoint-6", "score", 0.75, "checkpoint",
        "checkpoint-7", "path", "/models/run/checkpoint-7", "score");
    assert_int_equal(
        pr_gradebook_put_finding(h.g, "model-comparison", doc, HAND_MADE_NOW, &e), PR_OK);
    json_decref(doc);

    json_t *served = json_pack("{s:{s:s,s:s},s:[{s:b,s:s}],s:s,s:[]}", "current", "checkpoint",
        "checkpoint-7", "fingerprint", fingerprint_of(&h, c[5]), "versions", "served", 1, "path",
        "/srv/.model.versions/checkpoint-7-3fa2b1c0", "target", "/srv/model", "history");
    json_t *deployment = pr_deploy_document(served, NULL);
    json_decref(served);
    struct pr_sync_flags *f = read_flags(&h, deployment, "/srv/model");
    assert_null(f->unsure);

    assert_int_equal(of(f, "checkpoint-1")->flags, PR_HELD_PINNED);
    assert_int_equal(of(f, "checkpoint-2")->flags, PR_HELD_CITED); /* the last move was from it */
    assert_int_equal(of(f, "checkpoint-3")->flags, PR_HELD_BASELINE | PR_HELD_CITED);
    assert_int_equal(of(f, "checkpoint-4")->flags, 0);
    assert_int_equal(of(f, "checkpoint-5")->flags, PR_HELD_CITED | PR_HELD_DEPLOYED); /* content */
    assert_int_equal(of(f, "checkpoint-6")->flags, 0);
    assert_true(of(f, "checkpoint-6")->score == 0.75);
    assert_true(isnan(of(f, "checkpoint-7")->score));
    const struct pr_sync_flag *last = &f->v[f->n - 1]; /* by name, wherever it lies */
    assert_string_equal(last->name, "checkpoint-7");
    assert_null(last->path);
    assert_int_equal(last->flags, PR_HELD_DEPLOYED);
    assert_string_equal(of(f, "checkpoint-1")->path, "/models/run/checkpoint-1");
    pr_sync_flags_free(f);
    hand_made_done(&h);
}

static void test_without_a_source_it_waits(void **state)
{
    (void)state;
    struct pr_sync_settings none = {.keep = 3};
    const struct pr_move m = {.base_dir = "/nonexistent", .sync = &none};
    struct pr_view v = {.move = &m};
    struct pr_findings f = {0};
    assert_int_equal(pr_system_checkpoint_sync.run(&v, &f, &e), PR_OK);
    assert_int_equal(pr_system_checkpoint_sync.act(&m, &f, &e), PR_OK);
    assert_non_null(f.status);
    assert_non_null(strstr(f.waiting, "sync.remote_dir"));
    pr_findings_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_off_doubles_up_to_the_longest),
        cmocka_unit_test(test_rest_is_by_our_own_clock),
        cmocka_unit_test(test_no_wait_is_longer_than_the_longest),
        cmocka_unit_test(test_another_content_has_another_name),
        cmocka_unit_test(test_trained_when_its_weights_were_written),
        cmocka_unit_test(test_a_copy_is_told_by_what_is_fetched),
        cmocka_unit_test(test_the_gradebook_says_what_must_stay),
        cmocka_unit_test(test_what_is_deployed_may_be_unknown),
        cmocka_unit_test(test_without_a_source_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
