/* Is a checkpoint that lies elsewhere ready to be fetched, and which one is it?
 *
 * Three things must hold: nothing about it changed between two looks (pr_listed_same over two
 * listings, some seconds apart); and pr_checkpoint_complete, the one function that says so
 * everywhere in proctor, finds it complete.  That function reads names, sizes and headers, so it
 * is run on a *skeleton*: a folder here with sparse files of the right names and sizes that hold
 * only the bytes that it reads (a few kB over ssh, once for a checkpoint that changed).
 *
 * Identity: trainers count their steps anew when an output folder is used again, so a name says
 * little.  A checkpoint is (run, step, content). */
#ifndef PR_TRANSFER_READY_H
#define PR_TRANSFER_READY_H

#include "transfer/listing.h"
#include "transfer/store.h"

struct pr_identity {
    char run[17];     /* as pr_checkpoint_origin's, of the source's name in place of a path here */
    char history[17]; /* likewise; "" without a log */
    int64_t step;     /* -1: not known */
    char content[PR_SHA256_HEX]; /* pr_listed_hash: names, sizes and times */
};
bool pr_identity_equal(const struct pr_identity *a, const struct pr_identity *b);

struct pr_readiness {
    bool complete;
    bool unreadable;             /* not complete, since a file of it could not be read there: that
                                    may change without a sign in the listing */
    struct pr_error reason;      /* where not complete: what is missing, or broken */
    struct pr_identity identity; /* where complete */
};

/* Judges `name` of `listing`, which came from s a moment ago.  The skeleton is made in `scratch` (a
 * folder of ours, made where it is not there; NULL: $TMPDIR or /tmp) under a random name that only
 * we may enter, and is gone afterwards.  A file that is a symbolic link counts as not there, and
 * the reason says so.  Errors are those of the source, PR_E_IO for a scratch folder that cannot be
 * written, PR_E_UNSUPPORTED for pickled weights and
 * for files that are too large to be looked at, PR_E_NOT_FOUND for a name that is not listed. */
PR_MUST_CHECK enum pr_code pr_ready_check(struct pr_store *s, const struct pr_listing *listing,
    const char *name, const char *scratch, struct pr_readiness *ret, struct pr_error *e);

/* What a caller keeps of a checkpoint between looks, and what it says about it now.  Pure.
 * `before` is the listing of the look before (NULL: not seen before). */
enum pr_ready_state {
    PR_READY_NEW,      /* seen for the first time: look again */
    PR_READY_CHANGING, /* something changed since the last look: look again */
    PR_READY_STILL,    /* unchanged over two looks: pr_ready_check decides */
};
enum pr_ready_state pr_ready_compare(const struct pr_listed *before, const struct pr_listed *now);

#endif
