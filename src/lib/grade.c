/* Suites and grades, as texts of JSON. */
#include <string.h>

#include "base/alloc.h"
#include "exam/grade.h"
#include "exam/suite.h"
#include "lib/internal.h"

char *pr_json_take_text(json_t *doc)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 32);
    pr_json_dump(doc, 0, 0, &text);
    json_decref(doc);
    return pr_str_take(&text);
}

enum pr_code proctor_suite_open(const char *const *paths, size_t n_paths,
    const struct proctor_suite_options *options, struct proctor_suite **ret, struct pr_error *e)
{
    struct pr_suite_options so = {0};
    struct pr_suite *suite = NULL;
    if (options)
        so = (struct pr_suite_options){.name = options->name,
            .samples = options->samples,
            .allow_commands = options->allow_commands};
    enum pr_code code = pr_suite_load(paths, n_paths, &so, &suite, e);
    if (code) {
        pr_suite_free(suite);
        return code;
    }
    *ret = pr_zalloc(sizeof **ret);
    (*ret)->suite = suite;
    return PR_OK;
}

void proctor_suite_close(struct proctor_suite *s)
{
    if (s)
        pr_suite_free(s->suite);
    pr_free(s);
}

const char *proctor_suite_name(const struct proctor_suite *s)
{
    return s->suite->name;
}

size_t proctor_suite_size(const struct proctor_suite *s)
{
    return s->suite->n;
}

enum pr_code proctor_suite_report(const struct proctor_suite *s, char **ret, struct pr_error *e)
{
    (void)e;
    *ret = pr_json_take_text(pr_suite_json(s->suite));
    return PR_OK;
}

static int on_grade(void *ctx, const struct pr_grade *g)
{
    const struct proctor_grade_options *o = ctx;
    char *line = pr_json_take_text(pr_grade_line(g));
    int stop = o->example(o->ctx, line);
    pr_free(line);
    return stop;
}

static int on_progress(void *ctx, const struct pr_grade_progress *p)
{
    const struct proctor_grade_options *o = ctx;
    return o->progress(o->ctx, p->tokens_done, p->tokens_total, p->examples_done);
}

enum pr_code proctor_grade(struct proctor_model *m, const struct proctor_suite *s,
    const struct proctor_grade_options *options, struct proctor_grades **ret, struct pr_error *e)
{
    struct proctor_grade_options o = {0};
    struct pr_grades *grades = NULL;
    if (options)
        o = *options;
    struct pr_grade_options go = {.max_new_tokens = o.max_new_tokens,
        .n_threads = m->n_threads,
        .prompt = {.template_vars = m->template_vars, .now_utc_ms = m->now_utc_ms},
        .on_grade = o.example ? on_grade : NULL,
        .on_progress = o.progress ? on_progress : NULL,
        .ctx = &o};
    enum pr_code code = proctor_load(m, e);
    if (!code)
        code = pr_grade_suite(m->checkpoint, m->engine, s->suite, &go, &grades, e);
    if (code)
        return code;
    *ret = pr_zalloc(sizeof **ret);
    (*ret)->grades = grades;
    return PR_OK;
}

void proctor_grades_free(struct proctor_grades *g)
{
    if (g)
        pr_grades_free(g->grades);
    pr_free(g);
}

size_t proctor_grades_count(const struct proctor_grades *g)
{
    return g->grades->n;
}

enum pr_code proctor_grades_document(const struct proctor_grades *g, char **ret, struct pr_error *e)
{
    json_t *doc = NULL;
    enum pr_code code = pr_grades_document(g->grades, &doc, e);
    if (!code)
        *ret = pr_json_take_text(doc);
    return code;
}

static void put_text(json_t *doc, const char *key, struct pr_text text)
{
    if (text.s)
        pr_json_set_strn(doc, key, text.s, text.n);
    else
        pr_json_set(doc, key, json_null());
}

enum pr_code proctor_grades_example(
    const struct proctor_grades *g, size_t i, bool with_texts, char **ret, struct pr_error *e)
{
    if (i >= g->grades->n)
        return pr_fail(e, PR_E_USAGE, "example %zu of %zu", i, g->grades->n);
    const struct pr_grade *grade = &g->grades->v[i];
    json_t *line = pr_grade_line(grade);
    if (with_texts) {
        const struct pr_example *x = grade->example;
        put_text(line, "prompt", x->text.s ? x->text : x->prompt);
        put_text(line, "golden", x->golden);
    }
    *ret = pr_json_take_text(line);
    return PR_OK;
}
