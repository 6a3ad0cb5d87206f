/* Values of configuration keys: from YAML or a command line's text into struct pr_config. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "curriculum/probe.h"
#include "daemon/config_keys.h"
#include "lib/suggest.h"
#include "systems/system.h"

typedef enum pr_code setter(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c);

static void *field_of(const struct pr_config_key *k, struct pr_config *c)
{
    return (char *)c + k->offset;
}

static enum pr_code failed(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, const char *what)
{
    if (!p->name)
        return pr_fail(p->e, PR_E_FORMAT, "%s.%s: %s", k->section, k->name, what);
    return pr_fail(
        p->e, PR_E_FORMAT, "%s:%zu: %s.%s: %s", p->name, y->line, k->section, k->name, what);
}

static enum pr_code expected(
    const struct pr_config_place *p, const struct pr_config_key *k, const struct pr_yaml *y)
{
    struct pr_str what = PR_STR_INIT(1000);
    pr_config_key_expects(k, &what);
    pr_str_puts(&what, " was expected");
    enum pr_code code = failed(p, k, y, pr_str_cstr(&what));
    pr_str_done(&what);
    return code;
}

static bool number(const struct pr_yaml *y, bool whole, double min, double max, double *ret)
{
    json_t *v = y->type == PR_YAML_SCALAR ? pr_yaml_to_json(y) : NULL;
    bool fits = whole ? json_is_integer(v) : json_is_number(v);
    double x = fits ? json_number_value(v) : 0;
    json_decref(v);
    if (!fits || !(x >= min && x <= max))
        return false;
    *ret = x;
    return true;
}

/* Whole numbers stay below 2^53 (the table's limits), so that a double holds them. */
static enum pr_code set_int(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    double x;
    if (!number(y, true, k->min, k->max, &x))
        return expected(p, k, y);
    *(int64_t *)field_of(k, c) = (int64_t)x;
    return PR_OK;
}

static enum pr_code set_real(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    return number(y, false, k->min, k->max, field_of(k, c)) ? PR_OK : expected(p, k, y);
}

static enum pr_code set_bool(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_SCALAR || y->quoted ||
        (strcmp(y->text, "true") && strcmp(y->text, "false")))
        return expected(p, k, y);
    *(bool *)field_of(k, c) = y->text[0] == 't';
    return PR_OK;
}

static void replace(char **field, char *value)
{
    pr_free(*field);
    *field = value;
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

static enum pr_code set_choice(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_SCALAR || !word_of(k->choices, y->text))
        return expected(p, k, y);
    replace(field_of(k, c), pr_strdup(y->text));
    return PR_OK;
}

/* A folder of the file: relative to the base folder, "~/" is the home folder. */
static char *folder(const char *base_dir, const char *text)
{
    const char *home = getenv("HOME");
    if (!strncmp(text, "~/", 2) && home)
        return pr_path_join(home, text + 2);
    return text[0] == '/' ? pr_strdup(text) : pr_path_join(base_dir, text);
}

static enum pr_code set_folder(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_SCALAR || !*y->text)
        return expected(p, k, y);
    replace(field_of(k, c), folder(c->base_dir, y->text));
    return PR_OK;
}

static enum pr_code set_date(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    int64_t ms;
    if (y->type != PR_YAML_SCALAR || !pr_config_parse_date(y->text, &ms))
        return expected(p, k, y);
    replace(field_of(k, c), pr_strdup(y->text));
    c->date_given = true;
    return PR_OK;
}

static enum pr_code set_bases(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_MAP)
        return expected(p, k, y);
    for (size_t i = 0; i < y->n; i++)
        if (y->items[i]->type != PR_YAML_SCALAR || pr_yaml_is_null(y->items[i]))
            return failed(p, k, y->items[i], "a folder for each name was expected");
    pr_config_value_done(k, c);
    c->bases = pr_zalloc((y->n + 1) * sizeof *c->bases);
    for (size_t i = 0; i < y->n; i++) {
        c->bases[i][0] = pr_strdup(y->items[i]->key);
        c->bases[i][1] = folder(c->base_dir, y->items[i]->text);
    }
    c->n_bases = y->n;
    return PR_OK;
}

static void replace_json(json_t **field, json_t *value)
{
    json_decref(*field);
    *field = value;
}

static enum pr_code set_values(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_MAP)
        return expected(p, k, y);
    replace_json(field_of(k, c), pr_yaml_to_json(y));
    return PR_OK;
}

/* The systems' names alone, as they are spelt in C: a file can be checked without linking them. */
static const char *const systems[] = {
#define PR_X(name) #name,
    PR_SYSTEMS(PR_X)
#undef PR_X
};
#define N_SYSTEMS (sizeof systems / sizeof *systems)

static enum pr_code check_system(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, const char *name)
{
    char spelt[N_SYSTEMS][64];
    const char *names[N_SYSTEMS];
    for (size_t i = 0; i < N_SYSTEMS; i++) {
        snprintf(spelt[i], sizeof spelt[i], "%s", systems[i]);
        for (char *c = spelt[i]; (c = strchr(c, '_'));)
            *c = '-';
        if (!strcmp(spelt[i], name))
            return PR_OK;
        names[i] = spelt[i];
    }
    struct pr_str what = PR_STR_INIT(1000);
    const char *near = pr_suggest(name, names, N_SYSTEMS);
    pr_str_printf(&what, "there is no system '%.100s'", name);
    if (near)
        pr_str_printf(&what, "; did you mean '%s'?", near);
    for (size_t i = 0; i < N_SYSTEMS && !near; i++)
        pr_str_printf(&what, "%s%s", i ? ", " : "; known: ", names[i]);
    enum pr_code code = failed(p, k, y, pr_str_cstr(&what));
    pr_str_done(&what);
    return code;
}

static enum pr_code set_systems(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_LIST)
        return expected(p, k, y);
    for (size_t i = 0; i < y->n; i++) {
        enum pr_code code = y->items[i]->type != PR_YAML_SCALAR
                                ? expected(p, k, y->items[i])
                                : check_system(p, k, y->items[i], y->items[i]->text);
        if (code)
            return code;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < y->n; i++)
        json_array_append_new(list, json_string(y->items[i]->text));
    replace_json(field_of(k, c), list);
    return PR_OK;
}

static enum pr_code set_seconds(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_MAP)
        return expected(p, k, y);
    json_t *map = json_object();
    for (size_t i = 0; i < y->n; i++) {
        double x = 0;
        enum pr_code code = check_system(p, k, y->items[i], y->items[i]->key);
        if (!code && !number(y->items[i], true, k->min, k->max, &x))
            code = expected(p, k, y->items[i]);
        if (code) {
            json_decref(map);
            return code;
        }
        json_object_set_new(map, y->items[i]->key, json_integer((json_int_t)x));
    }
    replace_json(field_of(k, c), map);
    return PR_OK;
}

/* A map (what it does not name stays at its default), or all four. */
static enum pr_code set_weights(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    static const char *const names[PR_SCORE_PARTS] = {[PR_SCORE_ACCURACY] = "accuracy",
        [PR_SCORE_LOSS] = "loss",
        [PR_SCORE_CALIBRATION] = "calibration",
        [PR_SCORE_FORMAT] = "format"};
    struct pr_settings s;
    double sum = 0;
    pr_settings_default(&s);
    if (y->type == PR_YAML_SCALAR || (y->type == PR_YAML_LIST && y->n != PR_SCORE_PARTS))
        return expected(p, k, y);
    for (size_t i = 0; i < y->n; i++) {
        size_t part = i;
        if (y->type == PR_YAML_MAP)
            for (part = 0; part < PR_SCORE_PARTS && strcmp(names[part], y->items[i]->key);)
                part++;
        if (part == PR_SCORE_PARTS || !number(y->items[i], false, k->min, k->max, &s.weights[part]))
            return expected(p, k, y->items[i]);
    }
    for (size_t i = 0; i < PR_SCORE_PARTS; i++)
        sum += s.weights[i];
    if (!(sum > 0))
        return expected(p, k, y);
    memcpy(field_of(k, c), s.weights, sizeof s.weights);
    return PR_OK;
}

static enum pr_code set_edges(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    double edges[PR_MAX_BINS + 1] = {0}, many;
    /* How many of equal width; a command line's lone number comes as a list of one. */
    const struct pr_yaml *lone = y->type == PR_YAML_LIST && y->n == 1 ? y->items[0] : y;
    if (number(lone, true, 1, PR_MAX_BINS, &many)) {
        for (size_t i = 0; i <= (size_t)many; i++)
            edges[i] = (double)i / many;
        memcpy(field_of(k, c), edges, sizeof edges);
        c->settings.n_bins = (int64_t)many;
        return PR_OK;
    }
    if (y->type != PR_YAML_LIST || y->n < 2 || y->n > PR_MAX_BINS + 1)
        return expected(p, k, y);
    for (size_t i = 0; i < y->n; i++)
        if (!number(y->items[i], false, k->min, k->max, &edges[i]) ||
            (i && !(edges[i] > edges[i - 1])))
            return expected(p, k, y->items[i]);
    if (edges[0] > 0 || edges[y->n - 1] < 1)
        return expected(p, k, y);
    memcpy(field_of(k, c), edges, sizeof edges);
    c->settings.n_bins = (int64_t)y->n - 1;
    return PR_OK;
}

/* A list of texts; of paths, which are made absolute. */
static enum pr_code set_list(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_LIST)
        return expected(p, k, y);
    for (size_t i = 0; i < y->n; i++)
        if (y->items[i]->type != PR_YAML_SCALAR || !*y->items[i]->text)
            return expected(p, k, y->items[i]);
    json_t *list = json_array();
    for (size_t i = 0; i < y->n; i++) {
        const char *text = y->items[i]->text;
        char *path = k->kind == PR_CONFIG_PATHS ? folder(c->base_dir, text) : pr_strdup(text);
        json_array_append_new(list, json_string(path));
        pr_free(path);
    }
    replace_json(field_of(k, c), list);
    return PR_OK;
}

/* `{order}` without quotes is a map in YAML, and is taken for what is meant. */
static bool argument(const struct pr_yaml *y, struct pr_str *ret)
{
    bool name = y->type == PR_YAML_MAP && y->n == 1 && pr_yaml_is_null(y->items[0]);
    if (name)
        pr_str_printf(ret, "{%s}", y->items[0]->key);
    else if (y->type == PR_YAML_SCALAR)
        pr_str_puts(ret, y->text);
    return (name || y->type == PR_YAML_SCALAR) && !ret->over;
}

/* Said when the file is read, not by the first probe; other commands have other placeholders. */
static enum pr_code check_command(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, const json_t *list)
{
    struct pr_error why;
    size_t n = json_array_size(list);
    const char **argv = pr_zalloc((n + 1) * sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = json_string_value(json_array_get(list, i));
    bool fits = !n || strcmp(k->section, "curriculum") != 0 || !pr_probe_command_check(argv, &why);
    pr_free(argv);
    return fits ? PR_OK : failed(p, k, y, why.message);
}

static enum pr_code set_command(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_LIST ||
        (y->n && (y->items[0]->type != PR_YAML_SCALAR || !*y->items[0]->text)))
        return expected(p, k, y);
    json_t *list = json_array();
    for (size_t i = 0; i < y->n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        bool ok = argument(y->items[i], &text);
        json_array_append_new(list, json_string(pr_str_cstr(&text)));
        pr_str_done(&text);
        if (!ok) {
            json_decref(list);
            return expected(p, k, y->items[i]);
        }
    }
    enum pr_code code = check_command(p, k, y, list);
    if (code)
        json_decref(list);
    else
        replace_json(field_of(k, c), list);
    return code;
}

static enum pr_code set_text(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    if (y->type != PR_YAML_SCALAR || !*y->text || strpbrk(y->text, "\r\n"))
        return expected(p, k, y);
    replace(field_of(k, c), pr_strdup(y->text));
    return PR_OK;
}

static setter *const setters[] = {
    [PR_CONFIG_INT] = set_int,
    [PR_CONFIG_REAL] = set_real,
    [PR_CONFIG_BOOL] = set_bool,
    [PR_CONFIG_CHOICE] = set_choice,
    [PR_CONFIG_FOLDER] = set_folder,
    [PR_CONFIG_DATE] = set_date,
    [PR_CONFIG_FOLDER_MAP] = set_bases,
    [PR_CONFIG_VALUE_MAP] = set_values,
    [PR_CONFIG_SYSTEMS] = set_systems,
    [PR_CONFIG_SECONDS] = set_seconds,
    [PR_CONFIG_WEIGHTS] = set_weights,
    [PR_CONFIG_EDGES] = set_edges,
    [PR_CONFIG_PATHS] = set_list,
    [PR_CONFIG_COMMAND] = set_command,
    [PR_CONFIG_TEXT] = set_text,
    [PR_CONFIG_TEXTS] = set_list,
    [PR_CONFIG_FILE] = set_folder,
};

enum pr_code pr_config_value_set(const struct pr_config_place *p, const struct pr_config_key *k,
    const struct pr_yaml *y, struct pr_config *c)
{
    return setters[k->kind](p, k, y, c);
}

/* "0.5,0.3" and "a, b", as a command line has them, as lists. */
static struct pr_yaml *split(const char *text, const char *at)
{
    struct pr_yaml *list = pr_zalloc(sizeof *list);
    list->type = PR_YAML_LIST;
    for (const char *s = text + strspn(text, at); *s; s += strspn(s, at)) {
        struct pr_yaml *item = pr_zalloc(sizeof *item);
        size_t n = strcspn(s, at);
        item->text = pr_strndup(s, n);
        PR_PUSH(list->items, list->n, list->cap, item);
        s += n;
    }
    return list;
}

enum pr_code pr_config_value_set_text(const struct pr_config_place *p,
    const struct pr_config_key *k, const char *text, struct pr_config *c)
{
    bool list = k->kind == PR_CONFIG_SYSTEMS || k->kind == PR_CONFIG_WEIGHTS ||
                k->kind == PR_CONFIG_EDGES || k->kind == PR_CONFIG_PATHS ||
                k->kind == PR_CONFIG_TEXTS;
    struct pr_yaml *y = NULL;
    enum pr_code code = PR_OK;
    if (!text || !*text)
        text = k->fallback;
    if (!text) { /* no default either: a folder that is not set */
        pr_config_value_done(k, c);
        return PR_OK;
    }
    if (list && !strpbrk(text, "[{"))
        y = split(text, " ,");
    else if (k->kind == PR_CONFIG_COMMAND && text[0] != '[')
        y = split(text, " ");
    else if (list || k->kind == PR_CONFIG_COMMAND || k->kind == PR_CONFIG_FOLDER_MAP ||
             k->kind == PR_CONFIG_VALUE_MAP || k->kind == PR_CONFIG_SECONDS)
        code = pr_yaml_parse(text, strlen(text), k->name, &y, p->e);
    else {
        y = pr_zalloc(sizeof *y);
        y->text = pr_strdup(text);
    }
    if (!code)
        code = y ? pr_config_value_set(p, k, y, c)
                 : failed(p, k, &(struct pr_yaml){.line = 1}, "a value was expected");
    pr_yaml_free(y);
    return code;
}

static bool is_text(const struct pr_config_key *k)
{
    return k->kind == PR_CONFIG_CHOICE || k->kind == PR_CONFIG_FOLDER ||
           k->kind == PR_CONFIG_DATE || k->kind == PR_CONFIG_TEXT || k->kind == PR_CONFIG_FILE;
}

bool pr_config_is_set(const struct pr_config *c, const char *key)
{
    const char *dot = strchr(key, '.');
    const struct pr_config_key *k =
        dot ? pr_config_key_find(key, (size_t)(dot - key), dot + 1) : NULL;
    return k && is_text(k) && *(char *const *)((const char *)c + k->offset);
}

static bool is_json(const struct pr_config_key *k)
{
    return k->kind == PR_CONFIG_VALUE_MAP || k->kind == PR_CONFIG_SYSTEMS ||
           k->kind == PR_CONFIG_SECONDS || k->kind == PR_CONFIG_PATHS ||
           k->kind == PR_CONFIG_COMMAND || k->kind == PR_CONFIG_TEXTS;
}

void pr_config_value_own(const struct pr_config_key *k, struct pr_config *c)
{
    char **text = field_of(k, c);
    json_t **value = field_of(k, c);
    if (is_text(k))
        *text = *text ? pr_strdup(*text) : NULL;
    else if (is_json(k))
        *value = json_deep_copy(*value);
    else if (k->kind == PR_CONFIG_FOLDER_MAP) {
        const char *(*from)[2] = c->bases;
        c->bases = pr_zalloc((c->n_bases + 1) * sizeof *c->bases);
        for (size_t i = 0; i < c->n_bases; i++)
            for (size_t j = 0; j < 2; j++)
                c->bases[i][j] = pr_strdup(from[i][j]);
    }
}

static bool same_reals(const double *a, const double *b, size_t n)
{
    bool same = true;
    for (size_t i = 0; i < n; i++)
        same = same && a[i] == b[i];
    return same;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_bases(const struct pr_config *a, const struct pr_config *b)
{
    bool same = a->n_bases == b->n_bases;
    for (size_t i = 0; same && i < a->n_bases; i++)
        same =
            same_text(a->bases[i][0], b->bases[i][0]) && same_text(a->bases[i][1], b->bases[i][1]);
    return same;
}

bool pr_config_value_same(
    const struct pr_config_key *k, const struct pr_config *a, const struct pr_config *b)
{
    const void *x = (const char *)a + k->offset, *y = (const char *)b + k->offset;
    if (is_text(k))
        return same_text(*(char *const *)x, *(char *const *)y);
    if (is_json(k))
        return *(json_t *const *)x == *(json_t *const *)y ||
               json_equal(*(json_t *const *)x, *(json_t *const *)y);
    switch (k->kind) {
    case PR_CONFIG_INT:
        return *(const int64_t *)x == *(const int64_t *)y;
    case PR_CONFIG_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case PR_CONFIG_REAL:
        return same_reals(x, y, 1);
    case PR_CONFIG_WEIGHTS:
        return same_reals(x, y, PR_SCORE_PARTS);
    case PR_CONFIG_EDGES:
        return a->settings.n_bins == b->settings.n_bins &&
               same_reals(x, y, (size_t)a->settings.n_bins + 1);
    default:
        return same_bases(a, b);
    }
}

void pr_config_value_done(const struct pr_config_key *k, struct pr_config *c)
{
    char **text = field_of(k, c);
    if (is_text(k))
        replace(text, NULL);
    else if (is_json(k))
        replace_json(field_of(k, c), NULL);
    else if (k->kind == PR_CONFIG_FOLDER_MAP) {
        for (size_t i = 0; i < c->n_bases; i++)
            for (size_t j = 0; j < 2; j++)
                pr_free((void *)(uintptr_t)c->bases[i][j]);
        pr_free(c->bases);
        c->bases = NULL;
        c->n_bases = 0;
    }
}
