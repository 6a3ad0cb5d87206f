/* What engine.c (making an engine) and schedule.c (running requests on it) share. */
#ifndef PR_MODEL_ENGINE_INTERNAL_H
#define PR_MODEL_ENGINE_INTERNAL_H

#include "model/engine.h"
#include "model/forward.h"
#include "model/head.h"
#include "model/kv.h"
#include "model/packed.h"

struct pr_engine {
    const struct pr_checkpoint *checkpoint;
    const struct pr_model_config *config;
    enum pr_math math;
    char numerics[PR_NUMERICS_MAX];
    struct pr_pool *pool;
    struct pr_packed weights;
    struct pr_kv kv;
    struct pr_forward forward;
    struct pr_head head;
};

#endif
