/* Command lines against option tables. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "lib/suggest.h"

#define MAX_OPTIONS (sizeof((struct pr_args *)0)->values / sizeof(char **))

/* Walks argv while options and arguments are told apart. */
struct parser {
    struct pr_args *args;
    const struct pr_command *command;
    int argc, at;
    const char *const *argv;
    struct pr_error *e;
};

static enum pr_code unknown_option(struct parser *p, const char *name, size_t len)
{
    const char *names[MAX_OPTIONS + 1];
    size_t n = 0;
    for (; n < p->command->n_options; n++)
        names[n] = p->command->options[n].name;
    names[n++] = "help";
    char *word = pr_strndup(name, len);
    const char *near = pr_suggest(word, names, n);
    enum pr_code code =
        near ? pr_fail(p->e, PR_E_USAGE, "unknown option --%s; did you mean --%s?", word, near)
             : pr_fail(p->e, PR_E_USAGE,
                   "unknown option --%s; 'proctor help %s' lists those it takes", word,
                   p->command->name);
    pr_free(word);
    return code;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *c = choices; len; c = strchr(c, '|') + 1) {
        size_t n = strcspn(c, "|");
        if (n == len && !memcmp(c, value, n))
            return true;
        if (!c[n])
            break;
    }
    return false;
}

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    *ret = x;
    return *text && *text != ' ' && !*end && !errno;
}

static bool parse_real(const char *text, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return *text && *text != ' ' && !*end && isfinite(*ret);
}

static enum pr_code check_value(const struct pr_option *o, const char *value, struct pr_error *e)
{
    int64_t i;
    double x;
    if (o->kind == PR_OPT_CHOICE && !is_choice(o->arg, value))
        return pr_fail(e, PR_E_USAGE, "--%s: '%s' is not one of %s", o->name, value, o->arg);
    if (o->kind == PR_OPT_INT &&
        (!parse_int(value, &i) || (double)i < o->min || (double)i > o->max))
        return pr_fail(e, PR_E_USAGE, "--%s: '%s' is not a whole number from %.0f to %.0f", o->name,
            value, o->min, o->max);
    if (o->kind == PR_OPT_REAL && (!parse_real(value, &x) || x < o->min || x > o->max))
        return pr_fail(e, PR_E_USAGE, "--%s: '%s' is not a number from %g to %g", o->name, value,
            o->min, o->max);
    if (o->kind == PR_OPT_FILES && !*value)
        return pr_fail(e, PR_E_USAGE, "--%s: an empty name", o->name);
    return PR_OK;
}

static void add_value(struct pr_args *a, size_t option, const char *value)
{
    PR_PUSH(a->values[option], a->n_values[option], a->cap[option], value);
}

/* A word after `--suite FILE` that is one more file: a file that exists, or a name that can only be
 * meant as one.  Folders are left for the command's own arguments. */
static bool is_further_file(const char *word)
{
    if (word[0] == '-' || !*word || pr_path_is_dir(word))
        return false;
    size_t n = strlen(word);
    return pr_path_exists(word) || (n > 6 && !strcmp(word + n - 6, ".jsonl"));
}

static enum pr_code parse_option(struct parser *p, const char *word)
{
    const char *name = word + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name), k;
    const struct pr_command *c = p->command;
    if (len == 4 && !memcmp(name, "help", 4) && !eq) {
        p->args->help = true;
        return PR_OK;
    }
    for (k = 0; k < c->n_options; k++)
        if (strlen(c->options[k].name) == len && !memcmp(c->options[k].name, name, len))
            break;
    if (k == c->n_options)
        return unknown_option(p, name, len);
    const struct pr_option *o = &c->options[k];
    const char *value = eq ? eq + 1 : NULL;
    if (o->kind == PR_OPT_FLAG) {
        if (eq)
            return pr_fail(p->e, PR_E_USAGE, "--%s takes no value", o->name);
        add_value(p->args, k, "");
        return PR_OK;
    }
    if (!eq) {
        if (p->at == p->argc || !strncmp(p->argv[p->at], "--", 2))
            return pr_fail(
                p->e, PR_E_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
        value = p->argv[p->at++];
    }
    enum pr_code code = check_value(o, value, p->e);
    if (code)
        return code;
    add_value(p->args, k, value);
    while (o->kind == PR_OPT_FILES && p->at < p->argc && is_further_file(p->argv[p->at]))
        add_value(p->args, k, p->argv[p->at++]);
    return PR_OK;
}

static enum pr_code check_count(
    const struct pr_args *a, const struct pr_command *c, struct pr_error *e)
{
    if (a->n_positional < c->min_args)
        return pr_fail(
            e, PR_E_USAGE, "an argument is missing: proctor %s %s", c->name, c->arguments);
    if (a->n_positional > c->max_args)
        return pr_fail(e, PR_E_USAGE, "'%s' is one argument too many: proctor %s %s",
            a->positional[c->max_args], c->name, c->arguments);
    return PR_OK;
}

enum pr_code pr_args_parse(struct pr_args *a, const struct pr_command *command, int argc,
    const char *const argv[], struct pr_error *e)
{
    struct parser p = {a, command, argc, 0, argv, e};
    bool only_arguments = false;
    enum pr_code code = PR_OK;
    assert(command->n_options <= MAX_OPTIONS);
    a->command = command;
    while (p.at < argc && !code) {
        const char *word = argv[p.at++];
        if (only_arguments || word[0] != '-' || !word[1])
            PR_PUSH(a->positional, a->n_positional, a->cap_positional, word);
        else if (!strcmp(word, "--"))
            only_arguments = true;
        else if (!strcmp(word, "-h"))
            a->help = true;
        else if (word[1] != '-')
            code = pr_fail(e, PR_E_USAGE, "unknown option %s; options begin with two dashes", word);
        else
            code = parse_option(&p, word);
    }
    if (code || a->help)
        return a->help ? PR_OK : code;
    return check_count(a, command, e);
}

void pr_args_done(struct pr_args *a)
{
    for (size_t i = 0; i < MAX_OPTIONS; i++)
        pr_free(a->values[i]);
    pr_free(a->positional);
    *a = (struct pr_args){0};
}

static size_t find(const struct pr_args *a, const char *name)
{
    size_t k = 0;
    while (k < a->command->n_options && strcmp(a->command->options[k].name, name))
        k++;
    return k;
}

bool pr_args_has(const struct pr_args *a, const char *name)
{
    return find(a, name) < a->command->n_options;
}

static size_t index_of(const struct pr_args *a, const char *name)
{
    size_t k = find(a, name);
    assert(k < a->command->n_options);
    return k;
}

bool pr_args_given(const struct pr_args *a, const char *name)
{
    return a->n_values[index_of(a, name)] > 0;
}

bool pr_args_flag(const struct pr_args *a, const char *name)
{
    return pr_args_given(a, name);
}

const char *pr_args_text(const struct pr_args *a, const char *name)
{
    size_t k = index_of(a, name);
    return a->n_values[k] ? a->values[k][a->n_values[k] - 1] : a->command->options[k].fallback;
}

int64_t pr_args_int(const struct pr_args *a, const char *name, int64_t absent)
{
    const char *text = pr_args_text(a, name);
    int64_t x = absent;
    bool ok = !text || parse_int(text, &x);
    assert(ok);
    return ok ? x : absent;
}

double pr_args_real(const struct pr_args *a, const char *name, double absent)
{
    const char *text = pr_args_text(a, name);
    double x = absent;
    bool ok = !text || parse_real(text, &x);
    assert(ok);
    return ok ? x : absent;
}

const char *const *pr_args_list(const struct pr_args *a, const char *name, size_t *ret_n)
{
    size_t k = index_of(a, name);
    *ret_n = a->n_values[k];
    return a->values[k];
}
