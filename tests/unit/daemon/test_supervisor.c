/* The supervisor with real graders, and systems of the test's own.  Long: all stand on one world.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"
#include "gradebook/gradebook.h"
#include "grader/grader.h"

#define SOURCE      PR_FIXTURES "/run_a/checkpoints/checkpoint-2886"
#define OTHER       PR_FIXTURES "/run_a/checkpoints/checkpoint-4500/model.safetensors"
#define SUITE       PR_FIXTURES "/run_a/validation.jsonl"
#define N_EXAMPLES  300
#define MAX_WAIT_MS 20000
#define POLL_MS     2

static struct pr_error e;
#define OK(call) assert_true_or_error((call) == PR_OK, #call)
static void assert_true_or_error(bool ok, const char *what)
{
    if (!ok)
        fail_msg("%s: %s", what, e.message);
}

/* ---- the test's own systems: one wants everything graded and counts it ---- */

static enum pr_code plan_all(struct pr_view *v, struct pr_needs *ret, struct pr_error *err)
{
    (void)err;
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    for (size_t i = 0; suite && i < v->n_checkpoints; i++)
        pr_needs_add(ret, v->checkpoints[i].id, suite->id,
            i + 1 == v->n_checkpoints ? PR_PRIORITY_NEWEST : PR_PRIORITY_BACKFILL);
    return PR_OK;
}

static enum pr_code count_all(struct pr_view *v, struct pr_findings *ret, struct pr_error *err)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    size_t done = 0, all = 0, right = 0;
    for (size_t i = 0; suite && i < v->n_checkpoints; i++) {
        struct pr_view_grades g;
        enum pr_code code = pr_view_grades(v, &v->checkpoints[i], suite->id, &g, err);
        if (code)
            return code;
        for (size_t k = 0; g.grades && k < g.grades->n; k++)
            right += g.grades->v[k].correct == PR_VERDICT_RIGHT;
        done += g.done;
        all += g.all;
    }
    ret->status = json_object();
    pr_json_set_int(ret->status, "graded", (int64_t)done);
    pr_json_set_int(ret->status, "right", (int64_t)right);
    pr_json_set_real(ret->status, "threshold", v->settings->threshold, NULL);
    if (done < all)
        ret->waiting = pr_strdup("some examples are not graded yet");
    if (v->settings->threshold > 100)
        return pr_fail(err, PR_E_LIMIT, "too high");
    return PR_OK;
}

static const struct pr_system counter = {.name = "counter",
    .status_file = "counter.json",
    .roles = PR_ROLE_ALL,
    .interval_s = 3600,
    .plan = plan_all,
    .run = count_all};
static const struct pr_system second = {.name = "second",
    .status_file = "second.json",
    .roles = PR_ROLE_ALL,
    .interval_s = 3600,
    .plan = plan_all,
    .run = count_all};

/* ---- one that moves: its errand goes on until it is told to stop, or it is let go ---- */

static atomic_int acts, stops, freed;
static atomic_bool let_go, has_more;

static enum pr_code plan_nothing(struct pr_view *v, struct pr_needs *ret, struct pr_error *err)
{
    (void)v;
    (void)ret;
    (void)err;
    return PR_OK;
}

static void free_errand(void *errand)
{
    atomic_fetch_add(&freed, 1);
    pr_free(errand);
}

static enum pr_code look_what_to_move(
    struct pr_view *v, struct pr_findings *ret, struct pr_error *err)
{
    (void)err;
    assert_non_null(v->move);
    assert_true(pr_path_is_dir(v->move->base_dir));
    ret->status = json_object();
    ret->errand = pr_strdup("errand");
    ret->errand_free = free_errand;
    return PR_OK;
}

static enum pr_code move_it(const struct pr_move *m, struct pr_findings *f, struct pr_error *err)
{
    json_t *interim = json_pack("{s:s}", "moving", f->errand);
    m->tell(m->ctx, interim);
    json_decref(interim);
    atomic_fetch_add(&acts, 1);
    bool released = false; /* one run for each time that it is let go */
    while (!atomic_load(m->stop) && !(released = atomic_exchange(&let_go, false)))
        usleep(1000);
    if (!released) {
        atomic_fetch_add(&stops, 1);
        return pr_fail(err, PR_E_CANCELLED, "stopped");
    }
    pr_json_set_str(f->status, "moved", f->errand);
    f->again = atomic_exchange(&has_more, false);
    return PR_OK;
}

static const struct pr_system mover = {.name = "mover",
    .status_file = "mover.json",
    .roles = PR_ROLE_ALL,
    .interval_s = 3600,
    .asks_nothing = true,
    .plan = plan_nothing,
    .run = look_what_to_move,
    .act = move_it};

/* ---- a base folder, and a supervisor on it ---- */

struct world {
    char base[64];
    struct pr_config config;
    struct pr_loop *loop;
    struct pr_supervisor *s;
    struct pr_timer poll;
    bool (*until)(struct world *w);
    int64_t give_up_ns;
    size_t n_finished, n_killed;
    json_t *found;
    char failed[200];
};

static void copy_file(const char *from, const char *to)
{
    char *bytes;
    size_t n;
    OK(pr_file_read(-100, from, 64 << 20, &bytes, &n, &e));
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    pr_free(bytes);
}

static void drop(const struct world *w, const char *name)
{
    char to[200];
    char **names;
    size_t n;
    snprintf(to, sizeof to, "%s/models/current_model/%s", w->base, name);
    OK(pr_mkdirs(to, &e));
    OK(pr_dir_list(SOURCE, &names, &n, &e));
    for (size_t i = 0; i < n; i++) {
        char *a = pr_path_join(SOURCE, names[i]), *b = pr_path_join(to, names[i]);
        copy_file(a, b);
        pr_free(a);
        pr_free(b);
    }
    pr_names_free(names, n);
}

static void remove_tree(const char *path)
{
    char **names;
    size_t n;
    if (!pr_path_is_dir(path)) {
        unlink(path);
        return;
    }
    OK(pr_dir_list(path, &names, &n, &e));
    for (size_t i = 0; i < n; i++) {
        char *at = pr_path_join(path, names[i]);
        remove_tree(at);
        pr_free(at);
    }
    pr_names_free(names, n);
    rmdir(path);
}

static void start(struct world *w)
{
    OK(pr_loop_new(&w->loop, &e));
    OK(pr_supervisor_new(&w->config, w->loop, &w->s, &e));
}

static void stop(struct world *w)
{
    int64_t before = pr_clock_monotonic_ns();
    pr_supervisor_free(w->s);
    assert_true(pr_clock_monotonic_ns() - before < 20000000000);
    pr_loop_free(w->loop);
    w->s = NULL;
}

/* checkpoint: one that is there before the supervisor looks; NULL: none. */
static void open_world(struct world *w, const char *checkpoint)
{
    char path[200];
    *w = (struct world){.base = "/tmp/proctor-test-XXXXXX"};
    assert_non_null(mkdtemp(w->base));
    snprintf(path, sizeof path, "%s/data/validation", w->base);
    OK(pr_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/data/validation/all.jsonl", w->base);
    copy_file(SUITE, path);
    snprintf(path, sizeof path, "%s/models/current_model", w->base);
    OK(pr_mkdirs(path, &e));
    OK(pr_config_load(w->base, &w->config, &e));
    w->config.grader_idle_seconds = 0;
    if (checkpoint)
        drop(w, checkpoint);
    start(w);
}

static void close_world(struct world *w)
{
    if (w->s)
        stop(w);
    json_decref(w->found);
    pr_config_done(&w->config);
    remove_tree(w->base);
}

static void polled(void *ctx)
{
    struct world *w = ctx;
    if (w->until(w))
        pr_loop_stop(w->loop, 0);
    else if (pr_clock_monotonic_ns() > w->give_up_ns)
        pr_loop_stop(w->loop, 1);
    else
        pr_timer_after(w->loop, &w->poll, POLL_MS);
}

static void run_until(struct world *w, bool (*until)(struct world *w))
{
    w->until = until;
    w->give_up_ns = pr_clock_monotonic_ns() + (int64_t)MAX_WAIT_MS * 1000000;
    w->poll = (struct pr_timer){.fired = polled, .ctx = w};
    pr_timer_after(w->loop, &w->poll, POLL_MS);
    int status = pr_loop_run(w->loop);
    pr_timer_stop(w->loop, &w->poll);
    if (status) {
        json_t *state = pr_supervisor_state(w->s);
        struct pr_str out = PR_STR_INIT(1 << 20);
        pr_json_dump(state, 2, 0, &out);
        fprintf(stderr, "%s\n", pr_str_cstr(&out));
        fail_msg("it did not come to pass");
    }
}

static void found(void *ctx, const json_t *document, bool waiting, const struct pr_error *failed)
{
    struct world *w = ctx;
    (void)waiting;
    snprintf(w->failed, sizeof w->failed, "%s", failed ? failed->message : "");
    json_decref(w->found);
    w->found = document ? json_deep_copy(document) : NULL;
}

static void finished(void *ctx)
{
    ((struct world *)ctx)->n_finished++;
}

static struct pr_job *add(struct world *w, const struct pr_system *system, bool once)
{
    struct pr_job *j;
    const struct pr_job_options o = {
        .system = system, .once = once, .found = found, .finished = finished, .ctx = w};
    OK(pr_supervisor_add(w->s, &o, &j, &e));
    return j;
}

/* ---- what is looked at ---- */

static int64_t state_number(struct world *w, const char *part, const char *key)
{
    json_t *state = pr_supervisor_state(w->s);
    const json_t *v = json_object_get(json_object_get(state, part), key);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    json_decref(state);
    return n;
}

static struct pr_gradebook *reader(const struct world *w)
{
    struct pr_gradebook *g;
    char *path = pr_path_join(w->base, "proctor.db");
    OK(pr_gradebook_open(path, PR_GRADEBOOK_READ, &g, &e));
    pr_free(path);
    return g;
}

/* The state of a checkpoint by its name, whatever became of it; -1: not known. */
static int checkpoint_state(const struct world *w, const char *name)
{
    const struct pr_checkpoint_filter f = {.gone = true, .name = name};
    struct pr_checkpoint_row *rows;
    size_t n;
    struct pr_gradebook *g = reader(w);
    OK(pr_gradebook_checkpoints(g, &f, &rows, &n, &e));
    int state = n ? (int)rows[n - 1].state : -1;
    pr_checkpoint_rows_free(rows, n);
    pr_gradebook_close(g);
    return state;
}

static uint64_t n_grades(const struct world *w)
{
    struct pr_gradebook_size size;
    struct pr_gradebook *g = reader(w);
    OK(pr_gradebook_size(g, &size, &e));
    pr_gradebook_close(g);
    return size.grades;
}

static json_t *status_file(const struct world *w, const char *name)
{
    char path[200];
    json_t *doc;
    snprintf(path, sizeof path, "%s/status/%s", w->base, name);
    OK(pr_json_read(-100, path, 1 << 20, PR_JSON_STRICT, &doc, &e));
    return doc;
}

static void status_says(const struct world *w, const char *name, const char *state, int64_t graded)
{
    json_t *doc = status_file(w, name);
    assert_int_equal(json_integer_value(json_object_get(doc, "schema_version")), 1);
    assert_string_equal(json_string_value(json_object_get(doc, "state")), state);
    assert_int_equal(json_integer_value(json_object_get(doc, "graded")), graded);
    json_decref(doc);
}

static bool is_finished(struct world *w)
{
    return w->n_finished > 0;
}

static bool are_both_finished(struct world *w)
{
    return w->n_finished > 1;
}

static bool is_grader_gone(struct world *w)
{
    return state_number(w, "grader", "pid") < 0;
}

static bool has_begun(struct world *w)
{
    return state_number(w, "tokens", "examples") > 0;
}

/* ---- the tests ---- */

static void without_any_checkpoint_a_system_runs_once_and_is_through(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, NULL);
    add(&w, &counter, true);
    run_until(&w, is_finished);
    status_says(&w, "counter.json", "ok", 0);
    close_world(&w);
}

static void every_example_is_graded_once_for_all_systems(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, true);
    add(&w, &second, true);
    run_until(&w, are_both_finished);
    status_says(&w, "counter.json", "ok", N_EXAMPLES);
    status_says(&w, "second.json", "ok", N_EXAMPLES);
    assert_int_equal(n_grades(&w), N_EXAMPLES);
    assert_int_equal(state_number(&w, "tokens", "examples"), N_EXAMPLES);
    assert_int_equal(state_number(&w, "grader", "started"), 1);
    run_until(&w, is_grader_gone);
    /* Again from the start: all is there. */
    stop(&w);
    start(&w);
    w.n_finished = 0;
    add(&w, &counter, true);
    run_until(&w, is_finished);
    assert_int_equal(state_number(&w, "tokens", "examples"), 0);
    assert_int_equal(state_number(&w, "grader", "started"), 0);
    close_world(&w);
}

static bool is_second_graded(struct world *w)
{
    return state_number(w, "tokens", "examples") == 0 && w->found &&
           json_integer_value(json_object_get(w->found, "graded")) == 2 * N_EXAMPLES;
}

static void a_copy_of_a_checkpoint_is_opened_and_costs_nothing_more(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, true);
    run_until(&w, is_finished);
    stop(&w);
    start(&w);
    add(&w, &counter, false);
    drop(&w, "copy");
    run_until(&w, is_second_graded);
    assert_int_equal(n_grades(&w), N_EXAMPLES);
    close_world(&w);
}

static bool is_gone(struct world *w)
{
    return checkpoint_state(w, "checkpoint-2886") == PR_CHECKPOINT_GONE && is_grader_gone(w);
}

static void a_checkpoint_deleted_while_graded_is_gone_without_blame(void **state)
{
    (void)state;
    struct world w;
    char path[200];
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, false);
    run_until(&w, has_begun);
    snprintf(path, sizeof path, "%s/models/current_model/checkpoint-2886", w.base);
    remove_tree(path);
    run_until(&w, is_gone);
    close_world(&w);
}

static bool is_whole(struct world *w)
{
    return w->found && json_integer_value(json_object_get(w->found, "graded")) == N_EXAMPLES &&
           !strcmp(json_string_value(json_object_get(w->found, "state")), "ok");
}

static void a_checkpoint_rewritten_while_graded_is_another_one_without_blame(void **state)
{
    (void)state;
    struct world w;
    char path[200];
    struct pr_checkpoint_row *rows;
    size_t n;
    const struct pr_checkpoint_filter all = {.gone = true};
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, false);
    run_until(&w, has_begun);
    snprintf(
        path, sizeof path, "%s/models/current_model/checkpoint-2886/model.safetensors", w.base);
    copy_file(OTHER, path);
    run_until(&w, is_whole);
    struct pr_gradebook *g = reader(&w);
    OK(pr_gradebook_checkpoints(g, &all, &rows, &n, &e));
    assert_true(n >= 2); /* a half-written moment may have been one more */
    size_t n_ready = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].failures, 0);
        assert_true(rows[i].state == PR_CHECKPOINT_READY || rows[i].state == PR_CHECKPOINT_GONE);
        n_ready += rows[i].state == PR_CHECKPOINT_READY;
    }
    assert_int_equal(n_ready, 1);
    pr_checkpoint_rows_free(rows, n);
    pr_gradebook_close(g);
    close_world(&w);
}

static void write_suite(const struct world *w, const char *name, const char *line, int n)
{
    char path[200];
    snprintf(path, sizeof path, "%s/data/validation/%s", w->base, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < n; i++)
        fprintf(f, line, i);
    fclose(f);
}

static void answers_are_judged_by_the_users_command_outside_the_grader(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    stop(&w);
    write_suite(&w, "all.jsonl",
        "{\"prompt\":\"What is %d + 1?\",\"golden\":\"no number\",\"check\":{\"command\":"
        "[\"/bin/sh\",\"-c\",\"while read -r x; do echo '{\\\"correct\\\": true}'; done\"]}}\n",
        20);
    w.config.allow_commands = true;
    start(&w);
    add(&w, &counter, true);
    run_until(&w, is_finished);
    assert_int_equal(json_integer_value(json_object_get(w.found, "graded")), 20);
    assert_int_equal(json_integer_value(json_object_get(w.found, "right")), 20);
    assert_int_equal(state_number(&w, "grader", "started"), 1);
    close_world(&w);
}

static bool kill_until_quarantined(struct world *w)
{
    int64_t pid = state_number(w, "grader", "pid");
    if (pid > 0 && state_number(w, "grader", "started") > (int64_t)w->n_killed) {
        kill((pid_t)pid, SIGKILL);
        w->n_killed++;
    }
    return checkpoint_state(w, "checkpoint-2886") == PR_CHECKPOINT_QUARANTINED;
}

static void a_checkpoint_that_kills_two_graders_is_quarantined(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, true);
    run_until(&w, kill_until_quarantined);
    assert_int_equal(w.n_killed, 2);
    struct pr_alert *alerts;
    size_t n;
    struct pr_gradebook *g = reader(&w);
    OK(pr_gradebook_alerts(g, true, 10, &alerts, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(alerts[0].level, PR_ALERT_CRITICAL);
    pr_alerts_free(alerts, n);
    pr_gradebook_close(g);
    run_until(&w, is_finished); /* impossible is as good as done */
    close_world(&w);
}

static void a_checkpoint_too_big_for_the_machine_is_not_tried(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    stop(&w);
    w.config.grader_memory_mb = 2;
    start(&w);
    add(&w, &counter, true);
    run_until(&w, is_finished);
    assert_int_equal(state_number(&w, "grader", "started"), 0);
    assert_int_equal(checkpoint_state(&w, "checkpoint-2886"), PR_CHECKPOINT_FOUND);
    json_t *s = pr_supervisor_state(w.s);
    assert_int_equal(json_integer_value(json_object_get(s, "alerts")), 1);
    json_decref(s);
    close_world(&w);
}

static bool has_failed(struct world *w)
{
    return w->failed[0];
}

static bool is_found(struct world *w)
{
    return w->found;
}

static void the_newest_jobs_settings_count_until_it_leaves(void **state)
{
    (void)state;
    struct world w;
    struct pr_job *j;
    open_world(&w, NULL);
    add(&w, &counter, false);
    run_until(&w, is_found);
    assert_true(json_real_value(json_object_get(w.found, "threshold")) == 15);
    json_t *set = json_pack("{s:s}", "monitor.threshold", "200");
    const struct pr_job_options o = {.system = &counter, .set = set};
    OK(pr_supervisor_add(w.s, &o, &j, &e));
    run_until(&w, has_failed);
    json_t *doc = status_file(&w, "counter.json");
    assert_string_equal(json_string_value(json_object_get(doc, "state")), "failed");
    assert_string_equal(json_string_value(json_object_get(doc, "state_reason")), "too high");
    assert_true(json_is_null(json_object_get(doc, "graded")));
    assert_non_null(json_object_get(doc, "set"));
    json_decref(doc);
    pr_supervisor_remove(w.s, j);
    add(&w, &counter, true);
    run_until(&w, is_finished);
    status_says(&w, "counter.json", "ok", 0);
    json_decref(set);
    close_world(&w);
}

static bool is_moving(struct world *w)
{
    char *path = pr_path_join(w->base, "status/mover.json");
    bool there = pr_path_exists(path);
    pr_free(path);
    return there && atomic_load(&acts);
}

static void a_system_that_moves_holds_up_no_other_and_says_how_far_it_is(void **state)
{
    (void)state;
    struct world w;
    acts = stops = freed = 0;
    let_go = false;
    open_world(&w, "checkpoint-2886");
    add(&w, &mover, true);
    run_until(&w, is_moving);
    json_t *doc = status_file(&w, "mover.json");
    assert_string_equal(json_string_value(json_object_get(doc, "moving")), "errand");
    json_decref(doc);
    struct pr_job *j = add(&w, &counter, true);
    run_until(&w, is_finished); /* graded and counted while the other still moves */
    status_says(&w, "counter.json", "ok", N_EXAMPLES);
    pr_supervisor_remove(w.s, j);
    w.n_finished = 0;
    let_go = true;
    run_until(&w, is_finished);
    doc = status_file(&w, "mover.json");
    assert_string_equal(json_string_value(json_object_get(doc, "moved")), "errand");
    assert_null(json_object_get(doc, "moving"));
    json_decref(doc);
    assert_int_equal(freed, 1);
    close_world(&w);
}

static bool has_moved(struct world *w)
{
    return w->found && json_object_get(w->found, "moved");
}

static void a_run_says_what_it_was_told_and_not_what_came_meanwhile(void **state)
{
    (void)state;
    struct world w;
    struct pr_job *j;
    acts = stops = freed = 0;
    let_go = false;
    open_world(&w, NULL);
    add(&w, &mover, false);
    run_until(&w, is_moving);
    json_t *set = json_pack("{s:s}", "monitor.threshold", "20");
    const struct pr_job_options o = {.system = &mover, .set = set};
    OK(pr_supervisor_add(w.s, &o, &j, &e));
    let_go = true;
    run_until(&w, has_moved);
    assert_null(json_object_get(w.found, "set"));
    json_decref(w.found);
    w.found = NULL;
    let_go = true;
    run_until(&w, has_moved); /* the next one, which it asked for */
    assert_non_null(json_object_get(w.found, "set"));
    json_decref(set);
    close_world(&w);
}

static bool moves_again(struct world *w)
{
    (void)w;
    return atomic_load(&acts) == 2;
}

/* The mover's own interval is an hour. */
static void what_is_left_to_do_is_done_by_a_run_that_follows_at_once(void **state)
{
    (void)state;
    struct world w;
    acts = stops = freed = 0;
    let_go = false;
    has_more = true;
    open_world(&w, NULL);
    add(&w, &mover, true);
    run_until(&w, is_moving);
    let_go = true;
    run_until(&w, moves_again);
    assert_int_equal(w.n_finished, 0); /* who waits for it waits for all */
    assert_int_equal(freed, 1);        /* the first run is over, and stored */
    json_t *doc = status_file(&w, "mover.json");
    assert_string_equal(json_string_value(json_object_get(doc, "moved")), "errand");
    json_decref(doc);
    let_go = true;
    run_until(&w, is_finished);
    assert_int_equal(acts, 2);
    close_world(&w);
}

static bool has_stopped(struct world *w)
{
    (void)w;
    return atomic_load(&stops) == 1;
}

static void what_moves_is_stopped_when_nobody_wants_it_and_at_the_end(void **state)
{
    (void)state;
    struct world w;
    acts = stops = freed = 0;
    let_go = false;
    open_world(&w, NULL);
    struct pr_job *j = add(&w, &mover, false);
    run_until(&w, is_moving);
    pr_supervisor_remove(w.s, j);
    run_until(&w, has_stopped);
    add(&w, &mover, false);
    run_until(&w, moves_again);
    close_world(&w);
    assert_int_equal(stops, 2);
    assert_int_equal(freed, 2);
}

static void a_setting_that_is_none_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct pr_job *j = NULL;
    open_world(&w, NULL);
    json_t *set = json_pack("{s:s}", "monitor.thresh", "200");
    const struct pr_job_options o = {.system = &counter, .set = set};
    assert_int_equal(pr_supervisor_add(w.s, &o, &j, &e), PR_E_USAGE);
    assert_null(j);
    json_decref(set);
    close_world(&w);
}

static bool is_new_version_graded(struct world *w)
{
    return w->found && json_integer_value(json_object_get(w->found, "graded")) == N_EXAMPLES + 1 &&
           !strcmp(json_string_value(json_object_get(w->found, "state")), "ok");
}

static void an_edited_suite_costs_only_what_is_new_in_it(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, true);
    run_until(&w, is_finished);
    add(&w, &counter, false);
    write_suite(&w, "more.jsonl", "{\"prompt\":\"What is %d + 1?\",\"golden\":\"1\"}\n", 1);
    run_until(&w, is_new_version_graded);
    assert_int_equal(state_number(&w, "tokens", "examples"), N_EXAMPLES + 1);
    close_world(&w);
}

static bool is_graded_anew(struct world *w)
{
    return state_number(w, "tokens", "examples") == 2 * N_EXAMPLES && is_whole(w);
}

static void other_options_of_grading_have_everything_graded_anew(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, false);
    run_until(&w, is_whole);
    w.config.max_new_tokens = 4;
    pr_supervisor_reload(w.s, &w.config);
    run_until(&w, is_graded_anew);
    assert_int_equal(n_grades(&w), 2 * N_EXAMPLES);
    pr_supervisor_reload(w.s, &w.config); /* the same again costs nothing */
    add(&w, &second, true);
    run_until(&w, is_finished);
    assert_int_equal(n_grades(&w), 2 * N_EXAMPLES);
    close_world(&w);
}

static void it_stops_within_a_second_while_busy(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "checkpoint-2886");
    add(&w, &counter, false);
    run_until(&w, has_begun);
    stop(&w); /* measures */
    start(&w);
    add(&w, &counter, true);
    run_until(&w, is_finished);
    assert_int_equal(n_grades(&w), N_EXAMPLES);
    close_world(&w);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "grader"))
        return pr_grader_serve(0, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_checkpoint_a_system_runs_once_and_is_through),
        cmocka_unit_test(every_example_is_graded_once_for_all_systems),
        cmocka_unit_test(a_copy_of_a_checkpoint_is_opened_and_costs_nothing_more),
        cmocka_unit_test(a_checkpoint_deleted_while_graded_is_gone_without_blame),
        cmocka_unit_test(a_checkpoint_rewritten_while_graded_is_another_one_without_blame),
        cmocka_unit_test(answers_are_judged_by_the_users_command_outside_the_grader),
        cmocka_unit_test(a_checkpoint_that_kills_two_graders_is_quarantined),
        cmocka_unit_test(a_checkpoint_too_big_for_the_machine_is_not_tried),
        cmocka_unit_test(the_newest_jobs_settings_count_until_it_leaves),
        cmocka_unit_test(a_system_that_moves_holds_up_no_other_and_says_how_far_it_is),
        cmocka_unit_test(a_run_says_what_it_was_told_and_not_what_came_meanwhile),
        cmocka_unit_test(what_is_left_to_do_is_done_by_a_run_that_follows_at_once),
        cmocka_unit_test(what_moves_is_stopped_when_nobody_wants_it_and_at_the_end),
        cmocka_unit_test(a_setting_that_is_none_is_refused),
        cmocka_unit_test(an_edited_suite_costs_only_what_is_new_in_it),
        cmocka_unit_test(other_options_of_grading_have_everything_graded_anew),
        cmocka_unit_test(it_stops_within_a_second_while_busy),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
