/* See layout.h. */
#include "cli/layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/term.h"

static void blanks(struct pr_str *out, size_t n)
{
    while (n--)
        pr_str_putc(out, ' ');
}

void pr_layout_wrap(
    struct pr_str *out, const char *text, size_t column, size_t indent, size_t width)
{
    struct pr_str plain = PR_STR_INIT(1 << 20);
    bool first = true; /* of its line */
    pr_term_clean(&plain, text, strlen(text), 0);
    for (const char *s = pr_str_cstr(&plain); *s;) {
        size_t n = strcspn(s, " "), columns = pr_term_columns(s, n);
        if (!first && column + 1 + columns > width) {
            pr_str_putc(out, '\n');
            blanks(out, indent);
            column = indent;
        } else if (!first) {
            pr_str_putc(out, ' ');
            column++;
        }
        pr_str_append(out, s, n);
        column += columns;
        first = false;
        s += n + (s[n] == ' ');
    }
    pr_str_putc(out, '\n');
    pr_str_done(&plain);
}

void pr_layout_pad(struct pr_str *out, const char *text, size_t columns)
{
    struct pr_str clean = PR_STR_INIT(1 << 16);
    pr_term_clean(&clean, text, strlen(text), columns);
    size_t width = pr_term_columns(pr_str_cstr(&clean), clean.len);
    pr_str_append(out, pr_str_cstr(&clean), clean.len);
    blanks(out, columns > width ? columns - width : 0);
    pr_str_done(&clean);
}

/* Bytes of a line that fit into width columns. */
static size_t fitting(const char *line, size_t n, size_t width)
{
    uint32_t c;
    size_t at = 0;
    while (at < n) {
        size_t len = pr_utf8_decode(line + at, &c);
        if (pr_term_columns(line, at + len) > width)
            break;
        at += len;
    }
    return at;
}

size_t pr_layout_cut(struct pr_str *out, const char *text, size_t width, size_t max_lines)
{
    size_t lines = 0, left = 0;
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, "\n");
        if (max_lines && lines >= max_lines) {
            left++;
        } else if (pr_term_columns(s, n) > width) {
            pr_str_append(out, s, fitting(s, n, width - 1));
            pr_str_puts(out, "…\n");
        } else {
            pr_str_append(out, s, n);
            pr_str_putc(out, '\n');
        }
        lines++;
        s += n + (s[n] == '\n');
    }
    return left;
}

void pr_layout_duration(double seconds, char buf[32])
{
    static const struct {
        double below, unit;
        const char *name;
    } units[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INFINITY, 86400, "days"}};
    if (!(seconds < 1e12)) {
        snprintf(buf, 32, "?");
        return;
    }
    size_t i = 0;
    seconds = fmax(seconds, 0);
    while (seconds >= units[i].below)
        i++;
    snprintf(buf, 32, "%.0f %s", floor(seconds / units[i].unit), units[i].name);
}

void pr_layout_count(long long n, char buf[32])
{
    char digits[32];
    size_t k = 0, len = (size_t)snprintf(digits, sizeof digits, "%lld", n);
    for (size_t i = 0; i < len; i++) {
        if (i && digits[i - 1] != '-' && (len - i) % 3 == 0)
            buf[k++] = ',';
        buf[k++] = digits[i];
    }
    buf[k] = 0;
}
