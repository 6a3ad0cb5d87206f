/* The loop, with real descriptors, threads and signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/loop.h"

static struct pr_loop *loop;

static int make_loop(void **state)
{
    (void)state;
    struct pr_error e;
    return pr_loop_new(&loop, &e) ? -1 : 0;
}

static int drop_loop(void **state)
{
    (void)state;
    pr_loop_free(loop);
    return 0;
}

/* What was called, in order, a letter each. */
static char seen[4096];
static size_t n_seen;

static void note(char c)
{
    assert_true(n_seen + 1 < sizeof seen);
    seen[n_seen++] = c;
    seen[n_seen] = 0;
}

static void stop(void *ctx)
{
    (void)ctx;
    pr_loop_stop(loop, 7);
}

static int run(void)
{
    n_seen = 0;
    seen[0] = 0;
    return pr_loop_run(loop);
}

static void note_letter(void *ctx)
{
    note(*(const char *)ctx);
}

static void timers_fire_by_time_and_equal_ones_in_order(void **state)
{
    (void)state;
    static char letters[] = "abcd";
    struct pr_timer t[5] = {0};
    for (int i = 0; i < 4; i++)
        t[i] = (struct pr_timer){.fired = note_letter, .ctx = &letters[i]};
    t[4].fired = stop;
    int64_t now = pr_clock_monotonic_ns();
    pr_timer_set(loop, &t[4], now + 20000000);
    pr_timer_set(loop, &t[2], now + 10000000);
    pr_timer_set(loop, &t[0], now + 1000000);
    pr_timer_set(loop, &t[3], now + 10000000);
    pr_timer_set(loop, &t[1], now + 30000000);
    pr_timer_set(loop, &t[1], now + 2000000); /* moved */
    assert_int_equal(run(), 7);
    assert_string_equal(seen, "abcd");
    for (int i = 0; i < 5; i++)
        assert_int_equal(t[i].at_ns, 0);
}

static int64_t fake_ns = 1000;

static int64_t fake_monotonic(void)
{
    return fake_ns;
}

static int64_t fake_utc(void)
{
    return 0;
}

static const struct pr_clock fake = {fake_monotonic, fake_utc};

static struct pr_timer again, other;
static int rounds;

static void set_again(void *ctx)
{
    (void)ctx;
    note('t');
    if (++rounds == 100)
        pr_loop_stop(loop, 0);
    pr_timer_after(loop, &again, 0);
}

static void read_one(void *ctx, int fd, unsigned what)
{
    (void)ctx;
    char c;
    assert_int_equal(what, PR_LOOP_READ);
    assert_int_equal(read(fd, &c, 1), 1);
    note(c);
}

static void a_timer_that_is_always_due_starves_nobody(void **state)
{
    (void)state;
    struct pr_error e;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "xyz", 3), 3);
    assert_int_equal(pr_loop_watch(loop, p[0], PR_LOOP_READ, read_one, NULL, &e), PR_OK);
    again = (struct pr_timer){.fired = set_again};
    rounds = 0;
    pr_clock_override = &fake; /* which stands still: the timer is due again at once */
    pr_timer_after(loop, &again, 0);
    run();
    pr_clock_override = NULL;
    assert_true(strchr(seen, 'z') && strchr(seen, 'z') - seen < 10);
    pr_timer_stop(loop, &again);
    pr_loop_unwatch(loop, p[0]);
    close(p[0]);
    close(p[1]);
}

static void stop_the_other(void *ctx)
{
    (void)ctx;
    note('1');
    pr_timer_stop(loop, &other);
}

static void a_timer_stopped_by_one_of_the_same_moment_stays_silent(void **state)
{
    (void)state;
    static char two[] = "2";
    struct pr_timer first = {.fired = stop_the_other}, last = {.fired = stop};
    other = (struct pr_timer){.fired = note_letter, .ctx = two};
    int64_t at = pr_clock_monotonic_ns() + 1000000;
    pr_timer_set(loop, &first, at);
    pr_timer_set(loop, &other, at);
    pr_timer_set(loop, &last, at + 5000000);
    run();
    assert_string_equal(seen, "1");
}

static int pipes[3][2];

static void unwatch_all(void *ctx, int fd, unsigned what)
{
    (void)ctx;
    (void)fd;
    (void)what;
    note('w');
    for (int i = 0; i < 3; i++) {
        pr_loop_unwatch(loop, pipes[i][0]);
        close(pipes[i][0]);
    }
}

static void no_event_reaches_a_watch_dropped_in_the_same_turn(void **state)
{
    (void)state;
    struct pr_error e;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        assert_int_equal(
            pr_loop_watch(loop, pipes[i][0], PR_LOOP_READ, unwatch_all, NULL, &e), PR_OK);
    }
    struct pr_timer last = {.fired = stop};
    pr_timer_after(loop, &last, 20);
    run();
    assert_string_equal(seen, "w");
    for (int i = 0; i < 3; i++)
        close(pipes[i][1]);
}

static void new_life(void *ctx, int fd, unsigned what)
{
    (void)ctx;
    (void)fd;
    (void)what;
    note('!');
}

static int moved_to;

/* Whichever of the two is called first closes the other one's descriptor and gives its number to a
 * pipe that has nothing to read. */
static void replace_the_other(void *ctx, int fd, unsigned what)
{
    (void)ctx;
    (void)what;
    struct pr_error e;
    note('r');
    int victim = pipes[0][0] == fd ? pipes[1][0] : pipes[0][0];
    pr_loop_unwatch(loop, victim);
    assert_int_equal(dup2(pipes[2][0], victim), victim);
    moved_to = victim;
    assert_int_equal(pr_loop_watch(loop, victim, PR_LOOP_READ, new_life, NULL, &e), PR_OK);
    pr_loop_unwatch(loop, fd);
}

static void an_event_of_a_former_life_of_a_descriptor_is_passed_over(void **state)
{
    (void)state;
    struct pr_error e;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pipe(pipes[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        assert_int_equal(
            pr_loop_watch(loop, pipes[i][0], PR_LOOP_READ, replace_the_other, NULL, &e), PR_OK);
    }
    struct pr_timer last = {.fired = stop};
    pr_timer_after(loop, &last, 20);
    run();
    assert_string_equal(seen, "r");
    pr_loop_unwatch(loop, moved_to);
    for (int i = 0; i < 3; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static void read_or_hung_up(void *ctx, int fd, unsigned what)
{
    (void)ctx;
    char c;
    assert_int_equal(what, PR_LOOP_READ);
    ssize_t n = read(fd, &c, 1);
    note(n == 1 ? c : '.');
    if (n != 1)
        stop(NULL);
}

static void a_hang_up_is_readable(void **state)
{
    (void)state;
    struct pr_error e;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(pr_loop_watch(loop, p[0], PR_LOOP_READ, read_or_hung_up, NULL, &e), PR_OK);
    assert_int_equal(write(p[1], "a", 1), 1);
    close(p[1]);
    run();
    assert_string_equal(seen, "a.");
    pr_loop_unwatch(loop, p[0]);
    close(p[0]);
}

#define POSTS 2000
static int next_of[2], total;

struct word {
    int from, number;
};
static struct word words[2][POSTS];

static void take_word(void *ctx)
{
    const struct word *w = ctx;
    assert_int_equal(w->number, next_of[w->from]);
    next_of[w->from]++;
    if (++total == 2 * POSTS)
        pr_loop_stop(loop, 0);
}

static void *post_all(void *ctx)
{
    struct word *w = ctx;
    for (int i = 0; i < POSTS; i++)
        pr_loop_post(loop, take_word, &w[i]);
    return NULL;
}

static void words_of_two_threads_arrive_all_and_in_order(void **state)
{
    (void)state;
    pthread_t t[2];
    next_of[0] = next_of[1] = total = 0;
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < POSTS; k++)
            words[i][k] = (struct word){i, k};
        assert_int_equal(pthread_create(&t[i], NULL, post_all, words[i]), 0);
    }
    run();
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(next_of[i], POSTS);
    }
}

static void signal_came(void *ctx, int number)
{
    (void)ctx;
    note(number == SIGHUP ? 'h' : 't');
    if (number == SIGTERM)
        stop(NULL);
}

static void signals_are_events_and_their_mask_is_given_back(void **state)
{
    (void)state;
    struct pr_error e;
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_false(sigismember(&before, SIGHUP));
    assert_int_equal(pr_loop_signal(loop, SIGHUP, signal_came, NULL, &e), PR_OK);
    assert_int_equal(pr_loop_signal(loop, SIGTERM, signal_came, NULL, &e), PR_OK);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGTERM);
    assert_int_equal(run(), 7);
    assert_string_equal(seen, "ht");
    drop_loop(NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_false(sigismember(&after, SIGHUP));
    assert_int_equal(make_loop(NULL), 0);
}

static void *advance(void *ctx)
{
    (void)ctx;
    usleep(30000);
    __atomic_store_n(&fake_ns, (int64_t)3600 * 1000000000, __ATOMIC_SEQ_CST);
    return NULL;
}

static void a_replaced_clock_decides_and_does_not_hang_the_loop(void **state)
{
    (void)state;
    struct pr_timer last = {.fired = stop};
    pthread_t t;
    pr_clock_override = &fake;
    pr_timer_after(loop, &last, 3000 * 1000);
    assert_int_equal(pthread_create(&t, NULL, advance, NULL), 0);
    assert_int_equal(run(), 7);
    pr_clock_override = NULL;
    pthread_join(t, NULL);
}

static void stopping_before_running_is_heard(void **state)
{
    (void)state;
    pr_loop_stop(loop, 3);
    assert_int_equal(run(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_by_time_and_equal_ones_in_order),
        cmocka_unit_test(a_timer_that_is_always_due_starves_nobody),
        cmocka_unit_test(a_timer_stopped_by_one_of_the_same_moment_stays_silent),
        cmocka_unit_test(no_event_reaches_a_watch_dropped_in_the_same_turn),
        cmocka_unit_test(an_event_of_a_former_life_of_a_descriptor_is_passed_over),
        cmocka_unit_test(a_hang_up_is_readable),
        cmocka_unit_test(words_of_two_threads_arrive_all_and_in_order),
        cmocka_unit_test(signals_are_events_and_their_mask_is_given_back),
        cmocka_unit_test(a_replaced_clock_decides_and_does_not_hang_the_loop),
        cmocka_unit_test(stopping_before_running_is_heard),
    };
    return cmocka_run_group_tests(tests, make_loop, drop_loop);
}
