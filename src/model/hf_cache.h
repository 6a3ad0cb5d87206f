/* The local Hugging Face cache: where a model downloaded by its name lies.  Nothing is downloaded.
 */
#ifndef PR_MODEL_HF_CACHE_H
#define PR_MODEL_HF_CACHE_H

#include <stddef.h>

#include "base/error.h"

/* The snapshot folder of `name` ("Qwen/Qwen3-0.6B") at `revision` (NULL: "main"), from the first of
 * $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub and
 * ~/.cache/huggingface/hub that has it; *ret is the caller's (pr_free).  PR_E_NOT_FOUND says where
 * was looked; PR_E_FORMAT for what can be no name in that cache (a path, "..", …). */
PR_MUST_CHECK enum pr_code pr_hf_cache_find(
    const char *name, const char *revision, char **ret, struct pr_error *e);

/* The folders of the cache in the order in which they are looked at, there or not.  pr_names_free.
 */
void pr_hf_cache_places(char ***ret, size_t *ret_n);

#endif
