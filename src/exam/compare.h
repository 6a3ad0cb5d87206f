/* Two checkpoints side by side: grades paired by example, differences with their intervals. */
#ifndef PR_EXAM_COMPARE_H
#define PR_EXAM_COMPARE_H

#include "base/error.h"
#include "base/json.h"
#include "exam/grade.h"
#include "exam/stats.h"

struct pr_compare_options {
    struct pr_bootstrap_options bootstrap; /* zeros: the defaults of stats.h */
    bool tests_only;   /* without `loss` and `ece`, whose intervals take the longest */
    bool all_examples; /* list every example, not only those whose correctness changed */
};

/* Compares first with second (differences are second − first) and hands over a document:
 * `first`, `second` {checkpoint, fingerprint, step, run}, `suite`, `same_suite`, `same_numerics`,
 * `n_paired`, `n_unpaired`, `metrics` {`loss_mean_per_example`, `loss`, `accuracy`, `ece`: each
 * {first, second, difference, ci95, n} and its tests}, `gained`, `lost` (ids), `examples` [{id,
 * prompt, golden, first {answer, correct, loss}, second {…}}].  Examples are paired by id where
 * both ask the same. PR_E_FORMAT when no example is common to both. */
PR_MUST_CHECK enum pr_code pr_compare(const struct pr_grades *first, const struct pr_grades *second,
    const struct pr_compare_options *options, json_t **ret, struct pr_error *e);

#endif
