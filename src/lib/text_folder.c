/* The text side of a folder whose config.json is of a model that proctor cannot run, and of a
 * tokenizer.json given by its own name: tokenizer_config.json and chat_template.jinja beside it. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "lib/internal.h"

#define MAX_CONFIG ((size_t)64 << 20)

/* A special token in tokenizer_config.json is a text or an object with its content. */
static json_t *special_text(json_t *v)
{
    if (json_is_object(v))
        v = json_object_get(v, "content");
    return json_is_string(v) ? json_incref(v) : NULL;
}

static json_t *read_specials(const json_t *config)
{
    static const char *const roles[] = {
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
    json_t *specials = json_object();
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        json_t *text = special_text(json_object_get(config, roles[i]));
        if (text)
            json_object_set_new(specials, roles[i], text);
    }
    return specials;
}

/* Reads dir/name when it is there; *ret NULL otherwise. */
static enum pr_code read_text(
    const char *dir, const char *name, char **ret, size_t *ret_n, struct pr_error *e)
{
    char *path = pr_path_join(dir, name);
    enum pr_code code = PR_OK;
    if (pr_path_exists(path))
        code = pr_file_read(AT_FDCWD, path, MAX_CONFIG, ret, ret_n, e);
    pr_free(path);
    return code;
}

static enum pr_code read_config(struct proctor_model *m, const char *dir, struct pr_error *e)
{
    char *text = NULL;
    size_t n = 0;
    json_t *config = NULL;
    enum pr_code code = read_text(dir, "tokenizer_config.json", &text, &n, e);
    if (code || !text)
        return code;
    code = pr_json_parse(text, n, PR_JSON_LENIENT, "tokenizer_config.json", &config, NULL, e);
    pr_free(text);
    if (code)
        return code;
    json_decref(m->specials);
    m->specials = read_specials(config);
    if (!m->template_source)
        m->template_source = pr_template_choose(json_object_get(config, "chat_template"));
    json_decref(config);
    return PR_OK;
}

enum pr_code pr_model_open_tokenizer_alone(
    struct proctor_model *m, const char *path, struct pr_error *e)
{
    bool is_dir = pr_path_is_dir(path);
    const char *slash = strrchr(path, '/');
    char *dir = is_dir  ? pr_strdup(path)
                : slash ? pr_strndup(path, (size_t)(slash - path) + 1)
                        : pr_strdup(".");
    char *file = is_dir ? pr_path_join(dir, "tokenizer.json") : pr_strdup(path);
    size_t n = 0;
    m->specials = json_object();
    /* A folder without tokenizer.json may hold a template all the same. */
    enum pr_code code = is_dir && !pr_path_exists(file)
                            ? PR_OK
                            : pr_tokenizer_open(file, &m->own_tokenizer, NULL, e);
    if (!code)
        code = read_text(dir, "chat_template.jinja", &m->template_source, &n, e);
    if (!code)
        code = read_config(m, dir, e);
    pr_free(file);
    pr_free(dir);
    return code;
}
