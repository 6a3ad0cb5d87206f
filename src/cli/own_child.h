/* Commands of this program, run as children of another command: a demo is made of the same commands
 * that a person would type. */
#ifndef PR_CLI_OWN_CHILD_H
#define PR_CLI_OWN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Set in such a child's environment: it ends (SIGTERM) when its parent dies. */
#define PR_OWN_CHILD_ENV "PROCTOR_PARENT"

struct pr_own_child {
    pid_t pid;  /* 0: none runs */
    int status; /* of the last one that ended: its exit status, or 128 + the signal */
};

/* Starts `proctor args…` (args without the program, ended by NULL) in a process group of its own;
 * stdout and stderr are appended to the file `log`. */
PR_MUST_CHECK enum pr_code pr_own_child_start(
    struct pr_own_child *c, const char *const *args, const char *log, struct pr_error *e);
/* Is it still there?  Reaps it when not. */
bool pr_own_child_runs(struct pr_own_child *c);
/* SIGTERM, then SIGKILL after wait_ms; reaps. */
void pr_own_child_stop(struct pr_own_child *c, int wait_ms);
/* Waits for its end, or stops it when the user wants to: then PR_E_CANCELLED. */
PR_MUST_CHECK enum pr_code pr_own_child_wait(struct pr_own_child *c, struct pr_error *e);
/* For a child, at its start: does what PR_OWN_CHILD_ENV says and takes it out of the environment.
 */
void pr_own_child_bind(void);

#endif
