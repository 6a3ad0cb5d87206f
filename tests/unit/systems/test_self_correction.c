/* Self-correction: what becomes of incoming files, what is asked, what is written about errors. */
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
#include "data_book.h"
#include "mistakes/mistake.h"

static const struct pr_system *const S = &pr_system_self_correction;

static void run_and_forget(struct data_book *b)
{
    struct pr_findings f;
    data_run(b, S, &f);
    pr_findings_done(&f);
}

static void assert_names(struct data_book *b, const char *folder, const char *expected)
{
    char *names = data_names(b, folder);
    assert_string_equal(names, expected);
    pr_free(names);
}

static void assert_text(struct data_book *b, const char *path, const char *expected)
{
    char *text = data_read(b, path);
    assert_string_equal(text, expected);
    pr_free(text);
}

/* ---- files ---- */

static void a_file_without_a_fault_moves_on_as_it_is(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    char *one = data_sums(1, 3), *two = data_sums(10, 3), *three = data_sums(20, 2);
    data_put(&b, "queue/unvalidated/a.jsonl", one);
    data_put(&b, "queue/unvalidated/high/b.jsonl", two);
    data_put(&b, "queue/unvalidated/high/b.jsonl.manifest.json", "{}");
    data_put(&b, "queue/unvalidated/low/c.jsonl", three);
    data_put(&b, "queue/unvalidated/.hidden.jsonl", "half of somethi");
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "validation.moved"), 3);
    assert_int_equal(data_int(&f, "validation.lines_moved"), 8);
    assert_int_equal(data_int(&f, "validation.rejected"), 0);
    assert_text(&b, "queue/normal/a.jsonl", one);
    assert_text(&b, "queue/high/b.jsonl", two);
    assert_text(&b, "queue/high/b.jsonl.manifest.json", "{}");
    assert_text(&b, "queue/low/c.jsonl", three);
    assert_true(data_has(&b, "queue/unvalidated/.hidden.jsonl"));
    assert_non_null(f.waiting); /* for a checkpoint; the files did not wait for one */
    pr_findings_done(&f);
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "validation.files"), 0);
    assert_int_equal(data_int(&f, "validation.total.moved"), 3);
    pr_findings_done(&f);
    b.data.correction_queue = "low";
    char *four = data_sums(30, 1);
    data_put(&b, "queue/unvalidated/d.jsonl", four);
    run_and_forget(&b);
    assert_text(&b, "queue/low/d.jsonl", four);
    pr_free(one);
    pr_free(two);
    pr_free(three);
    pr_free(four);
    data_book_done(&b);
}

static void a_mixed_file_is_split_and_nothing_is_lost(void **state)
{
    (void)state;
    static const char whole[] = "{\"prompt\":\"q one\",\"golden\":\"x\"}\r\n"
                                "not json\r\n"
                                "{\"prompt\": \"q two\", \"golden\": \"y\"}\n"
                                "\n"
                                "{\"prompt\":\"\xff\",\"golden\":\"1\"}\n"
                                "{\"prompt\":\"q three\",\"golden\":\"z\"}";
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    data_put(&b, "queue/unvalidated/m.jsonl", whole);
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "validation.split"), 1);
    assert_int_equal(data_int(&f, "validation.lines"), 5);
    assert_int_equal(data_int(&f, "validation.lines_moved"), 3);
    assert_int_equal(data_int(&f, "validation.lines_rejected"), 2);
    assert_int_equal(data_int(&f, "validation.by_defect.invalid_json"), 1);
    assert_int_equal(data_int(&f, "validation.by_defect.invalid_utf8"), 1);
    assert_text(&b, "queue/normal/m.jsonl",
        "{\"prompt\":\"q one\",\"golden\":\"x\"}\r\n{\"prompt\": \"q two\", \"golden\": \"y\"}\n\n"
        "{\"prompt\":\"q three\",\"golden\":\"z\"}");
    assert_text(&b, "queue/rejected/originals/m.jsonl", whole);
    json_t *rows = data_lines(&b, "queue/rejected/m.jsonl");
    assert_int_equal(json_array_size(rows), 2);
    json_t *first = json_array_get(rows, 0), *second = json_array_get(rows, 1);
    assert_string_equal(
        json_string_value(json_object_get(first, "file")), "queue/unvalidated/m.jsonl");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 2);
    assert_string_equal(json_string_value(json_object_get(first, "text")), "not json");
    assert_string_equal(json_string_value(json_object_get(first, "defect")), "invalid_json");
    assert_non_null(json_string_value(json_object_get(first, "reason")));
    assert_int_equal(json_integer_value(json_object_get(second, "line")), 5);
    assert_string_equal(json_string_value(json_object_get(second, "encoding")), "base64");
    assert_string_equal(json_string_value(json_object_get(second, "text")),
        "eyJwcm9tcHQiOiL/IiwiZ29sZGVuIjoiMSJ9"); /* by Python's base64 */
    assert_names(&b, "queue/unvalidated", "");
    json_decref(rows);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void what_is_known_or_examined_does_not_come_in(void **state)
{
    (void)state;
    static const char *const suite[] = {
        "{\"id\":\"v1\",\"prompt\":\"Which river runs through the old town of Bern?\","
        "\"golden\":\"the Aare\"}"};
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    data_suite(&b, PR_SUITE_MAIN, suite, 1);
    data_put(&b, "queue/low/w.jsonl", "{\"prompt\":\"waits already\",\"golden\":\"a\"}\n");
    data_put(
        &b, "queue/recently_completed/t.jsonl", "{\"prompt\":\"was trained\",\"golden\":\"b\"}\n");
    data_put(&b, "queue/unvalidated/n.jsonl",
        "{\"prompt\":\"WHICH river  runs through the old town of Bern?\",\"golden\":\"no\"}\n"
        "{\"prompt\":\"waits already\",\"golden\":\"a\"}\n"
        "{\"prompt\":\"was trained\",\"golden\":\"b\"}\n"
        "{\"prompt\":\"is new\",\"golden\":\"c\"}\n"
        "{\"prompt\":\"is new\",\"golden\":\"c\"}\n");
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "validation.by_defect.contaminated"), 1);
    assert_int_equal(data_int(&f, "validation.by_defect.duplicate"), 3);
    assert_text(&b, "queue/normal/n.jsonl", "{\"prompt\":\"is new\",\"golden\":\"c\"}\n");
    json_t *rows = data_lines(&b, "queue/rejected/n.jsonl");
    assert_non_null(
        strstr(json_string_value(json_object_get(json_array_get(rows, 0), "reason")), "v1"));
    json_decref(rows);
    pr_findings_done(&f);
    data_book_done(&b);
}

static void a_name_that_is_taken_is_never_overwritten(void **state)
{
    (void)state;
    struct data_book b;
    data_book_init(&b);
    char *old = data_sums(1, 1), *new = data_sums(2, 1);
    data_put(&b, "queue/normal/a.jsonl", old);
    data_put(&b, "queue/unvalidated/a.jsonl", new);
    data_put(&b, "queue/rejected/b.jsonl", "of before\n");
    data_put(&b, "queue/rejected/originals/b.jsonl", "of before\n");
    data_put(&b, "queue/unvalidated/b.jsonl", "bad\n");
    run_and_forget(&b);
    assert_text(&b, "queue/normal/a.jsonl", old);
    assert_text(&b, "queue/normal/a-2.jsonl", new);
    assert_text(&b, "queue/rejected/b.jsonl", "of before\n");
    assert_text(&b, "queue/rejected/originals/b.jsonl", "of before\n");
    assert_text(&b, "queue/rejected/originals/b-2.jsonl", "bad\n");
    assert_true(data_has(&b, "queue/rejected/b-2.jsonl"));
    assert_false(data_has(&b, "queue/normal/b.jsonl"));
    pr_free(old);
    pr_free(new);
    data_book_done(&b);
}

static void an_array_leaves_its_valid_items_as_lines(void **state)
{
    (void)state;
    struct data_book b;
    data_book_init(&b);
    data_put(&b, "queue/unvalidated/x.json",
        "[\n {\"prompt\": \"q\",\n  \"golden\": \"a\"},\n {\"prompt\": \"\", \"golden\": "
        "\"b\"}\n]");
    data_put(&b, "queue/unvalidated/whole.json", "[{\"prompt\":\"r\",\"golden\":\"a\"}]");
    run_and_forget(&b);
    json_t *rows = data_lines(&b, "queue/normal/x.jsonl");
    assert_int_equal(json_array_size(rows), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "prompt")), "q");
    json_decref(rows);
    assert_names(&b, "queue/normal", "whole.json x.jsonl");
    assert_names(&b, "queue/rejected/originals", "x.json");
    data_book_done(&b);
}

static void files_that_wait_are_looked_at_and_left_alone(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    char *good = data_sums(1, 2);
    data_put(&b, "queue/normal/good.jsonl", good);
    data_put(&b, "queue/high/bad.jsonl", "{\"prompt\":\"2+2=\",\"golden\":\"5\"}\nnot json\n");
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "waiting_files.files"), 2);
    assert_int_equal(data_int(&f, "waiting_files.files_with_findings"), 1);
    assert_int_equal(data_int(&f, "waiting_files.validated"), 2);
    assert_int_equal(data_int(&f, "waiting_files.refused_lines"), 2);
    assert_int_equal(data_int(&f, "waiting_files.by_defect.wrong_answer"), 1);
    assert_string_equal(data_text(&f, "waiting_files.findings.0.file"), "queue/high/bad.jsonl");
    assert_int_equal(data_int(&f, "waiting_files.findings.0.findings.1.line"), 2);
    assert_text(&b, "queue/high/bad.jsonl", "{\"prompt\":\"2+2=\",\"golden\":\"5\"}\nnot json\n");
    pr_findings_done(&f);
    data_run(&b, S, &f); /* nothing changed */
    assert_int_equal(data_int(&f, "waiting_files.validated"), 0);
    assert_int_equal(data_int(&f, "waiting_files.refused_lines"), 2);
    pr_findings_done(&f);
    data_put(&b, "queue/normal/more.jsonl", "{\"prompt\":\"1+2=\",\"golden\":\"3\"}\n");
    data_run(&b, S, &f); /* the third file alone, which repeats a line of the second */
    assert_int_equal(data_int(&f, "waiting_files.validated"), 1);
    assert_int_equal(data_int(&f, "waiting_files.by_defect.duplicate"), 1);
    pr_findings_done(&f);
    pr_free(good);
    data_book_done(&b);
}

/* ---- asking ---- */

static void the_newest_checkpoint_is_asked_what_the_queue_holds(void **state)
{
    (void)state;
    static const char *const suite[] = {"{\"id\":\"v1\",\"prompt\":\"5+10=\",\"golden\":\"15\"}"};
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    b.h.settings.correction_samples = 4;
    b.h.settings.correction_max_samples = 7;
    data_suite(&b, PR_SUITE_MAIN, suite, 1);
    char *sums = data_sums(1, 10); /* 5+10= is examined: 9 are left */
    data_put(&b, "queue/normal/a.jsonl", sums);
    data_put(&b, "queue/low/c.jsonl",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":"
        "\"a\"}],\"correction\":{}}\n"
        "{\"text\":\"no answer to compare with\"}\n");
    int64_t old = hand_made_checkpoint(&b.h, NULL, 100, NULL);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 200, NULL);
    int64_t suite_1 = data_run(&b, S, &f);
    assert_true(suite_1 > 0);
    assert_int_equal(data_int(&f, "asking.examples"), 4);
    assert_non_null(f.waiting);
    assert_true(data_plans(&b, S, c, suite_1));
    assert_false(data_plans(&b, S, old, suite_1));
    json_t *line = json_array_get(f.ask, 0);
    assert_int_equal(strncmp(json_string_value(json_object_get(line, "id")), "queue-", 6), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "from"), "file")),
        "queue/normal/a.jsonl");
    assert_true(json_integer_value(json_object_get(json_object_get(line, "from"), "line")) > 0);
    pr_findings_done(&f);

    assert_int_equal(data_run(&b, S, &f), 0); /* not graded: nothing more is asked */
    pr_findings_done(&f);
    data_grade(&b, c, suite_1, data_is_right);
    assert_int_equal(data_run(&b, S, &f), 0); /* graded, but the interval is not over */
    assert_int_equal(data_int(&f, "asked"), 4);
    assert_int_equal(data_int(&f, "errors"), 0);
    assert_null(f.waiting);
    pr_findings_done(&f);

    b.h.now_ms += b.data.interval_ms;
    int64_t suite_2 = data_run(&b, S, &f);
    assert_true(suite_2 > 0 && suite_2 != suite_1);
    assert_int_equal(data_int(&f, "asking.examples"), 7); /* not 8: max_samples */
    pr_findings_done(&f);
    data_grade(&b, c, suite_2, data_is_right);
    b.h.settings.correction_continuous = true;
    assert_int_equal(data_run(&b, S, &f), 0);
    assert_int_equal(data_int(&f, "asked"), 7);
    assert_non_null(strstr(data_text(&f, "asking.nothing_added_because"), "max_samples"));
    pr_findings_done(&f);

    b.h.settings.correction_max_samples = 100;
    int64_t suite_3 = data_run(&b, S, &f); /* at once */
    assert_int_equal(data_int(&f, "asking.examples"), 9);
    assert_int_equal(data_int(&f, "asking.drawn_in_a_suite"), 1);
    pr_findings_done(&f);
    data_grade(&b, c, suite_3, data_is_right);

    int64_t next = hand_made_checkpoint(&b.h, NULL, 300, NULL);
    assert_false(data_plans(&b, S, next, suite_3)); /* not all of it at once */
    int64_t suite_4 = data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "asking.examples"), 4);
    assert_int_equal(suite_4, suite_1); /* the same ones as the checkpoint before */
    assert_true(data_plans(&b, S, next, suite_4));
    pr_findings_done(&f);
    pr_free(sums);
    data_book_done(&b);
}

/* ---- errors ---- */

/* 60 sums, asked of one checkpoint and answered by the model; the findings after that. */
static int64_t asked(struct data_book *b, data_model *model, struct pr_findings *ret)
{
    char *sums = data_sums(1, 60);
    data_book_init(b);
    data_put(b, "queue/normal/hard_sums.jsonl", sums);
    pr_free(sums);
    int64_t c = hand_made_checkpoint(&b->h, NULL, 100, NULL);
    int64_t suite = data_run(b, S, ret);
    pr_findings_done(ret);
    data_grade(b, c, suite, model);
    assert_int_equal(data_run(b, S, ret), 0);
    return suite;
}

static json_t *turn(json_t *row, size_t i)
{
    return json_object_get(json_array_get(json_object_get(row, "messages"), i), "content");
}

/* The recogniser's reason for this error is in the text. */
static void assert_says_why(
    const char *text, const char *question, const char *golden, const char *wrong)
{
    const struct pr_mistake_case c = {.question = {question, strlen(question)},
        .golden = {golden, strlen(golden)},
        .answer = {wrong, strlen(wrong)},
        .output = {wrong, strlen(wrong)},
        .skill = pr_skill_knowing(NULL, question, strlen(question))};
    struct pr_mistake_found found;
    pr_mistake_recognise(&c, &found);
    assert_int_equal(found.pattern, PR_MISTAKE_IS_off_by_one);
    assert_true(strlen(found.why) > 5);
    assert_non_null(strstr(text, found.why + 1)); /* it begins a sentence */
    pr_free(found.why);
}

static void errors_of_a_kind_make_a_report_and_corrections(void **state)
{
    (void)state;
    static const char day[] = "queue/corrections/corrections_20260921.jsonl";
    struct data_book b;
    struct pr_findings f;
    int64_t suite = asked(&b, data_one_more, &f);
    assert_int_equal(data_int(&f, "errors"), 60);
    assert_int_equal(data_int(&f, "groups.0.count"), 60);
    assert_true(json_is_true(data_at(&f, "groups.0.threshold_reached")));
    assert_string_equal(data_text(&f, "groups.0.pattern"), "off_by_one");
    const char *skill = data_text(&f, "groups.0.skill");
    char report[200];
    snprintf(report, sizeof report, "logs/error_patterns/checkpoint-100_%s_off_by_one.json", skill);
    assert_string_equal(data_text(&f, "groups.0.report"), report);
    assert_int_equal(data_int(&f, "corrections_written.run"), 60);
    assert_int_equal(data_int(&f, "corrections_written.total"), 60);
    /* Wilson's interval of 60 of 60: [n / (n + z²), 1]. */
    assert_true(
        fabs(json_real_value(data_at(&f, "groups.0.share_ci95.0")) - 60 / 63.8414588) < 1e-6);
    char *first = data_read(&b, day), *pattern = data_read(&b, report);
    json_t *rows = data_lines(&b, day);
    assert_int_equal(json_array_size(rows), 60);
    json_t *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        const char *user = json_string_value(turn(row, 0)),
                   *assistant = json_string_value(turn(row, 1));
        char question[40], wrong[40], last[40], sum[60];
        int a = 0, two = 0;
        const char *at = user + strcspn(user, "0123456789");
        assert_int_equal(sscanf(at, "%d+%d=", &a, &two), 2);
        snprintf(question, sizeof question, "%d+%d=", a, two);
        snprintf(wrong, sizeof wrong, "%d", 3 * a + 1);
        snprintf(last, sizeof last, "\n%d", 3 * a);
        snprintf(sum, sizeof sum, "%d", 3 * a);
        assert_non_null(strstr(user, question));
        assert_non_null(strstr(user, wrong));
        assert_non_null(strstr(assistant, wrong));
        assert_says_why(assistant, question, sum, wrong);
        assert_non_null(strchr(assistant, '+')); /* the skill's working */
        assert_string_equal(assistant + strlen(assistant) - strlen(last), last);
        assert_string_equal(json_string_value(json_object_get(row, "pattern")), "off_by_one");
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(row, "correction"), "model_answer")),
            wrong);
    }
    pr_findings_done(&f);

    data_run(&b, S, &f); /* once */
    assert_int_equal(data_int(&f, "corrections_written.run"), 0);
    assert_int_equal(data_int(&f, "corrections_written.today"), 60);
    assert_text(&b, day, first);
    assert_text(&b, report, pattern);
    pr_findings_done(&f);

    /* Another checkpoint with the same errors has a report of its own, and brings nothing new. */
    int64_t c = hand_made_checkpoint(&b.h, NULL, 200, NULL);
    assert_int_equal(data_run(&b, S, &f), suite);
    pr_findings_done(&f);
    data_grade(&b, c, suite, data_one_more);
    b.h.now_ms += 86400000;
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "corrections_written.run"), 0);
    assert_int_equal(data_int(&f, "corrections_written.today"), 0);
    assert_int_equal(data_int(&f, "corrections_written.total"), 60);
    assert_non_null(strstr(data_text(&f, "groups.0.report"), "checkpoint-200_"));
    pr_findings_done(&f);
    json_decref(rows);
    pr_free(first);
    pr_free(pattern);
    data_book_done(&b);
}

static void too_few_errors_make_nothing(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    data_book_init(&b);
    char *sums = data_sums(1, 49);
    data_put(&b, "queue/normal/a.jsonl", sums);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 100, NULL);
    int64_t suite = data_run(&b, S, &f);
    pr_findings_done(&f);
    data_grade(&b, c, suite, data_one_more);
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "groups.0.count"), 49);
    assert_true(json_is_false(data_at(&f, "groups.0.threshold_reached")));
    assert_int_equal(data_int(&f, "corrections_written.total"), 0);
    assert_names(&b, "logs/error_patterns", "");
    assert_names(&b, "queue/corrections", "");
    pr_findings_done(&f);
    pr_free(sums);
    data_book_done(&b);
}

static void an_answer_that_was_cut_off_is_quoted_without_marks(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    asked(&b, data_is_cut_off, &f);
    char *text = data_read(&b, "queue/corrections/corrections_20260921.jsonl");
    assert_int_equal(data_int(&f, "corrections_written.run"), 60);
    assert_null(strstr(text, "<|im_start|>"));
    assert_null(strstr(text, "<think>"));
    pr_free(text);
    pr_findings_done(&f);
    data_book_done(&b);
}

/* The file is there before it is validated: a wrong answer in it must not be taught. */
static void a_wrong_golden_answer_is_no_correction(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    struct pr_str lines = PR_STR_INIT(1 << 16);
    data_book_init(&b);
    for (int a = 1; a <= 60; a++)
        pr_str_printf(&lines, "{\"prompt\":\"%d+1=\",\"golden\":\"%d\"}\n", a, a + 5);
    data_put(&b, "queue/normal/wrong.jsonl", pr_str_cstr(&lines));
    int64_t c = hand_made_checkpoint(&b.h, NULL, 100, NULL);
    int64_t suite = data_run(&b, S, &f);
    pr_findings_done(&f);
    data_grade(&b, c, suite, data_one_more);
    data_run(&b, S, &f);
    assert_int_equal(data_int(&f, "corrections_written.not_verified"), 60);
    assert_int_equal(data_int(&f, "corrections_written.total"), 0);
    pr_findings_done(&f);
    pr_str_done(&lines);
    data_book_done(&b);
}

/* Nobody knows the question: what is said about the error is no more than what is known. */
static void without_a_verifier_only_what_is_certain_is_said(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_findings f;
    struct pr_str lines = PR_STR_INIT(1 << 16);
    data_book_init(&b);
    for (int a = 1; a <= 60; a++)
        pr_str_printf(&lines,
            "{\"prompt\":\"In which year was house %d of the street built?\",\"golden\":\"%d\"}\n",
            a, 1700 + a);
    data_put(&b, "queue/normal/houses.jsonl", pr_str_cstr(&lines));
    int64_t c = hand_made_checkpoint(&b.h, NULL, 100, NULL);
    int64_t suite = data_run(&b, S, &f);
    pr_findings_done(&f);
    data_grade(&b, c, suite, data_one_more);
    data_run(&b, S, &f);
    assert_true(json_is_null(data_at(&f, "groups.0.skill")));
    assert_string_equal(data_text(&f, "groups.0.file"), "houses.jsonl");
    assert_int_equal(data_int(&f, "corrections_written.run"), 60);
    json_t *rows = data_lines(&b, "queue/corrections/corrections_20260921.jsonl");
    for (size_t i = 0; i < 60; i++) {
        const char *said = json_string_value(turn(json_array_get(rows, i), 1));
        assert_null(strstr(said, "tep by step"));
        assert_null(strstr(said, "Worked"));
        assert_true(strlen(said) < 200);
    }
    json_decref(rows);
    pr_findings_done(&f);
    pr_str_done(&lines);
    data_book_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_a_fault_moves_on_as_it_is),
        cmocka_unit_test(a_mixed_file_is_split_and_nothing_is_lost),
        cmocka_unit_test(what_is_known_or_examined_does_not_come_in),
        cmocka_unit_test(a_name_that_is_taken_is_never_overwritten),
        cmocka_unit_test(an_array_leaves_its_valid_items_as_lines),
        cmocka_unit_test(files_that_wait_are_looked_at_and_left_alone),
        cmocka_unit_test(the_newest_checkpoint_is_asked_what_the_queue_holds),
        cmocka_unit_test(errors_of_a_kind_make_a_report_and_corrections),
        cmocka_unit_test(too_few_errors_make_nothing),
        cmocka_unit_test(an_answer_that_was_cut_off_is_quoted_without_marks),
        cmocka_unit_test(a_wrong_golden_answer_is_no_correction),
        cmocka_unit_test(without_a_verifier_only_what_is_certain_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
