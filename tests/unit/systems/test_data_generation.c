/* Data generation: what is written when too few files wait. */
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
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "data_book.h"
#include "skills/skill.h"

static const struct pr_system *const S = &pr_system_data_generation;

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int64_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The lines of the i-th file that was written. */
static json_t *written(struct data_book *b, const struct pr_findings *f, size_t i)
{
    char at[40], path[200];
    snprintf(at, sizeof at, "written.%zu.file", i);
    snprintf(path, sizeof path, "queue/normal/%s", data_text(f, at));
    return data_lines(b, path);
}

static json_t *manifest(struct data_book *b, const struct pr_findings *f, size_t i)
{
    char at[40], path[200];
    struct pr_error e;
    json_t *o;
    snprintf(at, sizeof at, "written.%zu.file", i);
    snprintf(path, sizeof path, "queue/normal/%s.manifest.json", data_text(f, at));
    char *text = data_read(b, path);
    assert_int_equal(pr_json_parse(text, strlen(text), 0, path, &o, NULL, &e), 0);
    pr_free(text);
    return o;
}

/* Notes a question; fails where it was there before. */
static void note(json_t *seen, const json_t *row)
{
    const char *prompt = text_of(row, "prompt");
    if (!prompt)
        prompt = text_of(json_array_get(json_object_get(row, "messages"), 0), "content");
    assert_non_null(prompt);
    assert_null(json_object_get(seen, prompt));
    json_object_set_new(seen, prompt, json_true());
}

static void the_missing_files_are_written_and_true(void **state)
{
    (void)state;
    static const char *const suite[] = {
        "{\"id\":\"v1\",\"prompt\":\"5+10=\",\"golden\":\"15\",\"skill\":\"addition\"}",
        "{\"id\":\"v2\",\"prompt\":\"70-3=\",\"golden\":\"67\",\"skill\":\"subtraction\"}"};
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 3;
    b.h.settings.generation_lines = 120;
    data_suite(&b, PR_SUITE_MAIN, suite, 2);
    data_put(&b, "queue/normal/mine.jsonl", "{\"prompt\":\"1+1=\",\"golden\":\"2\"}\n");
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 2);
    assert_int_equal(data_int(&f, "waiting_files.normal"), 3);
    assert_int_equal(data_int(&f, "today.files"), 2);
    assert_int_equal(data_int(&f, "today.lines"), 240);
    assert_string_equal(data_text(&f, "mix.skills_source"), "validation suites");
    assert_string_equal(data_text(&f, "mix.source"), "default");
    json_t *seen = json_object(), *row;
    size_t i;
    for (size_t k = 0; k < 2; k++) {
        int by[PR_N_DIFFICULTIES] = {0};
        json_t *rows = written(&b, &f, k), *m = manifest(&b, &f, k);
        assert_int_equal(json_array_size(rows), 120);
        assert_int_equal(int_of(m, "number"), (int)k + 1);
        assert_int_equal(int_of(json_object_get(m, "provenance"), "fresh"), 120);
        json_array_foreach (rows, i, row) {
            const char *q = text_of(row, "prompt"), *a = text_of(row, "golden");
            const struct pr_skill *s = pr_skill_find(text_of(row, "skill"));
            enum pr_difficulty d;
            assert_true(s->verify(q, strlen(q), a, strlen(a)));
            assert_true(pr_difficulty_find(text_of(row, "difficulty"), &d));
            assert_int_equal(pr_skill_difficulty(s, (int)int_of(row, "level")), d);
            assert_true(
                strcmp(q, "5+10=") != 0 && strcmp(q, "70-3=") != 0 && strcmp(q, "1+1=") != 0);
            by[d]++;
            note(seen, row);
        }
        for (int d = 0; d < PR_N_DIFFICULTIES; d++)
            assert_int_equal(by[d], 40);
        json_decref(rows);
        json_decref(m);
    }
    json_decref(seen);
    pr_findings_done(&f);
    data_run(&b, S, &f); /* enough wait now */
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    assert_string_equal(data_text(&f, "reason"), "enough files wait already");
    assert_null(f.waiting);
    assert_int_equal(data_int(&f, "today.files"), 2);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void the_same_seed_and_number_give_the_same_file(void **state)
{
    (void)state;
    char *texts[3];
    for (int k = 0; k < 3; k++) {
        struct data_book b;
        struct pr_findings f;
        char path[200];
        data_book_init(&b);
        b.h.settings.generation_min_files = 1;
        b.h.settings.generation_lines = 60;
        b.h.settings.generation_seed = k == 2 ? 8 : 7;
        data_run(&b, S, &f);
        assert_string_equal(data_text(&f, "mix.skills_source"), "all skills");
        snprintf(path, sizeof path, "queue/normal/%s", data_text(&f, "written.0.file"));
        assert_string_equal(path, "queue/normal/gen_20260921_141320_001.jsonl");
        texts[k] = data_read(&b, path);
        pr_findings_done(&f);
        data_book_done(&b);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    for (int k = 0; k < 3; k++)
        pr_free(texts[k]);
}

static void weights_choose_the_skills(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 1;
    b.h.settings.generation_lines = 90;
    json_object_set_new(b.weights, "addition", json_integer(2));
    json_object_set_new(b.weights, "sorting", json_real(1));
    json_object_set_new(b.weights, "maximum", json_integer(0));
    json_object_set_new(b.weights, "nothing-of-ours", json_integer(1));
    data_run(&b, S, &f);
    json_t *rows = written(&b, &f, 0), *row;
    size_t i, sums = 0;
    json_array_foreach (rows, i, row)
        sums += !strcmp(text_of(row, "skill"), "addition");
    assert_int_equal(json_array_size(rows), 90);
    assert_int_equal(sums, 60);
    assert_string_equal(data_text(&f, "mix.skills_unknown.0"), "nothing-of-ours");
    json_decref(rows);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void nothing_is_made_of_what_no_skill_knows(void **state)
{
    (void)state;
    static const char *const suite[] = {
        "{\"id\":\"v1\",\"prompt\":\"Who wrote Faust?\",\"golden\":\"Goethe\"}"};
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    data_suite(&b, PR_SUITE_MAIN, suite, 1);
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    assert_non_null(strstr(data_text(&f, "reason"), "no skill of proctor's knows a question"));
    pr_findings_done(&f);
    json_object_set_new(b.weights, "poetry", json_integer(1));
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    assert_non_null(strstr(data_text(&f, "reason"), "names none that proctor has"));
    pr_findings_done(&f);
    data_book_done(&b);
}

/* Addition has 550 easy sums, of which one is in a suite. */
static void a_skill_that_has_no_more_gives_known_ones_where_that_is_set(void **state)
{
    (void)state;
    static const char *const suite[] = {
        "{\"id\":\"v1\",\"prompt\":\"42+7=\",\"golden\":\"49\",\"skill\":\"addition\"}"};
    for (int repeat = 0; repeat < 2; repeat++) {
        struct data_book b;
        struct pr_findings f;
        data_book_init(&b);
        data_suite(&b, PR_SUITE_MAIN, suite, 1);
        data_put(&b, "status/curriculum_optimization.json",
            "{\"last_update\":\"2026-09-21T14:00:00Z\",\"difficulty_weights\":{\"easy\":1}}");
        b.h.settings.generation_min_files = 1;
        b.h.settings.generation_lines = 1000;
        b.h.settings.generation_repeat = repeat;
        data_run(&b, S, &f);
        json_t *rows = written(&b, &f, 0), *ids = json_object(), *row;
        size_t i;
        json_array_foreach (rows, i, row) {
            assert_string_not_equal(text_of(row, "prompt"), "42+7=");
            assert_null(json_object_get(ids, text_of(row, "id")));
            json_object_set_new(ids, text_of(row, "id"), json_true());
        }
        assert_int_equal(json_array_size(rows), repeat ? 1000 : 549);
        assert_int_equal(data_int(&f, "written.0.repeated"), repeat ? 451 : 0);
        assert_string_equal(data_text(&f, "written.0.exhausted.0"), "addition easy");
        json_decref(ids);
        json_decref(rows);
        pr_findings_done(&f);
        data_book_done(&b);
    }
}

static void run_mix(struct data_book *b, const char *document, const char *source, const char *why)
{
    struct pr_findings f;
    if (document)
        data_put(b, "status/curriculum_optimization.json", document);
    data_run(b, S, &f);
    assert_string_equal(data_text(&f, "mix.source"), source);
    if (!strstr(data_text(&f, "mix.why"), why))
        fail_msg("'%s' does not say '%s'", data_text(&f, "mix.why"), why);
    pr_findings_done(&f);
}

/* HAND_MADE_NOW is 2026-09-21T14:13:20Z. */
static void the_curriculum_gives_the_mix_while_it_is_fresh(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 0;
    run_mix(&b, NULL, "default", "there is no status/curriculum_optimization.json");
    run_mix(&b, "{\"last_update\":\"2026-09-20T14:13:10Z\",\"difficulty_weights\":{\"easy\":1}}",
        "default", "24 hours old");
    run_mix(&b, "{\"last_update\":\"2026-09-22T14:13:10Z\",\"difficulty_weights\":{\"easy\":1}}",
        "default", "of the future");
    run_mix(&b,
        "{\"last_update\":\"2026-09-21T14:00:00.123Z\",\"difficulty_weights\":null,"
        "\"difficulty_weights_reason\":\"no checkpoint\"}",
        "default", "no checkpoint");
    run_mix(&b, "{\"last_update\":\"2026-09-21T14:00:00Z\",\"difficulty_weights\":{\"odd\":1}}",
        "default", "not of easy, medium and hard");
    run_mix(&b, "{\"difficulty_weights\":{\"easy\":1}}", "default", "does not say when");
    run_mix(&b, "half a docu", "default", "JSON");
    data_put(&b, "status/curriculum_optimization.json",
        "{\"last_update\":\"2026-09-21T14:00:00.123Z\",\"difficulty_weights\":"
        "{\"easy\":0.1,\"medium\":0.3,\"hard\":0.4,\"unspecified\":0.2}}");
    b.h.settings.generation_min_files = 1;
    b.h.settings.generation_lines = 80;
    data_run(&b, S, &f);
    assert_string_equal(data_text(&f, "mix.source"), "curriculum-optimizer");
    json_t *rows = written(&b, &f, 0), *row;
    size_t i;
    int by[PR_N_DIFFICULTIES] = {0};
    json_array_foreach (rows, i, row) {
        enum pr_difficulty d;
        assert_true(pr_difficulty_find(text_of(row, "difficulty"), &d));
        by[d]++;
    }
    assert_int_equal(by[PR_EASY], 10);
    assert_int_equal(by[PR_MEDIUM], 30);
    assert_int_equal(by[PR_HARD], 40);
    /* Each skill has its share of all lines, within one of each difficulty. */
    size_t n;
    const struct pr_skill *const *all = pr_skills(&n);
    for (size_t k = 0; k < n; k++) {
        double has = 0;
        json_array_foreach (rows, i, row)
            has += !strcmp(text_of(row, "skill"), all[k]->name);
        assert_true(fabs(has - 80.0 / (double)n) < 2);
    }
    json_decref(rows);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void put_found(struct data_book *b)
{
    struct pr_str hard = PR_STR_INIT(1 << 20), more = PR_STR_INIT(1 << 20);
    for (int i = 0; i < 15; i++)
        pr_str_printf(&hard,
            "{\"prompt\":\"%d+111=\",\"golden\":\"%d\",\"model_failed\":true,\"pattern\":\"carry\","
            "\"id\":\"old-%d\",\"model_answer\":\"1\"}\n",
            300 + i, 411 + i, i);
    data_put(b, "data/adversarial_examples/hard_examples_20260920.jsonl", pr_str_cstr(&hard));
    data_put(b, "data/adversarial_examples/hard_examples_20260921.jsonl",
        "{\"prompt\":\"9+9=\",\"golden\":\"17\",\"id\":\"wrong\"}\n"
        "{\"prompt\":\"8+9=\",\"golden\":\"17\",\"id\":\"new-0\"}\n"
        "{\"prompt\":\"9+8=\",\"golden\":\"17\",\"id\":\"new-1\"}\n");
    for (int i = 0; i < 6; i++)
        pr_str_printf(&more,
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Find the error in %d.\"}, "
            "{\"role\": \"assistant\", \"content\": \"It is %d.\"}], \"id\": \"c%d\", "
            "\"correction\": {}}\n",
            i, i + 1, i);
    data_put(b, "queue/corrections/corrections_20260921.jsonl", pr_str_cstr(&more));
    pr_str_done(&hard);
    pr_str_done(&more);
}

static void what_others_found_is_used_once_the_newest_first(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 2;
    b.h.settings.generation_lines = 50;              /* 10 hard ones a file */
    b.h.settings.generation_correction_percent = 50; /* in bytes: the files have room for all */
    json_object_set_new(b.weights, "sorting", json_integer(1));
    put_found(&b);
    data_run(&b, S, &f);
    json_t *seen = json_object(), *row;
    const int64_t hard[2] = {10, 7}, corrections[2] = {6, 0};
    size_t i;
    for (size_t k = 0; k < 2; k++) {
        json_t *rows = written(&b, &f, k), *m = manifest(&b, &f, k),
               *p = json_object_get(m, "provenance");
        int64_t n_hard = 0, n_corrections = 0, newest = 0;
        assert_int_equal(json_array_size(rows), 50 + corrections[k]); /* on top */
        json_array_foreach (rows, i, row) {
            note(seen, row);
            n_corrections += json_object_get(row, "messages") != NULL;
            n_hard += json_object_get(row, "prompt") && !json_object_get(row, "level");
            newest += text_of(row, "id") && !strncmp(text_of(row, "id"), "new-", 4);
            assert_string_not_equal(text_of(row, "id"), "wrong"); /* 9+9 is not 17 */
            assert_null(json_object_get(row, "model_failed"));
        }
        assert_int_equal(n_hard, hard[k]);
        assert_int_equal(n_corrections, corrections[k]);
        assert_int_equal(newest, k ? 0 : 2);
        assert_int_equal(int_of(p, "hard"), hard[k]);
        assert_int_equal(int_of(p, "corrections"), corrections[k]);
        assert_int_equal(int_of(p, "fresh"), 50 - hard[k]);
        const json_t *from =
            json_array_get(json_object_get(json_object_get(p, "sources"), "hard"), 0);
        assert_string_equal(
            text_of(from, "file"), k ? "data/adversarial_examples/hard_examples_20260920.jsonl"
                                     : "data/adversarial_examples/hard_examples_20260921.jsonl");
        json_decref(rows);
        json_decref(m);
    }
    json_decref(seen);
    pr_findings_done(&f);
    data_book_done(&b);
}

/* What of the file's answers is of corrections, by its lines: they have the only "messages". */
static double correction_share(const json_t *rows, size_t *ret_n)
{
    size_t i, n = 0, all = 0, of_them = 0;
    json_t *row;
    json_array_foreach (rows, i, row) {
        const json_t *messages = json_object_get(row, "messages"),
                     *answer = messages ? json_object_get(json_array_get(messages, 1), "content")
                                        : json_object_get(row, "golden");
        all += json_string_length(answer);
        of_them += messages ? json_string_length(answer) : 0;
        n += messages != NULL;
    }
    *ret_n = n;
    return (double)of_them / (double)all;
}

static void corrections_have_their_share_of_the_answers_and_not_of_the_lines(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    struct pr_str text = PR_STR_INIT(1 << 20);
    size_t n;
    data_book_init(&b);
    b.h.settings.generation_min_files = 1;
    b.h.settings.generation_lines = 400;
    b.h.settings.generation_correction_percent = 20;
    json_object_set_new(b.weights, "arithmetic", json_integer(1));
    for (int i = 0; i < 300; i++) /* the newest is longer than all there is room for */
        pr_str_printf(&text,
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Find the error in %d.\"}, "
            "{\"role\": \"assistant\", \"content\": \"It is %0*d.\"}], \"id\": \"c%d\", "
            "\"correction\": {}}\n",
            i, i == 299 ? 100000 : 60, i + 1, i);
    data_put(&b, "queue/corrections/corrections_20260921.jsonl", pr_str_cstr(&text));
    data_run(&b, S, &f);
    json_t *rows = written(&b, &f, 0), *m = manifest(&b, &f, 0),
           *p = json_object_get(m, "provenance");
    double share = correction_share(rows, &n);
    assert_true(n > 1 && n < 300 && share <= 0.2);
    assert_true(share * (double)int_of(p, "answer_bytes") + 67 >
                0.2 / 0.8 * (1 - share) * (double)int_of(p, "answer_bytes")); /* no more fits */
    assert_int_equal(json_array_size(rows), 400 + n);
    assert_int_equal(int_of(p, "corrections"), n);
    assert_true(fabs((double)int_of(p, "correction_answer_bytes") -
                     share * (double)int_of(p, "answer_bytes")) < 0.5);
    json_decref(rows);
    json_decref(m);
    pr_str_done(&text);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void all_waiting_files_count_where_that_is_set(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 1;
    b.h.settings.generation_lines = 5;
    data_put(&b, "queue/low/a.jsonl", "{\"prompt\":\"1+1=\",\"golden\":\"2\"}\n");
    b.data.generation_count = "all";
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    pr_findings_done(&f);
    b.data.generation_count = "normal";
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 1);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void one_instance_fills_the_queue_at_a_time(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_lines = 5;
    data_put(&b, "queue/.generation.lock", "");
    char *path = pr_path_join(b.dir, "queue/.generation.lock");
    int other = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX), 0);
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    assert_non_null(strstr(f.waiting, "another process"));
    pr_findings_done(&f);
    close(other);
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 2);
    pr_findings_done(&f);
    pr_free(path);
    data_book_done(&b);
}

static void the_disk_budget_is_kept(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    char *big = pr_zalloc((1 << 20) + 2);
    memset(big, ' ', (1 << 20) + 1);
    data_put(&b, "queue/low/big.jsonl", big);
    b.h.settings.generation_disk_mb = 1;
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 0);
    assert_non_null(strstr(f.waiting, "generation.disk_mb (1)"));
    pr_findings_done(&f);
    b.h.settings.generation_disk_mb = 2;
    b.h.settings.generation_lines = 10;
    data_run(&b, S, &f);
    assert_int_equal(json_array_size(data_at(&f, "written")), 2);
    assert_null(f.waiting);
    pr_findings_done(&f);
    pr_free(big);
    data_book_done(&b);
}

static void a_number_is_never_used_again(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.generation_min_files = 1;
    b.h.settings.generation_lines = 5;
    data_put(&b, "queue/recently_completed/gen_20260101_000000_041.jsonl", "");
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "written.0.number"), 42);
    char path[200], *whole;
    snprintf(path, sizeof path, "%s/queue/normal/%s", b.dir, data_text(&f, "written.0.file"));
    unlink(path); /* trained on, and removed */
    pr_findings_done(&f);
    whole = pr_path_join(b.dir, "queue/recently_completed/gen_20260101_000000_041.jsonl");
    unlink(whole);
    pr_free(whole);
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "written.0.number"), 43);
    pr_findings_done(&f);
    data_book_done(&b);
}

/* ---- killed ---- */

static enum pr_fault deadly;
static int passes;

static void die(enum pr_fault at)
{
    if (at == deadly && !passes--)
        _exit(9);
}

/* Runs it in a child of its own, which has no gradebook and needs none; dies at this point. */
static int run_and_die(struct data_book *b, enum pr_fault at, int nth)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct pr_findings f;
        struct pr_error e;
        deadly = at;
        passes = nth;
        pr_fault_hook = die;
        _exit(data_run_alone(b, S, &f, &e) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void killed_anywhere_it_leaves_whole_files_with_manifests(void **state)
{
    (void)state;
    static const enum pr_fault points[] = {
        PR_FAULT_QUEUE_ANNOUNCED, PR_FAULT_QUEUE_GENERATED, PR_FAULT_WRITE_SYNCED};
    int hits = 0;
    for (size_t p = 0; p < sizeof points / sizeof *points; p++)
        for (int nth = 0; nth < 3; nth++) {
            struct data_book b;
            struct pr_findings f;
            data_folder_init(&b);
            b.h.settings.generation_lines = 20;
            put_found(&b);
            hits += run_and_die(&b, points[p], nth) == 9;
            HAND_MADE_OK(data_run_alone(&b, S, &f, &hand_made_error));
            json_t *seen = json_object();
            char *names = data_names(&b, "queue/normal"), *rest = names;
            int files = 0, manifests = 0;
            size_t lines = 0;
            for (char *name; (name = strsep(&rest, " "));) {
                char path[300];
                size_t n = strlen(name), i;
                snprintf(path, sizeof path, "queue/normal/%s", name);
                if (strstr(name, ".manifest.json")) {
                    path[strlen(path) - strlen(".manifest.json")] = 0;
                    assert_true(data_has(&b, path));
                    manifests++;
                    continue;
                }
                assert_string_equal(name + n - 6, ".jsonl");
                json_t *rows = data_lines(&b, path), *row;
                assert_true(json_array_size(rows) >= 20); /* and corrections */
                lines += json_array_size(rows);
                json_array_foreach (rows, i, row)
                    note(seen, row);
                json_decref(rows);
                files++;
            }
            assert_int_equal(files, 2);
            assert_int_equal(manifests, 2);
            assert_int_equal(data_int(&f, "today.files"), 2);
            assert_int_equal(data_int(&f, "today.lines"), lines);
            pr_free(names);
            json_decref(seen);
            pr_findings_done(&f);
            data_folder_done(&b);
        }
    assert_int_equal(hits, 7); /* there are two files to be killed at */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_missing_files_are_written_and_true),
        cmocka_unit_test(the_same_seed_and_number_give_the_same_file),
        cmocka_unit_test(weights_choose_the_skills),
        cmocka_unit_test(nothing_is_made_of_what_no_skill_knows),
        cmocka_unit_test(a_skill_that_has_no_more_gives_known_ones_where_that_is_set),
        cmocka_unit_test(the_curriculum_gives_the_mix_while_it_is_fresh),
        cmocka_unit_test(what_others_found_is_used_once_the_newest_first),
        cmocka_unit_test(corrections_have_their_share_of_the_answers_and_not_of_the_lines),
        cmocka_unit_test(all_waiting_files_count_where_that_is_set),
        cmocka_unit_test(one_instance_fills_the_queue_at_a_time),
        cmocka_unit_test(the_disk_budget_is_kept),
        cmocka_unit_test(a_number_is_never_used_again),
        cmocka_unit_test(killed_anywhere_it_leaves_whole_files_with_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
