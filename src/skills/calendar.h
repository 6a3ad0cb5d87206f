/* Days of the Gregorian calendar, also before it was used (proleptic), years 1 to 9999. */
#ifndef PR_SKILLS_CALENDAR_H
#define PR_SKILLS_CALENDAR_H

#include "skills/text.h"

struct pr_date {
    int year, month, day; /* 1 to 9999, 1 to 12, 1 to 31 */
};

enum pr_date_format { PR_DATE_DAY_FIRST, PR_DATE_MONTH_FIRST, PR_DATE_ISO, PR_DATE_N_FORMATS };

bool pr_is_leap(int year);
int pr_days_in_month(int year, int month);
/* Day 1 is Monday, 1 January of year 1. */
int64_t pr_date_number(struct pr_date d);
bool pr_date_of_number(int64_t n, struct pr_date *ret); /* false: outside the years */
int pr_weekday_of(struct pr_date d);                    /* 0: Monday */

/* "3 March 2021", "March 3, 2021", "2021-03-03". */
void pr_date_put(struct pr_str *out, struct pr_date d, enum pr_date_format f);
/* The text is a date in one of the three formats, exactly as pr_date_put writes it. */
bool pr_date_read(struct pr_skill_text t, struct pr_date *ret, enum pr_date_format *ret_format);
/* Is the answer this date: in one of the three formats; also with the month's first three letters,
 * in any case, "3rd", "03", "of" before the month, without the comma. */
bool pr_date_is(struct pr_skill_text answer, struct pr_date d);

extern const char *const pr_weekdays[7]; /* "Monday" first */
extern const char *const pr_months[12];
/* The weekday whose name, or its first three letters, in any case, is the text; 7: none. */
int pr_weekday_named(struct pr_skill_text t);

#endif
