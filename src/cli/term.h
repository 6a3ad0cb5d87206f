/* Terminals: messages for people on stderr, and hostile text made harmless. */
#ifndef PR_CLI_TERM_H
#define PR_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

bool pr_term_is(int fd);
/* Columns of the terminal at fd: 40 to 200; 100 where fd is none. */
size_t pr_term_width(int fd);
/* Lines of the terminal at fd: at least 5; 40 where fd is none. */
size_t pr_term_height(int fd);

/* "proctor <command>: <message>" as one line on stderr, control characters replaced; a progress bar
 * on display is cleared first.  command may be NULL. */
void pr_say(const char *command, const char *fmt, ...) PR_PRINTF(2, 3);

/* Appends text that came from a model, a file or its name: white space becomes one blank, control
 * characters and those that reorder text become '?', invalid UTF-8 U+FFFD.  At most max_columns
 * wide (0: no limit), an ellipsis marking a cut. */
void pr_term_clean(struct pr_str *out, const char *text, size_t n, size_t max_columns);
/* Columns that valid UTF-8 takes on a terminal (wide characters two, combining ones none). */
size_t pr_term_columns(const char *text, size_t n);

/* Progress on stderr: a bar where that is a terminal, else a plain line every few seconds. */
struct pr_progress {
    const char *label;
    bool off, tty;
    long long start_ns, shown_ns;
    double last_done;
};
void pr_progress_start(struct pr_progress *p, const char *label, bool quiet);
/* done of total (0: not known) in units of work; `rate_unit` names what `count` counts ("tokens"),
 * whose rate a second is shown.  Cheap to call often. */
void pr_progress_show(
    struct pr_progress *p, double done, double total, double count, const char *rate_unit);
void pr_progress_end(struct pr_progress *p); /* clears the bar */

#endif
