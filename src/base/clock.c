/* Time, behind one replaceable clock. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

const struct pr_clock *pr_clock_override;

int64_t pr_clock_monotonic_ns(void)
{
    if (pr_clock_override)
        return pr_clock_override->monotonic_ns();
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t pr_clock_utc_ms(void)
{
    if (pr_clock_override)
        return pr_clock_override->utc_ms();
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pr_clock_iso8601(int64_t utc_ms, char buf[32])
{
    time_t s = (time_t)(utc_ms / 1000);
    int ms = (int)(utc_ms % 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        snprintf(buf + n, 32 - n, ".%03dZ", ms);
    else
        snprintf(buf + n, 32 - n, "Z");
}
