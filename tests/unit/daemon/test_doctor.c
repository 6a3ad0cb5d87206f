/* doctor where a program cannot be told what to find: gradebooks in every state, and old folders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "../model/temp_folder.h"
#include "base/clock.h"
#include "doctor_finds.h"
#include "gradebook/gradebook.h"

static struct pr_error e;

static struct pr_gradebook *own(void)
{
    struct pr_gradebook *g = NULL;
    if (pr_gradebook_open(temp_path("proctor.db"), PR_GRADEBOOK_OWN, &g, &e))
        fail_msg("%s", e.message);
    return g;
}

static void finds(const char *level, const char *words)
{
    finds_in("gradebook", level, words);
}

static int64_t utc_later(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((int64_t)t.tv_sec + 7300) * 1000;
}

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void a_checkpoint_that_nobody_writes_to_any_more_is_a_warning(void **state)
{
    (void)state;
    static const struct pr_clock later = {monotonic, utc_later};
    temp_mkdir("models/current_model/checkpoint-5");
    temp_text("models/current_model/checkpoint-5/config.json", "{}");
    finds_in("checkpoints", "note", "checkpoint-5 is still being written");
    pr_clock_override = &later;
    finds_in("checkpoints", "warning", "checkpoint-5 is incomplete since 2 h");
    pr_clock_override = NULL;
}

/* Sparse: nothing of it is on the disk, and whoever reads it has 40 MB of zeros. */
static void make_large(const char *name)
{
    temp_text(name, "{}");
    assert_int_equal(truncate(temp_path(name), (off_t)40 << 20), 0);
}

static void examples_that_take_gigabytes_to_read_are_left_alone(void **state)
{
    (void)state;
    temp_mkdir("queue/normal");
    make_large("queue/normal/a.jsonl");
    finds_in("curriculum", "note", "/queue/normal/a.jsonl is larger than 32 MB");
    temp_text("queue/normal/b.jsonl", "{\"prompt\": \"1 + 1 =\", \"golden\": \"2\"}\n");
    finds_in("curriculum", "ok",
        "1 examples for probes in 1 file; the others are too large to be looked at");
}

static void a_whole_gradebook_is_found_intact(void **state)
{
    (void)state;
    pr_gradebook_close(own());
    finds("ok", "intact (schema ");
}

static void the_log_of_a_killed_owner_is_read_too(void **state)
{
    (void)state;
    struct pr_gradebook *g = own();
    int64_t id;
    assert_int_equal(
        pr_gradebook_note_checkpoint(g, "/m/checkpoint-5", "x", false, 1000, &id, &e), PR_OK);
    assert_int_equal(
        pr_gradebook_set_state(g, id, PR_CHECKPOINT_QUARANTINED, "it died twice", &e), PR_OK);
    finds("warning", "checkpoint-5 is quarantined: it died twice");
    pr_gradebook_close(g);
    finds("warning", "checkpoint-5 is quarantined: it died twice");
    finds("ok", "intact");
}

static void overwrite(off_t at, const void *bytes, size_t n)
{
    int fd = open(temp_path("proctor.db"), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void damage_is_an_error(void **state)
{
    (void)state;
    char rubbish[4096];
    pr_gradebook_close(own());
    memset(rubbish, 0x5a, sizeof rubbish);
    struct stat st;
    assert_int_equal(stat(temp_path("proctor.db"), &st), 0);
    overwrite(st.st_size / 2 / 4096 * 4096, rubbish, sizeof rubbish);
    finds("error", "");
    assert_int_equal(truncate(temp_path("proctor.db"), st.st_size / 2), 0);
    finds("error", "");
}

static void a_newer_gradebook_is_named(void **state)
{
    (void)state;
    pr_gradebook_close(own());
    overwrite(60, "\0\0\x7f\xff", 4); /* user_version of SQLite's header */
    finds("error", "newer proctor");
    overwrite(68, "abcd", 4); /* application_id */
    finds("error", "not a gradebook of proctor");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_that_nobody_writes_to_any_more_is_a_warning),
        TEST(examples_that_take_gigabytes_to_read_are_left_alone),
        TEST(a_whole_gradebook_is_found_intact),
        TEST(the_log_of_a_killed_owner_is_read_too),
        TEST(damage_is_an_error),
        TEST(a_newer_gradebook_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
