/* What the tests of net share: nets of the fixtures, and batches. */
#ifndef PR_TEST_NET_SUPPORT_H
#define PR_TEST_NET_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "train/net.h"

struct opened {
    struct pr_pool *pool;
    struct pr_checkpoint *checkpoint; /* NULL: a new model */
    struct pr_net *net;
};
/* tests/fixtures/<model>, with `threads` threads; base NULL: not an adapter. */
struct opened open_net(
    const char *model, const char *base, const struct pr_net_options *o, int threads);
/* A new model of a fixture's shape. */
struct opened new_net(const char *model, const struct pr_net_options *o, int threads);
void close_net(struct opened *o);

/* A batch that owns its arrays. */
struct made {
    struct pr_batch b;
    int32_t *ids, *targets;
    uint32_t *starts;
};
/* From {"input_ids","labels","attention_mask"}: padding is not packed. */
struct made batch_of_json(const json_t *batch);
/* Random tokens in sequences of these lengths; about `share` of the targets count. */
struct made batch_of_lengths(
    uint64_t seed, uint32_t vocab, const uint32_t *lengths, uint32_t n, double share);
/* Sequences [first, first + n) of another. */
struct made batch_part(const struct pr_batch *b, uint32_t first, uint32_t n);
void made_done(struct made *m);

struct pr_pass pass(struct opened *o, const struct pr_batch *b, double scale);
/* A copy of all gradients after zeroing them and one pass; pr_free. */
float *gradients_of(
    struct opened *o, const struct pr_batch *b, double scale, size_t *ret_n, double *ret_nll);
const struct pr_param *param(const struct opened *o, const char *name);
json_t *reference_of(const char *model); /* tests/fixtures/reference/<model>.train.json */
/* ‖a − b‖ / ‖b‖ */
double distance(const float *a, const float *b, size_t n);

#endif
