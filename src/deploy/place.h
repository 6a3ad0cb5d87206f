/* A target and its versions on disk.
 *
 *   ~/llm/models/Qwen3-0.6B            TARGET: what is served; a symbolic link, or a real folder
 *   ~/llm/models/Qwen3-0.6B.versions/  beside it
 *       checkpoint-1200-0123456789ab/  VERSION: the checkpoint's name, 12 digits of its fingerprint
 *       .checkpoint-…                  one that is being copied
 *       journal.jsonl, .lock
 *
 * Each version holds a file .proctor-version.json {"version","fingerprint","checkpoint"}, so that
 * what TARGET is can be read from TARGET itself however it came there.  A folder of the user's own,
 * which TARGET was before, has none, and nothing is ever written into it or removed from it.
 *
 * The swap is one system call: a new link renamed over the old one, or, where TARGET is a real
 * folder, renameat2(RENAME_EXCHANGE) with the version; the old folder is then given its own name
 * among the versions (pr_place_tidy, also after a kill). */
#ifndef PR_DEPLOY_PLACE_H
#define PR_DEPLOY_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define PR_PLACE_MARK ".proctor-version.json"

enum pr_target_kind { PR_TARGET_NONE, PR_TARGET_LINK, PR_TARGET_FOLDER };

struct pr_place {
    char *target, *parent, *name; /* its folder and last component */
    char *versions;               /* TARGET.versions */
    char *journal;
    int lock; /* -1: not held */
    const char *const (*bases)[2];
    size_t n_bases;
};

/* Paths alone; nothing is looked at.  PR_E_USAGE: no absolute path, or "/". */
PR_MUST_CHECK enum pr_code pr_place_open(
    const char *target, struct pr_place *ret, struct pr_error *e);
void pr_place_done(struct pr_place *p); /* gives the lock back */

/* Makes the folder of versions and takes the lock without waiting.  PR_E_USAGE: another process
 * deploys to this target. */
PR_MUST_CHECK enum pr_code pr_place_lock(struct pr_place *p, struct pr_error *e);

/* PR_E_USAGE where TARGET is neither a folder nor a link nor nothing. */
PR_MUST_CHECK enum pr_code pr_place_kind(
    const struct pr_place *p, enum pr_target_kind *ret, struct pr_error *e);
/* What TARGET is now: {"version","fingerprint","checkpoint"} of one of ours, {} of another folder,
 * NULL: nothing (or a link to nothing).  New reference. */
json_t *pr_place_current(const struct pr_place *p);
/* The text of the link that TARGET is; NULL: it is none.  pr_free. */
char *pr_place_link(const struct pr_place *p);

/* The path of a version, which need not be there; pr_free. */
char *pr_place_version(const struct pr_place *p, const char *version);
/* A version's name: checkpoint's and fingerprint's; pr_free. */
char *pr_version_name(const char *checkpoint, const char *fingerprint);
/* Is this a name that a version may have? */
bool pr_version_is_name(const char *version);
/* [{"version","fingerprint","checkpoint","path","served"}], by name; without marks where it has
 * none.  New reference. */
json_t *pr_place_list(const struct pr_place *p);

/* Copies `from` to VERSION and verifies it: complete, and of this fingerprint.  One that is there
 * already is verified alone.  PR_E_CHANGED: the fingerprint is another. */
PR_MUST_CHECK enum pr_code pr_place_prepare(struct pr_place *p, const char *from,
    const char *version, const char *fingerprint, const char *checkpoint, const atomic_bool *stop,
    struct pr_error *e);

/* Makes TARGET the version (a name), atomically.  `old` is the name, which must be free, that a
 * real folder that TARGET is now gets among the versions. */
PR_MUST_CHECK enum pr_code pr_place_swap(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e);
/* Makes TARGET a link with this text, or, with NULL, nothing: where it is a link now. */
PR_MUST_CHECK enum pr_code pr_place_relink(
    struct pr_place *p, const char *text, struct pr_error *e);
/* After TARGET, a real folder, was exchanged with `version`: what has that name among the versions
 * is what TARGET was, and is called `old`.  Repeating it does no harm. */
PR_MUST_CHECK enum pr_code pr_place_tidy(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e);
/* A swap of real folders undone, tidied or not.  swapped_back: what is left to do after a kill. */
PR_MUST_CHECK enum pr_code pr_place_swap_back(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e);

PR_MUST_CHECK enum pr_code pr_place_swapped_back(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e);

/* What tells a folder whatever its name; 0: it is none.  An exchange keeps it, and needs both on
 * one file system. */
int64_t pr_place_inode(const char *dir);
/* Is TARGET this version?  inode: of its folder before the swap; 0: it was made for the swap, so
 * that its mark tells it.  A folder of the user's own has no mark. */
bool pr_place_is(const struct pr_place *p, const char *version, int64_t inode);
/* Removes copies that were begun, and the oldest versions beyond `keep` besides the served one and
 * `spare` (NULL: none): of those with a mark alone. */
PR_MUST_CHECK enum pr_code pr_place_prune(
    struct pr_place *p, size_t keep, const char *spare, struct pr_error *e);

/* Removes a version that has a mark: under a hidden name first. */
PR_MUST_CHECK enum pr_code pr_place_remove(
    struct pr_place *p, const char *version, struct pr_error *e);

/* The fingerprint of a folder's checkpoint. */
PR_MUST_CHECK enum pr_code pr_place_fingerprint(
    const struct pr_place *p, const char *dir, char ret[65], struct pr_error *e);

/* ---- copy.c ---- */

/* Copies the files of a checkpoint's folder that serving needs into the empty folder `to`: by
 * reflink where the file system can; synced.  Links are followed as model/folder.h allows. */
PR_MUST_CHECK enum pr_code pr_copy_checkpoint(
    const char *from, const char *to, const atomic_bool *stop, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_sync_folder(const char *path, struct pr_error *e);

#endif
