/* The owner's looks at the machine: shown while they count, kept as curves, and a driver that hangs
 * holds up nothing.  Time is the system's and what the tests add to it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/remove.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"
#include "gradebook/machine.h"

#define SECOND      1000000000LL
#define MAX_WAIT_NS (60 * SECOND)
#define POLL_MS     2

static struct pr_error e;
static int64_t added_ns;

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec + added_ns;
}

static int64_t utc(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + (t.tv_nsec + added_ns) / 1000000;
}

static const struct pr_clock moved_clock = {monotonic, utc};

struct world {
    char base[64], hang[96];
    struct pr_config config;
    struct pr_loop *loop;
    struct pr_supervisor *s;
    struct pr_timer poll;
    bool (*until)(struct world *w, const json_t *machine);
    int64_t give_up_ns;
    bool given_up;
};

static void must(enum pr_code code)
{
    if (code)
        fail_msg("%s", e.message);
}

static void look(void *ctx)
{
    struct world *w = ctx;
    json_t *state = pr_supervisor_state(w->s);
    bool over = w->until(w, json_object_get(state, "machine"));
    json_decref(state);
    w->given_up = !over && monotonic() > w->give_up_ns;
    if (over || w->given_up)
        pr_loop_stop(w->loop, 0);
    else
        pr_timer_after(w->loop, &w->poll, POLL_MS);
}

static void wait_until(struct world *w, bool (*until)(struct world *w, const json_t *machine))
{
    w->until = until;
    w->give_up_ns = monotonic() + MAX_WAIT_NS;
    w->poll = (struct pr_timer){.fired = look, .ctx = w};
    pr_timer_after(w->loop, &w->poll, 0);
    pr_loop_run(w->loop);
    assert_false(w->given_up);
}

static size_t n_gpus(const json_t *machine)
{
    return json_array_size(json_object_get(machine, "gpus"));
}

static bool all_seen(struct world *w, const json_t *machine)
{
    (void)w;
    const json_t *host = json_object_get(machine, "host");
    return n_gpus(machine) == 1 && json_is_number(json_object_get(host, "load1"));
}

static bool driver_is_silent(struct world *w, const json_t *machine)
{
    (void)w;
    const char *why = json_string_value(json_object_get(machine, "gpu_reason"));
    return why && strstr(why, "the GPU driver has not answered for") && !n_gpus(machine) &&
           json_is_object(json_object_get(machine, "host"));
}

/* Points are there, and the last of the GPU's has a value or is a break. */
static bool curve_is(struct world *w, bool broken)
{
    struct pr_gradebook *g;
    struct pr_machine_series *v;
    struct pr_machine_curve c = {0};
    size_t n;
    bool ret = false;
    char *path = pr_path_join(w->base, "proctor.db");
    must(pr_gradebook_open(path, PR_GRADEBOOK_READ, &g, &e));
    must(pr_gradebook_machine_series(g, &v, &n, &e));
    for (size_t i = 0; i < n; i++)
        if (!strcmp(v[i].name, "gpu0.temperature_celsius")) {
            must(pr_gradebook_machine_curve(g, v[i].id, 0, INT64_MAX, 1000, &c, &e));
            ret = c.n_points && isnan(c.value[c.n_points - 1]) == broken &&
                  (broken || c.value[c.n_points - 1] == 61);
        }
    pr_machine_curve_done(&c);
    pr_machine_series_free(v, n);
    pr_gradebook_close(g);
    pr_free(path);
    return ret;
}

static bool curve_has_a_value(struct world *w, const json_t *machine)
{
    (void)machine;
    return curve_is(w, false);
}

static bool curve_is_broken(struct world *w, const json_t *machine)
{
    (void)machine;
    return curve_is(w, true);
}

static void start(struct world *w)
{
    must(pr_loop_new(&w->loop, &e));
    must(pr_supervisor_new(&w->config, w->loop, &w->s, &e));
}

static void stop(struct world *w)
{
    pr_timer_stop(w->loop, &w->poll);
    pr_supervisor_free(w->s);
    pr_loop_free(w->loop);
    w->s = NULL;
    w->loop = NULL;
}

static void set_hanging(struct world *w, bool hangs)
{
    if (!hangs) {
        unlink(w->hang);
        return;
    }
    FILE *f = fopen(w->hang, "w");
    assert_non_null(f);
    fclose(f);
}

/* ---- tests ---- */

static void what_is_seen_is_shown_and_kept(void **state)
{
    struct world *w = *state;
    start(w);
    wait_until(w, all_seen);
    added_ns += 11 * SECOND;
    wait_until(w, curve_has_a_value);
    stop(w);
    assert_true(curve_is(w, false));
    start(w); /* a new owner ends the curves of the one before it, and goes on */
    wait_until(w, all_seen);
    added_ns += 11 * SECOND;
    wait_until(w, curve_has_a_value);
}

static void a_driver_that_hangs_is_not_shown_and_holds_up_nothing(void **state)
{
    struct world *w = *state;
    start(w);
    wait_until(w, all_seen);
    added_ns += 11 * SECOND;
    wait_until(w, curve_has_a_value);
    set_hanging(w, true);
    added_ns += 31 * SECOND;
    wait_until(w, driver_is_silent);
    added_ns += 11 * SECOND;
    wait_until(w, curve_is_broken);
    set_hanging(w, false);
    wait_until(w, all_seen);
}

static void an_owner_ends_while_the_driver_hangs(void **state)
{
    struct world *w = *state;
    set_hanging(w, true);
    start(w);
    added_ns += 31 * SECOND;
    wait_until(w, driver_is_silent);
    stop(w);
    set_hanging(w, false);
}

static int set_up(void **state)
{
    struct world *w = pr_zalloc(sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/proctor-sv-machine-XXXXXX");
    if (!mkdtemp(w->base))
        return -1;
    snprintf(w->hang, sizeof w->hang, "%s.hang", w->base);
    setenv("PROCTOR_NVML", FAKE_NVML, 1);
    setenv("FAKE_NVML", "", 1);
    setenv("FAKE_NVML_HANG", w->hang, 1);
    pr_clock_override = &moved_clock;
    added_ns = 0;
    must(pr_config_load(w->base, &w->config, &e));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->s)
        stop(w);
    set_hanging(w, false);
    pr_clock_override = NULL;
    pr_config_done(&w->config);
    must(pr_remove_tree(w->base, &e));
    pr_free(w);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_seen_is_shown_and_kept),
        TEST(a_driver_that_hangs_is_not_shown_and_holds_up_nothing),
        TEST(an_owner_ends_while_the_driver_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
