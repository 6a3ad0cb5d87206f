/* What the files of a probe share (probe.c runs it; probe_order.c, probe_trainers.c and
 * probe_grade.c are its three steps).  Nobody else includes it. */
#ifndef PR_CURRICULUM_PROBE_INTERNAL_H
#define PR_CURRICULUM_PROBE_INTERNAL_H

#include "curriculum/probe.h"
#include "curriculum/probe_folder.h"

/* One probe under way. */
struct pr_probe {
    const struct pr_probe_options *o;
    struct pr_probe_folder folder;
    char *start; /* owned: the start checkpoint's real path */
    /* Where the start is an adapter: what it calls its base, and that one's folder (owned; NULL:
     * whoever needs it finds it in the Hugging Face cache). */
    char *base_name, *base_folder;
    int64_t deadline_ns;    /* monotonic; 0: none */
    uint64_t steps, tokens; /* of the order */
};
/* PR_E_CANCELLED or PR_E_LIMIT when it must end. */
PR_MUST_CHECK enum pr_code pr_probe_goes_on(const struct pr_probe *p, struct pr_error *e);

/* ---- probe_order.c ---- */

/* The examples v[0..n) of the pool as JSON Lines: each the line as its file has it, with its "id",
 * and with the "difficulty" that its file's name gave. */
PR_MUST_CHECK enum pr_code pr_probe_order_write(const struct pr_curriculum_pool *pool,
    const size_t *v, size_t n, const char *path, struct pr_error *e);

/* ---- probe_trainers.c ---- */

/* To add a trainer: its function here, a line in the table, its row in docs/probes.md. */
struct pr_probe_argv {
    char **v; /* owned, ended by NULL */
    size_t n, cap;
};
struct pr_probe_trainer {
    const char *name;
    bool (*takes)(const struct pr_probe_options *o); /* the first of the table that does trains */
    void (*arguments)(const struct pr_probe *p, struct pr_probe_argv *ret);
};
const struct pr_probe_trainer *pr_probe_trainer_of(const struct pr_probe_options *o);
/* Trains; *ret is the folder of the checkpoint that came of it (pr_free). */
PR_MUST_CHECK enum pr_code pr_probe_train(const struct pr_probe *p, char **ret, struct pr_error *e);

/* ---- probe_grade.c ---- */

/* Examines a checkpoint on the examples of s. */
PR_MUST_CHECK enum pr_code pr_probe_grade(const struct pr_probe *p, const char *checkpoint,
    const struct pr_suite *s, struct pr_probe_exam *ret, struct pr_error *e);
void pr_probe_exam_done(struct pr_probe_exam *x);

#endif
