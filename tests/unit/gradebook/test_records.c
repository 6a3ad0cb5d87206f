/* Orders, findings, decisions, alerts; and what of all that is kept. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "base/fault.h"
#include "base/sha256.h"
#include "gradebook/sqlite.h"

#define DAY ((int64_t)PR_GRADEBOOK_DAY_MS)

static void an_order_is_added_changed_and_closed(void **state)
{
    struct book *b = *state;
    int64_t checkpoint = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    struct pr_order_row o = {.checkpoint = checkpoint,
        .asked_by = (char *)(uintptr_t) "regression-monitor",
        .priority = 3,
        .state = (char *)(uintptr_t) "waiting",
        .asked_ms = 10};
    MUST(pr_gradebook_put_order(b->g, &o, e));
    assert_true(o.id > 0);
    int64_t first = o.id;
    o.state = (char *)(uintptr_t) "done";
    o.ended_ms = 20;
    o.tokens_scored = 12345;
    o.seconds = 1.5;
    MUST(pr_gradebook_put_order(b->g, &o, e));
    assert_int_equal(o.id, first);
    o = (struct pr_order_row){
        .checkpoint = checkpoint, .state = (char *)(uintptr_t) "running", .asked_ms = 30};
    MUST(pr_gradebook_put_order(b->g, &o, e));
    struct pr_order_row *rows;
    size_t n;
    MUST(pr_gradebook_orders(b->g, true, 0, &rows, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].id, o.id);
    assert_null(rows[0].asked_by);
    pr_order_rows_free(rows, n);
    MUST(pr_gradebook_close_orders(b->g, "the owner died", 40, e));
    MUST(pr_gradebook_orders(b->g, true, 0, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_order_rows_free(rows, n);
    MUST(pr_gradebook_orders(b->g, false, 10, &rows, &n, e));
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].state, "cancelled");
    assert_string_equal(rows[0].reason, "the owner died");
    assert_int_equal(rows[0].ended_ms, 40);
    assert_string_equal(rows[1].state, "done");
    assert_string_equal(rows[1].asked_by, "regression-monitor");
    assert_int_equal(rows[1].tokens_scored, 12345);
    assert_true(rows[1].seconds == 1.5);
    pr_order_rows_free(rows, n);
}

static void put_finding(struct pr_gradebook *g, const char *system, int64_t value, int64_t at)
{
    json_t *o = json_pack("{s:I}", "value", (json_int_t)value);
    MUST(pr_gradebook_put_finding(g, system, o, at, e));
    json_decref(o);
}

static int64_t newest_finding(struct pr_gradebook *g, const char *system, int64_t *ret_at)
{
    json_t *o;
    MUST(pr_gradebook_finding(g, system, &o, ret_at, e));
    int64_t value = o ? json_integer_value(json_object_get(o, "value")) : -1;
    json_decref(o);
    return value;
}

static void the_newest_finding_is_the_last_put_in(void **state)
{
    struct book *b = *state;
    int64_t at;
    assert_int_equal(newest_finding(b->g, "monitor", &at), -1);
    put_finding(b->g, "monitor", 1, 5000);
    put_finding(b->g, "monitor", 2, 4000); /* the clock went back */
    put_finding(b->g, "other", 3, 9000);
    assert_int_equal(newest_finding(b->g, "monitor", &at), 2);
    assert_int_equal(at, 4000);
}

static void a_day_keeps_the_last_finding_of_a_system(void **state)
{
    struct book *b = *state;
    for (int64_t i = 0; i < 6; i++)
        put_finding(b->g, "comparison", i, i * DAY / 2);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM findings"), 3);
    assert_int_equal(newest_finding(b->g, "comparison", NULL), 5);
}

static void decide(struct pr_gradebook *g, const char *kind, int64_t checkpoint,
    const char *verdict, int64_t against, const char *cites)
{
    struct pr_decision d = {.system = (char *)(uintptr_t) "monitor",
        .kind = (char *)(uintptr_t)kind,
        .checkpoint = checkpoint,
        .verdict = (char *)(uintptr_t)verdict,
        .against = against,
        .evidence = json_pack("{s:f, s:[{s:s}]}", "loss", 0.1, "worst", "example", cites),
        .at_ms = 77};
    MUST(pr_gradebook_put_decision(g, &d, e));
    json_decref(d.evidence);
}

static void decisions_are_kept_and_the_last_is_present(void **state)
{
    struct book *b = *state;
    struct pr_decision *v;
    size_t n;
    int64_t one = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m1", 1, "r", "h1", 5);
    int64_t two = add_checkpoint(b->g, "/run/checkpoint-2", "i", "m2", 2, "r", "h2", 5);
    decide(b->g, "verdict", one, "ok", 0, "a");
    decide(b->g, "verdict", two, "warning", one, "a");
    decide(b->g, "verdict", two, "critical", one, "b");
    decide(b->g, "baseline", one, "moved", 0, "a");
    struct pr_decision_filter f = {.system = "monitor", .kind = "verdict", .present_only = true};
    MUST(pr_gradebook_decisions(b->g, &f, &v, &n, e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].verdict, "ok");
    assert_string_equal(v[1].verdict, "critical");
    assert_int_equal(v[1].against, one);
    assert_int_equal(v[1].at_ms, 77);
    assert_true(json_real_value(json_object_get(v[1].evidence, "loss")) == 0.1);
    pr_decisions_free(v, n);
    f = (struct pr_decision_filter){.checkpoint = two};
    MUST(pr_gradebook_decisions(b->g, &f, &v, &n, e));
    assert_int_equal(n, 2);
    pr_decisions_free(v, n);
    f = (struct pr_decision_filter){.against = one, .present_only = true};
    MUST(pr_gradebook_decisions(b->g, &f, &v, &n, e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].verdict, "critical");
    pr_decisions_free(v, n);
    f = (struct pr_decision_filter){.limit = 3};
    MUST(pr_gradebook_decisions(b->g, &f, &v, &n, e));
    assert_int_equal(n, 3);
    assert_string_equal(v[0].verdict, "warning");
    assert_string_equal(v[2].kind, "baseline");
    pr_decisions_free(v, n);
}

static void foreign_keys_hold(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    struct pr_decision d = {.system = (char *)(uintptr_t) "s",
        .kind = (char *)(uintptr_t) "k",
        .verdict = (char *)(uintptr_t) "v",
        .checkpoint = 999};
    assert_int_equal(pr_gradebook_put_decision(b->g, &d, &why), PR_E_USAGE);
    assert_int_equal(
        pr_gradebook_raise(b->g, "s", "k", 999, PR_ALERT_INFO, "text", 1, NULL, &why), PR_E_USAGE);
    struct pr_order_row o = {.checkpoint = 999, .state = (char *)(uintptr_t) "waiting"};
    assert_int_equal(pr_gradebook_put_order(b->g, &o, &why), PR_E_USAGE);
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m1", 1, "r", "h1", 5);
    assert_int_equal(pr_sql_script(b->g, "DELETE FROM models", &why), PR_E_USAGE);
    assert_sound(b->g);
}

static void an_alert_is_raised_once_and_cleared(void **state)
{
    struct book *b = *state;
    struct pr_alert *v;
    struct pr_error why;
    size_t n;
    bool is_new;
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_WARNING, "a", 1, &is_new, e));
    assert_true(is_new);
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_WARNING, "b", 2, &is_new, e));
    assert_false(is_new);
    MUST(pr_gradebook_alerts(b->g, true, 0, &v, &n, e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].text, "b");
    assert_int_equal(v[0].raised_ms, 1);
    MUST(pr_gradebook_acknowledge(b->g, v[0].id, 3, e));
    assert_int_equal(pr_gradebook_acknowledge(b->g, 999, 3, &why), PR_E_NOT_FOUND);
    pr_alerts_free(v, n);
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_CRITICAL, "c", 4, &is_new, e));
    assert_true(is_new);
    MUST(pr_gradebook_alerts(b->g, true, 0, &v, &n, e));
    assert_int_equal(v[0].level, PR_ALERT_CRITICAL);
    assert_int_equal(v[0].acknowledged_ms, 0);
    pr_alerts_free(v, n);
    MUST(pr_gradebook_clear(b->g, "monitor", "k", 5, e));
    MUST(pr_gradebook_clear(b->g, "monitor", "k", 6, e));
    MUST(pr_gradebook_alerts(b->g, true, 0, &v, &n, e));
    assert_int_equal(n, 0);
    pr_alerts_free(v, n);
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_INFO, "d", 7, &is_new, e));
    assert_true(is_new);
    MUST(pr_gradebook_alerts(b->g, false, 0, &v, &n, e));
    assert_int_equal(n, 2);
    assert_int_equal(v[1].cleared_ms, 5);
    pr_alerts_free(v, n);
}

static int compactions;
static void count_compactions(enum pr_fault point)
{
    compactions += point == PR_FAULT_COMPACTED;
}

static void compact_all(struct pr_gradebook *g, const struct pr_retention *r)
{
    bool more = true;
    compactions = 0;
    pr_fault_hook = count_compactions;
    while (more)
        MUST(pr_gradebook_compact(g, r, &more, e));
    pr_fault_hook = NULL;
}

static void old_findings_and_orders_are_dropped(void **state)
{
    struct book *b = *state;
    for (int64_t day = 1; day <= 10; day++)
        for (int64_t i = 0; i < 20; i++)
            put_finding(b->g, i % 2 ? "monitor" : "testing", day * 100 + i, day * DAY + i);
    for (int64_t i = 0; i < 10; i++) {
        struct pr_order_row o = {
            .state = (char *)(uintptr_t) "done", .asked_ms = i * DAY, .ended_ms = i ? i * DAY : 0};
        MUST(pr_gradebook_put_order(b->g, &o, e));
    }
    struct pr_retention r = {.now_ms = 11 * DAY, .findings_days = 3, .orders_days = 5, .batch = 3};
    compact_all(b->g, &r);
    assert_true(compactions > 5);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM findings"), 3 * 2);
    assert_int_equal(number_of(b->path, "SELECT min(day) FROM findings"), 8);
    assert_int_equal(newest_finding(b->g, "monitor", NULL), 1019);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM orders"), 5); /* and the open one */
    r = (struct pr_retention){.now_ms = 1000 * DAY};
    compact_all(b->g, &r);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM findings"), 3 * 2);
    r = (struct pr_retention){.now_ms = 1000 * DAY, .findings_days = 3};
    compact_all(b->g, &r);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM findings"), 2);
    assert_int_equal(newest_finding(b->g, "monitor", NULL), 1019);
}

/* `path` ends each answer where they are to be different for each checkpoint. */
static void fill(struct book *b, const struct pr_suite *s, int n, bool different)
{
    for (int m = 1; m <= n; m++) {
        char path[64], history[16];
        snprintf(path, sizeof path, "/run/checkpoint-%d", m);
        snprintf(history, sizeof history, "h%d", m);
        int64_t id = add_checkpoint(b->g, path, "i", path, m, "run", history, m * DAY);
        struct pr_checkpoint_row row = row_of(b->g, id);
        for (size_t i = 0; i < s->n; i++) {
            struct pr_grade x;
            char digest[PR_SHA256_HEX];
            plain_grade(&s->v[i], (uint64_t)m, &x);
            if (different)
                memcpy(x.answer, path + 5, strlen(path + 5));
            pr_sha256_hex(s->v[i].digest, digest);
            MUST(pr_gradebook_put_grade(
                b->g, row.model, settings_of(b->g, row.model), digest, &x, m * DAY, NULL, e));
            pr_grade_done(&x);
        }
        pr_checkpoint_row_done(&row);
    }
}

static void old_texts_go_but_numbers_cited_and_newest_stay(void **state)
{
    struct book *b = *state;
    int64_t suite;
    char digest[PR_SHA256_HEX];
    struct pr_gradebook_size before, after;
    struct pr_suite *s = make_suite("validation", 200, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    fill(b, s, 40, false);
    pr_sha256_hex(s->v[7].digest, digest);
    decide(b->g, "verdict", 3, "warning", 2, digest);
    decide(b->g, "verdict", 4, "warning", 1, "example 9");
    struct pr_checkpoint_row row = row_of(b->g, 3);
    struct pr_grades *old, *now;
    json_t *figures, *again;
    MUST(pr_gradebook_grades(b->g, &row, 1, s, true, &old, e));
    MUST(pr_grades_figures(old, &figures, e));
    MUST(pr_gradebook_size(b->g, &before, e));
    struct pr_retention r = {.now_ms = 100 * DAY, .texts_days = 30, .batch = 37};
    compact_all(b->g, &r);
    assert_true(compactions > 100);
    assert_sound(b->g);
    MUST(pr_gradebook_size(b->g, &after, e));
    assert_int_equal(after.grades, 40 * 200);
    assert_int_equal(after.free_bytes, 0);
    assert_true(after.texts < before.texts);
    MUST(pr_gradebook_grades(b->g, &row, 1, s, true, &now, e));
    MUST(pr_grades_figures(now, &again, e));
    assert_true(json_equal(figures, again));
    for (size_t i = 0; i < s->n; i++) {
        if (i == 7) {
            assert_same_grade(&old->v[i], &now->v[i]);
        } else {
            assert_null(now->v[i].answer);
            assert_null(now->v[i].output);
            assert_true(now->v[i].texts_dropped);
            assert_memory_equal(&now->v[i].nll, &old->v[i].nll, sizeof(double));
        }
    }
    /* Checkpoints 2 and 3 keep one, 1 and 4 another, 31 to 40 all. */
    assert_int_equal(number_of(b->path, "SELECT count(DISTINCT checkpoint) FROM grade_texts"
                                        " WHERE answer IS NOT NULL"),
        14);
    assert_int_equal(
        number_of(b->path, "SELECT count(*) FROM grade_texts WHERE answer IS NOT NULL"),
        4 + 10 * 200);
    pr_grades_free(old);
    pr_grades_free(now);
    json_decref(figures);
    json_decref(again);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static void freed_pages_go_back_to_the_file_system(void **state)
{
    struct book *b = *state;
    int64_t suite;
    struct pr_gradebook_size before, after;
    struct pr_suite *s = make_suite("validation", 200, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    fill(b, s, 60, true);
    book_reopen(b); /* brings the log in */
    MUST(pr_gradebook_size(b->g, &before, e));
    struct pr_retention r = {.now_ms = 100 * DAY, .texts_days = 30};
    compact_all(b->g, &r);
    book_reopen(b);
    MUST(pr_gradebook_size(b->g, &after, e));
    print_message("%llu kB, compacted %llu kB\n", (unsigned long long)before.bytes / 1024,
        (unsigned long long)after.bytes / 1024);
    assert_true(after.bytes < before.bytes);
    assert_int_equal(after.free_bytes, 0);
    assert_sound(b->g);
    pr_suite_free(s);
}

/* As after .recover: without auto_vacuum compaction still comes to its end. */
static void a_copy_without_auto_vacuum_is_compacted_too(void **state)
{
    struct book *b = *state;
    int64_t suite;
    struct pr_gradebook_size size;
    struct pr_suite *s = make_suite("validation", 200, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    fill(b, s, 30, true);
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    struct pr_retention r = {.now_ms = 100 * DAY, .texts_days = 30};
    compact_all(b->g, &r);
    MUST(pr_gradebook_size(b->g, &size, e));
    assert_true(size.free_bytes > 0);
    assert_sound(b->g);
    pr_suite_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_added_changed_and_closed),
        TEST(the_newest_finding_is_the_last_put_in),
        TEST(a_day_keeps_the_last_finding_of_a_system),
        TEST(decisions_are_kept_and_the_last_is_present),
        TEST(foreign_keys_hold),
        TEST(an_alert_is_raised_once_and_cleared),
        TEST(old_findings_and_orders_are_dropped),
        TEST(old_texts_go_but_numbers_cited_and_newest_stay),
        TEST(freed_pages_go_back_to_the_file_system),
        TEST(a_copy_without_auto_vacuum_is_compacted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
