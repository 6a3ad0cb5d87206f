/* libproctor: examine language-model checkpoints as trainers leave them.
 *
 * Open a folder, then tokenize, render its chat template, score, generate, or grade it on a suite
 * of examples.  The program `proctor` is made of these functions.  docs/libproctor.md has a whole
 * example.
 *
 *     struct proctor_model *m;
 *     struct pr_error e;
 *     if (proctor_open("models/checkpoint-100", NULL, &m, &e))
 *         fprintf(stderr, "%s\n", e.message);
 *
 * Rules.  Functions that can fail return enum pr_code (0: fine) and fill *e, which may be NULL; on
 * failure nothing is handed over.  Texts are UTF-8.  Text that a function hands over (`char **ret`)
 * is the caller's: proctor_free.  A model may be used from one thread at a time; several models
 * side by side are fine.  The library prints nothing and installs no signal handlers.
 */
#ifndef PROCTOR_H
#define PROCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proctor/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROCTOR_API    __attribute__((visibility("default")))
#define PROCTOR_RESULT PROCTOR_API __attribute__((warn_unused_result)) enum pr_code

/* "0.1.0" */
PROCTOR_API const char *proctor_version(void);
/* A code's name, such as "format". */
PROCTOR_API const char *proctor_code_name(enum pr_code code);
/* Frees text that the library handed over; NULL is fine. */
PROCTOR_API void proctor_free(void *text);

#ifdef __cplusplus
}
#endif
#endif
