/* Long work that may be told to give up: it asks now and then, and ends with PR_E_CANCELLED. */
#ifndef PR_BASE_STOP_H
#define PR_BASE_STOP_H

#include <stdbool.h>

/* Zero: nobody tells it. */
struct pr_stop {
    bool (*asked)(void *ctx); /* from any thread, often, never waiting; once true it stays so */
    void *ctx;
};

static inline bool pr_stop_asked(const struct pr_stop *s)
{
    return s->asked && s->asked(s->ctx);
}

#endif
