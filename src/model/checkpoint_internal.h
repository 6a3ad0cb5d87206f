/* What the files of the checkpoint module share; nobody else includes it.
 *
 * folder.c opens files; checkpoint_weights.c holds the tensors of one folder; checkpoint_text.c
 * reads what surrounds them (tokenizer settings, template, generation settings); adapter.c puts a
 * PEFT adapter over its base; checkpoint.c joins these behind the header.
 */
#ifndef PR_MODEL_CHECKPOINT_INTERNAL_H
#define PR_MODEL_CHECKPOINT_INTERNAL_H

#include "model/checkpoint.h"
#include "model/folder.h"

#define PR_CONFIG_MAX    ((size_t)16 << 20) /* bytes of a JSON file other than the tokenizer */
#define PR_INDEX_MAX     ((size_t)64 << 20)
#define PR_TEMPLATE_MAX  ((size_t)4 << 20)
#define PR_TOKENIZER_MAX ((size_t)512 << 20)
#define PR_MAX_SHARDS    1024

/* The safetensors files of one folder and every tensor in them by name. */
struct pr_weights {
    struct pr_safetensors **files;
    size_t n_files, cap_files;
    const struct pr_tensor **by_name; /* sorted */
    size_t n;
};

/* Opens single (model.safetensors) or, where that is missing and `index` is not NULL, the shards
 * that the index names; maps them when `map`.  Notes what is odd. */
PR_MUST_CHECK enum pr_code pr_weights_open(struct pr_folder *f, const char *single,
    const char *index, bool map, struct pr_weights *ret, struct pr_notes *notes,
    struct pr_error *e);
/* Fills by_name from the files; a name in two of them is PR_E_FORMAT. */
PR_MUST_CHECK enum pr_code pr_weights_collect(struct pr_weights *w, struct pr_error *e);
void pr_weights_done(struct pr_weights *w);
const struct pr_tensor *pr_weights_find(const struct pr_weights *w, const char *name);
/* The names of the shards in an index, sorted and each once; the caller's (pr_names_free).  Names
 * that are not plain are refused. */
PR_MUST_CHECK enum pr_code pr_index_shards(
    const json_t *index, const char *name, char ***ret, size_t *ret_n, struct pr_error *e);

/* Are the tensors those of this shape?  May set c->tied (see tied_given). */
PR_MUST_CHECK enum pr_code pr_weights_check(const struct pr_weights *w, struct pr_model_config *c,
    struct pr_notes *notes, struct pr_error *e);

/* Has t exactly this shape and a float type?  `name` is the model's name for it. */
PR_MUST_CHECK enum pr_code pr_tensor_check(const struct pr_tensor *t, const char *name,
    const uint64_t *shape, uint32_t rank, struct pr_error *e);

/* What surrounds the weights in one folder.  NULL members: the file or key is not there. */
struct pr_texts {
    char *chat_template;
    json_t *specials;   /* role → text; an object, perhaps empty */
    json_t *generation; /* generation_config.json */
    int32_t eos[PR_MAX_EOS];
    uint32_t n_eos;
    bool eos_given; /* by generation_config.json */
};
PR_MUST_CHECK enum pr_code pr_texts_read(
    struct pr_folder *f, struct pr_texts *ret, struct pr_notes *notes, struct pr_error *e);
void pr_texts_done(struct pr_texts *t);

/* PR_OK where the folder is complete; else why not, without the folder's name in front. */
PR_MUST_CHECK enum pr_code pr_folder_complete(struct pr_folder *f, struct pr_error *e);
/* Does it hold a PEFT adapter rather than a model? */
bool pr_folder_is_adapter(const struct pr_folder *f);
/* N of "checkpoint-N", else -1. */
int64_t pr_checkpoint_step_of(const char *name);

struct pr_adapter; /* adapter.h */
/* Opens c->folder as an adapter: fills c->adapter, c->base and what follows from them.  What it
 * left half done goes with pr_checkpoint_free. */
PR_MUST_CHECK enum pr_code pr_adapter_open(
    struct pr_checkpoint *c, const struct pr_checkpoint_options *o, struct pr_error *e);
void pr_adapter_free(struct pr_adapter *a);
/* The adapter's replacement of one of the base's tensors, or NULL. */
const struct pr_tensor *pr_adapter_tensor(const struct pr_adapter *a, const char *name);
bool pr_adapter_lora(const struct pr_adapter *a, const char *module, struct pr_lora *ret);
/* The settings that decide what it computes, for the fingerprint.  A new reference. */
json_t *pr_adapter_canonical(const struct pr_adapter *a);

struct pr_checkpoint {
    struct pr_folder folder;
    struct pr_notes notes, bad_weights;
    bool has_config, has_weights;
    struct pr_model_config config;
    struct pr_weights weights;
    struct pr_texts texts;
    struct pr_tokenizer *tokenizer; /* opened on first use */
    /* PEFT: both or neither. */
    struct pr_checkpoint *base;
    struct pr_adapter *adapter;
    struct pr_stop stop;
    char fingerprint[65]; /* once it was computed; "" before */
};

#endif
