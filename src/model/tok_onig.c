/* Rewrites a regular expression from Oniguruma's syntax and Unicode 16, which Hugging Face uses, to
 * PCRE2's.
 *
 * What differs and matters: \s (PCRE2's has U+180E), \w and \d, \h and \v, `.` and the option m,
 * `^` and `$` (always by line; an option of the compilation), {,n}, {n,m}+ (no possessive there),
 * nested classes, long names of properties, scripts (PCRE2 takes script extensions), and characters
 * that PCRE2's older Unicode does not know yet, which are added to the classes by number.
 */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "model/tok_onig.h"
#include "model/tok_unicode.h"

struct rewrite {
    const char *s;
    size_t n, at;
    struct pr_tok_onig *to;
    size_t src; /* where the present element began */
};

static void put(struct rewrite *r, const char *text, size_t n)
{
    pr_str_append(&r->to->text, text, n);
    for (size_t i = 0; i < n; i++)
        PR_PUSH(r->to->source, r->to->n, r->to->cap, (uint32_t)r->src);
}

static void puts_(struct rewrite *r, const char *text)
{
    put(r, text, strlen(text));
}

static void put_range(struct rewrite *r, uint32_t lo, uint32_t hi)
{
    struct pr_str t = PR_STR_INIT(64);
    pr_str_printf(&t, lo == hi ? "\\x{%x}" : "\\x{%x}-\\x{%x}", lo, hi);
    put(r, pr_str_cstr(&t), t.len);
    pr_str_done(&t);
}

/* The characters newer than Unicode 14 whose category is in the set, as ranges within a class. */
static void put_newer(struct rewrite *r, uint32_t set)
{
    for (size_t i = 0; i < pr_tok_after14_n; i++)
        for (uint32_t c = pr_tok_after14[i].lo; c <= pr_tok_after14[i].hi; c++) {
            uint32_t from = c;
            while (c <= pr_tok_after14[i].hi && set >> pr_tok_gc(c) & 1)
                c++;
            if (c > from)
                put_range(r, from, c - 1);
        }
}

#define BIT(gc) (1u << PR_TOK_##gc)
#define SPACES                                                                                     \
    "\\t-\\r \\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NOT_SPACES                                                                                 \
    "\\x00-\\x08\\x0e-\\x1f!-\\x84\\x86-\\x9f\\xa1-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{"     \
    "2027}"                                                                                        \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

struct property {
    const char *name, *is; /* lower case without separators; what PCRE2 calls it within a class */
    uint32_t set;
};
static const struct property properties[] = {
    {"l", "\\p{L}", BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo)},
    {"letter", "\\p{L}", BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo)},
    {"lu", "\\p{Lu}", BIT(Lu)},
    {"uppercaseletter", "\\p{Lu}", BIT(Lu)},
    {"ll", "\\p{Ll}", BIT(Ll)},
    {"lowercaseletter", "\\p{Ll}", BIT(Ll)},
    {"lt", "\\p{Lt}", BIT(Lt)},
    {"titlecaseletter", "\\p{Lt}", BIT(Lt)},
    {"lm", "\\p{Lm}", BIT(Lm)},
    {"modifierletter", "\\p{Lm}", BIT(Lm)},
    {"lo", "\\p{Lo}", BIT(Lo)},
    {"otherletter", "\\p{Lo}", BIT(Lo)},
    {"m", "\\p{M}", BIT(Mn) | BIT(Mc) | BIT(Me)},
    {"mark", "\\p{M}", BIT(Mn) | BIT(Mc) | BIT(Me)},
    {"mn", "\\p{Mn}", BIT(Mn)},
    {"nonspacingmark", "\\p{Mn}", BIT(Mn)},
    {"mc", "\\p{Mc}", BIT(Mc)},
    {"spacingmark", "\\p{Mc}", BIT(Mc)},
    {"me", "\\p{Me}", BIT(Me)},
    {"enclosingmark", "\\p{Me}", BIT(Me)},
    {"n", "\\p{N}", BIT(Nd) | BIT(Nl) | BIT(No)},
    {"number", "\\p{N}", BIT(Nd) | BIT(Nl) | BIT(No)},
    {"nd", "\\p{Nd}", BIT(Nd)},
    {"decimalnumber", "\\p{Nd}", BIT(Nd)},
    {"digit", "\\p{Nd}", BIT(Nd)},
    {"nl", "\\p{Nl}", BIT(Nl)},
    {"letternumber", "\\p{Nl}", BIT(Nl)},
    {"no", "\\p{No}", BIT(No)},
    {"othernumber", "\\p{No}", BIT(No)},
    {"p", "\\p{P}", BIT(Pc) | BIT(Pd) | BIT(Ps) | BIT(Pe) | BIT(Pi) | BIT(Pf) | BIT(Po)},
    {"punctuation", "\\p{P}", BIT(Pc) | BIT(Pd) | BIT(Ps) | BIT(Pe) | BIT(Pi) | BIT(Pf) | BIT(Po)},
    {"s", "\\p{S}", BIT(Sm) | BIT(Sc) | BIT(Sk) | BIT(So)},
    {"symbol", "\\p{S}", BIT(Sm) | BIT(Sc) | BIT(Sk) | BIT(So)},
    {"so", "\\p{So}", BIT(So)},
    {"sm", "\\p{Sm}", BIT(Sm)},
    {"sc", "\\p{Sc}", BIT(Sc)},
    {"sk", "\\p{Sk}", BIT(Sk)},
    {"po", "\\p{Po}", BIT(Po)},
    {"pc", "\\p{Pc}", BIT(Pc)},
    {"pd", "\\p{Pd}", BIT(Pd)},
    {"ps", "\\p{Ps}", BIT(Ps)},
    {"pe", "\\p{Pe}", BIT(Pe)},
    {"pi", "\\p{Pi}", BIT(Pi)},
    {"pf", "\\p{Pf}", BIT(Pf)},
    {"z", "\\p{Z}", 0},
    {"separator", "\\p{Z}", 0},
    {"zs", "\\p{Zs}", 0},
    {"zl", "\\p{Zl}", 0},
    {"zp", "\\p{Zp}", 0},
    {"c", "\\p{C}", 0},
    {"other", "\\p{C}", 0},
    {"cc", "\\p{Cc}", 0},
    {"cntrl", "\\p{Cc}", 0},
    {"control", "\\p{Cc}", 0},
    {"cf", "\\p{Cf}", BIT(Cf)},
    {"format", "\\p{Cf}", BIT(Cf)},
    {"co", "\\p{Co}", 0},
    {"cn", "\\p{Cn}", 0},
    {"space", SPACES, 0},
    {"whitespace", SPACES, 0},
    {"any", "\\x{0}-\\x{10ffff}", 0},
    {"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}",
        BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo) | BIT(Mn) | BIT(Mc) | BIT(Me) | BIT(Nd) |
            BIT(Nl) | BIT(Pc)},
    {"alpha", "\\p{Alphabetic}", BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo) | BIT(Nl)},
    {"alphabetic", "\\p{Alphabetic}", BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo) | BIT(Nl)},
    {"alnum", "\\p{Alphabetic}\\p{Nd}",
        BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo) | BIT(Nl) | BIT(Nd)},
    {"upper", "\\p{Uppercase}", BIT(Lu)},
    {"uppercase", "\\p{Uppercase}", BIT(Lu)},
    {"lower", "\\p{Lowercase}", BIT(Ll)},
    {"lowercase", "\\p{Lowercase}", BIT(Ll)},
};

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (!strcmp(properties[i].name, name))
            return &properties[i];
    return NULL;
}

/* A set of characters, within a class or as a class of its own. */
static void put_property(struct rewrite *r, const struct property *p, bool negated, bool in_class)
{
    if (in_class && negated && p->is[1] == 'p' && !strchr(p->is + 1, '\\')) {
        puts_(r, "\\P"); /* characters newer than PCRE2's tables stay inside this one */
        puts_(r, p->is + 2);
        return;
    }
    if (!in_class)
        puts_(r, negated ? "[^" : "[");
    puts_(r, p->is);
    put_newer(r, p->set);
    if (!in_class)
        puts_(r, "]");
}

/* \p{…} or \P{…}, r->at behind the letter.  Another name is taken for a script. */
static bool property(struct rewrite *r, bool negated, bool in_class)
{
    char name[64];
    size_t n = 0, end = r->at;
    if (end >= r->n || r->s[end] != '{')
        return false;
    if (++end < r->n && r->s[end] == '^') {
        negated = !negated;
        end++;
    }
    for (; end < r->n && r->s[end] != '}'; end++) {
        char c = r->s[end];
        if (c == '_' || c == ' ' || c == '-')
            continue;
        if (!isalnum((unsigned char)c) || n + 1 >= sizeof name)
            return false;
        name[n++] = (char)tolower((unsigned char)c);
    }
    if (end == r->n)
        return false;
    name[n] = 0;
    r->at = end + 1;
    const struct property *p = find_property(name);
    if (p) {
        put_property(r, p, negated, in_class);
    } else {
        puts_(r, negated ? "\\P{sc:" : "\\p{sc:");
        puts_(r, name);
        puts_(r, "}");
    }
    return true;
}

/* An escape, r->at behind the backslash. */
static void escape(struct rewrite *r, bool in_class)
{
    char c = r->at < r->n ? r->s[r->at++] : 0;
    char pair[3] = {'\\', c, 0};
    bool upper = c >= 'A' && c <= 'Z';
    switch (c) {
    case 'p':
    case 'P':
        if (!property(r, upper, in_class))
            puts_(r, pair);
        break;
    case 's':
    case 'S':
        if (!in_class)
            puts_(r, upper ? "[^" SPACES "]" : "[" SPACES "]");
        else
            puts_(r, upper ? NOT_SPACES : SPACES);
        break;
    case 'd':
    case 'D':
        put_property(r, find_property("nd"), upper, in_class);
        break;
    case 'w':
    case 'W':
        if (in_class && upper)
            puts_(r, "\\W");
        else
            put_property(r, find_property("word"), upper, in_class);
        break;
    case 'h':
        puts_(r, in_class ? "0-9a-fA-F" : "[0-9a-fA-F]");
        break;
    case 'H':
        puts_(r, in_class ? "\\x00-/:-@G-`g-\\x{10ffff}" : "[^0-9a-fA-F]");
        break;
    case 'v':
        puts_(r, "\\x0b");
        break;
    case 'u':
        if (r->n - r->at >= 4) {
            puts_(r, "\\x{");
            put(r, r->s + r->at, 4);
            puts_(r, "}");
            r->at += 4;
            break;
        }
        puts_(r, pair);
        break;
    case 0:
        puts_(r, "\\");
        break;
    default:
        puts_(r, pair);
    }
}

/* A class, r->at behind its '['.  One nested without negation is joined with the outer one. */
static bool char_class(struct rewrite *r, int depth)
{
    bool first = true;
    for (; r->at < r->n; first = false) {
        r->src = r->at;
        char c = r->s[r->at++];
        if (first && c == '^' && depth == 0) {
            puts_(r, "^");
            if (r->at < r->n && r->s[r->at] == ']') {
                puts_(r, "\\]");
                r->at++;
            }
        } else if (c == ']' && !first) {
            return true;
        } else if (c == '\\') {
            escape(r, true);
        } else if (c == '[' && r->at < r->n && r->s[r->at] == ':') {
            const char *end = memmem(r->s + r->at, r->n - r->at, ":]", 2);
            size_t len = end ? (size_t)(end - (r->s + r->at)) + 2 : 0;
            put(r, r->s + r->at - 1, len + 1);
            r->at += len;
        } else if (c == '[') {
            if (depth > 8 || (r->at < r->n && r->s[r->at] == '^') || !char_class(r, depth + 1))
                return false;
        } else if (c == '&' && r->at < r->n && r->s[r->at] == '&') {
            return false;
        } else {
            put(r, &c, 1);
        }
    }
    return true; /* PCRE2 reports the missing bracket */
}

/* A group's head behind '(': its options keep their meaning, the letter m becomes s. */
static void group_head(struct rewrite *r)
{
    size_t end = r->at + 1;
    if (r->at >= r->n || r->s[r->at] != '?')
        return;
    while (end < r->n && r->s[end] && strchr("imx-", r->s[end]))
        end++;
    if (end >= r->n || (r->s[end] != ':' && r->s[end] != ')'))
        return;
    for (; r->at < end; r->at++) {
        char c = r->s[r->at] == 'm' ? 's' : r->s[r->at];
        put(r, &c, 1);
    }
}

/* {,n} is {0,n}; {n,m}+ repeats the repetition, which for n ≤ 1 is the same as {n,}. */
static void repetition(struct rewrite *r)
{
    size_t end = r->at, comma = 0;
    for (; end < r->n && (isdigit((unsigned char)r->s[end]) || r->s[end] == ','); end++)
        if (r->s[end] == ',')
            comma = end;
    bool closed = end < r->n && r->s[end] == '}' && end > r->at;
    puts_(r, "{");
    if (!closed || !comma)
        return;
    if (comma == r->at)
        puts_(r, "0");
    bool plus = end + 1 < r->n && r->s[end + 1] == '+';
    bool small = comma == r->at || (comma == r->at + 1 && r->s[r->at] <= '1');
    if (plus && small) {
        put(r, r->s + r->at, comma + 1 - r->at);
        puts_(r, "}");
        r->at = end + 2;
    }
}

bool pr_tok_onig_rewrite(const char *s, size_t n, struct pr_tok_onig *ret)
{
    struct rewrite r = {.s = s, .n = n, .to = ret};
    *ret = (struct pr_tok_onig){.text = PR_STR_INIT((size_t)1 << 24)};
    while (r.at < n) {
        r.src = r.at;
        char c = s[r.at++];
        if (c == '\\') {
            escape(&r, false);
        } else if (c == '[') {
            puts_(&r, "[");
            if (!char_class(&r, 0)) {
                ret->bad = r.src;
                return false;
            }
            if (r.at <= n && s[r.at - 1] == ']')
                puts_(&r, "]");
        } else if (c == '{') {
            repetition(&r);
        } else {
            put(&r, &c, 1);
            if (c == '(')
                group_head(&r);
        }
    }
    return true;
}

void pr_tok_onig_done(struct pr_tok_onig *o)
{
    pr_str_done(&o->text);
    pr_free(o->source);
}
