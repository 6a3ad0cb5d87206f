/* The table of commands.
 *
 * To add a command:
 *   1. a file src/cli/cmd_<name>.c with its option table, its examples and one
 *      `const struct pr_command pr_command_<name>`;
 *   2. a line in PR_COMMANDS below (order: as `proctor help` lists them) and the file in
 *      src/cli/meson.build;
 *   3. its section in docs/commands.md (`proctor help --markdown` prints it);
 *   4. a test in tests/integration/cli_<name>.py.
 * A system (systems/system.h) has its command from its own table, listed after `run`.
 * tests/unit/cli/test_commands.c fails when one of these is missing or a text breaks the rules.
 *
 * A command's `run` returns the exit status: PR_EXIT_*.  It prints its result on stdout through
 * cli/output.h and everything else on stderr through cli/term.h, and calls libproctor
 * (include/proctor.h) for whatever touches a model.
 */
#ifndef PR_CLI_COMMANDS_H
#define PR_CLI_COMMANDS_H

#include "cli/options.h"

#define PR_COMMANDS(X)                                                                             \
    X(demo)                                                                                        \
    X(inspect)                                                                                     \
    X(tokenize)                                                                                    \
    X(render)                                                                                      \
    X(score)                                                                                       \
    X(complete)                                                                                    \
    X(eval)                                                                                        \
    X(validate)                                                                                    \
    X(preview)                                                                                     \
    X(compare)                                                                                     \
    X(status)                                                                                      \
    X(why)                                                                                         \
    X(pin)                                                                                         \
    X(deploy)                                                                                      \
    X(rollback)                                                                                    \
    X(alert)                                                                                       \
    X(init)                                                                                        \
    X(run)                                                                                         \
    X(api)                                                                                         \
    X(serve)                                                                                       \
    X(report)                                                                                      \
    X(doctor)                                                                                      \
    X(skills)                                                                                      \
    X(validate_data)                                                                               \
    X(generate)                                                                                    \
    X(queue_health)                                                                                \
    X(train)                                                                                       \
    X(train_tokenizer)                                                                             \
    X(probe)                                                                                       \
    X(grader)                                                                                      \
    X(help)                                                                                        \
    X(version)

enum { PR_EXIT_OK = 0, PR_EXIT_REFUSED = 1, PR_EXIT_USAGE = 2, PR_EXIT_STOPPED = 130 };

struct pr_example_line {
    const char *what;    /* one sentence without a full stop */
    const char *command; /* a line that can be pasted into a shell */
};

#define PR_MAX_EXAMPLES 6

struct pr_command {
    const char *name;
    const char *summary;   /* one line for the list of commands */
    const char *arguments; /* as in the usage line: "MODEL_DIR < LINES" */
    const char *about;     /* paragraphs, parted by "\n\n"; a line that starts with two spaces is
                            * kept as it is */
    const struct pr_option *options;
    size_t n_options;
    size_t min_args, max_args;                        /* of positional arguments */
    struct pr_example_line examples[PR_MAX_EXAMPLES]; /* up to the first without a command */
    int (*run)(const struct pr_args *args);
};

#define PR_X(name) extern const struct pr_command pr_command_##name;
PR_COMMANDS(PR_X)
#undef PR_X
/* One command a system, made from systems/system.h's table (cmd_system.c). */
const struct pr_command *pr_system_commands(size_t *ret_n);

/* All commands in the table's order. */
const struct pr_command *const *pr_commands(size_t *ret_n);
/* The one named, or NULL. */
const struct pr_command *pr_command_find(const char *name);
/* The name nearest to a mistyped one, or NULL. */
const char *pr_command_suggest(const char *name);

#endif
