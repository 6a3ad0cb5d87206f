/* config.json: what is accepted must be a shape whose sizes can be computed. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "model/config.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(const struct pr_model_config *c)
{
    struct pr_tensor_spec *specs;
    size_t n;
    uint64_t sum = 0;
    assert(c->n_layers <= PR_MAX_LAYERS && c->n_heads % c->n_kv_heads == 0 && c->head_dim % 2 == 0);
    assert(c->rms_eps >= 0 && c->rope.theta > 0);
    pr_model_config_tensors(c, &specs, &n);
    for (size_t i = 0; i < n; i++) {
        sum += specs[i].shape[0] * specs[i].shape[1];
        assert(pr_tensor_spec_find(specs, n, specs[i].name) == &specs[i]);
    }
    assert(sum == pr_model_config_parameters(c));
    pr_free(specs);
    struct pr_str text = PR_STR_INIT(1 << 20);
    json_t *canonical = pr_model_config_canonical(c);
    pr_json_dump_canonical(canonical, &text);
    assert(!text.over && text.len);
    json_decref(canonical);
    pr_str_done(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    json_t *v;
    struct pr_error e;
    struct pr_notes notes = {0};
    struct pr_model_config c;
    if (pr_json_parse((const char *)data, size, PR_JSON_STRICT, "config.json", &v, NULL, &e))
        return 0;
    if (!pr_model_config_parse(v, &c, &notes, &e))
        check(&c);
    json_decref(v);
    pr_notes_done(&notes);
    return 0;
}
