/* Strings with ids: one pool of bytes, one array, one open-addressing index. */
#include <string.h>

#include "base/alloc.h"
#include "model/tok_internal.h"

void pr_tok_strings_done(struct pr_tok_strings *s)
{
    pr_free(s->pool);
    pr_free(s->v);
    pr_free(s->slots);
    *s = (struct pr_tok_strings){0};
}

char *pr_tok_strings_room(struct pr_tok_strings *s, size_t bytes)
{
    if (s->pool_cap - s->pool_n < bytes + 1)
        pr_grow((void **)&s->pool, &s->pool_cap, s->pool_n + bytes + 1, 1);
    return s->pool + s->pool_n;
}

void pr_tok_strings_added(struct pr_tok_strings *s, size_t len, int32_t id)
{
    struct pr_tok_entry entry = {(uint32_t)s->pool_n, (uint32_t)len, id};
    PR_PUSH(s->v, s->n, s->cap, entry);
    s->pool_n += len + 1;
}

void pr_tok_strings_add(struct pr_tok_strings *s, const char *text, size_t len, int32_t id)
{
    char *room = pr_tok_strings_room(s, len);
    memcpy(room, text, len);
    room[len] = 0;
    pr_tok_strings_added(s, len, id);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t p = (__uint128_t)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Eight bytes a step.  Not keyed: an adversary could slow one tokenizer of his own making down. */
uint64_t pr_tok_hash(const char *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ n, a, b = 0;
    if (n >= 8) {
        size_t i = 0;
        for (; i + 8 < n; i += 8) {
            memcpy(&a, s + i, 8);
            h = mix(h ^ a, 0xa0761d6478bd642fu);
        }
        memcpy(&a, s + n - 8, 8);
        return mix(h ^ a, 0xe7037ed1a0b428dbu);
    }
    if (n >= 4) {
        uint32_t lo, hi;
        memcpy(&lo, s, 4);
        memcpy(&hi, s + n - 4, 4);
        b = (uint64_t)lo << 32 | hi;
    } else if (n > 0) {
        b = (uint64_t)(unsigned char)s[0] << 16 | (uint64_t)(unsigned char)s[n / 2] << 8 |
            (unsigned char)s[n - 1];
    }
    return mix(h ^ b, 0xe7037ed1a0b428dbu);
}

size_t pr_tok_strings_index(struct pr_tok_strings *s)
{
    size_t cap = 16, kept = 0;
    while (cap < s->n * 2 + 2)
        cap *= 2;
    pr_free(s->slots);
    s->slots = pr_zalloc(cap * sizeof *s->slots);
    s->mask = cap - 1;
    for (size_t i = 0; i < s->n; i++) {
        const char *text = s->pool + s->v[i].off;
        size_t len = s->v[i].len;
        uint64_t h = pr_tok_hash(text, len);
        size_t k = h & s->mask;
        for (; s->slots[k]; k = (k + 1) & s->mask) {
            struct pr_tok_entry *old = &s->v[(uint32_t)s->slots[k] - 1];
            if (s->slots[k] >> 32 == h >> 32 && old->len == len &&
                !memcmp(s->pool + old->off, text, len)) {
                old->id = s->v[i].id; /* the last one counts, as in every JSON reader's map */
                break;
            }
        }
        if (s->slots[k])
            continue;
        s->v[kept] = s->v[i];
        s->slots[k] = h >> 32 << 32 | (uint32_t)(++kept);
    }
    size_t repeated = s->n - kept;
    s->n = kept;
    return repeated;
}

const struct pr_tok_entry *pr_tok_strings_find(
    const struct pr_tok_strings *s, const char *text, size_t len)
{
    if (!s->slots)
        return NULL;
    uint64_t h = pr_tok_hash(text, len);
    for (size_t k = h & s->mask; s->slots[k]; k = (k + 1) & s->mask) {
        const struct pr_tok_entry *e = &s->v[(uint32_t)s->slots[k] - 1];
        if (s->slots[k] >> 32 == h >> 32 && e->len == len && !memcmp(s->pool + e->off, text, len))
            return e;
    }
    return NULL;
}

void pr_tok_strings_put(struct pr_tok_strings *s, const char *text, size_t len, int32_t id)
{
    struct pr_tok_entry *old = (struct pr_tok_entry *)(uintptr_t)pr_tok_strings_find(s, text, len);
    if (old) {
        old->id = id;
        return;
    }
    pr_tok_strings_add(s, text, len, id);
    if (!s->slots || s->n * 2 > s->mask) {
        pr_tok_strings_index(s);
        return;
    }
    uint64_t h = pr_tok_hash(text, len);
    size_t k = h & s->mask;
    while (s->slots[k])
        k = (k + 1) & s->mask;
    s->slots[k] = h >> 32 << 32 | (uint32_t)s->n;
}
