/* Command lines: what is understood, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/commands.h"

static const struct pr_option options[] = {
    {"json", NULL, "as JSON", NULL, PR_OPT_FLAG},
    {"dtype", "f32|bf16|auto", "arithmetic", "auto", PR_OPT_CHOICE},
    {"count", "N", "how many", "5", PR_OPT_INT, 1, 100},
    {"temperature", "T", "heat", NULL, PR_OPT_REAL, 0, 10},
    {"var", "NAME=VALUE", "a variable", NULL, PR_OPT_LIST},
    {"suite", "FILE", "files", NULL, PR_OPT_FILES},
};
static const struct pr_command command = {.name = "try",
    .arguments = "DIR",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 2};

static struct pr_error e;

#define PARSE(args, ...)                                                                           \
    pr_args_parse(args, &command, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),          \
        (const char *[]){__VA_ARGS__}, &e)
#define REFUSED(said, ...)                                                                         \
    do {                                                                                           \
        struct pr_args a_ = {0};                                                                   \
        assert_int_equal(PARSE(&a_, __VA_ARGS__), PR_E_USAGE);                                     \
        assert_string_equal(e.message, said);                                                      \
        pr_args_done(&a_);                                                                         \
    } while (0)

static void both_ways_of_giving_a_value_are_the_same(void **state)
{
    (void)state;
    struct pr_args a = {0};
    assert_int_equal(
        PARSE(&a, "--dtype=f32", "dir", "--count", "7", "--temperature=0.5", "--json"), 0);
    assert_string_equal(pr_args_text(&a, "dtype"), "f32");
    assert_int_equal(pr_args_int(&a, "count", 0), 7);
    assert_true(pr_args_real(&a, "temperature", 0) == 0.5);
    assert_true(pr_args_flag(&a, "json"));
    assert_int_equal(a.n_positional, 1);
    assert_string_equal(a.positional[0], "dir");
    pr_args_done(&a);
}

static void defaults_hold_where_nothing_is_given_and_the_last_value_counts(void **state)
{
    (void)state;
    struct pr_args a = {0};
    assert_int_equal(PARSE(&a, "dir", "--dtype=bf16", "--dtype=f32"), 0);
    assert_string_equal(pr_args_text(&a, "dtype"), "f32");
    assert_int_equal(pr_args_int(&a, "count", 0), 5);
    assert_false(pr_args_flag(&a, "json"));
    assert_null(pr_args_text(&a, "suite"));
    assert_false(pr_args_given(&a, "count"));
    pr_args_done(&a);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    struct pr_args a = {0};
    assert_int_equal(PARSE(&a, "--", "--json", "-"), 0);
    assert_int_equal(a.n_positional, 2);
    assert_string_equal(a.positional[0], "--json");
    pr_args_done(&a);
}

static void files_after_a_file_option_belong_to_it_and_folders_do_not(void **state)
{
    (void)state;
    struct pr_args a = {0};
    size_t n;
    assert_int_equal(PARSE(&a, "--suite", "/etc/passwd", "/etc/group", "gone.jsonl", "/etc"), 0);
    const char *const *files = pr_args_list(&a, "suite", &n);
    assert_int_equal(n, 3);
    assert_string_equal(files[2], "gone.jsonl");
    assert_int_equal(a.n_positional, 1);
    assert_string_equal(a.positional[0], "/etc");
    pr_args_done(&a);
}

static void an_option_may_repeat_where_it_is_a_list(void **state)
{
    (void)state;
    struct pr_args a = {0};
    size_t n;
    assert_int_equal(PARSE(&a, "dir", "--var", "a=1", "--var=b=--2"), 0);
    const char *const *vars = pr_args_list(&a, "var", &n);
    assert_int_equal(n, 2);
    assert_string_equal(vars[1], "b=--2");
    pr_args_done(&a);
}

static void help_wins_over_what_is_missing(void **state)
{
    (void)state;
    struct pr_args a = {0};
    assert_int_equal(PARSE(&a, "--help"), 0);
    assert_true(a.help);
    pr_args_done(&a);
}

static void wrong_usage_is_named(void **state)
{
    (void)state;
    REFUSED("unknown option --dtyp; did you mean --dtype?", "dir", "--dtyp=f32");
    REFUSED("unknown option --colour; 'proctor help try' lists those it takes", "dir", "--colour");
    REFUSED("unknown option -x; options begin with two dashes", "dir", "-x");
    REFUSED("--dtype: 'f16' is not one of f32|bf16|auto", "dir", "--dtype", "f16");
    REFUSED("--dtype: '' is not one of f32|bf16|auto", "dir", "--dtype=");
    REFUSED("--dtype needs a value: --dtype f32|bf16|auto", "dir", "--dtype");
    REFUSED("--dtype needs a value: --dtype f32|bf16|auto", "dir", "--dtype", "--json");
    REFUSED("--json takes no value", "dir", "--json=yes");
    REFUSED("--count: '0' is not a whole number from 1 to 100", "dir", "--count", "0");
    REFUSED("--count: '1e1' is not a whole number from 1 to 100", "dir", "--count", "1e1");
    REFUSED("--count: '99999999999999999999' is not a whole number from 1 to 100", "dir",
        "--count=99999999999999999999");
    REFUSED("--temperature: 'nan' is not a number from 0 to 10", "dir", "--temperature", "nan");
    REFUSED("an argument is missing: proctor try DIR", "--json");
    REFUSED("'c' is one argument too many: proctor try DIR", "a", "b", "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_of_giving_a_value_are_the_same),
        cmocka_unit_test(defaults_hold_where_nothing_is_given_and_the_last_value_counts),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(files_after_a_file_option_belong_to_it_and_folders_do_not),
        cmocka_unit_test(an_option_may_repeat_where_it_is_a_list),
        cmocka_unit_test(help_wins_over_what_is_missing),
        cmocka_unit_test(wrong_usage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
