/* Curves as the page gets them: read on from their end, read again where old points changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "book.h"
#include "gradebook/curves.h"

static void put(struct book *b, const char *name, int64_t from, const double *v, size_t n)
{
    HAND_MADE_OK(pr_gradebook_begin(b->h.g, &hand_made_error));
    for (size_t i = 0; i < n; i++) {
        const struct pr_point p = {from + (int64_t)i, v[i]};
        HAND_MADE_OK(pr_gradebook_live_point(b->h.g, 1, name, &p, &hand_made_error));
    }
    HAND_MADE_OK(pr_gradebook_commit(b->h.g, &hand_made_error));
}

static double at(const json_t *o, const char *key, size_t i)
{
    const json_t *v = json_array_get(json_object_get(o, key), i);
    assert_non_null(v);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static size_t size(const json_t *o, const char *key)
{
    assert_true(json_is_array(json_object_get(o, key)));
    return json_array_size(json_object_get(o, key));
}

static json_int_t id_of(struct book *b, const char *name)
{
    size_t i;
    const json_t *x, *doc = book_get(b, "/api/curves?run=1");
    json_array_foreach (json_object_get(doc, "series"), i, x)
        if (!strcmp(book_text(x, "name"), name))
            return book_int(x, "id");
    fail_msg("no curve %s", name);
    return 0;
}

static void a_curve_goes_on_and_is_read_again_where_it_changed(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    hand_made_checkpoint(&b.h, NULL, 10, NULL);
    const double first[] = {4, 3, NAN, 2}, more[] = {1.5, 1}, other[] = {30, 3, 2, 1.5, 1};
    put(&b, "loss", 1, first, 4);
    json_int_t id = id_of(&b, "loss");
    const json_t *o = book_get(&b, "/api/curves/%lld", (long long)id);
    assert_int_equal(book_int(o, "n"), 4);
    assert_true(json_is_false(json_object_get(o, "decimated")));
    assert_true(isnan(at(o, "value", 2)));
    assert_int_equal(size(o, "not_numbers"), 1);
    assert_int_equal((int64_t)at(o, "not_numbers", 0), 3);
    assert_null(json_object_get(o, "smoothed"));

    put(&b, "loss", 5, more, 2);
    o = book_get(&b, "/api/curves/%lld", (long long)id);
    assert_int_equal(book_int(o, "n"), 6);
    assert_true(at(o, "value", 5) == 1);

    put(&b, "loss", 2, other, 5); /* the training was resumed, and logs these steps again */
    o = book_get(&b, "/api/curves/%lld", (long long)id);
    assert_int_equal(book_int(o, "n"), 6);
    assert_true(at(o, "value", 1) == 30 && at(o, "value", 5) == 1);

    o = book_get(&b, "/api/curves/%lld?from=2&to=4", (long long)id);
    assert_int_equal(book_int(o, "n"), 3);
    assert_int_equal((int64_t)at(o, "step", 0), 2);
    o = book_get(&b, "/api/curves/%lld?from=100", (long long)id);
    assert_int_equal(book_int(o, "n"), 0);
    o = book_get(&b, "/api/curves?run=1");
    const json_t *s = json_array_get(json_object_get(o, "series"), 0);
    assert_int_equal(book_int(s, "n"), 6);
    assert_int_equal(book_int(s, "first_step"), 1);
    assert_int_equal(book_int(s, "last_step"), 6);
    book_refused(&b, PR_E_NOT_FOUND, "/api/curves/99");
    book_close(&b);
}

/* The plain definition, with weights written out. */
static double smoothed(const double *v, size_t i, double past)
{
    double sum = 0, weights = 0, w = 1;
    for (size_t k = i + 1; k--;) {
        if (isnan(v[k]))
            continue;
        sum += w * v[k];
        weights += w;
        w *= past;
    }
    return weights > 0 ? sum / weights : NAN;
}

static void smoothing_is_over_all_points_and_passes_over_what_is_no_number(void **state)
{
    (void)state;
    enum { N = 3000 };
    static double v[N];
    struct book b;
    book_open(&b);
    hand_made_checkpoint(&b.h, NULL, 10, NULL);
    for (size_t i = 0; i < N; i++)
        v[i] = i < 3 || i % 97 == 5 ? NAN : 2 + sin((double)i / 50) + (i == 1717 ? 100 : 0);
    put(&b, "loss", 100, v, N);
    json_int_t id = id_of(&b, "loss");
    static const double pasts[] = {0, 0.6, 0.99, 0.9999};
    for (size_t k = 0; k < 4; k++) {
        const json_t *o = book_get(
            &b, "/api/curves/%lld?width=200&from=500&smoothing=%.4f", (long long)id, pasts[k]);
        assert_int_equal(book_int(o, "n"), N - 400);
        assert_true(json_is_true(json_object_get(o, "decimated")));
        size_t n = size(o, "step");
        bool spike = false;
        assert_in_range(n, 100, 400);
        assert_int_equal(size(o, "value"), n);
        assert_int_equal(size(o, "smoothed"), n);
        for (size_t i = 0; i < n; i++) {
            size_t from = (size_t)at(o, "step", i) - 100;
            double want = smoothed(v, from, pasts[k]);
            assert_true(fabs(at(o, "smoothed", i) - want) < 1e-9);
            assert_true(isnan(v[from]) ? isnan(at(o, "value", i)) : at(o, "value", i) == v[from]);
            spike |= from == 1717;
        }
        assert_true(spike);
    }
    const json_t *o = book_get(&b, "/api/curves/%lld?smoothing=0.9", (long long)id);
    assert_true(isnan(at(o, "smoothed", 0)));
    book_refused(&b, PR_E_USAGE, "/api/curves/%lld?smoothing=1", (long long)id);
    book_refused(&b, PR_E_USAGE, "/api/curves/%lld?width=0", (long long)id);
    book_close(&b);
}

static void without_a_gradebook_there_are_no_curves(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    pr_gradebook_close(b.a.g);
    b.a.g = NULL;
    const json_t *o = book_get(&b, "/api/curves");
    assert_int_equal(size(o, "series"), 0);
    assert_true(json_is_null(json_object_get(o, "run_id")));
    book_refused(&b, PR_E_NOT_FOUND, "/api/curves/1");
    json_t *panels = asking_panels(&b.a);
    for (size_t i = 0; i < json_array_size(panels); i++)
        assert_string_not_equal(
            json_string_value(json_object_get(json_array_get(panels, i), "id")), "progress");
    json_decref(panels);
    book_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_goes_on_and_is_read_again_where_it_changed),
        cmocka_unit_test(smoothing_is_over_all_points_and_passes_over_what_is_no_number),
        cmocka_unit_test(without_a_gradebook_there_are_no_curves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
