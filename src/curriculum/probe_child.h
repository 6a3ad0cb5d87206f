/* Running a trainer: a program of ours or of the user's, in the background of the machine, of which
 * nothing is left when it ends, is stopped, or loses us.
 *
 * Between us and the program stands a *keeper*, a fork of this process.  It starts the program in a
 * process group of its own, gives it its share of the CPUs, adopts whatever the program starts
 * (PR_SET_CHILD_SUBREAPER), and kills all of it when the program has ended, when it is told to, and
 * when we die, SIGKILL included (PR_SET_PDEATHSIG: with the thread that called, which waits here).
 */
#ifndef PR_CURRICULUM_PROBE_CHILD_H
#define PR_CURRICULUM_PROBE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pr_probe_child {
    const char *const *argv; /* argv[0]: a path, or searched in PATH; no shell */
    const char *log;       /* file for stdout and stderr; of very much the newest is kept, the part
                            * before it in a file "<log>.1" */
    int n_threads;         /* told as OMP_NUM_THREADS; 0: not told */
    int nice;              /* 0–19 */
    int cpu_percent;       /* of its time, 1–100: it is halted for the rest; 0: 100 */
    int64_t deadline_ns;   /* monotonic; 0: none */
    bool (*stopped)(void); /* true: end it; NULL */
};
/* Waits for its end.  PR_E_CANCELLED when stopped, PR_E_LIMIT at the deadline: SIGTERM, half a
 * second, SIGKILL.  PR_E_IO: it could not be started, or ended otherwise than with status 0; the
 * message closes with the last lines that it wrote. */
PR_MUST_CHECK enum pr_code pr_probe_child_run(const struct pr_probe_child *c, struct pr_error *e);

/* Where the program of that name lies (pr_free).  PR_E_IO: it is not there, or none. */
PR_MUST_CHECK enum pr_code pr_probe_program(const char *name, char **ret, struct pr_error *e);

/* The last lines of its log, as one line of at most some 600 bytes; "" for none.  pr_free. */
char *pr_probe_child_words(const char *log);

#endif
