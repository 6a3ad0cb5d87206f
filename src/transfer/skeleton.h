/* A folder of sparse files that stands for a checkpoint elsewhere; see ready.h. */
#ifndef PR_TRANSFER_SKELETON_H
#define PR_TRANSFER_SKELETON_H

#include "transfer/listing.h"
#include "transfer/store.h"

struct pr_skeleton {
    char *top; /* the private folder; holds `path` and a sibling */
    char *path;
};

/* Builds it: every regular file of the checkpoint with its size, and of those that
 * pr_checkpoint_complete reads what it reads.  Where another checkpoint-N of the listing has a
 * trainer_state.json, so has a sibling here, since that is part of the rule.  PR_E_LIMIT for a JSON
 * file of more than 32 MB or a header past safetensors' own limit; PR_E_INCOMPLETE where a file
 * vanished meanwhile. */
PR_MUST_CHECK enum pr_code pr_skeleton_build(struct pr_store *s, const struct pr_listing *listing,
    const struct pr_listed *l, const char *scratch, struct pr_skeleton *ret, struct pr_error *e);
/* Removes it.  A zeroed one is fine. */
void pr_skeleton_done(struct pr_skeleton *k);

#endif
