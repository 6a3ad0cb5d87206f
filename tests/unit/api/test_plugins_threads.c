/* Many ask at once while the owner stores more: nobody sees less than before, or half of anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/curve_cache.h"
#include "api/figures.h"
#include "base/alloc.h"
#include "book.h"
#include "gradebook/curves.h"
#include "gradebook/sqlite.h"

#define THREADS  4
#define EXAMPLES 30
#define ROUNDS   25

static atomic_bool ended;

struct asker {
    pthread_t thread;
    const char *dir;
    size_t rounds;
    char wrong[200]; /* "": nothing was */
};

static bool equal_columns(const json_t *doc)
{
    size_t n = json_array_size(json_object_get(doc, "step"));
    static const char *const keys[] = {"checkpoint", "loss", "accuracy", "graded"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_array_size(json_object_get(doc, keys[i])) != n)
            return false;
    return n == (size_t)json_integer_value(json_object_get(doc, "n"));
}

static void *ask(void *arg)
{
    struct asker *me = arg;
    struct asking a;
    struct pr_error e;
    json_int_t points = 0, checkpoints = 0;
    if (asking_open(me->dir, &a, &e)) {
        snprintf(me->wrong, sizeof me->wrong, "%.190s", e.message);
        return NULL;
    }
    while (!*me->wrong && (!atomic_load(&ended) || !me->rounds)) {
        json_t *curve = NULL, *history = NULL;
        if (asking_get(&a, "/api/curves/1?smoothing=0.9", &curve, &e) ||
            asking_get(&a, "/api/gradebook/history", &history, &e)) {
            snprintf(me->wrong, sizeof me->wrong, "%.190s", e.message);
        } else {
            json_int_t n = json_integer_value(json_object_get(curve, "n"));
            json_int_t m = json_integer_value(json_object_get(history, "n"));
            if (n < points || m < checkpoints || !equal_columns(history))
                snprintf(me->wrong, sizeof me->wrong, "%lld points after %lld, %lld after %lld",
                    (long long)n, (long long)points, (long long)m, (long long)checkpoints);
            points = n;
            checkpoints = m;
        }
        json_decref(curve);
        json_decref(history);
        me->rounds++;
    }
    asking_close(&a);
    return NULL;
}

static void nobody_sees_less_than_before(void **state)
{
    (void)state;
    struct book b;
    struct asker v[THREADS];
    struct pr_point points[40];
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", EXAMPLES, 0), step = 0;
    hand_made_checkpoint(&b.h, NULL, 0, NULL);
    points[0] = (struct pr_point){0, 1};
    HAND_MADE_OK(pr_gradebook_log_points(b.h.g, 1, "loss", points, 1, 0, &hand_made_error));
    for (size_t i = 0; i < THREADS; i++) {
        v[i] = (struct asker){.dir = b.dir};
        assert_int_equal(pthread_create(&v[i].thread, NULL, ask, &v[i]), 0);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        for (size_t i = 0; i < 40; i++)
            points[i] = (struct pr_point){++step, (double)round};
        HAND_MADE_OK(pr_gradebook_log_points(b.h.g, 1, "loss", points, 40, step, &hand_made_error));
        if (round % 5 == 0) /* and once in a while an old one changes */
            HAND_MADE_OK(pr_sql_script(b.h.g,
                "UPDATE points SET value = value + 1 WHERE step = 3;"
                " UPDATE series SET revision = revision + 1",
                &hand_made_error));
        hand_made_grade_drawn(
            &b.h, hand_made_checkpoint(&b.h, NULL, round, NULL), suite, (uint64_t)round, 0.5, 1);
    }
    atomic_store(&ended, true);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(v[i].thread, NULL);
        assert_string_equal(v[i].wrong, "");
    }
    const json_t *doc = book_get(&b, "/api/gradebook/history");
    assert_int_equal(book_int(doc, "n"), ROUNDS);
    pr_api_figures_forget();
    pr_api_curve_forget();
    book_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_sees_less_than_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
