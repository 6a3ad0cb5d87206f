/* Brings one checkpoint here: into LOCAL/.incoming/NAME, verified, and then into its place.
 *
 *   1. wanted files by name (below); enough room; nothing of that name in place
 *   2. rsync (by ssh) or reflink/copy (a local folder), going on from what an earlier try left;
 *      what comes is hashed behind it
 *   3. sizes; hashes of both sides: rsync's own of each file that it brought, which must be that of
 *      what lies here; SHA-256 of any other
 *   4. the source is listed again: nothing may have changed since `what` was listed
 *   5. pr_checkpoint_complete on what came
 *   6. fsync of files and folder, rename that never replaces anything, fsync of LOCAL
 *
 * So LOCAL/NAME is a whole, verified checkpoint or is not there; killed at any moment, at most
 * .incoming/NAME is left, which the next try goes on with (or pr_fetch_discard removes: for a
 * checkpoint that is gone over there).  What lies in .incoming/NAME is never believed: a file that
 * another content left is made over by the delta transfer, and hashes decide.
 *
 * Errors, on top of those of store.h: PR_E_CHANGED: the checkpoint changed or vanished meanwhile,
 * or a hash is another (nothing was put in place; look again); PR_E_INCOMPLETE or PR_E_FORMAT: what
 * came is no complete checkpoint; PR_E_LIMIT: too little room; PR_E_USAGE: NAME is there already,
 * or rsync is not installed; PR_E_IO with sys_errno ENOSPC: the disk is full.  After PR_E_IO,
 * PR_E_LIMIT and PR_E_CHANGED another try later makes sense.
 *
 * Nothing is written on the other side.  Only files that lie in the checkpoint's folder itself are
 * fetched, no folders in it. */
#ifndef PR_TRANSFER_FETCH_H
#define PR_TRANSFER_FETCH_H

#include "transfer/listing.h"
#include "transfer/store.h"

#define PR_INCOMING ".incoming"

enum pr_compress { PR_COMPRESS_NONE, PR_COMPRESS_ZSTD };

struct pr_fetch_options {
    const char *local_dir;     /* LOCAL; made where it is not there */
    const char *as;            /* NAME here; NULL: as over there.  Plain, not hidden. */
    bool optimizer_state;      /* all files, not only those of pr_fetch_wants */
    uint64_t bytes_per_second; /* over ssh; 0: no limit */
    enum pr_compress compress; /* over ssh; weights hardly get smaller */
    int timeout_s;             /* without a byte; 0: 60 */
    uint64_t reserve_bytes;    /* must stay free on LOCAL's file system */
    /* Called about ten times a second with what lies in .incoming/NAME; may be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
    const atomic_bool *stop; /* as the source's; NULL: never */
};

struct pr_fetched {
    char *path;      /* LOCAL/NAME; pr_free */
    uint64_t bytes;  /* of its files */
    uint64_t reused; /* bytes that an earlier try had brought, about */
    size_t n_files;
    bool hashed; /* both sides' hashes agree; false: some came in an earlier try, and that side has
                    no program for SHA-256: rsync compared its own checksums of the whole files */
};

/* `what` is the checkpoint as it was found ready: the listing that pr_ready_check was given.  Keeps
 * no connection of its own: the source's is used, and left open. */
PR_MUST_CHECK enum pr_code pr_fetch_checkpoint(struct pr_store *s, const struct pr_listed *what,
    const struct pr_fetch_options *o, struct pr_fetched *ret, struct pr_error *e);

/* Is this file fetched without optimizer_state?  Weights, configuration, tokenizer, template,
 * trainer_state.json: the table is in fetch_files.c. */
bool pr_fetch_wants(const char *name);
/* The bytes that fetching it takes at most. */
uint64_t pr_fetch_bytes(const struct pr_listed *what, bool optimizer_state);

/* Of these, those that an earlier try left in LOCAL/.incoming/AS: they take no more room. */
uint64_t pr_fetch_there(
    const char *local_dir, const char *as, const struct pr_listed *what, bool optimizer_state);

/* Removes LOCAL/.incoming/NAME; none is fine.  NULL: all of .incoming. */
PR_MUST_CHECK enum pr_code pr_fetch_discard(
    const char *local_dir, const char *name, struct pr_error *e);

#endif
