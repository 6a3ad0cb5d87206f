/* Validation of training files: what is wrong with which line, in one pass and in bounded memory.
 *
 * Files in any accepted format (exam/formats.c) are read in blocks of whole lines, which threads
 * look at in parallel; what depends on the lines before (repeated ids, duplicates) is decided in
 * the order of the lines, so the result does not depend on the number of threads.
 *
 * To add a defect: a line in PR_DEFECTS, what finds it in line.c (format), answer.c (wrong
 * answers) or validate.c (what depends on other lines), its test, its row in docs/queue.md.
 */
#ifndef PR_QUEUE_VALIDATE_H
#define PR_QUEUE_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "queue/known.h"

/* (name, text of it in documents, is the line refused?, what it means) */
#define PR_DEFECTS(X)                                                                              \
    X(UNREADABLE, "unreadable_file", true, "the file cannot be read to its end")                   \
    X(EMPTY_FILE, "empty_file", true, "the file holds no example")                                 \
    X(LONG_LINE, "line_too_long", true, "the line is longer than the limit")                       \
    X(NOT_UTF8, "invalid_utf8", true, "the line is not valid UTF-8")                               \
    X(NOT_JSON, "invalid_json", true, "the line is not valid JSON")                                \
    X(MISSING_FIELD, "missing_field", true, "the line fits no format: a field is missing")         \
    X(BAD_FIELD, "bad_field", true, "a field has a type or value that cannot be used")             \
    X(SURROGATE, "lone_surrogate", true, "a string holds half of a surrogate pair")                \
    X(NUL, "nul", true, "a string holds NUL")                                                      \
    X(NO_ANSWER, "no_answer", true, "the conversation has no answer to learn from")                \
    X(ROLE_ORDER, "role_order", true, "the roles do not follow each other as in a conversation")   \
    X(EMPTY_TURN, "empty_turn", true, "a turn of the user or the assistant is empty")              \
    X(LONG_TURN, "turn_too_long", true, "a turn is longer than the limit")                         \
    X(THINK, "unbalanced_think", true, "<think> and </think> do not match")                        \
    X(WRONG_ANSWER, "wrong_answer", true, "the verifier of its skill refuses the answer")          \
    X(CONTAMINATED, "contaminated", true, "it overlaps an example of a validation suite")          \
    X(DUPLICATE, "duplicate", true, "the same text was there before")                              \
    X(NEAR_DUPLICATE, "near_duplicate", true, "nearly the same text was there before")             \
    X(REPEATED_ID, "repeated_id", false, "another example has the same id")                        \
    X(BOM, "byte_order_mark", false, "the file begins with a byte order mark")                     \
    X(ODD, "odd", false, "accepted, but odd")

enum pr_defect {
#define PR_X(name, text, refused, about) PR_DEFECT_##name,
    PR_DEFECTS(PR_X)
#undef PR_X
        PR_N_DEFECTS
};
const char *pr_defect_name(enum pr_defect d);  /* "lone_surrogate" */
const char *pr_defect_about(enum pr_defect d); /* what it means, a clause */
bool pr_defect_refuses(enum pr_defect d);      /* else it is a warning */

enum pr_line_verdict { PR_VALID, PR_WARNED, PR_REFUSED };

#define PR_LINE_REASONS 4 /* kept of a line; the first one that refuses it comes first */
struct pr_reason {
    enum pr_defect defect;
    char text[400]; /* valid UTF-8, complete enough to show: what, and for matches where */
};

/* A line as the callback sees it.  Everything is borrowed for the call. */
struct pr_validated {
    const char *path;
    size_t line;     /* from 1; of a .json file that is an array the place in it; 0: the file */
    uint64_t offset; /* of its first byte in the file, and its length without the line end */
    uint64_t length;
    const char *bytes; /* length of them, as they are in the file; NULL for a line over max_line
                        * (offset and length say where it is) and for the file itself */
    enum pr_line_verdict verdict;
    const struct pr_reason *reasons;
    size_t n_reasons;
    struct pr_known_match match; /* kind PR_KNOWN_NEW: none */
};

struct pr_validate_options {
    size_t threads;    /* 0: one a CPU; results do not depend on it */
    size_t max_line;   /* bytes; 0: 16 MiB */
    size_t max_turn;   /* bytes; 0: 256 KiB */
    size_t max_listed; /* findings kept with their text; 0: 100 */
    /* Duplicates and contamination are looked up here, and each line that is not refused is added.
     * NULL: neither is looked at (a check of the format alone). */
    struct pr_known *known;
    /* Called for each line that is not blank, and with line 0 for what concerns a file as a whole,
     * in order, on the calling thread. */
    void (*each)(void *ctx, const struct pr_validated *line);
    /* Bytes read so far; called for each block, on the calling thread. */
    void (*progress)(void *ctx, uint64_t bytes);
    bool (*stopped)(void *ctx); /* asked for each block; true ends it with PR_E_CANCELLED */
    void *ctx;
};

struct pr_validated_file {
    char *path;
    uint64_t bytes;
    size_t n_lines, n_valid, n_warned, n_refused; /* of lines that are not blank; valid + warned +
                                                     refused = lines */
    bool refused; /* as a whole: unreadable, or without any example */
};

struct pr_finding {
    size_t file, line; /* index into files; line as in pr_validated */
    enum pr_defect defect;
    char *text; /* without file and line */
};

struct pr_validation {
    struct pr_validated_file *files;
    size_t n_files;
    uint64_t bytes;
    size_t n_lines, n_valid, n_warned, n_refused; /* sums over the files */
    size_t by_defect[PR_N_DEFECTS];               /* all of them, listed or not */
    struct pr_finding *v;                         /* the first max_listed, in order */
    size_t n, cap;
};

/* Validates files (not folders) in this order as one set: ids and texts that repeat across them
 * are found.  A file that cannot be read is a defect, not a failure.  Fails with PR_E_CANCELLED
 * alone. pr_validation_free. */
PR_MUST_CHECK enum pr_code pr_validate(const char *const *paths, size_t n,
    const struct pr_validate_options *options, struct pr_validation **ret, struct pr_error *e);
void pr_validation_free(struct pr_validation *v);
/* {"files":[…],"lines","valid","warned","refused","bytes","by_defect":{…},"findings":[…]}; a new
 * reference. */
json_t *pr_validation_json(const struct pr_validation *v);

#endif
