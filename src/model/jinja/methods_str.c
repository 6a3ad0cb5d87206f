/* The methods of strings. */
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/strings.h"

static J_FN(m_strip)
{
    J_UNUSED_ARGS;
    return j_strip(c, self.s, a[0], J_BOTH);
}

static J_FN(m_lstrip)
{
    J_UNUSED_ARGS;
    return j_strip(c, self.s, a[0], J_LEFT);
}

static J_FN(m_rstrip)
{
    J_UNUSED_ARGS;
    return j_strip(c, self.s, a[0], J_RIGHT);
}

static J_FN(m_upper)
{
    J_UNUSED_ARGS;
    return j_upper(c, self.s);
}

static J_FN(m_lower)
{
    J_UNUSED_ARGS;
    return j_lower(c, self.s);
}

static J_FN(m_capitalize)
{
    J_UNUSED_ARGS;
    return j_capitalize(c, self.s);
}

static bool cased(uint32_t ch)
{
    const char *k = pr_utf8_category(ch);
    return k[0] == 'L' && (k[1] == 'u' || k[1] == 'l' || k[1] == 't');
}

static J_FN(m_title)
{
    J_UNUSED_ARGS;
    struct jbuf b = {0};
    bool inside = false;
    for (size_t i = 0; i < self.s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(self.s->data + i, &ch);
        if (inside)
            j_put_char(c, &b, pr_utf8_lower(ch));
        else
            j_put_title(c, &b, ch);
        inside = cased(ch);
    }
    return j_with_markup(c, j_buf_str(c, &b), self.s->markup);
}

static J_FN(m_swapcase)
{
    J_UNUSED_ARGS;
    struct jbuf b = {0};
    for (size_t i = 0; i < self.s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(self.s->data + i, &ch);
        bool up = cased(ch) && pr_utf8_category(ch)[1] == 'u';
        if (up)
            j_put_char(c, &b, pr_utf8_lower(ch));
        else
            j_put_upper(c, &b, ch);
    }
    return j_with_markup(c, j_buf_str(c, &b), self.s->markup);
}

/* Lower case, with the letters whose upper case is several spelt out as those. */
static J_FN(m_casefold)
{
    J_UNUSED_ARGS;
    struct jbuf b = {0};
    for (size_t i = 0; i < self.s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(self.s->data + i, &ch);
        struct jbuf upper = {0};
        if (ch >= 128)
            j_put_upper(c, &upper, ch);
        if (upper.len && j_buf_str(c, &upper).s->chars > 1) {
            const struct jstr *low = j_lower(c, j_buf_str(c, &upper).s).s;
            j_put(c, &b, low->data, low->len);
        } else {
            j_put_char(c, &b, ch == 0x3c2 ? 0x3c3 : pr_utf8_lower(ch));
        }
        i += n;
    }
    return j_with_markup(c, j_buf_str(c, &b), self.s->markup);
}

static J_FN(m_split)
{
    J_UNUSED_ARGS;
    return j_list(j_split(c, self.s, a[0], j_int_or(c, a[1], -1), false));
}

static J_FN(m_rsplit)
{
    J_UNUSED_ARGS;
    return j_list(j_split(c, self.s, a[0], j_int_or(c, a[1], -1), true));
}

static J_FN(m_splitlines)
{
    J_UNUSED_ARGS;
    return j_list(j_splitlines(c, self.s, j_truth(c, a[0])));
}

static J_FN(m_join)
{
    J_UNUSED_ARGS;
    if (!j_iterable(a[0]))
        j_raise(c, "can only join an iterable");
    return j_join(c, self.s, j_items(c, a[0]));
}

static J_FN(m_replace)
{
    J_UNUSED_ARGS;
    return j_replace(c, self.s, j_need_str(c, "replace()", a[0]), j_need_str(c, "replace()", a[1]),
        j_int_or(c, a[2], -1));
}

/* The part of s between two code point indices as Python's slices take them; false: start lies
 * past the end. */
static bool window(struct jctx *c, const struct jstr *s, struct jv start, struct jv end,
    size_t *ret_from, size_t *ret_to)
{
    int64_t n = (int64_t)s->chars, from = j_int_or(c, start, 0), to = j_int_or(c, end, n);
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from;
    to = to < 0 ? (to + n < 0 ? 0 : to + n) : to > n ? n : to;
    if (from > n || from > to)
        return false;
    *ret_from = j_char_offset(s, (size_t)from);
    *ret_to = j_char_offset(s, (size_t)to);
    return true;
}

static bool has_affix(
    const struct jstr *s, size_t from, size_t to, const struct jstr *affix, bool at_end)
{
    if (to - from < affix->len)
        return false;
    return !memcmp(s->data + (at_end ? to - affix->len : from), affix->data, affix->len);
}

static struct jv affix(
    struct jctx *c, const char *name, struct jv self, const struct jv *a, bool at_end)
{
    size_t from, to;
    if (a[0].type != J_STR && a[0].type != J_TUPLE)
        j_raise(c, "%s first arg must be str or a tuple of str, not %s", name, j_type_name(a[0]));
    bool inside = window(c, self.s, a[1], a[2], &from, &to);
    if (a[0].type == J_STR)
        return j_bool(inside && has_affix(self.s, from, to, a[0].s, at_end));
    for (size_t i = 0; i < a[0].l->n; i++) {
        if (a[0].l->v[i].type != J_STR)
            j_raise(
                c, "tuple for %s must only contain str, not %s", name, j_type_name(a[0].l->v[i]));
        if (inside && has_affix(self.s, from, to, a[0].l->v[i].s, at_end))
            return j_bool(true);
    }
    return j_bool(false);
}

static J_FN(m_startswith)
{
    J_UNUSED_ARGS;
    return affix(c, "startswith", self, a, false);
}

static J_FN(m_endswith)
{
    J_UNUSED_ARGS;
    return affix(c, "endswith", self, a, true);
}

static J_FN(m_removeprefix)
{
    J_UNUSED_ARGS;
    const struct jstr *p = j_need_str(c, "removeprefix()", a[0]);
    bool has = has_affix(self.s, 0, self.s->len, p, false);
    return j_substr(c, self.s, has ? p->len : 0, self.s->len);
}

static J_FN(m_removesuffix)
{
    J_UNUSED_ARGS;
    const struct jstr *p = j_need_str(c, "removesuffix()", a[0]);
    bool has = has_affix(self.s, 0, self.s->len, p, true);
    return j_substr(c, self.s, 0, self.s->len - (has ? p->len : 0));
}

static int64_t chars_before(const struct jstr *s, size_t at)
{
    int64_t n = 0;
    for (size_t i = 0; i < at; i++)
        n += ((unsigned char)s->data[i] & 0xc0) != 0x80;
    return n;
}

static int64_t find(struct jctx *c, struct jv self, const struct jv *a, bool last)
{
    const struct jstr *s = self.s, *part = j_need_str(c, "find()", a[0]);
    size_t from, to;
    if (!window(c, s, a[1], a[2], &from, &to))
        return -1;
    j_charge(c, s->len / 16);
    if (last) {
        for (size_t i = to; i >= from + part->len; i--) {
            if (!memcmp(s->data + i - part->len, part->data, part->len))
                return chars_before(s, i - part->len);
            if (!i)
                break;
        }
        return -1;
    }
    const char *hit = memmem(s->data + from, to - from, part->data, part->len);
    return hit ? chars_before(s, (size_t)(hit - s->data)) : -1;
}

static J_FN(m_find)
{
    J_UNUSED_ARGS;
    return j_int(find(c, self, a, false));
}

static J_FN(m_rfind)
{
    J_UNUSED_ARGS;
    return j_int(find(c, self, a, true));
}

static struct jv found(struct jctx *c, int64_t at)
{
    if (at < 0)
        j_raise(c, "substring not found");
    return j_int(at);
}

static J_FN(m_index)
{
    J_UNUSED_ARGS;
    return found(c, find(c, self, a, false));
}

static J_FN(m_rindex)
{
    J_UNUSED_ARGS;
    return found(c, find(c, self, a, true));
}

static J_FN(m_count)
{
    J_UNUSED_ARGS;
    const struct jstr *part = j_need_str(c, "count()", a[0]);
    size_t from, to;
    if (!window(c, self.s, a[1], a[2], &from, &to))
        return j_int(0);
    if (!part->len)
        return j_int(j_substr(c, self.s, from, to).s->chars + 1);
    int64_t n = 0;
    const char *hit;
    while ((hit = memmem(self.s->data + from, to - from, part->data, part->len))) {
        n++;
        from = (size_t)(hit - self.s->data) + part->len;
    }
    j_charge(c, self.s->len / 16);
    return j_int(n);
}

static struct jv partition(struct jctx *c, struct jv self, struct jv sep, bool last)
{
    const struct jstr *s = self.s, *part = j_need_str(c, "partition()", sep);
    if (!part->len)
        j_raise(c, "empty separator");
    struct jlist *halves = j_split(c, s, sep, 1, last), *l = j_list_new(c, 3);
    bool hit = halves->n == 2;
    bool markup = s->markup;
    struct jv empty = j_with_markup(c, j_str(c, ""), markup);
    j_list_push(c, l, hit || !last ? halves->v[0] : empty);
    j_list_push(c, l, hit ? j_with_markup(c, sep, markup) : empty);
    j_list_push(c, l, hit ? halves->v[1] : last ? halves->v[0] : empty);
    return j_tuple(l);
}

static J_FN(m_partition)
{
    J_UNUSED_ARGS;
    return partition(c, self, a[0], false);
}

static J_FN(m_rpartition)
{
    J_UNUSED_ARGS;
    return partition(c, self, a[0], true);
}

static struct jv justify(struct jctx *c, struct jv self, const struct jv *a, char align)
{
    uint32_t fill = ' ';
    if (a[1].type != J_MISSING) {
        if (a[1].type != J_STR || a[1].s->chars != 1)
            j_raise(c, "The fill character must be exactly one character long");
        pr_utf8_decode(a[1].s->data, &fill);
    }
    if (!j_is_integer(a[0]))
        j_raise(c, "'%s' object cannot be interpreted as an integer", j_type_name(a[0]));
    return j_pad(c, self.s, j_as_int(a[0]), fill, align);
}

static J_FN(m_center)
{
    J_UNUSED_ARGS;
    return justify(c, self, a, '^');
}

static J_FN(m_ljust)
{
    J_UNUSED_ARGS;
    return justify(c, self, a, '<');
}

static J_FN(m_rjust)
{
    J_UNUSED_ARGS;
    return justify(c, self, a, '>');
}

static J_FN(m_zfill)
{
    J_UNUSED_ARGS;
    int64_t width = j_int_or(c, a[0], 0);
    const struct jstr *s = self.s;
    size_t sign = s->len && (s->data[0] == '-' || s->data[0] == '+');
    struct jv digits = j_substr(c, s, sign, s->len);
    if (width <= (int64_t)s->chars)
        return self;
    struct jv padded = j_pad(c, digits.s, width - (int64_t)sign, '0', '>');
    return j_binary(c, J_ADD, j_substr(c, s, 0, sign), padded);
}

static J_FN(m_expandtabs)
{
    J_UNUSED_ARGS;
    int64_t size = j_int_or(c, a[0], 8), column = 0;
    struct jbuf b = {0};
    for (size_t i = 0; i < self.s->len; i++) {
        char ch = self.s->data[i];
        if (ch != '\t') {
            j_putc(c, &b, ch);
            column = ch == '\n' || ch == '\r' ? 0 : column + (((unsigned char)ch & 0xc0) != 0x80);
            continue;
        }
        for (int64_t n = size > 0 ? size - column % size : 0; n > 0; n--) {
            j_putc(c, &b, ' ');
            column++;
        }
    }
    return j_with_markup(c, j_buf_str(c, &b), self.s->markup);
}

static J_FN(m_format)
{
    J_UNUSED_ARGS;
    return j_format(c, self.s, raw);
}

/* --- isalpha() and its kin: every character, and at least one --- */

static bool is_digit_char(uint32_t ch)
{
    static const struct {
        uint32_t from, to;
    } other[] = {{0xb2, 0xb3}, {0xb9, 0xb9}, {0x1369, 0x1371}, {0x19da, 0x19da}, {0x2070, 0x2070},
        {0x2074, 0x2079}, {0x2080, 0x2089}, {0x2460, 0x2468}, {0x2474, 0x247c}, {0x2488, 0x2490},
        {0x24ea, 0x24ea}, {0x24f5, 0x24fd}, {0x24ff, 0x24ff}, {0x2776, 0x277e}, {0x2780, 0x2788},
        {0x278a, 0x2792}, {0x10a40, 0x10a43}, {0x10e60, 0x10e68}, {0x11052, 0x1105a},
        {0x1f100, 0x1f10a}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (ch >= other[i].from && ch <= other[i].to)
            return true;
    return !strcmp(pr_utf8_category(ch), "Nd");
}

static bool is_alpha_char(uint32_t ch)
{
    return pr_utf8_category(ch)[0] == 'L';
}

static bool is_decimal_char(uint32_t ch)
{
    return !strcmp(pr_utf8_category(ch), "Nd");
}

static bool is_numeric_char(uint32_t ch)
{
    static const uint32_t han[] = {0x3007, 0x4e00, 0x4e03, 0x4e09, 0x4e5d, 0x4e8c, 0x4e94, 0x516b,
        0x516d, 0x5341, 0x56db, 0x767e, 0x5343, 0x4e07, 0x96f6, 0x4ebf, 0x5104};
    for (size_t i = 0; i < sizeof han / sizeof *han; i++)
        if (ch == han[i])
            return true;
    return pr_utf8_category(ch)[0] == 'N';
}

static bool is_alnum_char(uint32_t ch)
{
    return is_alpha_char(ch) || is_numeric_char(ch);
}

static bool is_ascii_char(uint32_t ch)
{
    return ch < 128;
}

static struct jv every(struct jv self, bool (*is)(uint32_t), bool empty)
{
    for (size_t i = 0; i < self.s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(self.s->data + i, &ch);
        if (!is(ch))
            return j_bool(false);
    }
    return j_bool(self.s->len || empty);
}

static J_FN(m_isalpha)
{
    J_UNUSED_ARGS;
    return every(self, is_alpha_char, false);
}

static J_FN(m_isdigit)
{
    J_UNUSED_ARGS;
    return every(self, is_digit_char, false);
}

static J_FN(m_isdecimal)
{
    J_UNUSED_ARGS;
    return every(self, is_decimal_char, false);
}

static J_FN(m_isnumeric)
{
    J_UNUSED_ARGS;
    return every(self, is_numeric_char, false);
}

static J_FN(m_isalnum)
{
    J_UNUSED_ARGS;
    return every(self, is_alnum_char, false);
}

static J_FN(m_isspace)
{
    J_UNUSED_ARGS;
    return every(self, j_is_space, false);
}

static J_FN(m_isascii)
{
    J_UNUSED_ARGS;
    return every(self, is_ascii_char, true);
}

static J_FN(m_isprintable)
{
    J_UNUSED_ARGS;
    return every(self, pr_utf8_is_printable, true);
}

static J_FN(m_islower)
{
    J_UNUSED_ARGS;
    return j_bool(j_is_lower(self.s));
}

static J_FN(m_isupper)
{
    J_UNUSED_ARGS;
    return j_bool(j_is_upper(self.s));
}

static J_FN(m_istitle)
{
    J_UNUSED_ARGS;
    bool inside = false, any = false;
    for (size_t i = 0; i < self.s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(self.s->data + i, &ch);
        bool is = cased(ch), lower = is && pr_utf8_category(ch)[1] == 'l';
        if (is && inside != lower)
            return j_bool(false);
        inside = is;
        any |= is;
    }
    return j_bool(any);
}

static const struct jfn methods[] = {
    {"capitalize", m_capitalize, "", 0, true},
    {"casefold", m_casefold, "", 0, true},
    {"center", m_center, "width fillchar", 1, true},
    {"count", m_count, "sub start end", 1, true},
    {"endswith", m_endswith, "suffix start end", 1, true},
    {"expandtabs", m_expandtabs, "tabsize", 0, false},
    {"find", m_find, "sub start end", 1, true},
    {"format", m_format, NULL, 0, false},
    {"index", m_index, "sub start end", 1, true},
    {"isalnum", m_isalnum, "", 0, true},
    {"isalpha", m_isalpha, "", 0, true},
    {"isascii", m_isascii, "", 0, true},
    {"isdecimal", m_isdecimal, "", 0, true},
    {"isdigit", m_isdigit, "", 0, true},
    {"islower", m_islower, "", 0, true},
    {"isnumeric", m_isnumeric, "", 0, true},
    {"isprintable", m_isprintable, "", 0, true},
    {"isspace", m_isspace, "", 0, true},
    {"istitle", m_istitle, "", 0, true},
    {"isupper", m_isupper, "", 0, true},
    {"join", m_join, "iterable", 1, true},
    {"ljust", m_ljust, "width fillchar", 1, true},
    {"lower", m_lower, "", 0, true},
    {"lstrip", m_lstrip, "chars", 0, true},
    {"partition", m_partition, "sep", 1, true},
    {"removeprefix", m_removeprefix, "prefix", 1, true},
    {"removesuffix", m_removesuffix, "suffix", 1, true},
    {"replace", m_replace, "old new count", 2, true},
    {"rfind", m_rfind, "sub start end", 1, true},
    {"rindex", m_rindex, "sub start end", 1, true},
    {"rjust", m_rjust, "width fillchar", 1, true},
    {"rpartition", m_rpartition, "sep", 1, true},
    {"rsplit", m_rsplit, "sep maxsplit", 0, false},
    {"rstrip", m_rstrip, "chars", 0, true},
    {"split", m_split, "sep maxsplit", 0, false},
    {"splitlines", m_splitlines, "keepends", 0, false},
    {"startswith", m_startswith, "prefix start end", 1, true},
    {"strip", m_strip, "chars", 0, true},
    {"swapcase", m_swapcase, "", 0, true},
    {"title", m_title, "", 0, true},
    {"upper", m_upper, "", 0, true},
    {"zfill", m_zfill, "width", 1, true},
    {0},
};

const struct jfn *j_find_str_method(const char *name, size_t n)
{
    return j_lookup(methods, name, n);
}
