/* Counters of the process; see counts.h. */
#include "api/counts.h"

#include <stdatomic.h>

static atomic_uint_fast64_t answers[PR_API_CODES];
static atomic_int_fast64_t streams;

void pr_api_count_answer(int code)
{
    if (code >= 0 && code < PR_API_CODES)
        atomic_fetch_add_explicit(&answers[code], 1, memory_order_relaxed);
}

void pr_api_count_stream(int more)
{
    atomic_fetch_add_explicit(&streams, more, memory_order_relaxed);
}

uint64_t pr_api_answers(int code)
{
    return code >= 0 && code < PR_API_CODES
               ? atomic_load_explicit(&answers[code], memory_order_relaxed)
               : 0;
}

int64_t pr_api_streams(void)
{
    return atomic_load_explicit(&streams, memory_order_relaxed);
}
