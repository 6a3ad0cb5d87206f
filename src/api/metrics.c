/* The text format, and the state that all metrics are made from. */
#include "api/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/metrics_internal.h"

static const struct pr_metric *const tables[] = {
    pr_metrics_watch, pr_metrics_data, pr_metrics_machine};

/* ---- writing ---- */

/* Of HELP backslash and line feed, of a label's value the quote too. */
static void escape(struct pr_str *out, const char *s, bool quote)
{
    for (; *s; s++) {
        if (*s == '\n')
            pr_str_puts(out, "\\n");
        else if (*s == '\\' || (quote && *s == '"'))
            pr_str_printf(out, "\\%c", *s);
        else
            pr_str_putc(out, *s);
    }
}

/* As few digits as give the same double back. */
static void number(struct pr_str *out, double v)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits += digits == 6 ? 9 : 1) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    pr_str_puts(out, text);
}

static void begin(struct pr_metrics *m)
{
    if (m->begun)
        return;
    m->begun = true;
    pr_str_printf(m->out, "# HELP %s ", m->now->name);
    escape(m->out, m->now->help, false);
    pr_str_printf(m->out, "\n# TYPE %s %s\n", m->now->name, m->now->type);
}

void pr_metrics_sample(struct pr_metrics *m, double value, ...)
{
    va_list args;
    const char *label;
    int n = 0;
    if (!isfinite(value))
        return;
    begin(m);
    pr_str_puts(m->out, m->now->name);
    va_start(args, value);
    while ((label = va_arg(args, const char *))) {
        const char *of = va_arg(args, const char *);
        pr_str_printf(m->out, "%s%s=\"", n++ ? "," : "{", label);
        escape(m->out, of ? of : "", true);
        pr_str_putc(m->out, '"');
    }
    va_end(args);
    pr_str_puts(m->out, n ? "} " : " ");
    number(m->out, value);
    pr_str_putc(m->out, '\n');
}

void pr_metrics_json(
    struct pr_metrics *m, const json_t *value, double unit, const char *label, const char *of)
{
    double v = json_is_number(value)    ? json_number_value(value) * unit
               : json_is_boolean(value) ? json_is_true(value)
                                        : NAN;
    if (label)
        pr_metrics_sample(m, v, label, of, NULL);
    else
        pr_metrics_sample(m, v, NULL);
}

const json_t *pr_metrics_at(const json_t *o, const char *path)
{
    char key[64];
    while (o && *path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        o = json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

double pr_metrics_time(const json_t *v)
{
    struct tm t = {0};
    const char *s = json_string_value(v), *rest = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
    char *end = NULL;
    double part = 0;
    if (rest && *rest == '.')
        part = strtod(rest, &end);
    rest = end ? end : rest;
    return rest && !strcmp(rest, "Z") ? (double)timegm(&t) + part : NAN;
}

/* ---- all of them ---- */

static enum pr_code write_all(struct pr_metrics *m)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct pr_metric *k = tables[t]; k->name; k++) {
            m->now = k;
            m->begun = false;
            if (k->path)
                pr_metrics_json(m, pr_metrics_at(m->state, k->path), k->unit, NULL, NULL);
            enum pr_code code = k->samples ? k->samples(m) : PR_OK;
            if (code)
                return code;
        }
    return m->out->over ? pr_fail(m->e, PR_E_LIMIT, "more than %zu bytes of metrics", m->out->max)
                        : PR_OK;
}

enum pr_code pr_metrics_write(
    const struct pr_api_context *x, struct pr_str *out, struct pr_error *e)
{
    char options[65];
    struct pr_view view;
    struct pr_metrics m = {.x = x, .e = e, .out = out, .state = json_object()};
    enum pr_code code = PR_OK;
    if (x->g) {
        pr_config_grading_fingerprint(x->config, options);
        code = pr_view_open(x->g, &x->config->settings, options, x->now_ms, &view, e);
        m.view = code ? NULL : &view;
    }
    if (!code && !(code = pr_metrics_state(&m)))
        code = write_all(&m);
    if (m.view)
        pr_view_close(m.view);
    json_decref(m.graded);
    json_decref(m.state);
    return code;
}

void pr_metrics_list(struct pr_str *out)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct pr_metric *k = tables[t]; k->name; k++)
            pr_str_printf(out, "| `%s` | %s | %s | %s |\n", k->name, k->type, k->labels, k->help);
}
