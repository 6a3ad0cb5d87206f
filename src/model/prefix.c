/* The prefix cache: a list, looked through from end to end.  There are some hundred entries, and a
 * comparison mostly ends at the first token. */
#include "model/prefix.h"

#include <string.h>

#include "base/alloc.h"

void pr_prefix_init(struct pr_prefix *p, struct pr_kv *kv, size_t most)
{
    *p = (struct pr_prefix){.kv = kv, .most = most};
}

static void drop(struct pr_prefix *p, size_t i)
{
    pr_kv_release(p->kv, &p->v[i].seq);
    pr_free(p->v[i].ids);
    p->v[i] = p->v[--p->n];
}

void pr_prefix_done(struct pr_prefix *p)
{
    while (p->n)
        drop(p, p->n - 1);
    pr_free(p->v);
    *p = (struct pr_prefix){0};
}

static uint32_t whole_pages(size_t n)
{
    return (uint32_t)(n / PR_KV_PAGE * PR_KV_PAGE);
}

static uint32_t common(const struct pr_prefix_entry *x, const int32_t *ids, size_t n)
{
    uint32_t i = 0, end = x->seq.len < n ? x->seq.len : (uint32_t)n;
    while (i < end && x->ids[i] == ids[i])
        i++;
    return whole_pages(i);
}

uint32_t pr_prefix_take(struct pr_prefix *p, const int32_t *ids, size_t n, struct pr_kv_seq *ret)
{
    struct pr_prefix_entry *best = NULL;
    uint32_t most = 0;
    *ret = (struct pr_kv_seq){0};
    for (size_t i = 0; i < p->n; i++) {
        uint32_t len = n ? common(&p->v[i], ids, n - 1) : 0;
        if (len > most) {
            most = len;
            best = &p->v[i];
        }
    }
    if (best) {
        best->used = ++p->now;
        pr_kv_fork_part(ret, &best->seq, most);
    }
    return most;
}

/* Is it there already?  What it continues is forgotten: it has all of it. */
static bool is_known(struct pr_prefix *p, const int32_t *ids, uint32_t len)
{
    for (size_t i = p->n; i-- > 0;) {
        uint32_t same = common(&p->v[i], ids, len);
        if (same == len) {
            p->v[i].used = ++p->now;
            return true;
        }
        if (same == p->v[i].seq.len)
            drop(p, i);
    }
    return false;
}

void pr_prefix_put(struct pr_prefix *p, const int32_t *ids, const struct pr_kv_seq *seq)
{
    struct pr_prefix_entry x = {.used = p->now + 1};
    uint32_t len = whole_pages(seq->len);
    if (!len || !p->most || is_known(p, ids, len))
        return;
    if (p->n == p->most)
        pr_prefix_drop_oldest(p);
    x.ids = pr_alloc(len * sizeof *x.ids);
    memcpy(x.ids, ids, len * sizeof *x.ids);
    pr_kv_fork_part(&x.seq, seq, len);
    x.used = ++p->now;
    PR_PUSH(p->v, p->n, p->cap, x);
}

bool pr_prefix_drop_oldest(struct pr_prefix *p)
{
    size_t oldest = 0;
    for (size_t i = 1; i < p->n; i++)
        if (p->v[i].used < p->v[oldest].used)
            oldest = i;
    if (!p->n)
        return false;
    drop(p, oldest);
    return true;
}
