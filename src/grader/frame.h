/* Frames: JSON messages over a byte stream, between the daemon and its graders, and between the
 * owner of a base folder and whoever registers with it (docs/protocol.md).
 *
 *     'P' 'R' version '\n' | length: 4 bytes, little-endian | length bytes of UTF-8 JSON, an object
 *
 * Every message has a "type".  A stream that breaks the format is done with: its peer is not to be
 * trusted any further.  Neither side ever blocks on the other: writing side buffers, reading side
 * takes what has come.
 */
#ifndef PR_GRADER_FRAME_H
#define PR_GRADER_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

#define PR_FRAME_VERSION 1
#define PR_FRAME_MAX     ((size_t)64 << 20) /* bytes of one message */
#define PR_FRAME_NODES                                                                             \
    ((size_t)1 << 20) /* values in it: a few bytes of text make many in memory                     \
                       */

/* Both directions of one stream.  fds are non-blocking and belong to the caller. */
struct pr_frames {
    int in, out;
    struct pr_str got; /* read and not taken yet, from `taken` on */
    size_t taken;
    struct pr_str kept; /* to be written, from `sent` on */
    size_t sent, max_kept;
    bool eof, socket; /* socket: `out` is one, and is written without SIGPIPE */
};
/* max_kept: bytes that may wait to be written; more is PR_E_LIMIT from pr_frames_put. */
void pr_frames_init(struct pr_frames *f, int in, int out, size_t max_kept);
void pr_frames_done(struct pr_frames *f); /* closes nothing */

/* Queues a message (borrowed) and writes what the stream takes at once. */
PR_MUST_CHECK enum pr_code pr_frames_put(
    struct pr_frames *f, const json_t *message, struct pr_error *e);
/* Writes what waits; *f wants POLLOUT while pr_frames_waiting is not 0. */
PR_MUST_CHECK enum pr_code pr_frames_flush(struct pr_frames *f, struct pr_error *e);
size_t pr_frames_waiting(const struct pr_frames *f);
/* Reads what has come, once; sets eof. */
PR_MUST_CHECK enum pr_code pr_frames_read(struct pr_frames *f, struct pr_error *e);
/* The next whole message, or *ret NULL when more must come first.  New reference.  PR_E_FORMAT: the
 * peer does not speak this; also a stream that ended within a frame. */
PR_MUST_CHECK enum pr_code pr_frames_take(struct pr_frames *f, json_t **ret, struct pr_error *e);
/* Waits up to timeout_ms (-1: for ever) for a message, writing meanwhile; for programs that do one
 * thing at a time.  *ret NULL at the end of the stream; PR_E_LIMIT when time is up. */
PR_MUST_CHECK enum pr_code pr_frames_wait(
    struct pr_frames *f, int timeout_ms, json_t **ret, struct pr_error *e);

/* The same as bytes, for tests and fuzzing: appends a frame; takes one from the front of n bytes
 * (*ret_used 0: not whole yet). */
void pr_frame_append(struct pr_str *out, const json_t *message);
PR_MUST_CHECK enum pr_code pr_frame_parse(
    const char *bytes, size_t n, json_t **ret, size_t *ret_used, struct pr_error *e);

#endif
