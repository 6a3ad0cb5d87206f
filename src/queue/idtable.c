/* Ids; see idtable.h. */
#include "queue/idtable.h"

#include "base/alloc.h"

void pr_idtable_done(struct pr_idtable *t)
{
    pr_free(t->v);
    pr_free(t->slots);
    *t = (struct pr_idtable){0};
}

static uint32_t *slot_of(const struct pr_idtable *t, uint64_t hash)
{
    size_t i = hash & (t->n_slots - 1);
    while (t->slots[i] && t->v[t->slots[i] - 1].hash != hash)
        i = (i + 1) & (t->n_slots - 1);
    return &t->slots[i];
}

static void grow(struct pr_idtable *t)
{
    t->n_slots = t->n_slots ? 2 * t->n_slots : 1024;
    pr_free(t->slots);
    t->slots = pr_zalloc(t->n_slots * sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++)
        *slot_of(t, t->v[i].hash) = (uint32_t)i + 1;
}

const struct pr_idtable_row *pr_idtable_add(
    struct pr_idtable *t, uint64_t hash, uint32_t file, uint32_t line)
{
    if (2 * (t->n + 1) > t->n_slots)
        grow(t);
    uint32_t *slot = slot_of(t, hash);
    if (*slot)
        return &t->v[*slot - 1];
    struct pr_idtable_row row = {hash, file, line};
    if (t->n >= UINT32_MAX - 1)
        return NULL;
    PR_PUSH(t->v, t->n, t->cap, row);
    *slot = (uint32_t)t->n;
    return NULL;
}
