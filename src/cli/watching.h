/* What `proctor run` and `proctor <system>` share: base folder, configuration, what is shown of
 * findings, exit status. */
#ifndef PR_CLI_WATCHING_H
#define PR_CLI_WATCHING_H

#include "cli/commands.h"
#include "systems/system.h"

/* The options that all of them take; "interval" only where there is one system. */
#define PR_OPTION_WATCH_ONCE                                                                       \
    {                                                                                              \
        "once", NULL, "run until everything needed is graded, show what was found, and end", NULL, \
            PR_OPT_FLAG                                                                            \
    }
#define PR_OPTION_WATCH_JSON                                                                       \
    {                                                                                              \
        "json", NULL,                                                                              \
            "print status documents on stdout, one a line: the last one of each system with "      \
            "--once, else after every run",                                                        \
            NULL, PR_OPT_FLAG                                                                      \
    }
#define PR_OPTION_WATCH_QUIET                                                                      \
    {                                                                                              \
        "quiet", NULL, "no progress and no log on stderr; the log's files stay", NULL, PR_OPT_FLAG \
    }

/* Runs `system`, or all of this machine's role where it is NULL; returns the exit status. */
int pr_watching(const struct pr_args *a, const struct pr_system *system);

/* A status document for reading; appends. */
void pr_watching_show(const json_t *document, struct pr_str *out);

#endif
