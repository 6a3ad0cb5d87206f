/* Global functions: Jinja's own that need no host, and the two that transformers adds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/jinja/value.h"

#define MAX_RANGE 100000 /* the sandbox's */

static int64_t int_arg(struct jctx *c, struct jv v)
{
    if (v.type == J_UNDEF)
        j_raise_undefined(c, v);
    if (!j_is_integer(v))
        j_raise(c, "'%s' object cannot be interpreted as an integer", j_type_name(v));
    return j_as_int(v);
}

static struct jv fn_range(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)raw;
    int64_t start = 0, stop = int_arg(c, a[0]), step = 1;
    if (a[1].type != J_MISSING) {
        start = stop;
        stop = int_arg(c, a[1]);
    }
    if (a[2].type != J_MISSING)
        step = int_arg(c, a[2]);
    if (!step)
        j_raise(c, "range() arg 3 must not be zero");
    uint64_t span = step > 0 ? (stop > start ? (uint64_t)stop - (uint64_t)start : 0)
                             : (start > stop ? (uint64_t)start - (uint64_t)stop : 0);
    uint64_t stride = step > 0 ? (uint64_t)step : (uint64_t)0 - (uint64_t)step;
    uint64_t n = span ? (span - 1) / stride + 1 : 0;
    if (n > MAX_RANGE)
        j_raise(
            c, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", MAX_RANGE);
    struct jrange *r = j_alloc(c, sizeof *r);
    *r = (struct jrange){.start = start, .step = step, .stop = stop, .n = (size_t)n};
    return (struct jv){.type = J_RANGE, .r = r};
}

/* dict(mapping or pairs, **keywords); namespace takes the same. */
static struct jdict *make_dict(struct jctx *c, const char *name, const struct jargs *raw)
{
    struct jdict *d = j_dict_new(c);
    if (raw->n > 1)
        j_raise(c, "%s expected at most 1 argument, got %zu", name, raw->n);
    struct jv from = raw->n ? raw->v[0] : j_none();
    if (from.type == J_DICT) {
        for (size_t i = 0; i < from.d->n; i++)
            j_dict_set(c, d, from.d->v[i].key, from.d->v[i].value);
    } else if (raw->n) {
        const struct jlist *pairs = j_items(c, from);
        for (size_t i = 0; i < pairs->n; i++) {
            if (!j_iterable(pairs->v[i]))
                j_raise(
                    c, "cannot convert dictionary update sequence element #%zu to a sequence", i);
            const struct jlist *pair = j_items(c, pairs->v[i]);
            if (pair->n != 2)
                j_raise(c, "dictionary update sequence element #%zu has length %zu; 2 is required",
                    i, pair->n);
            j_dict_set(c, d, pair->v[0], pair->v[1]);
        }
    }
    for (size_t i = 0; i < raw->nkw; i++)
        j_dict_set(c, d, raw->kw[i].name, raw->kw[i].value);
    return d;
}

static struct jv fn_dict(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)a;
    return (struct jv){.type = J_DICT, .d = make_dict(c, "dict", raw)};
}

static struct jv fn_namespace(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)a;
    return (struct jv){.type = J_NAMESPACE, .d = make_dict(c, "dict", raw)};
}

static struct jv fn_cycler(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)a;
    if (!raw->n)
        j_raise(c, "at least one item has to be provided");
    struct jcycler *cy = j_alloc(c, sizeof *cy);
    cy->items = j_list_new(c, raw->n);
    for (size_t i = 0; i < raw->n; i++)
        j_list_push(c, cy->items, raw->v[i]);
    return (struct jv){.type = J_CYCLER, .cy = cy};
}

static struct jv fn_joiner(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)raw;
    struct jjoiner *jo = j_alloc(c, sizeof *jo);
    jo->sep = a[0].type == J_MISSING ? j_str(c, ", ") : a[0];
    return (struct jv){.type = J_JOINER, .jo = jo};
}

static struct jv fn_lipsum(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)a;
    (void)raw;
    j_fail(c, PR_E_UNSUPPORTED, "lipsum() is random, so it cannot be reproduced");
}

static struct jv fn_raise(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)raw;
    j_raise_text(c, j_to_str(c, a[0]));
}

/* The date in UTC with English names, whatever the locale of the host. */
static const char *const weekdays[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};

static int iso_week(const struct tm *tm, int *ret_year)
{
    int year = tm->tm_year + 1900, weekday = (tm->tm_wday + 6) % 7;
    int week = (tm->tm_yday - weekday + 10) / 7;
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (week < 1) {
        int before = year - 1;
        int p = (before + before / 4 - before / 100 + before / 400) % 7;
        int q = (year - 2 + (year - 2) / 4 - (year - 2) / 100 + (year - 2) / 400) % 7;
        *ret_year = before;
        return p == 4 || q == 3 ? 53 : 52;
    }
    *ret_year = year;
    if (week == 53 && tm->tm_yday - weekday + 3 >= 365 + leap) {
        *ret_year = year + 1;
        return 1;
    }
    return week;
}

static void put_time(
    struct jctx *c, struct jbuf *b, char spec, char flag, const struct tm *tm, int64_t ms);

static void put_times(
    struct jctx *c, struct jbuf *b, const char *fmt, const struct tm *tm, int64_t ms)
{
    for (; *fmt; fmt++) {
        if (*fmt == '%') {
            fmt++;
            char flag = *fmt && strchr("-_0", *fmt) ? *fmt++ : 0;
            put_time(c, b, *fmt, flag, tm, ms);
        } else {
            j_putc(c, b, *fmt);
        }
    }
}

/* glibc's flags: - drops the padding, _ pads with blanks, 0 with zeros. */
static void put_number(struct jctx *c, struct jbuf *b, const char *fmt, char flag, int value)
{
    char text[16];
    size_t skip = 0;
    snprintf(text, sizeof text, fmt, value);
    for (; flag && (text[skip] == '0' || text[skip] == ' ') && text[skip + 1]; skip++)
        if (flag != '-')
            text[skip] = flag == '_' ? ' ' : '0';
    j_puts(c, b, flag == '-' ? text + skip : text);
}

static void put_time(
    struct jctx *c, struct jbuf *b, char spec, char flag, const struct tm *tm, int64_t ms)
{
    static const struct {
        char spec;
        const char *expansion;
    } composite[] = {{'c', "%a %b %e %H:%M:%S %Y"}, {'D', "%m/%d/%y"}, {'x', "%m/%d/%y"},
        {'F', "%Y-%m-%d"}, {'R', "%H:%M"}, {'r', "%I:%M:%S %p"}, {'T', "%H:%M:%S"},
        {'X', "%H:%M:%S"}, {'h', "%b"}};
    for (size_t i = 0; i < sizeof composite / sizeof *composite; i++) {
        if (composite[i].spec == spec) {
            put_times(c, b, composite[i].expansion, tm, ms);
            return;
        }
    }
    int year = tm->tm_year + 1900, hour12 = tm->tm_hour % 12 ? tm->tm_hour % 12 : 12, iso_year;
    int week = iso_week(tm, &iso_year);
    const struct {
        char spec;
        const char *fmt;
        int value;
    } numbers[] = {{'C', "%02d", year / 100}, {'d', "%02d", tm->tm_mday}, {'e', "%2d", tm->tm_mday},
        {'G', "%d", iso_year}, {'g', "%02d", iso_year % 100}, {'H', "%02d", tm->tm_hour},
        {'I', "%02d", hour12}, {'j', "%03d", tm->tm_yday + 1}, {'k', "%2d", tm->tm_hour},
        {'l', "%2d", hour12}, {'M', "%02d", tm->tm_min}, {'m', "%02d", tm->tm_mon + 1},
        {'S', "%02d", tm->tm_sec}, {'U', "%02d", (tm->tm_yday + 7 - tm->tm_wday) / 7},
        {'u', "%d", tm->tm_wday ? tm->tm_wday : 7}, {'V', "%02d", week},
        {'W', "%02d", (tm->tm_yday + 7 - (tm->tm_wday + 6) % 7) / 7}, {'w', "%d", tm->tm_wday},
        {'Y', "%d", year}, {'y', "%02d", year % 100}, {'f', "%06d", (int)(ms % 1000) * 1000}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].spec == spec) {
            put_number(c, b, numbers[i].fmt, flag, numbers[i].value);
            return;
        }
    }
    if (spec == 'A')
        j_puts(c, b, weekdays[tm->tm_wday]);
    else if (spec == 'a')
        j_put(c, b, weekdays[tm->tm_wday], 3);
    else if (spec == 'B')
        j_puts(c, b, months[tm->tm_mon]);
    else if (spec == 'b')
        j_put(c, b, months[tm->tm_mon], 3);
    else if (spec == 'p')
        j_puts(c, b, tm->tm_hour < 12 ? "AM" : "PM");
    else if (spec == 'P')
        j_puts(c, b, tm->tm_hour < 12 ? "am" : "pm");
    else if (spec == 'n' || spec == 't' || spec == '%')
        j_putc(c, b, spec == 'n' ? '\n' : spec == 't' ? '\t' : '%');
    else if (spec != 'z' && spec != 'Z') /* empty for a time without a zone */
        j_fail(c, PR_E_UNSUPPORTED, "strftime_now: the directive '%%%c'", spec ? spec : ' ');
}

static struct jv fn_strftime_now(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)self;
    (void)raw;
    if (a[0].type != J_STR)
        j_raise(c, "strftime() argument 1 must be str, not %s", j_type_name(a[0]));
    int64_t s = c->now_utc_ms / 1000, ms = c->now_utc_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        s--;
    }
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
        j_raise(c, "the configured date is out of range");
    struct jbuf b = {0};
    const char *end = memchr(a[0].s->data, '\0', a[0].s->len);
    size_t n = end ? (size_t)(end - a[0].s->data) : a[0].s->len;
    char *fmt = j_alloc(c, n + 2);
    memcpy(fmt, a[0].s->data, n);
    put_times(c, &b, fmt, &tm, ms);
    return j_buf_str(c, &b);
}

static const struct jfn globals[] = {
    {"range", fn_range, "start stop step", 1, true},
    {"dict", fn_dict, NULL, 0, false},
    {"namespace", fn_namespace, NULL, 0, false},
    {"cycler", fn_cycler, NULL, 0, false},
    {"joiner", fn_joiner, "sep", 0, false},
    {"lipsum", fn_lipsum, NULL, 0, false},
    {"raise_exception", fn_raise, "message", 1, false},
    {"strftime_now", fn_strftime_now, "format", 1, false},
    {0},
};

const struct jfn *j_find_global(const char *name, size_t n)
{
    return j_lookup(globals, name, n);
}
