/* What a checkpoint takes over from the folder that its training started from: read whole at the
 * start and written from memory, because that folder may change or go while the training runs. */
#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "train/save_internal.h"

/* What goes with a model besides its weights and config.json; each may be missing. */
static const struct {
    const char *name;
    size_t max; /* bytes */
} carried[] = {
    {"tokenizer.json", (size_t)512 << 20},
    {"tokenizer_config.json", PR_SAVE_JSON_MAX},
    {"special_tokens_map.json", PR_SAVE_JSON_MAX},
    {"added_tokens.json", PR_SAVE_JSON_MAX},
    {"vocab.json", (size_t)256 << 20},
    {"vocab.txt", (size_t)256 << 20},
    {"merges.txt", (size_t)256 << 20},
    {"tokenizer.model", (size_t)256 << 20},
    {"chat_template.jinja", (size_t)4 << 20},
    {"chat_template.json", (size_t)4 << 20},
};

static enum pr_code carry(struct pr_save_source *s, struct pr_folder *from, const char *name,
    size_t max, struct pr_error *e)
{
    struct pr_save_file file = {.name = name};
    enum pr_code code = pr_folder_read(from, name, max, &file.bytes, &file.n, e);
    if (code)
        return code == PR_E_NOT_FOUND ? PR_OK : code;
    PR_PUSH(s->files, s->n_files, s->cap, file);
    return PR_OK;
}

static enum pr_code read_object(
    struct pr_folder *from, const char *name, json_t **ret, struct pr_error *e)
{
    enum pr_code code = pr_folder_json(from, name, PR_SAVE_JSON_MAX, PR_JSON_STRICT, ret, e);
    if (code || json_is_object(*ret))
        return code;
    return *ret ? pr_fail(e, PR_E_FORMAT, "%s: not an object", name)
                : pr_fail(e, PR_E_NOT_FOUND, "%s: not there", name);
}

/* Beside an adapter's weights, the settings of the one that is continued. */
static enum pr_code read_adapter(
    struct pr_save_source *s, struct pr_folder *from, struct pr_error *e)
{
    static const char name[] = "adapter_config.json";
    if (!pr_folder_has(from, name) || pr_folder_has(from, "model.safetensors") ||
        pr_folder_has(from, "model.safetensors.index.json"))
        return PR_OK;
    return read_object(from, name, &s->adapter, e);
}

static enum pr_code read_all(
    struct pr_save_source *s, struct pr_folder *from, bool adapter, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof carried / sizeof *carried && !code; i++)
        code = carry(s, from, carried[i].name, carried[i].max, e);
    if (code || adapter)
        return code ? code : read_adapter(s, from, e);
    size_t before = s->n_files;
    code = carry(s, from, "generation_config.json", PR_SAVE_JSON_MAX, e);
    s->generation = s->n_files > before;
    return code || s->config ? code : read_object(from, "config.json", &s->config, e);
}

enum pr_code pr_save_source_read(const char *model, const json_t *config, const struct pr_net *net,
    struct pr_save_source **ret, struct pr_error *e)
{
    char place[PATH_MAX];
    struct pr_folder from = {0};
    enum pr_code code = pr_folder_open(model, &from, e);
    if (code)
        return code;
    struct pr_save_source *s = pr_zalloc(sizeof *s);
    s->place = pr_strdup(realpath(model, place) ? place : model);
    s->is_new = config != NULL;
    s->config = json_incref((json_t *)(uintptr_t)config);
    code = read_all(s, &from, pr_save_is_adapter(net), e);
    if (code) {
        pr_wrap(e, code, "%s", from.name);
        pr_save_source_free(s);
    } else {
        *ret = s;
    }
    pr_folder_done(&from);
    return code;
}

void pr_save_source_free(struct pr_save_source *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_files; i++)
        pr_free(s->files[i].bytes);
    pr_free(s->files);
    pr_free(s->place);
    json_decref(s->config);
    json_decref(s->adapter);
    pr_free(s);
}

enum pr_code pr_save_carried(const struct pr_save_source *s, int dir_fd, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < s->n_files && !code; i++)
        code = pr_save_write(dir_fd, s->files[i].name, s->files[i].bytes, s->files[i].n, e);
    return code;
}
