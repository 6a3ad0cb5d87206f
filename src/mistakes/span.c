/* Parts of texts; see span.h. */
#include "mistakes/span.h"

#include <string.h>

#include "base/utf8.h"

#define QUOTED 48 /* bytes of a text that are shown */

bool pr_span_is_letter(char c)
{
    c = pr_span_lower(c);
    return c >= 'a' && c <= 'z';
}

bool pr_span_in_word(char c)
{
    return pr_span_is_letter(c) || pr_span_is_digit(c) || (unsigned char)c >= 0x80;
}

struct pr_text pr_span_trim(struct pr_text t)
{
    while (t.n && pr_span_is_space(t.s[t.n - 1]))
        t.n--;
    while (t.n && pr_span_is_space(*t.s)) {
        t.s++;
        t.n--;
    }
    return t;
}

struct pr_text pr_span_bare(struct pr_text t)
{
    t = pr_span_trim(t);
    if (t.n && t.s[t.n - 1] == '.')
        t.n--;
    return pr_span_trim(t);
}

struct pr_text pr_span_unwrap(struct pr_text t)
{
    static const char marks[] = "*`\"'$() \t\r\n";
    t = pr_span_bare(t);
    while (t.n && memchr(marks, *t.s, sizeof marks - 1)) {
        t.s++;
        t.n--;
    }
    while (t.n && memchr(marks, t.s[t.n - 1], sizeof marks - 1))
        t.n--;
    return pr_span_bare(t);
}

bool pr_span_same(struct pr_text a, struct pr_text b, bool case_counts)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (case_counts ? a.s[i] != b.s[i] : pr_span_lower(a.s[i]) != pr_span_lower(b.s[i]))
            return false;
    return true;
}

bool pr_span_is(struct pr_text t, const char *text)
{
    return pr_span_same(t, (struct pr_text){.s = text, .n = strlen(text)}, false);
}

bool pr_span_starts(struct pr_text t, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at <= t.n && n <= t.n - at && pr_span_is(pr_span(t, at, at + n), text);
}

size_t pr_span_find_text(struct pr_text t, struct pr_text needle, size_t from, bool case_counts)
{
    for (size_t i = from; needle.n <= t.n && i <= t.n - needle.n; i++)
        if (pr_span_same(pr_span(t, i, i + needle.n), needle, case_counts))
            return i;
    return PR_SPAN_NONE;
}

size_t pr_span_find(struct pr_text t, const char *needle, size_t from)
{
    return pr_span_find_text(t, (struct pr_text){.s = needle, .n = strlen(needle)}, from, false);
}

size_t pr_span_find_last(struct pr_text t, const char *needle)
{
    size_t n = strlen(needle);
    for (size_t i = n <= t.n ? t.n - n + 1 : 0; i-- > 0;)
        if (pr_span_starts(t, i, needle))
            return i;
    return PR_SPAN_NONE;
}

size_t pr_span_find_word(struct pr_text t, const char *word, size_t from)
{
    size_t n = strlen(word), at = from;
    while ((at = pr_span_find(t, word, at)) != PR_SPAN_NONE) {
        if ((!at || !pr_span_in_word(t.s[at - 1])) &&
            (at + n == t.n || !pr_span_in_word(t.s[at + n])))
            return at;
        at++;
    }
    return PR_SPAN_NONE;
}

bool pr_span_has_word(struct pr_text t, const char *const *words)
{
    for (; *words; words++)
        if (pr_span_find_word(t, *words, 0) != PR_SPAN_NONE)
            return true;
    return false;
}

void pr_span_quote(struct pr_str *out, struct pr_text t)
{
    struct pr_str valid = PR_STR_INIT(1024);
    char shown[QUOTED + 16];
    t = pr_span_trim(t);
    if (t.n <= 256) {
        pr_utf8_append_lossy(&valid, t.s, t.n);
    } else {
        pr_utf8_append_lossy(&valid, t.s, 128);
        pr_utf8_append_lossy(&valid, t.s + t.n - 64, 64);
    }
    for (size_t i = 0; i < valid.len; i++)
        if ((unsigned char)valid.data[i] < ' ' || valid.data[i] == 0x7f)
            valid.data[i] = ' ';
    pr_utf8_shorten(pr_str_cstr(&valid), shown, sizeof shown);
    pr_str_puts(out, shown);
    pr_str_done(&valid);
}
