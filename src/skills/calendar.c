/* The Gregorian calendar, and how dates are written. */
#include "skills/calendar.h"

#include <string.h>

#include "skills/answer.h"

const char *const pr_weekdays[7] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
const char *const pr_months[12] = {"January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};

bool pr_is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int pr_days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && pr_is_leap(year));
}

int64_t pr_date_number(struct pr_date d)
{
    int64_t before = d.year - 1, n = before * 365 + before / 4 - before / 100 + before / 400;
    for (int m = 1; m < d.month; m++)
        n += pr_days_in_month(d.year, m);
    return n + d.day;
}

bool pr_date_of_number(int64_t n, struct pr_date *ret)
{
    if (n < 1 || n > 3652059) /* 31 December 9999 */
        return false;
    struct pr_date d = {(int)(n / 366) + 1, 1, 1}; /* not too late a year */
    while (d.year < 9999 && pr_date_number((struct pr_date){d.year + 1, 1, 1}) <= n)
        d.year++;
    n -= pr_date_number(d);
    while (n >= pr_days_in_month(d.year, d.month))
        n -= pr_days_in_month(d.year, d.month++);
    d.day += (int)n;
    *ret = d;
    return true;
}

int pr_weekday_of(struct pr_date d)
{
    return (int)((pr_date_number(d) - 1) % 7);
}

void pr_date_put(struct pr_str *out, struct pr_date d, enum pr_date_format f)
{
    if (f == PR_DATE_ISO)
        pr_str_printf(out, "%04d-%02d-%02d", d.year, d.month, d.day);
    else if (f == PR_DATE_DAY_FIRST)
        pr_str_printf(out, "%d %s %d", d.day, pr_months[d.month - 1], d.year);
    else
        pr_str_printf(out, "%s %d, %d", pr_months[d.month - 1], d.day, d.year);
}

static bool is_valid(struct pr_date d)
{
    return d.year >= 1 && d.year <= 9999 && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= pr_days_in_month(d.year, d.month);
}

/* 1 to `most` digits, zeros in front or not. */
static bool take_digits(struct pr_skill_text *t, size_t most, int *ret)
{
    struct pr_skill_text digits;
    if (!pr_skill_take_digits(t, &digits) || digits.n > most)
        return false;
    *ret = 0;
    for (size_t i = 0; i < digits.n; i++)
        *ret = *ret * 10 + (digits.s[i] - '0');
    return true;
}

/* The letters from here on as a month, 0: none. */
static int take_month(struct pr_skill_text *t)
{
    size_t n = 0;
    while (n < t->n && ((t->s[n] | 0x20) >= 'a' && (t->s[n] | 0x20) <= 'z'))
        n++;
    struct pr_skill_text word = {t->s, n};
    for (int m = 0; m < 12; m++) {
        if (!pr_answer_same_word(word, pr_months[m], strlen(pr_months[m])) &&
            !pr_answer_same_word(word, pr_months[m], 3))
            continue;
        t->s += n;
        t->n -= n;
        return m + 1;
    }
    return 0;
}

static bool take_gap(struct pr_skill_text *t)
{
    size_t n = t->n;
    pr_answer_skip_space(t);
    return t->n < n;
}

/* "3", "03", "3rd". */
static bool take_day(struct pr_skill_text *t, int *ret)
{
    if (!take_digits(t, 2, ret))
        return false;
    int last = *ret / 10 == 1 ? 0 : *ret % 10;
    const char *ending = last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
    pr_skill_take(t, ending);
    return true;
}

static bool take_year(struct pr_skill_text *t, int *ret)
{
    return take_digits(t, 4, ret) && !t->n;
}

static bool read_iso(struct pr_skill_text t, struct pr_date *d)
{
    /* All places are there: 2021-03-03. */
    return t.n == 10 && take_digits(&t, 4, &d->year) && pr_skill_take(&t, "-") &&
           take_digits(&t, 2, &d->month) && pr_skill_take(&t, "-") && take_digits(&t, 2, &d->day) &&
           !t.n;
}

static bool read_day_first(struct pr_skill_text t, struct pr_date *d)
{
    if (!take_day(&t, &d->day) || !take_gap(&t))
        return false;
    if (pr_skill_take(&t, "of") && !take_gap(&t))
        return false;
    d->month = take_month(&t);
    pr_skill_take(&t, ",");
    return d->month && take_gap(&t) && take_year(&t, &d->year);
}

static bool read_month_first(struct pr_skill_text t, struct pr_date *d)
{
    d->month = take_month(&t);
    if (!d->month || !take_gap(&t) || !take_day(&t, &d->day))
        return false;
    pr_skill_take(&t, ",");
    return take_gap(&t) && take_year(&t, &d->year);
}

bool pr_date_read(struct pr_skill_text t, struct pr_date *ret, enum pr_date_format *ret_format)
{
    static bool (*const readers[])(struct pr_skill_text t, struct pr_date * d) = {
        read_day_first, read_month_first, read_iso};
    for (int f = 0; f < PR_DATE_N_FORMATS; f++) {
        struct pr_date d = {0};
        struct pr_str own = PR_STR_INIT(64);
        if (!readers[f](t, &d) || !is_valid(d))
            continue;
        pr_date_put(&own, d, (enum pr_date_format)f);
        bool same = pr_skill_says(t.s, t.n, own.data, own.len);
        pr_str_done(&own);
        if (!same)
            continue;
        *ret = d;
        *ret_format = (enum pr_date_format)f;
        return true;
    }
    return false;
}

bool pr_date_is(struct pr_skill_text answer, struct pr_date d)
{
    struct pr_date a;
    answer = pr_skill_trim(answer.s, answer.n);
    return (read_iso(answer, &a) || read_day_first(answer, &a) || read_month_first(answer, &a)) &&
           a.year == d.year && a.month == d.month && a.day == d.day;
}

int pr_weekday_named(struct pr_skill_text t)
{
    for (int i = 0; i < 7; i++)
        if (pr_answer_same_word(t, pr_weekdays[i], strlen(pr_weekdays[i])) ||
            pr_answer_same_word(t, pr_weekdays[i], 3))
            return i;
    return 7;
}
