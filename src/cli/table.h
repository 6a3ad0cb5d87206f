/* Tables and figures for people. */
#ifndef PR_CLI_TABLE_H
#define PR_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"

#define PR_TABLE_COLUMNS 16

struct pr_table {
    size_t n_columns;
    bool left[PR_TABLE_COLUMNS]; /* text; numbers stand to the right */
    char **cells;                /* owned, row by row; the first row is the heading */
    size_t n, cap;
};

/* headings: n_columns of them; one that begins with '<' is a left-aligned column (without the
 * sign). */
void pr_table_init(struct pr_table *t, size_t n_columns, const char *const *headings);
/* The next cell, row by row; hostile text is made harmless and cut at max_columns (0: not). */
void pr_table_cell(struct pr_table *t, const char *text, size_t max_columns);
void pr_table_cellf(struct pr_table *t, const char *fmt, ...) PR_PRINTF(2, 3);
/* A number member of doc with `digits` decimals times `scale`, or "–" where it is null or absent.
 */
void pr_table_number(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale);
/* The same with its sign, for differences. */
void pr_table_signed(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale);
/* "lo to hi" of a member that is a list of two numbers. */
void pr_table_interval(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale);
/* Appends the table, with a line under the heading, and frees it. */
void pr_table_finish(struct pr_table *t, struct pr_str *out);

#endif
