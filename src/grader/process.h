/* Starting a grader's process and telling how it ended; grader.c alone uses it. */
#ifndef PR_GRADER_PROCESS_H
#define PR_GRADER_PROCESS_H

#include <sys/types.h>

#include "grader/grader.h"

/* What the parent holds of a process. */
struct pr_process {
    pid_t pid;  /* its own process group; 0: none, or reaped */
    int to;     /* a socket, non-blocking: its stdin */
    int from;   /* a pipe, non-blocking: its stdout */
    int errors; /* a sealed memory file: its stderr, of which it can write PR_PROCESS_ERRORS */
};
#define PR_PROCESS_ERRORS ((size_t)64 << 10)

PR_MUST_CHECK enum pr_code pr_process_start(
    const char *const *argv, struct pr_process *ret, struct pr_error *e);
/* False while it runs; else *ret_status as waitpid gives it, and it is reaped. */
bool pr_process_reap(struct pr_process *p, int *ret_status);
void pr_process_kill(const struct pr_process *p);
void pr_process_close(struct pr_process *p); /* descriptors; kills and reaps first */

/* A status that is no plain success, in words: "its grader died of signal 9 (killed: out of
 * memory?): <what it wrote last>".  max_memory 0: no limit was set. */
enum pr_grader_end pr_process_explain(
    const struct pr_process *p, int status, uint64_t max_memory, struct pr_error *ret_why);

#endif
