/* What a grader and its parent say to each other (docs/protocol.md has every field).
 *
 *   parent → grader                      grader → parent
 *   hello  version, options              hello   version, proctor's version, kernels
 *   open   path, bases                   opened  fingerprint, origin, settings, notes …
 *   order  id, examples                  grade   id, example, everything known of it
 *   cancel id                            progress id, tokens
 *                                        done    id, what it cost, cancelled or not
 *   (end of the stream: leave)           failed  id or 0, code, message
 *
 * To add a message: its line in PR_MESSAGES, its reader and writer, its section in
 * docs/protocol.md; a field is added freely, a changed meaning raises PR_FRAME_VERSION.
 */
#ifndef PR_GRADER_MESSAGE_H
#define PR_GRADER_MESSAGE_H

#include "base/error.h"
#include "base/json.h"
#include "exam/grade.h"

/* A grade as a message's members, lossless: a number that is not one is null.  `example` is given
 * by its digest. */
void pr_message_put_grade(json_t *message, const struct pr_grade *g);
/* Reads it back; *ret owns its strings (pr_grade_done); ret->example is left NULL and the digest
 * handed over in hex.  PR_E_FORMAT names the field that is missing, of another type, or not
 * possible (a loss below 0, counts that cannot be): a grader has read a stranger's files and is not
 * trusted either. */
PR_MUST_CHECK enum pr_code pr_message_get_grade(
    const json_t *message, struct pr_grade *ret, char ret_digest[65], struct pr_error *e);

#endif
