/* Random programs for code tracing. */
#ifndef PR_SKILLS_CODE_WRITE_H
#define PR_SKILLS_CODE_WRITE_H

#include "base/rng.h"
#include "base/str.h"

/* Appends a program of about this level, 1 to 10, without a newline at its end. */
void pr_code_write(struct pr_rng *rng, int level, struct pr_str *out);

#endif
