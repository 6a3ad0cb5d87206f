/* Quiet hours and back-off (quiet.h). */
#include "daemon/quiet.h"

#include <string.h>
#include <time.h>

#define MINUTE_MS 60000
#define LONGEST   (26 * 60) /* a day on which clocks go back has more minutes */

/* "7:30" or "07:30", up to 24:00, in minutes; false: it is none. */
static bool read_time(const char **text, int *ret)
{
    int part[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        size_t n = strspn(*text, "0123456789");
        if (n < 1 || n > 2)
            return false;
        for (; n; n--)
            part[i] = part[i] * 10 + *(*text)++ - '0';
        if (!i && *(*text)++ != ':')
            return false;
    }
    *ret = part[0] * 60 + part[1];
    return part[1] < 60 && *ret <= 24 * 60;
}

enum pr_code pr_quiet_parse(const char *text, struct pr_quiet *ret, struct pr_error *e)
{
    struct pr_quiet q = {.any = true};
    const char *at = text;
    *ret = (struct pr_quiet){0};
    if (!text)
        return PR_OK;
    if (!read_time(&at, &q.from) || q.from == 24 * 60 || *at++ != '-' || !read_time(&at, &q.to) ||
        *at)
        return pr_fail(e, PR_E_USAGE,
            "alerts.quiet_hours: '%.40s' is none: two times of the day were expected, such as "
            "22:00-07:00",
            text);
    if (q.from == q.to)
        return pr_fail(e, PR_E_USAGE, "alerts.quiet_hours: '%.40s' begins when it ends", text);
    *ret = q;
    return PR_OK;
}

static bool is_quiet(const struct pr_quiet *q, int64_t at_ms)
{
    time_t t = (time_t)(at_ms / 1000);
    struct tm tm;
    if (!localtime_r(&t, &tm))
        return false;
    int at = tm.tm_hour * 60 + tm.tm_min;
    return q->from < q->to ? at >= q->from && at < q->to : at >= q->from || at < q->to;
}

/* Minute by minute: no arithmetic on local times, which may not exist or exist twice. */
int64_t pr_quiet_until(const struct pr_quiet *q, int64_t now_ms)
{
    if (!q->any || !is_quiet(q, now_ms))
        return 0;
    int64_t at = now_ms - now_ms % MINUTE_MS;
    for (int i = 0; i < LONGEST; i++) {
        at += MINUTE_MS;
        if (!is_quiet(q, at))
            break;
    }
    return at;
}

int64_t pr_retry_ms(int64_t n, int retry_after_s, struct pr_rng *r)
{
    int64_t ms = PR_RETRY_FIRST_MS;
    for (int64_t i = 1; i < n && ms < PR_RETRY_MOST_MS; i++)
        ms *= 2;
    if (ms > PR_RETRY_MOST_MS)
        ms = PR_RETRY_MOST_MS;
    ms = (int64_t)((double)ms * (0.75 + 0.5 * pr_rng_double(r)));
    int64_t asked = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
    if (asked > PR_RETRY_GIVE_UP_MS)
        asked = PR_RETRY_GIVE_UP_MS;
    return ms > asked ? ms : asked;
}
