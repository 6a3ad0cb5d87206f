/* A base folder with a gradebook that is filled by hand, asked through the plugins. */
#ifndef PR_TESTS_API_BOOK_H
#define PR_TESTS_API_BOOK_H

#include "../systems/hand_made.h"
#include "asking.h"

struct book {
    char dir[64], options[65];
    struct hand_made h;
    struct asking a;
};
void book_open(struct book *b);
void book_close(struct book *b); /* and removes the folder */
/* The answer, which must be one; borrowed until the next call. */
const json_t *book_get(struct book *b, const char *fmt, ...) PR_PRINTF(2, 3);
/* Fails with this code; the message. */
const char *book_refused(struct book *b, enum pr_code code, const char *fmt, ...) PR_PRINTF(3, 4);
json_int_t book_int(const json_t *o, const char *key);
double book_real(const json_t *o, const char *key); /* NaN: null, and there must be a reason */
const char *book_text(const json_t *o, const char *key);

/* Stores one grade with these texts; the numbers are made up.  digest: of the suite's example at
 * this position. */
struct book_text {
    const char *output, *answer; /* NULL: none */
    size_t output_n, answer_n;
    bool think, truncated, right;
};
void book_grade_text(
    struct book *b, int64_t checkpoint, int64_t suite, size_t position, const struct book_text *t);

#endif
