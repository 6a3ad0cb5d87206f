/* Do a folder's tensors make the model that its config.json describes? */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "model/checkpoint_internal.h"

#define MAX_NAMED 8 /* odd tensors that are noted one by one; the rest are counted */

static void shape_text(const uint64_t *shape, uint32_t rank, struct pr_str *out)
{
    pr_str_putc(out, '[');
    for (uint32_t i = 0; i < rank; i++)
        pr_str_printf(out, "%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
    pr_str_putc(out, ']');
}

enum pr_code pr_tensor_check(const struct pr_tensor *t, const char *name, const uint64_t *shape,
    uint32_t rank, struct pr_error *e)
{
    if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof *shape) != 0) {
        struct pr_str found = PR_STR_INIT(512), want = PR_STR_INIT(512);
        shape_text(t->shape, t->rank, &found);
        shape_text(shape, rank, &want);
        enum pr_code code = pr_fail(e, PR_E_FORMAT, "tensor '%s' has shape %s, expected %s", name,
            pr_str_cstr(&found), pr_str_cstr(&want));
        pr_str_done(&found);
        pr_str_done(&want);
        return code;
    }
    if (!pr_dtype_is_float(t->dtype))
        return pr_fail(e, PR_E_UNSUPPORTED, "tensor '%s' is %s, expected F32, F16, BF16 or F64",
            name, pr_dtype_name(t->dtype));
    return PR_OK;
}

/* config.json without tie_word_embeddings and weights without a head: older versions of
 * transformers left the key out where it was true, which was their default then. */
static enum pr_code settle_head(const struct pr_weights *w, struct pr_model_config *c,
    struct pr_notes *notes, struct pr_error *e)
{
    bool head = pr_weights_find(w, "lm_head.weight") != NULL;
    if (c->tied && head)
        pr_notes_add(notes, "lm_head.weight is not used: config.json ties it to the embeddings");
    if (c->tied || head)
        return PR_OK;
    if (c->tied_given)
        return pr_fail(
            e, PR_E_FORMAT, "tensor 'lm_head.weight' is missing, 'tie_word_embeddings' is false");
    pr_notes_add(notes,
        "lm_head.weight and 'tie_word_embeddings' are both missing: the head is taken as tied");
    c->tied = true;
    return PR_OK;
}

static bool known_leftover(const char *name)
{
    /* Buffers that older versions saved; not worth a note. */
    const char *tail = ".rotary_emb.inv_freq";
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && !strcmp(name + n - m, tail);
}

static void note_unused(const struct pr_weights *w, const struct pr_tensor_spec *specs, size_t n,
    bool tied, struct pr_notes *notes)
{
    size_t unused = 0;
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->by_name[i]->name;
        if (pr_tensor_spec_find(specs, n, name) || known_leftover(name) ||
            (tied && !strcmp(name, "lm_head.weight")))
            continue;
        if (unused++ < MAX_NAMED)
            pr_notes_add(notes, "tensor '%.200s' is not used", name);
    }
    if (unused > MAX_NAMED)
        pr_notes_add(notes, "%zu more tensors are not used", unused - MAX_NAMED);
}

static void note_f64(const struct pr_weights *w, struct pr_notes *notes)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < w->n; i++) {
        if (w->by_name[i]->dtype == PR_F64) {
            first = first ? first : w->by_name[i]->name;
            n++;
        }
    }
    if (n)
        pr_notes_add(notes, "%zu tensor%s F64 and rounded to F32, '%.200s' first", n,
            n == 1 ? " is" : "s are", first);
}

static enum pr_code missing(const struct pr_weights *w, const char *name, struct pr_error *e)
{
    /* Base models saved without their head lack the prefix: the same tensors by other names. */
    if (!strncmp(name, "model.", 6) && pr_weights_find(w, name + 6))
        return pr_fail(e, PR_E_UNSUPPORTED,
            "tensor '%s' is missing; '%s' is there: a model saved without its language-model head "
            "is "
            "not supported",
            name, name + 6);
    return pr_fail(e, PR_E_FORMAT, "tensor '%s' is missing", name);
}

enum pr_code pr_weights_check(const struct pr_weights *w, struct pr_model_config *c,
    struct pr_notes *notes, struct pr_error *e)
{
    struct pr_tensor_spec *specs;
    size_t n;
    enum pr_code code = PR_OK;
    if (pr_weights_find(w, "model.embed_tokens.weight"))
        code = settle_head(w, c, notes, e);
    if (code)
        return code;
    pr_model_config_tensors(c, &specs, &n);
    for (size_t i = 0; i < n && !code; i++) {
        const struct pr_tensor *t = pr_weights_find(w, specs[i].name);
        code = t ? pr_tensor_check(t, specs[i].name, specs[i].shape, specs[i].rank, e)
                 : missing(w, specs[i].name, e);
    }
    if (!code) {
        note_unused(w, specs, n, c->tied, notes);
        note_f64(w, notes);
    }
    pr_free(specs);
    return code;
}
