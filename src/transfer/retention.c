/* See retention.h. */
#include "transfer/retention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct place {
    const struct pr_held *held;
    size_t newness;  /* 1: the newest */
    size_t goodness; /* 1: the best; 0: no score */
};

static int compare(const struct pr_held *x, const struct pr_held *y)
{
    if (x->mtime_ns != y->mtime_ns)
        return x->mtime_ns > y->mtime_ns ? -1 : 1;
    if (x->step != y->step)
        return x->step > y->step ? -1 : 1;
    return strcmp(x->name, y->name);
}

bool pr_held_is_newer(const struct pr_held *a, const struct pr_held *b)
{
    return compare(a, b) < 0;
}

static int newer_first(const void *a, const void *b)
{
    return compare(((const struct place *)a)->held, ((const struct place *)b)->held);
}

static bool is_better(const struct place *a, const struct place *b, bool lower)
{
    double x = a->held->score, y = b->held->score;
    if (x != y)
        return lower ? x < y : x > y;
    return a->newness < b->newness; /* of equals the newer */
}

/* By counting: the sets are small, and there is no ordering that NaN could break. */
static void set_goodness(struct place *p, size_t n, bool lower)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i].held->score))
            continue;
        p[i].goodness = 1;
        for (size_t j = 0; j < n; j++)
            p[i].goodness += j != i && !isnan(p[j].held->score) && is_better(&p[j], &p[i], lower);
    }
}

static struct place *rank(const struct pr_held *v, size_t n, bool lower)
{
    struct place *p = pr_zalloc((n + 1) * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i].held = &v[i];
    if (n > 1)
        qsort(p, n, sizeof *p, newer_first);
    for (size_t i = 0; i < n; i++)
        p[i].newness = i + 1;
    set_goodness(p, n, lower);
    return p;
}

static const struct {
    unsigned flag;
    const char *text;
} flag_texts[] = {
    {PR_HELD_DEPLOYED, "deployed"},
    {PR_HELD_BASELINE, "the baseline"},
    {PR_HELD_PINNED, "pinned"},
    {PR_HELD_CITED, "a decision rests on it"},
};

static bool is_flagged(const struct pr_held *h)
{
    return h->flags != 0; /* a flag that is not known here protects too */
}

static void say_flags(const struct pr_held *h, char reason[160])
{
    size_t at = 0;
    snprintf(reason, 160, "protected");
    for (size_t i = 0; i < sizeof flag_texts / sizeof *flag_texts; i++)
        if (h->flags & flag_texts[i].flag)
            at +=
                (size_t)snprintf(reason + at, 160 - at, "%s%s", at ? ", " : "", flag_texts[i].text);
}

static size_t keep_newest(const struct pr_retention_rule *rule)
{
    return rule->keep_newest ? rule->keep_newest : 1;
}

static bool is_new(const struct place *p, const struct pr_retention_rule *rule)
{
    return p->newness <= keep_newest(rule);
}

static bool is_good(const struct place *p, const struct pr_retention_rule *rule)
{
    return p->goodness && p->goodness <= rule->keep_best;
}

static void by_rule(
    const struct place *p, const struct pr_retention_rule *rule, struct pr_retention_verdict *v)
{
    char *to = v->reason;
    v->goes = v->for_room = false;
    if (is_flagged(p->held))
        say_flags(p->held, to);
    else if (is_new(p, rule) && is_good(p, rule))
        snprintf(to, 160, "number %zu of the newest %zu, number %zu of the best %zu", p->newness,
            keep_newest(rule), p->goodness, rule->keep_best);
    else if (is_new(p, rule))
        snprintf(to, 160, "number %zu of the newest %zu", p->newness, keep_newest(rule));
    else if (is_good(p, rule))
        snprintf(to, 160, "number %zu of the best %zu", p->goodness, rule->keep_best);
    else {
        v->goes = true;
        if (!rule->keep_best)
            snprintf(to, 160, "older than the newest %zu", keep_newest(rule));
        else
            snprintf(to, 160, "older than the newest %zu, and %s the best %zu", keep_newest(rule),
                p->goodness ? "not among" : "without a score for", rule->keep_best);
    }
}

/* Which goes next for want of room: the oldest of those that are not kept for being good, then the
 * worst of those that are; NULL: none may. */
static struct place *next_to_go(struct place *p, size_t n, const struct pr_retention_rule *rule,
    const struct pr_retention_verdict *verdicts, const struct pr_held *v)
{
    struct place *next = NULL;
    for (size_t i = 0; i < n; i++) {
        struct place *x = &p[i];
        if (verdicts[x->held - v].goes || is_flagged(x->held) || x->newness == 1 ||
            (rule->keep_best && x->goodness == 1))
            continue;
        bool good = is_good(x, rule), next_good = next && is_good(next, rule);
        if (!next || (!good && next_good) || (!good && x->newness > next->newness) ||
            (good && next_good && x->goodness > next->goodness))
            next = x;
    }
    return next;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

void pr_retention_decide(const struct pr_held *v, size_t n, const struct pr_retention_rule *rule,
    struct pr_retention_verdict *ret_verdicts, struct pr_retention_sum *ret)
{
    struct place *p = rank(v, n, rule->lower_is_better);
    struct pr_retention_sum r = {0};
    uint64_t need = plus(rule->incoming_bytes, rule->reserve_bytes);
    for (size_t i = 0; i < n; i++) {
        struct pr_retention_verdict *to = &ret_verdicts[p[i].held - v];
        by_rule(&p[i], rule, to);
        if (to->goes)
            r.freed_bytes = plus(r.freed_bytes, p[i].held->bytes);
        r.n_go += to->goes;
    }
    struct place *x;
    while (plus(rule->free_bytes, r.freed_bytes) < need &&
           (x = next_to_go(p, n, rule, ret_verdicts, v))) {
        struct pr_retention_verdict *to = &ret_verdicts[x->held - v];
        to->goes = to->for_room = true;
        snprintf(to->reason, sizeof to->reason,
            "for room: %llu MB are free, %llu MB are coming and %llu MB are to stay free",
            (unsigned long long)(rule->free_bytes >> 20),
            (unsigned long long)(rule->incoming_bytes >> 20),
            (unsigned long long)(rule->reserve_bytes >> 20));
        r.freed_bytes = plus(r.freed_bytes, x->held->bytes);
        r.n_go++;
    }
    uint64_t room = plus(rule->free_bytes, r.freed_bytes);
    r.short_bytes = room < need ? need - room : 0;
    pr_free(p);
    *ret = r;
}
