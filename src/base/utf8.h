/* UTF-8 and Unicode, over utf8proc (the only file that includes it is utf8.c). */
#ifndef PR_BASE_UTF8_H
#define PR_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* Length of the valid UTF-8 prefix (no surrogates, no overlong forms, at most U+10FFFF). */
size_t pr_utf8_valid_prefix(const char *s, size_t n);
static inline bool pr_utf8_valid(const char *s, size_t n)
{
    return pr_utf8_valid_prefix(s, n) == n;
}
/* Decodes one character of valid UTF-8 at s; returns its length in bytes (1–4). */
size_t pr_utf8_decode(const char *s, uint32_t *ret);
/* Encodes c into buf[4]; returns the length. */
size_t pr_utf8_encode(uint32_t c, char buf[4]);
/* Appends bytes as valid UTF-8: each maximal invalid part becomes one U+FFFD, as Rust's
 * String::from_utf8_lossy (and so Hugging Face's decoders) and Python's errors="replace" do. */
void pr_utf8_append_lossy(struct pr_str *out, const char *s, size_t n);
/* Unicode NFC / NFD / NFKC / NFKD of valid UTF-8, appended to out. */
enum pr_normal_form { PR_NFC, PR_NFD, PR_NFKC, PR_NFKD };
PR_MUST_CHECK enum pr_code pr_utf8_normalize(
    enum pr_normal_form form, const char *s, size_t n, struct pr_str *out, struct pr_error *e);
/* Text as comparisons want it: NFKC, full case folding (Unicode's NFKC_Casefold: what is ignorable
 * by default, such as soft hyphens and zero-width spaces, is left out), appended to out. */
PR_MUST_CHECK enum pr_code pr_utf8_fold(
    const char *s, size_t n, struct pr_str *out, struct pr_error *e);
/* Is the character white space (Unicode White_Space)?  Upper/lower/title case of one character. */
bool pr_utf8_is_space(uint32_t c);
uint32_t pr_utf8_lower(uint32_t c);
uint32_t pr_utf8_upper(uint32_t c);
uint32_t pr_utf8_title(uint32_t c);
/* The general category's two letters: "Lu", "Nd", "Cn" … */
const char *pr_utf8_category(uint32_t c);
/* Does Python's repr() show the character itself?  (No controls, separators, unassigned.) */
bool pr_utf8_is_printable(uint32_t c);
/* The part of s without white space at either end. */
const char *pr_utf8_trim(const char *s, size_t n, size_t *ret_len);

/* Copies valid UTF-8 to ret[size], size at least 16; of what is longer the beginning and the end
 * stay, with " … " between them: a message often says at its end what counts. */
void pr_utf8_shorten(const char *s, char *ret, size_t size);

/* Bytes of the mark (BOM) that some editors put before a text: 3, or 0 without one. */
size_t pr_utf8_bom(const char *s, size_t n);

#endif
