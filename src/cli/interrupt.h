/* Ctrl-C and SIGTERM.  The first asks: long work stops at its next pass and what is finished is
 * written.  The second ends the process at once. */
#ifndef PR_CLI_INTERRUPT_H
#define PR_CLI_INTERRUPT_H

#include <stdbool.h>

/* A mapped file that becomes shorter, or a disk that fails, is SIGBUS in whoever reads it: from
 * here on the program then says so and ends with 1. */
void pr_interrupt_init_sigbus(void);
/* Instead, a page of a checkpoint that cannot be read becomes zeros, and whoever loads it is told
 * so by pr_checkpoint_unchanged(): for a server that goes on with what it has. */
void pr_interrupt_mend_sigbus(void);
/* Installs the handlers, and ignores SIGPIPE (a closed pipe is seen as EPIPE). */
void pr_interrupt_init(void);
/* From now on one SIGTERM is as good as several: for work that was asked to end and puts others'
 * processes away first.  A second Ctrl-C still ends the process at once. */
void pr_interrupt_once(void);
bool pr_interrupted(void);
/* Becomes readable with the first signal, for poll(). */
int pr_interrupt_fd(void);

#endif
