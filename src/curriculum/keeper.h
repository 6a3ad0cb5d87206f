/* The process between a probe and its trainer (probe_child.h). */
#ifndef PR_CURRICULUM_KEEPER_H
#define PR_CURRICULUM_KEEPER_H

#include <sys/types.h>

/* Everything that the keeper needs, made before the fork: after it only calls that are safe in the
 * fork of a process with threads. */
struct pr_keeper_plan {
    const char *program; /* a path */
    char *const *argv, *const *env;
    pid_t parent;
    int null_fd, log_fd, report_fd; /* its program's stdin; stdout and stderr; where it reports */
    int nice, cpu_percent;
};
/* What it reports: one message when the program was started, one when all is over. */
enum pr_keeper_word {
    PR_KEEPER_STARTED, /* value: process group of the program */
    PR_KEEPER_NO_EXEC, /* errno */
    PR_KEEPER_EXITED,  /* status */
    PR_KEEPER_DIED     /* signal */
};
struct pr_keeper_report {
    int word; /* enum pr_keeper_word */
    int value;
};
/* Called in the fork, all signals blocked.  SIGTERM: it ends the program. */
_Noreturn void pr_keeper_main(const struct pr_keeper_plan *p);

#endif
