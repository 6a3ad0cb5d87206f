/* A question about dates, and how one comes to its answer. */
#ifndef PR_SKILLS_DATES_WORK_H
#define PR_SKILLS_DATES_WORK_H

#include "skills/calendar.h"

enum pr_dates_kind {
    PR_DATES_ADD,
    PR_DATES_SUB,
    PR_DATES_BETWEEN,
    PR_DATES_WEEKDAY_FROM,
    PR_DATES_MONTHS,
    PR_DATES_MONTHS_DAYS,
    PR_DATES_WEEKDAY,
    PR_DATES_COUNT,
    PR_DATES_N_KINDS
};

struct pr_dates {
    enum pr_dates_kind kind;
    size_t phrase;
    enum pr_date_format format;
    struct pr_date a, b;
    int64_t days, months;
    int weekday; /* 0: Monday */
};

/* The date that is asked for; false: it is outside years 1 to 9999, or months on there is no such
 * day. */
bool pr_dates_end(const struct pr_dates *p, struct pr_date *ret);
/* Appends the steps; the question has an answer. */
void pr_dates_work(const struct pr_dates *p, struct pr_str *out);

#endif
