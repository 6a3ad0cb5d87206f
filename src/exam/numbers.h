/* Numbers as people write them in answers, compared by value. */
#ifndef PR_EXAM_NUMBERS_H
#define PR_EXAM_NUMBERS_H

#include <stdbool.h>

#include "base/str.h"
#include "exam/checks.h"

/* A number in normal form.  Integers and decimals of any length are kept as their digits, so that
 * equality is exact; fractions as a double. */
struct pr_number {
    struct pr_str digits; /* significant digits without zeros at either end; empty is zero */
    int64_t exponent;     /* value = 0.digits × 10^exponent */
    bool negative;
    bool exact;   /* digits hold the value; false for fractions */
    double value; /* nearest double (± HUGE_VAL past its range) */
};
void pr_number_done(struct pr_number *x);

/* Reads the whole of text (trimmed) as one number: sign (also U+2212), currency sign, digits with
 * thousands separators (groups of three by ',', '_', ' ', U+00A0 or U+202F), decimal point,
 * exponent, a fraction a/b, a percent sign (divides by 100), a final full stop.  False when it is
 * none. */
bool pr_number_parse(struct pr_text text, struct pr_number *ret);
/* The last number in text; after the last "####" where there is one.  Units, percent and currency
 * signs around it are passed over.  False when there is none. */
bool pr_number_last(struct pr_text text, struct pr_number *ret);
/* Does GSM8K's "#### n" stand on the last line of text? */
bool pr_number_has_marker(struct pr_text text);
/* tolerance < 0: exact (fractions: within 1e-12 relative), else |a − b| <= tolerance. */
bool pr_number_equal(const struct pr_number *a, const struct pr_number *b, double tolerance);

#endif
