/* The command line of `proctor train` as the trainer's options. */
#ifndef PR_CLI_TRAINING_H
#define PR_CLI_TRAINING_H

#include "cli/session.h"
#include "train/trainer.h"

/* Zero-initialise; pr_training_options_done frees. */
struct pr_training {
    struct pr_train_options options;
    double *rates; /* of --lr @FILE */
    size_t n_rates;
    char *targets; /* --lora-targets, cut at its commas */
    const char **target_names;
    size_t n_targets;
    json_t *template_vars;
    char *status_file;
};
PR_MUST_CHECK enum pr_code pr_training_options(
    struct pr_training *t, const struct pr_args *a, const struct pr_session *s, struct pr_error *e);
void pr_training_options_done(struct pr_training *t);

#endif
