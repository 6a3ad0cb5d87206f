/* Filters that rework text: layout, words, mark-up, addresses. */
#include "model/jinja/filters.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const struct jstr *need_text(struct jctx *c, struct jv v, const char *what)
{
    if (v.type == J_UNDEF)
        j_raise_undefined(c, v);
    if (v.type != J_STR)
        j_raise(c, "%s: expected a string, not '%s'", what, j_type_name(v));
    return v.s;
}

J_FN(j_filter_indent)
{
    J_UNUSED_ARGS;
    const struct jstr *s = need_text(c, self, "indent");
    struct jv by = a[0];
    if (by.type != J_STR)
        by = j_binary(c, J_MUL, j_str(c, " "), by.type == J_MISSING ? j_int(4) : by);
    bool first = j_truth(c, a[1]), blank = j_truth(c, a[2]);
    struct jv padded = j_binary(c, J_ADD, j_with_markup(c, self, false), j_str(c, "\n"));
    const struct jlist *lines = j_splitlines(c, padded.s, false);
    struct jbuf b = {0};
    for (size_t i = 0; i < lines->n; i++) {
        const struct jstr *line = lines->v[i].s;
        if (i)
            j_putc(c, &b, '\n');
        if (i ? (blank || line->len) : first)
            j_put(c, &b, by.s->data, by.s->len);
        j_put(c, &b, line->data, line->len);
    }
    return j_with_markup(c, j_buf_str(c, &b), s->markup);
}

/* Capitals at word beginnings: after white space and - ( { [ <, unlike str.title(). */
J_FN(j_filter_title)
{
    J_UNUSED_ARGS;
    const struct jstr *s = j_to_str(c, self);
    struct jbuf b = {0};
    bool start = true;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(s->data + i, &ch);
        if (start)
            j_put_upper(c, &b, ch);
        else
            j_put_char(c, &b, pr_utf8_lower(ch));
        start = j_is_space(ch) || (ch < 128 && ch && strchr("-({[<", (char)ch));
    }
    return j_buf_str(c, &b);
}

J_FN(j_filter_truncate)
{
    J_UNUSED_ARGS;
    int64_t length = j_int_or(c, a[0], 255), leeway = j_int_or(c, a[3], 5);
    struct jv end = a[2].type == J_MISSING ? j_str(c, "...") : a[2];
    int64_t end_chars = (int64_t)need_text(c, end, "truncate")->chars;
    if (length < end_chars)
        j_raise(c, "expected length >= %lld, got %lld", (long long)end_chars, (long long)length);
    if (leeway < 0)
        j_raise(c, "expected leeway >= 0, got %lld", (long long)leeway);
    size_t n;
    if (!j_len(c, self, &n))
        j_raise(c, "object of type '%s' has no len()", j_type_name(self));
    if ((int64_t)n <= length || (int64_t)n - length <= leeway)
        return self;
    need_text(c, self, "truncate");
    struct jv cut = j_slice(c, self, j_none(), j_int(length - end_chars), j_none());
    if (!j_truth(c, a[1]))
        cut = j_split(c, cut.s, j_str(c, " "), 1, true)->v[0];
    return j_binary(c, J_ADD, cut, end);
}

J_FN(j_filter_wordcount)
{
    J_UNUSED_ARGS;
    const struct jstr *s = j_to_str(c, self);
    int64_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        i += pr_utf8_decode(s->data + i, &ch);
        bool word = ch == '_' || strchr("LN", pr_utf8_category(ch)[0]);
        n += word && !inside;
        inside = word;
    }
    return j_int(n);
}

/* --- mark-up --- */

static size_t skip_tag(const struct jstr *s, size_t i, const char *end, size_t skip)
{
    const char *hit = memmem(s->data + i, s->len - i, end, strlen(end));
    return hit ? (size_t)(hit - s->data) + skip : 0;
}

static struct jv without(struct jctx *c, const struct jstr *s, const char *open, const char *close)
{
    struct jbuf b = {0};
    size_t n = strlen(open);
    for (size_t i = 0; i < s->len;) {
        size_t end = 0;
        if (s->len - i >= n && !memcmp(s->data + i, open, n))
            end = skip_tag(s, i, close, strlen(close));
        if (end) {
            i = end;
        } else {
            j_putc(c, &b, s->data[i++]);
        }
    }
    j_charge(c, s->len);
    return j_buf_str(c, &b);
}

/* One entity at s[i] = '&'; returns its end, or 0 where it is none that is known. */
static size_t put_entity(struct jctx *c, struct jbuf *b, const struct jstr *s, size_t i)
{
    static const struct {
        const char *name, *text;
    } names[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"},
        {"&nbsp;", "\xc2\xa0"}};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k].name);
        if (s->len - i >= n && !memcmp(s->data + i, names[k].name, n)) {
            j_puts(c, b, names[k].text);
            return i + n;
        }
    }
    if (s->len - i < 4 || s->data[i + 1] != '#')
        return 0;
    bool hex = (s->data[i + 2] | 0x20) == 'x';
    uint32_t v = 0;
    size_t from = i + 2 + hex, k = from;
    for (; k < s->len && v < 0x110000; k++) {
        char ch = s->data[k];
        int d = ch >= '0' && ch <= '9'                            ? ch - '0'
                : hex && (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f' ? (ch | 0x20) - 'a' + 10
                                                                  : -1;
        if (d < 0)
            break;
        v = v * (hex ? 16 : 10) + (uint32_t)d;
    }
    if (k == from || k >= s->len || s->data[k] != ';')
        return 0;
    j_put_char(c, b, v && v < 0x110000 && (v < 0xd800 || v > 0xdfff) ? v : 0xfffd);
    return k + 1;
}

J_FN(j_filter_striptags)
{
    J_UNUSED_ARGS;
    struct jv text = without(c, j_to_str(c, self), "<!--", "-->");
    text = without(c, text.s, "<", ">");
    text = j_join(c, j_str(c, " ").s, j_split(c, text.s, j_missing(), -1, false));
    struct jbuf b = {0};
    for (size_t i = 0; i < text.s->len;) {
        size_t end = text.s->data[i] == '&' ? put_entity(c, &b, text.s, i) : 0;
        if (!end)
            j_putc(c, &b, text.s->data[end = i]);
        i = end == i ? i + 1 : end;
    }
    return j_buf_str(c, &b);
}

J_FN(j_filter_xmlattr)
{
    J_UNUSED_ARGS;
    if (self.type != J_DICT)
        j_raise(c, "'%s' object has no attribute 'items'", j_type_name(self));
    struct jbuf b = {0};
    bool space = a[0].type == J_MISSING || j_truth(c, a[0]);
    for (size_t i = 0; i < self.d->n; i++) {
        struct jv key = self.d->v[i].key, value = self.d->v[i].value;
        if (value.type == J_NONE || value.type == J_UNDEF)
            continue;
        const struct jstr *k = need_text(c, key, "xmlattr"), *text;
        for (size_t n = 0; n < k->len; n++)
            if (k->data[n] && strchr(" \t\n\r\f\v/>=", k->data[n]))
                j_raise(c, "Invalid character in attribute name: %s", j_show(c, j_repr(c, key)));
        if (b.len || space)
            j_putc(c, &b, ' ');
        text = j_escape(c, key).s;
        j_put(c, &b, text->data, text->len);
        j_puts(c, &b, "=\"");
        text = j_escape(c, value).s;
        j_put(c, &b, text->data, text->len);
        j_putc(c, &b, '"');
    }
    return j_buf_str(c, &b);
}

/* --- urlencode --- */

static void put_quoted(struct jctx *c, struct jbuf *b, struct jv v, bool query)
{
    const struct jstr *s = j_to_str(c, v);
    for (size_t i = 0; i < s->len; i++) {
        unsigned char ch = (unsigned char)s->data[i];
        bool plain = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z' && ch < 128;
        plain |= (ch >= '0' && ch <= '9') || (ch && strchr("_.-~", ch)) || (ch == '/' && !query);
        if (plain)
            j_putc(c, b, (char)ch);
        else if (ch == ' ' && query)
            j_putc(c, b, '+');
        else
            j_putf(c, b, "%%%02X", ch);
    }
}

J_FN(j_filter_urlencode)
{
    J_UNUSED_ARGS;
    struct jbuf b = {0};
    if (self.type == J_STR || !j_iterable(self)) {
        put_quoted(c, &b, self, false);
        return j_buf_str(c, &b);
    }
    if (self.type == J_DICT) {
        struct jview *w = j_alloc(c, sizeof *w);
        *w = (struct jview){.d = self.d, .kind = J_ITEMS};
        self = (struct jv){.type = J_VIEW, .w = w};
    }
    const struct jlist *l = j_items(c, self);
    for (size_t i = 0; i < l->n; i++) {
        const struct jlist *pair = j_items(c, l->v[i]);
        if (pair->n != 2)
            j_raise(c, "urlencode wants pairs, not %zu values", pair->n);
        if (i)
            j_putc(c, &b, '&');
        put_quoted(c, &b, pair->v[0], true);
        j_putc(c, &b, '=');
        put_quoted(c, &b, pair->v[1], true);
    }
    return j_buf_str(c, &b);
}
