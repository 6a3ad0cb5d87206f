/* Words, as the three comparisons of known.h see a text.
 *
 * Unicode NFKC and full case folding; a word is a run of letters, marks and digits (a point between
 * digits belongs to it); in scripts that put no spaces between words each character is one.
 * + = < > % ^ | ~ and the like are words of their own, and so are - * / & where a number, a bracket
 * or a single letter stands next to them (elsewhere they are hyphens, bullets and emphasis).  All
 * else parts words and is dropped.  White space never changes what the words are.
 */
#ifndef PR_QUEUE_WORDS_H
#define PR_QUEUE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* A word is the hash of its text, with its kind in the two lowest bits. */
enum pr_word_kind { PR_WORD_PLAIN, PR_WORD_NUMBER, PR_WORD_SIGN };
static inline enum pr_word_kind pr_word_kind(uint64_t word)
{
    return (enum pr_word_kind)(word & 3);
}

/* Zero-initialise; n = 0 empties it and keeps the memory. */
struct pr_words {
    uint64_t *v;
    size_t n, cap;
};
void pr_words_done(struct pr_words *w);
/* Appends the words of valid UTF-8. */
void pr_words_add(struct pr_words *w, const char *s, size_t n);
/* Appends the text of words [from, from + count) of s to out, a blank between two.  Returns how
 * many words s has. */
size_t pr_words_text(const char *s, size_t n, size_t from, size_t count, struct pr_str *out);

/* Mixes 64 bits (the finaliser of splitmix64); a bijection. */
static inline uint64_t pr_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}
/* The hash of words [0, n): their order counts. */
uint64_t pr_words_hash(const uint64_t *v, size_t n);

#endif
