/* A training file in blocks of whole lines, in bounded memory: JSON Lines, or the elements of one
 * JSON array (*.json), which count as lines. */
#ifndef PR_QUEUE_BLOCKS_H
#define PR_QUEUE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PR_BLOCK_BYTES ((size_t)256 << 10)
#define PR_BLOCK_LINES 2048

struct pr_block_line {
    size_t at, n;            /* in the block's text; nothing of a line that is too long */
    uint64_t offset, length; /* in the file; length without the line end */
    size_t number;           /* from 1 */
    bool too_long;
};

/* Zero-initialise. */
struct pr_block {
    char *text;
    size_t n_text, cap_text;
    struct pr_block_line *lines; /* without blank ones */
    size_t n, cap;
    bool bom;    /* the file begins with a byte order mark, which no line has */
    char *fault; /* owned: why the file cannot be read beyond these lines; NULL: it can */
    bool last;   /* of the file */
};
void pr_block_clear(struct pr_block *b);
void pr_block_done(struct pr_block *b);

struct pr_blocks;
/* Fails where the file cannot be opened or holds no examples in its form. */
PR_MUST_CHECK enum pr_code pr_blocks_open(
    const char *path, size_t max_line, struct pr_blocks **ret, struct pr_error *e);
void pr_blocks_close(struct pr_blocks *b);
/* Fills the block (cleared) with the next lines; sets last with the end or a fault. */
void pr_blocks_next(struct pr_blocks *b, struct pr_block *ret);
uint64_t pr_blocks_read(const struct pr_blocks *b); /* bytes so far */

#endif
