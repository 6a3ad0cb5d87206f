/* How functions report failure.
 *
 * A function that can fail returns enum pr_code and takes `struct pr_error *e` last.  It fills e
 * with pr_fail() where the failure happens; each layer above adds in front what it was doing with
 * pr_wrap():  "checkpoint-1200: model.safetensors: tensor 'lm_head.weight': ends at byte 900, file
 * has 812".  e may be NULL when the caller does not care for the text.
 */
#ifndef PR_BASE_ERROR_H
#define PR_BASE_ERROR_H

#include "proctor/error.h"

#define PR_MUST_CHECK        __attribute__((warn_unused_result))
#define PR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills e (offset -1, sys_errno 0) and returns code.  Control characters from hostile names that
 * the arguments bring in are replaced by '?'; a message too long is cut at a character boundary. */
enum pr_code pr_fail(struct pr_error *e, enum pr_code code, const char *fmt, ...) PR_PRINTF(3, 4);

/* As pr_fail with PR_E_IO (PR_E_NOT_FOUND for ENOENT), appending ": " and strerror(err). */
enum pr_code pr_fail_errno(struct pr_error *e, int err, const char *fmt, ...) PR_PRINTF(3, 4);

/* As pr_fail, with the byte offset in the input; ` (byte N)` is appended to the message. */
enum pr_code pr_fail_at(struct pr_error *e, enum pr_code code, int64_t offset, const char *fmt, ...)
    PR_PRINTF(4, 5);

/* Puts "<text>: " before the message of an error that is already filled; returns its code. */
enum pr_code pr_wrap(struct pr_error *e, enum pr_code code, const char *fmt, ...) PR_PRINTF(3, 4);

/* The static analyzer looks at one file at a time and would take these for functions that may
 * return PR_OK: tell it that the code handed in comes back. */
#if defined(__clang_analyzer__) && !defined(PR_BASE_ERROR_C)
#define pr_fail(e, code, ...)            ((void)pr_fail(e, code, __VA_ARGS__), (code))
#define pr_fail_errno(e, err, ...)       ((void)pr_fail_errno(e, err, __VA_ARGS__), PR_E_IO)
#define pr_fail_at(e, code, offset, ...) ((void)pr_fail_at(e, code, offset, __VA_ARGS__), (code))
#define pr_wrap(e, code, ...)            ((void)pr_wrap(e, code, __VA_ARGS__), (code))
#endif

#endif
