/* Rotary embedding settings: rope_theta and rope_scaling of transformers 4, rope_parameters of 5.
 */
#include <string.h>

#include "model/config_internal.h"

static const struct {
    const char *name;
    enum pr_rope_type type;
} types[] = {
    {"default", PR_ROPE_DEFAULT},
    {"linear", PR_ROPE_LINEAR},
    {"llama3", PR_ROPE_LLAMA3},
};

static enum pr_code read_type(
    const json_t *obj, const char *where, enum pr_rope_type *ret, struct pr_error *e)
{
    const char *name = "default";
    enum pr_code code = pr_json_get_str(obj, "type", false, &name, e);
    if (!code) /* the newer spelling wins, as in transformers */
        code = pr_json_get_str(obj, "rope_type", false, &name, e);
    if (code)
        return pr_wrap(e, code, "'%s'", where);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].name, name)) {
            *ret = types[i].type;
            return PR_OK;
        }
    }
    return pr_fail(e, PR_E_UNSUPPORTED,
        "'%s': rope type '%.40s' is not supported (supported: default, linear, llama3)", where,
        name);
}

static enum pr_code read_llama3(const json_t *obj, struct pr_rope *r, struct pr_error *e)
{
    enum pr_code code =
        pr_json_get_real(obj, "low_freq_factor", true, 1e-6, 1e6, &r->low_freq_factor, e);
    if (!code)
        code = pr_json_get_real(obj, "high_freq_factor", true, 1e-6, 1e6, &r->high_freq_factor, e);
    if (!code)
        code = pr_json_get_real(
            obj, "original_max_position_embeddings", true, 1, 1e9, &r->original_max_position, e);
    if (!code && r->high_freq_factor <= r->low_freq_factor)
        code = pr_fail(e, PR_E_FORMAT,
            "'high_freq_factor' is %g, expected more than low_freq_factor %g", r->high_freq_factor,
            r->low_freq_factor);
    return code;
}

static enum pr_code read_object(
    const json_t *obj, const char *where, struct pr_rope *r, struct pr_error *e)
{
    double part = 1;
    if (!json_is_object(obj))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, an object was expected", where, pr_json_type_name(obj));
    enum pr_code code = read_type(obj, where, &r->type, e);
    if (code)
        return code;
    code = pr_json_get_real(obj, "rope_theta", false, 1, 1e15, &r->theta, e);
    if (!code)
        code = pr_json_get_real(obj, "partial_rotary_factor", false, 0, 1, &part, e);
    if (!code && r->type != PR_ROPE_DEFAULT)
        code = pr_json_get_real(obj, "factor", true, 1e-6, 1e6, &r->factor, e);
    if (!code && r->type == PR_ROPE_LLAMA3)
        code = read_llama3(obj, r, e);
    if (!code && part != 1)
        code = pr_fail(e, PR_E_UNSUPPORTED,
            "'partial_rotary_factor' is %g, only a rotation of the whole head (1) is supported",
            part);
    return code ? pr_wrap(e, code, "'%s'", where) : PR_OK;
}

enum pr_code pr_config_rope(const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    struct pr_rope r = {.type = PR_ROPE_DEFAULT, .theta = 10000, .factor = 1};
    double part = 1;
    enum pr_code code = pr_json_get_real(config, "rope_theta", false, 1, 1e15, &r.theta, e);
    if (!code)
        code = pr_json_get_real(config, "partial_rotary_factor", false, 0, 1, &part, e);
    if (!code && part != 1)
        code = pr_fail(e, PR_E_UNSUPPORTED,
            "'partial_rotary_factor' is %g, only a rotation of the whole head (1) is supported",
            part);
    if (code)
        return code;
    const char *where = "rope_parameters";
    const json_t *obj = json_object_get(config, where);
    if (!obj || json_is_null(obj))
        obj = json_object_get(config, where = "rope_scaling");
    if (json_is_object(obj) && json_is_object(json_object_get(obj, "full_attention")))
        return pr_fail(e, PR_E_UNSUPPORTED,
            "'%s' differs by layer type, only one setting for all layers is supported", where);
    if (obj && !json_is_null(obj) && (code = read_object(obj, where, &r, e)))
        return code;
    c->rope = r;
    return PR_OK;
}
