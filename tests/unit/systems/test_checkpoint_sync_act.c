/* Checkpoint sync's runs, from a folder of this machine: what comes, what goes, what stays. */
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
#include "systems/checkpoint_sync.h"

static struct pr_error e;

static char top[32];

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
static bool again;

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
    again = f.again;
    pr_findings_done(&f);
    return o;
}

static char runs[64], local[64];

static int begin(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/proctor-sync-XXXXXX");
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
    assert_false(again);
    flags_age_s = 31; /* a pin may have come since */
    make(3);
    json_t *o = act(NULL, 0);
    assert_true(again);
    const json_t *old = named(json_object_get(o, "kept"), "checkpoint-1");
    assert_true(is_here(1) && is_here(2) && is_here(3));
    assert_non_null(strstr(pr_sync_text(old, "not_removed"), "the next run"));
    json_decref(o);
    json_decref(act(NULL, 0));
    assert_false(again); /* nothing came: it waits for its time */
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

/* A folder that is not mounted is an empty one. */
static void test_an_empty_source_forgets_nothing(void **state)
{
    (void)state;
    char aside[64], half[128];
    settings.keep = 1;
    settings.keep_best = 0;
    make(1);
    json_decref(act(NULL, 0));
    make(2);
    json_decref(act(NULL, 0));                              /* 1 came, and was removed */
    put("runs/checkpoint-3", "config.json", "{}", 2, 1003); /* half written */
    put("local/.incoming/checkpoint-3", "model.safetensors", "half", 4, 1);
    snprintf(half, sizeof half, "%s/.incoming/checkpoint-3", local);
    snprintf(aside, sizeof aside, "%s/aside", top);
    assert_int_equal(rename(runs, aside), 0);
    assert_int_equal(pr_mkdirs(runs, &e), PR_OK);
    json_decref(act(NULL, 0));
    assert_true(is_here(2) && pr_path_exists(half));
    assert_int_equal(rmdir(runs), 0);
    assert_int_equal(rename(aside, runs), 0);
    settings.keep = 3;
    json_decref(act(NULL, 0));
    assert_false(is_here(1)); /* that it was removed here is still known */
    assert_true(is_here(2) && pr_path_exists(half));
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

/* The state as a kill between the rename and its record leaves it: what came is under `coming`. */
static void forget_that_it_came(const char *name, bool other_folder)
{
    struct stat st;
    char path[160], inode[48];
    json_t *o;
    snprintf(path, sizeof path, "%s/checkpoint-1", local);
    assert_int_equal(stat(path, &st), 0);
    snprintf(inode, sizeof inode, "%llx:%llx", (unsigned long long)st.st_dev,
        (unsigned long long)st.st_ino + other_folder);
    snprintf(path, sizeof path, "%s/.checkpoint_sync.json", top);
    assert_int_equal(pr_json_read(AT_FDCWD, path, 1 << 20, 0, &o, &e), PR_OK);
    json_t *copied = json_object_get(o, "copied"), *x = json_incref(json_array_get(copied, 0));
    assert_string_equal(json_string_value(json_object_get(x, "name")), name);
    json_array_clear(copied);
    json_object_del(x, "placed");
    pr_json_set_str(x, "inode", inode);
    json_t *coming = json_object();
    pr_json_set(coming, name, x);
    pr_json_set(o, "coming", coming);
    struct pr_str text = PR_STR_INIT(1 << 20);
    pr_json_dump(o, 0, 0, &text);
    assert_int_equal(pr_file_write_atomic(path, pr_str_cstr(&text), text.len, &e), PR_OK);
    pr_str_done(&text);
    json_decref(o);
}

static void test_what_a_kill_left_in_its_place_is_known_as_its_own(void **state)
{
    (void)state;
    char path[160];
    settings.keep = 1;
    settings.keep_best = 0;
    for (int other = 0; other < 2; other++) {
        make(1);
        json_decref(act(NULL, 0));
        forget_that_it_came("checkpoint-1", other);
        snprintf(path, sizeof path, "%s/checkpoint-1", runs);
        assert_int_equal(pr_remove_tree(path, &e), PR_OK); /* the trainer rotated it */
        make(2);
        json_decref(act(NULL, 0));
        assert_true(is_here(2));
        assert_int_equal(is_here(1), other); /* a folder of somebody else's stays */
        snprintf(path, sizeof path, "%s/.checkpoint_sync.json", top);
        unlink(path);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pr_remove_tree(i ? local : runs, &e), PR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_best_and_the_flagged_stay, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_folder_of_the_users_is_not_removed_for_its_name, begin, end),
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
        cmocka_unit_test_setup_teardown(test_an_empty_source_forgets_nothing, begin, end),
        cmocka_unit_test_setup_teardown(
            test_another_spelling_of_the_source_brings_nothing_again, begin, end),
        cmocka_unit_test_setup_teardown(
            test_what_a_kill_left_in_its_place_is_known_as_its_own, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
