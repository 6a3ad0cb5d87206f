/* The learning rate of a step. */
#include <math.h>

#include "train/optimizer.h"

static double constant(const struct pr_schedule *s, double at)
{
    (void)s;
    (void)at;
    return 1;
}

/* Down to 0 at the last step's end. */
static double linear(const struct pr_schedule *s, double at)
{
    double left = (double)s->steps - at, whole = (double)(s->steps - s->warmup);
    return fmax(0, left / fmax(1, whole));
}

/* Half a wave, down to 0 at the last step's end. */
static double cosine(const struct pr_schedule *s, double at)
{
    double done = (at - (double)s->warmup) / fmax(1, (double)(s->steps - s->warmup));
    return fmax(0, 0.5 * (1 + cos(acos(-1) * done)));
}

static double (*const kinds[])(const struct pr_schedule *s, double at) = {
    [PR_SCHEDULE_CONSTANT] = constant,
    [PR_SCHEDULE_LINEAR] = linear,
    [PR_SCHEDULE_COSINE] = cosine,
};

double pr_schedule_at(const struct pr_schedule *s, int64_t step)
{
    double at = (double)(step - 1);
    if (s->table)
        return s->table[(size_t)(step - 1) < s->n_table ? (size_t)(step - 1) : s->n_table - 1];
    if (step - 1 < s->warmup)
        return s->lr * (at / fmax(1, (double)s->warmup));
    return s->lr * kinds[s->kind](s, at);
}
