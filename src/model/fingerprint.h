/* The pieces of a checkpoint's fingerprint (docs/fingerprint.md defines it exactly). */
#ifndef PR_MODEL_FINGERPRINT_H
#define PR_MODEL_FINGERPRINT_H

#include "base/sha256.h"
#include "compute/pool.h"
#include "model/checkpoint_internal.h"

#define PR_FINGERPRINT_BLOCK ((size_t)4 << 20)

/* The digest of a set of mapped tensors, sorted by name.  pool may be NULL.  files (or NULL): where
 * they are mapped; each block's pages are let go once it is hashed, so that hashing a model beside
 * its packed weights does not hold both.  stop is asked before each block; false: it said so. */
PR_MUST_CHECK bool pr_fingerprint_tensors(const struct pr_tensor *const *tensors, size_t n,
    const struct pr_weights *files, struct pr_pool *pool, const struct pr_stop *stop,
    uint8_t ret[PR_SHA256_LEN]);

/* The cache: `key` names the identities of all files of c (its base's included); false where one of
 * them changed so recently that its identity is not yet to be relied on.  Looking fails quietly,
 * and so does storing: the cache is only ever a saving. */
bool pr_fingerprint_key(const struct pr_checkpoint *c, char ret[PR_SHA256_HEX]);
bool pr_fingerprint_cached(const char key[PR_SHA256_HEX], char ret[PR_SHA256_HEX]);
void pr_fingerprint_store(const char key[PR_SHA256_HEX], const char fingerprint[PR_SHA256_HEX]);

#endif
