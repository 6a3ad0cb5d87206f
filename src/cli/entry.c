/* From the command line to a command: finds it, parses its options, runs it. */
#include "cli/entry.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/own_child.h"
#include "cli/term.h"

static int unknown_command(const char *word)
{
    const char *near = pr_command_suggest(word);
    if (near)
        pr_say(NULL, "unknown command '%s'; did you mean '%s'?", word, near);
    else
        pr_say(NULL, "unknown command '%s'; 'proctor help' lists them", word);
    return PR_EXIT_USAGE;
}

static int show_help(const struct pr_command *c)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_help_command(c, pr_term_width(1), &text);
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return PR_EXIT_OK;
}

static int run(const struct pr_command *c, int argc, char *argv[])
{
    struct pr_args args = {0};
    struct pr_error e;
    int status;
    if (pr_args_parse(&args, c, argc, (const char *const *)argv, &e)) {
        pr_say(c->name, "%s", e.message);
        status = PR_EXIT_USAGE;
    } else if (args.help) {
        status = show_help(c);
    } else {
        status = c->run(&args);
    }
    pr_args_done(&args);
    return pr_out_status(status);
}

int pr_cli_main(int argc, char *argv[])
{
    pr_own_child_bind();
    pr_interrupt_init();
    if (argc < 2) {
        pr_say(NULL, "a command is missing; 'proctor help' lists them");
        return PR_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        word = "help";
    else if (!strcmp(word, "--version"))
        word = "version";
    const struct pr_command *c = pr_command_find(word);
    return c ? run(c, argc - 2, argv + 2) : unknown_command(word);
}
