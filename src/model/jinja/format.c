/* "%d items" % n and "{} items".format(n). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/strings.h"

/* What a number or string is to look like, from either syntax. */
struct spec {
    char align, sign, type, group; /* 0: not given */
    uint32_t fill;
    bool alternate, zero;
    int64_t width, precision; /* -1: not given */
};

static void put_padded(
    struct jctx *c, struct jbuf *out, const struct jstr *text, size_t prefix, const struct spec *s)
{
    int64_t pad = s->width - (int64_t)text->chars;
    if (pad <= 0) {
        j_put(c, out, text->data, text->len);
        return;
    }
    if ((size_t)pad > c->mem_max)
        j_fail(c, PR_E_LIMIT, "a field of %lld characters", (long long)s->width);
    if (s->align == '=') { /* between sign and digits */
        j_put(c, out, text->data, prefix);
        for (int64_t i = 0; i < pad; i++)
            j_put_char(c, out, s->fill);
        j_put(c, out, text->data + prefix, text->len - prefix);
        return;
    }
    const struct jstr *padded =
        j_pad(c, text, s->width, s->fill, s->align == '^' ? '=' : s->align).s;
    j_put(c, out, padded->data, padded->len);
}

/* Thousands separators into the run of digits that begins at `from`. */
static struct jbuf grouped(
    struct jctx *c, const struct jbuf *b, size_t from, char sep, size_t every)
{
    size_t end = from;
    while (end < b->len &&
           ((b->data[end] >= '0' && b->data[end] <= '9') || (every == 4 && b->data[end] != '.')))
        end++;
    struct jbuf out = {0};
    j_put(c, &out, b->data, from);
    for (size_t i = from; i < end; i++) {
        if (i > from && (end - i) % every == 0)
            j_putc(c, &out, sep);
        j_putc(c, &out, b->data[i]);
    }
    j_put(c, &out, b->data + end, b->len - end);
    return out;
}

static void put_sign(struct jctx *c, struct jbuf *b, bool negative, char sign)
{
    if (negative)
        j_putc(c, b, '-');
    else if (sign == '+' || sign == ' ')
        j_putc(c, b, sign);
}

static void put_number_text(struct jctx *c, struct jbuf *out, struct jbuf *b, size_t prefix,
    const struct spec *given, size_t group_every)
{
    struct spec s = *given;
    if (s.group)
        *b = grouped(c, b, prefix, s.group, group_every);
    if (!s.align) {
        s.align = s.zero ? '=' : '>';
        if (s.zero)
            s.fill = '0';
    }
    put_padded(c, out, j_buf_str(c, b).s, prefix, &s);
}

static void put_int(struct jctx *c, struct jbuf *out, int64_t v, const struct spec *s)
{
    struct jbuf b = {0};
    uint64_t magnitude = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    put_sign(c, &b, v < 0, s->sign);
    char type = s->type;
    unsigned base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
    if (s->alternate && base != 10) {
        j_putc(c, &b, '0');
        j_putc(c, &b, type);
    }
    size_t prefix = b.len;
    char digits[65];
    size_t k = sizeof digits;
    do
        digits[--k] = (type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
    while (magnitude /= base);
    for (size_t n = sizeof digits - k; (int64_t)n < s->precision; n++)
        j_putc(c, &b, '0');
    j_put(c, &b, digits + k, sizeof digits - k);
    put_number_text(c, out, &b, prefix, s, base == 10 ? 3 : 4);
}

static void put_real(struct jctx *c, struct jbuf *out, double x, const struct spec *s)
{
    struct jbuf b = {0};
    char type = s->type ? s->type : 'g';
    put_sign(c, &b, signbit(x) && !isnan(x), s->sign);
    size_t prefix = b.len;
    double v = fabs(x);
    bool upper = type == 'E' || type == 'F' || type == 'G';
    if (!isfinite(v)) {
        j_puts(c, &b, isnan(v) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf");
    } else if (!s->type && s->precision < 0) {
        j_put_float(c, &b, v);
    } else {
        char fmt[8] = {'%', s->alternate ? '#' : '.', s->alternate ? '.' : '*',
            s->alternate  ? '*'
            : type == '%' ? 'f'
                          : type,
            s->alternate ? type == '%' ? 'f' : type : 0};
        int precision = s->precision < 0 ? 6 : (int)s->precision;
        if (precision > 400)
            j_fail(c, PR_E_LIMIT, "a float with %d decimals", precision);
        char text[1024];
        int n = snprintf(text, sizeof text, fmt, precision, type == '%' ? v * 100 : v);
        j_put(c, &b, text, (size_t)n);
        if (type == '%')
            j_putc(c, &b, '%');
        if (!s->type && !strpbrk(text, ".e"))
            j_puts(c, &b, ".0");
    }
    put_number_text(c, out, &b, prefix, s, 3);
}

static void put_text(struct jctx *c, struct jbuf *out, const struct jstr *text, struct spec s)
{
    if (s.precision >= 0 && (uint64_t)s.precision < text->chars)
        text = j_substr(c, text, 0, j_char_offset(text, (size_t)s.precision)).s;
    if (!s.align)
        s.align = '<';
    put_padded(c, out, text, 0, &s);
}

/* --- % --- */

struct percent {
    struct jctx *c;
    struct jv args;
    size_t used;
    bool tuple, any_key;
};

static struct jv next_arg(struct percent *p)
{
    if (p->tuple) {
        if (p->used >= p->args.l->n)
            j_raise(p->c, "not enough arguments for format string");
        return p->args.l->v[p->used++];
    }
    if (p->used++)
        j_raise(p->c, "not enough arguments for format string");
    return p->args;
}

static size_t read_number(struct percent *p, const struct jstr *f, size_t i, int64_t *ret)
{
    if (i < f->len && f->data[i] == '*') {
        struct jv v = next_arg(p);
        if (!j_is_integer(v))
            j_raise(p->c, "* wants int");
        *ret = j_as_int(v);
        return i + 1;
    }
    *ret = 0;
    for (; i < f->len && f->data[i] >= '0' && f->data[i] <= '9'; i++)
        if (*ret < 100000000)
            *ret = *ret * 10 + (f->data[i] - '0');
    return i;
}

static void put_percent(struct percent *p, struct jbuf *out, struct spec *s, struct jv v)
{
    struct jctx *c = p->c;
    char t = s->type;
    if (t == 's' || t == 'r' || t == 'a') {
        put_text(c, out, t == 's' ? j_to_str(c, v) : j_repr(c, v), *s);
    } else if (t == 'c') {
        struct jbuf b = {0};
        if (j_is_integer(v) && j_as_int(v) >= 0 && j_as_int(v) <= 0x10ffff)
            j_put_char(c, &b, (uint32_t)j_as_int(v));
        else if (v.type == J_STR && v.s->chars == 1)
            j_put(c, &b, v.s->data, v.s->len);
        else
            j_raise(c, "%%c requires int or char");
        s->precision = -1;
        put_text(c, out, j_buf_str(c, &b).s, *s);
    } else if (strchr("diuoxX", t)) {
        bool decimal = strchr("diu", t) != NULL;
        if (v.type == J_UNDEF)
            j_raise_undefined(c, v);
        if (!j_is_number(v) || (!decimal && v.type == J_FLOAT))
            j_raise(c, "%%%c format: %s is required, not %s", t,
                decimal ? "a real number" : "an integer", j_type_name(v));
        if (v.type == J_FLOAT && !(fabs(v.f) < 9.2e18))
            j_raise(c, "cannot convert float to a 64-bit integer");
        if (decimal)
            s->type = 'd';
        put_int(c, out, v.type == J_FLOAT ? (int64_t)v.f : j_as_int(v), s);
    } else {
        if (v.type == J_UNDEF)
            j_raise_undefined(c, v);
        if (!j_is_number(v))
            j_raise(c, "must be real number, not %s", j_type_name(v));
        put_real(c, out, j_as_double(v), s);
    }
}

/* The directive after a '%' at i; returns its end. */
static size_t percent_one(struct percent *p, struct jbuf *out, const struct jstr *f, size_t i)
{
    struct jctx *c = p->c;
    struct spec s = {.fill = ' ', .precision = -1};
    struct jv v = {J_MISSING};
    if (i < f->len && f->data[i] == '(') {
        size_t depth = 1, from = ++i;
        for (; i < f->len && depth; i++) {
            depth += f->data[i] == '(';
            depth -= f->data[i] == ')';
        }
        if (depth)
            j_raise(c, "incomplete format key");
        if (p->args.type != J_DICT)
            j_raise(c, "format requires a mapping");
        const struct jentry *e = j_dict_find_str(c, p->args.d, f->data + from, i - 1 - from);
        if (!e)
            j_raise(c, "%s", j_show(c, j_repr(c, j_strn(c, f->data + from, i - 1 - from))));
        v = e->value;
        p->any_key = true;
    }
    bool left = false;
    for (; i < f->len && strchr("-+ #0", f->data[i]) && f->data[i]; i++) {
        left |= f->data[i] == '-';
        s.zero |= f->data[i] == '0';
        s.alternate |= f->data[i] == '#';
        if (f->data[i] == '+' || (f->data[i] == ' ' && s.sign != '+'))
            s.sign = f->data[i];
    }
    i = read_number(p, f, i, &s.width);
    if (s.width < 0) {
        left = true;
        s.width = -s.width;
    }
    if (i < f->len && f->data[i] == '.')
        i = read_number(p, f, i + 1, &s.precision);
    while (i < f->len && (f->data[i] == 'h' || f->data[i] == 'l' || f->data[i] == 'L'))
        i++;
    if (i >= f->len)
        j_raise(c, "incomplete format");
    s.type = f->data[i++];
    s.align = left ? '<' : 0;
    if (s.type == '%') {
        j_putc(c, out, '%');
        return i;
    }
    if (!strchr("diuoxXeEfFgGcrsa", s.type) || !s.type)
        j_raise(c, "unsupported format character '%c' (0x%x) at index %zu", s.type,
            (unsigned)(unsigned char)s.type, i - 1);
    if (v.type == J_MISSING)
        v = next_arg(p);
    if (strchr("srac", s.type) && !left)
        s.align = '>';
    put_percent(p, out, &s, v);
    return i;
}

struct jv j_percent(struct jctx *c, const struct jstr *f, struct jv args)
{
    struct percent p = {.c = c, .args = args, .tuple = args.type == J_TUPLE};
    struct jbuf out = {0};
    for (size_t i = 0; i < f->len;) {
        if (f->data[i] == '%')
            i = percent_one(&p, &out, f, i + 1);
        else
            j_putc(c, &out, f->data[i++]);
    }
    bool left_over = p.tuple
                         ? p.used < args.l->n
                         : !p.used && !p.any_key && args.type != J_DICT && args.type != J_LIST &&
                               args.type != J_RANGE && args.type != J_UNDEF;
    if (left_over)
        j_raise(c, "not all arguments converted during string formatting");
    return j_with_markup(c, j_buf_str(c, &out), f->markup);
}

/* --- str.format --- */

struct formatter {
    struct jctx *c;
    const struct jargs *args;
    size_t next; /* automatic field number; SIZE_MAX: numbered by hand */
    bool manual, automatic;
};

static struct spec parse_spec(struct jctx *c, const struct jstr *t)
{
    struct spec s = {.fill = ' ', .precision = -1};
    size_t i = 0;
    uint32_t first = 0;
    bool filled = false;
    size_t n = t->len ? pr_utf8_decode(t->data, &first) : 0;
    if (n && n < t->len && strchr("<>=^", t->data[n])) {
        s.fill = first;
        filled = true;
        s.align = t->data[n];
        i = n + 1;
    } else if (t->len && strchr("<>=^", t->data[0]) && t->data[0]) {
        s.align = t->data[0];
        i = 1;
    }
    if (i < t->len && t->data[i] && strchr("+- ", t->data[i]))
        s.sign = t->data[i++];
    if (i < t->len && t->data[i] == '#') {
        s.alternate = true;
        i++;
    }
    if (i < t->len && t->data[i] == '0') {
        s.zero = true;
        if (!filled)
            s.fill = '0';
        i++;
    }
    for (; i < t->len && t->data[i] >= '0' && t->data[i] <= '9'; i++)
        if (s.width < 100000000)
            s.width = s.width * 10 + (t->data[i] - '0');
    if (i < t->len && (t->data[i] == ',' || t->data[i] == '_'))
        s.group = t->data[i++];
    if (i < t->len && t->data[i] == '.') {
        s.precision = 0;
        size_t from = ++i;
        for (; i < t->len && t->data[i] >= '0' && t->data[i] <= '9'; i++)
            if (s.precision < 100000000)
                s.precision = s.precision * 10 + (t->data[i] - '0');
        if (i == from)
            j_raise(c, "Format specifier missing precision");
    }
    if (i < t->len)
        s.type = t->data[i++];
    if (i < t->len || (s.type && !strchr("bcdeEfFgGnosxX%", s.type)))
        j_raise(c, "Invalid format specifier");
    return s;
}

static void put_formatted(struct jctx *c, struct jbuf *out, struct jv v, const struct jstr *text)
{
    struct spec s = parse_spec(c, text);
    bool real = s.type && strchr("eEfFgG%", s.type);
    if (v.type == J_STR || !text->len || (v.type == J_BOOL && !s.type)) {
        if (v.type == J_STR && ((s.type && s.type != 's') || s.sign || s.align == '='))
            j_raise(c, "Unknown format code '%c' for object of type 'str'", s.type ? s.type : '=');
        put_text(c, out, j_to_str(c, v), s);
    } else if (v.type == J_FLOAT || (j_is_integer(v) && real)) {
        if (s.type && !real && s.type != 'n')
            j_raise(c, "Unknown format code '%c' for object of type 'float'", s.type);
        put_real(c, out, j_as_double(v), &s);
    } else if (j_is_integer(v)) {
        if (s.precision >= 0)
            j_raise(c, "Precision not allowed in integer format specifier");
        if (s.type == 's')
            j_raise(c, "Unknown format code 's' for object of type 'int'");
        if (s.type == 'c')
            j_fail(c, PR_E_UNSUPPORTED, "the format code 'c'");
        put_int(c, out, j_as_int(v), &s);
    } else {
        j_raise(c, "unsupported format string passed to %s.__format__", j_type_name(v));
    }
}

static bool all_digits(const char *s, size_t n, int64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        if (*ret < 100000000)
            *ret = *ret * 10 + (s[i] - '0');
    }
    return n > 0;
}

static struct jv field_base(struct formatter *f, const char *s, size_t n)
{
    struct jctx *c = f->c;
    int64_t number;
    if (!n || all_digits(s, n, &number)) {
        f->automatic |= !n;
        f->manual |= n > 0;
        if (f->automatic && f->manual)
            j_raise(c, "cannot switch between manual field specification and automatic field "
                       "numbering");
        size_t at = n ? (size_t)number : f->next++;
        if (at >= f->args->n)
            j_raise(c, "Replacement index %zu out of range for positional args tuple", at);
        return f->args->v[at];
    }
    for (size_t i = 0; i < f->args->nkw; i++) {
        const struct jstr *name = f->args->kw[i].name.s;
        if (name->len == n && !memcmp(name->data, s, n))
            return f->args->kw[i].value;
    }
    j_raise(c, "%s", j_show(c, j_repr(c, j_strn(c, s, n))));
}

static struct jv field_value(struct formatter *f, const char *s, size_t n)
{
    struct jctx *c = f->c;
    size_t i = 0;
    while (i < n && s[i] != '.' && s[i] != '[')
        i++;
    if (!i && n) /* Python numbers only fields that are wholly empty */
        j_raise(c, "''");
    struct jv v = field_base(f, s, i);
    while (i < n) {
        size_t from = i + 1, end = from;
        if (s[i] == '.') {
            while (end < n && s[end] != '.' && s[end] != '[')
                end++;
            v = j_getattr(c, v, j_strn(c, s + from, end - from).s);
            i = end;
        } else if (s[i] == '[') {
            while (end < n && s[end] != ']')
                end++;
            if (end >= n)
                j_raise(c, "Missing ']' in format string");
            int64_t number;
            bool index = all_digits(s + from, end - from, &number);
            v = j_getitem(c, v, index ? j_int(number) : j_strn(c, s + from, end - from));
            i = end + 1;
        } else {
            j_raise(c, "Only '.' or '[' may follow ']' in format field specifier");
        }
    }
    return v;
}

static struct jv convert(struct jctx *c, struct jv v, char how)
{
    if (how == 's')
        return (struct jv){.type = J_STR, .s = j_to_str(c, v)};
    if (how == 'r')
        return (struct jv){.type = J_STR, .s = j_repr(c, v)};
    j_raise(c, "Unknown conversion specifier '%c'", how);
}

static struct jbuf format_text(struct formatter *f, const char *s, size_t n, unsigned depth);

/* The inside of one pair of braces. */
static void put_field(
    struct formatter *f, struct jbuf *out, const char *s, size_t n, unsigned depth)
{
    struct jctx *c = f->c;
    size_t name = 0;
    while (name < n && s[name] != '!' && s[name] != ':') {
        if (s[name] == '[')
            while (name < n && s[name] != ']')
                name++;
        else
            name++;
    }
    struct jv v = field_value(f, s, name);
    size_t i = name;
    if (i < n && s[i] == '!') {
        if (i + 1 >= n || (i + 2 < n && s[i + 2] != ':'))
            j_raise(c, "expected ':' after conversion specifier");
        v = convert(c, v, s[i + 1]);
        i += 2;
    }
    struct jbuf spec = {0};
    if (i < n)
        spec = format_text(f, s + i + 1, n - i - 1, depth + 1);
    put_formatted(c, out, v, j_buf_str(c, &spec).s);
}

static struct jbuf format_text(struct formatter *f, const char *s, size_t n, unsigned depth)
{
    struct jctx *c = f->c;
    struct jbuf out = {0};
    if (depth > 1 && memchr(s, '{', n))
        j_raise(c, "Max string recursion exceeded");
    for (size_t i = 0; i < n;) {
        bool doubled = i + 1 < n && s[i + 1] == s[i];
        if (s[i] != '{' && s[i] != '}') {
            j_putc(c, &out, s[i++]);
        } else if (doubled && (depth == 0)) {
            j_putc(c, &out, s[i]);
            i += 2;
        } else if (s[i] == '}') {
            j_raise(c, "Single '}' encountered in format string");
        } else {
            size_t open = 1, end = i + 1;
            for (; end < n; end++) {
                open += s[end] == '{';
                open -= s[end] == '}';
                if (!open)
                    break;
            }
            if (end >= n)
                j_raise(c, n == i + 1 ? "Single '{' encountered in format string"
                                      : "expected '}' before end of string");
            put_field(f, &out, s + i + 1, end - i - 1, depth);
            i = end + 1;
        }
    }
    return out;
}

struct jv j_format(struct jctx *c, const struct jstr *fmt, const struct jargs *args)
{
    struct formatter f = {.c = c, .args = args};
    struct jbuf out = format_text(&f, fmt->data, fmt->len, 0);
    return j_with_markup(c, j_buf_str(c, &out), fmt->markup);
}
