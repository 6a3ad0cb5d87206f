/* Where the training stands: every source alone, which of them counts, what is not known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/temp_folder.h"
#include "model/events.h"
#include "systems/training.h"

#define NOW ((int64_t)1764000000000) /* 2025-11-24T16:00:00Z */

/* Sets a file's modification time, seconds before NOW. */
static void age(const char *name, int64_t seconds)
{
    struct timespec t = {NOW / 1000 - seconds, 0};
    const struct timespec both[2] = {t, t};
    assert_int_equal(utimensat(AT_FDCWD, temp_path(name), both, 0), 0);
}

static json_t *read_all(const char *status, const char *const *checkpoints, size_t n)
{
    char paths[8][512];
    const char *list[8];
    for (size_t i = 0; i < n; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", temp_path(checkpoints[i]));
        list[i] = paths[i];
    }
    char runs[512], file[512];
    snprintf(runs, sizeof runs, "%s", temp_path("run"));
    snprintf(file, sizeof file, "%s", temp_path(status));
    struct pr_training_places p = {
        .status_file = file, .checkpoints = list, .n_checkpoints = n, .runs_folder = runs};
    return pr_training_read(&p, NOW);
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("'%s' is %s", key, pr_json_type_name(v));
    return json_number_value(v);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void unknown_because(const json_t *o, const char *key, const char *why)
{
    char reason[100];
    snprintf(reason, sizeof reason, "%s_reason", key);
    assert_true(json_is_null(json_object_get(o, key)));
    if (!strstr(text(o, reason), why))
        fail_msg("'%s' does not say '%s'", text(o, reason), why);
}

static bool warned(const json_t *o, const char *what)
{
    size_t i;
    const json_t *w;
    json_array_foreach (json_object_get(o, "warnings"), i, w)
        if (strstr(json_string_value(w), what))
            return true;
    return false;
}

static void the_trainers_own_file_goes_first(void **state)
{
    (void)state;
    temp_text("status.json",
        "{\"status\": \"training\", \"current_step\": 1200, \"total_steps\": \"4500\", "
        "\"epoch\": 0.25, \"loss\": 1.5, \"learning_rate\": \"3e-4\", "
        "\"timestamp\": \"2025-11-24T16:59:00+01:00\", \"model_name\": \"tiny\", "
        "\"steps_per_second\": 2, \"recent_examples\": [{\"x\": [1, 2]}], \"unknown\": {}}");
    age("status.json", 60);
    json_t *o = read_all("status.json", NULL, 0);
    assert_string_equal(text(o, "source"), "training_status.json");
    assert_string_equal(text(o, "status"), "training");
    assert_string_equal(text(o, "model_name"), "tiny");
    assert_true(number(o, "current_step") == 1200 && number(o, "total_steps") == 4500);
    assert_true(json_is_integer(json_object_get(o, "total_steps")));
    assert_true(number(o, "learning_rate") == 3e-4 && number(o, "loss") == 1.5);
    assert_true(number(o, "eta_seconds") == 1650);
    assert_true(number(o, "age_seconds") == 60);
    assert_string_equal(text(o, "timestamp"), "2025-11-24T15:59:00Z");
    unknown_because(o, "grad_norm", "no source");
    unknown_because(o, "tokens_per_second", "does not count tokens");
    assert_int_equal(json_array_size(json_object_get(o, "warnings")), 0);
    json_decref(o);
}

static void what_is_no_number_is_null_with_a_reason(void **state)
{
    (void)state;
    temp_text("status.json", "{\"step\": -3, \"loss\": NaN, \"val_loss\": \"inf\", "
                             "\"lr\": true, \"timestamp\": 1763999990}");
    age("status.json", 10);
    json_t *o = read_all("status.json", NULL, 0);
    unknown_because(o, "current_step", "no number of steps");
    unknown_because(o, "loss", "NaN");
    unknown_because(o, "eval_loss", "not finite");
    unknown_because(o, "learning_rate", "a number was expected");
    assert_true(warned(o, "'lr' is a boolean") || warned(o, "'lr' is true"));
    assert_string_equal(text(o, "timestamp"), "2025-11-24T15:59:50Z");
    json_decref(o);
}

static void a_plain_trainer_needs_no_file_of_its_own(void **state)
{
    (void)state;
    static const char *const both[] = {"run/checkpoint-1574", "run/checkpoint-2886"};
    temp_copy_folder("run_a/checkpoints/checkpoint-1574", both[0]);
    temp_copy_folder("run_a/checkpoints/checkpoint-2886", both[1]);
    age("run/checkpoint-1574/trainer_state.json", 1000);
    age("run/checkpoint-2886/trainer_state.json", 344);
    json_t *o = read_all("status.json", both, 2);
    assert_string_equal(text(o, "source"), "trainer_state.json");
    assert_true(number(o, "current_step") == 2886 && number(o, "total_steps") == 4500);
    assert_true(number(o, "loss") == 0.37349344469606877);
    assert_true(number(o, "eval_loss") == 0.5716809449662581);
    assert_true(number(o, "learning_rate") == 0.00033575218289497155);
    assert_true(number(o, "age_seconds") == 344);
    /* 1,312 steps in 656 seconds. */
    assert_true(fabs(number(o, "steps_per_second") - 2) < 1e-12);
    assert_true(fabs(number(o, "eta_seconds") - 807) < 1e-9);
    assert_string_equal(text(json_object_get(o, "from"), "steps_per_second"),
        "file times of checkpoint-1574 and checkpoint-2886");
    unknown_because(o, "tokens_per_second", "does not count tokens");
    unknown_because(o, "status", "does not say");
    json_decref(o);
    /* A second and a half apart: copied, and no rate. */
    age("run/checkpoint-1574/trainer_state.json", 345);
    o = read_all("status.json", both, 2);
    unknown_because(o, "steps_per_second", "at least 10 s apart");
    assert_true(json_is_null(json_object_get(o, "eta_seconds")));
    const json_t *history = json_object_get(o, "history");
    const json_t *last = json_array_get(history, json_array_size(history) - 1);
    assert_true(number(last, "step") == 2886 && number(last, "eval_loss") == 0.5716809449662581);
    assert_true(json_is_null(json_object_get(last, "loss")));
    json_decref(o);
}

static void tokens_and_the_end_are_seen_in_a_state(void **state)
{
    (void)state;
    static const char *const both[] = {"run/checkpoint-10", "run/checkpoint-20"};
    temp_mkdir(both[0]);
    temp_mkdir(both[1]);
    temp_text("run/checkpoint-10/trainer_state.json",
        "{\"global_step\": 10, \"max_steps\": 20, \"num_input_tokens_seen\": 1000, "
        "\"log_history\": []}");
    temp_text("run/checkpoint-20/trainer_state.json",
        "{\"global_step\": 20, \"max_steps\": 20, \"num_input_tokens_seen\": 3000, "
        "\"log_history\": [{\"step\": 20, \"loss\": NaN}]}");
    age("run/checkpoint-10/trainer_state.json", 30);
    age("run/checkpoint-20/trainer_state.json", 20);
    json_t *o = read_all("status.json", both, 2);
    assert_true(number(o, "tokens_per_second") == 200);
    assert_true(number(o, "eta_seconds") == 0);
    assert_string_equal(text(o, "status"), "completed");
    unknown_because(o, "loss", "not finite");
    json_decref(o);
}

static void a_file_left_behind_gives_way_to_the_newer_state(void **state)
{
    (void)state;
    static const char *const one[] = {"run/checkpoint-2886"};
    temp_copy_folder("run_a/checkpoints/checkpoint-2886", one[0]);
    temp_text("status.json", "{\"current_step\": 5, \"loss\": 9}");
    age("run/checkpoint-2886/trainer_state.json", 0);
    age("status.json", 300);
    json_t *o = read_all("status.json", one, 1);
    assert_string_equal(text(o, "source"), "training_status.json");
    /* What it lacks comes from the next source, which is named. */
    assert_true(number(o, "total_steps") == 4500);
    assert_string_equal(text(json_object_get(o, "from"), "total_steps"), "trainer_state.json");
    json_decref(o);
    /* But a loss that became NaN is not hidden behind an older one. */
    temp_text("status.json", "{\"current_step\": 5, \"loss\": NaN}");
    age("status.json", 300);
    o = read_all("status.json", one, 1);
    unknown_because(o, "loss", "NaN");
    json_decref(o);
    age("status.json", 3600);
    o = read_all("status.json", one, 1);
    assert_string_equal(text(o, "source"), "trainer_state.json");
    assert_true(number(o, "current_step") == 2886);
    assert_true(warned(o, "60 minutes older"));
    json_decref(o);
}

static void a_broken_file_is_a_warning_and_the_next_source_counts(void **state)
{
    (void)state;
    static const char *const both[] = {"run/checkpoint-2886", "run/checkpoint-4500"};
    temp_copy_folder("run_a/checkpoints/checkpoint-2886", both[0]);
    temp_mkdir(both[1]);
    temp_text("run/checkpoint-4500/trainer_state.json", "{\"global_step\": ");
    temp_text("status.json", "{\"current_step\": 12");
    json_t *o = read_all("status.json", both, 2);
    assert_string_equal(text(o, "source"), "trainer_state.json");
    assert_true(number(o, "current_step") == 2886);
    assert_true(warned(o, "training_status.json") && warned(o, "trainer_state.json"));
    json_decref(o);
    /* Too large to be read. */
    temp_text("status.json", "{}");
    assert_int_equal(truncate(temp_path("status.json"), (off_t)PR_TRAINING_STATUS_MAX + 1), 0);
    o = read_all("status.json", NULL, 0);
    assert_true(json_is_null(json_object_get(o, "source")));
    assert_true(warned(o, "at most"));
    json_decref(o);
}

static void nothing_at_all_is_said_to_be_so(void **state)
{
    (void)state;
    json_t *o = read_all("status.json", NULL, 0);
    assert_true(json_is_null(json_object_get(o, "source")));
    unknown_because(o, "current_step", "no training was found");
    unknown_because(o, "age_seconds", "no time");
    assert_int_equal(json_array_size(json_object_get(o, "history")), 0);
    json_decref(o);
}

/* ---- event files ---- */

static void put_varint(struct pr_str *s, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        pr_str_putc(s, (char)(v | 0x80));
    pr_str_putc(s, (char)v);
}

static void put_bytes(struct pr_str *s, unsigned field, const char *bytes, size_t n)
{
    put_varint(s, field << 3 | 2);
    put_varint(s, n);
    pr_str_append(s, bytes, n);
}

static void put_record(struct pr_str *file, const struct pr_str *m)
{
    uint64_t n = m->len;
    uint32_t head = pr_tfrecord_crc(&n, 8), body = pr_tfrecord_crc(pr_str_cstr(m), m->len);
    pr_str_append(file, (const char *)&n, 8);
    pr_str_append(file, (const char *)&head, 4);
    pr_str_append(file, pr_str_cstr(m), m->len);
    pr_str_append(file, (const char *)&body, 4);
}

static void put_scalar(struct pr_str *file, double time, int64_t step, const char *tag, float x)
{
    struct pr_str v = PR_STR_INIT(1000), summary = PR_STR_INIT(1000), m = PR_STR_INIT(1000);
    if (tag) {
        put_bytes(&v, 1, tag, strlen(tag));
        put_varint(&v, 2 << 3 | 5);
        pr_str_append(&v, (const char *)&x, 4);
        put_bytes(&summary, 1, pr_str_cstr(&v), v.len);
    }
    put_varint(&m, 1 << 3 | 1);
    pr_str_append(&m, (const char *)&time, 8);
    put_varint(&m, 2 << 3);
    put_varint(&m, (uint64_t)step);
    if (tag)
        put_bytes(&m, 5, pr_str_cstr(&summary), summary.len);
    else
        put_bytes(&m, 3, "brain.Event:2", 13);
    put_record(file, &m);
    pr_str_done(&v);
    pr_str_done(&summary);
    pr_str_done(&m);
}

static void event_files_tell_what_the_others_lack(void **state)
{
    (void)state;
    struct pr_str f = PR_STR_INIT(1 << 20), late = PR_STR_INIT(1 << 16);
    double start = (double)NOW / 1000 - 1000;
    put_scalar(&f, start, 0, NULL, 0);
    for (int64_t step = 1; step <= 700; step++) {
        put_scalar(&f, start + (double)step, step, "train/loss", 1.0f / (float)step);
        put_scalar(&f, start + (double)step, step, "train/learning_rate", 0.5f);
    }
    temp_mkdir("run/runs/Nov24_host");
    temp_write("run/runs/Nov24_host/events.out.tfevents.1.host.1.0", f.data, f.len);
    age("run/runs/Nov24_host/events.out.tfevents.1.host.1.0", 20);
    put_scalar(&late, start, 0, NULL, 0);
    put_scalar(&late, start + 700, 700, "eval/loss", 0.25f);
    temp_write("run/runs/Nov24_host/events.out.tfevents.2.host.1.1", late.data, late.len);
    age("run/runs/Nov24_host/events.out.tfevents.2.host.1.1", 10);
    json_t *o = read_all("status.json", NULL, 0);
    assert_string_equal(text(o, "source"), "events");
    assert_true(number(o, "current_step") == 700 && number(o, "eval_loss") == 0.25);
    assert_true(number(o, "learning_rate") == 0.5);
    assert_true(fabs(number(o, "steps_per_second") - 1) < 1e-9);
    unknown_because(o, "total_steps", "no source");
    unknown_because(o, "eta_seconds", "not known");
    const json_t *history = json_object_get(o, "history");
    assert_int_equal(json_array_size(history), PR_TRAINING_HISTORY);
    assert_true(number(json_array_get(history, 0), "step") == 1);
    const json_t *last = json_array_get(history, PR_TRAINING_HISTORY - 1);
    assert_true(number(last, "step") == 700 && number(last, "eval_loss") == 0.25);
    json_decref(o);
    /* Beside a state that is behind, it says where the training is by now. */
    static const char *const one[] = {"run/checkpoint-500"};
    temp_mkdir(one[0]);
    temp_text("run/checkpoint-500/trainer_state.json",
        "{\"global_step\": 500, \"max_steps\": 1000, \"log_history\": []}");
    age("run/checkpoint-500/trainer_state.json", 200);
    o = read_all("status.json", one, 1);
    assert_string_equal(text(o, "source"), "trainer_state.json");
    assert_true(number(o, "current_step") == 500);
    assert_true(number(o, "eta_seconds") == 500);
    assert_true(number(json_object_get(o, "latest_logged"), "step") == 700);
    json_decref(o);
    /* A broken one is a warning. */
    f.data[f.len / 2] ^= 1;
    temp_write("run/runs/Nov24_host/events.out.tfevents.1.host.1.0", f.data, f.len);
    o = read_all("status.json", NULL, 0);
    assert_true(warned(o, "events.out.tfevents.1"));
    json_decref(o);
    pr_str_done(&f);
    pr_str_done(&late);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_trainers_own_file_goes_first),
        TEST(what_is_no_number_is_null_with_a_reason),
        TEST(a_plain_trainer_needs_no_file_of_its_own),
        TEST(tokens_and_the_end_are_seen_in_a_state),
        TEST(a_file_left_behind_gives_way_to_the_newer_state),
        TEST(a_broken_file_is_a_warning_and_the_next_source_counts),
        TEST(nothing_at_all_is_said_to_be_so),
        TEST(event_files_tell_what_the_others_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
