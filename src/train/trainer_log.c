/* log_history: a line a step, thinned out where a training is so long that its checkpoints would
 * grow without end, and past what proctor reads.
 *
 * Which lines a checkpoint of step N has depends on N alone, so that a training that was resumed
 * writes the same bytes as one that was not.  Strides are powers of two: what a later checkpoint
 * asks for is always among what an earlier one had. */
#include "train/trainer_internal.h"

#define LINES 100000

int64_t pr_trainer_log_stride(int64_t step)
{
    int64_t stride = 1;
    while (step / stride > LINES)
        stride *= 2;
    return stride;
}

static bool stays(const struct pr_trainer *t, size_t i, int64_t stride)
{
    return t->log[i].step % stride == 0 || i + 1 == t->n_log;
}

void pr_trainer_log_add(struct pr_trainer *t, const struct pr_train_log *line)
{
    PR_PUSH(t->log, t->n_log, t->log_cap, *line);
    if (t->n_log < (size_t)2 * LINES)
        return;
    int64_t stride = pr_trainer_log_stride(line->step);
    size_t kept = 0;
    for (size_t i = 0; i < t->n_log; i++)
        if (stays(t, i, stride))
            t->log[kept++] = t->log[i];
    t->n_log = kept;
}

/* The keys in the order in which the Trainer writes them. */
static json_t *line_json(const struct pr_train_log *l)
{
    json_t *o = json_object();
    pr_json_set_real(o, "epoch", l->epoch, NULL);
    pr_json_set_real(o, "grad_norm", l->grad_norm, NULL);
    pr_json_set_real(o, "learning_rate", l->learning_rate, NULL);
    pr_json_set_real(o, "loss", l->loss, NULL);
    pr_json_set_int(o, "step", l->step);
    return o;
}

json_t *pr_trainer_log_history(const struct pr_trainer *t)
{
    json_t *list = json_array();
    int64_t stride = pr_trainer_log_stride(t->step);
    for (size_t i = 0; i < t->n_log; i++)
        if (stays(t, i, stride))
            json_array_append_new(list, line_json(&t->log[i]));
    return list;
}
