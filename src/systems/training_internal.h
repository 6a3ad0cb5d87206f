/* What the readers of a training's files bring together (training_sources.c, training_events.c) for
 * the document (training.c). */
#ifndef PR_SYSTEMS_TRAINING_INTERNAL_H
#define PR_SYSTEMS_TRAINING_INTERNAL_H

#include <stdbool.h>

#include "base/sha256.h"
#include "model/tokenizer.h" /* struct pr_notes */
#include "systems/training.h"

/* X(name, key, is a whole number) */
#define PR_TRAINING_FIELDS(X)                                                                      \
    X(STEP, "current_step", true)                                                                  \
    X(TOTAL, "total_steps", true)                                                                  \
    X(EPOCH, "epoch", false)                                                                       \
    X(LOSS, "loss", false)                                                                         \
    X(EVAL_LOSS, "eval_loss", false)                                                               \
    X(RATE, "learning_rate", false)                                                                \
    X(GRAD_NORM, "grad_norm", false)                                                               \
    X(TOKENS_PER_SECOND, "tokens_per_second", false)                                               \
    X(STEPS_PER_SECOND, "steps_per_second", false)                                                 \
    X(ETA, "eta_seconds", false)

enum pr_training_field {
#define PR_X(name, key, whole) PR_TRAINING_##name,
    PR_TRAINING_FIELDS(PR_X)
#undef PR_X
        PR_TRAINING_FIELD_COUNT
};

struct pr_training_value {
    bool known;
    double x;    /* where known */
    char *why;   /* where it is there and no number: "NaN in trainer_state.json" */
    char *where; /* where it was worked out: from what; NULL: it stands there */
};

struct pr_training_point {
    int64_t step;
    double loss, eval_loss, learning_rate; /* NaN: absent, or logged as such */
    unsigned nan;                          /* bits 1, 2, 4: logged, and no number */
};

/* One source, read. */
struct pr_training_source {
    const char *kind; /* "trainer_state.json"; NULL: there is none */
    char *path;
    int64_t mtime_ms;
    struct pr_training_value v[PR_TRAINING_FIELD_COUNT];
    char *status, *model_name;
    int64_t timestamp_ms; /* 0: not given */
    struct pr_training_point *points;
    size_t n, cap;
};
void pr_training_source_done(struct pr_training_source *s);
void pr_training_set(struct pr_training_source *s, enum pr_training_field f, double x);
void pr_training_not(struct pr_training_source *s, enum pr_training_field f, const char *why);
void pr_training_point(struct pr_training_source *s, int64_t step, int which, double x);

/* Each leaves s without a kind where there is nothing (what is broken is a warning). */
void pr_training_status(const char *path, struct pr_training_source *s, struct pr_notes *warnings);
PR_MUST_CHECK enum pr_code pr_training_status_parse(const char *text, size_t n,
    struct pr_training_source *s, struct pr_notes *warnings, struct pr_error *e);
void pr_training_state(
    const struct pr_training_places *p, struct pr_training_source *s, struct pr_notes *warnings);
void pr_training_events(
    const char *folder, struct pr_training_source *s, struct pr_notes *warnings);

/* Path, size, inode and times of a file, and of the event files, into a hash. */
void pr_training_stamp_file(const char *path, struct pr_sha256 *h);
void pr_training_events_stamp(const char *folder, struct pr_sha256 *h);

#endif
