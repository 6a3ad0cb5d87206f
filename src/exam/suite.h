/* A suite: the examples of some files, with everything said about lines that could not be used. */
#ifndef PR_EXAM_SUITE_H
#define PR_EXAM_SUITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "exam/example.h"

#define PR_SUITE_MAX_LINE  ((size_t)64 << 20)  /* a longer line is skipped */
#define PR_SUITE_WARN_LINE ((size_t)1 << 20)   /* a longer line is warned */
#define PR_SUITE_MAX_FILE  ((size_t)512 << 20) /* of a .json file, which is parsed whole */
#define PR_SUITE_ISSUES    100                 /* kept with their text; all are counted */

struct pr_suite_issue {
    size_t file, line; /* line 0: the file as a whole */
    bool skipped;      /* the line is not used; else a warning about one that is */
    char *text;        /* without file and line */
};

struct pr_suite_file {
    char *path;
    size_t n_lines, n_used, n_skipped, n_warned; /* n_lines: not blank */
    size_t *by_format;                           /* examples used, by index in pr_formats() */
};

struct pr_suite {
    char *name;
    struct pr_example *v;
    size_t n, cap;
    struct pr_suite_file *files;
    size_t n_files, files_cap;
    struct pr_suite_issue *issues; /* the first PR_SUITE_ISSUES */
    size_t n_issues, issues_cap;
    size_t n_skipped, n_repeated, n_warned; /* all of them; repeated ids are among the skipped, or
                                             * (keep_repeated) the warned */
    size_t n_all;                           /* examples before a selection */
    char fingerprint[PR_SHA256_HEX]; /* of all usable examples, whatever file or order, before
                                        selection */
    struct pr_arena arena;           /* all strings of the examples */
};

struct pr_suite_options {
    const char *name;    /* NULL: from the paths */
    size_t samples;      /* 0: all */
    bool allow_commands; /* checks may run programs that the data set names */
    bool keep_repeated; /* for training: an example whose id was seen before is used too (warned) */
    size_t max_line;    /* 0: PR_SUITE_MAX_LINE */
    /* Asked before each line; true ends it all with PR_E_CANCELLED.  NULL: not wanted. */
    bool (*stopped)(void *ctx);
    void *ctx;
};

/* Reads files, or folders (all *.jsonl directly in them, by name).  A suite of which nothing could
 * be used is PR_E_FORMAT naming the first reason; then *ret is set nevertheless (its issues say
 * more) and the caller frees it.  On any other failure *ret is NULL. */
PR_MUST_CHECK enum pr_code pr_suite_load(const char *const *paths, size_t n_paths,
    const struct pr_suite_options *options, struct pr_suite **ret, struct pr_error *e);
/* A suite of examples that pr_example_pack made, in this order; its fingerprint is over them.
 * PR_E_FORMAT names the first that cannot be read, by its index. */
PR_MUST_CHECK enum pr_code pr_suite_from_lines(const char *name, const char *const *lines, size_t n,
    bool allow_commands, struct pr_suite **ret, struct pr_error *e);
void pr_suite_free(struct pr_suite *s);
/* The fingerprint of the examples that s has now, a selection included, whatever their order. */
PR_MUST_CHECK enum pr_code pr_suite_fingerprint(
    const struct pr_suite *s, char ret[PR_SHA256_HEX], struct pr_error *e);

/* Keeps n examples: of each difficulty its share (largest remainders; at least one of each where n
 * allows), those with the smallest SHA-256 of their id.  Depends on ids and difficulties alone, so
 * every checkpoint gets the same ones.  Order is kept.  n = 0 or >= s->n: all. */
void pr_suite_select(struct pr_suite *s, size_t n);

/* "validation.jsonl:7: <text>"; appends to out. */
void pr_suite_issue_text(
    const struct pr_suite *s, const struct pr_suite_issue *i, struct pr_str *out);
/* {"files":[{"path","lines","used","skipped","formats":{…}}],"examples","skipped","repeated_ids",
 * "warnings":[…]} for inspect and eval; a new reference. */
json_t *pr_suite_json(const struct pr_suite *s);

/* The difficulty that a file's name gives: "easy" for easy.jsonl and easy_50.jsonl; NULL for none.
 */
const char *pr_suite_file_difficulty(const char *path);

/* Is a .json file one JSON value (an array of examples, or an object that holds one)?  Some tools
 * write JSON Lines under .json. */
bool pr_suite_is_whole_json(int fd);

/* The suites under a validation folder (CONTRACT: data/validation): the folder's own files as
 * "validation" (its base name), each subfolder with *.jsonl as a further one.  Sorted, the folder's
 * own first; it is absent without files.  PR_E_NOT_FOUND when there are none at all.
 * pr_suite_dirs_free. */
struct pr_suite_dir {
    char *name, *path;
};
PR_MUST_CHECK enum pr_code pr_suite_dirs(
    const char *folder, struct pr_suite_dir **ret, size_t *ret_n, struct pr_error *e);
void pr_suite_dirs_free(struct pr_suite_dir *dirs, size_t n);

#endif
