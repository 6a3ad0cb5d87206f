/* A checkpoint's folder, as far as it can be known without reading a file: is it another one, or
 * the same one written over? */
#ifndef PR_CLI_GLANCE_H
#define PR_CLI_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

struct pr_glance {
    uint64_t dev, ino;            /* of the folder that the name leads to */
    uint8_t files[PR_SHA256_LEN]; /* identities of what a checkpoint is read from: names, sizes,
                                   * inodes, times */
};

/* false: there is no folder. */
bool pr_glance_at(const char *dir, struct pr_glance *ret);
bool pr_glance_same_folder(const struct pr_glance *a, const struct pr_glance *b);
bool pr_glance_same(const struct pr_glance *a, const struct pr_glance *b); /* and the same files */

#endif
