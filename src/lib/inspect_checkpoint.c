/* Facts of a checkpoint folder. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "lib/inspect.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"

static void put_completeness(const char *path, json_t *doc)
{
    struct pr_error reason, e;
    bool complete;
    if (pr_checkpoint_complete(path, &complete, &reason, &e)) {
        pr_json_set_null(doc, "complete", e.message);
        return;
    }
    pr_json_set_bool(doc, "complete", complete);
    if (!complete)
        pr_json_set_str(doc, "incomplete_reason", reason.message);
}

static void put_origin(const char *path, json_t *doc)
{
    struct pr_checkpoint_origin origin;
    struct pr_error e;
    if (pr_checkpoint_origin(path, &origin, &e)) {
        pr_json_set_null(doc, "step", e.message);
        return;
    }
    if (origin.step >= 0)
        pr_json_set_int(doc, "step", origin.step);
    else
        pr_json_set_null(doc, "step", "neither trainer_state.json nor the folder's name gives one");
    pr_json_set_str(doc, "run", origin.run);
}

static void put_shape(const struct pr_model_config *c, json_t *doc)
{
    json_t *shape = json_object();
    pr_json_set_str(doc, "architecture", c->arch->name);
    pr_json_set_str(doc, "model_type", c->arch->model_type);
    pr_json_set_int(shape, "layers", c->n_layers);
    pr_json_set_int(shape, "hidden", c->hidden);
    pr_json_set_int(shape, "heads", c->n_heads);
    pr_json_set_int(shape, "kv_heads", c->n_kv_heads);
    pr_json_set_int(shape, "head_dim", c->head_dim);
    pr_json_set_int(shape, "intermediate", c->intermediate);
    pr_json_set_int(shape, "vocabulary", c->vocab);
    pr_json_set_int(shape, "max_position", c->max_position);
    pr_json_set_bool(shape, "tied", c->tied);
    pr_json_set(doc, "shape", shape);
}

/* Tensors and their types, from the headers of the folder's files. */
static void put_tensors(const char *path, json_t *doc)
{
    char **names;
    size_t n;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    if (!pr_dir_list(path, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            struct pr_safetensors *s = NULL;
            size_t len = strlen(names[i]);
            if (len < 12 || strcmp(names[i] + len - 12, ".safetensors"))
                continue;
            if (pr_safetensors_open(dir, names[i], false, &s, NULL))
                continue; /* opening the checkpoint says what is wrong with it */
            pr_inspect_add_tensors(doc, s);
            pr_safetensors_free(s);
        }
        pr_names_free(names, n);
    }
    close(dir);
}

/* A checkpoint can be scored by ids without a tokenizer, and by text without a template: what is
 * missing or unusable there is a warning.  A broken tokenizer is refused. */
static enum pr_code put_tokenizer(
    struct pr_checkpoint *c, json_t *doc, struct pr_notes *notes, struct pr_error *e)
{
    const struct pr_tokenizer *t;
    struct pr_error why;
    enum pr_code code = pr_checkpoint_tokenizer(c, &t, &why);
    if (!code)
        pr_json_set_int(doc, "tokenizer_vocabulary", pr_tokenizer_size(t));
    else if (code != PR_E_NOT_FOUND)
        return pr_fail(e, code, "%s", why.message);
    else
        pr_notes_add(notes, "no tokenizer.json: the model takes ids, no text");
    return PR_OK;
}

static void put_template(struct pr_checkpoint *c, json_t *doc, struct pr_notes *notes)
{
    const char *source = pr_checkpoint_template(c);
    struct pr_template *t = NULL;
    struct pr_error why;
    pr_json_set_bool(doc, "chat_template", source != NULL);
    if (source && pr_template_compile(source, strlen(source), &t, &why))
        pr_notes_add(notes, "chat template: %s", why.message);
    pr_template_free(t);
}

static enum pr_code put_opened(struct pr_checkpoint *c, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    json_t *doc = ret->doc;
    char fingerprint[65];
    size_t n_eos;
    const int32_t *eos = pr_checkpoint_eos(c, &n_eos);
    json_t *ends = json_array();
    put_shape(pr_checkpoint_config(c), doc);
    pr_json_set_int(
        doc, "parameters", (int64_t)pr_model_config_parameters(pr_checkpoint_config(c)));
    pr_json_set_bool(doc, "adapter", pr_checkpoint_is_adapter(c));
    for (size_t i = 0; i < n_eos; i++)
        json_array_append_new(ends, json_integer(eos[i]));
    pr_json_set(doc, "eos", ends);
    put_template(c, doc, &ret->notes);
    enum pr_code code = put_tokenizer(c, doc, &ret->notes, e);
    if (!code)
        code = pr_checkpoint_fingerprint(c, options->n_threads, fingerprint, e);
    if (!code)
        pr_json_set_str(doc, "fingerprint", fingerprint);
    return code;
}

enum pr_code pr_inspect_checkpoint(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    struct pr_checkpoint_options co = {.base_model = options->base_model,
        .bases = options->bases,
        .n_bases = options->n_bases,
        .weights = true,
        .scan = true};
    struct pr_checkpoint *c = NULL;
    put_completeness(path, ret->doc);
    put_origin(path, ret->doc);
    put_tensors(path, ret->doc);
    enum pr_code code = pr_checkpoint_open(path, &co, &c, e);
    if (code)
        return code;
    code = put_opened(c, options, ret, e);
    const struct pr_notes *notes = pr_checkpoint_notes(c);
    for (size_t i = 0; i < notes->n; i++)
        pr_notes_add(&ret->notes, "%s", notes->v[i]);
    pr_checkpoint_free(c);
    return code;
}
