/* A grader as its parent sees it: the built program, started, ordered, cancelled and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "exam/grade.h"
#include "watch.h"

#define RUN "run_a/checkpoints/checkpoint-2886"

/* The same grading without a process around it. */
static struct pr_grades *graded_here(const char *folder, const struct pr_suite *s)
{
    struct pr_checkpoint_options co = {.weights = true};
    struct pr_engine_options eo = {0};
    struct pr_grade_options go = {.max_new_tokens = 32};
    struct pr_checkpoint *c;
    struct pr_engine *engine;
    struct pr_grades *g;
    struct pr_error e;
    if (pr_checkpoint_open(folder, &co, &c, &e) || pr_engine_new(c, &eo, &engine, &e) ||
        pr_grade_suite(c, engine, s, &go, &g, &e))
        fail_msg("%s", e.message);
    pr_engine_free(engine);
    pr_checkpoint_free(c);
    return g;
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a);
}

static void assert_same_text(const char *a, size_t n, const char *b, size_t m)
{
    assert_int_equal(a == NULL, b == NULL);
    assert_int_equal(n, m);
    if (a)
        assert_memory_equal(a, b, n);
}

static void assert_same_grade(const struct pr_grade *a, const struct pr_grade *b)
{
    assert_int_equal(a->graded, b->graded);
    assert_int_equal(a->answer_tokens, b->answer_tokens);
    assert_true(same(a->nll, b->nll) && same(a->loss, b->loss));
    assert_true(same(a->confidence, b->confidence) && same(a->confidence_all, b->confidence_all));
    assert_int_equal(a->correct, b->correct);
    assert_int_equal(a->finish == NULL, b->finish == NULL);
    if (a->finish)
        assert_string_equal(a->finish, b->finish);
    assert_int_equal(a->loss_reason == NULL, b->loss_reason == NULL);
    assert_int_equal(a->truncated, b->truncated);
    assert_int_equal(a->output_tokens, b->output_tokens);
    assert_same_text(a->answer, a->answer_len, b->answer, b->answer_len);
    assert_same_text(a->output, a->output_len, b->output, b->output_len);
}

static void a_grader_gives_what_grading_here_gives_bit_for_bit(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    watch_init(&w, NULL);
    watch_start(&w, folder, NULL);
    watch_order(&w, 1, 0, 16); /* two orders, as the daemon gives them */
    watch_order(&w, 2, 16, w.suite->n);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_FINISHED);
    assert_int_equal(w.n_done, 2);
    assert_int_equal(w.n_came, w.suite->n);
    struct pr_grades *here = graded_here(folder, w.suite);
    assert_string_equal(w.fingerprint, here->fingerprint);
    assert_string_equal(w.settings_fingerprint, here->settings_fingerprint);
    assert_true(json_equal(w.settings, here->settings));
    assert_int_equal(w.origin.step, 2886);
    assert_string_equal(w.origin.run, here->origin.run);
    for (size_t i = 0; i < here->n; i++)
        assert_same_grade(&w.grades[i], &here->v[i]);
    /* The model's beginning is computed once for each order: hardly more work than in one. */
    uint64_t alone = here->tokens_prefilled + here->tokens_generated;
    assert_true((double)w.tokens <= 1.05 * (double)alone);
    pr_grades_free(here);
    pr_free(folder);
    watch_done(&w);
}

static void cancel_after_the_first_grade(struct watch *w)
{
    if (w->n_came == 1)
        pr_grader_cancel(w->g, 1);
}

static void a_cancelled_order_ends_early_and_the_next_is_carried_out(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    struct pr_grader_options slow = {.cpu_percent = 2, .max_new_tokens = 32};
    watch_init(&w, NULL);
    watch_start(&w, folder, &slow);
    w.on_grade = cancel_after_the_first_grade;
    watch_order(&w, 1, 0, 200);
    watch_until(&w, watch_is_done);
    assert_true(w.done.cancelled);
    assert_int_equal(w.done.order, 1);
    assert_int_equal(w.done.examples, w.n_came);
    assert_in_range(w.n_came, 1, 199);
    size_t before = w.n_came;
    watch_order(&w, 2, 200, 210);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_FINISHED);
    assert_int_equal(w.n_came, before + 10);
    assert_false(w.done.cancelled);
    pr_free(folder);
    watch_done(&w);
}

static void cancel_both(struct watch *w)
{
    if (w->n_came == 1) {
        pr_grader_cancel(w->g, 2);
        pr_grader_cancel(w->g, 1);
    }
}

static void an_order_that_waits_can_be_cancelled(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    struct pr_grader_options slow = {.cpu_percent = 2, .max_new_tokens = 32};
    watch_init(&w, NULL);
    watch_start(&w, folder, &slow);
    w.on_grade = cancel_both;
    watch_order(&w, 1, 0, 100);
    watch_order(&w, 2, 100, 200);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_FINISHED);
    assert_int_equal(w.n_done, 2);
    assert_int_equal(w.done.order, 2);
    assert_true(w.done.cancelled && !w.done.examples);
    pr_free(folder);
    watch_done(&w);
}

static void kill_it(struct watch *w)
{
    if (w->n_came == 1)
        kill(pr_grader_pid(w->g), SIGKILL);
}

static void a_killed_grader_is_told_by_its_signal(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    watch_init(&w, NULL);
    watch_start(&w, folder, NULL);
    w.on_grade = kill_it;
    watch_order(&w, 1, 0, w.suite->n);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_DIED);
    assert_non_null(strstr(w.why.message, "signal 9"));
    assert_int_equal(pr_grader_pid(w.g), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
    assert_int_equal(errno, ECHILD);
    pr_free(folder);
    watch_done(&w);
}

static void remove_it(struct watch *w)
{
    if (w->n_came != 1)
        return;
    char *path = pr_path_join(w->folder, "model.safetensors");
    assert_int_equal(unlink(path), 0);
    pr_free(path);
}

static void a_checkpoint_that_vanishes_is_told_as_changed(void **state)
{
    (void)state;
    struct watch w;
    char *from = fixture(RUN);
    struct pr_grader_options slow = {.cpu_percent = 20, .max_new_tokens = 32};
    watch_init(&w, NULL);
    w.folder = copy_folder(from, "checkpoint-2886");
    watch_start(&w, w.folder, &slow);
    w.on_grade = remove_it;
    watch_order(&w, 1, 0, w.suite->n);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_CHANGED);
    assert_non_null(strstr(w.why.message, "the file is gone"));
    assert_int_equal(w.n_done, 0);
    assert_true(w.n_came < w.suite->n);
    remove_copy(w.folder);
    w.folder = NULL;
    pr_free(from);
    watch_done(&w);
}

static void shorten_it(struct watch *w)
{
    if (w->n_came != 1)
        return;
    char *path = pr_path_join(w->folder, "model.safetensors");
    assert_int_equal(truncate(path, 4096), 0);
    pr_free(path);
}

/* Seen by the look at the files, or as SIGBUS: which, is a matter of luck. */
static void a_file_that_becomes_shorter_is_told_as_changed(void **state)
{
    (void)state;
    struct watch w;
    char *from = fixture(RUN);
    struct pr_grader_options slow = {.cpu_percent = 20, .max_new_tokens = 32};
    watch_init(&w, NULL);
    w.folder = copy_folder(from, "checkpoint-2886");
    watch_start(&w, w.folder, &slow);
    w.on_grade = shorten_it;
    watch_order(&w, 1, 0, w.suite->n);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_CHANGED);
    assert_int_equal(w.why.code, PR_E_CHANGED);
    remove_copy(w.folder);
    w.folder = NULL;
    pr_free(from);
    watch_done(&w);
}

static void a_folder_that_is_not_there_is_told_as_changed(void **state)
{
    (void)state;
    struct watch w;
    watch_init(&w, NULL);
    watch_start(&w, "/tmp/proctor-test-no-such-folder/checkpoint-1", NULL);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_CHANGED);
    assert_non_null(strstr(w.why.message, "gone"));
    watch_done(&w);
}

static void malformed_checkpoints_are_refused_with_a_reason(void **state)
{
    (void)state;
    char *root = fixture("malformed/checkpoint"), **names;
    size_t n, refused = 0, opened = 0;
    assert_int_equal(pr_dir_list(root, &names, &n, NULL), PR_OK);
    for (size_t i = 0; i < n; i++) {
        struct watch w;
        char *folder = pr_path_join(root, names[i]);
        watch_init(&w, NULL);
        watch_start(&w, folder, NULL);
        pr_grader_finish(w.g);
        watch_until(&w, watch_has_ended);
        if (w.how == PR_GRADER_REFUSED) {
            assert_true(strlen(w.why.message) > strlen(names[i]));
            refused++;
        } else if (w.how == PR_GRADER_FINISHED) {
            assert_true(w.opened);
            opened++;
        } else {
            fail_msg("%s: ended as %d: %s", names[i], (int)w.how, w.why.message);
        }
        watch_done(&w);
        pr_free(folder);
    }
    assert_true(refused >= 10 && opened >= 1);
    pr_names_free(names, n);
    pr_free(root);
}

static void tensors_with_nan_are_named(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture("malformed/checkpoint/nan_weight");
    watch_init(&w, NULL);
    watch_start(&w, folder, NULL);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    assert_true(w.opened);
    assert_int_equal(json_array_size(w.bad_weights), 1);
    pr_free(folder);
    watch_done(&w);
}

static void kill_now(struct watch *w)
{
    if (w->n_came == 1)
        pr_grader_kill(w->g);
}

static void a_grader_that_the_parent_stops_says_nothing_more(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    watch_init(&w, NULL);
    watch_start(&w, folder, NULL);
    w.on_grade = kill_now;
    watch_order(&w, 1, 0, w.suite->n);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_KILLED);
    assert_int_equal(w.n_came, 1);
    pr_free(folder);
    watch_done(&w);
}

/* A parent that is killed without a word takes its grader with it. */
static void a_grader_dies_with_its_parent(void **state)
{
    (void)state;
    int told[2];
    pid_t child = 0;
    assert_int_equal(pipe(told), 0);
    pid_t parent = fork();
    if (!parent) {
        struct watch w;
        struct pr_grader_options slow = {.cpu_percent = 1, .max_new_tokens = 32};
        watch_init(&w, NULL);
        watch_start(&w, fixture(RUN), &slow);
        watch_order(&w, 1, 0, w.suite->n);
        watch_until(&w, watch_is_opened);
        child = pr_grader_pid(w.g);
        _exit(write(told[1], &child, sizeof child) == sizeof child && pause() ? 0 : 1);
    }
    close(told[1]); /* a parent that fails ends the pipe */
    assert_int_equal(read(told[0], &child, sizeof child), sizeof child);
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    int64_t end = pr_clock_monotonic_ns() + INT64_C(1000000000);
    while (!kill(child, 0) && pr_clock_monotonic_ns() < end) {
        char path[64], state_of[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        FILE *f = fopen(path, "r");
        bool zombie = !f || (fgets(state_of, sizeof state_of, f) && strstr(state_of, ") Z"));
        if (f)
            fclose(f);
        if (zombie) /* dead; nobody reaps it here */
            break;
        usleep(1000);
    }
    assert_true(pr_clock_monotonic_ns() < end);
    close(told[0]);
}

static void a_program_that_speaks_something_else_is_stopped(void **state)
{
    (void)state;
    static const char *const argv[] = {"/bin/echo", "hello, this is no frame", NULL};
    struct watch w;
    struct pr_grader_options o = {.argv = argv};
    watch_init(&w, NULL);
    watch_start(&w, "/tmp", &o);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_DIED);
    watch_done(&w);
}

static void a_grader_that_says_nothing_is_stopped_in_time(void **state)
{
    (void)state;
    static const char *const argv[] = {"/bin/sleep", "1000", NULL};
    struct watch w;
    struct pr_grader_options o = {.argv = argv, .open_timeout_ms = 100};
    watch_init(&w, NULL);
    watch_start(&w, "/tmp", &o);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_DIED);
    assert_non_null(strstr(w.why.message, "said nothing"));
    watch_done(&w);
}

static void an_order_of_another_digest_fails_alone(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    struct pr_grader_example wrong = {
        "00000000000000000000000000000000000000000000000000000000000000aa",
        "{\"line\":{\"prompt\":\"1\",\"golden\":\"2\"}}"};
    watch_init(&w, NULL);
    watch_start(&w, folder, NULL);
    assert_int_equal(pr_grader_order(w.g, 7, &wrong, 1, NULL), PR_OK);
    watch_order(&w, 8, 0, 3);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    assert_int_equal(w.how, PR_GRADER_FINISHED);
    assert_int_equal(w.n_failed, 1);
    assert_int_equal(w.order_why.code, PR_E_FORMAT);
    assert_int_equal(w.n_came, 3);
    pr_free(folder);
    watch_done(&w);
}

/* What the kernel says of a process, where it is said in one number. */
static long proc_number(pid_t pid, const char *file)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    return strtol(text, NULL, 10);
}

static void it_steps_back_before_others(void **state)
{
    (void)state;
    struct watch w;
    struct rlimit core, data;
    char *folder = fixture(RUN);
    struct pr_grader_options o = {.nice = 7, .max_memory = (uint64_t)1 << 30, .cpu_percent = 50};
    watch_init(&w, NULL);
    watch_start(&w, folder, &o);
    watch_until(&w, watch_is_opened);
    pid_t pid = pr_grader_pid(w.g);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), 7);
    assert_int_equal(proc_number(pid, "oom_score_adj"), 600);
    assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &core), 0);
    assert_int_equal(core.rlim_max, 0);
    assert_int_equal(prlimit(pid, RLIMIT_DATA, NULL, &data), 0);
    if (!getenv("PR_SANITIZED"))
        assert_int_equal(data.rlim_max, 1 << 30);
    assert_int_equal(getpgid(pid), pid);
    assert_true(strlen(w.sandbox) > 0);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    pr_free(folder);
    watch_done(&w);
}

static void it_takes_no_more_than_its_share_of_the_time(void **state)
{
    (void)state;
    struct watch w;
    struct rusage before, after;
    size_t n = getenv("PR_SANITIZED") ? 4 : 100; /* slow there */
    char *folder = fixture(RUN);
    struct pr_grader_options o = {.cpu_percent = 10, .n_threads = 1, .max_new_tokens = 32};
    int64_t start = pr_clock_monotonic_ns();
    getrusage(RUSAGE_CHILDREN, &before);
    watch_init(&w, NULL);
    watch_start(&w, folder, &o);
    watch_order(&w, 1, 0, n);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    getrusage(RUSAGE_CHILDREN, &after);
    assert_int_equal(w.n_came, n);
    double wall = (double)(pr_clock_monotonic_ns() - start) / 1e9;
    double cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                 (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
    assert_true(cpu < 0.3 * wall); /* opening is not held back, and weighs much here */
    pr_free(folder);
    watch_done(&w);
}

static void too_little_memory_is_told_as_such(void **state)
{
    (void)state;
    struct watch w;
    char *folder = fixture(RUN);
    struct pr_grader_options o = {.max_memory = 4 << 20, .max_new_tokens = 32};
    watch_init(&w, NULL);
    watch_start(&w, folder, &o);
    watch_order(&w, 1, 0, 3);
    pr_grader_finish(w.g);
    watch_until(&w, watch_has_ended);
    if (getenv("PR_SANITIZED")) { /* no limit there */
        assert_int_equal(w.how, PR_GRADER_FINISHED);
    } else {
        assert_int_equal(w.how, PR_GRADER_DIED);
        if (!strstr(w.why.message, "needs more than 4 MB"))
            fail_msg("%s", w.why.message);
    }
    pr_free(folder);
    watch_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grader_gives_what_grading_here_gives_bit_for_bit),
        cmocka_unit_test(a_cancelled_order_ends_early_and_the_next_is_carried_out),
        cmocka_unit_test(an_order_that_waits_can_be_cancelled),
        cmocka_unit_test(a_killed_grader_is_told_by_its_signal),
        cmocka_unit_test(a_checkpoint_that_vanishes_is_told_as_changed),
        cmocka_unit_test(a_file_that_becomes_shorter_is_told_as_changed),
        cmocka_unit_test(a_folder_that_is_not_there_is_told_as_changed),
        cmocka_unit_test(malformed_checkpoints_are_refused_with_a_reason),
        cmocka_unit_test(tensors_with_nan_are_named),
        cmocka_unit_test(a_grader_that_the_parent_stops_says_nothing_more),
        cmocka_unit_test(a_grader_dies_with_its_parent),
        cmocka_unit_test(a_program_that_speaks_something_else_is_stopped),
        cmocka_unit_test(a_grader_that_says_nothing_is_stopped_in_time),
        cmocka_unit_test(an_order_of_another_digest_fails_alone),
        cmocka_unit_test(it_steps_back_before_others),
        cmocka_unit_test(it_takes_no_more_than_its_share_of_the_time),
        cmocka_unit_test(too_little_memory_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
