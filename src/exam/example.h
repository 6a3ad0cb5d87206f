/* One example of an exam: a line of a data set in any of the accepted formats, brought into one
 * form.
 *
 * To add a format: a line in the table of formats.c and its reader there, its test, its row in
 * docs/exam.md.
 */
#ifndef PR_EXAM_EXAMPLE_H
#define PR_EXAM_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "exam/checks.h"

/* How a format holds its turns: what a reader that makes no JSON values (queue/quick.c) must know.
 */
enum pr_format_shape {
    PR_SHAPE_OTHER,  /* only `read` knows */
    PR_SHAPE_PAIR,   /* keys[0] is asked, keys[1] the answer */
    PR_SHAPE_TURNS,  /* keys[0] is a list of turns */
    PR_SHAPE_ALPACA, /* as a pair, with "input" below what is asked */
    PR_SHAPE_TEXT,   /* keys[0] is plain text or ChatML */
};

struct pr_format {
    const char *name;    /* "prompt/golden" */
    const char *keys[2]; /* a line of this format has both (the second may be NULL) */
    enum pr_format_shape shape;
    enum pr_code (*read)(struct pr_example_reader *r, struct pr_error *e);
};
const struct pr_format *pr_formats(size_t *ret_n);
/* The format of a line, or PR_E_FORMAT that says which keys were missing. */
PR_MUST_CHECK enum pr_code pr_format_detect(
    const json_t *line, const struct pr_format **ret, struct pr_error *e);

#define PR_UNSPECIFIED "unspecified"

/* Strings are valid UTF-8, may hold NUL, are NUL-terminated, and live in the arena given to parse.
 */
struct pr_example {
    const char *id; /* the line's own, else 16 hex digits of its content's hash */
    bool own_id;
    const char *skill, *difficulty, *pattern; /* NULL where the line has none */
    const struct pr_format *format;
    json_t *messages;      /* owned: the turns before the answer; NULL for plain text */
    json_t *tools;         /* owned, or NULL: the template's variable */
    struct pr_text prompt; /* the same turns as plain text, for models without a template */
    struct pr_text
        golden;          /* the answer as it stands (a think block included); s NULL: plain text */
    struct pr_text text; /* plain text, of which only the loss is taken; else s NULL */
    struct pr_check check;
    size_t file, line; /* where it was read: index into the suite's files, line from 1 */
    uint8_t digest[PR_SHA256_LEN]; /* of everything that a grade depends on, id included */
    json_t *source;                /* owned: the line as it was read */
    const char *file_difficulty;   /* what its file's name gave, or NULL */
};

struct pr_example_options {
    bool allow_commands;         /* else an example whose check is a command is refused */
    const char *file_difficulty; /* where the line has none; NULL: unspecified */
    void (*warn)(void *ctx, const char *text); /* what was odd but accepted; NULL: not wanted */
    void *ctx;
};

/* Reads one parsed line.  On failure *ret is untouched and e says which key is wrong and what was
 * expected (PR_E_FORMAT; PR_E_UNSUPPORTED for a check that cannot be used). */
PR_MUST_CHECK enum pr_code pr_example_parse(const json_t *line,
    const struct pr_example_options *options, struct pr_arena *arena, struct pr_example *ret,
    struct pr_error *e);
void pr_example_done(struct pr_example *x); /* drops messages, tools, the check and the source */
/* {"line":…,"difficulty":…} as text: with pr_suite_from_lines the same example again, digest
 * included, elsewhere and later.  pr_free. */
char *pr_example_pack(const struct pr_example *x);

/* What was asked last: the text of the user's last turn; empty where there is none. */
struct pr_text pr_example_question(const struct pr_example *x);

/* Splits a <think>…</think> block off the start of text (white space before it allowed).  Returns
 * the text after the block without the white space that follows it; *ret_has says whether there was
 * a block, *ret_closed whether it ends.  Without a block the text itself. */
struct pr_text pr_think_split(struct pr_text text, bool *ret_has, bool *ret_closed);

/* --- for the readers of formats.c --- */
struct pr_example_reader {
    const json_t *line;
    const struct pr_example_options *options;
    struct pr_arena *arena;
    struct pr_example *x; /* messages, golden or text are to be filled */
};
void pr_example_warn(struct pr_example_reader *r, const char *fmt, ...) PR_PRINTF(2, 3);
struct pr_text pr_example_keep(struct pr_example_reader *r, const char *s, size_t n);

#endif
