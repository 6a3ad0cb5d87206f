/* Sources from the configuration. */
#include "daemon/skill_sources.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "net/fetch.h"

#define MAX_ARGUMENTS 64

struct list {
    struct pr_skill_source **v;
    size_t n, cap;
};

void pr_skill_sources_free(struct pr_skill_source **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_source_free(v[i]);
    pr_free(v);
}

struct pr_skill_source *pr_skill_sources_find(
    struct pr_skill_source *const *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(pr_source_name(v[i]), name))
            return v[i];
    return NULL;
}

/* An argument, "./" at its beginning being the base folder. */
static char *argument(const struct pr_config *c, const char *text, size_t n)
{
    char *own = pr_strndup(text, n);
    if (strncmp(own, "./", 2) != 0)
        return own;
    char *path = pr_path_join(c->base_dir, own + 2);
    pr_free(own);
    return path;
}

/* The arguments of a text are parted by spaces; those of a list may hold some.  Returns how many;
 * 0: it is neither. */
static size_t arguments(const struct pr_config *c, const json_t *command, char **argv)
{
    const char *text = json_string_value(command);
    size_t n = 0;
    for (; text && *(text += strspn(text, " ")) && n < MAX_ARGUMENTS; text += strcspn(text, " "))
        argv[n++] = argument(c, text, strcspn(text, " "));
    for (size_t i = 0; i < json_array_size(command) && n < MAX_ARGUMENTS; i++) {
        const json_t *item = json_array_get(command, i);
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(item));
        const char *own = json_is_integer(item) ? number : json_string_value(item);
        if (!own)
            return 0;
        argv[n++] = argument(c, own, strlen(own));
    }
    return n;
}

static enum pr_code check_name(
    const struct list *l, const char *name, const char *key, struct pr_error *e)
{
    enum pr_code code = pr_source_check_name(name, e);
    if (!code && pr_skill_sources_find(l->v, l->n, name))
        code = pr_fail(e, PR_E_USAGE, "'%s' is named twice", name);
    return code ? pr_wrap(e, code, "%s", key) : PR_OK;
}

static enum pr_code add_program(const struct pr_config *c, struct list *l, const char *name,
    const json_t *command, struct pr_error *e)
{
    char *argv[MAX_ARGUMENTS + 1] = {NULL};
    enum pr_code code = check_name(l, name, "skills.programs", e);
    if (!code && (!arguments(c, command, argv) || !*argv[0]))
        code = pr_fail(e, PR_E_FORMAT,
            "skills.programs: '%s': a command was expected, as a text or a list of texts", name);
    if (!code) {
        struct pr_skill_source *s = pr_source_program(
            name, (const char *const *)argv, (int)c->skills.timeout_seconds * 1000);
        PR_PUSH(l->v, l->n, l->cap, s);
    }
    for (size_t i = 0; i < MAX_ARGUMENTS; i++)
        pr_free(argv[i]);
    return code;
}

static enum pr_code add_server(const struct pr_config *c, struct list *l, const char *name,
    const json_t *value, struct pr_error *e)
{
    const char *url = json_string_value(value);
    enum pr_code code = check_name(l, name, "skills.servers", e);
    if (!code) {
        code = url ? pr_fetch_check(url, e) : pr_fail(e, PR_E_FORMAT, "a url was expected");
        if (!code && strpbrk(url, "?#"))
            code = pr_fail(e, PR_E_FORMAT, "'?' and '#' have no place in its url");
        if (code)
            return pr_wrap(e, code, "skills.servers: '%s'", name);
        struct pr_skill_source *s =
            pr_source_server(name, url, (int)c->skills.timeout_seconds * 1000);
        PR_PUSH(l->v, l->n, l->cap, s);
    }
    return code;
}

enum pr_code pr_skill_sources_of(
    const struct pr_config *c, struct pr_skill_source ***ret, size_t *ret_n, struct pr_error *e)
{
    struct list l = {0};
    enum pr_code code = PR_OK;
    const char *name;
    json_t *value;
    json_object_foreach (c->skills.programs, name, value)
        if (!code)
            code = add_program(c, &l, name, value, e);
    json_object_foreach (c->skills.servers, name, value)
        if (!code)
            code = add_server(c, &l, name, value, e);
    if (code) {
        pr_skill_sources_free(l.v, l.n);
        return code;
    }
    *ret = l.v;
    *ret_n = l.n;
    return PR_OK;
}
