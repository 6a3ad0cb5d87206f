/* Files: read whole with a cap, written atomically, identified. */
#ifndef PR_BASE_FILE_H
#define PR_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

/* What must stay unchanged for a cached fact about a file's content to stay true. */
struct pr_file_id {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};
bool pr_file_id_equal(const struct pr_file_id *a, const struct pr_file_id *b);

/* Opens dir/name read-only, close-on-exec; regular files only.  dir_fd may be AT_FDCWD.  Refuses to
 * follow a symbolic link at the last component when no_follow.  Messages name `name`. */
PR_MUST_CHECK enum pr_code pr_file_open(int dir_fd, const char *name, bool no_follow, int *ret_fd,
    struct pr_file_id *ret_id, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_file_id_of(int fd, struct pr_file_id *ret, struct pr_error *e);

/* Reads a whole file of at most max bytes; NUL-terminated, *ret owned by the caller (pr_free). */
PR_MUST_CHECK enum pr_code pr_file_read(
    int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len, struct pr_error *e);
/* Exactly n bytes at offset; a short file is PR_E_FORMAT "ends at byte …". */
PR_MUST_CHECK enum pr_code pr_file_pread(
    int fd, void *buf, size_t n, uint64_t offset, const char *name, struct pr_error *e);

/* Writes n bytes to an open file; 0, or what errno was. */
int pr_file_write_all(int fd, const void *bytes, size_t n);
/* Replaces path with n bytes so that no reader ever sees half of it: temporary file in the same
 * folder, fsync, rename, fsync of the folder.  On failure the old file is untouched. */
PR_MUST_CHECK enum pr_code pr_file_write_atomic(
    const char *path, const void *bytes, size_t n, struct pr_error *e);

/* mkdir -p. */
PR_MUST_CHECK enum pr_code pr_mkdirs(const char *path, struct pr_error *e);

bool pr_path_exists(const char *path);
bool pr_path_is_dir(const char *path);
/* "a/b" from "a" and "b" (no doubled slash); pr_free. */
char *pr_path_join(const char *dir, const char *name);
/* The path from the root on: a relative one behind the working directory, without its "."
 * components.  Symbolic links and ".." stay as they are; so does a relative path where the working
 * directory is gone.  pr_free. */
char *pr_path_absolute(const char *path);
/* The last component: "checkpoint-12" of "run/checkpoint-12/"; pr_free. */
char *pr_path_base(const char *path);
/* The names in a folder, sorted by byte value, without "." and ".."; free with pr_names_free. */
PR_MUST_CHECK enum pr_code pr_dir_list(
    const char *path, char ***ret_names, size_t *ret_n, struct pr_error *e);
void pr_names_free(char **names, size_t n);

/* A line reader for JSON Lines from a file or a pipe, of lines of any length up to max_line. */
struct pr_lines {
    int fd;
    size_t max_line;
    struct pr_str buf;
    size_t start;  /* first byte of buf not handed out yet */
    size_t number; /* of the line last returned, from 1 */
    bool eof, skipping;
};
void pr_lines_init(struct pr_lines *l, int fd, size_t max_line);
void pr_lines_done(struct pr_lines *l); /* does not close fd */
enum pr_line { PR_LINE_END, PR_LINE_OK, PR_LINE_TOO_LONG, PR_LINE_ERROR };
/* The next line without its "\n" or "\r\n" (NUL-terminated, valid until the next call).  A line
 * over max_line is passed over and reported as PR_LINE_TOO_LONG. */
enum pr_line pr_lines_next(struct pr_lines *l, char **ret, size_t *ret_len, struct pr_error *e);

#endif
