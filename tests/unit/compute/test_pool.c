/* What the thread pool promises: every item once, done before the call returns, at any number of
 * threads, awake or asleep.  Run under ThreadSanitizer too (-Db_sanitize=thread). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"
#include "compute/cpus.h"
#include "compute/pool.h"

static const int thread_counts[] = {1, 2, 3, 5, 16};
#define N_COUNTS (sizeof thread_counts / sizeof *thread_counts)

static struct pr_pool *new_pool(int n)
{
    struct pr_pool *p = NULL;
    struct pr_error e;
    assert_int_equal(pr_pool_new(n, &p, &e), PR_OK);
    return p;
}

struct counts {
    unsigned *hits; /* plain memory: a race or a missing barrier shows */
    int threads;
};

static void hit(void *ctx, size_t item, int thread)
{
    struct counts *c = ctx;
    if (thread < 0 || thread >= c->threads)
        abort();
    c->hits[item]++;
}

static void every_item_runs_once_before_the_call_returns(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 7, 64, 1000};
    unsigned hits[1000];
    for (size_t t = 0; t < N_COUNTS; t++) {
        struct pr_pool *p = new_pool(thread_counts[t]);
        struct counts c = {hits, pr_pool_threads(p)};
        assert_int_equal(c.threads, thread_counts[t]);
        for (int round = 0; round < 200; round++) {
            size_t n = sizes[round % 7];
            memset(hits, 0, sizeof hits);
            pr_pool_run(p, n, hit, &c);
            for (size_t i = 0; i < 1000; i++)
                assert_int_equal(hits[i], i < n);
        }
        pr_pool_free(p);
    }
}

static void loops_that_follow_each_other_see_each_others_results(void **state)
{
    (void)state;
    unsigned hits[64] = {0};
    struct pr_pool *p = new_pool(3);
    struct counts c = {hits, 3};
    for (int round = 0; round < 5000; round++)
        pr_pool_run(p, 64, hit, &c);
    for (int i = 0; i < 64; i++)
        assert_int_equal(hits[i], 5000);
    pr_pool_free(p);
}

static void pause_us(long us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

static void sleeping_workers_are_woken(void **state)
{
    (void)state;
    unsigned hits[4] = {0};
    struct pr_pool *p = new_pool(2);
    struct counts c = {hits, 2};
    static const long gaps_us[] = {0, 20, 60, 95, 100, 105, 120, 400, 3000};
    for (int round = 0; round < 450; round++) {
        pause_us(gaps_us[round % 9]);
        pr_pool_run(p, 4, hit, &c);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(hits[i], 450);
    pr_pool_free(p);
}

static void meet(void *ctx, size_t item, int thread)
{
    (void)thread;
    _Atomic int *arrived = ctx;
    (void)item;
    (*arrived)++;
    while (*arrived < 2)
        sched_yield();
}

static void a_sleeping_worker_joins_a_loop_that_needs_it(void **state)
{
    (void)state;
    struct pr_pool *p = new_pool(2);
    for (int round = 0; round < 20; round++) {
        _Atomic int arrived = 0;
        pause_us(2000);
        pr_pool_run(p, 2, meet, &arrived); /* hangs when the wake-up is lost */
        assert_int_equal(arrived, 2);
    }
    pr_pool_free(p);
}

static void no_wake_up_is_lost_while_a_worker_falls_asleep(void **state)
{
    (void)state;
    struct pr_pool *p = new_pool(2);
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (int round = 0; round < 1500; round++) {
        _Atomic int arrived = 0;
        int64_t end = pr_clock_monotonic_ns() + 95000 + (int64_t)pr_rng_below(&r, 12000);
        while (pr_clock_monotonic_ns() < end)
            ; /* the workers' spinning ends about now */
        pr_pool_run(p, 2, meet, &arrived);
        assert_int_equal(arrived, 2);
    }
    pr_pool_free(p);
}

static void the_affinity_mask_limits_the_cpus_used(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(pr_cpus_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_true(pr_cpus_usable() <= CPU_COUNT(&before));
}

static void slow_last(void *ctx, size_t item, int thread)
{
    (void)thread;
    unsigned *hits = ctx;
    if (item == 1)
        pause_us(3000);
    hits[item]++;
}

static void the_caller_waits_for_an_item_slower_than_its_spinning(void **state)
{
    (void)state;
    struct pr_pool *p = new_pool(2);
    for (int round = 0; round < 20; round++) {
        unsigned hits[2] = {0};
        pr_pool_run(p, 2, slow_last, hits);
        assert_int_equal(hits[0] + hits[1], 2);
    }
    pr_pool_free(p);
}

static void an_idle_pool_uses_no_cpu_time(void **state)
{
    (void)state;
    unsigned hits[4] = {0};
    struct pr_pool *p = new_pool(2);
    struct counts c = {hits, 2};
    pr_pool_run(p, 4, hit, &c);
    pause_us(20000);
    struct rusage a, b;
    getrusage(RUSAGE_SELF, &a);
    pause_us(200000);
    getrusage(RUSAGE_SELF, &b);
    long us = (b.ru_utime.tv_sec - a.ru_utime.tv_sec) * 1000000 + b.ru_utime.tv_usec -
              a.ru_utime.tv_usec + (b.ru_stime.tv_sec - a.ru_stime.tv_sec) * 1000000 +
              b.ru_stime.tv_usec - a.ru_stime.tv_usec;
    assert_true(us < 20000);
    pr_pool_free(p);
}

static void zero_threads_means_the_usable_cpus(void **state)
{
    (void)state;
    struct pr_pool *p = new_pool(0);
    assert_int_equal(pr_pool_threads(p), pr_cpus_usable());
    pr_pool_free(p);
    pr_pool_free(NULL);
}

static void impossible_thread_counts_are_refused(void **state)
{
    (void)state;
    struct pr_pool *p = NULL;
    struct pr_error e;
    assert_int_equal(pr_pool_new(-1, &p, &e), PR_E_USAGE);
    assert_int_equal(pr_pool_new(1000000, &p, &e), PR_E_USAGE);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_runs_once_before_the_call_returns),
        cmocka_unit_test(loops_that_follow_each_other_see_each_others_results),
        cmocka_unit_test(sleeping_workers_are_woken),
        cmocka_unit_test(a_sleeping_worker_joins_a_loop_that_needs_it),
        cmocka_unit_test(no_wake_up_is_lost_while_a_worker_falls_asleep),
        cmocka_unit_test(the_affinity_mask_limits_the_cpus_used),
        cmocka_unit_test(the_caller_waits_for_an_item_slower_than_its_spinning),
        cmocka_unit_test(an_idle_pool_uses_no_cpu_time),
        cmocka_unit_test(zero_threads_means_the_usable_cpus),
        cmocka_unit_test(impossible_thread_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
