/* This program once more, as a child process of the daemon. */
#ifndef PR_DAEMON_SPAWN_H
#define PR_DAEMON_SPAWN_H

#include <sys/types.h>

#include "base/error.h"

/* argv[0] is what ps shows.  It gets a process group of its own, these three as stdin, stdout and
 * stderr (they stay the caller's), no other descriptor, no signal handler or mask of ours, and
 * SIGTERM when the calling thread's process dies.  *ret_ended is a pidfd: readable once it has
 * ended; the caller waits for it and closes that. */
PR_MUST_CHECK enum pr_code pr_spawn_self(const char *const *argv, int in, int out, int errors,
    pid_t *ret_pid, int *ret_ended, struct pr_error *e);

#endif
