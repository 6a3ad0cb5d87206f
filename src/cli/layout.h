/* Text laid out in columns of a terminal. */
#ifndef PR_CLI_LAYOUT_H
#define PR_CLI_LAYOUT_H

#include <stddef.h>

#include "base/str.h"

/* Appends text (made harmless) in lines of at most `width` columns.  The first begins where out's
 * line stands, `column` columns in; the others are set in by `indent`.  Ends with a newline. */
void pr_layout_wrap(
    struct pr_str *out, const char *text, size_t column, size_t indent, size_t width);
/* Appends text made harmless, then blanks up to `columns`; longer text is cut with an ellipsis. */
void pr_layout_pad(struct pr_str *out, const char *text, size_t columns);
/* Appends the lines of text, each cut at `width` columns, at most max_lines of them (0: all).
 * Returns how many lines were left out.  text is valid UTF-8 and holds no control characters but
 * newlines. */
size_t pr_layout_cut(struct pr_str *out, const char *text, size_t width, size_t max_lines);

/* "12 s", "3 min", "5 h", "4 days"; buf holds at least 32. */
void pr_layout_duration(double seconds, char buf[32]);
/* 1234567 as "1,234,567"; buf holds at least 32. */
void pr_layout_count(long long n, char buf[32]);

#endif
