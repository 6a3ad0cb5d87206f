/* Errors as every function of proctor returns them.  Part of the public interface. */
#ifndef PROCTOR_ERROR_H
#define PROCTOR_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What kind of failure it was.  PR_OK is 0, so `if (code)` means failure. */
#define PR_CODES(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(E_USAGE, "usage")             /* the caller's arguments make no sense */                     \
    X(E_IO, "io")                   /* a system call failed; see sys_errno */                      \
    X(E_NOT_FOUND, "not found")     /* a file or name is not there */                              \
    X(E_FORMAT, "format")           /* the input breaks its format */                              \
    X(E_UNSUPPORTED, "unsupported") /* well formed, but proctor does not do this */                \
    X(E_LIMIT, "limit")             /* a size, depth or step limit was reached */                  \
    X(E_INCOMPLETE, "incomplete")   /* a checkpoint that is still being written */                 \
    X(E_CHANGED, "changed")         /* a file changed while it was being read */                   \
    X(E_TEMPLATE, "template")       /* a chat template raised an exception of its own */           \
    X(E_CANCELLED, "cancelled")     /* the caller asked to stop */                                 \
    X(E_MEMORY, "memory")           /* an allocation was refused */                                \
    X(E_NUMBER, "number")           /* NaN or infinity where a number was needed */

enum pr_code {
#define PR_X(name, text) PR_##name,
    PR_CODES(PR_X)
#undef PR_X
};

/* A failure, complete enough to show to a person.  Callers own it, usually on the stack, and need
 * not initialise it: it is written only on failure and untouched on success. */
struct pr_error {
    enum pr_code code;
    int sys_errno;      /* errno of the failed system call, else 0 */
    int64_t offset;     /* byte offset in the input where that is known, else -1 */
    char message[1024]; /* one line of UTF-8, no control characters, "where: what, what was
                           expected" */
};

/* The name of a code, such as "format".  Static storage. */
const char *pr_code_name(enum pr_code code);

#ifdef __cplusplus
}
#endif
#endif
