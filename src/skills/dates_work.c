/* The steps of date questions, as they are written on paper. */
#include "skills/dates_work.h"

#define MAX_LINES 40 /* of months or years one by one; what takes more is one line */
#define LL(x)     ((long long)(x))

static bool months_on(struct pr_date d, int64_t months, struct pr_date *ret)
{
    int64_t m = d.year * 12 + d.month - 1 + months;
    d.year = (int)(m / 12);
    d.month = (int)(m % 12) + 1;
    if (d.year < 1 || d.year > 9999 || d.day > pr_days_in_month(d.year, d.month))
        return false;
    *ret = d;
    return true;
}

bool pr_dates_end(const struct pr_dates *p, struct pr_date *ret)
{
    struct pr_date d = p->a;
    bool months = p->kind == PR_DATES_MONTHS || p->kind == PR_DATES_MONTHS_DAYS;
    if (months && !months_on(d, p->months, &d))
        return false;
    int64_t by = p->kind == PR_DATES_SUB ? -p->days : p->kind == PR_DATES_MONTHS ? 0 : p->days;
    return pr_date_of_number(pr_date_number(d) + by, ret);
}

static void put(struct pr_str *w, const char *before, struct pr_date d, enum pr_date_format f,
    const char *after)
{
    pr_str_puts(w, before);
    pr_date_put(w, d, f);
    pr_str_puts(w, after);
}

/* Month by month; by below 0: back. */
static void work_days(struct pr_date d, int64_t by, enum pr_date_format f, struct pr_str *w)
{
    for (int i = 0; i < MAX_LINES && by; i++) {
        struct pr_date next;
        int64_t step = by > 0 ? pr_days_in_month(d.year, d.month) - d.day + 1 : -d.day;
        bool last = by > 0 ? by < step : by > step;
        if (last || i == MAX_LINES - 1)
            step = by;
        if (!pr_date_of_number(pr_date_number(d) + step, &next))
            return;
        put(w, "", d, f, step > 0 ? " + " : " - ");
        pr_str_printf(w, "%lld days = ", LL(step > 0 ? step : -step));
        pr_date_put(w, next, f);
        by -= step;
        if (by)
            pr_str_printf(w, ", %lld left", LL(by > 0 ? by : -by));
        pr_str_putc(w, '\n');
        d = next;
    }
}

static void put_stretch(struct pr_date a, struct pr_date b, enum pr_date_format f, struct pr_str *w)
{
    put(w, "From ", a, f, " to ");
    pr_date_put(w, b, f);
    pr_str_printf(w, ": %lld days\n", LL(pr_date_number(b) - pr_date_number(a)));
}

/* Up to the first of the next month or, between different years, the next year, and so on. */
static void work_between(const struct pr_dates *p, struct pr_str *w)
{
    struct pr_date d = p->a, b = p->b;
    bool by_years = d.year != b.year;
    for (int i = 0; i < MAX_LINES && pr_date_number(d) < pr_date_number(b); i++) {
        struct pr_date next = {d.year, d.month + 1, 1};
        if (by_years || next.month > 12)
            next = (struct pr_date){d.year + 1, 1, 1};
        if (i == MAX_LINES - 1 || next.year > 9999 || pr_date_number(next) > pr_date_number(b))
            next = b;
        put_stretch(d, next, p->format, w);
        d = next;
    }
    pr_str_printf(w, "Together %lld days\n", LL(pr_date_number(b) - pr_date_number(p->a)));
}

static void work_months(const struct pr_dates *p, struct pr_str *w)
{
    int64_t m = p->a.month + p->months;
    struct pr_date d;
    if (!months_on(p->a, p->months, &d))
        return;
    pr_str_printf(w, "Month %d + %lld = %lld", p->a.month, LL(p->months), LL(m));
    if (d.year != p->a.year)
        pr_str_printf(w, " = %d years and month %d", d.year - p->a.year, d.month);
    put(w, ": ", d, p->format, "\n");
    if (p->kind == PR_DATES_MONTHS_DAYS)
        work_days(d, p->days, p->format, w);
}

/* Days since the Sunday before 1 January of year 1. */
static void work_weekday(struct pr_date d, struct pr_str *w)
{
    int64_t before = d.year - 1, leap = before / 4 - before / 100 + before / 400;
    int64_t of_year = pr_date_number(d) - pr_date_number((struct pr_date){d.year, 1, 1}) + 1;
    int64_t n = pr_date_number(d);
    pr_str_printf(w, "Years before: %lld, leap years among them %lld - %lld + %lld = %lld\n",
        LL(before), LL(before / 4), LL(before / 100), LL(before / 400), LL(leap));
    pr_str_printf(w, "Day of the year %d: %lld\n", d.year, LL(of_year));
    pr_str_printf(w, "Days from 1 January of year 1, a Monday: %lld * 365 + %lld + %lld = %lld\n",
        LL(before), LL(leap), LL(of_year), LL(n));
    pr_str_printf(w, "%lld = 7 * %lld + %lld, and day %lld of a week is %s\n", LL(n),
        LL((n - 1) / 7), LL((n - 1) % 7 + 1), LL((n - 1) % 7 + 1), pr_weekdays[(n - 1) % 7]);
}

static void work_weekday_from(const struct pr_dates *p, struct pr_str *w)
{
    int64_t n = pr_date_number(p->b) - pr_date_number(p->a), rest = (n % 7 + 7) % 7;
    if (n > 0)
        work_between(p, w);
    else
        pr_str_printf(w, "Days between: %lld\n", LL(n));
    pr_str_printf(w, "%lld days = 7 * %lld + %lld\n%s + %lld days = %s\n", LL(n),
        LL((n - rest) / 7), LL(rest), pr_weekdays[p->weekday], LL(rest),
        pr_weekdays[(p->weekday + rest) % 7]);
}

static void work_count(const struct pr_dates *p, struct pr_str *w)
{
    int64_t a = pr_date_number(p->a), b = pr_date_number(p->b);
    int64_t first = a + (p->weekday - (a - 1) % 7 + 7) % 7,
            last = b - ((b - 1) % 7 - p->weekday + 7) % 7;
    struct pr_date d;
    put(w, "", p->a, p->format, " is a ");
    pr_str_printf(w, "%s\n", pr_weekdays[(a - 1) % 7]);
    if (first > b || !pr_date_of_number(first, &d)) {
        pr_str_printf(w, "The next %s is after the end: 0\n", pr_weekdays[p->weekday]);
        return;
    }
    put(w, "The first one: ", d, p->format, "\n");
    if (pr_date_of_number(last, &d))
        put(w, "The last one: ", d, p->format, "\n");
    pr_str_printf(w, "%lld days between them: %lld / 7 + 1 = %lld\n", LL(last - first),
        LL(last - first), LL((last - first) / 7 + 1));
}

void pr_dates_work(const struct pr_dates *p, struct pr_str *out)
{
    switch (p->kind) {
    case PR_DATES_ADD:
        work_days(p->a, p->days, p->format, out);
        break;
    case PR_DATES_SUB:
        work_days(p->a, -p->days, p->format, out);
        break;
    case PR_DATES_BETWEEN:
        work_between(p, out);
        break;
    case PR_DATES_WEEKDAY_FROM:
        work_weekday_from(p, out);
        break;
    case PR_DATES_WEEKDAY:
        work_weekday(p->a, out);
        break;
    case PR_DATES_COUNT:
        work_count(p, out);
        break;
    default:
        work_months(p, out);
    }
}
