/* proctor.yaml: what is read, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/config.h"

static struct pr_error e;

static enum pr_code parse(const char *text, struct pr_config *c)
{
    return pr_config_parse(text, strlen(text), "proctor.yaml", "/base", c, &e);
}

static void refused(const char *text, const char *message)
{
    struct pr_config c;
    assert_int_not_equal(parse(text, &c), PR_OK);
    assert_string_equal(e.message, message);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "# nothing\n", "eval:\n", "eval:\n  dtype:\n", "---\n"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct pr_config c;
        assert_int_equal(parse(empty[i], &c), PR_OK);
        assert_int_equal(c.max_new_tokens, 512);
        assert_string_equal(c.dtype, "auto");
        assert_string_equal(c.date, "2026-01-01");
        assert_false(c.date_given);
        assert_false(c.allow_commands);
        assert_int_equal(json_object_size(c.variables), 0);
        pr_config_done(&c);
    }
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(
        parse("models:\n"
              "  bases:\n    Qwen/Qwen3-0.6B: qwen\n    other: /abs\n"
              "  current: runs/a\n"
              "template:\n"
              "  variables: {enable_thinking: false, effort: 3, name: 'true', x: 1.5}\n"
              "  date: 2025-03-04\n"
              "eval:\n  max_new_tokens: 64\n  dtype: f32\n  threads: 2\n"
              "  allow_commands: true\n",
            &c),
        PR_OK);
    assert_int_equal(c.n_bases, 2);
    assert_string_equal(c.bases[0][0], "Qwen/Qwen3-0.6B");
    assert_string_equal(c.bases[0][1], "/base/qwen");
    assert_string_equal(c.bases[1][1], "/abs");
    assert_string_equal(c.current, "/base/runs/a");
    assert_true(json_is_false(json_object_get(c.variables, "enable_thinking")));
    assert_int_equal(json_integer_value(json_object_get(c.variables, "effort")), 3);
    assert_string_equal(json_string_value(json_object_get(c.variables, "name")), "true");
    assert_true(json_is_real(json_object_get(c.variables, "x")));
    assert_string_equal(c.date, "2025-03-04");
    assert_true(c.date_given);
    assert_int_equal(c.max_new_tokens, 64);
    assert_string_equal(c.dtype, "f32");
    assert_int_equal(c.threads, 2);
    assert_true(c.allow_commands);
    pr_config_done(&c);
}

static void an_unknown_key_is_named_with_its_line_and_a_suggestion(void **state)
{
    (void)state;
    refused("eval:\n  dtype: f32\n  thraeds: 2\n",
        "proctor.yaml:3: unknown key 'eval.thraeds'; did you mean 'threads'?");
    refused("\nevla:\n  dtype: f32\n", "proctor.yaml:2: unknown key 'evla'; did you mean 'eval'?");
    refused("colour: red\n", "proctor.yaml:1: unknown key 'colour'");
}

static void a_wrong_value_is_named_with_its_line_and_what_was_expected(void **state)
{
    (void)state;
    refused("eval:\n  threads: many\n",
        "proctor.yaml:2: eval.threads: a whole number from 0 to 4096 was expected");
    refused("eval:\n  threads: 5000\n",
        "proctor.yaml:2: eval.threads: a whole number from 0 to 4096 was expected");
    refused("eval:\n  dtype: f16\n", "proctor.yaml:2: eval.dtype: f32|bf16|auto was expected");
    refused("eval:\n  allow_commands: 'true'\n",
        "proctor.yaml:2: eval.allow_commands: true or false was expected");
    refused("template:\n  date: 2026-02-30\n",
        "proctor.yaml:2: template.date: a date such as 2026-01-31 was expected");
    refused("models:\n  bases: [a]\n",
        "proctor.yaml:2: models.bases: a map of names to folders was expected");
    refused("eval: 3\n", "proctor.yaml:1: 'eval' holds keys of its own, indented below it");
    refused("- a\n", "proctor.yaml:1: keys were expected, such as 'eval:'");
}

static void hostile_yaml_is_refused(void **state)
{
    (void)state;
    struct pr_config c;
    refused("eval:\n  dtype: f32\n  dtype: f32\n",
        "proctor.yaml:3: key 'dtype' was already given on line 2");
    refused("template:\n  variables: &a {x: *a}\n",
        "proctor.yaml:2: anchors and aliases are not supported");
    refused("eval: {}\n---\neval: {}\n", "proctor.yaml:3: a second document; one was expected");
    assert_int_equal(parse("eval: [\n", &c), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "proctor.yaml:2: not valid YAML"));
    char deep[2100];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    assert_int_not_equal(parse(deep, &c), PR_OK);
    assert_int_equal(parse("a: \"\xff\"\n", &c), PR_E_FORMAT);
}

static void equal(const struct pr_config *a, const struct pr_config *b)
{
    char ha[65], hb[65];
    pr_config_grading_fingerprint(a, ha);
    pr_config_grading_fingerprint(b, hb);
    assert_string_equal(ha, hb);
    assert_int_equal(a->n_bases, b->n_bases);
    assert_true(!a->current == !b->current && !a->reference == !b->reference);
    assert_string_equal(a->role, b->role);
    assert_string_equal(a->log_level, b->log_level);
    assert_true(json_equal(a->disabled, b->disabled));
    assert_true(json_equal(a->intervals, b->intervals));
    assert_memory_equal(&a->settings, &b->settings, sizeof a->settings);
    /* the plain fields between the text ones */
    assert_int_equal(a->threads, b->threads);
    assert_memory_equal(&a->scan_seconds, &b->scan_seconds,
        offsetof(struct pr_config, log_level) - offsetof(struct pr_config, scan_seconds));
    assert_memory_equal(&a->log_max_mb, &b->log_max_mb,
        offsetof(struct pr_config, settings) - offsetof(struct pr_config, log_max_mb));
}

/* Taking the # from every key of the default file must give the defaults again. */
static void the_default_file_states_the_defaults(void **state)
{
    (void)state;
    struct pr_str text = PR_STR_INIT(1 << 18), plain = PR_STR_INIT(1 << 18);
    struct pr_config defaults, c;
    size_t keys = 0;
    pr_config_default_file(&text);
    assert_int_equal(parse("", &defaults), PR_OK);
    assert_int_equal(parse(pr_str_cstr(&text), &c), PR_OK);
    equal(&defaults, &c);
    pr_config_done(&c);
    for (const char *line = pr_str_cstr(&text); *line; line += strcspn(line, "\n") + 1) {
        bool key = !strncmp(line, "  #", 3) && line[3] != ' ';
        if (key)
            pr_str_puts(&plain, "  ");
        pr_str_append(&plain, line + 3 * key, strcspn(line, "\n") + 1 - 3 * key);
        keys += key;
    }
    if (parse(pr_str_cstr(&plain), &c))
        fail_msg("%s\n%s", e.message, pr_str_cstr(&plain));
    assert_int_equal(keys, 40);
    equal(&defaults, &c);
    assert_true(c.date_given);
    pr_config_done(&c);
    pr_config_done(&defaults);
    pr_str_done(&text);
    pr_str_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_unknown_key_is_named_with_its_line_and_a_suggestion),
        cmocka_unit_test(a_wrong_value_is_named_with_its_line_and_what_was_expected),
        cmocka_unit_test(hostile_yaml_is_refused),
        cmocka_unit_test(the_default_file_states_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
