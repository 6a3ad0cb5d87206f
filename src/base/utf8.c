/* UTF-8 validation and coding by hand (they are hot), Unicode tables from utf8proc. */
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"

/* Length of one well-formed character at s, or 0; *ret_bad gets the length of the maximal
 * ill-formed part (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts"). */
static size_t one(const unsigned char *s, size_t n, size_t *ret_bad)
{
    unsigned char c = s[0];
    *ret_bad = 1;
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    unsigned char lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < len; i++) {
        if (i >= n || s[i] < lo || s[i] > hi) {
            *ret_bad = i;
            return 0;
        }
        lo = 0x80;
        hi = 0xbf;
    }
    return len;
}

size_t pr_utf8_valid_prefix(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        while (n - i >= 8 && (memcpy(&eight, u + i, 8), !(eight & 0x8080808080808080u)))
            i += 8;
        if (i == n)
            break;
        size_t bad, len = one(u + i, n - i, &bad);
        if (!len)
            return i;
        i += len;
    }
    return n;
}

size_t pr_utf8_decode(const char *s, uint32_t *ret)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        *ret = u[0];
        return 1;
    }
    if (u[0] < 0xe0) {
        *ret = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
        return 2;
    }
    if (u[0] < 0xf0) {
        *ret = (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
        return 3;
    }
    *ret = (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
    return 4;
}

size_t pr_utf8_encode(uint32_t c, char buf[4])
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)buf);
}

void pr_utf8_append_lossy(struct pr_str *out, const char *s, size_t n)
{
    while (n) {
        size_t good = pr_utf8_valid_prefix(s, n);
        pr_str_append(out, s, good);
        s += good;
        n -= good;
        if (!n)
            break;
        size_t bad;
        one((const unsigned char *)s, n, &bad);
        pr_str_append(out, "\xef\xbf\xbd", 3);
        s += bad;
        n -= bad;
    }
}

static enum pr_code map(
    const char *s, size_t n, utf8proc_option_t options, struct pr_str *out, struct pr_error *e)
{
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &mapped, options);
    if (len < 0)
        return pr_fail(e, PR_E_FORMAT, "Unicode normalization: %s", utf8proc_errmsg(len));
    pr_str_append(out, (const char *)mapped, (size_t)len);
    pr_free(mapped);
    return PR_OK;
}

enum pr_code pr_utf8_normalize(
    enum pr_normal_form form, const char *s, size_t n, struct pr_str *out, struct pr_error *e)
{
    static const utf8proc_option_t options[] = {
        [PR_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [PR_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [PR_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [PR_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    size_t ascii = 0;
    while (ascii < n && (unsigned char)s[ascii] < 0x80)
        ascii++;
    if (ascii == n) { /* the common case: every form of ASCII is itself */
        pr_str_append(out, s, n);
        return PR_OK;
    }
    return map(s, n, options[form], out, e);
}

enum pr_code pr_utf8_fold(const char *s, size_t n, struct pr_str *out, struct pr_error *e)
{
    return map(s, n,
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
        out, e);
}

bool pr_utf8_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

uint32_t pr_utf8_lower(uint32_t c)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

uint32_t pr_utf8_upper(uint32_t c)
{
    return (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

uint32_t pr_utf8_title(uint32_t c)
{
    return (uint32_t)utf8proc_totitle((utf8proc_int32_t)c);
}

const char *pr_utf8_category(uint32_t c)
{
    return utf8proc_category_string((utf8proc_int32_t)c);
}

bool pr_utf8_is_printable(uint32_t c)
{
    const char *category = pr_utf8_category(c);
    return c == ' ' || (category[0] != 'C' && category[0] != 'Z');
}

const char *pr_utf8_trim(const char *s, size_t n, size_t *ret_len)
{
    size_t start = 0;
    while (start < n) {
        uint32_t c;
        size_t k = pr_utf8_decode(s + start, &c);
        if (!pr_utf8_is_space(c))
            break;
        start += k;
    }
    while (n > start) {
        size_t back = n - 1;
        while (back > start && ((unsigned char)s[back] & 0xc0) == 0x80)
            back--;
        uint32_t c;
        pr_utf8_decode(s + back, &c);
        if (!pr_utf8_is_space(c))
            break;
        n = back;
    }
    *ret_len = n - start;
    return s + start;
}

size_t pr_utf8_bom(const char *s, size_t n)
{
    return n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void pr_utf8_shorten(const char *s, char *ret, size_t size)
{
    static const char gap[] = " \xe2\x80\xa6 ";
    size_t n = strlen(s), room = size - sizeof gap, head = room / 2, from;
    if (n < size) {
        memcpy(ret, s, n + 1);
        return;
    }
    from = n - (room - head);
    while (head && continues(s[head]))
        head--;
    while (continues(s[from]))
        from++;
    memcpy(ret, s, head);
    memcpy(ret + head, gap, sizeof gap - 1);
    memcpy(ret + head + sizeof gap - 1, s + from, n - from + 1);
}
