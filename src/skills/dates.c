/* Dates of the Gregorian calendar: "What date is 30 days after 3 March 2021?" → "2 April 2021".
 * Levels: 1 days on within the month, 2 past its end, 3 days back, 4 days between two dates of a
 * year, 5 a weekday from another date's, 6 days between dates of different years, 7 months on, 8
 * months and days on, 9 the weekday of a date, 10 how often a weekday comes between two dates.
 * Each has more than 10^6 problems.  A date is asked for in the format that the question uses. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/calendar.h"
#include "skills/dates_work.h"
#include "skills/form.h"
#include "skills/sentence.h"

#define MAX_DAYS   1000000
#define MAX_MONTHS 12000
#define PHRASES    4

/* Slots: 0 days, 1 and 2 dates, 4 months, 5 a weekday. */
static const struct {
    int level; /* the lowest of this kind */
    const char *phrases[PHRASES];
} kinds[PR_DATES_N_KINDS] = {
    [PR_DATES_ADD] = {1,
        {"What date is {d0} days after {s1}?", "It is {s1}. What is the date {d0} days later?",
            "{s1} + {d0} days = ?", "Add {d0} days to {s1}."}},
    [PR_DATES_SUB] = {3,
        {"What date is {d0} days before {s1}?", "It is {s1}. What was the date {d0} days ago?",
            "{s1} - {d0} days = ?", "Go {d0} days back from {s1}."}},
    [PR_DATES_BETWEEN] = {4,
        {"How many days after {s1} is {s2}?", "How many days is it from {s1} to {s2}?",
            "{s2} minus {s1}: how many days?"}},
    [PR_DATES_WEEKDAY_FROM] = {5,
        {"{s1} is a {w5}. Which weekday is {s2}?",
            "If {s1} falls on a {w5}, what day of the week is {s2}?", "{s1}: {w5}. {s2}: ?"}},
    [PR_DATES_MONTHS] = {7,
        {"What date is {d4} months after {s1}?", "It is {s1}. What is the date {d4} months later?",
            "{s1} + {d4} months = ?"}},
    [PR_DATES_MONTHS_DAYS] = {8, {"Go {d4} months on from {s1}, then {d0} days. What date is it?",
                                     "{s1} + {d4} months, then + {d0} days = ?"}},
    [PR_DATES_WEEKDAY] = {9,
        {"Which weekday is {s1}?", "On what day of the week does {s1} fall?",
            "{s1} is a ... (weekday)?", "Gregorian calendar, {s1}: which weekday?"}},
    [PR_DATES_COUNT] = {10, {"How many {w5}s are there from {s1} to {s2}, both included?",
                                "Count each {w5} from {s1} to {s2}, both days included."}},
};

static bool uses(enum pr_dates_kind kind, const char *slot)
{
    return strstr(kinds[kind].phrases[0], slot) != NULL;
}

static int level(const void *q)
{
    const struct pr_dates *p = q;
    struct pr_date end;
    if (p->kind == PR_DATES_ADD)
        return pr_dates_end(p, &end) && end.month == p->a.month && end.year == p->a.year ? 1 : 2;
    if (p->kind == PR_DATES_BETWEEN)
        return p->a.year == p->b.year ? 4 : 6;
    return kinds[p->kind].level;
}

/* ---- answers ------------------------------------------------------------------------------- */

static int64_t number_asked(const struct pr_dates *p)
{
    int64_t a = pr_date_number(p->a), b = pr_date_number(p->b);
    if (p->kind == PR_DATES_BETWEEN)
        return b - a;
    /* Day numbers of this weekday are its number modulo 7. */
    int64_t first = a + (p->weekday - (a - 1) % 7 + 7) % 7;
    return first > b ? 0 : (b - first) / 7 + 1;
}

static bool asks_date(enum pr_dates_kind k)
{
    return k == PR_DATES_ADD || k == PR_DATES_SUB || k == PR_DATES_MONTHS ||
           k == PR_DATES_MONTHS_DAYS;
}

static bool asks_number(enum pr_dates_kind k)
{
    return k == PR_DATES_BETWEEN || k == PR_DATES_COUNT;
}

static int weekday_asked(const struct pr_dates *p)
{
    return pr_weekday_of(p->kind == PR_DATES_WEEKDAY ? p->a : p->b);
}

static bool has_answer(const struct pr_dates *p)
{
    struct pr_date end;
    if (asks_date(p->kind))
        return pr_dates_end(p, &end);
    if (p->kind == PR_DATES_WEEKDAY_FROM)
        return pr_weekday_of(p->a) == p->weekday;
    return p->kind == PR_DATES_WEEKDAY || pr_date_number(p->a) < pr_date_number(p->b);
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct pr_dates *p = q;
    struct pr_date end;
    if (!has_answer(p))
        return false;
    pr_dates_work(p, working);
    if (asks_date(p->kind) && pr_dates_end(p, &end))
        pr_date_put(golden, end, p->format);
    else if (asks_number(p->kind))
        pr_str_printf(golden, "%lld", (long long)number_asked(p));
    else
        pr_str_puts(golden, pr_weekdays[weekday_asked(p)]);
    return true;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct pr_dates *p = q;
    struct pr_date end;
    char unit[16] = "days";
    if (asks_date(p->kind))
        return pr_dates_end(p, &end) && pr_date_is(a, end);
    if (!asks_number(p->kind))
        return pr_weekday_named(a) == weekday_asked(p);
    if (p->kind == PR_DATES_COUNT)
        snprintf(unit, sizeof unit, "%ss", pr_weekdays[p->weekday]);
    return pr_answer_is_integer(a, number_asked(p), unit);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write(const void *q, struct pr_str *out)
{
    const struct pr_dates *p = q;
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_str dates[2] = {PR_STR_INIT(64), PR_STR_INIT(64)};
    for (int i = 0; i < 2; i++) {
        pr_date_put(&dates[i], i && uses(p->kind, "{s2}") ? p->b : p->a, p->format);
        pr_slot_text(&slots[1 + i], dates[i].data, dates[i].len);
    }
    pr_slot_number(&slots[0], p->days);
    pr_slot_number(&slots[4], p->months);
    pr_slot_text(&slots[5], pr_weekdays[p->weekday], strlen(pr_weekdays[p->weekday]));
    pr_sentence_write(out, kinds[p->kind].phrases[p->phrase], slots);
    pr_str_done(&dates[0]);
    pr_str_done(&dates[1]);
}

static bool read_slots(const struct pr_slot *slots, struct pr_dates *p)
{
    enum pr_date_format other = PR_DATE_ISO;
    if (!pr_date_read(slots[1].s, &p->a, &p->format))
        return false;
    if (slots[2].set && (!pr_date_read(slots[2].s, &p->b, &other) || other != p->format))
        return false;
    p->days = slots[0].x;
    p->months = slots[4].x;
    if ((slots[0].set && (p->days < 1 || p->days > MAX_DAYS)) ||
        (slots[4].set && (p->months < 1 || p->months > MAX_MONTHS)))
        return false;
    if (slots[5].set) {
        const char *name;
        p->weekday = pr_weekday_named(slots[5].s);
        if (p->weekday == 7)
            return false;
        name = pr_weekdays[p->weekday];
        return pr_skill_says(slots[5].s.s, slots[5].s.n, name, strlen(name));
    }
    return true;
}

/* "{w5}s" swallows its own s: read with the s as part of the word. */
static bool read_phrase(struct pr_skill_text t, const char *phrase, struct pr_slot *slots)
{
    const char *plural = strstr(phrase, "{w5}s");
    if (!plural)
        return pr_sentence_read(&t, phrase, slots) && !t.n;
    char own[128];
    snprintf(own, sizeof own, "%.*s{w5}%s", (int)(plural - phrase), phrase, plural + 5);
    if (!pr_sentence_read(&t, own, slots) || t.n || slots[5].s.n < 2 ||
        slots[5].s.s[slots[5].s.n - 1] != 's')
        return false;
    slots[5].s.n--;
    return true;
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct pr_dates *p = ret;
    for (size_t k = 0; k < PR_DATES_N_KINDS; k++)
        for (size_t i = 0; i < PHRASES && kinds[k].phrases[i]; i++) {
            if (!pr_sentence_ends_alike(t, kinds[k].phrases[i]))
                continue;
            struct pr_slot slots[PR_SLOTS] = {{0}};
            *p = (struct pr_dates){.kind = (enum pr_dates_kind)k, .phrase = i};
            if (read_phrase(t, kinds[k].phrases[i], slots) && read_slots(slots, p))
                return true;
        }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static struct pr_date any_date(struct pr_rng *rng, int from, int to)
{
    struct pr_date d = {(int)pr_skill_between(rng, from, to), (int)pr_skill_between(rng, 1, 12), 1};
    d.day = (int)pr_skill_between(rng, 1, pr_days_in_month(d.year, d.month));
    return d;
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    static const enum pr_dates_kind of_level[] = {PR_DATES_ADD, PR_DATES_ADD, PR_DATES_SUB,
        PR_DATES_BETWEEN, PR_DATES_WEEKDAY_FROM, PR_DATES_BETWEEN, PR_DATES_MONTHS,
        PR_DATES_MONTHS_DAYS, PR_DATES_WEEKDAY, PR_DATES_COUNT};
    /* How many days on the second date is, and how many are added. */
    static const int most_on[] = {0, 0, 0, 360, 60, 1500, 0, 0, 0, 1200},
                     most_days[] = {25, 60, 90, 0, 0, 0, 0, 60, 0, 0};
    struct pr_dates *p = ret;
    size_t n = 0;
    p->kind = of_level[lv - 1];
    while (n < PHRASES && kinds[p->kind].phrases[n])
        n++;
    p->phrase = (size_t)pr_rng_below(rng, n);
    p->format = (enum pr_date_format)pr_rng_below(rng, PR_DATE_N_FORMATS);
    if (like) {
        p->phrase = ((const struct pr_dates *)like)->phrase;
        p->format = ((const struct pr_dates *)like)->format;
    }
    p->a = any_date(rng, lv == 9 ? 1583 : lv == 10 ? 1800 : 1900, lv == 9 ? 2400 : 2099);
    p->days = pr_skill_between(rng, 2, most_days[lv - 1] > 2 ? most_days[lv - 1] : 2);
    p->months = pr_skill_between(rng, 2, 40);
    int64_t on = pr_skill_between(rng, 8, most_on[lv - 1] > 8 ? most_on[lv - 1] : 8);
    if (!pr_date_of_number(pr_date_number(p->a) + on, &p->b))
        p->b = p->a;
    p->weekday = lv == 10 ? (int)pr_rng_below(rng, 7) : pr_weekday_of(p->a);
}

/* ---- slips --------------------------------------------------------------------------------- */

#define LL(x) ((long long)(x))

static void add_date(
    const struct pr_dates *p, struct pr_slips *ret, const char *pattern, int64_t n, const char *why)
{
    struct pr_str text = PR_STR_INIT(64);
    struct pr_date d;
    if (pr_date_of_number(n, &d)) {
        pr_date_put(&text, d, p->format);
        pr_slips_add(ret, pattern, pr_str_cstr(&text), "%s", why);
    }
    pr_str_done(&text);
}

static void slips_date(const struct pr_dates *p, struct pr_slips *ret)
{
    struct pr_date end;
    char why[160];
    if (!pr_dates_end(p, &end))
        return;
    int64_t n = pr_date_number(end), from = pr_date_number(p->a);
    bool back = p->kind == PR_DATES_SUB;
    if (p->kind == PR_DATES_ADD || back) {
        snprintf(why, sizeof why, "it went %lld days %s instead of %s", LL(p->days),
            back ? "on" : "back", back ? "back" : "on");
        add_date(p, ret, "wrong_operation", back ? from + p->days : from - p->days, why);
    } else {
        struct pr_dates other = *p;
        other.kind = PR_DATES_ADD;
        if (p->kind == PR_DATES_MONTHS_DAYS && pr_dates_end(&other, &end)) {
            snprintf(why, sizeof why, "the %lld months were left out", LL(p->months));
            add_date(p, ret, "step_missing", pr_date_number(end), why);
            snprintf(why, sizeof why, "the %lld days were left out", LL(p->days));
            add_date(p, ret, "step_missing", n - p->days, why);
        }
        other = *p;
        for (int by = -1; by <= 1; by += 2) {
            other.months = p->months + by;
            snprintf(why, sizeof why, "%lld months were counted instead of %lld", LL(other.months),
                LL(p->months));
            if (pr_dates_end(&other, &end))
                add_date(p, ret, "off_by_one", pr_date_number(end), why);
        }
        snprintf(why, sizeof why, "each of the %lld months was taken for 30 days", LL(p->months));
        add_date(p, ret, "wrong_operation",
            from + p->months * 30 + (p->kind == PR_DATES_MONTHS_DAYS ? p->days : 0), why);
    }
    if (p->kind != PR_DATES_MONTHS)
        for (int by = -1; by <= 1; by += 2) {
            snprintf(why, sizeof why, "%lld days were counted instead of %lld",
                LL(p->days + (back ? -by : by)), LL(p->days));
            add_date(p, ret, "off_by_one", n + by, why);
        }
}

static void slips_number(const struct pr_dates *p, struct pr_slips *ret)
{
    int64_t right_one = number_asked(p), n = pr_date_number(p->b) - pr_date_number(p->a);
    int64_t years = p->b.year - p->a.year;
    int64_t thirty = years * 360 + (p->b.month - p->a.month) * 30 + p->b.day - p->a.day;
    char text[24];
    if (p->kind == PR_DATES_BETWEEN) {
        snprintf(text, sizeof text, "%lld", LL(thirty));
        pr_slips_add(ret, "wrong_operation", text, "each month was taken for 30 days");
        snprintf(text, sizeof text, "%lld", LL(thirty + years * 5));
        pr_slips_add(ret, "wrong_operation", text,
            "%lld years of 365 days, and 30 days for each month", LL(years));
    } else {
        snprintf(text, sizeof text, "%lld", LL(n));
        pr_slips_add(
            ret, "step_missing", text, "the %lld days between were not divided by 7", LL(n));
    }
    for (int by = -1; by <= 1; by += 2) {
        snprintf(text, sizeof text, "%lld", LL(right_one + by));
        pr_slips_add(ret, "off_by_one", text, "%s",
            p->kind == PR_DATES_COUNT ? "a first or last one was counted wrong"
            : by > 0                  ? "the first day was counted too"
                                      : "neither the first nor the last day was counted");
    }
}

static void slips_weekday(const struct pr_dates *p, struct pr_slips *ret)
{
    int w = weekday_asked(p);
    int64_t n = p->kind == PR_DATES_WEEKDAY ? pr_date_number(p->a)
                                            : pr_date_number(p->b) - pr_date_number(p->a);
    long long rest = ((n % 7) + 7) % 7;
    for (int by = -1; by <= 1; by += 2)
        pr_slips_add(ret, "other_choice", pr_weekdays[(w + by + 7) % 7],
            "one day %s: %lld days leave %lld over whole weeks, not %lld",
            by < 0 ? "too few" : "too many", LL(n), rest, (rest + by + 7) % 7);
    if (p->kind == PR_DATES_WEEKDAY_FROM) {
        pr_slips_add(ret, "other_choice", pr_weekdays[p->weekday],
            "the weekday of the first date was kept: the %lld days between are not whole weeks",
            LL(n));
        pr_slips_add(ret, "other_choice", pr_weekdays[(p->weekday - (int)rest + 7) % 7],
            "the %lld days over whole weeks were counted back", rest);
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct pr_dates *p = q;
    if (asks_date(p->kind))
        slips_date(p, ret);
    else if (asks_number(p->kind))
        slips_number(p, ret);
    else
        slips_weekday(p, ret);
}

static const struct pr_form form = {
    .size = sizeof(struct pr_dates),
    .draw = draw,
    .write = write,
    .read = read,
    .answer = answer,
    .level = level,
    .right = right,
    .slips = slips,
};

PR_FORM_SKILL(dates, "dates and weekdays of the Gregorian calendar");
