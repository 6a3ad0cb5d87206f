/* Time: a monotonic clock for waiting and measuring, UTC for showing. */
#ifndef PR_BASE_CLOCK_H
#define PR_BASE_CLOCK_H

#include <stdint.h>

int64_t pr_clock_monotonic_ns(void);
int64_t pr_clock_utc_ms(void); /* milliseconds since 1970 */
/* "2026-11-23T21:36:05Z" (with milliseconds: "…05.123Z" when ms != 0); buf holds at least 32. */
void pr_clock_iso8601(int64_t utc_ms, char buf[32]);

/* Tests put their own clock here; NULL is the system's. */
struct pr_clock {
    int64_t (*monotonic_ns)(void);
    int64_t (*utc_ms)(void);
};
extern const struct pr_clock *pr_clock_override;

#endif
