/* proctor grader: the process that opens a checkpoint for `proctor run`. */
#include <signal.h>

#include "cli/commands.h"
#include "cli/term.h"
#include "grader/grader.h"

static int run(const struct pr_args *a)
{
    (void)a;
    if (pr_term_is(0) || pr_term_is(1)) {
        pr_say("grader", "speaks frames on its stdin and stdout, which are a terminal here; see "
                         "docs/protocol.md");
        return PR_EXIT_USAGE;
    }
    /* Nothing has to be tidied up: a signal ends it at once. */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    return pr_grader_serve(0, 1);
}

const struct pr_command pr_command_grader = {
    .name = "grader",
    .summary = "grade one checkpoint, told what to do by messages on stdin",
    .arguments = "< MESSAGES > MESSAGES",
    .about =
        "proctor starts this command itself, one process for each checkpoint that is to be graded, "
        "so that a broken or hostile checkpoint takes down nothing else. It may also be started by "
        "hand or by a program that wants to grade: docs/protocol.md describes the messages, JSON "
        "in frames on stdin and stdout.\n\n"
        "Before it opens the checkpoint it shuts itself in: it can read the checkpoint's folder "
        "(and for an adapter the base models' folders) and nothing else, it can write nowhere, "
        "and it can neither open sockets nor start programs. Where the kernel has no Landlock, "
        "files stay readable; the message 'opened' says what is in force.\n\n"
        "It ends when its stdin ends and its orders are done; exit status 1 means that the "
        "checkpoint was refused, which the last message explains.",
    .examples = {{"Grade as a program tells it to", "proctor grader < messages > answers"}},
    .run = run,
};
