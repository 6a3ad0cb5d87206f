/* proctor help: the list of commands, one command's help, or all of it as Markdown. */
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"

static const struct pr_option options[] = {
    {"markdown", NULL, "all commands as Markdown: docs/commands.md", NULL, PR_OPT_FLAG},
    {"man", NULL, "all of it as a manual page, for man(1)", NULL, PR_OPT_FLAG},
};

#define MARKDOWN_WIDTH 100

static void markdown(struct pr_str *out)
{
    size_t n;
    const struct pr_command *const *c = pr_commands(&n);
    pr_str_puts(out,
        "# Commands\n\nMade from the program's own tables by `proctor help --markdown`; "
        "a test keeps the two equal.\nThe exact fields of every output are in each "
        "command's text.\n");
    for (size_t i = 0; i < n; i++) {
        pr_str_printf(out, "\n## %s\n\n```\n", c[i]->name);
        pr_help_command(c[i], MARKDOWN_WIDTH, out);
        pr_str_puts(out, "```\n");
    }
}

static int run(const struct pr_args *a)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    size_t width = pr_term_width(1);
    const struct pr_command *c = NULL;
    if (a->n_positional && !(c = pr_command_find(a->positional[0]))) {
        const char *word = a->positional[0], *near = pr_command_suggest(word);
        if (near)
            pr_say("help", "unknown command '%s'; did you mean '%s'?", word, near);
        else
            pr_say("help", "unknown command '%s'; 'proctor help' lists them", word);
        return PR_EXIT_USAGE;
    }
    if (pr_args_flag(a, "markdown"))
        markdown(&text);
    else if (pr_args_flag(a, "man"))
        pr_help_man(&text);
    else if (c)
        pr_help_command(c, width, &text);
    else
        pr_help_overview(width, &text);
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return PR_EXIT_OK;
}

const struct pr_command pr_command_help = {
    .name = "help",
    .summary = "explain proctor, or one of its commands",
    .arguments = "[COMMAND]",
    .about = "Prints the list of commands, or with COMMAND what 'proctor COMMAND --help' prints.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"How is a checkpoint graded?", "proctor help eval"},
        {"Read the manual page without installing it", "proctor help --man | man -l -"}},
    .run = run,
};
