/* Arrivals: real folders, real inotify. */
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/temp_folder.h"
#include "base/clock.h"
#include "daemon/arrivals.h"

#define RUN_A "run_a/checkpoints/"

/* What was called back, one line an event: "complete checkpoint-1". */
static struct pr_str heard;
static char last_identity[65], last_reason[1024];
static size_t n_complete, n_waiting, n_gone, n_changed;

static void note(const char *what, const char *path)
{
    char *base = pr_path_base(path);
    pr_str_printf(&heard, "%s %s\n", what, base);
    pr_free(base);
}

static void on_complete(void *ctx, const char *path, const char *identity)
{
    (void)ctx;
    n_complete++;
    snprintf(last_identity, sizeof last_identity, "%s", identity);
    note("complete", path);
}

static void on_waiting(void *ctx, const char *path, const struct pr_error *why)
{
    (void)ctx;
    n_waiting++;
    snprintf(last_reason, sizeof last_reason, "%s", why->message);
    note("waiting", path);
}

static void on_gone(void *ctx, const char *path)
{
    (void)ctx;
    n_gone++;
    note("gone", path);
}

static void on_changed(void *ctx, const char *path)
{
    (void)ctx;
    n_changed++;
    note("changed", path);
}

static void forget(void)
{
    pr_str_done(&heard);
    heard = PR_STR_INIT(1 << 24);
    n_complete = n_waiting = n_gone = n_changed = 0;
    last_identity[0] = last_reason[0] = 0;
}

struct watched {
    const char *folder, *reference, *other;
    int64_t scan_ms;
    bool no_inotify;
};

static struct pr_arrivals *watch(struct watched w)
{
    static const struct pr_arrivals_events events = {
        on_complete, on_waiting, on_gone, on_changed, NULL};
    struct pr_arrivals_options o = {.folders = &w.folder,
        .n_folders = w.folder != NULL,
        .reference = w.reference,
        .others = &w.other,
        .n_others = w.other != NULL,
        .scan_ms = w.scan_ms ? w.scan_ms : 3600000,
        .no_inotify = w.no_inotify};
    struct pr_arrivals *a;
    forget();
    assert_int_equal(pr_arrivals_new(&o, &events, &a, NULL), 0);
    return a;
}

/* Turns until *count reaches n (or at_most_ms passed); true when it did. */
static bool turn_until(struct pr_arrivals *a, const size_t *count, size_t n, int at_most_ms)
{
    int64_t end = pr_clock_monotonic_ns() + (int64_t)at_most_ms * 1000000;
    for (;;) {
        int64_t now = pr_clock_monotonic_ns(), due = pr_arrivals_deadline(a);
        if (count && *count >= n)
            return true;
        if (now >= end)
            return false;
        int64_t until = due < end ? due : end;
        struct pollfd p = {.fd = pr_arrivals_fd(a), .events = POLLIN};
        poll(&p, 1, until <= now ? 0 : (int)((until - now) / 1000000) + 1);
        pr_arrivals_turn(a);
    }
}

/* Long enough for anything that is still to come. */
static void turn_for(struct pr_arrivals *a, int ms)
{
    turn_until(a, NULL, 0, ms);
}

#define SOON  10000 /* at most: it comes in a fraction of a second */
#define QUIET 700

static void a_checkpoint_written_file_by_file_is_offered_once_and_last(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "generation_config.json", "tokenizer.json",
        "tokenizer_config.json", "model.safetensors", "trainer_state.json"};
    temp_copy_folder(RUN_A "checkpoint-1574", "run/checkpoint-1574");
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    assert_true(turn_until(a, &n_complete, 1, SOON));
    forget();
    temp_mkdir("run/checkpoint-2886");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char from[200], to[200];
        snprintf(from, sizeof from, RUN_A "checkpoint-2886/%s", files[i]);
        snprintf(to, sizeof to, "run/checkpoint-2886/%s", files[i]);
        turn_for(a, 250); /* at rest before each */
        assert_int_equal(n_complete, 0);
        temp_copy(from, to);
    }
    int64_t start = pr_clock_monotonic_ns();
    assert_true(turn_until(a, &n_complete, 1, SOON));
    print_message(
        "noticed after %lld ms\n", (long long)(pr_clock_monotonic_ns() - start) / 1000000);
    turn_for(a, QUIET);
    assert_int_equal(n_complete, 1);
    assert_true(n_waiting >= 1);
    char identity[65];
    pr_folder_identity(temp_path("run/checkpoint-2886"), identity);
    assert_string_equal(identity, last_identity);
    struct pr_arrivals_count c;
    pr_arrivals_counts(a, &c);
    assert_int_equal(c.complete, 2);
    assert_int_equal(c.waiting, 0);
    assert_true(c.inotify);
    pr_arrivals_free(a);
}

static void a_half_written_file_keeps_it_waiting(void **state)
{
    (void)state;
    temp_copy_folder(RUN_A "checkpoint-2886", "run/checkpoint-2886");
    temp_cut("run/checkpoint-2886/model.safetensors", 100);
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    assert_true(turn_until(a, &n_waiting, 1, SOON));
    turn_for(a, QUIET);
    assert_int_equal(n_complete, 0);
    assert_non_null(strstr(last_reason, "model.safetensors"));
    temp_copy(RUN_A "checkpoint-2886/model.safetensors", "run/checkpoint-2886/model.safetensors");
    assert_true(turn_until(a, &n_complete, 1, SOON));
    pr_arrivals_free(a);
}

static void a_checkpoint_renamed_into_place_is_offered_and_temporaries_are_not(void **state)
{
    (void)state;
    temp_mkdir("run");
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    turn_for(a, 50);
    temp_copy_folder(RUN_A "checkpoint-2886", "run/tmp-checkpoint-2886");
    temp_copy_folder(RUN_A "checkpoint-2886", "run/.checkpoint-2886.partial");
    turn_for(a, QUIET);
    assert_int_equal(n_complete + n_waiting, 0);
    assert_int_equal(
        rename(temp_path("run/tmp-checkpoint-2886"), temp_path("run/checkpoint-2886")), 0);
    assert_true(turn_until(a, &n_complete, 1, SOON));
    assert_string_equal(heard.data, "complete checkpoint-2886\n");
    /* Under another name it is another checkpoint. */
    forget();
    assert_int_equal(rename(temp_path("run/checkpoint-2886"), temp_path("run/checkpoint-best")), 0);
    assert_true(turn_until(a, &n_complete, 1, SOON));
    assert_true(turn_until(a, &n_gone, 1, SOON));
    assert_non_null(strstr(heard.data, "gone checkpoint-2886\n"));
    assert_non_null(strstr(heard.data, "complete checkpoint-best\n"));
    pr_arrivals_free(a);
}

static void one_deleted_while_it_is_written_goes_quietly(void **state)
{
    (void)state;
    temp_mkdir("run/checkpoint-2886");
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    temp_copy(RUN_A "checkpoint-2886/config.json", "run/checkpoint-2886/config.json");
    assert_true(turn_until(a, &n_waiting, 1, SOON));
    temp_remove(temp_path("run/checkpoint-2886"));
    assert_true(turn_until(a, &n_gone, 1, SOON));
    assert_int_equal(n_complete, 0);
    struct pr_arrivals_count c;
    pr_arrivals_counts(a, &c);
    assert_int_equal(c.complete + c.waiting, 0);
    pr_arrivals_free(a);
}

static void a_rewritten_checkpoint_is_offered_again_with_another_identity(void **state)
{
    (void)state;
    char first[65];
    temp_copy_folder(RUN_A "checkpoint-2886", "run/checkpoint-2886");
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    assert_true(turn_until(a, &n_complete, 1, SOON));
    memcpy(first, last_identity, sizeof first);
    /* What comes late and is no part of the model changes nothing. */
    temp_text("run/checkpoint-2886/optimizer.pt", "late");
    temp_text("run/checkpoint-2886/rng_state.pth", "late");
    turn_for(a, QUIET);
    assert_int_equal(n_complete, 1);
    /* In place, with the same size. */
    int fd = open(temp_path("run/checkpoint-2886/model.safetensors"), O_RDWR);
    char byte;
    off_t at = lseek(fd, -1, SEEK_END);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    assert_true(turn_until(a, &n_complete, 2, SOON));
    assert_string_not_equal(first, last_identity);
    /* A burst is offered once. */
    for (int i = 0; i < 20; i++) {
        temp_text("run/checkpoint-2886/special_tokens_map.json", "{}");
        turn_for(a, 10);
    }
    assert_true(turn_until(a, &n_complete, 3, SOON));
    turn_for(a, QUIET);
    assert_int_equal(n_complete, 3);
    assert_int_equal(n_gone, 0);
    pr_arrivals_free(a);
}

static void missing_parents_are_waited_for(void **state)
{
    (void)state;
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("models/current_model")});
    turn_for(a, 100);
    temp_mkdir("models");
    turn_for(a, 100);
    temp_mkdir("models/current_model");
    temp_copy_folder(RUN_A "checkpoint-2886", "models/current_model/checkpoint-2886");
    assert_true(turn_until(a, &n_complete, 1, SOON));
    /* The whole folder goes, and comes again. */
    assert_int_equal(rename(temp_path("models"), temp_path("old")), 0);
    assert_true(turn_until(a, &n_gone, 1, SOON));
    temp_mkdir("models");
    assert_int_equal(rename(temp_path("old/current_model"), temp_path("models/current_model")), 0);
    assert_true(turn_until(a, &n_complete, 2, SOON));
    pr_arrivals_free(a);
}

static void what_inotify_missed_is_found_by_scanning(void **state)
{
    (void)state;
    temp_mkdir("run");
    struct pr_arrivals *a =
        watch((struct watched){.folder = temp_path("run"), .scan_ms = 50, .no_inotify = true});
    struct pr_arrivals_count c;
    turn_for(a, 100);
    pr_arrivals_counts(a, &c);
    assert_false(c.inotify);
    temp_copy_folder(RUN_A "checkpoint-2886", "run/checkpoint-2886");
    assert_true(turn_until(a, &n_complete, 1, SOON));
    temp_remove(temp_path("run/checkpoint-2886"));
    assert_true(turn_until(a, &n_gone, 1, SOON));
    pr_arrivals_free(a);
}

/* More events than the kernel keeps: what was lost is found by looking at everything. */
static void a_queue_that_overflowed_leads_to_a_scan(void **state)
{
    (void)state;
    char name[64], limit[32] = "";
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY);
    assert_true(fd >= 0 && read(fd, limit, sizeof limit - 1) > 0);
    close(fd);
    long n = strtol(limit, NULL, 10);
    if (n > 100000) {
        print_message("skipped: the queue holds %ld events\n", n);
        skip();
    }
    temp_mkdir("run");
    temp_mkdir("noise");
    struct pr_arrivals *a =
        watch((struct watched){.folder = temp_path("run"), .other = temp_path("noise")});
    turn_for(a, 50);
    for (long i = 0; i < n; i++) {
        snprintf(name, sizeof name, "noise/%ld", i);
        temp_text(name, "");
    }
    temp_copy_folder(RUN_A "checkpoint-2886", "run/checkpoint-2886");
    assert_true(turn_until(a, &n_complete, 1, SOON));
    pr_arrivals_free(a);
}

static void a_folder_that_is_a_model_itself_counts(void **state)
{
    (void)state;
    temp_copy_folder(RUN_A "checkpoint-2886", "model");
    temp_copy_folder(RUN_A "checkpoint-1574", "base");
    struct pr_arrivals *a =
        watch((struct watched){.folder = temp_path("model"), .reference = temp_path("base")});
    assert_true(turn_until(a, &n_complete, 2, SOON));
    assert_non_null(strstr(heard.data, "complete model\n"));
    assert_non_null(strstr(heard.data, "complete base\n"));
    /* A run's folder with a configuration of its own holds checkpoints and is none. */
    temp_copy_folder(RUN_A "checkpoint-2886", "model/checkpoint-2886");
    assert_true(turn_until(a, &n_complete, 3, SOON));
    temp_unlink("model/model.safetensors");
    assert_true(turn_until(a, &n_gone, 1, SOON));
    assert_non_null(strstr(heard.data, "gone model\n"));
    pr_arrivals_free(a);
}

static void links_are_followed_and_do_no_harm(void **state)
{
    (void)state;
    char outside[200];
    temp_mkdir("run");
    temp_copy_folder(RUN_A "checkpoint-2886", "elsewhere/stored");
    temp_copy_folder(RUN_A "checkpoint-1574", "run/checkpoint-1574");
    snprintf(outside, sizeof outside, "%s", temp_path("elsewhere/stored"));
    assert_int_equal(symlink(outside, temp_path("run/checkpoint-2886")), 0);
    assert_int_equal(symlink("checkpoint-1574", temp_path("run/latest")), 0);
    assert_int_equal(symlink(".", temp_path("run/checkpoint-1")), 0);
    assert_int_equal(symlink("checkpoint-2", temp_path("run/checkpoint-2")), 0);
    assert_int_equal(symlink("nowhere", temp_path("run/checkpoint-3")), 0);
    assert_int_equal(symlink("/proc", temp_path("run/proc")), 0);
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    assert_true(turn_until(a, &n_complete, 2, SOON));
    turn_for(a, QUIET);
    assert_string_equal(heard.data, "complete checkpoint-2886\ncomplete checkpoint-1574\n");
    pr_arrivals_free(a);
}

static void changes_of_others_are_told(void **state)
{
    (void)state;
    temp_mkdir("base");
    struct pr_arrivals *a = watch((struct watched){.other = temp_path("base/data/validation")});
    turn_for(a, 100);
    assert_int_equal(n_changed, 0);
    temp_mkdir("base/data/validation/forgetting");
    assert_true(turn_until(a, &n_changed, 1, SOON));
    turn_for(a, QUIET);
    size_t n = n_changed;
    temp_text("base/data/validation/forgetting/a.jsonl", "{}\n");
    assert_true(turn_until(a, &n_changed, n + 1, SOON));
    turn_for(a, QUIET);
    n = n_changed;
    temp_text("base/data/neighbour", "");
    turn_for(a, QUIET);
    assert_int_equal(n_changed, n);
    pr_arrivals_free(a);
    /* By scanning alone. */
    a = watch((struct watched){
        .other = temp_path("base/data/validation"), .scan_ms = 30, .no_inotify = true});
    turn_for(a, 200);
    assert_int_equal(n_changed, 0);
    temp_text("base/data/validation/forgetting/a.jsonl", "{} \n");
    assert_true(turn_until(a, &n_changed, 1, SOON));
    pr_arrivals_free(a);
}

static void repeat_offers_everything_again(void **state)
{
    (void)state;
    temp_copy_folder(RUN_A "checkpoint-2886", "run/checkpoint-2886");
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    assert_true(turn_until(a, &n_complete, 1, SOON));
    pr_arrivals_scan(a);
    turn_for(a, 300);
    assert_int_equal(n_complete, 1);
    pr_arrivals_repeat(a);
    assert_true(turn_until(a, &n_complete, 2, SOON));
    pr_arrivals_free(a);
}

/* Thousands of folders: hard links, so that a test may make them.  PR_ARRIVALS_FOLDERS changes how
 * many; the times are printed, not judged. */
static void thousands_of_folders_are_looked_through_in_slices(void **state)
{
    (void)state;
    const char *given = getenv("PR_ARRIVALS_FOLDERS");
    size_t n = given ? strtoul(given, NULL, 10) : 2000, turns = 0;
    int64_t longest = 0, start;
    temp_copy_folder(RUN_A "checkpoint-2886", "one");
    temp_unlink("one/trainer_state.json");
    temp_mkdir("run");
    char **names;
    size_t n_names;
    assert_int_equal(pr_dir_list(temp_path("one"), &names, &n_names, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        char dir[64], to[512], from[512];
        snprintf(dir, sizeof dir, "run/checkpoint-%zu", i + 1);
        temp_mkdir(dir);
        for (size_t k = 0; k < n_names; k++) {
            snprintf(from, sizeof from, "%s/one/%s", temp_root, names[k]);
            snprintf(to, sizeof to, "%s/%s/%s", temp_root, dir, names[k]);
            assert_int_equal(link(from, to), 0);
        }
    }
    pr_names_free(names, n_names);
    poll(NULL, 0, 150); /* so that all are at rest */
    size_t before = mallinfo2().uordblks;
    struct pr_arrivals *a = watch((struct watched){.folder = temp_path("run")});
    start = pr_clock_monotonic_ns();
    while (n_complete < n && pr_clock_monotonic_ns() - start < 120 * (int64_t)1000000000) {
        int64_t t = pr_clock_monotonic_ns();
        pr_arrivals_turn(a);
        t = pr_clock_monotonic_ns() - t;
        longest = t > longest ? t : longest;
        turns++;
        while (n_complete < n && pr_arrivals_deadline(a) > pr_clock_monotonic_ns())
            ;
    }
    assert_int_equal(n_complete, n);
    assert_memory_equal(heard.data, "complete checkpoint-", 20);
    assert_int_equal(strtoul(heard.data + 20, NULL, 10), n); /* the newest first */
    print_message("%zu folders: first scan %.2f s in %zu turns, the longest %.1f ms\n", n,
        (double)(pr_clock_monotonic_ns() - start) / 1e9, turns, (double)longest / 1e6);
    turn_for(a, 200);
    print_message("%zu bytes a folder\n", (mallinfo2().uordblks - before - heard.cap) / n);
    for (int i = 0; i < 3; i++) {
        pr_arrivals_scan(a);
        start = pr_clock_monotonic_ns();
        do
            pr_arrivals_turn(a);
        while (pr_arrivals_deadline(a) <= pr_clock_monotonic_ns());
        print_message("scan again: %.1f ms\n", (double)(pr_clock_monotonic_ns() - start) / 1e6);
    }
    assert_int_equal(n_complete, n);
    struct pr_arrivals_count c;
    pr_arrivals_counts(a, &c);
    assert_int_equal(c.complete, n);
    pr_arrivals_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_written_file_by_file_is_offered_once_and_last),
        TEST(a_half_written_file_keeps_it_waiting),
        TEST(a_checkpoint_renamed_into_place_is_offered_and_temporaries_are_not),
        TEST(one_deleted_while_it_is_written_goes_quietly),
        TEST(a_rewritten_checkpoint_is_offered_again_with_another_identity),
        TEST(missing_parents_are_waited_for),
        TEST(what_inotify_missed_is_found_by_scanning),
        TEST(a_queue_that_overflowed_leads_to_a_scan),
        TEST(a_folder_that_is_a_model_itself_counts),
        TEST(links_are_followed_and_do_no_harm),
        TEST(changes_of_others_are_told),
        TEST(repeat_offers_everything_again),
        TEST(thousands_of_folders_are_looked_through_in_slices),
    };
    if (getenv("PR_ARRIVALS_FOLDERS")) /* measuring: that one alone */
        cmocka_set_test_filter("thousands*");
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    pr_str_done(&heard);
    return rc;
}
