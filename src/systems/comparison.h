/* What model comparison ranks, gathered from a view.  comparison.c gathers, model_comparison.c says
 * what came of it. */
#ifndef PR_SYSTEMS_COMPARISON_H
#define PR_SYSTEMS_COMPARISON_H

#include "systems/ranking.h"
#include "systems/view.h"

/* The kind of its decision that another content is the candidate for deployment. */
#define PR_COMPARISON_CANDIDATE "candidate"

/* Entries of each list in the document: of more, the best are listed and the newest unranked ones.
 * All of them count. */
#define PR_COMPARISON_LISTED 1000

/* A checkpoint in the ranking; several share an item when their content is the same. */
struct pr_comparison_entry {
    const struct pr_checkpoint_row *row;
    size_t item;
    size_t next;           /* entry of the same item, SIZE_MAX: none */
    const char *level;     /* by the monitor's rule; NULL: not judged */
    const char *not_best;  /* why it may not be the best, or NULL */
    bool same_name;        /* another entry has its name: told by its path */
    json_t *by_difficulty; /* owned: its accuracy on each */
};

/* One whose folder is gone, and that was to be deployed once, or was deployed: it takes no part in
 * the ranking, but the candidate is compared with it. */
struct pr_comparison_past {
    struct pr_checkpoint_row row;
    struct pr_score_sheet sheet;
};

struct pr_comparison {
    struct pr_view *view;
    const struct pr_suite_row *suite;
    const struct pr_suite *examples;
    int64_t settings; /* the row that all ranked grades share; 0: none yet */
    struct pr_score_weights weights;
    struct pr_comparison_entry *entries;
    size_t n, cap;
    size_t *newest_of; /* each item's newest entry, which leads to the others of it */
    size_t newest_cap;
    struct pr_ranking ranking;
    struct pr_comparison_past *past; /* of a content that is not in the ranking */
    size_t n_past, past_cap;
    struct pr_comparison_verdict {
        int64_t checkpoint;
        const char *level;
    } * verdicts;
    size_t n_verdicts, verdicts_cap;
    json_t *unranked;
    size_t n_unranked;
};

/* Fills what is left of c, whose view and suite are set: every checkpoint that is there is in the
 * ranking (not ranked yet) or in `unranked`. */
PR_MUST_CHECK enum pr_code pr_comparison_gather(struct pr_comparison *c, struct pr_error *e);
/* `past`, by the gradebook's decisions; gather calls it. */
PR_MUST_CHECK enum pr_code pr_comparison_gather_past(struct pr_comparison *c, struct pr_error *e);
void pr_comparison_past_done(struct pr_comparison *c);
void pr_comparison_done(struct pr_comparison *c);

#endif
