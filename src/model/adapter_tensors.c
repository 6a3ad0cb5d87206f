/* The tensors of adapter_model.safetensors, each in its place: half of a low-rank pair, or a module
 * that was trained whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/adapter.h"

#define PATTERN_NS ((int64_t)10000000000)

#define EMBED "model.embed_tokens.weight"
#define HEAD  "lm_head.weight"

/* What the base has, its head included even where it is tied. */
struct base {
    struct pr_tensor_spec *specs;
    size_t n;
    struct pr_tensor_spec head;
};

static void base_init(struct base *b, const struct pr_model_config *c)
{
    pr_model_config_tensors(c, &b->specs, &b->n);
    b->head = (struct pr_tensor_spec){.name = HEAD, .rank = 2, .shape = {c->vocab, c->hidden}};
}

static const struct pr_tensor_spec *base_find(const struct base *b, const char *name)
{
    return strcmp(name, HEAD) ? pr_tensor_spec_find(b->specs, b->n, name) : &b->head;
}

/* Cuts `tail` off s where it ends so. */
static bool cut_tail(char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    if (n < m || strcmp(s + n - m, tail) != 0)
        return false;
    s[n - m] = 0;
    return true;
}

/* Takes `part` out of s where it is in it. */
static void take_out(char *s, const char *part)
{
    char *at = strstr(s, part);
    if (at)
        memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

static int by_module(const void *a, const void *b)
{
    return strcmp(
        ((const struct pr_adapter_module *)a)->name, ((const struct pr_adapter_module *)b)->name);
}

static int by_saved(const void *a, const void *b)
{
    return strcmp(
        ((const struct pr_adapter_saved *)a)->name, ((const struct pr_adapter_saved *)b)->name);
}

/* Puts t in as A or B of `module`.  The file's tensors come sorted by name, so that both halves of
 * a pair are neighbours. */
static enum pr_code add_half(struct pr_adapter *a, const char *module, const struct pr_tensor *t,
    bool is_b, struct pr_error *e)
{
    struct pr_adapter_module *m = a->n_modules ? &a->modules[a->n_modules - 1] : NULL;
    if (!m || strcmp(m->name, module)) {
        struct pr_adapter_module fresh = {.name = pr_strdup(module)};
        PR_PUSH(a->modules, a->n_modules, a->cap_modules, fresh);
        m = &a->modules[a->n_modules - 1];
    }
    const struct pr_tensor **half = is_b ? &m->lora.b : &m->lora.a;
    if (*half)
        return pr_fail(
            e, PR_E_FORMAT, "tensor '%s' is there twice, as '%s' too", t->name, (*half)->name);
    *half = t;
    return PR_OK;
}

/* A tensor that stands in for one of the base's. */
static enum pr_code add_saved(struct pr_adapter *a, const struct base *b, char *name,
    const struct pr_tensor *t, struct pr_error *e)
{
    static const char *const infixes[] = {
        ".modules_to_save.default", ".modules_to_save", ".base_layer"};
    for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++)
        take_out(name, infixes[i]);
    const struct pr_tensor_spec *spec = base_find(b, name);
    if (!spec)
        return pr_fail(e, PR_E_FORMAT,
            "tensor '%s' is neither lora_A or lora_B of a module of the base nor one of its "
            "tensors",
            t->name);
    enum pr_code code = pr_tensor_check(t, t->name, spec->shape, spec->rank, e);
    if (code)
        return pr_wrap(e, code, "replacing the base's '%s'", name);
    for (size_t i = 0; i < a->n_saved; i++)
        if (!strcmp(a->saved[i].name, name))
            return pr_fail(e, PR_E_FORMAT, "tensor '%s' replaces '%s', as '%s' does already",
                t->name, name, a->saved[i].tensor->name);
    struct pr_adapter_saved s = {.name = pr_strdup(name), .tensor = t};
    PR_PUSH(a->saved, a->n_saved, a->cap_saved, s);
    return PR_OK;
}

static enum pr_code place_one(
    struct pr_adapter *a, const struct base *b, const struct pr_tensor *t, struct pr_error *e)
{
    static const char prefix[] = "base_model.model.";
    if (strncmp(t->name, prefix, strlen(prefix)))
        return pr_fail(
            e, PR_E_FORMAT, "tensor '%s' does not begin with '%s', as PEFT's do", t->name, prefix);
    if (strstr(t->name, ".lora_embedding_") || strstr(t->name, ".lora_magnitude_vector"))
        return pr_fail(e, PR_E_UNSUPPORTED, "tensor '%s': %s is not supported", t->name,
            strstr(t->name, ".lora_embedding_") ? "LoRA on an embedding" : "DoRA");
    char *name = pr_strdup(t->name + strlen(prefix));
    bool is_a = cut_tail(name, ".lora_A.weight") || cut_tail(name, ".lora_A.default.weight");
    bool is_b =
        !is_a && (cut_tail(name, ".lora_B.weight") || cut_tail(name, ".lora_B.default.weight"));
    enum pr_code code = is_a || is_b ? add_half(a, name, t, is_b, e) : add_saved(a, b, name, t, e);
    pr_free(name);
    return code;
}

/* The module's rank and scale by the settings, its halves' shapes by the base's. */
static enum pr_code settle_module(const struct pr_adapter_settings *s, const struct base *b,
    struct pr_adapter_module *m, struct pr_error *e)
{
    struct pr_str weight = PR_STR_INIT(1024);
    pr_str_printf(&weight, "%s.weight", m->name);
    const struct pr_tensor_spec *spec = base_find(b, pr_str_cstr(&weight));
    pr_str_done(&weight);
    if (!spec || spec->rank != 2 || !strcmp(spec->name, EMBED))
        return pr_fail(e, PR_E_FORMAT, "tensor '%s': the base has no linear module '%s'",
            (m->lora.a ? m->lora.a : m->lora.b)->name, m->name);
    if (!m->lora.a || !m->lora.b)
        return pr_fail(
            e, PR_E_FORMAT, "module '%s' has no %s", m->name, m->lora.a ? "lora_B" : "lora_A");
    double r = (double)s->r, alpha = s->alpha;
    enum pr_code code = pr_adapter_pattern_find(s->rank_pattern, m->name, &r, e);
    if (!code)
        code = pr_adapter_pattern_find(s->alpha_pattern, m->name, &alpha, e);
    if (code)
        return code;
    if (!(r >= 1 && r <= 65536) || r != floor(r))
        return pr_fail(e, PR_E_FORMAT,
            "adapter_config.json: the rank of '%s' is %g, expected 1 to 65536", m->name, r);
    const uint64_t in[2] = {(uint64_t)r, spec->shape[1]}, out[2] = {spec->shape[0], (uint64_t)r};
    if ((code = pr_tensor_check(m->lora.a, m->lora.a->name, in, 2, e)) ||
        (code = pr_tensor_check(m->lora.b, m->lora.b->name, out, 2, e)))
        return code;
    m->lora.r = (uint32_t)r;
    m->lora.scale = (float)(alpha / (s->rslora ? sqrt(r) : r));
    return PR_OK;
}

/* Regular expressions from a file may be slow ones: all together get a few seconds. */
static enum pr_code settle_modules(struct pr_adapter *a, const struct base *b, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    int64_t end = pr_clock_monotonic_ns() + PATTERN_NS;
    for (size_t i = 0; i < a->n_modules && !code; i++) {
        code = settle_module(&a->settings, b, &a->modules[i], e);
        if (!code && pr_clock_monotonic_ns() > end)
            code = pr_fail(e, PR_E_LIMIT,
                "adapter_config.json: matching 'rank_pattern' and 'alpha_pattern' takes too long");
    }
    return code;
}

/* Is `module` ("model.embed_tokens") one of modules_to_save?  PEFT compares ends. */
static bool listed(const json_t *modules_to_save, const char *module)
{
    for (size_t i = 0; i < json_array_size(modules_to_save); i++) {
        const char *s = json_string_value(json_array_get(modules_to_save, i));
        size_t n = strlen(s), m = strlen(module);
        if (n <= m && !strcmp(module + m - n, s))
            return true;
    }
    return false;
}

static const struct pr_adapter_saved *saved_find(const struct pr_adapter *a, const char *name)
{
    for (size_t i = 0; i < a->n_saved; i++)
        if (!strcmp(a->saved[i].name, name))
            return &a->saved[i];
    return NULL;
}

/* With a tied base, a head that was trained whole is a head of its own; an embedding that was
 * trained whole as one of modules_to_save is a copy beside the one that the head shares, which
 * stays.  An embedding saved for other reasons replaces both. */
static void settle_tie(const struct pr_adapter *a, struct pr_model_config *c)
{
    if (!c->tied)
        return;
    bool embed_alone = saved_find(a, EMBED) && !a->settings.tie_saved &&
                       listed(a->settings.modules_to_save, "model.embed_tokens");
    if (saved_find(a, HEAD) || embed_alone)
        c->tied = false;
}

/* Modules named in the settings for which the file holds nothing. */
static enum pr_code check_listed(
    const struct pr_adapter *a, const struct base *b, struct pr_notes *notes, struct pr_error *e)
{
    const json_t *list = a->settings.modules_to_save;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        bool in_file = false, in_base = false;
        for (size_t k = 0; k <= b->n; k++) {
            const char *full = k < b->n ? b->specs[k].name : HEAD;
            char *module = pr_strdup(full);
            if (cut_tail(module, ".weight") && strlen(module) >= strlen(s) &&
                !strcmp(module + strlen(module) - strlen(s), s)) {
                in_base = true;
                in_file |= saved_find(a, full) != NULL;
            }
            pr_free(module);
        }
        if (in_base && !in_file)
            return pr_fail(e, PR_E_FORMAT,
                "adapter_config.json: 'modules_to_save' names '%.80s', the file holds no such "
                "tensor",
                s);
        if (!in_base)
            pr_notes_add(notes,
                "adapter_config.json: 'modules_to_save' names '%.80s', the base has no such module",
                s);
    }
    return PR_OK;
}

static void note_untouched(const struct pr_adapter *a, const struct base *b, struct pr_notes *notes)
{
    const json_t *list = a->settings.target_modules;
    size_t missing = 0;
    char first[96] = "";
    for (size_t k = 0; a->settings.all_layers && json_is_array(list) && k < b->n; k++) {
        char *module = pr_strdup(b->specs[k].name);
        struct pr_adapter_module key = {.name = module};
        bool target = false;
        if (cut_tail(module, ".weight") && b->specs[k].rank == 2) {
            for (size_t i = 0; i < json_array_size(list) && !target; i++) {
                const char *s = json_string_value(json_array_get(list, i));
                size_t n = strlen(s), m = strlen(module);
                target =
                    n <= m && !strcmp(module + m - n, s) && (n == m || module[m - n - 1] == '.');
            }
        }
        if (target &&
            (!a->n_modules ||
                !bsearch(&key, a->modules, a->n_modules, sizeof *a->modules, by_module)) &&
            !missing++)
            memcpy(first, b->specs[k].name, sizeof first);
        pr_free(module);
    }
    if (missing)
        pr_notes_add(notes, "%zu of the adapter's target modules have no LoRA tensors, '%s' first",
            missing, first);
}

enum pr_code pr_adapter_place(struct pr_adapter *a, const struct pr_weights *w,
    struct pr_model_config *c, struct pr_notes *notes, struct pr_error *e)
{
    struct base b;
    enum pr_code code = PR_OK;
    base_init(&b, c);
    for (size_t i = 0; i < w->n && !code; i++)
        code = place_one(a, &b, w->by_name[i], e);
    if (!code && !a->n_modules && !a->n_saved)
        code = pr_fail(e, PR_E_FORMAT, "adapter_model.safetensors: there is no tensor in it");
    if (a->n_modules)
        qsort(a->modules, a->n_modules, sizeof *a->modules, by_module);
    if (a->n_saved)
        qsort(a->saved, a->n_saved, sizeof *a->saved, by_saved);
    if (!code)
        code = settle_modules(a, &b, e);
    if (!code)
        code = check_listed(a, &b, notes, e);
    if (!code) {
        note_untouched(a, &b, notes);
        settle_tie(a, c);
    }
    pr_free(b.specs);
    return code;
}
