/* Dates: "2024-03-06", "March 6, 2024", "6 March 2024", and days of the week. */
#include <string.h>

#include "mistakes/reading.h"
#include "mistakes/span.h"

static const char *const weekdays[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};

/* Days from 1970-01-01 in the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level
 * date algorithms", days_from_civil). */
static int64_t days_from(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, year = y - era * 400;
    int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static int month_days(int64_t y, int m)
{
    static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return n[m - 1] + (m == 2 && leap);
}

static bool make(int y, int m, int d, struct pr_day *ret)
{
    if (m < 1 || m > 12 || d < 1 || d > month_days(y, m))
        return false;
    *ret = (struct pr_day){.n = days_from(y, m, d)};
    return true;
}

/* lo to hi digits at *at and no more. */
static bool take_number(struct pr_text t, size_t *at, size_t lo, size_t hi, int *ret)
{
    size_t n = 0;
    *ret = 0;
    while (*at + n < t.n && n <= hi && pr_span_is_digit(t.s[*at + n]))
        *ret = n < hi ? *ret * 10 + (t.s[*at + n++] - '0') : (n++, *ret);
    if (n < lo || n > hi)
        return false;
    *at += n;
    return true;
}

static bool take(struct pr_text t, size_t *at, const char *text)
{
    if (!pr_span_starts(t, *at, text))
        return false;
    *at += strlen(text);
    return true;
}

static size_t take_name(struct pr_text t, size_t *at, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t end = *at;
        if (take(t, &end, names[i]) && (end == t.n || !pr_span_in_word(t.s[end]))) {
            *at = end;
            return i;
        }
    }
    return n;
}

static bool iso(struct pr_text t, size_t *at, struct pr_day *ret)
{
    int y, m, d;
    return take_number(t, at, 4, 4, &y) && take(t, at, "-") && take_number(t, at, 2, 2, &m) &&
           take(t, at, "-") && take_number(t, at, 2, 2, &d) && make(y, m, d, ret);
}

static bool day_of_month(struct pr_text t, size_t *at, int *ret)
{
    if (!take_number(t, at, 1, 2, ret))
        return false;
    (void)(take(t, at, "st") || take(t, at, "nd") || take(t, at, "rd") || take(t, at, "th"));
    return true;
}

static bool month_first(struct pr_text t, size_t *at, struct pr_day *ret)
{
    int y, d;
    size_t m = take_name(t, at, months, 12);
    if (m == 12 || !take(t, at, " ") || !day_of_month(t, at, &d))
        return false;
    (void)take(t, at, ",");
    return take(t, at, " ") && take_number(t, at, 4, 4, &y) && make(y, (int)m + 1, d, ret);
}

static bool day_first(struct pr_text t, size_t *at, struct pr_day *ret)
{
    int y, d;
    if (!day_of_month(t, at, &d) || !take(t, at, " "))
        return false;
    size_t m = take_name(t, at, months, 12);
    return m < 12 && take(t, at, " ") && take_number(t, at, 4, 4, &y) &&
           make(y, (int)m + 1, d, ret);
}

static bool weekday(struct pr_text t, size_t *at, struct pr_day *ret)
{
    size_t i = take_name(t, at, weekdays, 7);
    *ret = (struct pr_day){.weekday = true, .n = (int64_t)i};
    return i < 7;
}

static bool day_at(struct pr_text t, size_t *at, struct pr_day *ret)
{
    static bool (*const forms[])(struct pr_text, size_t *, struct pr_day *) = {
        iso, month_first, day_first, weekday};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t end = *at;
        if (forms[i](t, &end, ret) && (end == t.n || !pr_span_in_word(t.s[end]))) {
            *at = end;
            return true;
        }
    }
    return false;
}

bool pr_day_read(struct pr_text t, struct pr_day *ret)
{
    size_t at = 0;
    t = pr_span_bare(t);
    return t.n && day_at(t, &at, ret) && at == t.n;
}

bool pr_day_next(struct pr_text t, size_t *at, struct pr_day *ret, struct pr_text *ret_text)
{
    for (size_t i = *at; i < t.n; i++) {
        size_t end = i;
        if ((i && pr_span_in_word(t.s[i - 1])) || !day_at(t, &end, ret))
            continue;
        *ret_text = pr_span(t, i, end);
        *at = end;
        return true;
    }
    return false;
}

/* The only date of the kind, a marked one, or with `last` the last; "Friday, March 6, 2024" is one
 * of each. */
bool pr_day_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_day d, found = {0};
    struct pr_text text, region, where = {0};
    size_t at = 0, n = 0;
    while (pr_day_next(t, &at, &d, &text))
        if (d.weekday == r->right.day.weekday) {
            n++;
            found = d;
            where = text;
        }
    for (int nth = 0; n > 1 && !last && pr_reading_marked(t, &nth, &region);) {
        at = 0;
        if (pr_day_next(region, &at, &d, &text) && d.weekday == r->right.day.weekday) {
            found = d;
            where = text;
            n = 1;
        }
    }
    ret->day = found;
    ret->text = where;
    return ret->there = n == 1 || (n && last);
}

void pr_day_put(struct pr_str *out, struct pr_day d)
{
    if (d.weekday) {
        pr_str_puts(out, weekdays[d.n % 7]);
        return;
    }
    /* The inverse of days_from (Hinnant, civil_from_days). */
    int64_t z = d.n + 719468, era = (z >= 0 ? z : z - 146096) / 146097, n = z - era * 146097;
    int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    int64_t day = n - (365 * year + year / 4 - year / 100), m = (5 * day + 2) / 153;
    int64_t month = m < 10 ? m + 3 : m - 9;
    pr_str_printf(out, "%04lld-%02lld-%02lld", (long long)(year + era * 400 + (month <= 2)),
        (long long)month, (long long)(day - (153 * m + 2) / 5 + 1));
}
