/* The list of checkpoints: pages that what comes meanwhile does not move, orders, states, figures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "book.h"

#define N 40

static const json_t *rows(const json_t *doc)
{
    return json_object_get(doc, "checkpoints");
}

/* Ids in order, "5 4 3 "; `between` is called after the first page. */
static char *walk(struct book *b, const char *query, void (*between)(struct book *b))
{
    struct pr_str ids = PR_STR_INIT(1 << 20);
    char cursor[300] = "";
    for (int pages = 0; pages < 100; pages++) {
        size_t i;
        const json_t *x, *doc = *cursor
                                    ? book_get(b, "/api/checkpoints?%s&cursor=%s", query, cursor)
                                    : book_get(b, "/api/checkpoints?%s", query);
        json_array_foreach (rows(doc), i, x)
            pr_str_printf(&ids, "%lld ", (long long)book_int(x, "id"));
        const char *next = book_text(doc, "next_cursor");
        if (!next)
            break;
        snprintf(cursor, sizeof cursor, "%s", next);
        if (!pages && between)
            between(b);
    }
    return pr_str_take(&ids);
}

static void two_more(struct book *b)
{
    hand_made_grade_drawn(&b->h, hand_made_checkpoint(&b->h, NULL, 5000, NULL), 1, 77, 0.9, 0.2);
    const struct hand_made_place p = {.not_opened = true, .step = -1, .folder = "just-came"};
    hand_made_place(&b->h, &p);
}

static void fill(struct book *b, size_t n)
{
    int64_t suite = hand_made_suite(&b->h, "validation", N, 0);
    for (size_t i = 0; i < n; i++)
        hand_made_grade_drawn(&b->h, hand_made_checkpoint(&b->h, NULL, (int64_t)(10 * i), NULL),
            suite, i, i % 2 ? 0.4 + 0.02 * (double)i : 0.5, 1);
}

static void rank(struct book *b)
{
    struct pr_findings f;
    hand_made_find(&b->h, &pr_system_model_comparison, &f);
    hand_made_apply(&b->h, &pr_system_model_comparison, &f);
}

static void what_comes_meanwhile_moves_no_page(void **state)
{
    (void)state;
    for (int limit = 1; limit <= 13; limit += 3) {
        struct book b;
        char query[60];
        book_open(&b);
        fill(&b, 12);
        snprintf(query, sizeof query, "limit=%d", limit);
        char *ids = walk(&b, query, limit < 12 ? two_more : NULL);
        assert_string_equal(ids, "12 11 10 9 8 7 6 5 4 3 2 1 ");
        pr_free(ids);
        book_close(&b);
    }
}

static void the_best_come_in_the_order_of_their_scores(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    fill(&b, 11);
    rank(&b);
    const struct hand_made_place p = {.not_opened = true, .step = -1, .folder = "not-yet"};
    int64_t unranked = hand_made_place(&b.h, &p);
    struct pr_str want = PR_STR_INIT(1000);
    double last = 2;
    size_t i;
    const json_t *x, *doc = book_get(&b, "/api/checkpoints?order=best");
    assert_int_equal(book_int(doc, "n"), 12);
    json_array_foreach (rows(doc), i, x) {
        double score = book_real(x, "score");
        if (i == 11) {
            assert_int_equal(book_int(x, "id"), unranked);
            assert_true(isnan(score) && isnan(book_real(x, "rank")));
        } else {
            assert_true(score <= last);
            assert_true(book_real(x, "rank") <= (double)(i + 1));
            last = score;
        }
        pr_str_printf(&want, "%lld ", (long long)book_int(x, "id"));
    }
    char *ids = walk(&b, "order=best&limit=5", NULL);
    assert_string_equal(ids, pr_str_cstr(&want));
    pr_free(ids);
    /* What has no score yet comes behind all that have one. */
    ids = walk(&b, "order=best&limit=5", two_more);
    assert_memory_equal(ids, pr_str_cstr(&want), want.len - 3);
    assert_non_null(strstr(ids + want.len - 3, "12 "));
    pr_free(ids);
    pr_str_done(&want);
    book_close(&b);
}

static void figures_are_those_of_the_exam(void **state)
{
    (void)state;
    struct book b;
    struct pr_view v;
    struct pr_view_grades g;
    struct pr_figures f;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", N, 0);
    for (int k = 0; k < 3; k++) {
        int64_t id = hand_made_checkpoint(&b.h, NULL, k + 1, NULL);
        struct hand_made_answer *a = hand_made_draw((uint64_t)k + 1, N, 0.6, 0.7, 1);
        a[2].truncated = true;
        a[2].right = false;
        a[5].bad_number = k == 1;
        a[7].reason = "its template raises";
        a[9].missing = k == 2;
        a[11].undecided = true;
        hand_made_grade(&b.h, id, suite, a, N);
        pr_free(a);
    }
    for (int again = 0; again < 2; again++) { /* and as they are remembered */
        const json_t *doc = book_get(&b, "/api/checkpoints");
        hand_made_open(&b.h, &v);
        for (size_t i = 0; i < 3; i++) {
            const json_t *x = json_array_get(rows(doc), i);
            const json_t *s = json_array_get(json_object_get(x, "suites"), 0);
            HAND_MADE_OK(pr_view_grades(
                &v, pr_view_checkpoint(&v, book_int(x, "id")), suite, &g, &hand_made_error));
            HAND_MADE_OK(pr_figures_make(g.grades, &f, &hand_made_error));
            assert_int_equal(book_int(s, "graded"), g.done);
            assert_true(book_real(s, "loss") == f.loss);
            assert_true(book_real(s, "loss_mean_per_example") == f.loss_mean_per_example);
            assert_true(book_real(s, "accuracy") == f.accuracy);
            assert_true(book_real(s, "ece") == f.ece);
            pr_figures_done(&f);
        }
        hand_made_close(&b.h, &v);
    }
    book_close(&b);
}

static void states_are_told_apart(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    fill(&b, 3);
    HAND_MADE_OK(pr_gradebook_set_state(
        b.h.g, 1, PR_CHECKPOINT_GONE, "its folder is gone", &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(
        b.h.g, 2, PR_CHECKPOINT_QUARANTINED, "its grader died", &hand_made_error));
    assert_int_equal(book_int(book_get(&b, "/api/checkpoints"), "n"), 2);
    static const struct {
        const char *state;
        int64_t id; /* 0: none */
    } cases[] = {{"ready", 3}, {"gone", 1}, {"quarantined", 2}, {"refused", 0}, {"found", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const json_t *doc = book_get(&b, "/api/checkpoints?state=%s", cases[i].state);
        assert_int_equal(json_array_size(rows(doc)), cases[i].id != 0);
        if (cases[i].id) {
            assert_int_equal(book_int(json_array_get(rows(doc), 0), "id"), cases[i].id);
            assert_string_equal(book_text(json_array_get(rows(doc), 0), "state"), cases[i].state);
        }
    }
    assert_int_equal(book_int(book_get(&b, "/api/checkpoints?run=1"), "n"), 2);
    assert_int_equal(book_int(book_get(&b, "/api/checkpoints?run=7"), "n"), 0);
    assert_non_null(json_object_get(book_get(&b, "/api/checkpoints/1"), "summary"));
    book_refused(&b, PR_E_NOT_FOUND, "/api/checkpoints/77");
    book_refused(&b, PR_E_USAGE, "/api/checkpoints?cursor=1_2");
    book_refused(&b, PR_E_USAGE, "/api/checkpoints?cursor=-_1_2_3_4_5_6_7");
    book_refused(&b, PR_E_USAGE, "/api/checkpoints?limit=501");
    book_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_meanwhile_moves_no_page),
        cmocka_unit_test(the_best_come_in_the_order_of_their_scores),
        cmocka_unit_test(figures_are_those_of_the_exam),
        cmocka_unit_test(states_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
