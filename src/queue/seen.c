/* Texts seen; see seen.h. */
#include "queue/seen.h"

#include <string.h>

#include "base/alloc.h"

void pr_seen_done(struct pr_seen *s)
{
    pr_free(s->v);
    pr_free(s->exact);
    pr_free(s->head);
    *s = (struct pr_seen){0};
}

static size_t slot_of(const struct pr_seen *s, uint64_t exact)
{
    size_t i = exact & (s->n_slots - 1);
    while (s->exact[i] && s->v[s->exact[i] - 1].exact != exact)
        i = (i + 1) & (s->n_slots - 1);
    return i;
}

static void grow_slots(struct pr_seen *s)
{
    size_t n = s->n_slots ? 2 * s->n_slots : 1024;
    pr_free(s->exact);
    s->exact = pr_zalloc(n * sizeof *s->exact);
    s->n_slots = n;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = slot_of(s, s->v[i].exact);
        if (!s->exact[at]) /* of equal ones the first stays */
            s->exact[at] = (uint32_t)i + 1;
    }
}

static bool size_fits(const struct pr_seen_text *t, const struct pr_print *p)
{
    double a = t->n_shingles, b = p->n_shingles;
    return a >= PR_PRINT_SIMILAR * b && b >= PR_PRINT_SIMILAR * a;
}

/* Texts whose sketches have another scale are compared by the bands they share: J^5 of 12 is 4 at
 * J = 0.8. */
#define BANDS_SHARED 4
#define MAX_COUNTED  16

struct counts {
    uint32_t text[MAX_COUNTED];
    unsigned n_bands[MAX_COUNTED];
    size_t n;
};

static bool shares_enough(struct counts *c, uint32_t text)
{
    size_t i = 0;
    while (i < c->n && c->text[i] != text)
        i++;
    if (i == MAX_COUNTED)
        return false;
    if (i == c->n) {
        c->text[i] = text;
        c->n_bands[i] = 0;
        c->n++;
    }
    return ++c->n_bands[i] >= BANDS_SHARED;
}

static bool is_near(
    const struct pr_seen_text *t, uint32_t index, const struct pr_print *p, struct counts *counts)
{
    if (t->key != p->key || !size_fits(t, p))
        return false;
    if (t->scale != p->scale)
        return shares_enough(counts, index);
    struct pr_print other = {.n_shingles = t->n_shingles, .scale = t->scale};
    memcpy(other.sketch, t->sketch, sizeof other.sketch);
    return pr_print_similarity(&other, p) >= PR_PRINT_SIMILAR;
}

static const uint32_t *bucket(const struct pr_seen *s, unsigned band, const struct pr_print *p)
{
    size_t n = (size_t)1 << s->buckets;
    return &s->head[band * n + (p->band[band] & (n - 1))];
}

const struct pr_seen_text *pr_seen_find(
    const struct pr_seen *s, const struct pr_print *p, bool *ret_near)
{
    struct counts counts = {.n = 0};
    *ret_near = false;
    if (p->empty || !s->n)
        return NULL;
    uint32_t same = s->exact[slot_of(s, p->exact)];
    if (same)
        return &s->v[same - 1];
    for (unsigned b = 0; b < PR_PRINT_BANDS; b++) {
        uint32_t i = *bucket(s, b, p);
        for (unsigned looks = 0; i && looks < PR_SEEN_LOOKS; looks++) {
            const struct pr_seen_text *t = &s->v[i - 1];
            if (is_near(t, i, p, &counts)) {
                *ret_near = true;
                return t;
            }
            i = t->next[b];
        }
    }
    return NULL;
}

/* Each bucket of a band becomes two; the texts of both stay in their order. */
static void split_band(struct pr_seen *s, unsigned band, const uint32_t *old, uint32_t *new)
{
    size_t n = (size_t)1 << s->buckets;
    for (size_t b = 0; b < n; b++) {
        uint32_t *end[2] = {&new[b], &new[b + n]}, next;
        for (uint32_t i = old[b]; i; i = next) {
            struct pr_seen_text *t = &s->v[i - 1];
            unsigned bit = t->high[band] >> (s->buckets - PR_SEEN_FEW) & 1;
            next = t->next[band];
            *end[bit] = i;
            end[bit] = &t->next[band];
        }
        *end[0] = *end[1] = 0;
    }
}

static void grow_buckets(struct pr_seen *s)
{
    size_t n = (size_t)1 << s->buckets;
    uint32_t *head = pr_zalloc(PR_PRINT_BANDS * 2 * n * sizeof *head);
    for (unsigned b = 0; b < PR_PRINT_BANDS; b++)
        split_band(s, b, s->head + b * n, head + b * 2 * n);
    pr_free(s->head);
    s->head = head;
    s->buckets++;
}

void pr_seen_add(struct pr_seen *s, const struct pr_print *p, uint32_t file, uint32_t line)
{
    if (p->empty || s->n >= UINT32_MAX - 1)
        return;
    if (!s->head) {
        s->buckets = PR_SEEN_FEW;
        s->head = pr_zalloc((PR_PRINT_BANDS << PR_SEEN_FEW) * sizeof *s->head);
    }
    if (s->n >= (size_t)1 << s->buckets && s->buckets < PR_SEEN_MANY)
        grow_buckets(s);
    if (2 * (s->n + 1) > s->n_slots)
        grow_slots(s);
    struct pr_seen_text t = {.exact = p->exact,
        .key = p->key,
        .n_shingles = p->n_shingles,
        .file = file,
        .line = line,
        .scale = p->scale};
    memcpy(t.sketch, p->sketch, sizeof t.sketch);
    uint32_t index = (uint32_t)s->n + 1;
    for (unsigned b = 0; b < PR_PRINT_BANDS; b++) {
        uint32_t *head = (uint32_t *)(uintptr_t)bucket(s, b, p);
        t.next[b] = *head;
        t.high[b] = (uint8_t)(p->band[b] >> PR_SEEN_FEW);
        *head = index;
    }
    PR_PUSH(s->v, s->n, s->cap, t);
    size_t at = slot_of(s, p->exact);
    if (!s->exact[at])
        s->exact[at] = index;
}
