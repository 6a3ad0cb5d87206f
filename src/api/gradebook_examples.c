/* /api/gradebook/examples: what a checkpoint made of each example, in pages; and one example
 * through the checkpoints.  Only the lines of a page are read, by exam's own reader. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answers.h"
#include "api/example_text.h"
#include "api/gradebook_answers.h"
#include "gradebook/browse.h"

#define SEARCHED 256 /* examples that are read at a time */

/* ---- a list ---- */

struct list {
    const struct pr_api_context *x;
    struct pr_suite_row *suite;
    struct pr_checkpoint_row c, other; /* id 0: there is none */
    struct pr_example_filter filter;
    const char *search; /* NULL: none */
    size_t limit;
    struct pr_api_text_budget budget;
    json_t *examples;
    size_t n;
    int64_t last; /* position of the last that is shown */
    bool more;
};

/* A whole number up to `end`, which is passed over where it is not the text's. */
static bool read_whole(const char **text, char end, int64_t *ret)
{
    char *stop;
    errno = 0;
    long long x = strtoll(*text, &stop, 10);
    if (stop == *text || errno || *stop != end)
        return false;
    *ret = x;
    *text = stop + (end != 0);
    return true;
}

/* "suite_checkpoint_position": a page goes on in the same version, of the same checkpoint, also
 * where a newer one has come. */
static enum pr_code read_cursor(
    struct list *l, const char *text, int64_t *checkpoint, struct pr_error *e)
{
    int64_t suite;
    const char *at = text;
    if (!read_whole(&at, '_', &suite) || !read_whole(&at, '_', checkpoint) ||
        !read_whole(&at, 0, &l->filter.after))
        return pr_fail(e, PR_E_USAGE, "cursor: '%.60s' is none of this list's", text);
    if (suite != l->suite->id)
        return pr_fail(e, PR_E_USAGE,
            "cursor: the suite was edited since: its examples are others now, begin anew");
    return PR_OK;
}

static enum pr_code take_checkpoint(
    struct list *l, const struct pr_api_request *q, int64_t from_cursor, struct pr_error *e)
{
    int64_t id = from_cursor;
    char options[65];
    enum pr_code code = PR_OK;
    pr_api_options(l->x, options);
    if (pr_api_int(q, "checkpoint", &id) && from_cursor && id != from_cursor)
        return pr_fail(e, PR_E_USAGE, "cursor: it is of another checkpoint's list");
    if (!id)
        code = pr_gradebook_newest_graded(l->x->g, options, l->suite->id, &id, e);
    if (code || !id)
        return code;
    if ((code = pr_api_checkpoint(l->x, id, &l->c, &l->filter.settings, e)))
        return code;
    l->filter.model = l->c.model;
    return PR_OK;
}

static enum pr_code take_other(struct list *l, const struct pr_api_request *q, struct pr_error *e)
{
    int64_t id;
    bool needed = l->filter.outcome == PR_OUTCOME_GAINED || l->filter.outcome == PR_OUTCOME_LOST;
    if (!pr_api_int(q, "against", &id))
        return needed ? pr_fail(e, PR_E_USAGE,
                            "outcome: gained and lost need `against`, a checkpoint to compare with")
                      : PR_OK;
    enum pr_code code = pr_api_checkpoint(l->x, id, &l->other, &l->filter.other_settings, e);
    l->filter.other_model = code ? 0 : l->other.model;
    if (!code && l->filter.settings && l->filter.other_settings &&
        l->filter.settings != l->filter.other_settings)
        code = pr_fail(e, PR_E_USAGE,
            "%s and %s are graded under other settings (arithmetic, template or limits): they are "
            "not compared",
            l->c.name, l->other.name);
    return code;
}

static enum pr_outcome outcome_of(const char *name)
{
    static const char *const names[] = {
#define PR_X(id, text) text,
        PR_OUTCOMES(PR_X)
#undef PR_X
    };
    size_t i = 0;
    while (i + 1 < sizeof names / sizeof *names && strcmp(names[i], name) != 0)
        i++;
    return (enum pr_outcome)i;
}

static enum pr_code read_query(struct list *l, const struct pr_api_request *q, struct pr_error *e)
{
    int64_t limit = 50, checkpoint = 0;
    const char *cursor = pr_api_text(q, "cursor");
    enum pr_code code = pr_api_suite(l->x, pr_api_text(q, "suite"), &l->suite, e);
    if (code)
        return code;
    (void)pr_api_int(q, "limit", &limit);
    l->limit = (size_t)limit;
    l->search = pr_api_text(q, "search");
    if (l->search && !*l->search)
        l->search = NULL;
    l->filter = (struct pr_example_filter){.suite = l->suite->id,
        .difficulty = pr_api_text(q, "difficulty"),
        .skill = pr_api_text(q, "skill"),
        .outcome = outcome_of(pr_api_text(q, "outcome")),
        .after = -1};
    if (cursor && (code = read_cursor(l, cursor, &checkpoint, e)))
        return code;
    if ((code = take_checkpoint(l, q, checkpoint, e)))
        return code;
    return take_other(l, q, e);
}

static void add_row(struct list *l, const struct pr_found_example *f, const struct pr_grade *g)
{
    json_t *o = json_object();
    pr_api_set_example(o, g->example, f->digest, &l->budget);
    pr_api_set_answer(o, g, &l->budget);
    if (l->other.id) {
        if (f->was == PR_VERDICT_RIGHT || f->was == PR_VERDICT_WRONG)
            pr_json_set_bool(o, "was_correct", f->was == PR_VERDICT_RIGHT);
        else
            pr_json_set_null(o, "was_correct",
                f->was < 0 ? "it has no grade there yet" : "it has no verdict there");
    }
    json_array_append_new(l->examples, o);
    l->last = f->position;
}

/* Some examples with their grades, in the order of v. */
static enum pr_code read_grades(const struct list *l, const struct pr_found_example *v, size_t n,
    struct pr_suite **ret_suite, struct pr_grades **ret, struct pr_error *e)
{
    const char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = v[i].line;
    enum pr_code code = pr_suite_from_lines(l->suite->name, lines, n, true, ret_suite, e);
    pr_free(lines);
    if (code || !l->filter.settings)
        return code;
    code = pr_gradebook_grades(l->x->g, &l->c, l->filter.settings, *ret_suite, true, ret, e);
    if (code) {
        pr_suite_free(*ret_suite);
        *ret_suite = NULL;
    }
    return code;
}

/* Adds those of v that the search finds, as far as the page goes; all of them are counted. */
static enum pr_code take(
    struct list *l, const struct pr_found_example *v, size_t n, int64_t after, struct pr_error *e)
{
    struct pr_suite *suite = NULL;
    struct pr_grades *grades = NULL;
    enum pr_code code = n ? read_grades(l, v, n, &suite, &grades, e) : PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        const struct pr_grade none = {
            .example = &suite->v[i], .loss = NAN, .confidence = NAN, .confidence_all = NAN};
        const struct pr_grade *g = grades ? &grades->v[i] : &none;
        if (l->search && !pr_api_example_holds(g, l->search))
            continue;
        l->n += l->search != NULL;
        if (v[i].position <= after)
            continue;
        if (json_array_size(l->examples) < l->limit)
            add_row(l, &v[i], g);
        else
            l->more = true;
    }
    pr_grades_free(grades);
    pr_suite_free(suite);
    return code;
}

static enum pr_code page(struct list *l, struct pr_error *e)
{
    struct pr_found_example *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_count_examples(l->x->g, &l->filter, &l->n, e);
    if (code)
        return code;
    l->filter.limit = l->limit + 1;
    if ((code = pr_gradebook_find_examples(l->x->g, &l->filter, &v, &n, e)))
        return code;
    l->more = n > l->limit;
    code = take(l, v, l->more ? l->limit : n, -1, e);
    pr_found_examples_free(v, n);
    return code;
}

static enum pr_code search(struct list *l, struct pr_error *e)
{
    int64_t after = l->filter.after;
    enum pr_code code = PR_OK;
    bool end = false;
    l->filter.limit = SEARCHED;
    l->filter.after = -1;
    while (!code && !end) {
        struct pr_found_example *v = NULL;
        size_t n = 0;
        if ((code = pr_gradebook_find_examples(l->x->g, &l->filter, &v, &n, e)))
            break;
        code = take(l, v, n, after, e);
        end = n < SEARCHED;
        l->filter.after = n ? v[n - 1].position : l->filter.after;
        pr_found_examples_free(v, n);
    }
    return code;
}

static json_t *side(const struct pr_checkpoint_row *c)
{
    if (!c->id)
        return json_null();
    json_t *o = json_object();
    pr_api_set_checkpoint(o, c->id, c->name, c->step);
    return o;
}

enum pr_code pr_api_gradebook_examples(const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    struct list l = {
        .x = x, .budget = {PR_API_TEXT_IN_LIST, PR_API_TEXT_IN_ALL}, .examples = json_array()};
    enum pr_code code = read_query(&l, q, e);
    if (!code)
        code = l.search ? search(&l, e) : page(&l, e);
    if (!code) {
        char cursor[100];
        json_t *doc = json_object();
        pr_json_set(doc, "checkpoint", side(&l.c));
        pr_json_set(doc, "against", side(&l.other));
        pr_json_set_str(doc, "suite", l.suite->name);
        pr_json_set(doc, "examples", json_incref(l.examples));
        pr_json_set_int(doc, "n", (int64_t)l.n);
        snprintf(
            cursor, sizeof cursor, "%" PRId64 "_%" PRId64 "_%" PRId64, l.suite->id, l.c.id, l.last);
        pr_json_set_str(doc, "next_cursor", l.more ? cursor : NULL);
        *ret = doc;
    }
    json_decref(l.examples);
    pr_checkpoint_row_done(&l.c);
    pr_checkpoint_row_done(&l.other);
    pr_suite_rows_free(l.suite, l.suite ? 1 : 0);
    return code;
}

/* ---- one example ---- */

struct way {
    const struct pr_api_context *x;
    struct pr_suite_row *row;
    struct pr_suite *suite; /* of the one example */
    const char *digest;
    int64_t run;
    struct pr_run_checkpoint *v;
    size_t n;
    size_t limit;
    struct pr_api_text_budget budget;
};

static enum pr_code one_answer(
    struct way *w, const struct pr_run_checkpoint *c, json_t *list, struct pr_error *e)
{
    struct pr_checkpoint_row row;
    struct pr_grades *grades = NULL;
    enum pr_code code = pr_gradebook_checkpoint(w->x->g, c->id, &row, e);
    if (code)
        return code;
    code = pr_gradebook_grades(w->x->g, &row, c->settings, w->suite, true, &grades, e);
    pr_checkpoint_row_done(&row);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_int(o, "checkpoint", c->id);
    pr_json_set_str(o, "name", c->name);
    pr_json_set_int(o, "step", c->step);
    pr_json_set_bool(o, "gone", c->gone);
    pr_api_set_answer(o, &grades->v[0], &w->budget);
    json_array_append_new(list, o);
    pr_grades_free(grades);
    return PR_OK;
}

/* The run's checkpoints that have a grade of it, or the one that was asked for. */
static enum pr_code find_answers(struct way *w, const struct pr_api_request *q, struct pr_error *e)
{
    char options[65];
    int64_t only = 0;
    size_t kept = 0;
    enum pr_code code = PR_OK;
    (void)pr_api_int(q, "checkpoint", &only);
    if (!pr_api_int(q, "run", &w->run) && only) {
        struct pr_checkpoint_row c;
        int64_t settings;
        if ((code = pr_api_checkpoint(w->x, only, &c, &settings, e)))
            return code;
        w->run = c.run_id;
        pr_checkpoint_row_done(&c);
    } else if (!w->run && (code = pr_gradebook_newest_run(w->x->g, &w->run, e))) {
        return code;
    }
    pr_api_options(w->x, options);
    if (w->run &&
        (code = pr_gradebook_run_history(w->x->g, w->run, options, 0, INT64_MAX, &w->v, &w->n, e)))
        return code;
    for (size_t i = 0; i < w->n && !code; i++) {
        bool has = false;
        if (!only || w->v[i].id == only)
            code = pr_gradebook_has_grade(
                w->x->g, w->v[i].model, w->v[i].settings, w->digest, &has, e);
        if (!has)
            continue;
        struct pr_run_checkpoint x = w->v[kept];
        w->v[kept++] = w->v[i];
        w->v[i] = x; /* freed below */
    }
    for (size_t i = kept; i < w->n; i++)
        pr_free(w->v[i].name);
    w->n = kept;
    return code;
}

static enum pr_code build(
    struct way *w, const struct pr_api_request *q, json_t *doc, struct pr_error *e)
{
    int64_t limit = 1000;
    json_t *list = json_array();
    enum pr_code code = find_answers(w, q, e);
    (void)pr_api_int(q, "limit", &limit);
    pr_api_set_example(doc, &w->suite->v[0], w->digest, &w->budget);
    pr_json_set_str(doc, "suite", w->row->name);
    pr_json_set(doc, "run_id", w->run ? json_integer(w->run) : json_null());
    pr_json_set_int(doc, "n", (int64_t)w->n);
    pr_json_set(doc, "answers", list);
    size_t from = w->n > (size_t)limit ? w->n - (size_t)limit : 0;
    for (size_t i = from; i < w->n && !code; i++)
        code = one_answer(w, &w->v[i], list, e);
    return code;
}

enum pr_code pr_api_gradebook_example(const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    struct way w = {.x = x,
        .digest = pr_api_text(q, "digest"),
        .budget = {PR_API_TEXT_IN_ALL, PR_API_TEXT_IN_ALL}};
    char *line = NULL;
    enum pr_code code = pr_api_suite(x, pr_api_text(q, "suite"), &w.row, e);
    if (code)
        return code;
    json_t *doc = json_object();
    code = pr_gradebook_example_line(x->g, w.row->id, w.digest, &line, e);
    if (!code) {
        const char *const lines[] = {line};
        code = pr_suite_from_lines(w.row->name, lines, 1, true, &w.suite, e);
    }
    if (!code && !(code = build(&w, q, doc, e)))
        *ret = json_incref(doc);
    json_decref(doc);
    pr_free(line);
    pr_suite_free(w.suite);
    pr_suite_rows_free(w.row, 1);
    pr_run_checkpoints_free(w.v, w.n);
    return code;
}
