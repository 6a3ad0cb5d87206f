/* A parent for tests: see watch.h. */
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "grader/message.h"

#define PATIENCE_NS INT64_C(240000000000)

char *fixture(const char *name)
{
    const char *root = getenv("PR_SOURCE_ROOT");
    char *base = pr_path_join(root ? root : ".", "tests/fixtures");
    char *path = pr_path_join(base, name);
    pr_free(base);
    return path;
}

char *copy_folder(const char *from, const char *name)
{
    char scratch[] = "/tmp/proctor-test-XXXXXX";
    char **names;
    size_t n, len;
    assert_non_null(mkdtemp(scratch));
    char *to = pr_path_join(scratch, name);
    assert_int_equal(pr_mkdirs(to, NULL), PR_OK);
    assert_int_equal(pr_dir_list(from, &names, &n, NULL), PR_OK);
    for (size_t i = 0; i < n; i++) {
        char *a = pr_path_join(from, names[i]), *b = pr_path_join(to, names[i]), *bytes;
        assert_int_equal(pr_file_read(AT_FDCWD, a, 1 << 26, &bytes, &len, NULL), PR_OK);
        assert_int_equal(pr_file_write_atomic(b, bytes, len, NULL), PR_OK);
        pr_free(bytes);
        pr_free(a);
        pr_free(b);
    }
    pr_names_free(names, n);
    return to;
}

void remove_copy(char *folder)
{
    char **names;
    size_t n;
    if (!pr_dir_list(folder, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *path = pr_path_join(folder, names[i]);
            unlink(path);
            pr_free(path);
        }
        pr_names_free(names, n);
        rmdir(folder);
    }
    *strrchr(folder, '/') = 0;
    rmdir(folder);
    pr_free(folder);
}

void watch_init(struct watch *w, const char *file)
{
    char *path = fixture(file ? file : "run_a/validation.jsonl");
    const char *paths[] = {path};
    struct pr_error e;
    *w = (struct watch){0};
    if (pr_suite_load(paths, 1, &(struct pr_suite_options){.allow_commands = true}, &w->suite, &e))
        fail_msg("%s", e.message);
    pr_free(path);
    w->grades = pr_zalloc(w->suite->n * sizeof *w->grades);
    w->came = pr_zalloc(w->suite->n * sizeof *w->came);
    w->judge = pr_zalloc(w->suite->n * sizeof *w->judge);
}

void watch_done(struct watch *w)
{
    pr_grader_free(w->g);
    for (size_t i = 0; i < w->suite->n; i++)
        pr_grade_done(&w->grades[i]);
    pr_free(w->grades);
    pr_free(w->came);
    pr_free(w->judge);
    pr_free(w->folder);
    json_decref(w->settings);
    json_decref(w->bad_weights);
    pr_suite_free(w->suite);
}

static void on_opened(void *ctx, const struct pr_grader_opened *o)
{
    struct watch *w = ctx;
    assert_false(w->opened);
    w->opened = true;
    memcpy(w->fingerprint, o->fingerprint, sizeof w->fingerprint);
    memcpy(w->settings_fingerprint, o->settings_fingerprint, sizeof w->settings_fingerprint);
    snprintf(w->sandbox, sizeof w->sandbox, "%s", o->sandbox);
    w->settings = json_incref(o->settings);
    w->bad_weights = json_incref(o->bad_weights);
    w->n_notes = json_array_size(o->notes);
    w->origin = o->origin;
}

static size_t index_of(const struct watch *w, const char *digest)
{
    for (size_t i = 0; i < w->suite->n; i++) {
        char hex[PR_SHA256_HEX];
        pr_sha256_hex(w->suite->v[i].digest, hex);
        if (!strcmp(hex, digest))
            return i;
    }
    fail_msg("example %s is not in the suite", digest);
    return 0;
}

/* Keeps a grade by writing it again: the event's is only borrowed. */
static void on_grade(
    void *ctx, int64_t order, const char *digest, const struct pr_grade *g, bool judge)
{
    struct watch *w = ctx;
    size_t i = index_of(w, digest);
    struct pr_grade copy = *g;
    char again[65];
    struct pr_error e;
    json_t *m = json_object();
    assert_true(order > 0);
    assert_false(w->came[i]);
    copy.example = &w->suite->v[i];
    pr_message_put_grade(m, &copy);
    if (pr_message_get_grade(m, &w->grades[i], again, &e))
        fail_msg("%s", e.message);
    assert_string_equal(again, digest);
    w->grades[i].example = copy.example;
    json_decref(m);
    w->came[i] = true;
    w->judge[i] = judge;
    w->n_came++;
    if (w->on_grade)
        w->on_grade(w);
}

static void on_progress(void *ctx, int64_t order, const struct pr_grader_progress *p)
{
    struct watch *w = ctx;
    assert_true(order > 0 && p->examples_done <= p->examples_total);
    w->n_progress++;
}

static void on_done(void *ctx, const struct pr_grader_done *d)
{
    struct watch *w = ctx;
    w->done = *d;
    w->tokens += d->tokens_prefilled + d->tokens_generated;
    w->n_done++;
}

static void on_order_failed(void *ctx, int64_t order, const struct pr_error *why)
{
    struct watch *w = ctx;
    (void)order;
    w->order_why = *why;
    w->n_failed++;
}

static void on_ended(void *ctx, enum pr_grader_end how, const struct pr_error *why)
{
    struct watch *w = ctx;
    assert_false(w->ended);
    w->ended = true;
    w->how = how;
    w->why = *why;
}

void watch_start(struct watch *w, const char *folder, const struct pr_grader_options *given)
{
    static const char *argv[] = {NULL, "grader", NULL};
    struct pr_grader_events events = {.opened = on_opened,
        .grade = on_grade,
        .progress = on_progress,
        .done = on_done,
        .order_failed = on_order_failed,
        .ended = on_ended,
        .ctx = w};
    struct pr_grader_options o = {.scan = true, .max_new_tokens = 32};
    struct pr_error e;
    if (given)
        o = *given;
    argv[0] = getenv("PROCTOR");
    assert_non_null(argv[0]);
    o.argv = o.argv ? o.argv : argv;
    o.path = folder;
    if (pr_grader_start(&o, &events, &w->g, &e))
        fail_msg("%s", e.message);
}

void watch_order(struct watch *w, int64_t order, size_t from, size_t to)
{
    size_t n = to - from;
    struct pr_grader_example *v = pr_zalloc(n * sizeof *v);
    char(*digests)[PR_SHA256_HEX] = pr_zalloc(n * sizeof *digests);
    struct pr_error e;
    for (size_t i = 0; i < n; i++) {
        pr_sha256_hex(w->suite->v[from + i].digest, digests[i]);
        v[i] = (struct pr_grader_example){digests[i], pr_example_pack(&w->suite->v[from + i])};
    }
    if (pr_grader_order(w->g, order, v, n, &e))
        fail_msg("%s", e.message);
    for (size_t i = 0; i < n; i++)
        pr_free((char *)v[i].line);
    pr_free(digests);
    pr_free(v);
}

void watch_until(struct watch *w, bool (*ready)(const struct watch *w))
{
    int64_t end = pr_clock_monotonic_ns() + PATIENCE_NS;
    while (!ready(w) && !w->ended) {
        int in, out;
        bool want_write;
        int64_t now = pr_clock_monotonic_ns(), deadline = pr_grader_deadline(w->g);
        assert_true(now < end);
        pr_grader_fds(w->g, &in, &out, &want_write);
        struct pollfd p[2] = {
            {.fd = in, .events = POLLIN}, {.fd = want_write ? out : -1, .events = POLLOUT}};
        int64_t ns = (deadline < end ? deadline : end) - now;
        poll(p, 2, ns > 0 ? (int)(ns / 1000000) + 1 : 0);
        pr_grader_turn(w->g);
    }
}

bool watch_is_opened(const struct watch *w)
{
    return w->opened;
}

bool watch_is_done(const struct watch *w)
{
    return w->n_done > 0;
}

bool watch_has_ended(const struct watch *w)
{
    return w->ended;
}
