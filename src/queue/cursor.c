/* The cursor; see cursor.h. */
#include "queue/cursor.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#define MAX_DEPTH 16

/* The first byte from s on that is a quote, a backslash or a control character. */
static const char *plain_end(const char *s, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    while (end - s >= 8) {
        uint64_t v;
        memcpy(&v, s, 8);
        uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        uint64_t hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (v - ones * 32);
        if (hit & ~v & high) /* may name a byte of two too early, never too late */
            break;
        s += 8;
    }
    while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= 32)
        s++;
    return s;
}

/* \uXXXX at s, pairs of surrogates included; false for what is no character, or NUL. */
static bool unicode_escape(const char **s, const char *end, char **out)
{
    if (end - *s < 6)
        return false;
    int c = pr_json_hex4(*s + 2), low;
    *s += 6;
    if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff))
        return false;
    if (c >= 0xd800 && c < 0xdc00) {
        if (end - *s < 6 || (*s)[0] != '\\' || (*s)[1] != 'u')
            return false;
        low = pr_json_hex4(*s + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *s += 6;
    }
    *out += pr_utf8_encode((uint32_t)c, *out);
    return true;
}

static bool escape(const char **s, const char *end, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (end - *s < 2)
        return false;
    if ((*s)[1] == 'u')
        return unicode_escape(s, end, out);
    const char *at = memchr(from, (*s)[1], sizeof from - 1);
    if (!at)
        return false;
    *(*out)++ = to[at - from];
    *s += 2;
    return true;
}

/* The string that begins after the quote at r->s; decoded text is no longer than the escaped. */
static bool read_string(struct pr_cursor *r, struct pr_text *ret)
{
    const char *from = r->s, *s = plain_end(from, r->end);
    if (s < r->end && *s == '"') {
        *ret = (struct pr_text){from, (size_t)(s - from)};
        r->s = s + 1;
        return true;
    }
    char *begin = r->decoded + r->n_decoded, *out = begin;
    for (;;) {
        memcpy(out, from, (size_t)(s - from));
        out += s - from;
        if (s >= r->end || (*s != '"' && *s != '\\'))
            return false;
        if (*s == '"')
            break;
        if (!escape(&s, r->end, &out))
            return false;
        from = s;
        s = plain_end(from, r->end);
    }
    *ret = (struct pr_text){begin, (size_t)(out - begin)};
    r->n_decoded = (size_t)(out - r->decoded);
    r->s = s + 1;
    return true;
}

bool pr_cursor_key(struct pr_cursor *r, struct pr_text *ret)
{
    if (!pr_cursor_take(r, '"'))
        return false;
    const char *from = r->s, *s = plain_end(from, r->end);
    if (s >= r->end || *s != '"')
        return false;
    *ret = (struct pr_text){from, (size_t)(s - from)};
    r->s = s + 1;
    return pr_cursor_take(r, ':');
}

static size_t digits(struct pr_cursor *r)
{
    const char *from = r->s;
    while (r->s < r->end && *r->s >= '0' && *r->s <= '9')
        r->s++;
    return (size_t)(r->s - from);
}

/* Whole numbers and decimals of a few digits; exponents are left to others. */
static bool read_number(struct pr_cursor *r, struct pr_text *ret)
{
    const char *from = r->s;
    r->s += *r->s == '-';
    const char *first = r->s;
    size_t n = digits(r);
    if (!n || n > 17 || (n > 1 && *first == '0'))
        return false;
    if (r->s < r->end && *r->s == '.') {
        r->s++;
        n = digits(r);
        if (!n || n > 40)
            return false;
    }
    if (r->s < r->end && (*r->s == 'e' || *r->s == 'E'))
        return false;
    *ret = (struct pr_text){from, (size_t)(r->s - from)};
    return true;
}

static bool read_word(struct pr_cursor *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->s) < n || memcmp(r->s, word, n) != 0)
        return false;
    r->s += n;
    return true;
}

bool pr_text_same(struct pr_text a, struct pr_text b)
{
    return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

static bool skip_value(struct pr_cursor *r, int depth, struct pr_value *f);

static bool skip_array(struct pr_cursor *r, int depth)
{
    struct pr_value f;
    if (pr_cursor_take(r, ']'))
        return true;
    do {
        if (!skip_value(r, depth + 1, &f))
            return false;
    } while (pr_cursor_take(r, ','));
    return pr_cursor_take(r, ']');
}

static bool skip_object(struct pr_cursor *r, int depth)
{
    struct pr_text keys[8];
    size_t n = 0;
    struct pr_value f;
    if (pr_cursor_take(r, '}'))
        return true;
    do {
        if (n == 8 || !pr_cursor_key(r, &keys[n]))
            return false;
        for (size_t i = 0; i < n; i++)
            if (pr_text_same(keys[i], keys[n]))
                return false;
        n++;
        if (!skip_value(r, depth + 1, &f))
            return false;
    } while (pr_cursor_take(r, ','));
    return pr_cursor_take(r, '}');
}

static bool skip_value(struct pr_cursor *r, int depth, struct pr_value *f)
{
    pr_cursor_skip_space(r);
    if (r->s == r->end || depth > MAX_DEPTH)
        return false;
    f->type = PR_VALUE_OTHER;
    switch (*r->s) {
    case '"':
        r->s++;
        f->type = PR_VALUE_STRING;
        return read_string(r, &f->text);
    case '{':
        r->s++;
        return skip_object(r, depth);
    case '[':
        r->s++;
        return skip_array(r, depth);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        f->type = PR_VALUE_NOTHING;
        return read_word(r, "null");
    default:
        f->type = PR_VALUE_NUMBER;
        return read_number(r, &f->text);
    }
}

bool pr_cursor_value(struct pr_cursor *r, struct pr_value *ret)
{
    return skip_value(r, 0, ret);
}
