/* Files of queue/unvalidated: validated, moved on, split where some lines are refused.
 *
 * What holds at every moment, whoever kills the process:
 *   1. A file that is being looked at stays in queue/unvalidated as it is until everything that
 *      is to come of it is written and synced under hidden names (".intake-…").
 *   2. One rename then takes it to queue/rejected/originals.  Before that rename nothing has
 *      happened: hidden files whose file is not among the originals are removed, and it all begins
 *      again.  After it all has happened: hidden files whose file is there get their names.
 *   3. A hidden file is no training file for anybody, and gets its name by one rename that
 *      overwrites nothing.
 * So each line is at any moment in queue/unvalidated or in exactly one waiting or refused file,
 * and a file without a refused line moves on by one rename.  What belongs together is told by the
 * file's inode and time of change, which a rename keeps.
 */
#ifndef PR_SYSTEMS_INTAKE_H
#define PR_SYSTEMS_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "queue/folder.h"
#include "queue/known.h"

struct pr_intake_options {
    const char *base_dir;
    enum pr_queue queue; /* where files go that are in no folder of a queue's name */
    /* Makes the set of what is known, once and only when there is something to look at; the caller
     * keeps it.  NULL: neither duplicates nor contamination are looked for. */
    enum pr_code (*known)(void *ctx, struct pr_known **ret, struct pr_error *e);
    void *ctx;
};

struct pr_intake {
    size_t files;                  /* looked at */
    size_t moved, split, rejected; /* whole files that moved on, were split, are refused */
    size_t failed;                 /* that could not be moved: files_done says why */
    size_t unsettled;              /* that are still being written: the next time */
    size_t recovered;              /* hidden files of a run that was killed that got their names */
    size_t lines, lines_moved, lines_rejected;
    json_t *by_defect; /* owned: {"invalid_json": n, …}: defects found */
    json_t
        *files_done; /* owned: [{"file","state","to","lines","rejected_lines","rejected","original",
                        "by_defect"}…], the last PR_INTAKE_SHOWN */
};
#define PR_INTAKE_SHOWN 20

/* Finishes what a killed run began, then looks at every file.  *ret is filled in either case;
 * pr_intake_done. */
PR_MUST_CHECK enum pr_code pr_intake_run(
    const struct pr_intake_options *o, struct pr_intake *ret, struct pr_error *e);
void pr_intake_done(struct pr_intake *i);

#endif
