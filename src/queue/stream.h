/* Lines of files, looked at by several threads and handed out in order. */
#ifndef PR_QUEUE_STREAM_H
#define PR_QUEUE_STREAM_H

#include "queue/blocks.h"
#include "queue/line.h"

struct pr_stream_options {
    size_t threads, max_line, max_turn;
    const struct pr_known *known; /* as of pr_line_checker; unchanged as far as it reads */
};

/* A block whose lines have been looked at; open_failed: the file could not be opened, and the
 * block's fault says why. */
struct pr_stream_block {
    struct pr_block block;
    struct pr_line_result *results; /* [block.n] */
    size_t cap_results, file;
    bool open_failed;
    uint64_t read; /* bytes of the file up to here */
};

struct pr_stream;
struct pr_stream *pr_stream_new(
    const char *const *paths, size_t n, const struct pr_stream_options *options);
void pr_stream_free(struct pr_stream *s);
/* The next block, valid until the next call; NULL at the end.  Reads and looks at blocks itself
 * while none is ready. */
struct pr_stream_block *pr_stream_next(struct pr_stream *s);

#endif
