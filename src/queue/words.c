/* Text to words; see words.h.  ASCII is what is hot: it goes by a table of 256 classes. */
#include "queue/words.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

enum class { GAP, LETTER, DIGIT, SIGN, MAYBE, POINT, WIDE };

static const uint8_t classes[256] = {
    ['0' ... '9'] = DIGIT,
    ['a' ... 'z'] = LETTER,
    ['A' ... 'Z'] = LETTER,
    ['+'] = SIGN,
    ['='] = SIGN,
    ['<'] = SIGN,
    ['>'] = SIGN,
    ['%'] = SIGN,
    ['^'] = SIGN,
    ['|'] = SIGN,
    ['~'] = SIGN,
    ['-'] = MAYBE,
    ['*'] = MAYBE,
    ['/'] = MAYBE,
    ['&'] = MAYBE,
    ['.'] = POINT,
    [0x80 ... 0xff] = WIDE,
};

#define FNV_START 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* Where words go: their hashes, or the text of some of them. */
struct sink {
    struct pr_words *words;
    struct pr_str *text;
    size_t from, count, n; /* of text: which words, and how many came so far */
};

/* The word being read: normalised text is hashed as it comes. */
struct word {
    const char *s; /* start in the text */
    uint64_t hash;
    enum pr_word_kind kind;
    bool open;
};

static void put(struct sink *k, const char *s, size_t n, uint64_t hash, enum pr_word_kind kind)
{
    if (k->words)
        PR_PUSH(k->words->v, k->words->n, k->words->cap, (pr_mix(hash) & ~3ull) | kind);
    if (k->text && k->n >= k->from && k->n - k->from < k->count) {
        if (k->text->len)
            pr_str_putc(k->text, ' ');
        for (size_t i = 0; i < n; i++)
            pr_str_putc(k->text, (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 32 : s[i]));
    }
    k->n++;
}

static inline void start(struct word *w, const char *s, enum pr_word_kind kind)
{
    if (!w->open)
        *w = (struct word){s, FNV_START, kind, true};
}

static inline void finish(struct sink *k, struct word *w, const char *end)
{
    if (w->open)
        put(k, w->s, (size_t)(end - w->s), w->hash, w->kind);
    w->open = false;
}

static inline void hash_byte(struct word *w, unsigned char c)
{
    w->hash = (w->hash ^ c) * FNV_PRIME;
}

static void put_sign(struct sink *k, char sign)
{
    struct word w = {&sign, FNV_START, PR_WORD_SIGN, true};
    hash_byte(&w, (unsigned char)sign);
    put(k, &sign, 1, w.hash, PR_WORD_SIGN);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word_byte(char c)
{
    uint8_t class = classes[(unsigned char)c];
    return class == LETTER || class == DIGIT || class == WIDE;
}

/* Could what begins at s (step 1) or ends at s (step -1) be an operand of - * / &? */
static bool is_operand(const char *s, const char *begin, const char *end, int step)
{
    while (s >= begin && s < end && is_blank(*s))
        s += step;
    if (s < begin || s >= end)
        return false;
    uint8_t class = classes[(unsigned char)*s];
    const char *next = s + step;
    bool alone = next < begin || next >= end || !is_word_byte(*next);
    return class == DIGIT || *s == (step > 0 ? '(' : ')') || (class == LETTER && alone);
}

static bool is_sign(const char *s, size_t len, const char *begin, const char *end)
{
    return is_operand(s - 1, begin, end, -1) || is_operand(s + len, begin, end, 1);
}

/* Scripts whose words are not parted: South East Asian, kana, ideographs. */
static bool stands_alone(uint32_t c)
{
    return (c >= 0xe00 && c < 0xf00) || (c >= 0x1000 && c < 0x10a0) ||
           (c >= 0x1780 && c < 0x1800) || (c >= 0x3040 && c < 0x3130) ||
           (c >= 0x3400 && c < 0xa000) || (c >= 0xf900 && c < 0xfb00) ||
           (c >= 0x20000 && c < 0x40000);
}

/* Typographic signs → the ASCII one that is meant, 0: none. */
static char plain_sign(uint32_t c)
{
    return c == 0x2212 || (c >= 0x2010 && c <= 0x2015) ? '-'
           : c == 0xd7 || c == 0x2217 || c == 0x22c5   ? '*'
           : c == 0xf7 || c == 0x2215 || c == 0x2044   ? '/'
                                                       : 0;
}

/* One character past ASCII at s; returns its length. */
static size_t wide(
    struct sink *k, struct word *w, const char *s, const char *begin, const char *end)
{
    uint32_t c;
    size_t len = pr_utf8_decode(s, &c);
    const char *category = pr_utf8_category(c);
    char sign = plain_sign(c);
    if (sign || category[0] == 'S') {
        finish(k, w, s);
        if (sign && (c == 0xd7 || c == 0xf7 || c == 0x2212 || is_sign(s, len, begin, end)))
            put_sign(k, sign);
        else if (!sign && category[1] == 'm')
            put(k, s, len, pr_mix(c), PR_WORD_SIGN);
        return len;
    }
    if (category[0] != 'L' && category[0] != 'M' && category[0] != 'N') {
        finish(k, w, s);
        return len;
    }
    if (stands_alone(c))
        finish(k, w, s);
    start(w, s, category[0] == 'N' ? PR_WORD_NUMBER : PR_WORD_PLAIN);
    for (size_t i = 0; i < len; i++)
        hash_byte(w, (unsigned char)s[i]);
    if (stands_alone(c))
        finish(k, w, s + len);
    return len;
}

static void split(struct sink *k, const char *begin, size_t n)
{
    struct word w = {0};
    const char *s = begin, *end = begin + n;
    while (s < end) {
        unsigned char c = (unsigned char)*s;
        switch (classes[c]) {
        case LETTER:
            start(&w, s, PR_WORD_PLAIN);
            hash_byte(&w, c | 32);
            break;
        case DIGIT:
            start(&w, s, PR_WORD_NUMBER);
            hash_byte(&w, c);
            break;
        case WIDE:
            s += wide(k, &w, s, begin, end);
            continue;
        case POINT:
            if (w.open && w.kind == PR_WORD_NUMBER && s + 1 < end &&
                classes[(unsigned char)s[1]] == DIGIT && classes[(unsigned char)s[-1]] == DIGIT)
                hash_byte(&w, c);
            else
                finish(k, &w, s);
            break;
        case GAP:
            finish(k, &w, s);
            break;
        default:
            finish(k, &w, s);
            if (classes[c] == SIGN || is_sign(s, 1, begin, end))
                put_sign(k, (char)c);
        }
        s++;
    }
    finish(k, &w, end);
}

/* Typographic quotes, dashes, bullets and the ellipsis are in much English text; folding changes
 * nothing about the words beside them. */
static bool normalises(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        while (n - i >= 8 && (memcpy(&eight, s + i, 8), !(eight & 0x8080808080808080u)))
            i += 8;
        if (i >= n)
            break;
        if (!((unsigned char)s[i] & 0x80)) {
            i++;
            continue;
        }
        uint32_t c;
        i += pr_utf8_decode(s + i, &c);
        if (c != 0x2013 && c != 0x2014 && (c < 0x2018 || c > 0x2022) && c != 0x2026)
            return true;
    }
    return false;
}

static void split_any(struct sink *k, const char *s, size_t n)
{
    if (!normalises(s, n)) {
        split(k, s, n);
        return;
    }
    /* A character folds to at most 18 others (U+FDFA) of at most 4 bytes. */
    struct pr_str folded = PR_STR_INIT(72 * n + 64);
    struct pr_error e;
    if (pr_utf8_fold(s, n, &folded, &e))
        split(k, s, n); /* invalid UTF-8 would be our own bug; memory is what else there is */
    else
        split(k, pr_str_cstr(&folded), folded.len);
    pr_str_done(&folded);
}

void pr_words_add(struct pr_words *w, const char *s, size_t n)
{
    split_any(&(struct sink){.words = w}, s, n);
}

size_t pr_words_text(const char *s, size_t n, size_t from, size_t count, struct pr_str *out)
{
    struct sink k = {.text = out, .from = from, .count = count};
    split_any(&k, s, n);
    return k.n;
}

void pr_words_done(struct pr_words *w)
{
    pr_free(w->v);
    *w = (struct pr_words){0};
}

uint64_t pr_words_hash(const uint64_t *v, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = pr_mix(h ^ v[i]) + 0x9e3779b97f4a7c15u;
    return pr_mix(h);
}
