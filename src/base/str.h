/* Growing byte strings with a mandatory maximum.
 *
 * Invariants: data is NUL-terminated at len whenever it is not NULL; len <= max.  An append that
 * would pass max appends nothing and sets `over`; the owner checks `over` once at the end, so
 * builders stay free of error handling while nothing is ever silently cut.
 */
#ifndef PR_BASE_STR_H
#define PR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct pr_str {
    char *data; /* owned; NULL while empty and never written */
    size_t len, cap, max;
    bool over;
};

#define PR_STR_INIT(maximum) ((struct pr_str){.max = (maximum)})

void pr_str_append(struct pr_str *s, const char *bytes, size_t n);
void pr_str_puts(struct pr_str *s, const char *text);
void pr_str_putc(struct pr_str *s, char c);
void pr_str_printf(struct pr_str *s, const char *fmt, ...) PR_PRINTF(2, 3);
/* The contents as a C string ("" when never written); valid until the next append. */
const char *pr_str_cstr(const struct pr_str *s);
void pr_str_clear(struct pr_str *s); /* len = 0, over = false; keeps the memory */
void pr_str_done(struct pr_str *s);  /* frees */
/* Hands the bytes over to the caller (never NULL; pr_free) and empties s. */
char *pr_str_take(struct pr_str *s);

#endif
