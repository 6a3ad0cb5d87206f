/* How much memory a checkpoint takes once an engine has it that reads no files any more
 * (pr_engine_options.own_weights), without packing anything. */
#ifndef PR_MODEL_MEMORY_H
#define PR_MODEL_MEMORY_H

#include "model/engine.h"

struct pr_model_memory {
    uint64_t weights, kv; /* bytes: as they are packed; the KV cache's budget */
};
/* math: never AUTO (pr_engine_choose says which); kv_bytes: 0 the engine's default. */
struct pr_model_memory pr_model_memory_of(
    const struct pr_checkpoint *c, enum pr_math math, size_t kv_bytes);

#endif
