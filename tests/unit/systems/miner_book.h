/* A gradebook for the miner's tests: questions with texts, models that are functions, a base folder
 * for hard examples. */
#ifndef PR_TESTS_SYSTEMS_MINER_BOOK_H
#define PR_TESTS_SYSTEMS_MINER_BOOK_H

#include "hand_made.h"
#include "systems/miner.h"

/* A model: what it answers, and how sure it is.  NULL: the example cannot be asked. */
struct miner_reply {
    char text[64];
    double confidence;
    bool undecided; /* there is no verdict */
};
typedef bool miner_model(const struct pr_example *x, struct miner_reply *ret);
/* "a+b=" without its carries, everything else rightly. */
miner_model miner_forgets_carries;
miner_model miner_is_right; /* always */
miner_model miner_is_wrong; /* always "0", or "1" where that is right */

struct miner_book {
    struct hand_made h;
    char dir[64]; /* the base folder */
    struct pr_view_data data;
};
void miner_book_init(struct miner_book *b);
void miner_book_done(struct miner_book *b);
/* A version of a suite; lines: n texts of JSON objects. */
int64_t miner_suite(struct miner_book *b, const char *name, const char *const *lines, size_t n);
/* `validation`: n sums "a+b=" that need a carry where `carry`, else none, of two digits. */
int64_t miner_sums(struct miner_book *b, size_t n, bool carry);
/* Stores what the model answers to the first n of the suite (0: all); a grade that is there stays.
 */
void miner_grade(
    struct miner_book *b, int64_t checkpoint, int64_t suite, miner_model *model, size_t n);
/* Runs the system; the suite that it asks for (0: none) is stored. */
int64_t miner_run(struct miner_book *b, struct pr_findings *ret);
/* Runs, grades what it asks, runs again, until it asks nothing more; how often it ran. */
int miner_run_out(
    struct miner_book *b, int64_t checkpoint, miner_model *model, struct pr_findings *ret);
/* The needs of its plan: checkpoint and suite. */
bool miner_plans(struct miner_book *b, int64_t checkpoint, int64_t suite);
char *miner_file(struct miner_book *b);    /* of today; pr_free */
char *miner_read(struct miner_book *b);    /* its text, "" where there is none; pr_free */
json_t *miner_lines(struct miner_book *b); /* its lines that are JSON; new reference */

#endif
