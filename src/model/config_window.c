/* Sliding windows: how many keys each layer's queries see, as transformers decides it. */
#include <string.h>

#include "model/config_internal.h"

/* "sliding_window": absent is the class's default, null is none (0). */
static enum pr_code read_window(
    const json_t *config, const struct pr_arch *arch, uint32_t *ret, struct pr_error *e)
{
    const json_t *v = json_object_get(config, "sliding_window");
    int64_t x = v ? 0 : arch->default_window;
    enum pr_code code = pr_json_get_int(config, "sliding_window", false, 1, INT32_MAX, &x, e);
    if (!code)
        *ret = (uint32_t)x;
    return code;
}

static enum pr_code read_layer_types(
    const json_t *types, uint32_t window, struct pr_model_config *c, struct pr_error *e)
{
    if (!json_is_array(types) || json_array_size(types) != c->n_layers)
        return pr_fail(e, PR_E_FORMAT, "'layer_types' is not an array of %u strings, one a layer",
            c->n_layers);
    for (uint32_t i = 0; i < c->n_layers; i++) {
        const char *name = json_string_value(json_array_get(types, i));
        if (name && !strcmp(name, "full_attention")) {
            c->window[i] = 0;
        } else if (name && !strcmp(name, "sliding_attention")) {
            if (!window)
                return pr_fail(e, PR_E_FORMAT,
                    "'layer_types'[%u] is sliding_attention, but 'use_sliding_window' is not true "
                    "or "
                    "'sliding_window' is not a number",
                    i);
            c->window[i] = window;
        } else {
            return pr_fail(e, name ? PR_E_UNSUPPORTED : PR_E_FORMAT,
                "'layer_types'[%u] is '%.40s', expected full_attention or sliding_attention", i,
                name ? name : pr_json_type_name(json_array_get(types, i)));
        }
    }
    return PR_OK;
}

/* Qwen2 and Qwen3: off unless use_sliding_window; then layers from max_window_layers on, or those
 * that layer_types names. */
static enum pr_code read_layer_windows(
    const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    bool use = false;
    uint32_t window = 0;
    int64_t first = c->arch->default_window_layer;
    enum pr_code code = pr_json_get_bool(config, "use_sliding_window", false, &use, e);
    if (!code && use)
        code = read_window(config, c->arch, &window, e);
    if (!code)
        code = pr_json_get_int(config, "max_window_layers", false, 0, INT32_MAX, &first, e);
    if (code)
        return code;
    const json_t *types = json_object_get(config, "layer_types");
    if (types && !json_is_null(types))
        return read_layer_types(types, window, c, e);
    for (uint32_t i = 0; i < c->n_layers; i++)
        c->window[i] = i >= first ? window : 0;
    return PR_OK;
}

enum pr_code pr_config_windows(const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    memset(c->window, 0, sizeof c->window);
    if (c->arch->layer_window_keys)
        return read_layer_windows(config, c, e);
    if (!c->arch->sliding_window_key)
        return PR_OK;
    uint32_t window = 0;
    enum pr_code code = read_window(config, c->arch, &window, e);
    if (code)
        return code;
    for (uint32_t i = 0; i < c->n_layers; i++)
        c->window[i] = window;
    return PR_OK;
}
