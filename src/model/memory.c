/* See memory.h. */
#include "model/memory.h"

struct pr_model_memory pr_model_memory_of(
    const struct pr_checkpoint *c, enum pr_math math, size_t kv_bytes)
{
    uint64_t weights =
        pr_model_config_parameters(pr_checkpoint_config(c)) * (math == PR_MATH_F32 ? 4 : 2);
    return (struct pr_model_memory){
        weights, kv_bytes ? kv_bytes : pr_engine_default_kv_bytes(weights)};
}
