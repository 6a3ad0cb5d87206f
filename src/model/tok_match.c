/* Matchers written by hand for the pre-tokenizer patterns of Qwen, Llama 3, GPT-2 and Mistral's
 * Tekken, chosen by the exact text of the pattern.
 *
 * Each gives the length of what the regular expression matches at the start of the text; these
 * patterns match everywhere, so that is all of splitting.  A test compares them with PCRE2 on
 * random text.  Alternatives are tried in the pattern's order; the comments name the one at hand.
 */
#include <string.h>

#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_unicode.h"

/* Classes of the character at s, which takes *len bytes; 0 and 0 at the end. */
static inline unsigned look(const char *s, size_t n, size_t at, size_t *len)
{
    if (at >= n) {
        *len = 0;
        return 0;
    }
    uint32_t c;
    *len = pr_utf8_decode(s + at, &c);
    return pr_tok_classes(c);
}

/* End of the run of characters that have one of the classes in `any` (never: those in `none`). */
static inline size_t run_of(const char *s, size_t n, size_t at, unsigned any)
{
    size_t len;
    while (look(s, n, at, &len) & any)
        at += len;
    return at;
}

#define LNS (PR_TOK_L | PR_TOK_N | PR_TOK_S)

/* [^\s\p{L}\p{N}]+ */
static inline size_t run_of_others(const char *s, size_t n, size_t at)
{
    size_t len;
    while (at < n && !(look(s, n, at, &len) & LNS))
        at += len;
    return at;
}

static inline size_t run_of_bytes(const char *s, size_t n, size_t at, char a, char b, char c)
{
    while (at < n && (s[at] == a || s[at] == b || s[at] == c))
        at++;
    return at;
}

/* 's|'t|'re|'ve|'m|'ll|'d behind an apostrophe: its length with the apostrophe, or 0.  U+017F is
 * the one character beyond ASCII that matches one of these letters without case. */
static size_t contraction(const char *s, size_t n, bool caseless)
{
    static const char *const ends[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    char a = n > 1 ? s[1] : 0, b = n > 2 ? s[2] : 0;
    if (caseless && n > 2 && !memcmp(s + 1, "\xc5\xbf", 2))
        return 3;
    if (caseless) {
        a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (a && a == ends[i][0] && (!ends[i][1] || b == ends[i][1]))
            return 1 + strlen(ends[i]);
    return 0;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ at white space; without the first alternative when !newlines. */
static size_t white_space(const char *s, size_t n, bool newlines)
{
    size_t at = 0, len = 0, last = 0, newline = 0;
    while (look(s, n, at, &len) & PR_TOK_S) {
        last = at;
        at += len;
        if (s[last] == '\n' || s[last] == '\r')
            newline = at;
    }
    if (newlines && newline)
        return newline;
    if (at < n && last > 0) /* what stands before a word stays with the word */
        return last;
    return at;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|
 * \s*[\r\n]+|\s+(?!\S)|\s+ */
static inline size_t match_modern(const char *s, size_t n, int digits)
{
    size_t len, len2;
    unsigned k = look(s, n, 0, &len);
    if (s[0] == '\'') {
        size_t c = contraction(s, n, true);
        if (c)
            return c;
    }
    if (k & PR_TOK_L)
        return run_of(s, n, len, PR_TOK_L);
    if (k & PR_TOK_N) {
        size_t at = len;
        for (int i = 1; i < digits && look(s, n, at, &len) & PR_TOK_N; i++)
            at += len;
        return at;
    }
    unsigned after = look(s, n, len, &len2);
    if (s[0] != '\r' && s[0] != '\n' && after & PR_TOK_L)
        return run_of(s, n, len + len2, PR_TOK_L);
    size_t word = s[0] == ' ' ? 1 : 0;
    size_t end = run_of_others(s, n, word);
    if (end > word)
        return run_of_bytes(s, n, end, '\r', '\n', '\n');
    return white_space(s, n, true);
}

static size_t match_qwen(const char *s, size_t n)
{
    return match_modern(s, n, 1);
}

static size_t match_llama3(const char *s, size_t n)
{
    return match_modern(s, n, 3);
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t match_gpt2(const char *s, size_t n)
{
    size_t len, word = s[0] == ' ' ? 1 : 0;
    if (s[0] == '\'') {
        size_t c = contraction(s, n, false);
        if (c)
            return c;
    }
    unsigned k = look(s, n, word, &len);
    if (k & PR_TOK_L)
        return run_of(s, n, word, PR_TOK_L);
    if (k & PR_TOK_N)
        return run_of(s, n, word, PR_TOK_N);
    if (len && !(k & PR_TOK_S))
        return run_of_others(s, n, word);
    return white_space(s, n, false);
}

/* [UPPER]*[LOWER]+ at `at`, where both classes share the letters without case: the upper run gives
 * characters back until one can be lower.  The end, or 0. */
static size_t tekken_lower(const char *s, size_t n, size_t at)
{
    size_t len, shared = 0;
    unsigned k;
    while ((k = look(s, n, at, &len)) & PR_TOK_UPPER) {
        at += len;
        if (k & PR_TOK_LOWER)
            shared = at;
    }
    return k & PR_TOK_LOWER ? run_of(s, n, at, PR_TOK_LOWER) : shared;
}

/* [UPPER]+[LOWER]*: the end, or 0. */
static size_t tekken_upper(const char *s, size_t n, size_t at)
{
    size_t end = run_of(s, n, at, PR_TOK_UPPER);
    return end > at ? run_of(s, n, end, PR_TOK_LOWER) : 0;
}

/* [^\r\n\p{L}\p{N}]?[UPPER]*[LOWER]+|[^\r\n\p{L}\p{N}]?[UPPER]+[LOWER]*|\p{N}|
 * ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t match_tekken(const char *s, size_t n)
{
    size_t len, end;
    unsigned k = look(s, n, 0, &len);
    bool prefix = !(k & (PR_TOK_L | PR_TOK_N)) && s[0] != '\r' && s[0] != '\n';
    if (prefix && (end = tekken_lower(s, n, len)))
        return end;
    if ((end = tekken_lower(s, n, 0)))
        return end;
    if (prefix && (end = tekken_upper(s, n, len)))
        return end;
    if ((end = tekken_upper(s, n, 0)))
        return end;
    if (k & PR_TOK_N)
        return len;
    size_t word = s[0] == ' ' ? 1 : 0;
    end = run_of_others(s, n, word);
    if (end > word)
        return run_of_bytes(s, n, end, '\r', '\n', '/');
    return white_space(s, n, true);
}

bool pr_tok_match_none;

pr_tok_match_fn *pr_tok_match_known(const char *regex)
{
#define OTHERS "| ?[^\\s\\p{L}\\p{N}]+"
#define SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define MODERN(digits)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits OTHERS "[\\r\\n]*" SPACES
#define UP     "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOW    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE "[^\\r\\n\\p{L}\\p{N}]?"
    static const struct {
        const char *regex;
        pr_tok_match_fn *match;
    } known[] = {
        {MODERN("\\p{N}"), match_qwen},
        {MODERN("\\p{N}{1,3}"), match_llama3},
        {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+" OTHERS "|\\s+(?!\\S)|\\s+", match_gpt2},
        {BEFORE UP "*" LOW "+|" BEFORE UP "+" LOW "*|\\p{N}" OTHERS "[\\r\\n/]*" SPACES,
            match_tekken},
    };
    for (size_t i = 0; !pr_tok_match_none && i < sizeof known / sizeof *known; i++)
        if (!strcmp(regex, known[i].regex))
            return known[i].match;
    return NULL;
}
