/* Text as Python writes it: str() and repr() of every value, code point arithmetic, HTML escaping.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/value.h"

bool j_is_space(uint32_t c)
{
    return (c >= 0x1c && c <= 0x1f) || pr_utf8_is_space(c);
}

const char *j_show(struct jctx *c, const struct jstr *s)
{
    size_t n = s->len <= 80 ? s->len : pr_utf8_valid_prefix(s->data, 80);
    char *copy = j_alloc(c, n + 4);
    memcpy(copy, s->data, n);
    if (n < s->len)
        memcpy(copy + n, "...", 3);
    return copy;
}

size_t j_char_offset(const struct jstr *s, size_t i)
{
    if (s->chars == s->len)
        return i;
    size_t at = 0;
    while (i--)
        do
            at++;
        while (at < s->len && ((unsigned char)s->data[at] & 0xc0) == 0x80);
    return at;
}

struct jv j_substr(struct jctx *c, const struct jstr *s, size_t from, size_t to)
{
    return j_with_markup(c, j_strn(c, s->data + from, to > from ? to - from : 0), s->markup);
}

/* Python's repr of a float: the fewest digits that read back as x, with an exponent below 1e-4 and
 * from 1e16 on. */
void j_put_float(struct jctx *c, struct jbuf *b, double x)
{
    if (isnan(x)) {
        j_puts(c, b, "nan");
        return;
    }
    if (isinf(x)) {
        j_puts(c, b, x < 0 ? "-inf" : "inf");
        return;
    }
    char text[40];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits, x);
    while (strtod(text, NULL) != x && ++digits < 17);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 16) {
        int decimals = digits - exponent;
        j_putf(c, b, "%.*f", decimals > 0 ? decimals : 0, x);
        if (decimals <= 0)
            j_puts(c, b, ".0");
        return;
    }
    *strchr(text, 'e') = '\0';
    j_putf(c, b, "%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent));
}

static void put_str_repr(struct jctx *c, struct jbuf *b, const struct jstr *s)
{
    char quote = memchr(s->data, '\'', s->len) && !memchr(s->data, '"', s->len) ? '"' : '\'';
    j_putc(c, b, quote);
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(s->data + i, &ch);
        if (ch == (unsigned char)quote || ch == '\\')
            j_putf(c, b, "\\%c", (char)ch);
        else if (ch == '\n' || ch == '\r' || ch == '\t')
            j_puts(c, b, ch == '\n' ? "\\n" : ch == '\r' ? "\\r" : "\\t");
        else if (ch >= 0x20 && ch < 0x7f)
            j_putc(c, b, (char)ch);
        else if (ch >= 0xa0 && pr_utf8_is_printable(ch))
            j_put(c, b, s->data + i, n);
        else
            j_putf(c, b, ch < 0x100 ? "\\x%02x" : ch < 0x10000 ? "\\u%04x" : "\\U%08x", ch);
        i += n;
    }
    j_putc(c, b, quote);
}

static void put_items(
    struct jctx *c, struct jbuf *b, const char *open, const struct jlist *l, const char *close)
{
    j_puts(c, b, open);
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            j_puts(c, b, ", ");
        j_put_repr(c, b, l->v[i]);
    }
    j_puts(c, b, close);
}

static void put_dict(struct jctx *c, struct jbuf *b, const struct jdict *d)
{
    j_putc(c, b, '{');
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            j_puts(c, b, ", ");
        j_put_repr(c, b, d->v[i].key);
        j_puts(c, b, ": ");
        j_put_repr(c, b, d->v[i].value);
    }
    j_putc(c, b, '}');
}

/* Python shows an address there, which no template can mean. */
static void put_object(struct jctx *c, struct jbuf *b, struct jv v)
{
    if (v.type == J_MACRO) {
        const struct jstr *name = j_macro_name(v.m);
        j_puts(c, b, "<Macro ");
        if (name)
            put_str_repr(c, b, name);
        else
            j_puts(c, b, "anonymous");
        j_putc(c, b, '>');
    } else if (v.type == J_LOOP) {
        size_t index, n = j_loop_length(v.loop, &index);
        j_putf(c, b, "<LoopContext %zu/%zu>", index, n);
    } else if (v.type == J_FUNC || v.type == J_METHOD) {
        j_putf(c, b, "<function %s>", v.type == J_FUNC ? v.fn->name : v.bm->fn->name);
    } else {
        j_putf(c, b, "<%s object>", j_type_name(v));
    }
}

void j_put_repr(struct jctx *c, struct jbuf *b, struct jv v)
{
    j_enter(c);
    switch (v.type) {
    case J_NONE:
        j_puts(c, b, "None");
        break;
    case J_BOOL:
        j_puts(c, b, v.b ? "True" : "False");
        break;
    case J_INT:
        j_putf(c, b, "%lld", (long long)v.i);
        break;
    case J_FLOAT:
        j_put_float(c, b, v.f);
        break;
    case J_UNDEF:
    case J_MISSING:
        j_puts(c, b, "Undefined");
        break;
    case J_STR:
        if (v.s->markup)
            j_puts(c, b, "Markup(");
        put_str_repr(c, b, v.s);
        if (v.s->markup)
            j_putc(c, b, ')');
        break;
    case J_LIST:
        put_items(c, b, "[", v.l, "]");
        break;
    case J_TUPLE:
        put_items(c, b, "(", v.l, v.l->n == 1 ? ",)" : ")");
        break;
    case J_DICT:
        put_dict(c, b, v.d);
        break;
    case J_NAMESPACE:
        j_puts(c, b, "<Namespace ");
        put_dict(c, b, v.d);
        j_putc(c, b, '>');
        break;
    case J_VIEW:
        j_puts(c, b, j_type_name(v));
        put_items(c, b, "([", j_items(c, v), "])");
        break;
    case J_RANGE:
        j_putf(c, b, v.r->step == 1 ? "range(%lld, %lld)" : "range(%lld, %lld, %lld)",
            (long long)v.r->start, (long long)v.r->stop, (long long)v.r->step);
        break;
    default:
        put_object(c, b, v);
    }
    c->depth--;
}

const struct jstr *j_repr(struct jctx *c, struct jv v)
{
    struct jbuf b = {0};
    j_put_repr(c, &b, v);
    return j_buf_str(c, &b).s;
}

const struct jstr *j_to_str(struct jctx *c, struct jv v)
{
    static const struct jstr empty = {.data = ""};
    if (v.type == J_STR)
        return v.s;
    if (v.type == J_UNDEF || v.type == J_MISSING)
        return &empty;
    return j_repr(c, v);
}

struct jv j_escape(struct jctx *c, struct jv v)
{
    if (v.type == J_STR && v.s->markup)
        return v;
    static const struct {
        char ch;
        const char *to;
    } table[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    const struct jstr *s = j_to_str(c, v);
    struct jbuf b = {0};
    for (size_t i = 0; i < s->len; i++) {
        const char *to = NULL;
        for (size_t k = 0; k < sizeof table / sizeof *table; k++)
            if (table[k].ch == s->data[i])
                to = table[k].to;
        if (to)
            j_puts(c, &b, to);
        else
            j_putc(c, &b, s->data[i]);
    }
    return j_with_markup(c, j_buf_str(c, &b), true);
}
