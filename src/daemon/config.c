/* proctor.yaml read, copied and fingerprinted; its keys are in config_keys.c. */
#include "daemon/config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "daemon/config_keys.h"
#include "daemon/config_yaml.h"
#include "lib/suggest.h"
#include "model/engine.h"

#define FILE_NAME "proctor.yaml"

bool pr_config_parse_date(const char *text, int64_t *ret_ms)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
    for (size_t i = 0; i < 2; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, formats[i], &tm);
        if (!end || *end)
            continue;
        struct tm back = tm;
        time_t t = timegm(&back); /* normalises 30 February to March: then it is no date */
        if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon)
            return false;
        *ret_ms = (int64_t)t * 1000;
        return true;
    }
    return false;
}

static enum pr_code unknown(const struct pr_config_place *p, const char *section, const char *name,
    size_t line, enum pr_code code)
{
    const char *names[256];
    size_t n_keys, n = 0;
    const struct pr_config_key *keys = pr_config_keys(&n_keys);
    for (size_t i = 0; i < n_keys && n < 256; i++)
        if (!section)
            names[n++] = keys[i].section;
        else if (!strcmp(keys[i].section, section))
            names[n++] = keys[i].name;
    const char *near = pr_suggest(name, names, n);
    char where[300] = "";
    if (p->name)
        snprintf(where, sizeof where, "%s:%zu: ", p->name, line);
    return pr_fail(p->e, code, "%sunknown key '%s%s%s'%s%s%s", where, section ? section : "",
        section ? "." : "", name, near ? "; did you mean '" : "", near ? near : "",
        near ? "'?" : "");
}

static bool section_known(const char *section)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(keys[i].section, section))
            return true;
    return false;
}

static enum pr_code read_section(
    const struct pr_config_place *p, const struct pr_yaml *section, struct pr_config *c)
{
    if (!section_known(section->key))
        return unknown(p, NULL, section->key, section->line, PR_E_FORMAT);
    if (pr_yaml_is_null(section))
        return PR_OK;
    if (section->type != PR_YAML_MAP)
        return pr_fail(p->e, PR_E_FORMAT, "%s:%zu: '%s' holds keys of its own, indented below it",
            p->name, section->line, section->key);
    for (size_t i = 0; i < section->n; i++) {
        const struct pr_yaml *y = section->items[i];
        const struct pr_config_key *k =
            pr_config_key_find(section->key, strlen(section->key), y->key);
        if (!k)
            return unknown(p, section->key, y->key, y->line, PR_E_FORMAT);
        enum pr_code code =
            pr_yaml_is_null(y) ? PR_OK : pr_config_value_set(p, k, y, c); /* null: the default */
        if (code)
            return code;
    }
    return PR_OK;
}

static enum pr_code set_defaults(struct pr_config *c, const char *base_dir, struct pr_error *e)
{
    struct pr_config_place p = {NULL, e};
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    *c = (struct pr_config){.base_dir = pr_strdup(base_dir)};
    for (size_t i = 0; i < n; i++) {
        enum pr_code code = pr_config_value_set_text(&p, &keys[i], NULL, c);
        if (code)
            return pr_wrap(e, code, "default");
    }
    c->date_given = false;
    return PR_OK;
}

enum pr_code pr_config_parse(const char *text, size_t n, const char *name, const char *base_dir,
    struct pr_config *ret, struct pr_error *e)
{
    struct pr_config_place p = {name, e};
    struct pr_config c;
    struct pr_yaml *root = NULL;
    enum pr_code code = pr_yaml_parse(text, n, name, &root, e);
    if (code)
        return code;
    code = set_defaults(&c, base_dir, e);
    if (!code && root && root->type != PR_YAML_MAP && !pr_yaml_is_null(root))
        code = pr_fail(
            e, PR_E_FORMAT, "%s:%zu: keys were expected, such as 'eval:'", name, root->line);
    for (size_t i = 0; root && i < root->n && !code; i++)
        code = read_section(&p, root->items[i], &c);
    pr_yaml_free(root);
    if (code)
        pr_config_done(&c);
    else
        *ret = c;
    return code;
}

enum pr_code pr_config_load(const char *base_dir, struct pr_config *ret, struct pr_error *e)
{
    char *path = pr_path_join(base_dir, FILE_NAME), *text = NULL;
    size_t n = 0;
    bool there = pr_path_exists(path);
    enum pr_code code = there ? pr_file_read(AT_FDCWD, path, (size_t)1 << 20, &text, &n, e) : PR_OK;
    if (!code)
        code = pr_config_parse(text ? text : "", n, path, base_dir, ret, e);
    pr_free(text);
    if (!code && there)
        ret->path = path;
    else
        pr_free(path);
    return code;
}

void pr_config_done(struct pr_config *c)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    for (size_t i = 0; i < n; i++)
        pr_config_value_done(&keys[i], c);
    pr_free(c->base_dir);
    pr_free(c->path);
    *c = (struct pr_config){0};
}

void pr_config_copy(const struct pr_config *c, struct pr_config *ret)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    *ret = *c;
    for (size_t i = 0; i < n; i++)
        pr_config_value_own(&keys[i], ret);
    ret->base_dir = pr_strdup(c->base_dir);
    ret->path = c->path ? pr_strdup(c->path) : NULL;
}

bool pr_config_same_section(
    const struct pr_config *a, const struct pr_config *b, const char *section)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(keys[i].section, section) && !pr_config_value_same(&keys[i], a, b))
            return false;
    return true;
}

enum pr_code pr_config_set(
    struct pr_config *c, const char *key, const char *value, struct pr_error *e)
{
    struct pr_config_place p = {NULL, e};
    size_t n = strcspn(key, ".");
    const struct pr_config_key *k = key[n] ? pr_config_key_find(key, n, key + n + 1) : NULL;
    if (k)
        return pr_config_value_set_text(&p, k, value, c);
    char *section = pr_strndup(key, n);
    enum pr_code code = key[n] && section_known(section)
                            ? unknown(&p, section, key + n + 1, 0, PR_E_USAGE)
                            : unknown(&p, NULL, section, 0, PR_E_USAGE);
    pr_free(section);
    return code;
}

void pr_config_grading_fingerprint(const struct pr_config *c, char ret[65])
{
    struct pr_str text = PR_STR_INIT((size_t)4 << 20);
    char kernels[64];
    uint8_t digest[PR_SHA256_LEN];
    json_t *v = json_object();
    pr_engine_kernels_id(NULL, kernels, sizeof kernels);
    pr_json_set_int(v, "max_new_tokens", c->max_new_tokens);
    pr_json_set_str(v, "dtype", c->dtype);
    pr_json_set_bool(v, "allow_commands", c->allow_commands);
    pr_json_set_str(v, "date", c->date);
    pr_json_set_str(v, "kernels", kernels);
    json_object_set(v, "variables", c->variables);
    pr_json_dump_canonical(v, &text);
    json_decref(v);
    pr_sha256(pr_str_cstr(&text), text.len, digest);
    pr_sha256_hex(digest, ret);
    pr_str_done(&text);
}

char *pr_config_base_dir(const char *given)
{
    const char *env = getenv("PROCTOR_BASE_DIR"), *home = getenv("HOME");
    if (given || (env && *env))
        return pr_path_absolute(given ? given : env);
    char dir[PATH_MAX];
    for (size_t n = getcwd(dir, sizeof dir) ? strlen(dir) : 0; n;) {
        dir[n] = 0;
        char *path = pr_path_join(dir, FILE_NAME);
        bool found = pr_path_exists(path);
        pr_free(path);
        if (found)
            return pr_strdup(dir);
        while (n && dir[n - 1] != '/')
            n--;
        if (n)
            n--; /* without the slash; the root itself holds no base folder */
    }
    return pr_path_join(home && *home ? home : "/", "TRAINING");
}
