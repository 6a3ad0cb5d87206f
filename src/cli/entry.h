/* The whole program as a function, so that a test can start it with its own clock and faults. */
#ifndef PR_CLI_ENTRY_H
#define PR_CLI_ENTRY_H

/* What main does; returns the exit status. */
int pr_cli_main(int argc, char *argv[]);

#endif
