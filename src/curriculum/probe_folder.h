/* The folder in which a probe works: its own, claimed by a marker, empty before and gone
 * afterwards.
 *
 * A probe that was killed leaves its folder behind; the next one to claim it finds the marker and
 * empties it.  A folder with anything in it and no marker is somebody's, and is never touched.
 */
#ifndef PR_CURRICULUM_PROBE_FOLDER_H
#define PR_CURRICULUM_PROBE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PR_PROBE_MARKER ".proctor-probe"

struct pr_probe_folder {
    char *path;              /* real and absolute */
    char *order, *out, *log; /* in it: order.jsonl; the trainer's checkpoints; what it wrote */
    int lock;                /* of the marker */
};
/* Makes, locks and empties path, and makes `out` in it.  `apart`: n files and folders (NULL entries
 * are passed over) of which it must be neither a part nor a parent; where one is a folder named
 * checkpoint-N, the folder of the run that holds it counts.  PR_E_USAGE: it overlaps, is in use by
 * another probe, or holds what is not a probe's. */
PR_MUST_CHECK enum pr_code pr_probe_folder_claim(const char *path, const char *const *apart,
    size_t n, struct pr_probe_folder *ret, struct pr_error *e);
/* Removes it, or leaves it as it is (the next claim empties it).  PR_E_IO: something in it could
 * not be removed; what the struct owns is freed nevertheless.  Safe on one that was never claimed
 * (zero-initialised). */
PR_MUST_CHECK enum pr_code pr_probe_folder_release(
    struct pr_probe_folder *f, bool keep, struct pr_error *e);

#endif
