/* A parent before graders that are not what they should be: prepared streams, and programs that end
 * in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "grader/frame.h"
#include "grader/message.h"
#include "grader/wire.h"
#include "watch.h"

/* A stream of frames in a file, played by cat. */
struct tape {
    char path[64];
    struct pr_str bytes;
};

static void tape_add(struct tape *t, json_t *m)
{
    pr_frame_append(&t->bytes, m);
    json_decref(m);
}

static void tape_begin(struct tape *t, bool opened)
{
    static const char fingerprint[] =
        "4b61951d87a21e063a78c7123c6a9bdda59d4c00afe195604fc7b4ef1614cd5d";
    struct pr_grader_opened o = {.settings = json_object(),
        .origin = {.step = 1, .run = "c81307ebf981dacf"},
        .sandbox = "none"};
    uint8_t hash[PR_SHA256_LEN];
    json_t *hello = pr_wire_message("hello");
    *t = (struct tape){.path = "/tmp/proctor-test-XXXXXX", .bytes = PR_STR_INIT(1 << 20)};
    pr_json_set_int(hello, "version", PR_FRAME_VERSION);
    tape_add(t, hello);
    memcpy(o.fingerprint, fingerprint, sizeof fingerprint);
    pr_sha256("{}", 2, hash);
    pr_sha256_hex(hash, o.settings_fingerprint);
    if (opened)
        tape_add(t, pr_wire_put_opened(&o));
    json_decref(o.settings);
}

static json_t *a_grade(const struct watch *w, size_t example, int64_t order)
{
    struct pr_grade g = {.example = &w->suite->v[example],
        .reason = (char *)(uintptr_t) "not today",
        .nll = NAN,
        .loss = NAN,
        .confidence = NAN,
        .confidence_all = NAN};
    json_t *m = pr_wire_message("grade");
    pr_json_set_int(m, "order", order);
    pr_message_put_grade(m, &g);
    return m;
}

static json_t *a_done(int64_t order, size_t examples)
{
    struct pr_grader_done d = {.order = order, .examples = examples};
    return pr_wire_put_done(&d);
}

/* Plays the tape to a parent that ordered the first three examples as order 1. */
static void play(struct watch *w, struct tape *t)
{
    int fd = mkstemp(t->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, t->bytes.data, t->bytes.len), (ssize_t)t->bytes.len);
    close(fd);
    const char *const argv[] = {"/bin/cat", t->path, NULL};
    struct pr_grader_options o = {.argv = argv};
    watch_start(w, "/run/checkpoint-9", &o);
    watch_order(w, 1, 0, 3);
    watch_until(w, watch_has_ended);
    unlink(t->path);
    pr_str_done(&t->bytes);
}

static void assert_caught(struct watch *w, struct tape *t, const char *words)
{
    play(w, t);
    assert_int_equal(w->how, PR_GRADER_DIED);
    if (!strstr(w->why.message, "makes no sense") || !strstr(w->why.message, words))
        fail_msg("'%s' was expected: %s", words, w->why.message);
    assert_true(!strncmp(w->why.message, "checkpoint-9: ", 14));
    watch_done(w);
}

static void an_honest_tape_is_believed(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    for (size_t i = 0; i < 3; i++)
        tape_add(&t, a_grade(&w, i, 1));
    tape_add(&t, a_done(1, 3));
    play(&w, &t);
    assert_int_equal(w.how, PR_GRADER_FINISHED);
    assert_int_equal(w.n_came, 3);
    assert_int_equal(w.n_done, 1);
    watch_done(&w);
}

static void a_grade_that_was_not_ordered_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_add(&t, a_grade(&w, 3, 1));
    assert_caught(&w, &t, "was not ordered");
}

static void a_grade_that_comes_twice_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_add(&t, a_grade(&w, 0, 1));
    tape_add(&t, a_grade(&w, 0, 1));
    assert_caught(&w, &t, "comes twice");
}

static void an_order_that_there_is_not_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_add(&t, a_grade(&w, 0, 2));
    assert_caught(&w, &t, "order 2");
}

static void an_end_before_its_time_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_add(&t, a_grade(&w, 0, 1));
    tape_add(&t, a_done(1, 1));
    assert_caught(&w, &t, "1 of 3 examples");
}

static void grades_before_opening_are_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, false);
    tape_add(&t, a_grade(&w, 0, 1));
    assert_caught(&w, &t, "'grade' at a moment");
}

static void a_second_opening_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t, again;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_begin(&again, true);
    json_t *m;
    size_t used;
    assert_int_equal(
        pr_frame_parse(again.bytes.data, again.bytes.len, &m, &used, NULL), PR_OK); /* hello */
    json_decref(m);
    pr_str_append(&t.bytes, again.bytes.data + used, again.bytes.len - used);
    pr_str_done(&again.bytes);
    assert_caught(&w, &t, "'opened' at a moment");
}

static void a_verdict_for_a_judge_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    json_t *m = a_grade(&w, 0, 1);
    pr_json_set_bool(m, "judge", true);
    tape_add(&t, m);
    assert_caught(&w, &t, "'judge'");
}

static void an_unknown_message_is_caught(void **state)
{
    (void)state;
    struct watch w;
    struct tape t;
    watch_init(&w, NULL);
    tape_begin(&t, true);
    tape_add(&t, pr_wire_message("please\x1b[2J"));
    assert_caught(&w, &t, "no message of a grader");
}

/* --- programs that end --- */

static void run_shell(struct watch *w, const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct pr_grader_options o = {.argv = argv, .max_memory = 1 << 30};
    watch_init(w, NULL);
    watch_start(w, "/run/checkpoint-9", &o);
    watch_until(w, watch_has_ended);
}

static void assert_end(const char *script, enum pr_grader_end how, const char *words)
{
    struct watch w;
    run_shell(&w, script);
    if (w.how != how || !strstr(w.why.message, words))
        fail_msg("%s: %d, %s", script, (int)w.how, w.why.message);
    watch_done(&w);
}

static void every_end_is_told_in_words(void **state)
{
    (void)state;
    assert_end("kill -KILL $$", PR_GRADER_DIED, "signal 9 (killed: out of memory?)");
    assert_end("kill -SEGV $$", PR_GRADER_DIED, "signal 11");
    assert_end("kill -SYS $$", PR_GRADER_DIED, "what a grader may not do");
    assert_end("kill -BUS $$", PR_GRADER_CHANGED, "while it was being read");
    assert_end("exit 3", PR_GRADER_DIED, "status 3");
    assert_end("exit 0", PR_GRADER_DIED, "before its work did");
    assert_end("echo 'proctor: out of memory (9 bytes)' >&2; kill -ABRT $$", PR_GRADER_DIED,
        "needs more than 1024 MB");
}

static void its_last_words_are_kept_and_harmless(void **state)
{
    (void)state;
    assert_end("echo first >&2; printf 'ERROR: \\033[31mheap\\n' >&2; exit 7", PR_GRADER_DIED,
        "status 7: first | ERROR: ?[31mheap");
    /* More than fits, without the parent having to read along. */
    assert_end("yes '' | head -c 200000 >&2; kill -ABRT $$", PR_GRADER_DIED, "signal 6");
}

static void it_inherits_neither_descriptors_nor_secrets(void **state)
{
    (void)state;
    int leak = dup(2); /* without close-on-exec */
    setenv("SECRET_TOKEN", "swordfish", 1);
    setenv("HF_TOKEN", "swordfish", 1);
    setenv("PROCTOR_TEST_SEEN", "seen", 1);
    assert_end("for f in 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$f && test $f != 10 && echo leak $f "
               ">&2; done; echo \"[$SECRET_TOKEN$HF_TOKEN$PROCTOR_TEST_SEEN]\" >&2; exit 5",
        PR_GRADER_DIED, "status 5: [seen]");
    unsetenv("SECRET_TOKEN");
    unsetenv("HF_TOKEN");
    close(leak);
}

static void a_program_that_is_not_there_cannot_be_started(void **state)
{
    (void)state;
    static const char *const argv[] = {"/no/such/program", NULL};
    struct pr_grader_options o = {.argv = argv, .path = "/tmp"};
    struct pr_grader *g = NULL;
    struct pr_error e;
    assert_int_not_equal(pr_grader_start(&o, NULL, &g, &e), PR_OK);
    assert_null(g);
    assert_non_null(strstr(e.message, "cannot be started"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_tape_is_believed),
        cmocka_unit_test(a_grade_that_was_not_ordered_is_caught),
        cmocka_unit_test(a_grade_that_comes_twice_is_caught),
        cmocka_unit_test(an_order_that_there_is_not_is_caught),
        cmocka_unit_test(an_end_before_its_time_is_caught),
        cmocka_unit_test(grades_before_opening_are_caught),
        cmocka_unit_test(a_second_opening_is_caught),
        cmocka_unit_test(a_verdict_for_a_judge_is_caught),
        cmocka_unit_test(an_unknown_message_is_caught),
        cmocka_unit_test(every_end_is_told_in_words),
        cmocka_unit_test(its_last_words_are_kept_and_harmless),
        cmocka_unit_test(it_inherits_neither_descriptors_nor_secrets),
        cmocka_unit_test(a_program_that_is_not_there_cannot_be_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
