/* The question that probes answer: when it stays the same, when it changes, and what its budget is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/prober.h"
#include "daemon/question.h"
#include "daemon/question_internal.h"

#define NOW  ((int64_t)1790000000000)
#define HOUR ((int64_t)3600000)
#define DAY  (24 * HOUR)

static struct pr_error e;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != PR_OK)                                                                       \
            fail_msg("%s: %s", #call, e.message);                                                  \
    } while (0)

/* ---- a base folder ---- */

struct world {
    char base[64];
    struct pr_config c;
    struct pr_question_pool p;
};

static int setup(void **state)
{
    struct world *w = pr_zalloc(sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/proctor-test-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    OK(pr_config_parse("", 0, "proctor.yaml", w->base, &w->c, &e));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    pr_question_pool_done(&w->p);
    pr_config_done(&w->c);
    pr_prober_remove_tree(w->base);
    pr_free(w);
    return 0;
}

static void write_file(const struct world *w, const char *name, const char *text)
{
    char *path = pr_path_join(w->base, name), *dir = pr_strdup(path);
    *strrchr(dir, '/') = 0;
    OK(pr_mkdirs(dir, &e));
    OK(pr_file_write_atomic(path, text, strlen(text), &e));
    pr_free(path);
    pr_free(dir);
}

static void move_file(const struct world *w, const char *from, const char *to)
{
    char *a = pr_path_join(w->base, from), *b = pr_path_join(w->base, to), *dir = pr_strdup(b);
    *strrchr(dir, '/') = 0;
    OK(pr_mkdirs(dir, &e));
    assert_int_equal(rename(a, b), 0);
    pr_free(a);
    pr_free(b);
    pr_free(dir);
}

static char *examples(size_t n, const char *word)
{
    struct pr_str s = PR_STR_INIT(1 << 24);
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&s, "{\"prompt\": \"%s %zu\", \"golden\": \"%zu\"}\n", word, i, i);
    return pr_str_take(&s);
}

static void write_examples(const struct world *w, const char *name, size_t n, const char *word)
{
    char *text = examples(n, word);
    write_file(w, name, text);
    pr_free(text);
}

static const char *look(struct world *w, double rate, int64_t now_ms)
{
    pr_question_pool_done(&w->p);
    OK(pr_question_pool(&w->c, rate, now_ms, &w->p, &e));
    return w->p.fingerprint;
}

static void set(struct world *w, const char *key, const char *value)
{
    OK(pr_config_set(&w->c, key, value, &e));
}

/* ---- the pool ---- */

static void without_examples_there_is_a_reason(void **state)
{
    struct world *w = *state;
    look(w, NAN, NOW);
    assert_null(w->p.path);
    assert_non_null(strstr(w->p.reason, "curriculum.pool is not set"));
    set(w, "curriculum.pool", "data/none");
    look(w, NAN, NOW);
    assert_non_null(strstr(w->p.reason, "curriculum.pool names no file"));
    write_file(w, "queue/normal/broken.jsonl", "{\"what\": 1}\nnot json\n");
    set(w, "curriculum.pool", "");
    look(w, NAN, NOW);
    assert_null(w->p.path);
    assert_non_null(w->p.reason);
}

static void the_queue_s_examples_are_copied_with_their_difficulty(void **state)
{
    struct world *w = *state;
    write_examples(w, "queue/normal/easy_1.jsonl", 20, "add");
    write_examples(w, "queue/high/easy_1.jsonl", 10, "count"); /* the same name elsewhere */
    write_examples(w, "queue/low/hard.jsonl", 5, "prove");
    write_file(w, "queue/low/readme.txt", "no examples");
    look(w, NAN, NOW);
    assert_null(w->p.reason);
    assert_int_equal(w->p.n, 35);
    assert_int_equal(json_integer_value(json_object_get(w->p.levels, "easy")), 30);
    assert_int_equal(json_integer_value(json_object_get(w->p.levels, "hard")), 5);
    assert_true(fabs(w->p.learning_rate - 1e-4) < 1e-18);
    struct pr_suite *s; /* the copy by itself says as much */
    const char *const paths[] = {w->p.path};
    OK(pr_suite_load(paths, 1, &(struct pr_suite_options){.samples = 0}, &s, &e));
    assert_int_equal(s->n, 35);
    size_t hard = 0;
    for (size_t i = 0; i < s->n; i++)
        hard += !strcmp(s->v[i].difficulty, "hard");
    assert_int_equal(hard, 5);
    pr_suite_free(s);
}

static void the_question_stays_while_files_pass_through_the_queue(void **state)
{
    struct world *w = *state;
    char first[65];
    write_examples(w, "queue/normal/a.jsonl", 20, "add");
    snprintf(first, sizeof first, "%s", look(w, 2e-5, NOW));
    move_file(w, "queue/normal/a.jsonl", "queue/processing/a.jsonl");
    assert_string_equal(look(w, 2e-5, NOW + HOUR), first);
    write_examples(w, "queue/normal/b.jsonl", 20, "subtract");
    assert_string_equal(look(w, 2e-5, NOW + 2 * DAY), first);
    assert_true(w->p.n == 20 && pr_path_exists(w->p.path));
    move_file(w, "queue/processing/a.jsonl", "elsewhere/a.jsonl");
    move_file(w, "queue/normal/b.jsonl", "elsewhere/b.jsonl");
    assert_string_equal(look(w, 2e-5, NOW + 9 * DAY), first); /* nothing newer is there */
    assert_null(w->p.reason);
    move_file(w, "elsewhere/b.jsonl", "queue/high/b.jsonl");
    char *old = pr_strdup(w->p.path);
    assert_string_not_equal(look(w, 2e-5, NOW + 9 * DAY), first);
    assert_int_equal(w->p.n, 20);
    assert_true(pr_path_exists(old)); /* a probe may still read it */
    pr_free(old);
}

static void a_file_that_moves_while_it_is_copied_is_copied_once(void **state)
{
    struct world *w = *state;
    struct pr_pool_sources s;
    struct pr_pool_copies x;
    char a[256], b[256];
    write_examples(w, "queue/normal/a.jsonl", 20, "add");
    write_examples(w, "queue/normal/b.jsonl", 7, "subtract");
    write_examples(w, "queue/recently_completed/b.jsonl", 5, "count"); /* another of its name */
    /* As a listing of folder after folder sees one that goes on in between. */
    snprintf(a, sizeof a, "%s/queue/normal/a.jsonl", w->base);
    snprintf(b, sizeof b, "%s/queue/recently_completed/a-2.jsonl", w->base);
    assert_int_equal(link(a, b), 0);
    pr_pool_find(&w->c, &s);
    assert_int_equal(s.n, 3);
    assert_int_equal(unlink(b), 0);
    move_file(w, "queue/normal/b.jsonl", "queue/processing/b.jsonl");
    char *dir = pr_path_join(w->base, "copies");
    OK(pr_pool_copy(&w->c, &s, dir, &x, &e));
    struct pr_suite *suite;
    OK(pr_suite_load(
        (const char *const *)x.files, x.n, &(struct pr_suite_options){.samples = 0}, &suite, &e));
    assert_int_equal(suite->n, 32);
    pr_suite_free(suite);
    pr_pool_copies_remove(&x);
    pr_pool_sources_done(&s);
}

static void examples_that_the_user_names_count_as_they_are(void **state)
{
    struct world *w = *state;
    char first[65];
    write_examples(w, "data/train.jsonl", 20, "add");
    write_examples(w, "queue/normal/b.jsonl", 5, "subtract");
    set(w, "curriculum.pool", "data/train.jsonl");
    snprintf(first, sizeof first, "%s", look(w, NAN, NOW));
    assert_int_equal(w->p.n, 20);
    assert_string_equal(look(w, NAN, NOW + 30 * DAY), first);
    write_examples(w, "data/train.jsonl", 21, "add");
    assert_string_not_equal(look(w, NAN, NOW + 8 * DAY), first);
    assert_int_equal(w->p.n, 21);
    set(w, "curriculum.pool", "");
    look(w, NAN, NOW);
    assert_int_equal(w->p.n, 5);
}

static void a_file_that_grows_asks_the_same_question_until_the_copy_is_old(void **state)
{
    struct world *w = *state;
    char first[65];
    write_examples(w, "data/train.jsonl", 20, "add");
    set(w, "curriculum.pool", "data");
    snprintf(first, sizeof first, "%s", look(w, NAN, NOW));
    assert_int_equal(w->p.changed_ms, 0);
    for (size_t i = 1; i < 10; i++) {
        write_examples(w, "data/train.jsonl", 20 + i, "add");
        assert_string_equal(look(w, NAN, NOW + (int64_t)i * 2000), first);
        assert_int_equal(w->p.changed_ms, NOW + 2000); /* since when it waits */
    }
    write_examples(w, "data/more.jsonl", 5, "subtract");
    assert_string_equal(look(w, NAN, NOW + DAY), first);
    assert_string_not_equal(look(w, NAN, NOW + 8 * DAY), first);
    assert_true(w->p.n == 34 && !w->p.changed_ms);
}

static void a_file_that_is_taken_away_asks_anew_at_once(void **state)
{
    struct world *w = *state;
    char first[65];
    write_examples(w, "data/a/train.jsonl", 20, "add");
    write_examples(w, "data/b/train.jsonl", 10, "subtract");
    set(w, "curriculum.pool", "[data/a, data/b]");
    snprintf(first, sizeof first, "%s", look(w, NAN, NOW));
    assert_int_equal(w->p.n, 30);
    move_file(w, "data/b/train.jsonl", "elsewhere/train.jsonl");
    assert_string_not_equal(look(w, NAN, NOW), first);
    assert_int_equal(w->p.n, 20);
    move_file(w, "data/a/train.jsonl", "elsewhere/train.jsonl");
    look(w, NAN, NOW);
    assert_non_null(strstr(w->p.reason, "names no file"));
}

static void lines_that_cannot_be_used_are_counted_with_the_first_reason(void **state)
{
    struct world *w = *state;
    char *some = examples(3, "add");
    struct pr_str s = PR_STR_INIT(1 << 24);
    pr_str_printf(&s,
        "%s\nnot json\n{\"what\": 1}\n{\"prompt\": \"%02000000d\", \"golden\": \"1\"}\n", some, 0);
    write_file(w, "data/train.jsonl", pr_str_cstr(&s));
    pr_str_done(&s);
    pr_free(some);
    set(w, "curriculum.pool", "data");
    look(w, NAN, NOW);
    assert_true(w->p.n == 3 && w->p.n_skipped == 3);
    assert_non_null(strstr(w->p.skipped, "/data/train.jsonl:5: "));
    look(w, NAN, NOW + HOUR); /* and it is remembered */
    assert_true(w->p.n_skipped == 3 && strstr(w->p.skipped, "train.jsonl:5: "));
}

static void a_long_difficulty_is_cut_between_characters(void **state)
{
    struct world *w = *state;
    /* 30 bytes, then one of two: the cut falls into it. */
    write_file(w, "data/train.jsonl",
        "{\"prompt\": \"a\", \"golden\": \"1\", \"difficulty\": "
        "\"123456789012345678901234567890\u00e4b\"}\n"
        "{\"prompt\": \"b\", \"golden\": \"1\", \"difficulty\": "
        "\"123456789012345678901234567890\u00e4c\"}\n");
    set(w, "curriculum.pool", "data");
    look(w, NAN, NOW);
    assert_int_equal(json_object_size(w->p.levels), 1);
    json_t *n = json_object_get(w->p.levels, "123456789012345678901234567890");
    assert_int_equal(json_integer_value(n), 2);
}

static size_t count_files(const struct world *w, const char *prefix)
{
    char *dir = pr_question_path(&w->c, "");
    char **names;
    size_t n, found = 0;
    OK(pr_dir_list(dir, &names, &n, &e));
    for (size_t i = 0; i < n; i++)
        found += !strncmp(names[i], prefix, strlen(prefix));
    pr_names_free(names, n);
    pr_free(dir);
    return found;
}

static void what_is_of_no_use_any_more_is_removed(void **state)
{
    struct world *w = *state;
    char text[2] = "a";
    write_file(w, ".proctor/curriculum/copying.abcdef/0/easy.jsonl", "{}\n");
    for (; *text < 'e'; ++*text) {
        write_examples(w, "data/train.jsonl", 20, text);
        set(w, "curriculum.pool", *text % 2 ? "data" : "data/train.jsonl");
        look(w, NAN, NOW);
        char name[32];
        snprintf(name, sizeof name, "suite-%s.jsonl", text);
        char *path = pr_question_path(&w->c, name);
        OK(pr_file_write_atomic(path, "x", 1, &e));
        pr_question_remove_older(&w->c, "suite-", name);
        assert_true(pr_path_exists(path));
        pr_free(path);
    }
    assert_int_equal(count_files(w, "pool-"), 2); /* the last one may still be read */
    assert_int_equal(count_files(w, "suite-"), 2);
    assert_int_equal(count_files(w, "copying."), 0);
    assert_true(pr_path_exists(w->p.path));
}

static void of_more_than_fits_lines_are_drawn_all_over(void **state)
{
    struct world *w = *state;
    char first[65];
    struct pr_str s = PR_STR_INIT(1 << 26);
    for (size_t i = 0; i < 20000; i++)
        pr_str_printf(&s, "{\"prompt\": \"%0120zu\", \"golden\": \"1\", \"difficulty\": \"%s\"}\n",
            i, i < 10000 ? "easy" : "hard");
    write_file(w, "data/train.jsonl", pr_str_cstr(&s));
    assert_true(s.len > 3 << 20);
    pr_str_done(&s);
    set(w, "curriculum.pool", "data");
    set(w, "curriculum.pool_mb", "1");
    snprintf(first, sizeof first, "%s", look(w, NAN, NOW));
    double easy = json_number_value(json_object_get(w->p.levels, "easy"));
    assert_true(w->p.n > 5000 && w->p.n < 7500);
    assert_true(fabs(easy / (double)w->p.n - 0.5) < 0.05);
    char *state_file = pr_question_path(&w->c, "pool.json");
    unlink(state_file);
    pr_free(state_file);
    assert_string_equal(look(w, NAN, NOW), first); /* the same lines again */
}

static void the_learning_rate_is_followed_from_afar(void **state)
{
    struct world *w = *state;
    write_examples(w, "queue/normal/a.jsonl", 20, "add");
    look(w, 1e-3, NOW);
    assert_true(fabs(w->p.learning_rate - 1e-3) < 1e-18);
    for (double rate = 1e-3; rate > 2.6e-4; rate *= 0.9) { /* a schedule that falls */
        look(w, rate, NOW);
        assert_true(fabs(w->p.learning_rate - 1e-3) < 1e-18);
    }
    look(w, NAN, NOW); /* nothing is known for a while */
    assert_true(fabs(w->p.learning_rate - 1e-3) < 1e-18);
    look(w, 2e-4, NOW);
    assert_true(fabs(w->p.learning_rate - 2e-4) < 1e-18);
    set(w, "curriculum.learning_rate", "0.5");
    look(w, 2e-4, NOW);
    assert_true(fabs(w->p.learning_rate - 0.5) < 1e-12);
}

static void a_broken_state_is_made_anew(void **state)
{
    struct world *w = *state;
    char first[65];
    write_examples(w, "queue/normal/a.jsonl", 20, "add");
    snprintf(first, sizeof first, "%s", look(w, NAN, NOW));
    static const char *const broken[] = {"", "[]", "{\"file\": \"../../etc/passwd\"}", "{"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_file(w, ".proctor/curriculum/pool.json", broken[i]);
        assert_string_equal(look(w, NAN, NOW), first);
    }
    unlink(w->p.path);
    assert_string_equal(look(w, NAN, NOW), first);
    assert_true(pr_path_exists(w->p.path));
}

/* ---- the budget ---- */

static void put_result(json_t *o, int64_t n, int64_t ungraded, const char *suite)
{
    pr_json_set_int(o, "n", n);
    pr_json_set_int(o, "n_ungraded", ungraded);
    pr_json_set_str(o, "suite", suite);
}

static void a_probe_counts_only_with_all_the_question_s_examples(void **state)
{
    struct world *w = *state;
    struct pr_question q = {.view = {.document = json_object()}};
    struct pr_suite *s;
    char fingerprint[PR_SHA256_HEX], reason[400], why[] = "12: its prompt is too long";
    json_t *o = json_object(), *unasked = json_object();
    write_examples(w, "suite.jsonl", 30, "add");
    q.suite_file = pr_path_join(w->base, "suite.jsonl");
    const char *const paths[] = {q.suite_file};
    OK(pr_suite_load(paths, 1, &(struct pr_suite_options){.samples = 20}, &s, &e));
    OK(pr_suite_fingerprint(s, fingerprint, &e));
    char *ids[2] = {pr_strdup(s->v[3].id), pr_strdup(s->v[4].id)};
    pr_suite_free(s);
    pr_json_set_str(q.view.document, "pool", "pool-1");
    pr_json_set_str(o, "pool", "pool-1");
    put_result(o, 20, 0, fingerprint);
    assert_true(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    assert_false(
        pr_question_fits(&q, 30, unasked, o, reason, sizeof reason)); /* others were asked for */
    assert_non_null(strstr(reason, "not the question's 30"));
    put_result(o, 19, 0, fingerprint);
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    put_result(o, 20, 0, "another");
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    put_result(o, 19, 1, fingerprint);
    pr_json_set_str(o, "ungraded_reason", why);
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    assert_non_null(strstr(reason, "1 of 20 examples could not be asked, of its start 0: 12: "));
    pr_json_set_str(unasked, "of another suite", why);
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    pr_json_set_str(unasked, ids[0], why); /* the start cannot be asked it either */
    assert_true(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    pr_json_set_str(unasked, ids[1], why);
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    put_result(o, 18, 2, fingerprint);
    assert_true(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    put_result(o, 17, 3, fingerprint);
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    assert_non_null(strstr(reason, "3 of 20 examples could not be asked, of its start 2: "));
    put_result(o, 20, 0, fingerprint);
    pr_json_set_str(o, "pool", "pool-2");
    assert_false(pr_question_fits(&q, 20, unasked, o, reason, sizeof reason));
    assert_non_null(strstr(reason, "train on"));
    json_decref(o);
    json_decref(unasked);
    pr_free(ids[0]);
    pr_free(ids[1]);
    json_decref(q.view.document);
    pr_free(q.suite_file);
}

static double left(const struct pr_probe_spent *v, size_t n, int64_t percent, int64_t now)
{
    double x;
    (void)pr_question_budget(v, n, percent, now, &x);
    return x;
}

static void the_budget_is_an_hours_share_that_flows_back(void **state)
{
    (void)state;
    double x;
    assert_int_equal(pr_question_budget(NULL, 0, 25, NOW, &x), 0);
    assert_true(fabs(x - 900) < 1e-9);
    const struct pr_probe_spent one = {NOW, 1000}; /* more than there was */
    assert_true(fabs(left(&one, 1, 25, NOW) + 100) < 1e-9);
    int64_t until = pr_question_budget(&one, 1, 25, NOW, &x);
    assert_true(until > NOW + 399000 && until < NOW + 402000);
    assert_int_equal(pr_question_budget(&one, 1, 25, until, &x), 0);
    assert_true(fabs(left(&one, 1, 25, NOW + 10 * HOUR) - 900) < 1e-9); /* saved for an hour */
    assert_int_equal(pr_question_budget(NULL, 0, 0, NOW, &x), INT64_MAX);
    assert_true(fabs(left(&one, 1, 100, NOW) - 2600) < 1e-9);
}

/* Started whenever something is left: over a long time no more than the share is spent. */
static void over_a_day_probes_take_their_share(void **state)
{
    (void)state;
    static struct pr_probe_spent v[4000];
    double spent = 0;
    size_t n = 0;
    for (int64_t now = NOW; now < NOW + DAY && n < 4000;) {
        double x;
        int64_t until = pr_question_budget(v, n, 10, now, &x);
        if (until) {
            now = until;
            continue;
        }
        double seconds = n % 3 ? 50 : 500;
        now += (int64_t)(1000 * seconds);
        v[n++] = (struct pr_probe_spent){now, seconds};
        spent += seconds;
    }
    assert_true(spent < 0.1 * 86400 + 360 + 500);
    assert_true(spent > 0.1 * 86400 - 500);
}

/* Two probes that overdrew the budget, and then the clock is set back. */
static void a_clock_that_is_set_back_does_not_hold_up_probes(void **state)
{
    (void)state;
    double x;
    struct pr_probe_spent day[] = {{NOW + DAY - HOUR, 900}, {NOW + DAY, 900}};
    pr_question_settle(day, 2, NOW);
    assert_true(day[0].at_ms <= NOW - HOUR && day[1].at_ms <= NOW - HOUR);
    assert_int_equal(pr_question_budget(day, 2, 25, NOW, &x), 0);
    assert_true(fabs(x - 900) < 1e-9);
    /* By less than an hour: it is over when the clock is where it was. */
    struct pr_probe_spent minute[] = {{NOW - HOUR, 900}, {NOW + 60000, 1000}};
    pr_question_settle(minute, 2, NOW);
    assert_true(minute[0].at_ms == NOW - HOUR - 60000 && minute[1].at_ms == NOW);
    /* One that was stored since: time flows again, what was before it lies before it. */
    struct pr_probe_spent since[] = {{NOW + DAY - HOUR, 900}, {NOW + DAY, 1000}, {NOW, 10}};
    pr_question_settle(since, 3, NOW + HOUR);
    assert_true(since[2].at_ms == NOW && since[1].at_ms == NOW && since[0].at_ms == NOW - HOUR);
    assert_true(fabs(left(since, 3, 25, NOW + HOUR) - (900 - 900 + 900 - 1000 - 10 + 900)) < 1e-9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_examples_there_is_a_reason),
        TEST(the_queue_s_examples_are_copied_with_their_difficulty),
        TEST(the_question_stays_while_files_pass_through_the_queue),
        TEST(a_file_that_moves_while_it_is_copied_is_copied_once),
        TEST(examples_that_the_user_names_count_as_they_are),
        TEST(a_file_that_grows_asks_the_same_question_until_the_copy_is_old),
        TEST(a_file_that_is_taken_away_asks_anew_at_once),
        TEST(lines_that_cannot_be_used_are_counted_with_the_first_reason),
        TEST(a_long_difficulty_is_cut_between_characters),
        TEST(what_is_of_no_use_any_more_is_removed),
        TEST(of_more_than_fits_lines_are_drawn_all_over),
        TEST(the_learning_rate_is_followed_from_afar),
        TEST(a_broken_state_is_made_anew),
        TEST(a_probe_counts_only_with_all_the_question_s_examples),
        cmocka_unit_test(the_budget_is_an_hours_share_that_flows_back),
        cmocka_unit_test(over_a_day_probes_take_their_share),
        cmocka_unit_test(a_clock_that_is_set_back_does_not_hold_up_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
