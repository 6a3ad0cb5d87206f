/* A whole training as its caller sees it: stops, resumes, refusals, and the status file as the
 * watch's own reader reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "systems/training.h"
#include "train/trainer.h"

#define FIXTURES PR_SOURCE_ROOT "/tests/fixtures"

static char dir[] = "/tmp/proctor-trainer-XXXXXX";
static char out[64], status[64];

/* What the callbacks saw. */
struct seen {
    struct pr_train_step last;
    int64_t stop_at;          /* 0: never */
    size_t n_asked, ask_ends; /* `stopped` says yes the ask_ends-th time; 0: never */
    size_t n_steps, n_notes;
    char note[512];   /* the last one */
    json_t *document; /* training_status.json after the first step */
};

static json_t *read_json(const char *path)
{
    struct pr_error e;
    json_t *v = NULL;
    if (pr_json_read(AT_FDCWD, path, 1 << 20, PR_JSON_STRICT, &v, &e))
        fail_msg("%s", e.message);
    return v;
}

static int on_step(void *ctx, const struct pr_train_step *s)
{
    struct seen *x = ctx;
    x->last = *s;
    x->n_steps++;
    if (!x->document && pr_path_exists(status))
        x->document = read_json(status);
    return s->step == x->stop_at;
}

static bool stopped(void *ctx)
{
    struct seen *x = ctx;
    return ++x->n_asked == x->ask_ends;
}

static void on_note(void *ctx, const char *text)
{
    struct seen *x = ctx;
    x->n_notes++;
    snprintf(x->note, sizeof x->note, "%s", text);
}

static const char *const data_files[] = {FIXTURES "/run_a/validation.jsonl"};

static struct pr_train_options options(struct seen *x)
{
    return (struct pr_train_options){
        .model = FIXTURES "/run_a/checkpoints/checkpoint-2886",
        .data = {.files = data_files, .n_files = 1, .batch = 4},
        .out = out,
        .steps = 4,
        .schedule = {.kind = PR_SCHEDULE_CONSTANT, .lr = 1e-4},
        .optimizer = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .grad_clip = 1},
        .dtype = "auto",
        .n_threads = 1,
        .status_file = status,
        .on_step = on_step,
        .stopped = stopped,
        .on_note = on_note,
        .ctx = x,
    };
}

static enum pr_code train(struct pr_train_options o, struct pr_train_result *r, char message[1024])
{
    struct pr_error e = {.message = ""};
    enum pr_code code = pr_train(&o, r, &e);
    memcpy(message, e.message, sizeof e.message);
    return code;
}

static void remove_all(const char *path)
{
    char **names;
    size_t n;
    struct pr_error e;
    if (pr_path_is_dir(path) && !pr_dir_list(path, &names, &n, &e)) {
        for (size_t i = 0; i < n; i++) {
            char *child = pr_path_join(path, names[i]);
            remove_all(child);
            pr_free(child);
        }
        pr_names_free(names, n);
    }
    remove(path);
}

static int clean(void **state)
{
    (void)state;
    remove_all(out);
    remove_all(status);
    return 0;
}

static json_t *as_the_watch_reads_it(void)
{
    struct pr_training_places p = {.status_file = status, .runs_folder = out};
    return pr_training_read(&p, pr_clock_utc_ms());
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("'%s' is no number", key);
    return json_number_value(v);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void the_watch_reads_where_a_training_stands(void **state)
{
    (void)state;
    struct seen x = {0};
    struct pr_train_result r;
    char message[1024];
    assert_int_equal(train(options(&x), &r, message), PR_OK);
    json_t *o = as_the_watch_reads_it();
    assert_int_equal(json_array_size(json_object_get(o, "warnings")), 0);
    assert_string_equal(text(o, "source"), "training_status.json");
    assert_string_equal(text(o, "status"), "completed");
    assert_string_equal(text(o, "model_name"), "checkpoint-2886");
    assert_true(number(o, "current_step") == 4 && number(o, "total_steps") == 4);
    assert_true(number(o, "loss") == x.last.loss);
    assert_true(number(o, "learning_rate") == 1e-4);
    assert_true(number(o, "grad_norm") == x.last.grad_norm);
    assert_true(number(o, "epoch") == 16.0 / 300);
    assert_true(number(o, "tokens_per_second") > 0 && number(o, "steps_per_second") > 0);
    assert_true(number(o, "eta_seconds") == 0);
    assert_true(number(o, "age_seconds") < 60);
    json_decref(o);
    /* Before the first step it said that it had begun, and what it did not know yet. */
    assert_string_equal(text(x.document, "status"), "training");
    assert_true(json_is_null(json_object_get(x.document, "loss")));
    assert_string_equal(text(x.document, "loss_reason"), "no step was made yet");
    json_decref(x.document);
    pr_free(r.checkpoint);
}

static void a_stop_that_is_asked_for_leaves_a_checkpoint_to_go_on_from(void **state)
{
    (void)state;
    struct seen x = {.stop_at = 2}, y = {0};
    struct pr_train_result r;
    char message[1024];
    assert_int_equal(train(options(&x), &r, message), PR_E_CANCELLED);
    assert_int_equal(r.step, 2);
    assert_string_equal(message, "stopped after step 2");
    assert_non_null(strstr(r.checkpoint, "/checkpoint-2"));
    pr_free(r.checkpoint);
    json_t *o = as_the_watch_reads_it();
    assert_string_equal(text(o, "status"), "stopped");
    json_decref(o);
    assert_int_equal(train(options(&y), &r, message), PR_OK);
    assert_int_equal(r.from, 2);
    assert_int_equal(y.n_steps, 2);
    assert_non_null(strstr(y.note, "going on from "));
    pr_free(r.checkpoint);
    json_decref(x.document);
    json_decref(y.document);
}

static void a_stop_before_the_first_step_writes_nothing(void **state)
{
    (void)state;
    struct seen x = {0};
    struct pr_train_result r;
    struct pr_train_options o = options(&x);
    char message[1024], parent[128];
    snprintf(parent, sizeof parent, "%s/new/run", out);
    o.out = parent;
    o.steps = 1;
    assert_int_equal(train(o, &r, message), PR_OK);
    pr_free(r.checkpoint);
    json_decref(x.document);
    assert_true(x.n_asked > 600); /* each line, each example, and in between */
    size_t last = x.n_asked;
    clean(NULL);
    for (size_t at = 1; at <= last; at += at < 4 || at > last - 4 ? 1 : 47) {
        x = (struct seen){.ask_ends = at};
        assert_int_equal(train(o, &r, message), PR_E_CANCELLED);
        assert_non_null(strstr(message, "stopped "));
        assert_true(!r.step && !r.checkpoint && !x.n_steps);
        assert_false(pr_path_exists(out) || pr_path_exists(status));
    }
}

static void a_refused_step_is_told_and_leaves_the_checkpoints_as_they_were(void **state)
{
    (void)state;
    struct seen x = {0};
    struct pr_train_result r;
    char message[1024];
    struct pr_train_options o = options(&x);
    o.schedule.table = (double[]){1e-4, 1e38, 1e38, 1e38};
    o.schedule.n_table = 4;
    o.save_every = 1;
    assert_int_equal(train(o, &r, message), PR_E_NUMBER);
    assert_int_equal(r.from, 0);
    assert_non_null(strstr(r.checkpoint, "/checkpoint-1"));
    json_t *seen = as_the_watch_reads_it();
    assert_string_equal(text(seen, "status"), "failed");
    assert_string_equal(text(seen, "loss_reason"), "");
    json_decref(seen);
    pr_free(r.checkpoint);
    json_decref(x.document);
}

/* Puts another value into a checkpoint's file, NULL: none. */
static void spoil(const char *name, const char *key, json_t *value)
{
    struct pr_error e;
    struct pr_str content = PR_STR_INIT(1 << 20);
    char *path = pr_path_join(out, name);
    json_t *v = read_json(path);
    json_object_del(v, key);
    if (value)
        pr_json_set(v, key, value);
    pr_json_dump(v, 0, 0, &content);
    assert_int_equal(pr_file_write_atomic(path, pr_str_cstr(&content), content.len, &e), PR_OK);
    pr_str_done(&content);
    json_decref(v);
    pr_free(path);
}

static void a_checkpoint_whose_papers_disagree_is_not_gone_on_with(void **state)
{
    (void)state;
    struct seen x = {.stop_at = 2};
    struct pr_train_result r;
    char message[1024];
    assert_int_equal(train(options(&x), &r, message), PR_E_CANCELLED);
    pr_free(r.checkpoint);
    spoil("checkpoint-2/proctor/training.json", "settings", json_string("none"));
    assert_int_equal(train(options(&x), &r, message), PR_E_USAGE);
    assert_non_null(strstr(message, "another training"));
    pr_free(r.checkpoint);
    /* What is damaged is passed over, and said; the training begins anew. */
    spoil("checkpoint-2/trainer_state.json", "global_step", json_integer(3));
    x.n_notes = 0;
    assert_int_equal(train(options(&x), &r, message), PR_E_CANCELLED);
    assert_int_equal(r.from, 0);
    assert_int_equal(x.n_notes, 2); /* what is trained, and that */
    assert_non_null(strstr(x.note, "checkpoint-2 is passed over"));
    pr_free(r.checkpoint);
    json_t *steps[] = {json_integer(1), json_string("two"), NULL};
    for (size_t i = 0; i < 3; i++) { /* the last: it has none */
        spoil("checkpoint-2/proctor/training.json", "step", steps[i]);
        assert_int_equal(train(options(&x), &r, message), PR_E_CANCELLED);
        assert_int_equal(r.from, 0);
        assert_non_null(
            strstr(x.note, "checkpoint-2 is passed over: proctor/training.json: 'step' "));
        pr_free(r.checkpoint);
    }
    json_decref(x.document);
}

static void a_status_file_that_cannot_be_written_ends_no_training(void **state)
{
    (void)state;
    struct seen x = {0};
    struct pr_train_result r;
    char message[1024];
    struct pr_train_options o = options(&x);
    o.status_file = "/proc/nothing/here.json";
    assert_int_equal(train(o, &r, message), PR_OK);
    assert_int_equal(x.n_notes, 2); /* what is trained, and that once */
    assert_non_null(strstr(x.note, "goes on without a status file"));
    pr_free(r.checkpoint);
    json_decref(x.document);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return 1;
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(status, sizeof status, "%s/training_status.json", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_watch_reads_where_a_training_stands, clean),
        cmocka_unit_test_teardown(
            a_stop_that_is_asked_for_leaves_a_checkpoint_to_go_on_from, clean),
        cmocka_unit_test_teardown(a_stop_before_the_first_step_writes_nothing, clean),
        cmocka_unit_test_teardown(
            a_refused_step_is_told_and_leaves_the_checkpoints_as_they_were, clean),
        cmocka_unit_test_teardown(a_checkpoint_whose_papers_disagree_is_not_gone_on_with, clean),
        cmocka_unit_test_teardown(a_status_file_that_cannot_be_written_ends_no_training, clean),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
