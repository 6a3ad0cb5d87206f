/* The commands that are filters: JSON Lines in, JSON Lines out, one for one and in order.
 *
 * A line that cannot be handled becomes {"error": …} in its place, is named on stderr with its
 * number, and makes the exit status 1.  Lines come in batches (cli/input.h); results go out as soon
 * as all before them are out. */
#ifndef PR_CLI_FILTER_H
#define PR_CLI_FILTER_H

#include "cli/input.h"
#include "cli/term.h"

#define PR_FILTER_WINDOW 256

struct pr_filter_row {
    struct pr_input_line in;
    struct pr_str out; /* the result's text, without its newline */
    bool ready;
};

struct pr_filter {
    const char *command;
    struct pr_filter_row rows[PR_FILTER_WINDOW];
    size_t n, next; /* rows of this batch; the first that is not written yet */
    struct pr_input input;
    struct pr_progress progress;
    const char *rate_unit;
    double count; /* tokens so far, for the rate */
    double batch_bytes;
    int status;
};

/* Runs the whole input through `batch`, which must make every row that is not ready so, or return
 * false to stop (having said why, with f->status set).  Returns the exit status. */
int pr_filter_run(const char *command, bool quiet, const char *label, const char *rate_unit,
    bool (*batch)(struct pr_filter *f, void *ctx), void *ctx);

/* Row i has its result. */
void pr_filter_ready(struct pr_filter *f, size_t i);
/* Row i gets {"error"} in its place; refuse: and the command ends with PR_EXIT_REFUSED. */
void pr_filter_error(struct pr_filter *f, size_t i, const struct pr_error *e);
void pr_filter_refuse(struct pr_filter *f, size_t i, const struct pr_error *e);
/* Shows progress: `done` of `total` of this batch's work.  True when the work should stop. */
bool pr_filter_progress(struct pr_filter *f, double done, double total, double count);
/* The error that ended a batch: said on stderr unless it is our own stopping. */
void pr_filter_fail(struct pr_filter *f, const struct pr_error *e);

#endif
