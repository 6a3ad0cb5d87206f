/* Growing byte strings with a mandatory maximum. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* Room for n more bytes and the NUL; false (and `over`) past the maximum. */
static bool reserve(struct pr_str *s, size_t n)
{
    if (s->over || n > s->max - s->len) {
        s->over = true;
        return false;
    }
    size_t need = s->len + n + 1;
    if (need > s->cap) {
        size_t cap = s->cap ? s->cap : 64;
        while (cap < need)
            cap += cap / 2;
        s->data = pr_realloc(s->data, cap, 1);
        s->cap = cap;
    }
    return true;
}

void pr_str_append(struct pr_str *s, const char *bytes, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = 0;
}

void pr_str_puts(struct pr_str *s, const char *text)
{
    pr_str_append(s, text, strlen(text));
}

void pr_str_putc(struct pr_str *s, char c)
{
    pr_str_append(s, &c, 1);
}

void pr_str_printf(struct pr_str *s, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

const char *pr_str_cstr(const struct pr_str *s)
{
    return s->data ? s->data : "";
}

void pr_str_clear(struct pr_str *s)
{
    s->len = 0;
    s->over = false;
    if (s->data)
        s->data[0] = 0;
}

void pr_str_done(struct pr_str *s)
{
    pr_free(s->data);
    *s = PR_STR_INIT(s->max);
}

char *pr_str_take(struct pr_str *s)
{
    char *p = s->data ? s->data : pr_strdup("");
    *s = PR_STR_INIT(s->max);
    return p;
}
