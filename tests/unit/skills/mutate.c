/* Changed answers. */
#include "mutate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

typedef void change(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out);

static size_t any_place(struct pr_rng *rng, const char *s)
{
    return pr_rng_below(rng, strlen(s) + 1);
}

/* Of the kind of the character that stands there: a digit for a digit. */
static char like(struct pr_rng *rng, char c)
{
    static const char others[] = "+-.,/=<>%";
    return isdigit((unsigned char)c)   ? (char)('0' + (int)pr_rng_below(rng, 10))
           : isalpha((unsigned char)c) ? (char)('a' + (int)pr_rng_below(rng, 26))
                                       : others[pr_rng_below(rng, sizeof others - 1)];
}

static void replace_one(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    size_t at = pr_rng_below(rng, strlen(golden));
    pr_str_puts(out, golden);
    out->data[at] = like(rng, golden[at]);
}

static void drop_one(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    size_t at = pr_rng_below(rng, strlen(golden));
    pr_str_append(out, golden, at);
    pr_str_puts(out, golden + at + 1);
}

static void insert_one(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    size_t at = any_place(rng, golden);
    pr_str_append(out, golden, at);
    pr_str_putc(out, like(rng, golden[at ? at - 1 : 0]));
    pr_str_puts(out, golden + at);
}

static void swap_neighbours(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    size_t n = strlen(golden), at = n > 1 ? pr_rng_below(rng, n - 1) : 0;
    pr_str_puts(out, golden);
    if (n > 1) {
        out->data[at] = golden[at + 1];
        out->data[at + 1] = golden[at];
    }
}

static void other_sign(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)rng;
    (void)another;
    if (*golden == '-')
        pr_str_puts(out, golden + 1);
    else
        pr_str_printf(out, "-%s", golden);
}

static void near_miss(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    static const long by[] = {1, -1, 10, -10, 2, -2, 100};
    char *end;
    long x = strtol(golden, &end, 10);
    if (end == golden || end - golden > 18) /* no number, or a long row of bits */
        pr_str_printf(out, "not %s", golden);
    else
        pr_str_printf(out, "%ld%s", x + by[pr_rng_below(rng, 7)], end);
}

static void with_unit(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    static const char *const units[] = {"%", " parsecs", "!?", " or so", "e1"};
    pr_str_printf(out, "%s%s", golden, units[pr_rng_below(rng, 5)]);
}

/* Two items of a list change places; the whole the other way round. */
static void other_order(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    const char *comma = strchr(golden, ',');
    if (comma && pr_rng_below(rng, 2)) {
        const char *next = strchr(comma + 1, ',');
        size_t n = next ? (size_t)(next - comma - 1) : strlen(comma + 1);
        const char *second = comma + 1 + (comma[1] == ' ');
        pr_str_append(out, second, n - (size_t)(second - comma - 1));
        pr_str_puts(out, ", ");
        pr_str_append(out, golden, (size_t)(comma - golden));
        pr_str_puts(out, comma + 1 + n);
        return;
    }
    for (size_t i = strlen(golden); i-- > 0;)
        pr_str_putc(out, golden[i]);
}

static void of_another(
    struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)rng;
    (void)golden;
    pr_str_puts(out, another);
}

static void a_part(struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    pr_str_append(out, golden, pr_rng_below(rng, strlen(golden)));
}

static void twice(struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    (void)another;
    pr_str_printf(out, "%s%s%s", golden, pr_rng_below(rng, 2) ? " " : ", ", golden);
}

static change *const changes[] = {replace_one, replace_one, drop_one, insert_one, swap_neighbours,
    other_sign, near_miss, with_unit, other_order, of_another, a_part, twice};

void mutate(struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out)
{
    do {
        pr_str_clear(out);
        changes[pr_rng_below(rng, sizeof changes / sizeof *changes)](rng, golden, another, out);
    } while (!strcmp(pr_str_cstr(out), golden));
}

/* ---- the same, written differently --------------------------------------------------------- */

/* The letters by which a month or a weekday is known, where the token is one or is short for it. */
static size_t calendar_name(const char *s, size_t n)
{
    static const char *const names[] = {"january", "february", "march", "april", "may", "june",
        "july", "august", "september", "october", "november", "december", "monday", "tuesday",
        "wednesday", "thursday", "friday", "saturday", "sunday"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n >= 3 && n <= strlen(names[i]) && !strncmp(names[i], s, n))
            return 3;
    return 0;
}

/* Appends one token without what changes no number: "+007.50" as "7.5", "july" as "jul". */
static void put_token(const char *s, size_t n, struct pr_str *out)
{
    n = calendar_name(s, n) ? calendar_name(s, n) : n;
    bool minus = n && *s == '-';
    size_t skip = n && (*s == '+' || *s == '-');
    s += skip;
    n -= skip;
    while (n > 1 && *s == '0' && isalnum((unsigned char)s[1])) {
        s++;
        n--;
    }
    if (memchr(s, '.', n))
        while (n && (s[n - 1] == '0' || s[n - 1] == '.')) {
            n--;
            if (s[n] == '.')
                break;
        }
    pr_str_puts(out, minus ? "-" : "");
    pr_str_append(out, s, n);
    pr_str_putc(out, ' ');
}

/* Lower case; commas, semicolons and spaces part tokens, or (joined) are nothing. */
static void plain(const char *s, bool joined, struct pr_str *out)
{
    char token[512];
    size_t n = 0, len = strlen(s);
    while (len && (isspace((unsigned char)s[len - 1]) || s[len - 1] == '.'))
        len--;
    if (len > 1 && s[0] == '[' && s[len - 1] == ']') {
        s++;
        len -= 2;
    }
    for (size_t i = 0; i <= len; i++) {
        bool gap = i < len && strchr(",; \t\n", s[i]);
        if (i < len && !gap && n < sizeof token)
            token[n++] = (char)tolower((unsigned char)s[i]);
        if ((gap && !joined) || i == len) {
            if (n)
                put_token(token, n, out);
            n = 0;
        }
    }
}

/* "x = 4, y = 3": named values may come in any order.  Appends each part that has a name, sorted;
 * false: a part has none. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
static bool named(const char *s, struct pr_str *out)
{
    char *parts[8];
    size_t n = 0;
    bool all = true;
    while (*s && n < 8) {
        struct pr_str part = PR_STR_INIT(4096);
        struct pr_str value = PR_STR_INIT(4096);
        size_t len = strcspn(s, ",;\n"), eq = 0;
        for (size_t i = 0; i < len; i++) {
            if (!isspace((unsigned char)s[i]))
                pr_str_putc(eq ? &value : &part, (char)tolower((unsigned char)s[i]));
            eq += s[i] == '=';
        }
        put_token(pr_str_cstr(&value), value.len, &part);
        pr_str_done(&value);
        all = all && eq == 1;
        parts[n++] = pr_str_take(&part);
        s += len + (s[len] != 0);
    }
    qsort(parts, n, sizeof *parts, by_text);
    for (size_t i = 0; i < n; i++) {
        pr_str_printf(out, "%s\n", parts[i]);
        pr_free(parts[i]);
    }
    return all && n && !*s;
}

static bool same_named(const char *a, const char *b)
{
    struct pr_str x = PR_STR_INIT(4096), y = PR_STR_INIT(4096);
    bool same = named(a, &x) && named(b, &y) && !strcmp(pr_str_cstr(&x), pr_str_cstr(&y));
    pr_str_done(&x);
    pr_str_done(&y);
    return same;
}

bool same_answer(const char *a, const char *b)
{
    bool same = same_named(a, b);
    for (int joined = 0; joined < 2 && !same; joined++) {
        struct pr_str x = PR_STR_INIT(4096), y = PR_STR_INIT(4096);
        plain(a, joined, &x);
        plain(b, joined, &y);
        same = !strcmp(pr_str_cstr(&x), pr_str_cstr(&y));
        pr_str_done(&x);
        pr_str_done(&y);
    }
    return same;
}
