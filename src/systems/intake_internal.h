/* Between intake.c (which file, and where to) and intake_split.c (its lines). */
#ifndef PR_SYSTEMS_INTAKE_INTERNAL_H
#define PR_SYSTEMS_INTAKE_INTERNAL_H

#include <sys/stat.h>

#include "queue/known.h"
#include "systems/intake.h"

#define PR_INTAKE_HIDDEN ".intake-"

/* A file of queue/unvalidated, or of a folder in it that is called as a queue. */
struct pr_intake_file {
    const char *folder; /* "BASE/queue/unvalidated/high" */
    const char *shown;  /* "queue/unvalidated/high/x.jsonl" */
    const char *name, *path;
    struct stat st; /* as it was before it was read */
};

/* What its validation came to. */
struct pr_intake_look {
    bool whole; /* it is refused as a whole: unreadable, or without any valid line */
    size_t lines, refused;
    json_t *by_defect; /* owned; NULL: none */
};

/* Validates a file.  Where a line is refused, its reasons are in the hidden file `refused`, and
 * (unless look.whole) the other lines in the hidden file `clean`, both whole and synced; else
 * neither is there. */
PR_MUST_CHECK enum pr_code pr_intake_validate(const struct pr_intake_file *f,
    struct pr_known *known, const char *refused, const char *clean, struct pr_intake_look *ret,
    struct pr_error *e);

#endif
