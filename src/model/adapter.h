/* A PEFT LoRA adapter: its settings and its tensors, checked against the base they belong to.
 *
 * The pieces: adapter_config.c reads adapter_config.json and refuses by name what is not plain
 * LoRA; adapter_pattern.c matches module names; adapter_tensors.c gives every tensor of the file
 * its place; adapter_base.c finds the base. */
#ifndef PR_MODEL_ADAPTER_H
#define PR_MODEL_ADAPTER_H

#include "model/checkpoint_internal.h"

struct pr_adapter_settings {
    int64_t r;
    double alpha;
    bool rslora, tie_saved;                     /* ensure_weight_tying */
    const char *base, *revision;                /* as the file names them; NULL: not given */
    const json_t *rank_pattern, *alpha_pattern; /* objects or NULL */
    const json_t *modules_to_save;              /* an array or NULL */
    const json_t *target_modules;               /* an array, a string or NULL */
    bool all_layers;                            /* no layers_to_transform, no exclude_modules */
    json_t *root;                               /* owns what is borrowed above */
};

/* PR_E_UNSUPPORTED names the setting that is not plain LoRA.  Unknown settings are noted. */
PR_MUST_CHECK enum pr_code pr_adapter_settings_read(struct pr_folder *f,
    struct pr_adapter_settings *ret, struct pr_notes *notes, struct pr_error *e);
/* As read, from the file's JSON, which it takes over (on failure too). */
PR_MUST_CHECK enum pr_code pr_adapter_settings_parse(
    json_t *root, struct pr_adapter_settings *ret, struct pr_notes *notes, struct pr_error *e);
void pr_adapter_settings_done(struct pr_adapter_settings *s);

/* Does `key`, a key of rank_pattern or alpha_pattern, match the module?  PEFT's rule:
 * re.match("(.*\.)?(key)$", module). */
PR_MUST_CHECK enum pr_code pr_adapter_pattern_match(
    const char *key, const char *module, bool *ret, struct pr_error *e);
/* PR_E_LIMIT where the object has more keys, or more regular expressions among them, than are
 * tried. */
PR_MUST_CHECK enum pr_code pr_adapter_pattern_check(
    const json_t *pattern, const char *name, struct pr_error *e);
/* The number of the first key in `pattern` that matches the module; *ret untouched without one. */
PR_MUST_CHECK enum pr_code pr_adapter_pattern_find(
    const json_t *pattern, const char *module, double *ret, struct pr_error *e);

struct pr_adapter_module {
    char *name; /* "model.layers.0.self_attn.q_proj" */
    struct pr_lora lora;
};
struct pr_adapter_saved {
    char *name; /* "lm_head.weight": the base's name for it */
    const struct pr_tensor *tensor;
};

struct pr_adapter {
    struct pr_adapter_settings settings;
    struct pr_adapter_module *modules; /* sorted by name */
    size_t n_modules, cap_modules;
    struct pr_adapter_saved *saved; /* sorted by name */
    size_t n_saved, cap_saved;
};

/* Gives every tensor of w its place: each must be half of a LoRA pair of the base's shapes, or a
 * replacement of one of the base's tensors; one that is neither is refused by name.  Sets c->tied
 * to what holds with the replacements. */
PR_MUST_CHECK enum pr_code pr_adapter_place(struct pr_adapter *a, const struct pr_weights *w,
    struct pr_model_config *c, struct pr_notes *notes, struct pr_error *e);

/* The folder of the base: options->base_model, else options->bases, else the Hugging Face cache;
 * *ret is the caller's.  A path in adapter_config.json is only a name here: a checkpoint must not
 * decide which files are read.  The error names all three ways. */
PR_MUST_CHECK enum pr_code pr_adapter_find_base(const struct pr_adapter_settings *s,
    const struct pr_checkpoint_options *o, char **ret, struct pr_error *e);

#endif
