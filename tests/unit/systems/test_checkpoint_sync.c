/* Checkpoint sync: its rules, what it takes from the gradebook, and what follows for retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/remove.h"
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

/* ---- act, from a folder of this machine ---- */

static char top[] = "/tmp/proctor-sync-XXXXXX";

static void put(const char *folder, const char *name, const char *bytes, size_t n, int64_t at_s)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", top, folder);
    assert_int_equal(pr_mkdirs(path, &e), PR_OK);
    snprintf(path, sizeof path, "%s/%s/%s", top, folder, name);
    assert_int_equal(pr_file_write_atomic(path, bytes, n, &e), PR_OK);
    struct timespec at[2] = {{.tv_sec = at_s}, {.tv_sec = at_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
}

/* `bytes` of weights; more than four are not written. */
static void make_of(int step, size_t bytes)
{
    char header[128], folder[64], path[128], weights[256];
    snprintf(header, sizeof header,
        "{\"w\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}     ", bytes, bytes);
    memset(weights, 0, sizeof weights);
    weights[0] = (char)strlen(header);
    size_t n = strlen(header);
    memcpy(weights + 8, header, n);
    memset(weights + 8 + n, step, 4);
    snprintf(folder, sizeof folder, "runs/checkpoint-%d", step);
    put(folder, "model.safetensors", weights, 8 + n + 4, 1000 + step);
    put(folder, "config.json", "{}", 2, 1000 + step);
    put(folder, "tokenizer.json", "{}", 2, 1000 + step);
    snprintf(path, sizeof path, "%s/%s/model.safetensors", top, folder);
    const struct timespec at[2] = {{.tv_sec = 1000 + step}, {.tv_sec = 1000 + step}};
    assert_int_equal(truncate(path, (off_t)(8 + n + bytes)), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
}

static void make(int step)
{
    make_of(step, 4);
}

static bool is_here(int step)
{
    char path[128];
    snprintf(path, sizeof path, "%s/local/checkpoint-%d/model.safetensors", top, step);
    return pr_path_exists(path);
}

static struct pr_sync_settings settings;

static int64_t flags_age_s;
static char *flags_unsure;

static size_t n_alerts; /* of the last run */

static json_t *act(struct pr_sync_flag *flags, size_t n)
{
    const struct pr_move m = {
        .base_dir = top, .sync = &settings, .interval_ms = 1000, .once_ms = 1};
    struct pr_sync_flags all = {.v = flags,
        .n = n,
        .read_ns = pr_clock_monotonic_ns() - flags_age_s * 1000000000,
        .unsure = flags_unsure};
    struct pr_findings f = {.errand = &all};
    assert_int_equal(pr_system_checkpoint_sync.act(&m, &f, &e), PR_OK);
    json_t *o = json_incref(f.status);
    n_alerts = f.n_alerts;
    pr_findings_done(&f);
    return o;
}

static char runs[64], local[64];

static int begin(void **state)
{
    (void)state;
    strcpy(top, "/tmp/proctor-sync-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(runs, sizeof runs, "%s/runs", top);
    snprintf(local, sizeof local, "%s/local", top);
    settings = (struct pr_sync_settings){.remote_dir = runs,
        .local_dir = local,
        .keep = 2,
        .keep_best = 1,
        .look_seconds = 0.01,
        .retry_seconds = 0.01,
        .retry_max_seconds = 0.05};
    return 0;
}

static int end(void **state)
{
    (void)state;
    return pr_remove_tree(top, &e) ? -1 : 0;
}

static void test_the_best_and_the_flagged_stay(void **state)
{
    (void)state;
    char path[3][96];
    for (int i = 1; i <= 2; i++)
        make(i);
    json_decref(act(NULL, 0));
    assert_true(is_here(1) && is_here(2));
    struct pr_sync_flag flags[3] = {{.score = 0.9}, {.score = 0.5}, {.score = 0.1}};
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/checkpoint-%d", local, i + 1);
        flags[i].path = path[i];
        flags[i].name = strrchr(path[i], '/') + 1;
    }
    flags[2].flags = PR_HELD_BASELINE;
    make(3);
    json_decref(act(flags, 3));
    assert_true(is_here(1) && is_here(2) && is_here(3)); /* 1: the best; 2, 3: the newest */
    make(4);
    json_decref(act(flags, 3));
    assert_true(is_here(1) && !is_here(2) && is_here(3) && is_here(4));
    make(5);
    json_t *o = act(flags, 3);
    assert_true(is_here(1) && is_here(3) && is_here(4) && is_here(5)); /* 3: the baseline */
    assert_int_equal(json_array_size(json_object_get(o, "removed")), 1);
    json_decref(o);
    make(6);
    o = act(flags, 3);
    assert_true(is_here(1) && is_here(3) && !is_here(4) && is_here(5) && is_here(6));
    /* 2 and 4 still lie there, were here, and do not come again */
    assert_int_equal(json_array_size(json_object_get(o, "removed")), 2);
    json_decref(o);
}

static const json_t *named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *x;
    json_array_foreach (list, i, x)
        if (!strcmp(pr_sync_text(x, "name"), name))
            return x;
    fail_msg("%s is not in the list", name);
    return NULL;
}

static void test_a_folder_of_the_users_is_not_removed_for_its_name(void **state)
{
    (void)state;
    char path[96];
    make(1);
    make(2);
    json_decref(act(NULL, 0));
    snprintf(path, sizeof path, "%s/checkpoint-1", local);
    assert_int_equal(pr_remove_tree(path, &e), PR_OK);
    put("local/checkpoint-1", "model.safetensors", "my own", 6, 5000);
    make(3);
    make(4);
    json_t *o = act(NULL, 0);
    assert_true(is_here(1) && is_here(3) && is_here(4) && !is_here(2));
    const json_t *mine = named(json_object_get(o, "kept"), "checkpoint-1");
    assert_non_null(strstr(pr_sync_text(mine, "reason"), "never removed"));
    json_decref(o);
}

static void test_nothing_goes_by_what_may_be_otherwise_by_now(void **state)
{
    (void)state;
    char unsure[] = "what is deployed is not known";
    make(1);
    make(2);
    json_decref(act(NULL, 0));
    flags_age_s = 31; /* a pin may have come since */
    make(3);
    json_t *o = act(NULL, 0);
    const json_t *old = named(json_object_get(o, "kept"), "checkpoint-1");
    assert_true(is_here(1) && is_here(2) && is_here(3));
    assert_non_null(strstr(pr_sync_text(old, "not_removed"), "the next run"));
    json_decref(o);
    flags_age_s = 0;
    flags_unsure = unsure;
    o = act(NULL, 0);
    old = named(json_object_get(o, "kept"), "checkpoint-1");
    assert_true(is_here(1) && is_here(2) && is_here(3));
    assert_string_equal(pr_sync_text(old, "not_removed"), unsure);
    json_decref(o);
    flags_unsure = NULL;
    json_decref(act(NULL, 0));
    assert_true(!is_here(1) && is_here(2) && is_here(3));
}

static json_t *read_state(void)
{
    json_t *o = NULL;
    char path[96];
    snprintf(path, sizeof path, "%s/.checkpoint_sync.json", top);
    assert_int_equal(pr_json_read(AT_FDCWD, path, 1 << 20, PR_JSON_STRICT, &o, &e), PR_OK);
    return o;
}

static void write_state(json_t *o)
{
    char path[96];
    struct pr_str text = PR_STR_INIT(1 << 20);
    snprintf(path, sizeof path, "%s/.checkpoint_sync.json", top);
    pr_json_dump(o, 0, 0, &text);
    assert_int_equal(pr_file_write_atomic(path, pr_str_cstr(&text), text.len, &e), PR_OK);
    pr_str_done(&text);
    json_decref(o);
}

#define GB 1000000000

/* So that a checkpoint of 2 GB lacks about 1 GB of room, and removing one that is here gives it. */
static void fill_the_disk(void)
{
    struct statvfs v;
    size_t i;
    json_t *o = read_state(), *x;
    json_array_foreach (json_object_get(o, "copied"), i, x)
        pr_json_set_int(x, "bytes", 2LL * GB);
    write_state(o);
    assert_int_equal(statvfs(top, &v), 0);
    double room = (double)v.f_bavail * (double)v.f_frsize;
    settings.reserve_gb = room > GB ? room / 1e9 - 1 : 0;
}

static void test_a_newer_one_does_not_make_room_for_an_older(void **state)
{
    (void)state;
    settings.keep = 3;
    make(2);
    make(3);
    json_decref(act(NULL, 0));
    fill_the_disk();
    make_of(1, 2LL * GB);
    json_t *o = act(NULL, 0);
    assert_true(is_here(2) && is_here(3) && !is_here(1));
    const json_t *failed = named(json_object_get(o, "checkpoints"), "checkpoint-1");
    assert_non_null(strstr(pr_sync_text(failed, "reason"), "too little would be free"));
    assert_true(pr_sync_int(json_object_get(o, "disk"), "short") > GB / 2);
    json_decref(o);
    make_of(4, 2LL * GB); /* for that one it does */
    o = act(NULL, 0);
    assert_true(!is_here(2) && is_here(3));
    assert_non_null(strstr(
        pr_sync_text(named(json_object_get(o, "removed"), "checkpoint-2"), "why"), "for room"));
    json_decref(o);
}

static atomic_bool stopped;

static void stop_when_it_comes(void *ctx, const json_t *status)
{
    (void)ctx;
    if (json_is_object(json_object_get(status, "transferring")))
        atomic_store(&stopped, true);
}

static void write_to_it_once(void *ctx, const json_t *status)
{
    bool *written = ctx;
    if (*written || !json_is_object(json_object_get(status, "transferring")))
        return;
    *written = true;
    put("runs/checkpoint-1", "config.json", "{ }", 3, 2000);
}

static void test_what_was_written_to_meanwhile_comes_once_it_rests(void **state)
{
    (void)state;
    bool written = false;
    make(1);
    struct pr_sync_flags none = {.read_ns = pr_clock_monotonic_ns()};
    const struct pr_move m = {.base_dir = top,
        .sync = &settings,
        .interval_ms = 1000,
        .once_ms = 1,
        .tell = write_to_it_once,
        .ctx = &written};
    struct pr_findings f = {.errand = &none};
    assert_int_equal(pr_system_checkpoint_sync.act(&m, &f, &e), PR_OK);
    assert_true(written && is_here(1));
    pr_findings_done(&f);
}

static void test_what_is_no_longer_wanted_is_no_failure(void **state)
{
    (void)state;
    settings.keep = 1;
    make(1);
    json_decref(act(NULL, 0));
    json_t *o = read_state(), *x = json_object_get(json_object_get(o, "seen"), "checkpoint-1");
    assert_int_equal(n_alerts, 0);
    json_array_clear(json_object_get(o, "copied")); /* as if it had never come */
    pr_json_set(json_object_get(o, "failed"), "checkpoint-1",
        json_pack("{s:s,s:i,s:I,s:s,s:s,s:b,s:i}", "content", pr_sync_text(x, "content"), "tries",
            99, "next_ms", (json_int_t)(pr_clock_utc_ms() + 500000), "reason", "the disk is full",
            "code", "limit", "disk_full", 1, "short", 5));
    write_state(o);
    char path[128];
    snprintf(path, sizeof path, "%s/checkpoint-1", local);
    assert_int_equal(pr_remove_tree(path, &e), PR_OK);
    make(2);
    settings.retry_max_seconds = 1000;
    o = act(NULL, 0);
    assert_true(!is_here(1) && is_here(2));
    assert_int_equal(n_alerts, 0);
    const json_t *old = named(json_object_get(o, "checkpoints"), "checkpoint-1");
    assert_string_equal(pr_sync_text(old, "state"), "ready");
    assert_int_equal(pr_sync_int(json_object_get(o, "disk"), "short"), 0);
    json_decref(o);
}

static void test_a_source_that_was_not_seen_is_not_empty(void **state)
{
    (void)state;
    json_t *o = act(NULL, 0); /* there is no such folder */
    assert_true(json_is_null(json_object_get(o, "checkpoints")));
    assert_non_null(strstr(pr_sync_text(o, "checkpoints_reason"), "runs"));
    json_decref(o);
}

static void test_what_never_comes_any_more_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const names[] = {
        "checkpoint-1", "checkpoint-1.0badc0de", "checkpoint-2", "checkpoint-77"};
    char path[128];
    make(1);
    put("runs/checkpoint-2", "config.json", "{}", 2, 1002); /* half written */
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "local/.incoming/%s", names[i]);
        put(path, "model.safetensors", "half", 4, 1);
    }
    json_decref(act(NULL, 0));
    assert_true(is_here(1));
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/.incoming/%s", local, names[i]);
        assert_int_equal(pr_path_exists(path), i == 2); /* that one may still be gone on with */
    }
}

static size_t n_here(void)
{
    char **names;
    size_t n, found = 0;
    assert_int_equal(pr_dir_list(local, &names, &n, &e), PR_OK);
    for (size_t i = 0; i < n; i++)
        found += *names[i] != '.';
    pr_names_free(names, n);
    return found;
}

static void test_another_spelling_of_the_source_brings_nothing_again(void **state)
{
    (void)state;
    char alias[64];
    settings.keep = 1;
    settings.keep_best = 0;
    make(1);
    json_decref(act(NULL, 0));
    make(2);
    json_decref(act(NULL, 0)); /* 1 came, and was removed */
    assert_true(!is_here(1) && is_here(2));
    settings.keep = 3;
    snprintf(alias, sizeof alias, "%s/alias", top);
    assert_int_equal(symlink(runs, alias), 0);
    settings.remote_dir = alias;
    json_decref(act(NULL, 0));
    assert_true(n_here() == 1 && is_here(2));
    put("runs/checkpoint-2", "optimizer.pt", "x", 1,
        3000); /* another content, of what is not fetched */
    json_t *o = act(NULL, 0);
    assert_true(n_here() == 1 && is_here(2));
    const json_t *kept = json_array_get(json_object_get(o, "kept"), 0);
    assert_null(strstr(pr_sync_text(kept, "reason"), "never removed"));
    json_decref(o);
}

static int64_t set_back_ms;

static int64_t clock_that_is_set(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 - set_back_ms;
}

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set_back_at_the_second(void *ctx, const json_t *status)
{
    int *told = ctx;
    (void)status;
    if (++*told == 2)
        set_back_ms = 3600000;
}

static void test_a_clock_that_is_set_back_delays_nothing(void **state)
{
    (void)state;
    static const struct pr_clock clock = {monotonic, clock_that_is_set};
    int told = 0;
    make(1);
    struct pr_sync_flags none = {.read_ns = pr_clock_monotonic_ns()};
    const struct pr_move m = {.base_dir = top,
        .sync = &settings,
        .interval_ms = 1000,
        .once_ms = 1,
        .tell = set_back_at_the_second,
        .ctx = &told};
    struct pr_findings f = {.errand = &none};
    alarm(10); /* rather than an hour */
    pr_clock_override = &clock;
    assert_int_equal(pr_system_checkpoint_sync.act(&m, &f, &e), PR_OK);
    pr_clock_override = NULL;
    alarm(0);
    assert_true(told >= 2 && is_here(1));
    pr_findings_done(&f);
}

static void test_what_came_before_needs_no_more_room(void **state)
{
    (void)state;
    char path[128];
    make(1);
    make(2);
    json_decref(act(NULL, 0));
    fill_the_disk();
    make_of(3, 2LL * GB); /* 1 GB are free, and 1.5 GB of it are here */
    put("local/.incoming/checkpoint-3", "model.safetensors", "", 0, 1);
    snprintf(path, sizeof path, "%s/.incoming/checkpoint-3/model.safetensors", local);
    assert_int_equal(truncate(path, 3LL * GB / 2), 0);
    struct pr_sync_flags none = {.read_ns = pr_clock_monotonic_ns()};
    const struct pr_move m = {.base_dir = top,
        .sync = &settings,
        .interval_ms = 1000,
        .once_ms = 1,
        .stop = &stopped,
        .tell = stop_when_it_comes};
    struct pr_findings f = {.errand = &none};
    assert_int_equal(pr_system_checkpoint_sync.act(&m, &f, &e), PR_E_CANCELLED);
    assert_true(is_here(1) && is_here(2)); /* nothing had to go for it */
    pr_findings_done(&f);
}

static void test_an_odd_checkpoint_is_its_own_trouble(void **state)
{
    (void)state;
    char path[128];
    make(1);
    make(2);
    put("runs/checkpoint-1", "trainer_state.json", "{", 1, 1001);
    put("runs/checkpoint-2", "trainer_state.json", "{\"global_step\":2}", 17, 1002);
    snprintf(path, sizeof path, "%s/checkpoint-1/trainer_state.json", runs);
    assert_int_equal(truncate(path, 33 << 20), 0);
    json_t *o = act(NULL, 0);
    const json_t *odd = named(json_object_get(o, "checkpoints"), "checkpoint-1");
    assert_int_equal(pr_sync_int(o, "consecutive_failures"), 0);
    assert_string_equal(pr_sync_text(odd, "state"), "incomplete");
    assert_non_null(strstr(pr_sync_text(odd, "reason"), "trainer_state.json"));
    assert_true(!is_here(1) && is_here(2));
    json_decref(o);
}

static json_t *act_as_one_who_may_not_read_all(void)
{
    bool root = !geteuid();
    if (root)
        assert_int_equal(seteuid(65534), 0);
    json_t *o = act(NULL, 0);
    if (root)
        assert_int_equal(seteuid(0), 0);
    return o;
}

static void test_what_could_not_be_read_is_tried_again(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "config.json", "tokenizer.json"};
    char path[128];
    make(1);
    assert_int_equal(chmod(top, 0777), 0); /* NOLINT: a folder of the test alone */
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/checkpoint-1/%s", runs, names[i]);
        assert_int_equal(chmod(path, i ? 0644 : 0), 0);
    }
    json_t *o = act_as_one_who_may_not_read_all();
    const json_t *x = named(json_object_get(o, "checkpoints"), "checkpoint-1");
    assert_string_equal(pr_sync_text(x, "state"), "incomplete");
    assert_non_null(strstr(pr_sync_text(x, "reason"), "cannot be read"));
    json_decref(o);
    snprintf(path, sizeof path, "%s/checkpoint-1/model.safetensors", runs);
    assert_int_equal(chmod(path, 0644), 0);
    json_decref(act_as_one_who_may_not_read_all());
    assert_true(is_here(1));
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
        cmocka_unit_test_setup_teardown(test_the_best_and_the_flagged_stay, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_folder_of_the_users_is_not_removed_for_its_name, begin, end),
        cmocka_unit_test(test_what_is_deployed_may_be_unknown),
        cmocka_unit_test_setup_teardown(
            test_nothing_goes_by_what_may_be_otherwise_by_now, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_newer_one_does_not_make_room_for_an_older, begin, end),
        cmocka_unit_test_setup_teardown(test_what_came_before_needs_no_more_room, begin, end),
        cmocka_unit_test_setup_teardown(test_an_odd_checkpoint_is_its_own_trouble, begin, end),
        cmocka_unit_test_setup_teardown(test_what_could_not_be_read_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(
            test_what_was_written_to_meanwhile_comes_once_it_rests, begin, end),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back_delays_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_longer_wanted_is_no_failure, begin, end),
        cmocka_unit_test_setup_teardown(test_a_source_that_was_not_seen_is_not_empty, begin, end),
        cmocka_unit_test_setup_teardown(
            test_what_never_comes_any_more_leaves_nothing_behind, begin, end),
        cmocka_unit_test_setup_teardown(
            test_another_spelling_of_the_source_brings_nothing_again, begin, end),
        cmocka_unit_test(test_without_a_source_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
