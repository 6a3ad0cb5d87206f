/* The way round of fetch.h: brings one checkpoint of this machine to a folder of a host.
 *
 * rsync writes into DIR/.incoming/NAME.XXXXXXXX there (X: of its content, so that no try for
 * another content is gone on with); sizes and hashes of both sides must agree, the folder here must
 * not have changed; then it is synced and renamed there, and never replaces anything.  Nothing is
 * needed there beyond what store.h says.  Killed or cut at any moment, at most something in
 * .incoming is left, which the next try goes on with; what lies there for a week is removed.
 *
 * Errors are those of fetch.h.  Room over there is asked for by pr_push_room, before. */
#ifndef PR_TRANSFER_PUSH_H
#define PR_TRANSFER_PUSH_H

#include "transfer/fetch.h"

/* from: a folder of this machine; to: of a host, the other functions of store.h work on it too.
 * o: as for pr_fetch_checkpoint, but local_dir and reserve_bytes do not count, and progress is
 * called once a second at most.  ret->path is the folder there. */
PR_MUST_CHECK enum pr_code pr_push(struct pr_store *from, struct pr_store *to,
    const struct pr_listed *what, const struct pr_fetch_options *o, struct pr_fetched *ret,
    struct pr_error *e);
/* As pr_fetch_there, over there; 0 also where it is not known. */
uint64_t pr_push_there(
    struct pr_store *to, const char *as, const struct pr_listed *what, bool optimizer_state);
/* What is free on the file system of the folder there, in bytes; UINT64_MAX: not known. */
uint64_t pr_push_room(struct pr_store *to);
/* As pr_retention_remove, over there. */
PR_MUST_CHECK enum pr_code pr_push_remove(
    struct pr_store *to, const char *name, struct pr_error *e);

#endif
