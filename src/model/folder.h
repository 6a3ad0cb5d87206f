/* A checkpoint's folder: the one way in which its files are opened.
 *
 * Names are plain (no '/').  Symbolic links are followed in two cases only: to another plain name
 * in the same folder, and, in a snapshot of the Hugging Face cache (…/snapshots/<revision> and
 * below), to its blobs (../../blobs/<hash>), which is how that cache stores every file.  Any other
 * link is refused, so that a hostile folder cannot make proctor read elsewhere.
 *
 * Every file that was looked for is remembered with its identity (or its absence), which is what
 * the fingerprint's cache and the check that nothing changed go by.
 */
#ifndef PR_MODEL_FOLDER_H
#define PR_MODEL_FOLDER_H

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define PR_FOLDER_BLOBS 64

struct pr_folder_file {
    char *name;
    bool present;
    struct pr_file_id id; /* where present */
};

struct pr_folder {
    char *path, *name; /* as given; its last component */
    int fd;
    char blobs[PR_FOLDER_BLOBS]; /* where a Hugging Face cache's files lie from here; "" in none */
    struct pr_folder_file *files;
    size_t n, cap;
};

PR_MUST_CHECK enum pr_code pr_folder_open(
    const char *path, struct pr_folder *ret, struct pr_error *e);
void pr_folder_done(struct pr_folder *f); /* a zeroed folder is fine */

/* Opens a file; *ret_fd is the caller's.  PR_E_NOT_FOUND where it is not there; PR_E_FORMAT for a
 * name with a slash, a link that leaves the folder, or what is not a regular file. */
PR_MUST_CHECK enum pr_code pr_folder_file(
    struct pr_folder *f, const char *name, int *ret_fd, struct pr_error *e);
/* Reads a whole file of at most max bytes; NUL-terminated, the caller's (pr_free). */
PR_MUST_CHECK enum pr_code pr_folder_read(struct pr_folder *f, const char *name, size_t max,
    char **ret, size_t *ret_len, struct pr_error *e);
/* Reads an optional JSON file; *ret is NULL where it is not there. */
PR_MUST_CHECK enum pr_code pr_folder_json(struct pr_folder *f, const char *name, size_t max,
    unsigned flags, json_t **ret, struct pr_error *e);
/* Is there anything of that name?  Remembers nothing. */
bool pr_folder_has(const struct pr_folder *f, const char *name);
/* The names in the folder, sorted; pr_names_free. */
PR_MUST_CHECK enum pr_code pr_folder_list(
    const struct pr_folder *f, char ***ret, size_t *ret_n, struct pr_error *e);

/* PR_E_CHANGED names the first remembered file that is no longer what it was. */
PR_MUST_CHECK enum pr_code pr_folder_unchanged(const struct pr_folder *f, struct pr_error *e);

#endif
