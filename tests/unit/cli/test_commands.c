/* Polices the table of commands: what commands.h asks of a command is checked here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "systems/system.h"

static const struct pr_command *const *table;
static size_t n_commands;

static char *read_source(const char *name)
{
    struct pr_error e;
    char *path = pr_path_join(PR_SOURCE_ROOT, name), *text = NULL;
    size_t n;
    if (pr_file_read(AT_FDCWD, path, 1 << 20, &text, &n, &e))
        fail_msg("%s", e.message);
    pr_free(path);
    return text;
}

static void every_command_explains_itself_with_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++) {
        const struct pr_command *c = table[i];
        struct pr_str start = PR_STR_INIT(64);
        pr_str_printf(&start, "proctor %s", c->name);
        assert_non_null(c->run);
        assert_in_range(strlen(c->summary), 10, 70);
        assert_true(strlen(c->about) > 20);
        assert_true(c->max_args >= c->min_args);
        assert_non_null(c->examples[0].command);
        for (size_t k = 0; k < PR_MAX_EXAMPLES && c->examples[k].command; k++)
            if (!strstr(c->examples[k].command, start.data) || !c->examples[k].what)
                fail_msg("%s: example '%s'", c->name, c->examples[k].command);
        pr_str_done(&start);
    }
}

static void every_option_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++) {
        for (size_t k = 0; k < table[i]->n_options; k++) {
            const struct pr_option *o = &table[i]->options[k];
            bool number = o->kind == PR_OPT_INT || o->kind == PR_OPT_REAL;
            if (!o->help || o->help[strlen(o->help) - 1] == '.' || !strcmp(o->name, "help") ||
                strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(o->name) ||
                (o->kind == PR_OPT_FLAG) != !o->arg || (number && o->min >= o->max))
                fail_msg("%s: option --%s", table[i]->name, o->name);
            for (size_t other = 0; other < k; other++)
                assert_string_not_equal(o->name, table[i]->options[other].name);
        }
    }
}

static void every_default_passes_its_own_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++) {
        for (size_t k = 0; k < table[i]->n_options; k++) {
            const struct pr_option *o = &table[i]->options[k];
            if (!o->fallback)
                continue;
            struct pr_str word = PR_STR_INIT(256);
            struct pr_args a = {0};
            struct pr_command alone = *table[i];
            struct pr_error e;
            alone.min_args = 0;
            pr_str_printf(&word, "--%s=%s", o->name, o->fallback);
            if (pr_args_parse(&a, &alone, 1, (const char *[]){word.data}, &e))
                fail_msg("%s: %s", alone.name, e.message);
            pr_args_done(&a);
            pr_str_done(&word);
        }
    }
}

static void docs_are_what_the_table_says(void **state)
{
    (void)state;
    char *docs = read_source("docs/commands.md");
    for (size_t i = 0; i < n_commands; i++) {
        struct pr_str help = PR_STR_INIT(1 << 16);
        pr_help_command(table[i], 100, &help);
        if (!strstr(docs, pr_str_cstr(&help)))
            fail_msg("docs/commands.md: section '%s' is not what 'proctor help --markdown' prints",
                table[i]->name);
        pr_str_done(&help);
    }
    pr_free(docs);
}

static void every_command_has_an_integration_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++) {
        struct pr_str name = PR_STR_INIT(256);
        /* The systems' commands are one and the same: tests/integration/cli_system.py. */
        pr_str_printf(&name, "%s/tests/integration/cli_%s.py", PR_SOURCE_ROOT,
            pr_system_find(table[i]->name) ? "system" : table[i]->name);
        for (char *c = strrchr(name.data, '/'); (c = strchr(c, '-'));)
            *c = '_';
        if (!pr_path_exists(name.data))
            fail_msg("%s is missing", name.data);
        pr_str_done(&name);
    }
}

static void help_keeps_to_its_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++) {
        struct pr_str help = PR_STR_INIT(1 << 16);
        pr_help_command(table[i], 80, &help);
        assert_false(help.over);
        const char *line = strstr(help.data, "\nOptions:\n"),
                   *end = strstr(help.data, "\nExamples:\n");
        for (; line < end; line = strchr(line, '\n') + 1) {
            size_t columns = 0;
            for (const char *s = line; *s != '\n'; s++)
                columns += ((unsigned char)*s & 0xc0) != 0x80;
            if (columns > 80)
                fail_msg("%s: '%.*s'", table[i]->name, (int)strcspn(line, "\n"), line);
        }
        pr_str_done(&help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_explains_itself_with_examples),
        cmocka_unit_test(every_option_is_well_formed),
        cmocka_unit_test(every_default_passes_its_own_check),
        cmocka_unit_test(docs_are_what_the_table_says),
        cmocka_unit_test(every_command_has_an_integration_test),
        cmocka_unit_test(help_keeps_to_its_width),
    };
    table = pr_commands(&n_commands);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
