/* Tables as text: Markdown's pipes, comma-separated values, or words with a space between. */
#include "skills/table_text.h"

#include <string.h>

#define MAX_COLS (PR_TABLE_COLS + 2)

static const struct {
    const char *before, *between, *after;
} formats[PR_TABLE_N_FORMATS] = {
    [PR_TABLE_PIPES] = {"| ", " | ", " |"},
    [PR_TABLE_CSV] = {"", ",", ""},
    [PR_TABLE_SPACES] = {"", " ", ""},
};

static void put_start(
    struct pr_str *out, const struct pr_text_table *t, const char *key, const char *category)
{
    pr_str_printf(out, "%s%s", formats[t->format].before, key);
    if (t->has_category)
        pr_str_printf(out, "%s%s", formats[t->format].between, category);
}

void pr_table_text_put(struct pr_str *out, const struct pr_text_table *t)
{
    put_start(out, t, t->key_name, t->category_name);
    for (size_t i = 0; i < t->n_numbers; i++)
        pr_str_printf(out, "%s%s", formats[t->format].between, t->number_names[i]);
    pr_str_puts(out, formats[t->format].after);
    if (t->format == PR_TABLE_PIPES) {
        pr_str_puts(out, "\n|");
        for (size_t i = 0; i < t->n_numbers + 1 + t->has_category; i++)
            pr_str_puts(out, "---|");
    }
    for (size_t r = 0; r < t->n_rows; r++) {
        pr_str_putc(out, '\n');
        put_start(out, t, t->rows[r].key, t->rows[r].category);
        for (size_t i = 0; i < t->n_numbers; i++)
            pr_str_printf(out, "%s%lld", formats[t->format].between, (long long)t->rows[r].x[i]);
        pr_str_puts(out, formats[t->format].after);
    }
}

static bool take_line(struct pr_skill_text *text, struct pr_skill_text *ret)
{
    if (!text->n)
        return false;
    const char *end = memchr(text->s, '\n', text->n);
    ret->s = text->s;
    ret->n = end ? (size_t)(end - text->s) : text->n;
    text->s += ret->n + (end != NULL);
    text->n -= ret->n + (end != NULL);
    return true;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The cells of a line; how many, 0: it is not of the format. */
static size_t cells(
    struct pr_skill_text line, enum pr_table_format f, struct pr_skill_text ret[MAX_COLS])
{
    size_t n = 0;
    if (!pr_skill_take(&line, formats[f].before))
        return 0;
    do {
        size_t k = 0;
        while (k < line.n && is_word_char(line.s[k]))
            k++;
        if (!k || k >= PR_TABLE_WORD || n == MAX_COLS)
            return 0;
        ret[n++] = (struct pr_skill_text){line.s, k};
        line.s += k;
        line.n -= k;
    } while (pr_skill_take(&line, formats[f].between));
    return pr_skill_take(&line, formats[f].after) && !line.n ? n : 0;
}

static void copy(char ret[PR_TABLE_WORD], struct pr_skill_text t)
{
    memcpy(ret, t.s, t.n);
    ret[t.n] = 0;
}

static bool is_number(struct pr_skill_text t, int64_t *ret)
{
    return pr_skill_take_number(&t, ret) && !t.n && *ret <= 1000000000;
}

static bool read_row(
    const struct pr_skill_text *cell, const struct pr_text_table *t, struct pr_table_row *ret)
{
    copy(ret->key, cell[0]);
    if (t->has_category)
        copy(ret->category, cell[1]);
    for (size_t i = 0; i < t->n_numbers; i++)
        if (!is_number(cell[1 + t->has_category + i], &ret->x[i]))
            return false;
    for (size_t r = 0; r < t->n_rows; r++)
        if (!strcmp(t->rows[r].key, ret->key))
            return false;
    return true;
}

/* From the heading and the first row: whether the second column holds numbers tells the rest. */
static bool read_heading(const struct pr_skill_text *heading, const struct pr_skill_text *row,
    size_t n, struct pr_text_table *t)
{
    int64_t x;
    if (n < 2)
        return false;
    t->has_category = !is_number(row[1], &x);
    t->n_numbers = n - 1 - t->has_category;
    if (!t->n_numbers || t->n_numbers > PR_TABLE_COLS)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (pr_skill_says(heading[i].s, heading[i].n, heading[k].s, heading[k].n))
                return false;
    copy(t->key_name, heading[0]);
    if (t->has_category)
        copy(t->category_name, heading[1]);
    for (size_t i = 0; i < t->n_numbers; i++)
        copy(t->number_names[i], heading[1 + t->has_category + i]);
    return true;
}

static bool read_as(struct pr_skill_text text, enum pr_table_format f, struct pr_text_table *t)
{
    struct pr_skill_text line, heading[MAX_COLS], row[MAX_COLS];
    size_t n = take_line(&text, &line) ? cells(line, f, heading) : 0;
    *t = (struct pr_text_table){.format = f};
    if (!n)
        return false;
    if (f == PR_TABLE_PIPES) {
        if (!take_line(&text, &line) || !pr_skill_take(&line, "|"))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!pr_skill_take(&line, "---|"))
                return false;
        if (line.n)
            return false;
    }
    while (take_line(&text, &line)) {
        if (t->n_rows == PR_TABLE_ROWS || cells(line, f, row) != n ||
            (!t->n_rows && !read_heading(heading, row, n, t)) ||
            !read_row(row, t, &t->rows[t->n_rows]))
            return false;
        t->n_rows++;
    }
    return t->n_rows > 0;
}

bool pr_table_text_read(struct pr_skill_text text, struct pr_text_table *ret)
{
    for (int f = 0; f < PR_TABLE_N_FORMATS; f++)
        if (read_as(text, (enum pr_table_format)f, ret))
            return true;
    return false;
}
