/* Lists of examples: pages without gaps or doubles, outcomes, search, texts of any kind and size.
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
#include "base/utf8.h"
#include "book.h"

#define N 100

static const json_t *rows(const json_t *doc)
{
    const json_t *v = json_object_get(doc, "examples");
    assert_true(json_is_array(v));
    return v;
}

/* Walks through all pages: the ids in order, "e0003 e0007 …"; their number must be `n` throughout.
 */
static char *walk(struct book *b, const char *query, size_t *ret_n)
{
    struct pr_str ids = PR_STR_INIT(1 << 20);
    char cursor[120] = "";
    size_t found = 0, n = 0;
    for (int pages = 0; pages < 200; pages++) {
        const json_t *doc, *x;
        size_t i;
        doc = *cursor ? book_get(b, "/api/gradebook/examples?%s&cursor=%s", query, cursor)
                      : book_get(b, "/api/gradebook/examples?%s", query);
        if (!pages)
            n = (size_t)book_int(doc, "n");
        assert_int_equal(book_int(doc, "n"), n);
        json_array_foreach (rows(doc), i, x) {
            pr_str_printf(&ids, "%s ", book_text(x, "id"));
            found++;
        }
        const char *next = book_text(doc, "next_cursor");
        if (!next)
            break;
        snprintf(cursor, sizeof cursor, "%s", next);
    }
    assert_int_equal(found, n);
    *ret_n = n;
    return pr_str_take(&ids);
}

/* Two checkpoints with drawn answers; some of the second are truncated, some cannot be graded, some
 * are not graded yet. */
static void fill(struct book *b, int64_t ids[2], struct hand_made_answer *v[2])
{
    int64_t suite = hand_made_suite(&b->h, "validation", N, 0);
    for (int k = 0; k < 2; k++) {
        ids[k] = hand_made_checkpoint(&b->h, NULL, 100 * (k + 1), NULL);
        v[k] = hand_made_draw((uint64_t)k + 5, N, 0.5, 1, 1);
    }
    for (size_t i = 0; i < N; i++) {
        v[1][i].missing = i % 17 == 3;
        if (i % 13 == 2) {
            v[1][i].truncated = true;
            v[1][i].right = false;
        }
        if (i % 19 == 4)
            v[1][i].reason = "longer than the model's positions";
    }
    for (int k = 0; k < 2; k++)
        hand_made_grade(&b->h, ids[k], suite, v[k], N);
}

enum { ALL, RIGHT, WRONG, GAINED, LOST, TRUNCATED, UNGRADED };
static bool fits(int outcome, const struct hand_made_answer *was, const struct hand_made_answer *is)
{
    bool graded = !is->missing && !is->reason, right = graded && is->right,
         wrong = graded && !is->right;
    switch (outcome) {
    case RIGHT:
        return right;
    case WRONG:
        return wrong;
    case GAINED:
        return right && !was->right;
    case LOST:
        return wrong && was->right;
    case TRUNCATED:
        return graded && is->truncated;
    case UNGRADED:
        return !graded;
    default:
        return true;
    }
}

static void every_outcome_is_paged_without_gaps_or_doubles(void **state)
{
    (void)state;
    static const char *const names[] = {
        "all", "right", "wrong", "gained", "lost", "truncated", "ungraded"};
    static const int limits[] = {1, 7, 50, 200};
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    book_open(&b);
    fill(&b, ids, v);
    for (int outcome = 0; outcome < 7; outcome++) {
        struct pr_str want = PR_STR_INIT(1 << 20);
        size_t n_want = 0, n;
        for (size_t i = 0; i < N; i++)
            if (fits(outcome, &v[0][i], &v[1][i])) {
                pr_str_printf(&want, "e%04zu ", i);
                n_want++;
            }
        assert_true(n_want > 0);
        for (size_t k = 0; k < 4; k++)
            for (int search = 0; search < 2; search++) {
                char query[200];
                snprintf(query, sizeof query, "checkpoint=%lld&against=%lld&outcome=%s&limit=%d%s",
                    (long long)ids[1], (long long)ids[0], names[outcome], limits[k],
                    search ? "&search=wHaT%20IS" : "");
                char *got = walk(&b, query, &n);
                assert_int_equal(n, n_want);
                assert_string_equal(got, pr_str_cstr(&want));
                pr_free(got);
            }
        pr_str_done(&want);
    }
    book_refused(&b, PR_E_USAGE, "/api/gradebook/examples?outcome=gained");
    book_refused(&b, PR_E_USAGE, "/api/gradebook/examples?outcome=better");
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

static void what_is_not_graded_is_no_wrong_answer(void **state)
{
    (void)state;
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    size_t i;
    const json_t *x;
    book_open(&b);
    fill(&b, ids, v);
    const json_t *doc = book_get(&b, "/api/gradebook/examples?against=%lld&limit=100",
        (long long)ids[0]); /* of the newest */
    assert_int_equal(book_int(json_object_get(doc, "checkpoint"), "id"), ids[1]);
    json_array_foreach (rows(doc), i, x) {
        bool graded = !v[1][i].missing && !v[1][i].reason;
        assert_true(json_is_true(json_object_get(x, "graded")) == graded);
        assert_true(json_is_true(json_object_get(x, "was_correct")) == v[0][i].right);
        if (!graded) {
            assert_true(json_is_null(json_object_get(x, "correct")));
            assert_true(isnan(book_real(x, "loss")) && isnan(book_real(x, "confidence")));
            assert_string_equal(
                book_text(x, "reason"), v[1][i].reason ? v[1][i].reason : "not graded yet");
            continue;
        }
        assert_true(json_is_boolean(json_object_get(x, "correct")));
        assert_true(fabs(book_real(x, "loss") - v[1][i].loss) < 1e-12);
        if (v[1][i].truncated) {
            assert_null(book_text(x, "answer"));
            assert_string_equal(book_text(x, "answer_reason"), "truncated");
        }
    }
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

static void a_page_goes_on_with_its_checkpoint_and_ends_with_its_suite(void **state)
{
    (void)state;
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    char cursor[120];
    book_open(&b);
    fill(&b, ids, v);
    const json_t *doc = book_get(&b, "/api/gradebook/examples?limit=10");
    assert_int_equal(book_int(json_object_get(doc, "checkpoint"), "id"), ids[1]);
    snprintf(cursor, sizeof cursor, "%s", book_text(doc, "next_cursor"));
    /* A newer one comes while somebody reads. */
    int64_t newer = hand_made_checkpoint(&b.h, NULL, 300, NULL);
    hand_made_grade(&b.h, newer, 1, v[0], N);
    doc = book_get(&b, "/api/gradebook/examples?limit=10&cursor=%s", cursor);
    assert_int_equal(book_int(json_object_get(doc, "checkpoint"), "id"), ids[1]);
    assert_string_equal(book_text(json_array_get(rows(doc), 0), "id"), "e0010");
    book_refused(&b, PR_E_USAGE, "/api/gradebook/examples?checkpoint=%lld&cursor=%s",
        (long long)ids[0], cursor);
    static const char *const bad[] = {"x", "1_2", "1_2_3_4", "1_2_3x", "99_1_1", "-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        book_refused(&b, PR_E_USAGE, "/api/gradebook/examples?cursor=%s", bad[i]);
    hand_made_suite(&b.h, "validation", N, 1); /* edited */
    assert_non_null(strstr(
        book_refused(&b, PR_E_USAGE, "/api/gradebook/examples?cursor=%s", cursor), "edited"));
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

static void groups_are_filtered(void **state)
{
    (void)state;
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    size_t i, n = 0;
    const json_t *x;
    book_open(&b);
    fill(&b, ids, v);
    const json_t *doc = book_get(&b, "/api/gradebook/examples?difficulty=hard&limit=200");
    json_array_foreach (rows(doc), i, x)
        assert_string_equal(book_text(x, "difficulty"), "hard");
    assert_int_equal(book_int(doc, "n"), json_array_size(rows(doc)));
    n = json_array_size(rows(doc));
    assert_in_range(n, N / 3 - 1, N / 3 + 1);
    doc = book_get(&b, "/api/gradebook/examples?difficulty=impossible");
    assert_int_equal(book_int(doc, "n"), 0);
    book_refused(&b, PR_E_NOT_FOUND, "/api/gradebook/examples?suite=other");
    book_refused(&b, PR_E_NOT_FOUND, "/api/gradebook/examples?checkpoint=999");
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

/* ---- texts ---- */

static void hostile_texts_come_through_unharmed(void **state)
{
    (void)state;
    static const char nul[] = "a\0b</script>\xE2\x80\xAE\033[2J\x01 end<|im_end|>";
    static const char broken[] = "x\xFFy\xC3";
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 3, 0);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    const struct book_text first = {
        .output = nul, .output_n = sizeof nul - 1, .answer = nul, .answer_n = sizeof nul - 1 - 10};
    const struct book_text second = {
        .output = broken, .output_n = 4, .answer = broken, .answer_n = 4};
    book_grade_text(&b, c, suite, 0, &first);
    book_grade_text(&b, c, suite, 1, &second);
    const json_t *doc = book_get(&b, "/api/gradebook/examples");
    const json_t *v = json_object_get(json_array_get(rows(doc), 0), "output");
    assert_int_equal(json_string_length(v), sizeof nul - 1);
    assert_memory_equal(json_string_value(v), nul, sizeof nul - 1);
    assert_string_equal(
        book_text(json_array_get(rows(doc), 1), "output"), "x\xEF\xBF\xBDy\xEF\xBF\xBD");
    doc = book_get(&b, "/api/gradebook/examples?search=%%3C/SCRIPT%%3E");
    assert_int_equal(book_int(doc, "n"), 1);
    book_close(&b);
}

static void long_texts_are_cut_in_lists_and_whole_by_themselves(void **state)
{
    (void)state;
    enum { LONG = 1000001 };
    struct book b;
    char digest[65];
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 3, 0);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    char *text = pr_alloc(LONG + 1);
    for (size_t i = 0; i + 3 <= LONG; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3); /* three bytes each: 20,000 is within one */
    memcpy(text + LONG - 2, "ab", 3);
    const struct book_text t = {
        .output = text, .output_n = LONG, .answer = text, .answer_n = LONG, .right = true};
    book_grade_text(&b, c, suite, 2, &t);
    const json_t *x =
        json_array_get(rows(book_get(&b, "/api/gradebook/examples?outcome=right")), 0);
    static const char *const keys[] = {"output", "answer"};
    for (size_t k = 0; k < 2; k++) {
        char cut[40], bytes[40];
        snprintf(cut, sizeof cut, "%s_cut", keys[k]);
        snprintf(bytes, sizeof bytes, "%s_bytes", keys[k]);
        assert_int_equal(strlen(book_text(x, keys[k])), 19998);
        assert_memory_equal(book_text(x, keys[k]), text, 19998);
        assert_true(json_is_true(json_object_get(x, cut)));
        assert_int_equal(book_int(x, bytes), LONG);
    }
    assert_null(json_object_get(x, "golden_cut"));
    snprintf(digest, sizeof digest, "%s", book_text(x, "example"));
    const json_t *doc = book_get(&b, "/api/gradebook/examples/%s", digest);
    x = json_array_get(json_object_get(doc, "answers"), 0);
    assert_string_equal(book_text(x, "output"), text);
    assert_string_equal(book_text(x, "answer"), text);
    assert_null(json_object_get(x, "output_cut"));
    pr_free(text);
    book_close(&b);
}

static void think_blocks_are_split_off(void **state)
{
    (void)state;
    static const struct {
        const char *output, *answer, *text;
        bool think, truncated, closed;
    } cases[] = {
        {"<think>\nhm\n</think>\n\n42", "42", "\nhm\n", true, false, true},
        {"still thinking", NULL, "still thinking", true, true, false}, /* the prompt opened it */
        {"opened before</think>7", "7", "opened before", true, false, true},
        {"42", "42", NULL, false, false, false},
    };
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 4, 0);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    for (size_t i = 0; i < 4; i++) {
        const struct book_text t = {.output = cases[i].output,
            .output_n = strlen(cases[i].output),
            .answer = cases[i].answer,
            .answer_n = cases[i].answer ? strlen(cases[i].answer) : 0,
            .think = cases[i].think,
            .truncated = cases[i].truncated};
        book_grade_text(&b, c, suite, i, &t);
    }
    const json_t *list = rows(book_get(&b, "/api/gradebook/examples"));
    for (size_t i = 0; i < 4; i++) {
        const json_t *x = json_array_get(list, i), *t = json_object_get(x, "think");
        if (!cases[i].think) {
            assert_true(json_is_null(t));
            continue;
        }
        assert_string_equal(book_text(t, "text"), cases[i].text);
        assert_true(json_is_true(json_object_get(t, "closed")) == cases[i].closed);
    }
    book_close(&b);
}

static void dropped_texts_are_said_to_be_dropped(void **state)
{
    (void)state;
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    bool more = true;
    book_open(&b);
    fill(&b, ids, v);
    for (int64_t step = 300; step < 320; step++) /* ten newer ones keep theirs */
        hand_made_grade(&b.h, hand_made_checkpoint(&b.h, NULL, step, NULL), 1, v[0], N);
    const struct pr_retention r = {.now_ms = b.h.now_ms + 400 * (int64_t)86400000, .texts_days = 1};
    while (more)
        HAND_MADE_OK(pr_gradebook_compact(b.h.g, &r, &more, &hand_made_error));
    const json_t *x =
        json_array_get(rows(book_get(&b, "/api/gradebook/examples?checkpoint=%lld&outcome=right",
                           (long long)ids[0])),
            0);
    assert_true(json_is_true(json_object_get(x, "texts_dropped")));
    assert_null(book_text(x, "output"));
    assert_null(book_text(x, "answer"));
    assert_true(json_is_true(json_object_get(x, "correct")));
    x = json_array_get(rows(book_get(&b, "/api/gradebook/examples?outcome=right")), 0);
    assert_true(json_is_false(json_object_get(x, "texts_dropped")));
    assert_non_null(book_text(x, "output"));
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

static void an_example_is_followed_through_the_checkpoints(void **state)
{
    (void)state;
    struct book b;
    int64_t ids[2];
    struct hand_made_answer *v[2];
    char digest[65];
    book_open(&b);
    fill(&b, ids, v);
    const json_t *list = rows(book_get(&b, "/api/gradebook/examples?limit=200"));
    for (size_t i = 0; i < 5; i++) {
        list = rows(book_get(&b, "/api/gradebook/examples?limit=200"));
        snprintf(digest, sizeof digest, "%s", book_text(json_array_get(list, i), "example"));
        const json_t *doc = book_get(&b, "/api/gradebook/examples/%s", digest), *a;
        const json_t *answers = json_object_get(doc, "answers");
        assert_string_equal(book_text(doc, "example"), digest);
        assert_int_equal(json_array_size(json_object_get(doc, "messages")), 1);
        assert_int_equal(json_array_size(answers), v[1][i].missing ? 1 : 2);
        a = json_array_get(answers, 0);
        assert_int_equal(book_int(a, "checkpoint"), ids[0]);
        assert_int_equal(book_int(a, "step"), 100);
        assert_true(json_is_true(json_object_get(a, "correct")) == v[0][i].right);
        doc = book_get(&b, "/api/gradebook/examples/%s?checkpoint=%lld", digest, (long long)ids[0]);
        assert_int_equal(json_array_size(json_object_get(doc, "answers")), 1);
        doc = book_get(&b, "/api/gradebook/examples/%s?limit=1", digest);
        assert_int_equal(json_array_size(json_object_get(doc, "answers")), 1);
    }
    book_refused(&b, PR_E_NOT_FOUND, "/api/gradebook/examples/%064d", 0);
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_is_paged_without_gaps_or_doubles),
        cmocka_unit_test(what_is_not_graded_is_no_wrong_answer),
        cmocka_unit_test(a_page_goes_on_with_its_checkpoint_and_ends_with_its_suite),
        cmocka_unit_test(groups_are_filtered),
        cmocka_unit_test(hostile_texts_come_through_unharmed),
        cmocka_unit_test(long_texts_are_cut_in_lists_and_whole_by_themselves),
        cmocka_unit_test(think_blocks_are_split_off),
        cmocka_unit_test(dropped_texts_are_said_to_be_dropped),
        cmocka_unit_test(an_example_is_followed_through_the_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
