/* Template source to tokens, with Jinja's white space rules under trim_blocks and lstrip_blocks: a
 * line break right after a block or comment tag goes, blanks between a line's start and such a tag
 * go,
 * '-' strips everything on its side and '+' keeps it. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/ast.h"

struct lexer {
    struct jctx *c;
    const char *s; /* newlines normalised to \n, one at the end dropped */
    size_t n, at;
    unsigned line;
    bool line_starting;
    struct jtokens *out;
    struct jbuf closers; /* brackets that are open within the tag */
};

static void push(struct lexer *x, struct jtoken t)
{
    struct jtokens *o = x->out;
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        struct jtoken *fresh = j_array(x->c, cap, sizeof *fresh);
        if (o->n)
            memcpy(fresh, o->v, o->n * sizeof *fresh);
        o->v = fresh;
        o->cap = cap;
    }
    o->v[o->n++] = t;
}

static void push_type(struct lexer *x, enum jtok type)
{
    push(x, (struct jtoken){.type = type, .line = x->line});
}

static _Noreturn void syntax(struct lexer *x, const char *what)
{
    x->c->line = x->line;
    j_fail(x->c, PR_E_FORMAT, "%s", what);
}

static void normalise(struct lexer *x, const char *source, size_t n)
{
    char *s = j_alloc(x->c, n + 1);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (source[i] == '\r') {
            s[k++] = '\n';
            i += i + 1 < n && source[i + 1] == '\n';
        } else {
            s[k++] = source[i];
        }
    }
    if (k && s[k - 1] == '\n')
        k--;
    x->s = s;
    x->n = k;
}

static bool looking_at(const struct lexer *x, size_t at, const char *text)
{
    size_t n = strlen(text);
    return x->n - at >= n && !memcmp(x->s + at, text, n);
}

static size_t skip_space(const struct lexer *x, size_t at)
{
    while (at < x->n) {
        uint32_t ch;
        size_t k = pr_utf8_decode(x->s + at, &ch);
        if (!j_is_space(ch))
            break;
        at += k;
    }
    return at;
}

/* Moves on to `to`, counting lines. */
static void advance(struct lexer *x, size_t to)
{
    for (; x->at < to; x->at++)
        x->line += x->s[x->at] == '\n';
}

/* Where the blanks before `to` begin, not before `from`. */
static size_t before_space(const struct lexer *x, size_t from, size_t to)
{
    while (to > from) {
        size_t back = to - 1;
        while (back > from && ((unsigned char)x->s[back] & 0xc0) == 0x80)
            back--;
        uint32_t ch;
        pr_utf8_decode(x->s + back, &ch);
        if (!j_is_space(ch))
            break;
        to = back;
    }
    return to;
}

/* The data in [x->at, tag), less what the tag's sign and lstrip_blocks take away. */
static void push_data(struct lexer *x, size_t tag, char sign, bool variable)
{
    size_t from = x->at, end = tag;
    size_t stripped = before_space(x, from, tag);
    if (sign == '-') {
        end = stripped;
    } else if (sign != '+' && !variable) {
        size_t line = tag;
        while (line > from && x->s[line - 1] != '\n')
            line--;
        if ((line > from || x->line_starting) && stripped <= line)
            end = line;
    }
    if (end > from)
        push(x,
            (struct jtoken){
                .type = JT_DATA, .line = x->line, .value = j_strn(x->c, x->s + from, end - from)});
}

/* The end of a block tag at `at`: +%}, -%} with blanks, %} with one line break; 0: not there. */
static size_t block_end(const struct lexer *x, size_t at, const char *close)
{
    char sign = x->s[at];
    bool signed_end = (sign == '-' || sign == '+') && looking_at(x, at + 1, close);
    if (!signed_end && !looking_at(x, at, close))
        return 0;
    at += signed_end + 2u;
    if (!signed_end)
        return at + (at < x->n && x->s[at] == '\n');
    return sign == '-' ? skip_space(x, at) : at;
}

static size_t variable_end(const struct lexer *x, size_t at)
{
    if (looking_at(x, at, "-}}"))
        return skip_space(x, at + 3);
    return looking_at(x, at, "}}") ? at + 2 : 0;
}

static char sign_at(const struct lexer *x, size_t at)
{
    return at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at] : 0;
}

/* Is there a tag `{% word %}` at `at`?  Returns its end, or 0.  raw's own closing tag does not trim
 * a line break, endraw's does. */
static size_t word_tag(const struct lexer *x, size_t at, const char *word, char *ret_sign)
{
    if (!looking_at(x, at, "{%"))
        return 0;
    *ret_sign = sign_at(x, at + 2);
    size_t i = skip_space(x, at + 2 + (*ret_sign != 0));
    if (!looking_at(x, i, word))
        return 0;
    i = skip_space(x, i + strlen(word));
    if (i >= x->n)
        return 0;
    if (word[0] == 'e')
        return block_end(x, i, "%}");
    if (looking_at(x, i, "-%}"))
        return skip_space(x, i + 3);
    return looking_at(x, i, "%}") ? i + 2 : 0;
}

static void finish(struct lexer *x, size_t to)
{
    advance(x, to);
    x->line_starting = to > 0 && x->s[to - 1] == '\n';
}

static void lex_raw(struct lexer *x, size_t body)
{
    finish(x, body);
    for (size_t i = body; i < x->n; i++) {
        char sign = 0;
        size_t end = x->s[i] == '{' ? word_tag(x, i, "endraw", &sign) : 0;
        if (!end)
            continue;
        push_data(x, i, sign, false);
        finish(x, end);
        return;
    }
    syntax(x, "Missing end of raw directive");
}

static void lex_comment(struct lexer *x, size_t body)
{
    for (size_t i = body; i < x->n; i++) {
        size_t end = strchr("+-#", x->s[i]) && x->s[i] ? block_end(x, i, "#}") : 0;
        if (end) {
            finish(x, end);
            return;
        }
    }
    syntax(x, "Missing end of comment tag");
}

/* --- inside a tag --- */

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

/* (\d+_)*\d+ at `at`; returns its end. */
static size_t digits(const struct lexer *x, size_t at)
{
    size_t i = at;
    while (i < x->n && (is_digit(x->s[i]) || (x->s[i] == '_' && i > at && x->s[i - 1] != '_' &&
                                                 i + 1 < x->n && is_digit(x->s[i + 1]))))
        i++;
    return i;
}

static size_t float_end(const struct lexer *x)
{
    size_t i = digits(x, x->at), point = 0;
    if (i == x->at || (x->at && x->s[x->at - 1] == '.'))
        return 0;
    if (i < x->n && x->s[i] == '.') {
        point = digits(x, i + 1);
        if (point == i + 1)
            point = 0;
    }
    size_t e = point ? point : i;
    if (e < x->n && (x->s[e] == 'e' || x->s[e] == 'E')) {
        size_t k = e + 1 + (sign_at(x, e + 1) != 0);
        size_t end = digits(x, k);
        if (end > k)
            return end;
    }
    return point;
}

static bool base_digit(char ch, int base)
{
    if (base == 16)
        return is_digit(ch) || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
    return ch >= '0' && ch < '0' + base;
}

static size_t based_end(const struct lexer *x, size_t i, int base)
{
    size_t from = i;
    for (;;) {
        size_t k = i < x->n && x->s[i] == '_' ? i + 1 : i;
        if (k >= x->n || !base_digit(x->s[k], base))
            return i > from ? i : 0;
        i = k + 1;
    }
}

static size_t integer_end(const struct lexer *x, int *ret_base)
{
    *ret_base = 10;
    size_t i = x->at;
    if (x->s[i] == '0') {
        char mark = i + 1 < x->n ? (char)(x->s[i + 1] | 0x20) : 0;
        int base = mark == 'b' ? 2 : mark == 'o' ? 8 : mark == 'x' ? 16 : 0;
        size_t end = base ? based_end(x, i + 2, base) : 0;
        if (end) {
            *ret_base = base;
            return end;
        }
        for (i++; i < x->n; i++)
            if (x->s[i] != '0' && !(x->s[i] == '_' && i + 1 < x->n && x->s[i + 1] == '0'))
                break;
        return i;
    }
    return is_digit(x->s[i]) ? digits(x, i) : 0;
}

static void lex_number(struct lexer *x, size_t end, int base, bool real)
{
    struct jbuf b = {0};
    for (size_t i = x->at; i < end; i++)
        if (x->s[i] != '_')
            j_putc(x->c, &b, x->s[i]);
    j_putc(x->c, &b, '\0');
    struct jtoken t = {.type = real ? JT_FLOAT : JT_INT, .line = x->line};
    if (real) {
        t.value = j_float(strtod(b.data, NULL));
    } else {
        int64_t v = 0;
        for (const char *p = b.data + (base == 10 ? 0 : 2); *p; p++) {
            int d = is_digit(*p) ? *p - '0' : (*p | 0x20) - 'a' + 10;
            if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v)) {
                x->c->line = x->line;
                j_fail(x->c, PR_E_UNSUPPORTED, "the integer %.40s is beyond 64 bits", b.data);
            }
        }
        t.value = j_int(v);
    }
    push(x, t);
    advance(x, end);
}

static size_t name_end(const struct lexer *x)
{
    size_t i = x->at;
    while (i < x->n) {
        uint32_t ch;
        size_t k = pr_utf8_decode(x->s + i, &ch);
        bool word = ch == '_' || is_digit((char)(ch < 128 ? ch : 0)) ||
                    (ch < 128 && (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
                    (ch >= 128 && strchr("LN", pr_utf8_category(ch)[0]));
        if (!word)
            break;
        i += k;
    }
    return i;
}

/* One escape of a string literal, as Python's unicode_escape codec reads it; i is at the backslash.
 */
static size_t unescape(struct lexer *x, struct jbuf *b, const char *s, size_t n, size_t i)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char ch = s[i + 1];
    const char *simple = ch ? strchr(from, ch) : NULL;
    if (simple) {
        j_putc(x->c, b, to[simple - from]);
        return i + 2;
    }
    if (ch == '\n')
        return i + 2;
    size_t want = ch == 'x' ? 2 : ch == 'u' ? 4 : ch == 'U' ? 8 : 0;
    uint32_t v = 0;
    size_t k = i + 2;
    if (want) {
        for (; k < i + 2 + want; k++) {
            if (k >= n || !base_digit(s[k], 16))
                syntax(x, "truncated escape in a string");
            v = v << 4 | (uint32_t)(is_digit(s[k]) ? s[k] - '0' : (s[k] | 0x20) - 'a' + 10);
        }
        if (v > 0x10ffff)
            syntax(x, "illegal Unicode character in a string");
        if (v >= 0xd800 && v <= 0xdfff)
            syntax(x, "a surrogate in a string cannot be written as UTF-8");
        j_put_char(x->c, b, v);
        return k;
    }
    if (ch >= '0' && ch <= '7') {
        for (k = i + 1; k < n && k < i + 4 && s[k] >= '0' && s[k] <= '7'; k++)
            v = v << 3 | (uint32_t)(s[k] - '0');
        j_put_char(x->c, b, v);
        return k;
    }
    if (ch == 'N') {
        x->c->line = x->line;
        j_fail(x->c, PR_E_UNSUPPORTED, "the escape \\N{...} in a string");
    }
    j_putc(x->c, b, '\\');
    if ((unsigned char)ch < 0x80)
        return i + 1;
    /* Jinja turns what is not ASCII into escapes first, so a backslash before it escapes that
     * one's. */
    k = i + 1 + pr_utf8_decode(s + i + 1, &v);
    j_putf(x->c, b, v < 0x100 ? "x%02x" : v < 0x10000 ? "u%04x" : "U%08x", v);
    return k;
}

static bool lex_string(struct lexer *x)
{
    char quote = x->s[x->at];
    size_t end = x->at + 1;
    while (end < x->n && x->s[end] != quote)
        end += x->s[end] == '\\' ? 2 : 1;
    if (end >= x->n)
        return false;
    const char *s = x->s + x->at + 1;
    size_t n = end - x->at - 1;
    struct jbuf b = {0};
    for (size_t i = 0; i < n;) {
        if (s[i] == '\\') {
            i = unescape(x, &b, s, n, i);
        } else {
            j_putc(x->c, &b, s[i++]);
        }
    }
    push(x, (struct jtoken){.type = JT_STRING, .line = x->line, .value = j_buf_str(x->c, &b)});
    advance(x, end + 1);
    return true;
}

static void balance(struct lexer *x, char op)
{
    x->c->line = x->line;
    if (op == '{' || op == '(' || op == '[')
        j_putc(x->c, &x->closers, op == '{' ? '}' : op == '(' ? ')' : ']');
    if (op != '}' && op != ')' && op != ']')
        return;
    if (!x->closers.len)
        j_fail(x->c, PR_E_FORMAT, "unexpected '%c'", op);
    char want = x->closers.data[--x->closers.len];
    if (want != op)
        j_fail(x->c, PR_E_FORMAT, "unexpected '%c', expected '%c'", op, want);
}

static void lex_operator(struct lexer *x)
{
    static const char *const two[] = {"//", "**", "==", "!=", ">=", "<="};
    struct jtoken t = {.type = JT_OP, .line = x->line};
    size_t n = 0;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (looking_at(x, x->at, two[i]))
            n = 2;
    char ch = x->s[x->at];
    if (!n && ch && strchr("+-/*%~[](){}><=.:|,;", ch))
        n = 1;
    if (!n) {
        x->c->line = x->line;
        j_fail(x->c, PR_E_FORMAT, "unexpected char '%c' at byte %zu", ch, x->at);
    }
    memcpy(t.op, x->s + x->at, n);
    if (n == 1)
        balance(x, ch);
    push(x, t);
    advance(x, x->at + n);
}

static void lex_token(struct lexer *x)
{
    size_t end;
    int base;
    if ((end = float_end(x))) {
        lex_number(x, end, 10, true);
    } else if ((end = integer_end(x, &base))) {
        lex_number(x, end, base, false);
    } else if ((end = name_end(x)) > x->at) {
        push(x, (struct jtoken){.type = JT_NAME,
                    .line = x->line,
                    .value = j_strn(x->c, x->s + x->at, end - x->at)});
        advance(x, end);
    } else if ((x->s[x->at] != '\'' && x->s[x->at] != '"') || !lex_string(x)) {
        lex_operator(x);
    }
}

static void lex_tag(struct lexer *x, size_t body, bool variable)
{
    push_type(x, variable ? JT_VAR_BEGIN : JT_BLOCK_BEGIN);
    advance(x, body);
    x->closers.len = 0;
    while (x->at < x->n) {
        size_t end = 0;
        if (!x->closers.len)
            end = variable ? variable_end(x, x->at) : block_end(x, x->at, "%}");
        if (end) {
            push_type(x, variable ? JT_VAR_END : JT_BLOCK_END);
            finish(x, end);
            return;
        }
        size_t space = skip_space(x, x->at);
        if (space > x->at)
            advance(x, space);
        else
            lex_token(x);
    }
}

void j_lex(struct jctx *c, const char *source, size_t n, struct jtokens *ret)
{
    struct lexer x = {.c = c, .line = 1, .line_starting = true, .out = ret};
    normalise(&x, source, n);
    size_t i = 0;
    while (i < x.n) {
        char kind = x.s[i] == '{' && i + 1 < x.n ? x.s[i + 1] : 0;
        if (kind != '%' && kind != '#' && kind != '{') {
            i++;
            continue;
        }
        char sign = 0;
        size_t raw = kind == '%' ? word_tag(&x, i, "raw", &sign) : 0;
        if (!raw)
            sign = sign_at(&x, i + 2);
        push_data(&x, i, sign, kind == '{');
        advance(&x, i);
        size_t body = i + 2 + (sign != 0);
        if (raw)
            lex_raw(&x, raw);
        else if (kind == '#')
            lex_comment(&x, body);
        else
            lex_tag(&x, body, kind == '{');
        i = x.at;
    }
    if (x.at < x.n)
        push(&x, (struct jtoken){
                     .type = JT_DATA, .line = x.line, .value = j_strn(c, x.s + x.at, x.n - x.at)});
    push_type(&x, JT_EOF);
}
