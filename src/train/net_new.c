/* First values that no checkpoint gives: of a new model, and of a new LoRA's A. */
#include "base/rng.h"
#include "train/net_internal.h"

void pr_net_make_up(const struct pr_net_source *src, uint64_t seed, float *value, size_t count)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < count; i++) {
        switch (src->rule) {
        case NET_NORMAL:
            value[i] = (float)(src->width * pr_rng_normal(&rng));
            break;
        case NET_UNIFORM:
            value[i] = (float)(src->width * (2 * pr_rng_double(&rng) - 1));
            break;
        case NET_ONE:
            value[i] = 1;
            break;
        case NET_ZERO:
            value[i] = 0;
            break;
        }
    }
}
