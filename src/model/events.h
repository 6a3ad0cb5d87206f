/* TensorBoard event files (events.out.tfevents.*): the scalars that a training logged.
 *
 * The file is a row of TFRecords (length, checksum, bytes, checksum), each an Event message of
 * TensorFlow's event.proto; read here are step, wall_time and the scalar values of its summary, in
 * the older form (simple_value) and the newer (a tensor without dimensions). */
#ifndef PR_MODEL_EVENTS_H
#define PR_MODEL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/tokenizer.h" /* struct pr_notes */

#define PR_EVENTS_MAX ((size_t)1 << 30) /* bytes of a file */

struct pr_event {
    int64_t step;
    double wall_time; /* seconds since 1970; NaN where not given */
    const char *tag;  /* valid UTF-8; lives as long as the list */
    double value;     /* as logged: NaN and infinities stay what they are */
};

struct pr_events {
    struct pr_event *v; /* in the order of the file */
    size_t n, cap;
    size_t n_records; /* messages of any kind */
    bool cut_off;     /* the last record is not all there (also noted) */
    struct pr_arena arena;
};

/* A record that the file's end cuts off (or zeros, as a crash leaves them) is noted, what comes
 * before it is kept.  PR_E_FORMAT with the byte offset: no event file at all, a wrong checksum, a
 * message that is none. */
PR_MUST_CHECK enum pr_code pr_events_parse(const void *bytes, size_t n, const char *name,
    struct pr_events *ret, struct pr_notes *notes, struct pr_error *e);
/* Reads dir_fd/name. */
PR_MUST_CHECK enum pr_code pr_events_read(int dir_fd, const char *name, struct pr_events *ret,
    struct pr_notes *notes, struct pr_error *e);
void pr_events_done(struct pr_events *l); /* a zeroed one is fine */

/* CRC-32C (Castagnoli) of n bytes, as TFRecord masks it. */
uint32_t pr_tfrecord_crc(const void *bytes, size_t n);

#endif
