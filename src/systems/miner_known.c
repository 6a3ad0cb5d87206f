/* Texts that must not be asked or kept, by the question alone, white space at its ends not
 * counted: one small set. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "systems/miner.h"

struct slot {
    uint8_t digest[PR_SHA256_LEN];
    enum pr_miner_text is; /* PR_MINER_NEW: a free place */
};

struct pr_miner_known {
    struct slot *v; /* open addressing; cap is a power of two */
    size_t n, cap;
};

struct pr_miner_known *pr_miner_known_new(void)
{
    struct pr_miner_known *k = pr_zalloc(sizeof *k);
    k->cap = 1024;
    k->v = pr_zalloc(k->cap * sizeof *k->v);
    return k;
}

void pr_miner_known_free(struct pr_miner_known *k)
{
    if (!k)
        return;
    pr_free(k->v);
    pr_free(k);
}

static void digest_of(const struct pr_example *x, uint8_t ret[PR_SHA256_LEN])
{
    struct pr_text q = x->golden.s ? pr_example_question(x) : x->text;
    size_t n;
    const char *s = pr_utf8_trim(q.s ? q.s : "", q.s ? q.n : 0, &n);
    pr_sha256(s, n, ret);
}

static struct slot *place_of(struct slot *v, size_t cap, const uint8_t digest[PR_SHA256_LEN])
{
    size_t at;
    memcpy(&at, digest, sizeof at);
    for (at &= cap - 1; v[at].is && memcmp(v[at].digest, digest, PR_SHA256_LEN) != 0;)
        at = (at + 1) & (cap - 1);
    return &v[at];
}

static void grow(struct pr_miner_known *k)
{
    struct slot *v = pr_zalloc(2 * k->cap * sizeof *v);
    for (size_t i = 0; i < k->cap; i++)
        if (k->v[i].is)
            *place_of(v, 2 * k->cap, k->v[i].digest) = k->v[i];
    pr_free(k->v);
    k->v = v;
    k->cap *= 2;
}

/* What is protected stays so. */
static void put(struct pr_miner_known *k, const struct pr_example *x, enum pr_miner_text is)
{
    uint8_t digest[PR_SHA256_LEN];
    digest_of(x, digest);
    if (2 * k->n >= k->cap)
        grow(k);
    struct slot *s = place_of(k->v, k->cap, digest);
    k->n += !s->is;
    memcpy(s->digest, digest, sizeof digest);
    s->is = is > s->is ? is : s->is;
}

enum pr_code pr_miner_known_protect(struct pr_miner_known *k, struct pr_view *v, struct pr_error *e)
{
    for (size_t i = 0; i < v->n_suites; i++) {
        const struct pr_suite *s;
        enum pr_code code = pr_view_examples(v, v->suites[i].id, &s, e);
        if (code)
            return code;
        for (size_t j = 0; j < s->n; j++)
            put(k, &s->v[j], PR_MINER_PROTECTED);
    }
    return PR_OK;
}

enum pr_code pr_miner_known_file(struct pr_miner_known *k, const char *path, struct pr_error *e)
{
    const struct pr_suite_options o = {.keep_repeated = true};
    struct pr_suite *s = NULL;
    enum pr_code code = pr_suite_load(&path, 1, &o, &s, e);
    if (code == PR_E_FORMAT) /* nothing in it is an example */
        code = PR_OK;
    for (size_t i = 0; !code && s && i < s->n; i++)
        put(k, &s->v[i], PR_MINER_DOUBLE);
    pr_suite_free(s);
    return code;
}

void pr_miner_known_add(struct pr_miner_known *k, const struct pr_example *x)
{
    put(k, x, PR_MINER_DOUBLE);
}

enum pr_miner_text pr_miner_known_is(const struct pr_miner_known *k, const struct pr_example *x)
{
    uint8_t digest[PR_SHA256_LEN];
    digest_of(x, digest);
    return place_of(k->v, k->cap, digest)->is;
}
