/* Parts of texts that may hold any bytes: trimming, finding and quoting.  Case is ASCII's. */
#ifndef PR_MISTAKES_SPAN_H
#define PR_MISTAKES_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "exam/checks.h"

#define PR_SPAN_NONE SIZE_MAX

static inline struct pr_text pr_span(struct pr_text t, size_t from, size_t to)
{
    return (struct pr_text){.s = t.s + from, .n = to - from};
}
static inline char pr_span_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
static inline bool pr_span_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool pr_span_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/* Part of a word: a letter, a digit, or any byte outside ASCII. */
bool pr_span_in_word(char c);
bool pr_span_is_letter(char c);

struct pr_text pr_span_trim(struct pr_text t);
/* Trimmed, without one full stop at its end. */
struct pr_text pr_span_bare(struct pr_text t);
/* Without the marks that people put around what they claim: ** ` " ' $ ( ) and white space. */
struct pr_text pr_span_unwrap(struct pr_text t);
bool pr_span_is(struct pr_text t, const char *text); /* case aside */
bool pr_span_same(struct pr_text a, struct pr_text b, bool case_counts);
bool pr_span_starts(struct pr_text t, size_t at, const char *text); /* case aside */
/* Where needle begins at or after from, else PR_SPAN_NONE.  Case aside; the word's: not within a
 * longer word. */
size_t pr_span_find(struct pr_text t, const char *needle, size_t from);
size_t pr_span_find_last(struct pr_text t, const char *needle);
size_t pr_span_find_text(struct pr_text t, struct pr_text needle, size_t from, bool case_counts);
size_t pr_span_find_word(struct pr_text t, const char *word, size_t from);
/* Does it hold one of these words, up to a NULL? */
bool pr_span_has_word(struct pr_text t, const char *const *words);
/* Appends the text for people: one line of valid UTF-8, a long one's middle left out. */
void pr_span_quote(struct pr_str *out, struct pr_text t);

#endif
