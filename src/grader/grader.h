/* A grader: a process of its own that opens one checkpoint, grades examples on it, and ends.  This
 * is the parent's side: start one, give it orders, hear what it says.
 *
 * A grader belongs to one checkpoint folder for all of its life, so that its sandbox shows it that
 * folder and no other (sandbox.h), its memory is gone when it ends, and there is no doubt about
 * which checkpoint it died of.  It dies with its parent (PR_SET_PDEATHSIG: with the thread that
 * started it, which must be one that stays).
 *
 * Nothing here blocks.  The parent polls pr_grader_fds and calls pr_grader_turn; events come from
 * within that call.  What it writes to stderr is kept in a file of fixed size and ends up in the
 * reason for its death, so that there is nothing else to read.
 *
 * Grades are right when they come: the grader looks at the checkpoint's files before it sends them
 * (docs/protocol.md).
 */
#ifndef PR_GRADER_GRADER_H
#define PR_GRADER_GRADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "exam/grade.h"

struct pr_grader;

struct pr_grader_options {
    const char *const *argv; /* what to start; NULL: this program with the command "grader" */
    const char *path;        /* the checkpoint folder; UTF-8 */
    const char *const (*bases)[2];
    size_t n_bases;
    const json_t *template_vars;
    int64_t now_utc_ms; /* of strftime_now */
    size_t max_new_tokens;
    const char *dtype;   /* "auto", "f32", "bf16" */
    int n_threads;       /* 0: all CPUs */
    uint64_t kv_bytes;   /* 0: a quarter of the weights, 64 MiB to 4 GiB */
    uint64_t max_memory; /* bytes it may allocate (RLIMIT_DATA); 0: no limit */
    int nice;            /* 0–19 */
    int cpu_percent;     /* of the threads' time, 1–100: it sleeps the rest */
    bool scan;           /* look through the weights for NaN and infinities while opening */
    bool allow_commands; /* examples may be checked by commands: see `judge` below */
    int open_timeout_ms; /* 0: 10 minutes */
    int idle_timeout_ms; /* without a word while it has an order; 0: 10 minutes */
};

struct pr_grader_opened {
    char fingerprint[65];
    struct pr_checkpoint_origin origin;
    uint64_t weight_bytes, parameters;
    json_t *notes, *bad_weights; /* borrowed, arrays of texts; NULL: none */
    json_t *settings;            /* borrowed */
    char settings_fingerprint[65];
    const char *sandbox; /* "landlock+seccomp", "seccomp", "none: why" */
};
struct pr_grader_progress {
    size_t examples_done, examples_total;
    uint64_t tokens_done, tokens_total;
};
struct pr_grader_done {
    int64_t order;
    bool cancelled;
    size_t examples;
    uint64_t tokens_scored, tokens_generated, tokens_prefilled, tokens_shared, peak_rss_bytes;
    double seconds;
};
/* How a grader ended. */
enum pr_grader_end {
    PR_GRADER_FINISHED, /* it was told to, or had nothing left to do */
    PR_GRADER_REFUSED, /* the checkpoint cannot be used: pickled weights, an unknown architecture …
                        * `why` holds the code: PR_E_INCOMPLETE may yet become complete */
    PR_GRADER_CHANGED, /* its files changed or vanished while being read; also SIGBUS, which a disk
                        * that fails gives too: then the folder is as it was */
    PR_GRADER_DIED,    /* a signal, no memory, out of time, or not speaking sense */
    PR_GRADER_KILLED,  /* by pr_grader_kill */
};

/* Members may be NULL; every pointer is borrowed for the call.  A grader may be told anything from
 * within an event but not freed. */
struct pr_grader_events {
    void (*opened)(void *ctx, const struct pr_grader_opened *o);
    /* digest: the example's, in hex; `judge` true: the example is checked by a command, which the
     * grader must not run: the verdict is NONE and the answer is there for the parent to judge. */
    void (*grade)(
        void *ctx, int64_t order, const char *digest, const struct pr_grade *g, bool judge);
    void (*progress)(void *ctx, int64_t order, const struct pr_grader_progress *p);
    void (*done)(void *ctx, const struct pr_grader_done *d);
    /* An order that cannot be carried out as a whole; the grader lives on. */
    void (*order_failed)(void *ctx, int64_t order, const struct pr_error *why);
    /* The last event: the process is reaped. */
    void (*ended)(void *ctx, enum pr_grader_end how, const struct pr_error *why);
    void *ctx;
};

/* Starts the process and sends it `open`.  PR_E_IO when it cannot be started, PR_E_UNSUPPORTED
 * where the kernel has no seccomp. */
PR_MUST_CHECK enum pr_code pr_grader_start(const struct pr_grader_options *o,
    const struct pr_grader_events *events, struct pr_grader **ret, struct pr_error *e);
/* Kills it if it still runs, without events. */
void pr_grader_free(struct pr_grader *g);

pid_t pr_grader_pid(const struct pr_grader *g); /* 0 after its end */
/* What to poll: in for reading, out for writing while *ret_want_write (-1 after the end). */
void pr_grader_fds(const struct pr_grader *g, int *ret_in, int *ret_out, bool *ret_want_write);
/* The monotonic time in ns by which pr_grader_turn wants to be called again at the latest. */
int64_t pr_grader_deadline(const struct pr_grader *g);
/* Reads, writes, watches the clock, reaps; calls the events. */
void pr_grader_turn(struct pr_grader *g);

/* Examples to grade, packed (pr_example_pack), each with its digest in hex; sent in pieces when
 * they are many.  Orders are carried out one after the other. */
struct pr_grader_example {
    const char *digest, *line;
};
PR_MUST_CHECK enum pr_code pr_grader_order(struct pr_grader *g, int64_t order,
    const struct pr_grader_example *examples, size_t n, struct pr_error *e);
/* Stops an order after the pass that is being computed: `done` comes with cancelled true. */
void pr_grader_cancel(struct pr_grader *g, int64_t order);
/* Lets it end once its orders are done (which can still be cancelled). */
void pr_grader_finish(struct pr_grader *g);
void pr_grader_kill(struct pr_grader *g); /* at once; `ended` follows from pr_grader_turn */

/* The grader's own side: speaks over in/out until its stdin ends; returns the exit status.  Called
 * by the command `grader` with 0 and 1. */
int pr_grader_serve(int in, int out);

#endif
