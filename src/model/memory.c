/* See memory.h. */
#include "model/memory.h"

#include "model/packed.h"

/* As they are packed; and what the embedding's copy takes beyond its own share of them (where the
 * head is the embedding, that share is the head's). */
static uint64_t weight_bytes(const struct pr_checkpoint *c, enum pr_math math)
{
    uint64_t each = math == PR_MATH_F32 ? 4 : 2, share = 0;
    uint64_t copy = pr_packed_copy_bytes(c, math == PR_MATH_BF16);
    if (copy && pr_checkpoint_tensor(c, "lm_head.weight"))
        share = each * pr_checkpoint_tensor(c, "model.embed_tokens.weight")->n;
    return pr_model_config_parameters(pr_checkpoint_config(c)) * each +
           (copy > share ? copy - share : 0);
}

struct pr_model_memory pr_model_memory_of(
    const struct pr_checkpoint *c, enum pr_math math, size_t kv_bytes)
{
    uint64_t weights = weight_bytes(c, math);
    return (struct pr_model_memory){
        weights, kv_bytes ? kv_bytes : pr_engine_default_kv_bytes(weights)};
}
