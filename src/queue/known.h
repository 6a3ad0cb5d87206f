/* Texts that are known already: those of validation suites, which must never be trained on, and
 * those that wait to be trained on or were trained on lately.
 *
 * Three comparisons, over the text's words (Unicode NFKC, lower case, white space and typographic
 * marks dropped, signs of arithmetic kept as words of their own):
 *   exact      the same words in the same order
 *   near       MinHash over shingles of three words: a Jaccard similarity of at least 0.8.  Texts
 *              whose numbers differ are never near: they are other problems
 *   overlap    13 words in a row of a validation example, or all of it where it has fewer, as the
 *              whole of a text (contamination)
 * docs/queue.md has the rules, their error rates and sources.
 */
#ifndef PR_QUEUE_KNOWN_H
#define PR_QUEUE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "exam/example.h"
#include "exam/suite.h"

#define PR_KNOWN_GRAM 13

enum pr_known_kind { PR_KNOWN_NEW, PR_KNOWN_EXACT, PR_KNOWN_NEAR, PR_KNOWN_CONTAMINATED };

/* Where the text it matches is. */
struct pr_known_match {
    enum pr_known_kind kind;
    const char *file; /* borrowed from the set: its path, or the suite's */
    size_t line;      /* from 1; 0: not known */
    const char *id;   /* of a validation example; else NULL */
    char words[160];  /* what both have, for people */
};

struct pr_known;
struct pr_known *pr_known_new(void);
void pr_known_free(struct pr_known *k);
/* Its examples must not be trained on.  path: of the suite's folder or file, for messages. */
PR_MUST_CHECK enum pr_code pr_known_protect(
    struct pr_known *k, const struct pr_suite *s, const char *path, struct pr_error *e);
/* The same for what lies at path: a file of examples, or a validation folder with all of its suites
 * (pr_suite_dirs).  *ret_n: how many examples; may be NULL.  PR_E_NOT_FOUND: there are none. */
PR_MUST_CHECK enum pr_code pr_known_protect_path(
    struct pr_known *k, const char *path, size_t *ret_n, struct pr_error *e);
/* Is it known?  Does not add it. */
void pr_known_check(
    const struct pr_known *k, const struct pr_example *x, struct pr_known_match *ret);
/* Adds it: from now on it is known.  path is copied once for each file. */
void pr_known_add(struct pr_known *k, const struct pr_example *x, const char *path, size_t line);
/* Adds all usable examples of a file (any accepted format); *ret_n how many; may be NULL. */
PR_MUST_CHECK enum pr_code pr_known_add_file(
    struct pr_known *k, const char *path, size_t *ret_n, struct pr_error *e);

#endif
