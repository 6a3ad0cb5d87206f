/* The queue of grading orders: which checkpoint is next.  Pure: the supervisor's sv_plan.c fills
 * it, sv_graders.c acts on it. */
#include "daemon/orders.h"

#include "systems/system.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS   (5 * 60 * 1000)

static bool is_among(int64_t id, const int64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == id)
            return true;
    return false;
}

static bool goes_before(const struct pr_wanted *a, const struct pr_wanted *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    return a->checkpoint > b->checkpoint;
}

int64_t pr_orders_next(
    const struct pr_wanted *v, size_t n, const int64_t *blocked, size_t n_blocked)
{
    int64_t best = -1;
    for (size_t i = 0; i < n; i++)
        if ((best < 0 || goes_before(&v[i], &v[best])) &&
            !is_among(v[i].checkpoint, blocked, n_blocked))
            best = (int64_t)i;
    return best;
}

int pr_orders_rest(int priority)
{
    return priority > PR_PRIORITY_REST && priority < PR_PRIORITY_ALARM ? PR_PRIORITY_REST
                                                                       : priority;
}

bool pr_orders_preempts(const struct pr_wanted *running, const struct pr_wanted *next)
{
    return running->checkpoint != next->checkpoint && next->priority > running->priority;
}

int64_t pr_orders_backoff_ms(int failures)
{
    int64_t ms = BACKOFF_FIRST_MS;
    for (int i = 1; i < failures && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}
