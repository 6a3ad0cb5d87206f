/* Grams; see grams.h.  Their hashes are polynomials of the words', so that the next one costs one
 * product more, whatever its length. */
#include "queue/grams.h"

#include <stdbool.h>

#include "base/alloc.h"
#include "queue/words.h"

#define BASE  0x9e3779b97f4a7c15u
#define WHOLE 0x5851f42d4c957f2du /* keeps the hashes of whole texts apart from those of grams */

struct pr_gram_slot {
    uint64_t hash; /* 0: free */
    uint32_t owner;
};

void pr_grams_done(struct pr_grams *g)
{
    pr_free(g->slots);
    pr_free(g->filter);
    *g = (struct pr_grams){0};
}

static struct pr_gram_slot *slot_of(const struct pr_grams *g, uint64_t hash)
{
    size_t i = hash & (g->n_slots - 1);
    while (g->slots[i].hash && g->slots[i].hash != hash)
        i = (i + 1) & (g->n_slots - 1);
    return &g->slots[i];
}

static uint64_t bit_of(const struct pr_grams *g, uint64_t hash)
{
    return hash >> 20 & (g->n_bits - 1);
}

static void set(struct pr_grams *g, uint64_t hash, uint32_t owner)
{
    struct pr_gram_slot *s = slot_of(g, hash);
    uint64_t bit = bit_of(g, hash);
    g->filter[bit / 64] |= (uint64_t)1 << bit % 64;
    if (s->hash)
        return;
    *s = (struct pr_gram_slot){hash, owner};
    g->n++;
}

static void grow(struct pr_grams *g)
{
    struct pr_grams old = *g;
    g->n_slots = old.n_slots ? 2 * old.n_slots : 1024;
    g->slots = pr_zalloc(g->n_slots * sizeof *g->slots);
    g->n_bits = 8 * g->n_slots; /* at least 16 for each gram */
    g->filter = pr_zalloc(g->n_bits / 8);
    g->n = 0;
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i].hash)
            set(g, old.slots[i].hash, old.slots[i].owner);
    pr_grams_done(&old);
}

static void add(struct pr_grams *g, uint64_t hash, uint32_t owner)
{
    if (2 * (g->n + 1) > g->n_slots)
        grow(g);
    set(g, hash ? hash : 1, owner);
}

static bool find(const struct pr_grams *g, uint64_t hash, uint32_t *ret)
{
    hash = hash ? hash : 1;
    uint64_t bit = bit_of(g, hash);
    if (!(g->filter[bit / 64] >> bit % 64 & 1))
        return false;
    const struct pr_gram_slot *s = slot_of(g, hash);
    *ret = s->owner;
    return s->hash;
}

/* BASE^13: what the word that leaves counts. */
static uint64_t leaving(void)
{
    uint64_t x = 1;
    for (int i = 0; i < PR_GRAM_WORDS; i++)
        x *= BASE;
    return x;
}

/* The hash of words that end at `at`, from that of those that ended one before. */
static inline uint64_t roll(uint64_t h, const uint64_t *words, size_t at, uint64_t out)
{
    h = h * BASE + words[at];
    return at >= PR_GRAM_WORDS ? h - words[at - PR_GRAM_WORDS] * out : h;
}

#define MOSTLY (PR_GRAM_WORDS / 2 + 1)

void pr_grams_add(
    struct pr_grams *g, const uint64_t *words, size_t n, size_t answer_at, uint32_t owner)
{
    uint64_t h = 0, out = leaving();
    unsigned plain = 0; /* of the last 13 words */
    for (size_t i = 0; i < n; i++) {
        h = roll(h, words, i, out);
        plain += pr_word_kind(words[i]) == PR_WORD_PLAIN;
        if (i >= PR_GRAM_WORDS)
            plain -= pr_word_kind(words[i - PR_GRAM_WORDS]) == PR_WORD_PLAIN;
        bool in_answer = i + 1 >= answer_at + MOSTLY;
        if (i + 1 >= PR_GRAM_WORDS && (!in_answer || plain >= MOSTLY))
            add(g, pr_mix(h), owner);
    }
}

uint32_t pr_grams_find(const struct pr_grams *g, const uint64_t *words, size_t n, size_t *ret_at)
{
    uint64_t h = 0, out = leaving();
    uint32_t owner;
    for (size_t i = 0; g->n && i < n; i++) {
        h = roll(h, words, i, out);
        if (i + 1 >= PR_GRAM_WORDS && find(g, pr_mix(h), &owner)) {
            *ret_at = i + 1 - PR_GRAM_WORDS;
            return owner;
        }
    }
    return PR_GRAMS_NONE;
}

void pr_grams_add_whole(struct pr_grams *g, const uint64_t *words, size_t n, uint32_t owner)
{
    if (n)
        add(g, pr_words_hash(words, n) ^ WHOLE, owner);
}

uint32_t pr_grams_find_whole(const struct pr_grams *g, const uint64_t *words, size_t n)
{
    uint32_t owner;
    return g->n && n && find(g, pr_words_hash(words, n) ^ WHOLE, &owner) ? owner : PR_GRAMS_NONE;
}
