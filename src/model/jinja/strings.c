/* Strings as Python's str works on them: by code point, with Unicode's case mappings. */
#include "model/jinja/strings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

int64_t j_int_or(struct jctx *c, struct jv a, int64_t missing)
{
    if (a.type == J_MISSING || a.type == J_NONE)
        return missing;
    if (a.type == J_UNDEF)
        j_raise_undefined(c, a);
    if (!j_is_integer(a))
        j_raise(c, "'%s' object cannot be interpreted as an integer", j_type_name(a));
    return j_as_int(a);
}

const struct jstr *j_need_str(struct jctx *c, const char *name, struct jv a)
{
    if (a.type != J_STR)
        j_raise(c, "%s argument must be str, not %s", name, j_type_name(a));
    return a.s;
}

static bool in_set(const struct jstr *set, uint32_t ch)
{
    for (size_t i = 0; i < set->len;) {
        uint32_t x;
        i += pr_utf8_decode(set->data + i, &x);
        if (x == ch)
            return true;
    }
    return false;
}

struct jv j_strip(struct jctx *c, const struct jstr *s, struct jv chars, enum jside side)
{
    const struct jstr *set = NULL;
    if (chars.type != J_MISSING && chars.type != J_NONE) {
        if (chars.type != J_STR)
            j_raise(c, "strip arg must be None or str");
        set = chars.s;
    }
    size_t from = 0, to = s->len;
    uint32_t ch;
    while ((side & J_LEFT) && from < to) {
        size_t n = pr_utf8_decode(s->data + from, &ch);
        if (set ? !in_set(set, ch) : !j_is_space(ch))
            break;
        from += n;
    }
    while ((side & J_RIGHT) && to > from) {
        size_t back = to - 1;
        while (back > from && ((unsigned char)s->data[back] & 0xc0) == 0x80)
            back--;
        pr_utf8_decode(s->data + back, &ch);
        if (set ? !in_set(set, ch) : !j_is_space(ch))
            break;
        to = back;
    }
    j_charge(c, s->len / 64 * (set ? 1 + set->chars : 1));
    return j_substr(c, s, from, to);
}

/* The letters whose upper case is more than one. */
static bool put_special(struct jctx *c, struct jbuf *b, uint32_t ch, bool title)
{
    static const struct {
        uint32_t from;
        const char *upper, *title;
    } table[] = {{0xdf, "SS", "Ss"}, {0x149, "\xca\xbcN", "\xca\xbcN"},
        {0x1f0, "J\xcc\x8c", "J\xcc\x8c"},
        {0x390, "\xce\x99\xcc\x88\xcc\x81", "\xce\x99\xcc\x88\xcc\x81"},
        {0x3b0, "\xce\xa5\xcc\x88\xcc\x81", "\xce\xa5\xcc\x88\xcc\x81"},
        {0x587, "\xd4\xb5\xd5\x92", "\xd4\xb5\xd6\x82"}, {0xfb00, "FF", "Ff"}, {0xfb01, "FI", "Fi"},
        {0xfb02, "FL", "Fl"}, {0xfb03, "FFI", "Ffi"}, {0xfb04, "FFL", "Ffl"}, {0xfb05, "ST", "St"},
        {0xfb06, "ST", "St"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].from == ch) {
            j_puts(c, b, title ? table[i].title : table[i].upper);
            return true;
        }
    }
    return false;
}

void j_put_upper(struct jctx *c, struct jbuf *b, uint32_t ch)
{
    if (ch < 128 || !put_special(c, b, ch, false))
        j_put_char(c, b, pr_utf8_upper(ch));
}

void j_put_title(struct jctx *c, struct jbuf *b, uint32_t ch)
{
    if (ch < 128 || !put_special(c, b, ch, true))
        j_put_char(c, b, pr_utf8_title(ch));
}

static bool is_cased(uint32_t ch)
{
    const char *k = pr_utf8_category(ch);
    return k[0] == 'L' && (k[1] == 'u' || k[1] == 'l' || k[1] == 't');
}

/* Python's rule for the sigma at the end of a word. */
static bool final_sigma(const struct jstr *s, size_t at, bool after_cased)
{
    uint32_t ch = 0;
    if (at < s->len)
        pr_utf8_decode(s->data + at, &ch);
    return after_cased && !(at < s->len && is_cased(ch));
}

static void put_lower(struct jctx *c, struct jbuf *b, const struct jstr *s, size_t next,
    uint32_t ch, bool after_cased)
{
    if (ch == 0x3a3 && final_sigma(s, next, after_cased))
        j_put_char(c, b, 0x3c2);
    else if (ch == 0x130)
        j_puts(c, b, "i\xcc\x87");
    else
        j_put_char(c, b, pr_utf8_lower(ch));
}

enum mapping { MAP_UPPER, MAP_LOWER, MAP_CAPITALIZE };

static struct jv map_case(struct jctx *c, const struct jstr *s, enum mapping how)
{
    struct jbuf b = {0};
    bool after_cased = false;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(s->data + i, &ch);
        if (how == MAP_UPPER)
            j_put_upper(c, &b, ch);
        else if (how == MAP_CAPITALIZE && !i)
            j_put_title(c, &b, ch);
        else
            put_lower(c, &b, s, i + n, ch, after_cased);
        after_cased = ch < 128 ? ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') : is_cased(ch);
        i += n;
    }
    return j_with_markup(c, j_buf_str(c, &b), s->markup);
}

struct jv j_upper(struct jctx *c, const struct jstr *s)
{
    return map_case(c, s, MAP_UPPER);
}

struct jv j_lower(struct jctx *c, const struct jstr *s)
{
    return map_case(c, s, MAP_LOWER);
}

struct jv j_capitalize(struct jctx *c, const struct jstr *s)
{
    return map_case(c, s, MAP_CAPITALIZE);
}

/* Is some letter cased, and none of the other case? */
static bool all_case(const struct jstr *s, bool lower)
{
    bool any = false;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(s->data + i, &ch);
        if (!is_cased(ch))
            continue;
        if ((pr_utf8_category(ch)[1] == 'l') != lower || pr_utf8_category(ch)[1] == 't')
            return false;
        any = true;
    }
    return any;
}

bool j_is_lower(const struct jstr *s)
{
    return all_case(s, true);
}

bool j_is_upper(const struct jstr *s)
{
    return all_case(s, false);
}

struct jv j_replace(struct jctx *c, const struct jstr *s, const struct jstr *old,
    const struct jstr *with, int64_t count)
{
    struct jbuf b = {0};
    size_t i = 0;
    if (!old->len) {
        for (; count; count--) {
            j_put(c, &b, with->data, with->len);
            if (i >= s->len) {
                i = s->len;
                break;
            }
            uint32_t ch;
            size_t n = pr_utf8_decode(s->data + i, &ch);
            j_put(c, &b, s->data + i, n);
            i += n;
        }
    } else {
        for (; count; count--) {
            const char *hit = memmem(s->data + i, s->len - i, old->data, old->len);
            if (!hit)
                break;
            size_t at = (size_t)(hit - s->data);
            j_put(c, &b, s->data + i, at - i);
            j_put(c, &b, with->data, with->len);
            i = at + old->len;
        }
    }
    j_put(c, &b, s->data + i, s->len - i);
    j_charge(c, s->len / 64);
    return j_with_markup(c, j_buf_str(c, &b), s->markup);
}

static bool is_line_end(uint32_t ch)
{
    return (ch >= 10 && ch <= 13) || (ch >= 0x1c && ch <= 0x1e) || ch == 0x85 || ch == 0x2028 ||
           ch == 0x2029;
}

struct jlist *j_splitlines(struct jctx *c, const struct jstr *s, bool keep_ends)
{
    struct jlist *l = j_list_new(c, 0);
    size_t from = 0;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(s->data + i, &ch);
        if (is_line_end(ch)) {
            if (ch == '\r' && i + 1 < s->len && s->data[i + 1] == '\n')
                n = 2;
            j_list_push(c, l, j_substr(c, s, from, keep_ends ? i + n : i));
            from = i + n;
        }
        i += n;
    }
    if (from < s->len)
        j_list_push(c, l, j_substr(c, s, from, s->len));
    return l;
}

static void reverse(struct jlist *l)
{
    for (size_t i = 0; i < l->n / 2; i++) {
        struct jv t = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = t;
    }
}

static size_t char_before(const struct jstr *s, size_t at)
{
    do
        at--;
    while (at && ((unsigned char)s->data[at] & 0xc0) == 0x80);
    return at;
}

static struct jlist *split_space(struct jctx *c, const struct jstr *s, int64_t max)
{
    struct jlist *l = j_list_new(c, 0);
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(s->data + i, &ch);
        if (j_is_space(ch)) {
            i += n;
            continue;
        }
        if (!max--) {
            j_list_push(c, l, j_substr(c, s, i, s->len));
            return l;
        }
        size_t from = i;
        while (i < s->len && (n = pr_utf8_decode(s->data + i, &ch), !j_is_space(ch)))
            i += n;
        j_list_push(c, l, j_substr(c, s, from, i));
    }
    return l;
}

static struct jlist *rsplit_space(struct jctx *c, const struct jstr *s, int64_t max)
{
    struct jlist *l = j_list_new(c, 0);
    for (size_t to = s->len; to;) {
        uint32_t ch;
        size_t at = char_before(s, to);
        pr_utf8_decode(s->data + at, &ch);
        if (j_is_space(ch)) {
            to = at;
            continue;
        }
        if (!max--) {
            j_list_push(c, l, j_substr(c, s, 0, to));
            break;
        }
        size_t from = to;
        while (
            from && (at = char_before(s, from), pr_utf8_decode(s->data + at, &ch), !j_is_space(ch)))
            from = at;
        j_list_push(c, l, j_substr(c, s, from, to));
        to = from;
    }
    reverse(l);
    return l;
}

static const char *find_last(const char *s, size_t n, const struct jstr *part)
{
    for (size_t i = n; i >= part->len; i--)
        if (!memcmp(s + i - part->len, part->data, part->len))
            return s + i - part->len;
    return NULL;
}

struct jlist *j_split(
    struct jctx *c, const struct jstr *s, struct jv sep, int64_t max, bool from_right)
{
    j_charge(c, s->len / 16);
    if (sep.type == J_MISSING || sep.type == J_NONE)
        return from_right ? rsplit_space(c, s, max) : split_space(c, s, max);
    const struct jstr *part = j_need_str(c, "split", sep);
    if (!part->len)
        j_raise(c, "empty separator");
    struct jlist *l = j_list_new(c, 0);
    size_t from = 0, to = s->len;
    for (; max; max--) {
        const char *hit = from_right ? find_last(s->data, to, part)
                                     : memmem(s->data + from, s->len - from, part->data, part->len);
        if (!hit)
            break;
        size_t at = (size_t)(hit - s->data);
        if (from_right) {
            j_list_push(c, l, j_substr(c, s, at + part->len, to));
            to = at;
        } else {
            j_list_push(c, l, j_substr(c, s, from, at));
            from = at + part->len;
        }
    }
    j_list_push(c, l, j_substr(c, s, from, to));
    if (from_right)
        reverse(l);
    return l;
}

struct jv j_join(struct jctx *c, const struct jstr *sep, const struct jlist *items)
{
    struct jbuf b = {0};
    for (size_t i = 0; i < items->n; i++) {
        if (items->v[i].type != J_STR)
            j_raise(c, "sequence item %zu: expected str instance, %s found", i,
                j_type_name(items->v[i]));
        if (i)
            j_put(c, &b, sep->data, sep->len);
        const struct jstr *s = sep->markup ? j_escape(c, items->v[i]).s : items->v[i].s;
        j_put(c, &b, s->data, s->len);
    }
    return j_with_markup(c, j_buf_str(c, &b), sep->markup);
}

struct jv j_pad(struct jctx *c, const struct jstr *s, int64_t width, uint32_t fill, char align)
{
    int64_t pad = width - (int64_t)s->chars;
    if (width <= 0 || pad <= 0)
        return j_substr(c, s, 0, s->len);
    if ((size_t)pad > c->mem_max)
        j_fail(c, PR_E_LIMIT, "a string padded to %lld characters", (long long)width);
    int64_t left = align == '<' ? 0 : align == '>' ? pad : pad / 2 + (pad & width & 1);
    if (align == '=') /* format()'s centre puts the odd one on the right */
        left = pad / 2;
    struct jbuf b = {0};
    for (int64_t i = 0; i < left; i++)
        j_put_char(c, &b, fill);
    j_put(c, &b, s->data, s->len);
    for (int64_t i = left; i < pad; i++)
        j_put_char(c, &b, fill);
    return j_with_markup(c, j_buf_str(c, &b), s->markup);
}

/* Trimmed and without single underscores between digits, NUL-terminated; NULL where an underscore
 * is elsewhere or a character is not ASCII. */
static const char *number_text(struct jctx *c, const struct jstr *s)
{
    s = j_strip(c, s, j_missing(), J_BOTH).s;
    if (s->len > 400)
        return NULL;
    char *out = j_alloc(c, s->len + 1);
    size_t k = 0;
    for (size_t i = 0; i < s->len; i++) {
        char ch = s->data[i], before = i ? s->data[i - 1] : 0,
             after = i + 1 < s->len ? s->data[i + 1] : 0;
        if (!ch || (unsigned char)ch >= 0x80)
            return NULL;
        if (ch != '_')
            out[k++] = ch;
        else if (!before || !after || !strchr("0123456789abcdefABCDEFxXoO", before) ||
                 !strchr("0123456789abcdefABCDEF", after))
            return NULL;
    }
    return k ? out : NULL;
}

static int digit_value(char ch)
{
    return ch >= '0' && ch <= '9'                     ? ch - '0'
           : (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z' ? (ch | 0x20) - 'a' + 10
                                                      : 99;
}

bool j_parse_int(struct jctx *c, const struct jstr *s, int base, int64_t *ret)
{
    const char *p = number_text(c, s);
    if (!p || base < 0 || base == 1 || base > 36)
        return false;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    char mark = p[0] == '0' ? (char)(p[1] | 0x20) : 0;
    int prefix = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (prefix && (base == prefix || !base)) {
        base = prefix;
        p += 2;
    } else if (!base) {
        base = 10;
        if (p[0] == '0' && strspn(p, "0") != strlen(p))
            return false;
    }
    if (!*p)
        return false;
    int64_t v = 0;
    bool over = false;
    for (; *p; p++) {
        int d = digit_value(*p);
        if (d >= base)
            return false;
        over |= __builtin_mul_overflow(v, base, &v) || __builtin_sub_overflow(v, d, &v);
    }
    if (over || (!negative && v == INT64_MIN))
        j_raise(c, "integer overflow: '%s' is beyond 64 bits", j_show(c, s));
    *ret = negative ? v : -v;
    return true;
}

bool j_parse_float(struct jctx *c, const struct jstr *s, double *ret)
{
    const char *p = number_text(c, s);
    if (!p)
        return false;
    const char *digits = p + (*p == '-' || *p == '+');
    static const char *const words[] = {"inf", "infinity", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strcasecmp(digits, words[i])) {
            *ret = i == 2 ? (double)NAN : *p == '-' ? -(double)INFINITY : (double)INFINITY;
            return true;
        }
    }
    if (strspn(digits, "0123456789.eE+-") != strlen(digits))
        return false;
    char *end;
    *ret = strtod(p, &end);
    return end != p && !*end;
}
