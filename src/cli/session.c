/* Options of a command and keys of proctor.yaml, brought together. */
#include "cli/session.h"

#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/term.h"

static int fail(const struct pr_args *a, const struct pr_error *e)
{
    pr_say(a->command->name, "%s", e->message);
    return e->code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
}

static enum pr_code load_config(struct pr_session *s, const struct pr_args *a, struct pr_error *e)
{
    if (!pr_args_has(a, "base-dir"))
        return pr_config_parse("", 0, "", ".", &s->config, e);
    const char *given = pr_args_text(a, "base-dir");
    if (given && !pr_path_is_dir(given))
        return pr_fail(e, PR_E_NOT_FOUND, "--base-dir: %s is no folder", given);
    char *dir = pr_config_base_dir(given);
    enum pr_code code = pr_config_load(dir, &s->config, e);
    pr_free(dir);
    return code;
}

/* NAME=VALUE into vars: JSON where it parses as such, else text. */
static enum pr_code set_variable(json_t *vars, const char *text, struct pr_error *e)
{
    const char *eq = strchr(text, '=');
    if (!eq || eq == text)
        return pr_fail(e, PR_E_USAGE, "--template-var: '%s' is not NAME=VALUE", text);
    json_t *value = NULL;
    if (pr_json_parse(eq + 1, strlen(eq + 1), PR_JSON_ANY, NULL, &value, NULL, NULL))
        value = json_string(eq + 1);
    if (!value)
        return pr_fail(e, PR_E_USAGE, "--template-var: the value of '%s' is not valid UTF-8", text);
    char *name = pr_strndup(text, (size_t)(eq - text));
    int bad = json_object_set_new(vars, name, value);
    pr_free(name);
    return bad ? pr_fail(e, PR_E_USAGE, "--template-var: a name is not valid UTF-8") : PR_OK;
}

static enum pr_code read_variables(
    struct pr_session *s, const struct pr_args *a, bool grading, struct pr_error *e)
{
    if (!pr_args_has(a, "template-var"))
        return PR_OK;
    size_t n;
    const char *const *texts = pr_args_list(a, "template-var", &n);
    json_t *vars = grading ? json_copy(s->config.variables) : json_object();
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        code = set_variable(vars, texts[i], e);
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    if (!code)
        pr_json_dump(vars, 0, 0, &text);
    s->template_vars = pr_str_take(&text);
    s->options.template_vars = code ? NULL : s->template_vars;
    json_decref(vars);
    return code;
}

static enum pr_code read_date(
    struct pr_session *s, const struct pr_args *a, bool grading, struct pr_error *e)
{
    const char *date = pr_args_has(a, "date") ? pr_args_text(a, "date") : NULL;
    if (!date && grading)
        date = s->config.date;
    if (date && !pr_config_parse_date(date, &s->options.now_utc_ms))
        return pr_fail(e, PR_E_USAGE, "--date: '%s' is not a date such as 2026-01-31", date);
    return PR_OK;
}

static enum proctor_dtype dtype_named(const char *name)
{
    return !strcmp(name, "f32") ? PROCTOR_F32 : !strcmp(name, "bf16") ? PROCTOR_BF16 : PROCTOR_AUTO;
}

int pr_session_init(struct pr_session *s, const struct pr_args *a, bool grading)
{
    struct pr_error e;
    *s = (struct pr_session){0};
    pr_interrupt_init_sigbus(); /* what has a session maps weights */
    if (load_config(s, a, &e))
        return fail(a, &e);
    const struct pr_config *c = &s->config;
    struct proctor_options *o = &s->options;
    o->bases = c->bases;
    o->n_bases = c->n_bases;
    if (pr_args_has(a, "base-model"))
        o->base_model = pr_args_text(a, "base-model");
    const char *dtype = pr_args_has(a, "dtype") ? pr_args_text(a, "dtype") : NULL;
    o->dtype = dtype_named(dtype ? dtype : grading ? c->dtype : "auto");
    if (pr_args_has(a, "threads"))
        o->n_threads = (int)pr_args_int(a, "threads", grading ? c->threads : 0);
    if (read_variables(s, a, grading, &e) || read_date(s, a, grading, &e)) {
        pr_session_done(s);
        return fail(a, &e);
    }
    return PR_EXIT_OK;
}

void pr_session_done(struct pr_session *s)
{
    pr_config_done(&s->config);
    pr_free(s->template_vars);
    *s = (struct pr_session){0};
}

struct proctor_model *pr_session_open_text(
    struct pr_session *s, const struct pr_args *a, const char *dir)
{
    struct proctor_model *m = NULL;
    struct pr_error e;
    if (proctor_open_text(dir, &s->options, &m, &e))
        pr_say(a->command->name, "%s", e.message);
    return m;
}

struct proctor_model *pr_session_open(
    struct pr_session *s, const struct pr_args *a, const char *dir)
{
    struct proctor_model *m = NULL;
    struct pr_error e;
    if (proctor_open(dir, &s->options, &m, &e) || proctor_load(m, &e)) {
        pr_say(a->command->name, "%s", e.message);
        proctor_close(m);
        return NULL;
    }
    pr_say(a->command->name, "%s: %s, %.1f M parameters, dtype %s, numerics %s, %d threads",
        proctor_name(m), proctor_architecture(m), (double)proctor_parameters(m) / 1e6,
        proctor_dtype_used(m), proctor_numerics(m), proctor_threads(m));
    return m;
}
