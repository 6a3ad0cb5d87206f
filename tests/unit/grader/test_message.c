/* Messages: nothing is lost on the way, and nothing impossible is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "grader/frame.h"
#include "grader/message.h"
#include "grader/wire.h"

static struct pr_example example = {.digest = {0xab, 0xcd}};

static struct pr_grade an_answer(void)
{
    return (struct pr_grade){.example = &example,
        .graded = true,
        .answer_tokens = 3,
        .nll = 0.1 + 0.2,
        .loss = (0.1 + 0.2) / 3,
        .answer = pr_strndup("a\0b\xc3\xa9", 5),
        .answer_len = 5,
        .output = pr_strdup("<think>\n</think>ab"),
        .output_len = 18,
        .correct = PR_VERDICT_WRONG,
        .confidence = 0.99951171875,
        .confidence_all = 1.0 / 3,
        .finish = pr_grade_finish("stop"),
        .well_formed = true,
        .think = true,
        .output_tokens = 7};
}

static struct pr_grade a_choice(void)
{
    struct pr_grade g = {.example = &example,
        .graded = true,
        .answer_tokens = 1,
        .nll = 1e-300,
        .loss = 1e-300,
        .answer = pr_strdup("yes"),
        .answer_len = 3,
        .correct = PR_VERDICT_RIGHT,
        .correct_per_length = PR_VERDICT_WRONG,
        .confidence = 0.5,
        .confidence_all = 0.5,
        .finish = pr_grade_finish("choice"),
        .well_formed = true,
        .n_choices = 3,
        .chosen = 2,
        .chosen_per_length = 1};
    g.choices = pr_zalloc(3 * sizeof *g.choices);
    g.choices[0] = (struct pr_choice_score){-1.5, 2};
    g.choices[1] = (struct pr_choice_score){NAN, 0};
    g.choices[2] = (struct pr_choice_score){-1e-300, 1};
    return g;
}

static struct pr_grade ungraded(void)
{
    return (struct pr_grade){.example = &example,
        .reason = pr_strdup("prompt and answer have 600 tokens, the model takes 512"),
        .nll = NAN,
        .loss = NAN,
        .confidence = NAN,
        .confidence_all = NAN};
}

static struct pr_grade a_bad_number(void)
{
    return (struct pr_grade){.example = &example,
        .graded = true,
        .answer_tokens = 2,
        .nll = NAN,
        .loss = NAN,
        .loss_reason = pr_strdup("NaN or infinity in the model's output"),
        .bad_number = true,
        .correct_reason = pr_strdup("NaN or infinity in the model's output"),
        .confidence = NAN,
        .confidence_all = NAN};
}

static struct pr_grade (*const makers[])(void) = {an_answer, a_choice, ungraded, a_bad_number};
#define N_MAKERS (sizeof makers / sizeof *makers)

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a);
}

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same(const struct pr_grade *a, const struct pr_grade *b)
{
    assert_int_equal(a->graded, b->graded);
    assert_text(a->reason, b->reason);
    assert_int_equal(a->answer_tokens, b->answer_tokens);
    assert_true(same(a->nll, b->nll) && same(a->loss, b->loss));
    assert_text(a->loss_reason, b->loss_reason);
    assert_int_equal(a->bad_number, b->bad_number);
    assert_int_equal(a->answer_len, b->answer_len);
    assert_int_equal(a->output_len, b->output_len);
    assert_int_equal(a->answer == NULL, b->answer == NULL);
    if (a->answer)
        assert_memory_equal(a->answer, b->answer, a->answer_len);
    assert_text(a->output, b->output);
    assert_int_equal(a->correct, b->correct);
    assert_text(a->correct_reason, b->correct_reason);
    assert_true(same(a->confidence, b->confidence) && same(a->confidence_all, b->confidence_all));
    assert_ptr_equal(a->finish, b->finish);
    assert_int_equal(a->truncated, b->truncated);
    assert_int_equal(a->empty, b->empty);
    assert_int_equal(a->well_formed, b->well_formed);
    assert_int_equal(a->think, b->think);
    assert_int_equal(a->output_tokens, b->output_tokens);
    assert_int_equal(a->n_choices, b->n_choices);
    for (size_t i = 0; i < a->n_choices; i++) {
        assert_true(same(a->choices[i].log_likelihood, b->choices[i].log_likelihood));
        assert_int_equal(a->choices[i].tokens, b->choices[i].tokens);
    }
    assert_int_equal(a->chosen, b->chosen);
    assert_int_equal(a->chosen_per_length, b->chosen_per_length);
    assert_int_equal(a->correct_per_length, b->correct_per_length);
}

/* A message as it arrives: written to a frame and read from it. */
static json_t *sent(const struct pr_grade *g)
{
    struct pr_str bytes = PR_STR_INIT(1 << 20);
    json_t *m = pr_wire_message("grade"), *back = NULL;
    size_t used;
    pr_message_put_grade(m, g);
    pr_frame_append(&bytes, m);
    assert_int_equal(pr_frame_parse(bytes.data, bytes.len, &back, &used, NULL), PR_OK);
    json_decref(m);
    pr_str_done(&bytes);
    return back;
}

static void a_grade_loses_nothing_on_the_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MAKERS; i++) {
        struct pr_grade g = makers[i](), back;
        char digest[65];
        struct pr_error e;
        json_t *m = sent(&g);
        if (pr_message_get_grade(m, &back, digest, &e))
            fail_msg("%s", e.message);
        assert_same(&g, &back);
        assert_null(back.example);
        assert_memory_equal(digest, "abcd0000", 8);
        json_decref(m);
        pr_grade_done(&g);
        pr_grade_done(&back);
    }
}

static void assert_refused(const json_t *m)
{
    struct pr_grade back;
    char digest[65];
    struct pr_error e;
    assert_int_equal(pr_message_get_grade(m, &back, digest, &e), PR_E_FORMAT);
    assert_true(!strncmp(e.message, "grade: ", 7));
}

static void a_field_that_is_missing_or_of_another_type_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MAKERS; i++) {
        struct pr_grade g = makers[i]();
        json_t *m = sent(&g), *v;
        const char *key;
        json_object_foreach (m, key, v) {
            json_t *without = json_deep_copy(m), *other = json_deep_copy(m);
            if (strcmp(key, "type") != 0) {
                json_object_del(without, key);
                json_object_set_new(other, key, json_pack("{s: i}", "a", 1));
                assert_refused(without);
                assert_refused(other);
            }
            json_decref(without);
            json_decref(other);
        }
        json_decref(m);
        pr_grade_done(&g);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const lies[] = {
        "{\"loss\": -0.5}",
        "{\"loss\": 5}", /* not nll / answer_tokens */
        "{\"loss\": null}",
        "{\"nll\": null, \"loss\": null}", /* and no reason */
        "{\"loss_reason\": \"known nevertheless\"}",
        "{\"answer_tokens\": 0}",
        "{\"answer_tokens\": -1}",
        "{\"answer_tokens\": 1e300}",
        "{\"output_tokens\": 99999999999}",
        "{\"confidence\": 1.5}",
        "{\"confidence\": -0.1}",
        "{\"graded\": false}",
        "{\"finish\": \"tired\"}",
        "{\"finish\": null}", /* a verdict without an answer */
        "{\"truncated\": true, \"correct\": true}",
        "{\"example\": \"ABCD\"}",
        "{\"example\": \"../../../../etc/passwd/../../../../etc/passwd/../../../../etc/passw\"}",
        "{\"correct_reason\": \"two\\nlines\"}",
        "{\"correct_reason\": \"\\u001b[2J\"}",
        "{\"choices\": []}",
        "{\"choices\": [{\"log_likelihood\": 0, \"tokens\": 1}]}",
        "{\"choices\": [1, 2], \"chosen\": 0}",
        "{\"choices\": [{\"log_likelihood\": -1, \"tokens\": 1}, {\"log_likelihood\": -2, "
        "\"tokens\": 1}], \"chosen\": 2, \"chosen_per_length\": 0, \"correct_per_length\": null, "
        "\"output\": null}",
        "{\"choices\": [{\"log_likelihood\": 7, \"tokens\": 1}, {\"log_likelihood\": -2, "
        "\"tokens\": 1}], \"chosen\": 1, \"chosen_per_length\": 0, \"correct_per_length\": null, "
        "\"output\": null}",
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct pr_grade g = an_answer();
        json_t *m = sent(&g), *lie = NULL;
        assert_int_equal(
            pr_json_parse(lies[i], strlen(lies[i]), PR_JSON_NUL, NULL, &lie, NULL, NULL), PR_OK);
        json_object_update(m, lie);
        struct pr_grade back;
        char digest[65];
        if (!pr_message_get_grade(m, &back, digest, NULL))
            fail_msg("believed: %s", lies[i]);
        assert_refused(m);
        json_decref(lie);
        json_decref(m);
        pr_grade_done(&g);
    }
}

static json_t *an_opened(void)
{
    static const char text[] =
        "{\"type\":\"opened\","
        "\"fingerprint\":\"4b61951d87a21e063a78c7123c6a9bdda59d4c00afe195604fc7b4ef1614cd5d\","
        "\"step\":-1,\"run\":\"c81307ebf981dacf\",\"history\":\"\",\"weight_bytes\":1,"
        "\"parameters\":2,\"notes\":[\"a note\"],\"bad_weights\":[],\"settings\":{\"a\":0.1},"
        "\"settings_fingerprint\":"
        "\"e2e46d7f2a7c1c63e0a83d4a47fbb4c9d1a12f04ef6d2ea4ea1ef4d6e6b0a6d2\",\"sandbox\":\"s\"}";
    json_t *m = NULL;
    assert_int_equal(
        pr_json_parse(text, sizeof text - 1, PR_JSON_STRICT, NULL, &m, NULL, NULL), PR_OK);
    struct pr_str canonical = PR_STR_INIT(1000);
    uint8_t hash[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_json_dump_canonical(json_object_get(m, "settings"), &canonical);
    pr_sha256(canonical.data, canonical.len, hash);
    pr_sha256_hex(hash, hex);
    pr_json_set_str(m, "settings_fingerprint", hex);
    pr_str_done(&canonical);
    return m;
}

static void what_opening_told_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } lies[] = {
        {"fingerprint", "\"4b\""},
        {"step", "-2"},
        {"run", "\"\""},
        {"history", "\"x\""},
        {"weight_bytes", "-1"},
        {"notes", "[\"two\\nlines\"]"},
        {"notes", "[1]"},
        {"bad_weights", "null"},
        {"settings", "{\"a\":0.2}"}, /* not what the fingerprint is of */
        {"settings", "[]"},
        {"settings_fingerprint", "\"\""},
        {"sandbox", "\"\\u001b\""},
    };
    struct pr_grader_opened o = {0};
    struct pr_error e;
    json_t *m = an_opened();
    if (pr_wire_get_opened(m, &o, &e))
        fail_msg("%s", e.message);
    assert_int_equal(o.origin.step, -1);
    assert_int_equal(json_array_size(o.notes), 1);
    assert_null(o.bad_weights);
    json_decref(m);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        json_t *v = NULL;
        m = an_opened();
        assert_int_equal(
            pr_json_parse(lies[i].value, strlen(lies[i].value), PR_JSON_ANY, NULL, &v, NULL, NULL),
            PR_OK);
        pr_json_set(m, lies[i].key, v);
        if (!pr_wire_get_opened(m, &o, &e))
            fail_msg("believed: %s %s", lies[i].key, lies[i].value);
        assert_int_equal(e.code, PR_E_FORMAT);
        json_decref(m);
    }
}

static void a_task_arrives_as_it_was_sent(void **state)
{
    (void)state;
    const char *bases[1][2] = {{"Qwen/Qwen3-0.6B", "/models/qwen"}};
    json_t *vars = json_pack("{s: b}", "enable_thinking", 0);
    struct pr_grader_options o = {.path = "/run/checkpoint-7",
        .bases = (const char *const(*)[2])bases,
        .n_bases = 1,
        .template_vars = vars,
        .now_utc_ms = 1767225600000,
        .max_new_tokens = 77,
        .dtype = "bf16",
        .n_threads = 3,
        .kv_bytes = 1 << 26,
        .max_memory = (uint64_t)1 << 40,
        .nice = 7,
        .cpu_percent = 50,
        .scan = true,
        .allow_commands = true};
    struct pr_wire_task t = {0};
    struct pr_error e;
    json_t *hello = pr_wire_put_hello(&o, 42), *open = pr_wire_put_open(&o);
    if (pr_wire_get_hello(hello, &t, &e) || pr_wire_get_open(open, &t, &e))
        fail_msg("%s", e.message);
    assert_int_equal(t.parent, 42);
    assert_string_equal(t.path, o.path);
    assert_int_equal(t.n_bases, 1);
    assert_string_equal(t.bases[0][0], bases[0][0]);
    assert_string_equal(t.bases[0][1], bases[0][1]);
    assert_true(json_equal(t.template_vars, vars));
    assert_int_equal(t.now_utc_ms, o.now_utc_ms);
    assert_int_equal(t.max_new_tokens, 77);
    assert_int_equal(t.math, PR_MATH_BF16);
    assert_int_equal(t.n_threads, 3);
    assert_int_equal(t.kv_bytes, o.kv_bytes);
    assert_int_equal(t.max_memory, o.max_memory);
    assert_int_equal(t.nice, 7);
    assert_int_equal(t.cpu_percent, 50);
    assert_true(t.scan && t.allow_commands);
    pr_wire_task_done(&t);
    json_decref(hello);
    json_decref(open);
    json_decref(vars);
}

static void an_error_keeps_its_code(void **state)
{
    (void)state;
    struct pr_error why, back, e;
    int64_t order;
    pr_fail(&why, PR_E_CHANGED, "model.safetensors: the file is gone");
    json_t *m = pr_wire_put_failed(0, &why);
    assert_int_equal(pr_wire_get_failed(m, &order, &back, &e), PR_OK);
    assert_int_equal(order, 0);
    assert_int_equal(back.code, PR_E_CHANGED);
    assert_string_equal(back.message, why.message);
    pr_json_set_str(m, "message", "\x1b[2J");
    assert_int_equal(pr_wire_get_failed(m, &order, &back, &e), PR_OK);
    assert_string_equal(back.message, "?[2J");
    pr_json_set_str(m, "code", "ok");
    assert_int_equal(pr_wire_get_failed(m, &order, &back, &e), PR_E_FORMAT);
    json_decref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grade_loses_nothing_on_the_way),
        cmocka_unit_test(a_field_that_is_missing_or_of_another_type_is_refused),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(what_opening_told_is_checked),
        cmocka_unit_test(a_task_arrives_as_it_was_sent),
        cmocka_unit_test(an_error_keeps_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
