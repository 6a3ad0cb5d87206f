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
    bool bad;   /* met something that has no like in PCRE2 */
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
    const char *name;   /* lower case without separators */
    const char *native; /* what PCRE2 calls it within a class; NULL: the set is written out */
    uint32_t set;       /* categories; 0 where categories do not decide */
    const struct pr_tok_range *extra; /* up to {0, 0} */
};
#define LETTERS     (BIT(Lu) | BIT(Ll) | BIT(Lt) | BIT(Lm) | BIT(Lo))
#define MARKS       (BIT(Mn) | BIT(Mc) | BIT(Me))
#define NUMBERS     (BIT(Nd) | BIT(Nl) | BIT(No))
#define PUNCTUATION (BIT(Pc) | BIT(Pd) | BIT(Ps) | BIT(Pe) | BIT(Pi) | BIT(Pf) | BIT(Po))
#define SYMBOLS     (BIT(Sm) | BIT(Sc) | BIT(Sk) | BIT(So))
#define GRAPH       (LETTERS | MARKS | NUMBERS | PUNCTUATION | SYMBOLS | BIT(Cf) | BIT(Co))
#define OTHERS      (BIT(Cc) | BIT(Cf) | BIT(Cn) | BIT(Co))
#define WORDS       (LETTERS | MARKS | BIT(Nd) | BIT(Nl) | BIT(Pc))
/* Letters in circles and squares; Oniguruma's \w outside a class also has
 * Latin-1's superscripts and fractions. */
#define CIRCLED                                                                                    \
    {0x24b6, 0x24e9}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169},                                      \
    {                                                                                              \
        0x1f170, 0x1f189                                                                           \
    }
static const struct pr_tok_range circled[] = {CIRCLED, {0, 0}};
static const struct pr_tok_range latin1[] = {
    {0xb2, 0xb3}, {0xb9, 0xb9}, {0xbc, 0xbe}, CIRCLED, {0, 0}};
static const struct pr_tok_range newer_han[] = {
    {0x2b739, 0x2b739}, {0x2ebf0, 0x2ee5d}, {0x31350, 0x323af}, {0, 0}};
#define WORD_NATIVE "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}"

static const struct property properties[] = {
    {"l", "\\p{L}", LETTERS, NULL},
    {"letter", "\\p{L}", LETTERS, NULL},
    {"lc", "\\p{Lu}\\p{Ll}\\p{Lt}", BIT(Lu) | BIT(Ll) | BIT(Lt), NULL},
    {"casedletter", "\\p{Lu}\\p{Ll}\\p{Lt}", BIT(Lu) | BIT(Ll) | BIT(Lt), NULL},
    {"lu", "\\p{Lu}", BIT(Lu), NULL},
    {"uppercaseletter", "\\p{Lu}", BIT(Lu), NULL},
    {"ll", "\\p{Ll}", BIT(Ll), NULL},
    {"lowercaseletter", "\\p{Ll}", BIT(Ll), NULL},
    {"lt", "\\p{Lt}", BIT(Lt), NULL},
    {"titlecaseletter", "\\p{Lt}", BIT(Lt), NULL},
    {"lm", "\\p{Lm}", BIT(Lm), NULL},
    {"modifierletter", "\\p{Lm}", BIT(Lm), NULL},
    {"lo", "\\p{Lo}", BIT(Lo), NULL},
    {"otherletter", "\\p{Lo}", BIT(Lo), NULL},
    {"m", "\\p{M}", MARKS, NULL},
    {"mark", "\\p{M}", MARKS, NULL},
    {"mn", "\\p{Mn}", BIT(Mn), NULL},
    {"nonspacingmark", "\\p{Mn}", BIT(Mn), NULL},
    {"mc", "\\p{Mc}", BIT(Mc), NULL},
    {"spacingmark", "\\p{Mc}", BIT(Mc), NULL},
    {"me", "\\p{Me}", BIT(Me), NULL},
    {"enclosingmark", "\\p{Me}", BIT(Me), NULL},
    {"n", "\\p{N}", NUMBERS, NULL},
    {"number", "\\p{N}", NUMBERS, NULL},
    {"nd", "\\p{Nd}", BIT(Nd), NULL},
    {"decimalnumber", "\\p{Nd}", BIT(Nd), NULL},
    {"digit", "\\p{Nd}", BIT(Nd), NULL},
    {"nl", "\\p{Nl}", BIT(Nl), NULL},
    {"letternumber", "\\p{Nl}", BIT(Nl), NULL},
    {"no", "\\p{No}", BIT(No), NULL},
    {"othernumber", "\\p{No}", BIT(No), NULL},
    {"p", "\\p{P}", PUNCTUATION, NULL},
    {"punct", "\\p{P}", PUNCTUATION, NULL},
    {"punctuation", "\\p{P}", PUNCTUATION, NULL},
    {"posixpunct", "\\p{P}\\p{S}", PUNCTUATION | SYMBOLS, NULL},
    {"s", "\\p{S}", SYMBOLS, NULL},
    {"symbol", "\\p{S}", SYMBOLS, NULL},
    {"so", "\\p{So}", BIT(So), NULL},
    {"othersymbol", "\\p{So}", BIT(So), NULL},
    {"sm", "\\p{Sm}", BIT(Sm), NULL},
    {"mathsymbol", "\\p{Sm}", BIT(Sm), NULL},
    {"sc", "\\p{Sc}", BIT(Sc), NULL},
    {"currencysymbol", "\\p{Sc}", BIT(Sc), NULL},
    {"sk", "\\p{Sk}", BIT(Sk), NULL},
    {"modifiersymbol", "\\p{Sk}", BIT(Sk), NULL},
    {"po", "\\p{Po}", BIT(Po), NULL},
    {"pc", "\\p{Pc}", BIT(Pc), NULL},
    {"pd", "\\p{Pd}", BIT(Pd), NULL},
    {"ps", "\\p{Ps}", BIT(Ps), NULL},
    {"pe", "\\p{Pe}", BIT(Pe), NULL},
    {"pi", "\\p{Pi}", BIT(Pi), NULL},
    {"pf", "\\p{Pf}", BIT(Pf), NULL},
    {"z", "\\p{Z}", BIT(Zs) | BIT(Zl) | BIT(Zp), NULL},
    {"separator", "\\p{Z}", BIT(Zs) | BIT(Zl) | BIT(Zp), NULL},
    {"zs", "\\p{Zs}", BIT(Zs), NULL},
    {"spaceseparator", "\\p{Zs}", BIT(Zs), NULL},
    {"zl", "\\p{Zl}", BIT(Zl), NULL},
    {"zp", "\\p{Zp}", BIT(Zp), NULL},
    {"c", NULL, OTHERS, NULL},
    {"other", NULL, OTHERS, NULL},
    {"cn", NULL, BIT(Cn), NULL},
    {"unassigned", NULL, BIT(Cn), NULL},
    {"assigned", NULL, ~BIT(Cn), NULL},
    {"cc", "\\p{Cc}", BIT(Cc), NULL},
    {"cntrl", "\\p{Cc}", BIT(Cc), NULL},
    {"control", "\\p{Cc}", BIT(Cc), NULL},
    {"cf", "\\p{Cf}", BIT(Cf), NULL},
    {"format", "\\p{Cf}", BIT(Cf), NULL},
    {"co", "\\p{Co}", BIT(Co), NULL},
    {"privateuse", "\\p{Co}", BIT(Co), NULL},
    {"any", NULL, ~0u, NULL},
    {"space", SPACES, 0, NULL},
    {"whitespace", SPACES, 0, NULL},
    {"blank", "\\p{Zs}\\t", 0, NULL},
    {"xdigit", "0-9A-Fa-f", 0, NULL},
    {"asciihexdigit", "0-9A-Fa-f", 0, NULL},
    {"ascii", "\\x00-\\x7f", 0, NULL},
    {"han", "\\p{sc:Han}", 0, newer_han},
    {"word", WORD_NATIVE, WORDS, latin1},
    {"posixword", WORD_NATIVE, WORDS, circled},
    {"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}", GRAPH, NULL},
    {"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}", GRAPH | BIT(Zs), NULL},
    /* Categories newer than PCRE2's tables say enough for these. */
    {"alpha", "\\p{Alphabetic}", 0, pr_tok_after14_alphabetic},
    {"alphabetic", "\\p{Alphabetic}", 0, pr_tok_after14_alphabetic},
    {"alnum", "\\p{Alphabetic}\\p{Nd}", 0, pr_tok_after14_alphabetic},
    {"upper", "\\p{Uppercase}", 0, NULL},
    {"uppercase", "\\p{Uppercase}", 0, NULL},
    {"lower", "\\p{Lowercase}", 0, NULL},
    {"lowercase", "\\p{Lowercase}", 0, NULL},
};

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (!strcmp(properties[i].name, name))
            return &properties[i];
    return NULL;
}

/* What the newer characters add to a property that has no set: those of a like category. */
static uint32_t newer_set(const struct property *p)
{
    if (p->set)
        return p->set;
    if (strstr(p->native, "Alphabetic"))
        return p->native[14] ? BIT(Nd) : 0; /* the letters stand in `extra` */
    return strstr(p->native, "Uppercase") ? BIT(Lu) : strstr(p->native, "Lowercase") ? BIT(Ll) : 0;
}

static bool has(const struct property *p, uint32_t c, enum pr_tok_gc gc)
{
    for (const struct pr_tok_range *x = p->extra; x && x->hi; x++)
        if (c >= x->lo && c <= x->hi)
            return true;
    return p->set >> gc & 1;
}

/* Ranges of the characters that have the property, or have it not; surrogates never occur. */
static void put_written_out(struct rewrite *r, const struct property *p, bool want)
{
    uint32_t from = 0, last = 0x10ffff;
    bool open = false;
    for (size_t i = 0, c = 0; c <= last; c++) {
        if (c == 0xd800)
            c = 0xe000;
        while (i + 1 < pr_tok_gc_runs_n && pr_tok_gc_runs[i + 1] >> 5 <= c)
            i++;
        bool in = has(p, (uint32_t)c, (enum pr_tok_gc)(pr_tok_gc_runs[i] & 31)) == want;
        if (in && !open)
            from = (uint32_t)c;
        if (!in && open)
            put_range(r, from, c == 0xe000 ? 0xd7ff : (uint32_t)c - 1);
        open = in;
    }
    if (open)
        put_range(r, from, last);
}

/* A set of characters, within a class or as a class of its own. */
static void put_property(struct rewrite *r, const struct property *p, bool negated, bool in_class)
{
    if (in_class && negated) {
        if (p->set)
            put_written_out(r, p, false);
        else if (!strcmp(p->native, SPACES))
            puts_(r, NOT_SPACES);
        else /* would let in newer characters that have the property */
            r->bad = true;
        return;
    }
    if (!in_class)
        puts_(r, negated ? "[^" : "[");
    if (p->native) {
        puts_(r, p->native);
        put_newer(r, newer_set(p));
        for (const struct pr_tok_range *x = p->extra; x && x->hi; x++)
            put_range(r, x->lo, x->hi);
    } else {
        put_written_out(r, p, true);
    }
    if (!in_class)
        puts_(r, "]");
}

/* \b and \B, by Oniguruma's notion of a word. */
static void put_boundary(struct rewrite *r, bool negated)
{
    static const char *const parts[] = {"(?:(?<=", ")(?", ")|(?<!", ")(?", "))"};
    const struct property *word = find_property("word");
    for (int i = 0; i < 4; i++) {
        puts_(r, parts[i]);
        if (i == 1)
            puts_(r, negated ? "=" : "!");
        if (i == 3)
            puts_(r, negated ? "!" : "=");
        put_property(r, word, false, false);
    }
    puts_(r, parts[4]);
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
            puts_(r, "\\p{?}"); /* which PCRE2 refuses, and names the place */
        break;
    case 's':
    case 'S':
        put_property(r, find_property("space"), upper, in_class);
        break;
    case 'd':
    case 'D':
        put_property(r, find_property("nd"), upper, in_class);
        break;
    case 'w':
    case 'W':
        put_property(r, find_property(in_class ? "posixword" : "word"), upper, in_class);
        break;
    case 'b':
    case 'B':
        if (in_class)
            puts_(r, pair);
        else
            put_boundary(r, upper);
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

/* [:name:] within a class, r->at at the first colon. */
static void posix_class(struct rewrite *r)
{
    const char *name = r->s + r->at + 1;
    const char *end = memmem(name, r->n - r->at - 1, ":]", 2);
    char text[24] = {0};
    bool negated = end && *name == '^';
    name += negated;
    size_t n = end ? (size_t)(end - name) : sizeof text;
    if (n + 6 < sizeof text) {
        memcpy(text, name, n);
        if (!strcmp(text, "punct") || !strcmp(text, "word")) { /* \p{Punct} is another set */
            memmove(text + 5, text, n + 1);
            memcpy(text, "posix", 5);
        }
    }
    const struct property *p = find_property(text);
    if (!p) {
        puts_(r, "[");
        return;
    }
    put_property(r, p, negated, true);
    r->at = (size_t)(end + 2 - r->s);
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
            posix_class(r);
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
            if (!char_class(&r, 0) || r.bad) {
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
