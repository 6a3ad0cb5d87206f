/* Where an adapter's base lies. */
#include <string.h>

#include "base/alloc.h"
#include "model/adapter.h"
#include "model/hf_cache.h"

enum pr_code pr_adapter_find_base(const struct pr_adapter_settings *s,
    const struct pr_checkpoint_options *o, char **ret, struct pr_error *e)
{
    struct pr_error why;
    if (o->base_model) {
        *ret = pr_strdup(o->base_model);
        return PR_OK;
    }
    for (size_t i = 0; s->base && i < o->n_bases; i++) {
        if (!strcmp(o->bases[i][0], s->base)) {
            *ret = pr_strdup(o->bases[i][1]);
            return PR_OK;
        }
    }
    if (s->base && !pr_hf_cache_find(s->base, s->revision, ret, &why))
        return PR_OK;
    /* A checkpoint may come from anywhere: it does not decide which folder of this machine is read.
     */
    if (s->base && s->base[0] == '/')
        return pr_fail(e, PR_E_NOT_FOUND,
            "adapter_config.json: the base model is the folder '%.200s': a path that a checkpoint "
            "names is followed only when you name it too, with --base-model, or under models.bases "
            "in proctor.yaml",
            s->base);
    return pr_fail(e, PR_E_NOT_FOUND,
        "adapter_config.json: the base model '%.200s' was not found: name its folder with "
        "--base-model, "
        "or under models.bases in proctor.yaml, or have it in the Hugging Face cache%s%s",
        s->base ? s->base : "(none named)", s->base ? ": " : "", s->base ? why.message : "");
}
