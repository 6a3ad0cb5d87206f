/* The machine's curves: points, breaks, thinning, retention, and what is drawn of them. */
#include <math.h>
#include <string.h>

#include "gradebook/machine.h"
#include "support.h"

#define DAY  86400000LL
#define NOW  (1000 * DAY)
#define FROM INT64_MIN
#define TO   INT64_MAX

static struct pr_machine_value value(const char *name, double x)
{
    struct pr_machine_value v = {.value = x};
    strncpy(v.name, name, sizeof v.name - 1);
    return v;
}

static void put_at(struct pr_gradebook *g, int64_t at_ms, const char *name, double x)
{
    struct pr_machine_value v = value(name, x);
    MUST(pr_gradebook_put_machine(g, at_ms, &v, 1, e));
}

static int64_t id_of(struct pr_gradebook *g, const char *name)
{
    struct pr_machine_series *v;
    size_t n;
    int64_t id = 0;
    MUST(pr_gradebook_machine_series(g, &v, &n, e));
    for (size_t i = 0; i < n; i++)
        if (!strcmp(v[i].name, name))
            id = v[i].id;
    pr_machine_series_free(v, n);
    return id;
}

static struct pr_machine_curve curve(struct pr_gradebook *g, const char *name, int64_t width)
{
    struct pr_machine_curve c;
    MUST(pr_gradebook_machine_curve(g, id_of(g, name), FROM, TO, width, &c, e));
    return c;
}

static void compact_all(struct pr_gradebook *g, int64_t days)
{
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 10000);
        MUST(pr_gradebook_compact_machine(g, NOW, days, &more, e));
    }
}

static void points_come_back_in_order_and_a_series_begins_with_its_first_value(void **state)
{
    struct book *b = *state;
    put_at(b->g, 3000, "a", NAN);
    assert_int_equal(id_of(b->g, "a"), 0);
    put_at(b->g, 5000, "a", 2);
    put_at(b->g, 4000, "a", 1);
    put_at(b->g, 4000, "b", 7);
    book_reopen(b);
    struct pr_machine_series *v;
    size_t n;
    MUST(pr_gradebook_machine_series(b->g, &v, &n, e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].name, "a");
    assert_int_equal(v[0].n, 2);
    assert_int_equal(v[0].first_ms, 4000);
    assert_int_equal(v[0].last_ms, 5000);
    pr_machine_series_free(v, n);
    struct pr_machine_curve c = curve(b->g, "a", 100);
    assert_string_equal(c.name, "a");
    assert_int_equal(c.n, 2);
    assert_false(c.decimated);
    assert_true(c.at_ms[0] == 4000 && c.value[0] == 1 && c.at_ms[1] == 5000 && c.value[1] == 2);
    pr_machine_curve_done(&c);
    assert_sound(b->g);
}

static void what_is_not_known_any_more_breaks_the_curve_once(void **state)
{
    struct book *b = *state;
    put_at(b->g, 1000, "a", 5);
    put_at(b->g, 2000, "a", NAN);
    put_at(b->g, 3000, "a", NAN);
    put_at(b->g, 4000, "a", 6);
    struct pr_machine_curve c = curve(b->g, "a", 100);
    assert_int_equal(c.n_points, 3);
    assert_true(isnan(c.value[1]) && c.at_ms[1] == 2000 && c.value[2] == 6);
    pr_machine_curve_done(&c);
    for (int i = 0; i < 2; i++) { /* the owner starts anew, twice */
        MUST(pr_gradebook_break_machine(b->g, e));
        c = curve(b->g, "a", 100);
        assert_int_equal(c.n_points, 4);
        assert_true(isnan(c.value[3]) && c.at_ms[3] == 4001);
        pr_machine_curve_done(&c);
    }
}

/* What thinning should leave of points every 10 s: means by bucket. */
static void assert_means(
    const struct pr_machine_curve *c, size_t *at, int64_t from, int64_t to, int64_t bucket)
{
    for (int64_t t = from; t < to; t += bucket, (*at)++) {
        double sum = 0, k = 0;
        for (int64_t x = t; x < t + bucket; x += 10000, k++)
            sum += sin((double)(x / 10000));
        assert_true(*at < c->n_points);
        assert_true(fabs(c->value[*at] - sum / k) < 1e-9);
        assert_true(c->at_ms[*at] >= t && c->at_ms[*at] < t + bucket);
    }
}

static void old_points_become_means_and_new_ones_stay(void **state)
{
    struct book *b = *state;
    int64_t begin = NOW - 9 * DAY;
    MUST(pr_gradebook_begin(b->g, e));
    for (int64_t t = begin; t < NOW; t += 10000)
        put_at(b->g, t, "a", sin((double)(t / 10000)));
    MUST(pr_gradebook_commit(b->g, e));
    for (int again = 0; again < 2; again++) { /* the second changes nothing */
        compact_all(b->g, 30);
        struct pr_machine_curve c = curve(b->g, "a", 1 << 20);
        size_t at = 0;
        assert_means(&c, &at, begin, NOW - 7 * DAY, 600000);
        assert_means(&c, &at, NOW - 7 * DAY, NOW - DAY, 60000);
        assert_means(&c, &at, NOW - DAY, NOW, 10000);
        assert_int_equal(at, c.n_points);
        pr_machine_curve_done(&c);
    }
    assert_sound(b->g);
}

static void thinning_keeps_the_break_that_ends_a_stretch(void **state)
{
    struct book *b = *state;
    int64_t t = NOW - 2 * DAY;
    put_at(b->g, t, "a", 1);
    put_at(b->g, t + 10000, "a", NAN);
    put_at(b->g, t + 20000, "a", 3);
    put_at(b->g, t + 30000, "a", NAN);
    put_at(b->g, t + 600000, "a", 9);
    compact_all(b->g, 30);
    struct pr_machine_curve c = curve(b->g, "a", 100);
    assert_int_equal(c.n_points, 3);
    assert_true(c.value[0] == 2 && c.at_ms[0] == t + 10000);
    assert_true(isnan(c.value[1]) && c.at_ms[1] == t + 30000);
    assert_true(c.value[2] == 9);
    pr_machine_curve_done(&c);
}

static void points_past_their_days_are_dropped_and_the_series_stays(void **state)
{
    struct book *b = *state;
    put_at(b->g, NOW - 31 * DAY, "gone", 1);
    put_at(b->g, NOW - 31 * DAY, "a", 1);
    put_at(b->g, NOW - 29 * DAY, "a", 2);
    put_at(b->g, NOW, "a", 3);
    compact_all(b->g, 0);
    struct pr_machine_curve c = curve(b->g, "a", 100);
    assert_int_equal(c.n_points, 3); /* 0: never */
    pr_machine_curve_done(&c);
    compact_all(b->g, 30);
    c = curve(b->g, "a", 100);
    assert_int_equal(c.n_points, 2);
    assert_true(c.value[0] == 2);
    pr_machine_curve_done(&c);
    c = curve(b->g, "gone", 100);
    assert_int_equal(c.n, 0);
    pr_machine_curve_done(&c);
}

static void a_step_of_compaction_is_bounded(void **state)
{
    struct book *b = *state;
    bool more = false;
    MUST(pr_gradebook_begin(b->g, e));
    for (int64_t i = 0; i < 5000; i++)
        put_at(b->g, NOW - 40 * DAY + i * 1000, "a", 1);
    MUST(pr_gradebook_commit(b->g, e));
    MUST(pr_gradebook_compact_machine(b->g, NOW, 30, &more, e));
    assert_true(more);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM machine_points"), 3000);
}

static void a_narrow_chart_loses_no_spike_and_no_break(void **state)
{
    struct book *b = *state;
    MUST(pr_gradebook_begin(b->g, e));
    for (int i = 0; i < 10000; i++)
        put_at(b->g, i * 1000, "a", i == 7777 ? 1000 : i == 1234 ? -1000 : i % 10);
    put_at(b->g, 10000000, "a", NAN);
    put_at(b->g, 20000000, "a", 1);
    MUST(pr_gradebook_commit(b->g, e));
    struct pr_machine_curve c = curve(b->g, "a", 50);
    bool high = false, low = false;
    size_t breaks = 0;
    assert_true(c.decimated && c.n == 10002 && c.n_points <= 101);
    for (size_t i = 0; i < c.n_points; i++) {
        assert_true(!i || c.at_ms[i] > c.at_ms[i - 1]);
        high = high || (c.value[i] == 1000 && c.at_ms[i] == 7777000);
        low = low || (c.value[i] == -1000 && c.at_ms[i] == 1234000);
        breaks += isnan(c.value[i]) != 0;
    }
    assert_true(high && low && breaks == 1);
    pr_machine_curve_done(&c);
    assert_int_equal(pr_gradebook_machine_curve(b->g, 99, FROM, TO, 50, &c, NULL), PR_E_NOT_FOUND);
    struct pr_machine_curve part;
    MUST(pr_gradebook_machine_curve(b->g, id_of(b->g, "a"), 2000, 4000, 50, &part, e));
    assert_int_equal(part.n, 3);
    pr_machine_curve_done(&part);
}

static int64_t revision_of(struct book *b)
{
    struct pr_gradebook *g = book_reader(b);
    int64_t n = 0;
    MUST(pr_gradebook_data_version(g, &n, e));
    pr_gradebook_close(g);
    return n;
}

static void curves_of_the_machine_are_no_new_revision_and_all_else_is(void **state)
{
    struct book *b = *state;
    bool more;
    put_at(b->g, 1000, "a", 1);
    int64_t n = revision_of(b);
    put_at(b->g, 2000, "a", 2);
    MUST(pr_gradebook_break_machine(b->g, e));
    MUST(pr_gradebook_compact_machine(b->g, NOW, 30, &more, e));
    assert_int_equal(revision_of(b), n);
    /* beside other things, in one transaction */
    MUST(pr_gradebook_begin(b->g, e));
    put_at(b->g, 3000, "a", 3);
    MUST(pr_gradebook_raise(b->g, "watch", "k", 0, PR_ALERT_INFO, "text", 1, NULL, e));
    MUST(pr_gradebook_commit(b->g, e));
    assert_int_equal(revision_of(b), n + 1);
    /* undone */
    MUST(pr_gradebook_begin(b->g, e));
    MUST(pr_gradebook_clear(b->g, "watch", "k", 2, e));
    pr_gradebook_rollback(b->g);
    assert_int_equal(revision_of(b), n + 1);
    /* without a transaction of the caller's */
    MUST(pr_gradebook_clear(b->g, "watch", "k", 2, e));
    int64_t now = revision_of(b);
    assert_true(now > n + 1);
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    assert_true(revision_of(b) > now);
    now = revision_of(b);
    book_reopen(b);
    put_at(b->g, 4000, "a", 4);
    assert_int_equal(revision_of(b), now);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, book_setup, book_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(points_come_back_in_order_and_a_series_begins_with_its_first_value),
        TEST(what_is_not_known_any_more_breaks_the_curve_once),
        TEST(old_points_become_means_and_new_ones_stay),
        TEST(thinning_keeps_the_break_that_ends_a_stretch),
        TEST(points_past_their_days_are_dropped_and_the_series_stays),
        TEST(a_step_of_compaction_is_bounded),
        TEST(a_narrow_chart_loses_no_spike_and_no_break),
        TEST(curves_of_the_machine_are_no_new_revision_and_all_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
