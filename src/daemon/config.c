/* The table of configuration keys, and what is made from it. */
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
#include "daemon/config_yaml.h"
#include "lib/suggest.h"

#define FILE_NAME "proctor.yaml"

enum kind { INT, BOOL, CHOICE, FOLDER, DATE, FOLDER_MAP, VALUE_MAP };

struct key {
    const char *section, *name;
    enum kind kind;
    size_t offset;        /* of the field in struct pr_config */
    const char *fallback; /* as it would stand in the file */
    int64_t min, max;
    const char *choices; /* "f32|bf16|auto" */
    const char *help;
    const char *example; /* for maps: lines of the commented default file */
};

#define AT(field) offsetof(struct pr_config, field)
static const struct key keys[] = {
    {"models", "bases", FOLDER_MAP, AT(bases), NULL, 0, 0, NULL,
        "where the bases of LoRA adapters lie: the name that adapter_config.json gives, and a "
        "folder",
        "Qwen/Qwen3-0.6B: models/qwen3-0.6b"},
    {"models", "current", FOLDER, AT(current), NULL, 0, 0, NULL,
        "folder of the run's checkpoints; without it models/current_model, then current_model",
        NULL},
    {"template", "variables", VALUE_MAP, AT(variables), NULL, 0, 0, NULL,
        "variables passed to every chat template", "enable_thinking: false"},
    {"template", "date", DATE, AT(date), "2026-01-01", 0, 0, NULL,
        "the date that a template's strftime_now shows, fixed so that a grade can be repeated",
        NULL},
    {"eval", "max_new_tokens", INT, AT(max_new_tokens), "512", 1, 1 << 20, NULL,
        "tokens an answer may take before it counts as truncated", NULL},
    {"eval", "dtype", CHOICE, AT(dtype), "auto", 0, 0, "f32|bf16|auto",
        "arithmetic of the model; auto is f32 below 200 million parameters, else bf16", NULL},
    {"eval", "threads", INT, AT(threads), "0", 0, 4096, NULL,
        "threads to compute with; 0 is one for each CPU", NULL},
    {"eval", "allow_commands", BOOL, AT(allow_commands), "false", 0, 0, NULL,
        "may an example's check start a program ({\"command\": […]})?", NULL},
};
#define N_KEYS (sizeof keys / sizeof *keys)

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

/* A folder of the file: relative to the base folder, "~/" is the home folder. */
static char *folder(const char *base_dir, const char *text)
{
    const char *home = getenv("HOME");
    if (!strncmp(text, "~/", 2) && home)
        return pr_path_join(home, text + 2);
    return text[0] == '/' ? pr_strdup(text) : pr_path_join(base_dir, text);
}

/* What is being read, for messages. */
struct place {
    const char *name, *base_dir;
    struct pr_error *e;
};

static enum pr_code expected(
    const struct place *p, const struct key *k, const struct pr_yaml *y, const char *what)
{
    return pr_fail(p->e, PR_E_FORMAT, "%s:%zu: %s.%s: %s was expected", p->name, y->line,
        k->section, k->name, what);
}

static bool word_of(const char *choices, const char *word)
{
    size_t len = strlen(word);
    for (const char *c = choices; len;) {
        size_t n = strcspn(c, "|");
        if (n == len && !memcmp(c, word, n))
            return true;
        if (!c[n])
            break;
        c += n + 1;
    }
    return false;
}

static void replace(char **field, char *value)
{
    pr_free(*field);
    *field = value;
}

static enum pr_code set_int(
    const struct place *p, const struct key *k, const struct pr_yaml *y, int64_t *field)
{
    char what[80];
    json_t *v = pr_yaml_to_json(y);
    bool fits =
        json_is_integer(v) && json_integer_value(v) >= k->min && json_integer_value(v) <= k->max;
    if (fits)
        *field = json_integer_value(v);
    json_decref(v);
    snprintf(what, sizeof what, "a whole number from %lld to %lld", (long long)k->min,
        (long long)k->max);
    return fits ? PR_OK : expected(p, k, y, what);
}

static enum pr_code set_bases(
    const struct place *p, const struct key *k, const struct pr_yaml *y, struct pr_config *c)
{
    for (size_t i = 0; i < y->n; i++)
        if (y->items[i]->type != PR_YAML_SCALAR || !*y->items[i]->text)
            return expected(p, k, y->items[i], "a folder for each name");
    c->bases = pr_zalloc((y->n + 1) * sizeof *c->bases);
    for (size_t i = 0; i < y->n; i++) {
        c->bases[i][0] = pr_strdup(y->items[i]->key);
        c->bases[i][1] = folder(p->base_dir, y->items[i]->text);
    }
    c->n_bases = y->n;
    return PR_OK;
}

static enum pr_code set(
    const struct place *p, const struct key *k, const struct pr_yaml *y, struct pr_config *c)
{
    void *field = (char *)c + k->offset;
    bool scalar = y->type == PR_YAML_SCALAR, plain = scalar && !y->quoted;
    int64_t ms;
    switch (k->kind) {
    case INT:
        return set_int(p, k, y, field);
    case BOOL:
        if (!plain || (strcmp(y->text, "true") && strcmp(y->text, "false")))
            return expected(p, k, y, "true or false");
        *(bool *)field = y->text[0] == 't';
        return PR_OK;
    case CHOICE:
        if (!scalar || !word_of(k->choices, y->text))
            return expected(p, k, y, k->choices);
        replace(field, pr_strdup(y->text));
        return PR_OK;
    case FOLDER:
        if (!scalar || !*y->text)
            return expected(p, k, y, "a folder");
        replace(field, folder(p->base_dir, y->text));
        return PR_OK;
    case DATE:
        if (!scalar || !pr_config_parse_date(y->text, &ms))
            return expected(p, k, y, "a date such as 2026-01-31");
        replace(field, pr_strdup(y->text));
        c->date_given = true;
        return PR_OK;
    case FOLDER_MAP:
        return y->type == PR_YAML_MAP ? set_bases(p, k, y, c)
                                      : expected(p, k, y, "a map of names to folders");
    case VALUE_MAP:
        if (y->type != PR_YAML_MAP)
            return expected(p, k, y, "a map of names to values");
        json_decref(c->variables);
        c->variables = pr_yaml_to_json(y);
        return PR_OK;
    }
    return PR_OK;
}

static enum pr_code unknown(const struct place *p, const char *section, const struct pr_yaml *y)
{
    const char *names[N_KEYS];
    size_t n = 0;
    for (size_t i = 0; i < N_KEYS; i++)
        if (!section)
            names[n++] = keys[i].section;
        else if (!strcmp(keys[i].section, section))
            names[n++] = keys[i].name;
    const char *near = pr_suggest(y->key, names, n);
    return pr_fail(p->e, PR_E_FORMAT, "%s:%zu: unknown key '%s%s%s'%s%s%s", p->name, y->line,
        section ? section : "", section ? "." : "", y->key, near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
}

static enum pr_code read_section(
    const struct place *p, const struct pr_yaml *section, struct pr_config *c)
{
    bool known = false;
    for (size_t k = 0; k < N_KEYS; k++)
        known |= !strcmp(keys[k].section, section->key);
    if (!known)
        return unknown(p, NULL, section);
    if (pr_yaml_is_null(section))
        return PR_OK;
    if (section->type != PR_YAML_MAP)
        return pr_fail(p->e, PR_E_FORMAT, "%s:%zu: '%s' holds keys of its own, indented below it",
            p->name, section->line, section->key);
    for (size_t i = 0; i < section->n; i++) {
        const struct pr_yaml *y = section->items[i];
        size_t k = 0;
        while (
            k < N_KEYS && (strcmp(keys[k].section, section->key) || strcmp(keys[k].name, y->key)))
            k++;
        if (k == N_KEYS)
            return unknown(p, section->key, y);
        enum pr_code code =
            pr_yaml_is_null(y) ? PR_OK : set(p, &keys[k], y, c); /* null: the default */
        if (code)
            return code;
    }
    return PR_OK;
}

static void set_defaults(struct pr_config *c, const char *base_dir)
{
    *c = (struct pr_config){.base_dir = pr_strdup(base_dir), .variables = json_object()};
    for (size_t k = 0; k < N_KEYS; k++) {
        void *field = (char *)c + keys[k].offset;
        const char *text = keys[k].fallback;
        if (keys[k].kind == INT)
            *(int64_t *)field = strtoll(text, NULL, 10);
        else if (keys[k].kind == BOOL)
            *(bool *)field = !strcmp(text, "true");
        else if (text)
            *(char **)field = pr_strdup(text);
    }
}

enum pr_code pr_config_parse(const char *text, size_t n, const char *name, const char *base_dir,
    struct pr_config *ret, struct pr_error *e)
{
    struct place p = {name, base_dir, e};
    struct pr_config c;
    struct pr_yaml *root = NULL;
    enum pr_code code = pr_yaml_parse(text, n, name, &root, e);
    if (code)
        return code;
    set_defaults(&c, base_dir);
    if (root && root->type != PR_YAML_MAP && !pr_yaml_is_null(root))
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
    for (size_t i = 0; i < c->n_bases; i++) {
        pr_free((void *)(uintptr_t)c->bases[i][0]);
        pr_free((void *)(uintptr_t)c->bases[i][1]);
    }
    pr_free(c->bases);
    pr_free(c->base_dir);
    pr_free(c->path);
    pr_free(c->current);
    pr_free(c->date);
    pr_free(c->dtype);
    json_decref(c->variables);
    *c = (struct pr_config){0};
}

void pr_config_default_file(struct pr_str *out)
{
    const char *section = "";
    pr_str_puts(out,
        "# proctor's configuration.  Every key is optional; the values shown are the "
        "defaults or examples.\n# Folders are relative to the one that this file lies in.\n");
    for (size_t k = 0; k < N_KEYS; k++) {
        if (strcmp(section, keys[k].section))
            pr_str_printf(out, "\n%s:\n", section = keys[k].section);
        pr_str_printf(out, "  # %s", keys[k].help);
        if (keys[k].kind == INT)
            pr_str_printf(out, " (%lld to %lld)", (long long)keys[k].min, (long long)keys[k].max);
        if (keys[k].example)
            pr_str_printf(out, "\n  # %s:\n  #   %s\n", keys[k].name, keys[k].example);
        else
            pr_str_printf(out, "\n  # %s: %s\n", keys[k].name,
                keys[k].fallback ? keys[k].fallback : "models/current_model");
    }
}

char *pr_config_base_dir(const char *given)
{
    const char *env = getenv("PROCTOR_BASE_DIR"), *home = getenv("HOME");
    if (given || (env && *env))
        return pr_strdup(given ? given : env);
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
