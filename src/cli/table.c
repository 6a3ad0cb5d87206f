/* Tables in plain text. */
#include "cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/term.h"

void pr_table_init(struct pr_table *t, size_t n_columns, const char *const *headings)
{
    assert(n_columns <= PR_TABLE_COLUMNS);
    *t = (struct pr_table){.n_columns = n_columns};
    for (size_t i = 0; i < n_columns; i++) {
        t->left[i] = headings[i][0] == '<';
        pr_table_cell(t, headings[i] + t->left[i], 0);
    }
}

void pr_table_cell(struct pr_table *t, const char *text, size_t max_columns)
{
    struct pr_str clean = PR_STR_INIT(1 << 16);
    pr_term_clean(&clean, text, strlen(text), max_columns);
    PR_PUSH(t->cells, t->n, t->cap, pr_str_take(&clean));
}

void pr_table_cellf(struct pr_table *t, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pr_table_cell(t, text, 0);
}

void pr_table_number(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_number(v))
        pr_table_cellf(t, "%.*f", digits, json_number_value(v) * scale);
    else
        pr_table_cell(t, "–", 0);
}

void pr_table_signed(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_number(v))
        pr_table_cellf(t, "%+.*f", digits, json_number_value(v) * scale);
    else
        pr_table_cell(t, "–", 0);
}

void pr_table_interval(
    struct pr_table *t, const json_t *doc, const char *key, int digits, double scale)
{
    const json_t *v = json_object_get(doc, key);
    const json_t *lo = json_array_get(v, 0), *hi = json_array_get(v, 1);
    if (json_is_number(lo) && json_is_number(hi))
        pr_table_cellf(t, "%.*f to %.*f", digits, json_number_value(lo) * scale, digits,
            json_number_value(hi) * scale);
    else
        pr_table_cell(t, "–", 0);
}

static size_t columns(const char *text)
{
    return pr_term_columns(text, strlen(text));
}

static void put_row(const struct pr_table *t, size_t row, const size_t *width, struct pr_str *out)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *cell = t->cells[row * t->n_columns + i];
        size_t pad = width[i] - columns(cell);
        bool last = i + 1 == t->n_columns;
        if (i)
            pr_str_puts(out, "  ");
        for (size_t k = 0; !t->left[i] && k < pad; k++)
            pr_str_putc(out, ' ');
        pr_str_puts(out, cell);
        for (size_t k = 0; t->left[i] && !last && k < pad; k++)
            pr_str_putc(out, ' ');
    }
    pr_str_putc(out, '\n');
}

void pr_table_finish(struct pr_table *t, struct pr_str *out)
{
    size_t width[PR_TABLE_COLUMNS] = {0}, line = 0, rows = t->n / t->n_columns;
    assert(t->n % t->n_columns == 0);
    for (size_t i = 0; i < t->n; i++) {
        size_t w = columns(t->cells[i]), *most = &width[i % t->n_columns];
        *most = w > *most ? w : *most;
    }
    for (size_t i = 0; i < t->n_columns; i++)
        line += width[i] + (i ? 2 : 0);
    for (size_t row = 0; row < rows; row++) {
        put_row(t, row, width, out);
        for (size_t k = 0; !row && k < line; k++)
            pr_str_puts(out, "─");
        if (!row)
            pr_str_putc(out, '\n');
    }
    for (size_t i = 0; i < t->n; i++)
        pr_free(t->cells[i]);
    pr_free(t->cells);
    *t = (struct pr_table){0};
}
