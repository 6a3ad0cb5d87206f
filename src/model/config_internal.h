/* The parts of reading config.json, a file each: numbers (config.c), rotary embedding
 * (config_rope.c), sliding windows (config_window.c). */
#ifndef PR_MODEL_CONFIG_INTERNAL_H
#define PR_MODEL_CONFIG_INTERNAL_H

#include "model/config.h"

/* Fills c->rope; needs c->head_dim. */
PR_MUST_CHECK enum pr_code pr_config_rope(
    const json_t *config, struct pr_model_config *c, struct pr_error *e);
/* Fills c->window; needs c->arch and c->n_layers. */
PR_MUST_CHECK enum pr_code pr_config_windows(
    const json_t *config, struct pr_model_config *c, struct pr_error *e);
/* Reads a token id or a list of them (eos_token_id).  Absent: PR_OK, *ret_given false.  null:
 * given, none. */
PR_MUST_CHECK enum pr_code pr_config_token_ids(const json_t *obj, const char *key,
    int32_t ret[PR_MAX_EOS], uint32_t *ret_n, bool *ret_given, struct pr_error *e);

#endif
