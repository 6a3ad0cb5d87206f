/* What known.c and validate.c share: the comparison in two halves.  Reading a text is pure and runs
 * on any thread; looking up and adding depend on the texts before and run in order on one. */
#ifndef PR_QUEUE_KNOWN_INTERNAL_H
#define PR_QUEUE_KNOWN_INTERNAL_H

#include "queue/grams.h"
#include "queue/known.h"
#include "queue/print.h"

/* Memory for reading one text after the other; zero-initialise. */
struct pr_known_scratch {
    struct pr_words words; /* of all turns */
    size_t *ends;          /* of each turn: the index after its last word */
    size_t n_ends, ends_cap;
    size_t from, question_end; /* words after the system's turns, and before the last answer */
};
void pr_known_scratch_done(struct pr_known_scratch *s);

struct pr_known_text {
    struct pr_print print;
    struct pr_known_match protected; /* kind PR_KNOWN_CONTAMINATED or PR_KNOWN_NEW */
};
/* Reads the turns of a text.  k must not change meanwhile (pr_known_protect). */
void pr_known_read(const struct pr_known *k, const struct pr_dialog *d, struct pr_known_scratch *s,
    struct pr_known_text *ret);
/* Contaminated, exact, near or new, in this order. */
void pr_known_find(
    const struct pr_known *k, const struct pr_known_text *t, struct pr_known_match *ret);
void pr_known_insert(
    struct pr_known *k, const struct pr_known_text *t, const char *path, size_t line);

#endif
