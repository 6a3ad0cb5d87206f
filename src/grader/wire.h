/* The messages of message.h other than a grade, between C and JSON: one writer and one distrustful
 * reader each, used by the parent (grader.c) and by the grader (serve.c).  docs/protocol.md has
 * every field. */
#ifndef PR_GRADER_WIRE_H
#define PR_GRADER_WIRE_H

#include <sys/types.h>

#include "grader/grader.h"
#include "grader/message.h"
#include "model/engine.h"

/* {"type": type}; new reference. */
json_t *pr_wire_message(const char *type);
/* The type of a message that pr_frame_parse accepted. */
const char *pr_wire_type(const json_t *message);

/* What the grader is told in `hello` and `open`.  Strings are borrowed from the two messages. */
struct pr_wire_task {
    pid_t parent;     /* 0: none to die with */
    const char *path; /* the checkpoint folder */
    const char *(*bases)[2];
    size_t n_bases;
    const json_t *template_vars; /* an object, or NULL */
    int64_t now_utc_ms;
    size_t max_new_tokens;
    enum pr_math math;
    int n_threads, nice, cpu_percent;
    uint64_t kv_bytes, max_memory;
    bool scan, allow_commands;
};
json_t *pr_wire_put_hello(const struct pr_grader_options *o, pid_t parent);
json_t *pr_wire_put_open(const struct pr_grader_options *o);
PR_MUST_CHECK enum pr_code pr_wire_get_hello(
    const json_t *m, struct pr_wire_task *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_wire_get_open(
    const json_t *m, struct pr_wire_task *ret, struct pr_error *e);
void pr_wire_task_done(struct pr_wire_task *t);

json_t *pr_wire_put_opened(const struct pr_grader_opened *o);
PR_MUST_CHECK enum pr_code pr_wire_get_opened(
    const json_t *m, struct pr_grader_opened *ret, struct pr_error *e);

json_t *pr_wire_put_progress(int64_t order, const struct pr_grader_progress *p);
PR_MUST_CHECK enum pr_code pr_wire_get_progress(
    const json_t *m, int64_t *ret_order, struct pr_grader_progress *ret, struct pr_error *e);

json_t *pr_wire_put_done(const struct pr_grader_done *d);
PR_MUST_CHECK enum pr_code pr_wire_get_done(
    const json_t *m, struct pr_grader_done *ret, struct pr_error *e);

/* order 0: the checkpoint as a whole. */
json_t *pr_wire_put_failed(int64_t order, const struct pr_error *why);
PR_MUST_CHECK enum pr_code pr_wire_get_failed(
    const json_t *m, int64_t *ret_order, struct pr_error *ret_why, struct pr_error *e);

PR_MUST_CHECK enum pr_code pr_wire_get_order(const json_t *m, int64_t *ret, struct pr_error *e);
/* A text for people that a grader made: one line without control characters, of a length that can
 * be shown. */
bool pr_wire_is_plain(const json_t *text);
/* Is s n lower-case hexadecimal digits? */
bool pr_wire_is_hex(const char *s, size_t n);

#endif
