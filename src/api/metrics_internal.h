/* How metrics are written; for metrics*.c. */
#ifndef PR_API_METRICS_INTERNAL_H
#define PR_API_METRICS_INTERNAL_H

#include "api/metrics.h"
#include "systems/view.h"

struct pr_metric;
/* What all of them are made from, and the place that is being written to. */
struct pr_metrics {
    const struct pr_api_context *x;
    json_t *state; /* "training", "systems", "gradebook", "live" as /api/status has them; "queue"
                    * is the health of /api/queue */
    struct pr_view *view; /* NULL: no gradebook */
    json_t *graded;       /* metrics_watch.c's own; NULL: not made yet */
    struct pr_error *e;
    struct pr_str *out;
    const struct pr_metric *now; /* the metric whose samples come */
    bool begun;                  /* its HELP and TYPE are written */
};

struct pr_metric {
    const char *name, *type, *labels, *help; /* labels: "gpu, name", for the list; "": none */
    enum pr_code (*samples)(struct pr_metrics *m);
    /* Of metrics that are one number somewhere in the state: where ("training.loss"), and by what
     * it is multiplied to be in base units. */
    const char *path;
    double unit;
};

/* A sample of the metric that is being written.  Not finite: nothing.  Labels by pairs of name and
 * value, ended by NULL; a value that is NULL is "". */
void pr_metrics_sample(struct pr_metrics *m, double value, ...) __attribute__((sentinel));
void pr_metrics_json(struct pr_metrics *m, const json_t *value, double unit, const char *label,
    const char *of); /* label NULL: none */
/* What stands at "a.b.c"; NULL: nothing. */
const json_t *pr_metrics_at(const json_t *o, const char *path);
/* Seconds since 1970 of "2026-11-23T21:36:05.123Z"; NaN: it is none. */
double pr_metrics_time(const json_t *v);

/* What a system found last; NULL: nothing. */
const json_t *pr_metrics_finding(const struct pr_metrics *m, const char *system);

/* Fills m->state (metrics_state.c). */
PR_MUST_CHECK enum pr_code pr_metrics_state(struct pr_metrics *m);
/* Its "queue", where there is one (metrics_data.c); after its "training". */
PR_MUST_CHECK enum pr_code pr_metrics_queue(struct pr_metrics *m);

/* The tables, each ended by a name of NULL. */
extern const struct pr_metric pr_metrics_watch[];   /* metrics_watch.c */
extern const struct pr_metric pr_metrics_data[];    /* metrics_data.c */
extern const struct pr_metric pr_metrics_machine[]; /* metrics_machine.c */

#endif
