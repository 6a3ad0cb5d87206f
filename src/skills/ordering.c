/* Ordering: which is larger, sorting, the third smallest; whole numbers, then negative ones,
 * decimals, words and small sums.  `level_of` says what makes a level. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skills/expression.h"
#include "skills/ordering_form.h"
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

static bool take(const char *prompt, size_t n, struct pr_order *ret)
{
    return pr_order_take((struct pr_skill_text){prompt, n}, ret);
}

/* ---- levels -------------------------------------------------------------------------------- */

enum traits { NEGATIVE = 1, DECIMAL = 2, LONG = 4 };

static unsigned traits_of(const struct pr_order *q)
{
    unsigned traits = 0;
    for (int i = 0; i < q->n && !q->words && !q->expressions; i++) {
        traits |= q->v[i].value < 0 ? NEGATIVE : 0;
        traits |= strchr(q->v[i].text, '.') ? DECIMAL : 0;
        traits |= pr_skill_digits(llabs(q->v[i].value) / PR_DECIMAL_UNIT) > 6 ? LONG : 0;
    }
    return traits;
}

static int level_of_choice(const struct pr_order *q, unsigned traits)
{
    if (q->words)
        return 3;
    if (q->expressions)
        return 6;
    if (traits)
        return traits & DECIMAL ? 4 : 3;
    return strlen(q->v[0].text) != strlen(q->v[1].text) || q->v[0].text[0] != q->v[1].text[0] ? 1
                                                                                              : 2;
}

/* The level of a question about up to so many items; 0: more than any. */
static int by_count(int n, const int (*table)[2])
{
    for (; (*table)[0]; table++)
        if (n <= (*table)[0])
            return (*table)[1];
    return 0;
}

static int level_of(const struct pr_order *q)
{
    static const int sort_plain[][2] = {{3, 2}, {4, 3}, {5, 4}, {7, 6}, {10, 8}, {0}},
                     sort_words[][2] = {{3, 5}, {5, 7}, {7, 9}, {10, 10}, {0}},
                     sort_other[][2] = {{4, 5}, {6, 7}, {8, 9}, {10, 10}, {0}},
                     nth_plain[][2] = {{5, 6}, {7, 8}, {10, 9}, {0}},
                     nth_other[][2] = {{7, 9}, {10, 10}, {0}};
    unsigned traits = traits_of(q);
    if (traits & LONG)
        return 0;
    if (q->kind == PR_ORDER_CHOOSE)
        return level_of_choice(q, traits);
    if (q->kind == PR_ORDER_NTH)
        return by_count(q->n, traits ? nth_other : nth_plain);
    return by_count(q->n, q->words ? sort_words : traits ? sort_other : sort_plain);
}

static int level(const char *prompt, size_t n)
{
    struct pr_order q;
    return take(prompt, n, &q) ? level_of(&q) : 0;
}

/* ---- making -------------------------------------------------------------------------------- */

enum type { PLAIN, SIGNED, DECIMALS, MIXED, WORDS, SUMS };

/* What a level asks; one of its lines at random. */
static const struct {
    int level;
    enum pr_order_kind kind;
    enum type type;
    int n[2], digits[2];
} kinds[] = {
    {1, PR_ORDER_CHOOSE, PLAIN, {2, 2}, {1, 4}},
    {2, PR_ORDER_CHOOSE, PLAIN, {2, 2}, {3, 5}},
    {2, PR_ORDER_SORT, PLAIN, {3, 3}, {1, 3}},
    {3, PR_ORDER_SORT, PLAIN, {4, 4}, {1, 3}},
    {3, PR_ORDER_CHOOSE, SIGNED, {2, 2}, {1, 4}},
    {3, PR_ORDER_CHOOSE, WORDS, {2, 2}, {0}},
    {4, PR_ORDER_SORT, PLAIN, {5, 5}, {1, 3}},
    {4, PR_ORDER_CHOOSE, DECIMALS, {2, 2}, {1, 2}},
    {5, PR_ORDER_SORT, SIGNED, {3, 4}, {1, 3}},
    {5, PR_ORDER_SORT, DECIMALS, {3, 4}, {1, 2}},
    {5, PR_ORDER_SORT, WORDS, {3, 3}, {0}},
    {6, PR_ORDER_CHOOSE, SUMS, {2, 2}, {2, 3}},
    {6, PR_ORDER_SORT, PLAIN, {6, 7}, {1, 3}},
    {6, PR_ORDER_NTH, PLAIN, {4, 5}, {2, 3}},
    {7, PR_ORDER_SORT, MIXED, {5, 6}, {1, 2}},
    {7, PR_ORDER_SORT, WORDS, {4, 5}, {0}},
    {8, PR_ORDER_SORT, PLAIN, {8, 10}, {2, 4}},
    {8, PR_ORDER_NTH, PLAIN, {6, 7}, {2, 4}},
    {9, PR_ORDER_SORT, MIXED, {7, 8}, {1, 2}},
    {9, PR_ORDER_SORT, WORDS, {6, 7}, {0}},
    {9, PR_ORDER_NTH, PLAIN, {8, 10}, {2, 4}},
    {9, PR_ORDER_NTH, MIXED, {5, 7}, {1, 2}},
    {10, PR_ORDER_SORT, MIXED, {9, 10}, {1, 2}},
    {10, PR_ORDER_SORT, WORDS, {8, 10}, {0}},
    {10, PR_ORDER_NTH, MIXED, {8, 10}, {1, 2}},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static void put_number(struct pr_rng *rng, enum type type, int digits, char *out)
{
    int64_t x = pr_skill_of_digits(rng, digits);
    bool minus = x && (type == SIGNED || type == MIXED) && !pr_rng_below(rng, 2);
    int n = snprintf(out, PR_ORDER_TEXT, "%s%lld", minus ? "-" : "", (long long)x);
    if (type == DECIMALS || (type == MIXED && pr_rng_below(rng, 3))) {
        out[n] = '.';
        pr_skill_random_digits(rng, (size_t)pr_skill_between(rng, 1, 3), out + n + 1);
    }
}

static void put_item(struct pr_rng *rng, enum type type, int digits, char *out)
{
    char word[12];
    if (type == WORDS) {
        pr_skill_word(rng, word);
        snprintf(out, PR_ORDER_TEXT, "%s", word);
    } else if (type == SUMS) {
        int64_t a = pr_skill_of_digits(rng, digits), b = pr_skill_of_digits(rng, digits);
        bool plus = pr_rng_below(rng, 2);
        snprintf(out, PR_ORDER_TEXT, "%lld %c %lld", (long long)(!plus && a < b ? b : a),
            plus ? '+' : '-', (long long)(!plus && a < b ? a : b));
    } else {
        put_number(rng, type, digits, out);
    }
}

/* Two that are compared, and those that are counted off, differ. */
static bool distinct(const struct pr_order *q)
{
    for (int i = 0; i < q->n && q->kind != PR_ORDER_SORT; i++)
        for (int k = 0; k < i; k++)
            if (!pr_order_compare(q, &q->v[i], &q->v[k]))
                return false;
    return true;
}

static void draw(struct pr_rng *rng, int level, struct pr_order *q)
{
    size_t k;
    do
        k = pr_rng_below(rng, N_KINDS);
    while (kinds[k].level != level);
    *q = (struct pr_order){.kind = kinds[k].kind,
        .words = kinds[k].type == WORDS,
        .expressions = kinds[k].type == SUMS,
        .n = (int)pr_skill_between(rng, kinds[k].n[0], kinds[k].n[1])};
    for (int i = 0; i < q->n; i++) {
        int digits = (int)pr_skill_between(rng, kinds[k].digits[0], kinds[k].digits[1]);
        put_item(rng, kinds[k].type, digits, q->v[i].text);
        (void)pr_order_value(q, i);
    }
    pr_order_phrase(rng, q);
}

static void put_golden(const struct pr_order *q, struct pr_str *golden)
{
    struct pr_order_item sorted[PR_ORDER_ITEMS];
    pr_order_sorted(q, sorted);
    if (q->kind == PR_ORDER_SORT)
        for (int i = 0; i < q->n; i++)
            pr_str_printf(golden, "%s%s", i ? ", " : "", sorted[i].text);
    else if (q->expressions)
        pr_str_printf(golden, "%lld", (long long)(sorted[0].value / PR_DECIMAL_UNIT));
    else
        pr_str_puts(golden, sorted[q->nth - 1].text);
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    struct pr_order q;
    do
        draw(rng, level, &q);
    while (level_of(&q) != level || !distinct(&q));
    pr_order_put(&q, prompt);
    put_golden(&q, golden);
}

/* ---- solving ------------------------------------------------------------------------------- */

static void put_working(const struct pr_order *q, struct pr_str *out)
{
    struct pr_order_item sorted[PR_ORDER_ITEMS];
    pr_order_sorted(q, sorted);
    for (int i = 0; q->expressions && i < q->n; i++)
        pr_str_printf(
            out, "%s = %lld\n", q->v[i].text, (long long)(q->v[i].value / PR_DECIMAL_UNIT));
    const char *first =
        q->words ? (q->down ? "last" : "first") : (q->down ? "largest" : "smallest");
    if (q->kind == PR_ORDER_CHOOSE)
        pr_str_printf(out, "%s of the two: %s\n",
            q->words ? first : (q->down ? "the larger" : "the smaller"), sorted[0].text);
    for (int i = 0; q->kind != PR_ORDER_CHOOSE && i < (q->kind == PR_ORDER_NTH ? q->nth : q->n);
         i++)
        pr_str_printf(
            out, i ? "%s of what is left: %s\n" : "%s of all: %s\n", first, sorted[i].text);
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_order q;
    if (!take(prompt, n, &q))
        return false;
    if (golden)
        put_golden(&q, golden);
    if (working)
        put_working(&q, working);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_order q;
    return take(prompt, prompt_len, &q) && pr_order_accepts(&q, answer, n);
}

/* ---- varying ------------------------------------------------------------------------------- */

/* Another of the same kind: as many digits at each place, another word. */
static void redraw(struct pr_rng *rng, bool word, char *text)
{
    if (word) {
        put_item(rng, WORDS, 0, text);
        return;
    }
    for (char *c = text; *c; c++) {
        bool first =
            (c == text || c[-1] < '0' || c[-1] > '9') && *c != '0' && (c == text || c[-1] != '.');
        if (*c >= '0' && *c <= '9')
            *c = (char)('0' + pr_skill_between(rng, first, 9));
    }
}

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    enum { TRIES = 5000 };
    struct pr_order was, q;
    if (!take(prompt, n, &was))
        return false;
    int wanted = level_of(&was);
    for (int i = 0; i < TRIES; i++) {
        bool ok = true, other = false;
        q = was;
        for (int k = 0; k < q.n; k++) {
            redraw(rng, q.words, q.v[k].text);
            ok = pr_order_value(&q, k) && ok;
            other = other || strcmp(q.v[k].text, was.v[k].text) != 0;
        }
        if (!ok || !other || level_of(&q) != wanted || !distinct(&q))
            continue;
        pr_order_put(&q, ret_prompt);
        put_golden(&q, ret_golden);
        return true;
    }
    return false;
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_order q;
    if (take(prompt, n, &q))
        pr_order_slips(&q, ret);
}

const struct pr_skill pr_skill_ordering = {
    .name = "ordering",
    .summary = "comparing and sorting numbers and words",
    .n_levels = PR_SKILL_LEVELS,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
