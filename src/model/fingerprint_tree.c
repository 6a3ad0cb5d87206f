/* The tree of hashes over tensors: blocks in parallel, then each tensor, then all of them. */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "model/fingerprint.h"

enum { LEAF = 0, TENSOR = 1, WEIGHTS = 2 }; /* first byte of what is hashed at each level */

struct leaf {
    size_t tensor;
    uint64_t at;
    uint8_t digest[PR_SHA256_LEN];
};

struct job {
    const struct pr_tensor *const *tensors;
    struct leaf *leaves;
    const struct pr_weights *files;
    const struct pr_stop *stop;
    atomic_bool stopped; /* a leaf was left out */
};

static struct pr_sha256 *begin(uint8_t level)
{
    struct pr_sha256 *h = pr_sha256_new();
    pr_sha256_update(h, &level, 1);
    return h;
}

static void hash_leaf(void *ctx, size_t i, int thread)
{
    (void)thread;
    struct job *j = ctx;
    struct leaf *l = &j->leaves[i];
    const struct pr_tensor *t = j->tensors[l->tensor];
    uint64_t left = t->bytes - l->at;
    size_t n = left < PR_FINGERPRINT_BLOCK ? (size_t)left : PR_FINGERPRINT_BLOCK;
    const unsigned char *data = (const unsigned char *)t->data + l->at;
    if (pr_stop_asked(j->stop)) {
        atomic_store(&j->stopped, true);
        return;
    }
    struct pr_sha256 *h = begin(LEAF);
    pr_sha256_update(h, data, n);
    pr_sha256_final(h, l->digest);
    for (size_t k = 0; j->files && k < j->files->n_files; k++)
        pr_safetensors_drop(j->files->files[k], data, n);
    pr_fault_point(PR_FAULT_LOAD_HASHED);
}

static void put_number(struct pr_sha256 *h, uint64_t x, size_t bytes)
{
    uint8_t le[8];
    for (size_t i = 0; i < bytes; i++)
        le[i] = (uint8_t)(x >> 8 * i);
    pr_sha256_update(h, le, bytes);
}

static void put_text(struct pr_sha256 *h, const char *s)
{
    put_number(h, strlen(s), 4);
    pr_sha256_update(h, s, strlen(s));
}

/* Name, type, shape and the digest over the tensor's leaves; returns how many leaves it had. */
static size_t put_tensor(struct pr_sha256 *h, const struct pr_tensor *t, const struct leaf *leaves)
{
    size_t n = (size_t)((t->bytes + PR_FINGERPRINT_BLOCK - 1) / PR_FINGERPRINT_BLOCK);
    uint8_t digest[PR_SHA256_LEN];
    struct pr_sha256 *tensor = begin(TENSOR);
    for (size_t i = 0; i < n; i++)
        pr_sha256_update(tensor, leaves[i].digest, PR_SHA256_LEN);
    pr_sha256_final(tensor, digest);
    put_text(h, t->name);
    put_text(h, pr_dtype_name(t->dtype));
    put_number(h, t->rank, 4);
    for (uint32_t i = 0; i < t->rank; i++)
        put_number(h, t->shape[i], 8);
    pr_sha256_update(h, digest, PR_SHA256_LEN);
    return n;
}

bool pr_fingerprint_tensors(const struct pr_tensor *const *tensors, size_t n,
    const struct pr_weights *files, struct pr_pool *pool, const struct pr_stop *stop,
    uint8_t ret[PR_SHA256_LEN])
{
    struct job j = {.tensors = tensors, .files = files, .stop = stop};
    size_t n_leaves = 0, cap = 0, done = 0;
    for (size_t i = 0; i < n; i++) {
        for (uint64_t at = 0; at < tensors[i]->bytes; at += PR_FINGERPRINT_BLOCK) {
            struct leaf l = {.tensor = i, .at = at};
            PR_PUSH(j.leaves, n_leaves, cap, l);
        }
    }
    if (pool)
        pr_pool_run(pool, n_leaves, hash_leaf, &j);
    for (size_t i = 0; !pool && i < n_leaves; i++)
        hash_leaf(&j, i, 0);
    struct pr_sha256 *h = begin(WEIGHTS);
    for (size_t i = 0; i < n; i++)
        done += put_tensor(h, tensors[i], j.leaves + done);
    pr_sha256_final(h, ret);
    pr_free(j.leaves);
    return !atomic_load(&j.stopped);
}
