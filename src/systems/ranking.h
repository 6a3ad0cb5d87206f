/* Scores brought into an order, with who cannot be told from whom.  Pure: no gradebook. */
#ifndef PR_SYSTEMS_RANKING_H
#define PR_SYSTEMS_RANKING_H

#include "systems/score.h"

/* On how many places on either side of it an item is compared, beside the best. */
#define PR_RANKING_REACH 8

struct pr_rank_item {
    /* given */
    struct pr_score_sheet sheet; /* owned */
    struct pr_score score;
    bool excluded; /* may not be the best: ranked all the same */
    /* found */
    size_t rank;                  /* from 1, shared by equal scores; 0: no score */
    double spread;                /* standard deviation of the score; NaN: unknown */
    double behind, behind_spread; /* best's score − this one's; NaN: there is no best */
    size_t *tied;                 /* items whose difference from it is within the joint interval */
    size_t n_tied, tied_cap;
    bool pareto; /* none is at least as good in accuracy, loss and ECE and better in one */
    double *draws;
};

struct pr_ranking {
    struct pr_rank_item *v; /* owned, as given */
    size_t n, cap;
    size_t *order; /* indices of v: best first, those without a score last */
    size_t best;   /* index; SIZE_MAX: none */
    size_t n_draws, n_pairs;
    double factor; /* of the joint 95 % intervals; NaN: nothing was compared */
};

/* Ranks r->v (of r->n items over one suite of n_examples); equal scores keep the later item first.
 * The same items give the same result. */
void pr_ranking_make(struct pr_ranking *r, const struct pr_score_weights *w, size_t n_examples);
void pr_ranking_done(struct pr_ranking *r);

#endif
