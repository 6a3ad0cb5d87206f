/* Adapters: the input is adapter_config.json, a zero byte, and the header of
 * adapter_model.safetensors; the base is a small Qwen3. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/adapter.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char base_config[] =
    "{\"model_type\":\"qwen3\",\"hidden_size\":8,\"intermediate_size\":16,\"num_hidden_layers\":2,"
    "\"vocab_size\":32,\"num_attention_heads\":2,\"num_key_value_heads\":1,\"head_dim\":4,"
    "\"tie_word_embeddings\":true}";

static enum pr_code open_weights(const unsigned char *header, size_t n, struct pr_weights *w)
{
    struct pr_safetensors *s;
    struct pr_error e;
    unsigned char *file = pr_zalloc(8 + n);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(file + 8, header, n);
    /* The data's length is whatever the header wants: try the two sizes that the seeds have. */
    enum pr_code code = pr_safetensors_parse(file, 8 + n, 8 + n + 128, "a", &s, &e);
    if (code)
        code = pr_safetensors_parse(file, 8 + n, 8 + n + 1024, "a", &s, &e);
    pr_free(file);
    if (!code)
        PR_PUSH(w->files, w->n_files, w->cap_files, s);
    return code ? code : pr_weights_collect(w, &e);
}

static void place(struct pr_adapter *a, const struct pr_weights *w, struct pr_notes *notes)
{
    struct pr_model_config c;
    struct pr_error e;
    json_t *v;
    enum pr_code code = pr_json_parse(base_config, strlen(base_config), 0, NULL, &v, NULL, &e);
    assert(!code);
    code = pr_model_config_parse(v, &c, NULL, &e);
    assert(!code);
    json_decref(v);
    code = pr_adapter_place(a, w, &c, notes, &e);
    for (size_t i = 0; !code && i < a->n_modules; i++) {
        struct pr_lora l;
        assert(pr_adapter_lora(a, a->modules[i].name, &l));
        assert(l.r && l.a->shape[0] == l.r && l.b->shape[1] == l.r);
    }
    json_decref(pr_adapter_canonical(a));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const unsigned char *zero = memchr(data, 0, size);
    struct pr_adapter *a = pr_zalloc(sizeof *a);
    struct pr_weights w = {0};
    struct pr_notes notes = {0};
    struct pr_error e;
    json_t *v;
    size_t n = zero ? (size_t)(zero - data) : size;
    if (!pr_json_parse((const char *)data, n, PR_JSON_STRICT, NULL, &v, NULL, &e) &&
        !pr_adapter_settings_parse(v, &a->settings, &notes, &e) && zero &&
        !open_weights(zero + 1, size - n - 1, &w))
        place(a, &w, &notes);
    pr_adapter_free(a);
    pr_weights_done(&w);
    pr_notes_done(&notes);
    return 0;
}
