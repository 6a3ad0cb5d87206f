/* A set of ids; see suiteset.h. */
#include "exam/suiteset.h"

#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"

struct pr_idslot {
    uint64_t hash;
    const char *id; /* NULL: free */
    size_t index;
};

static uint64_t hash_of(const char *id)
{
    uint8_t digest[PR_SHA256_LEN];
    uint64_t h;
    pr_sha256(id, strlen(id), digest);
    memcpy(&h, digest, sizeof h);
    return h;
}

/* The slot that holds id, or the free one where it would go.  There is always a free one. */
static struct pr_idslot *slot_of(const struct pr_idset *set, uint64_t h, const char *id)
{
    size_t i = (size_t)h & (set->cap - 1);
    while (set->slots[i].id && (set->slots[i].hash != h || strcmp(set->slots[i].id, id)))
        i = (i + 1) & (set->cap - 1);
    return &set->slots[i];
}

static void grow(struct pr_idset *set)
{
    struct pr_idset bigger = {.cap = set->cap ? set->cap * 2 : 64, .n = set->n};
    bigger.slots = pr_zalloc(bigger.cap * sizeof *bigger.slots);
    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i].id)
            *slot_of(&bigger, set->slots[i].hash, set->slots[i].id) = set->slots[i];
    pr_free(set->slots);
    *set = bigger;
}

size_t pr_idset_add(struct pr_idset *set, const char *id, size_t index)
{
    if (set->n * 2 >= set->cap)
        grow(set);
    uint64_t h = hash_of(id);
    struct pr_idslot *s = slot_of(set, h, id);
    if (!s->id) {
        *s = (struct pr_idslot){h, id, index};
        set->n++;
    }
    return s->index;
}

size_t pr_idset_find(const struct pr_idset *set, const char *id)
{
    if (!set->cap)
        return SIZE_MAX;
    const struct pr_idslot *s = slot_of(set, hash_of(id), id);
    return s->id ? s->index : SIZE_MAX;
}

void pr_idset_done(struct pr_idset *set)
{
    pr_free(set->slots);
    *set = (struct pr_idset){0};
}
