/* Streams of made-up checkpoints whose quality is known, for the code that judges: how often it
 * cries wolf, how often it sees one.  Used by bench/false_alarms.c and the unit tests. */
#ifndef PR_BENCH_STREAM_H
#define PR_BENCH_STREAM_H

#include "base/rng.h"
#include "exam/grade.h"
#include "systems/settings.h"

/* n examples that no model ever sees. */
struct pr_suite *stream_suite(size_t n);
/* Empty grades of them; stream_grades_free. */
struct pr_grades *stream_grades(const struct pr_suite *s, const char *name);
void stream_grades_free(struct pr_grades *g);

/* How the checkpoints of a stream scatter about one quality.  Every example has a loss and a margin
 * of its own; a checkpoint moves both by noise that is alike for all checkpoints. */
struct stream_shape {
    const char *name;
    double spread; /* of the examples' losses: standard deviation of their logarithm */
    double noise;  /* of a checkpoint about them, likewise */
    double df;     /* tails of that noise: Student's t; 0: normal */
    double answer; /* noise of the margin that decides right or wrong */
    double memory; /* correlation with the checkpoint before: 0 none, below 1 */
};
extern const struct stream_shape stream_shapes[];
extern const size_t stream_n_shapes;

struct stream {
    const struct stream_shape *shape;
    const struct pr_suite *suite;
    struct pr_rng rng;
    double *loss, *margin; /* of each example */
    double *z, *w;         /* noise of the last checkpoint */
    bool started;
};
void stream_init(struct stream *s, const struct stream_shape *shape, const struct pr_suite *suite,
    uint64_t seed);
void stream_done(struct stream *s);
/* The next checkpoint of unchanged quality. */
void stream_next(struct stream *s, struct pr_grades *ret);

/* A stream judged under the baseline rule, with the code that judges. */
struct stream_counts {
    size_t judged;         /* against a baseline */
    size_t loss, accuracy; /* the tests of loss and of accuracy that rejected */
    size_t warning, critical;
    size_t alarms;     /* either test fired, or anything else: level not ok */
    size_t moves;      /* of the baseline after the first */
    double discordant; /* mean share of answers that differ from the baseline's */
};
void stream_judge(struct stream *s, const struct pr_settings *settings, size_t checkpoints,
    struct stream_counts *add);

/* How often a drop in accuracy is found: `share` of the answers differ, and `drop` (a fraction) of
 * all are lost on balance; losses do not move.  Of `runs`. */
size_t stream_power(const struct pr_settings *settings, const struct pr_suite *suite, double share,
    double drop, size_t runs, uint64_t seed);

#endif
