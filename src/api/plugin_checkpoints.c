/* /api/checkpoints: all of them in pages, and why each stands as it does. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answers.h"
#include "api/figures.h"
#include "daemon/state.h"
#include "gradebook/browse.h"
#include "systems/pieces.h"

/* Where a page ends: the place of its last row, as it was then.  In the order `best` those with a
 * score come first, by it. */
struct place {
    bool scored;
    double score;
    struct pr_listed listed;
};

struct listed {
    struct place place;
    const json_t *ranked; /* its entry of the last ranking; NULL */
};

static int compare(const struct place *a, const struct place *b)
{
    if (a->scored != b->scored)
        return a->scored ? -1 : 1;
    if (a->scored && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return pr_listed_compare(&a->listed, &b->listed);
}

static int by_place(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return compare(&x->place, &y->place);
}

/* ---- cursors ---- */

static void put_cursor(json_t *doc, const struct place *p)
{
    char text[300];
    int n = p->scored ? snprintf(text, sizeof text, "%.17g", p->score)
                      : snprintf(text, sizeof text, "-");
    for (size_t i = 0; i < PR_LISTED_KEYS; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "_%" PRId64, p->listed.key[i]);
    pr_json_set_str(doc, "next_cursor", text);
}

static enum pr_code read_cursor(const char *text, struct place *ret, struct pr_error *e)
{
    char *end = NULL;
    *ret = (struct place){.scored = *text != '-'};
    const char *s = text + 1;
    if (ret->scored) {
        ret->score = strtod(text, &end);
        s = end;
    }
    for (size_t i = 0; i < PR_LISTED_KEYS; i++) {
        if (*s++ != '_')
            return pr_fail(e, PR_E_USAGE, "cursor: '%.60s' is none of this list's", text);
        ret->listed.key[i] = strtoll(s, &end, 10);
        if (end == s)
            return pr_fail(e, PR_E_USAGE, "cursor: '%.60s' is none of this list's", text);
        s = end;
    }
    return *s ? pr_fail(e, PR_E_USAGE, "cursor: '%.60s' is none of this list's", text) : PR_OK;
}

/* ---- the list ---- */

struct list {
    const struct pr_api_context *x;
    char options[65];
    struct pr_suite_row *suites;
    size_t n_suites;
    int64_t main; /* the main suite; -1: there is none */
    json_t *ranking;
    struct listed *v; /* all that fit, in order */
    size_t n;
};

/* Finds the entries of the last ranking: the same place with the same content. */
static enum pr_code join_ranking(struct list *l, struct pr_error *e)
{
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get(l->ranking, "rankings"), i, entry) {
        const char *path = json_string_value(json_object_get(entry, "path"));
        const char *content = json_string_value(json_object_get(entry, "fingerprint"));
        int64_t id = 0;
        enum pr_code code =
            path ? pr_gradebook_checkpoint_at(l->x->g, path, content, &id, e) : PR_OK;
        if (code)
            return code;
        for (size_t k = 0; id && k < l->n; k++)
            if (l->v[k].place.listed.key[PR_LISTED_KEYS - 1] == id) {
                l->v[k].ranked = entry;
                break;
            }
    }
    return PR_OK;
}

static int state_of(const char *name)
{
    for (int i = 0; i <= PR_CHECKPOINT_GONE; i++)
        if (!strcmp(pr_checkpoint_state_name((enum pr_checkpoint_state)i), name))
            return i;
    return PR_LISTED_ANY;
}

static enum pr_code gather(struct list *l, const struct pr_api_request *q, struct pr_error *e)
{
    struct pr_listed *rows = NULL;
    int64_t run = 0;
    bool best = !strcmp(pr_api_text(q, "order"), "best");
    (void)pr_api_int(q, "run", &run);
    enum pr_code code =
        pr_gradebook_list(l->x->g, state_of(pr_api_text(q, "state")), run, &rows, &l->n, e);
    if (code)
        return code;
    l->v = pr_zalloc((l->n + 1) * sizeof *l->v);
    for (size_t i = 0; i < l->n; i++)
        l->v[i].place.listed = rows[i];
    pr_free(rows);
    if ((code = join_ranking(l, e)) || !best)
        return code;
    for (size_t i = 0; i < l->n; i++) {
        const json_t *score = json_object_get(l->v[i].ranked, "score");
        l->v[i].place.scored = json_is_number(score);
        l->v[i].place.score = json_number_value(score);
    }
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_place);
    return PR_OK;
}

/* ---- a row ---- */

static void set_copy(json_t *o, const char *key, const json_t *from, const char *reason)
{
    json_t *v = json_object_get(from, key);
    if (v && !json_is_null(v))
        pr_json_set(o, key, json_incref(v));
    else
        pr_json_set_null(o, key, reason);
}

static void set_row(json_t *o, const struct pr_checkpoint_row *c)
{
    static const char unopened[] = "not opened yet";
    pr_api_set_checkpoint(o, c->id, c->name, c->step);
    pr_json_set_str(o, "path", c->path);
    pr_json_set(o, "run_id", c->run_id ? json_integer(c->run_id) : json_null());
    pr_json_set_str(o, "state", pr_checkpoint_state_name(c->state));
    pr_json_set_str(o, "reason", c->reason);
    pr_api_time(o, "found_at", c->found_ms);
    pr_api_time(o, "opened_at", c->opened_ms);
    pr_json_set_bool(o, "reference", c->reference);
    if (!c->model) {
        pr_json_set_null(o, "fingerprint", unopened);
        pr_json_set_null(o, "parameters", unopened);
        pr_json_set_null(o, "weight_bytes", unopened);
        return;
    }
    pr_json_set_str(o, "fingerprint", c->fingerprint);
    pr_json_set_int(o, "parameters", (int64_t)c->parameters);
    pr_json_set_int(o, "weight_bytes", (int64_t)c->weight_bytes);
}

/* What the regression monitor says of it on the main suite. */
static enum pr_code set_level(
    const struct list *l, const struct pr_checkpoint_row *c, json_t *o, struct pr_error *e)
{
    const struct pr_decision_filter f = {.system = "regression-monitor",
        .kind = "verdict",
        .checkpoint = c->id,
        .suite = l->main,
        .present_only = true};
    struct pr_decision *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_decisions(l->x->g, &f, &v, &n, e);
    if (code)
        return code;
    if (n) {
        const json_t *why = json_object_get(v[n - 1].evidence, "reason");
        pr_json_set_str(o, "level", v[n - 1].verdict);
        pr_json_set_str(o, "level_reason", json_string_value(why));
    } else {
        pr_json_set_null(o, "level", "it is not judged yet");
    }
    pr_decisions_free(v, n);
    return PR_OK;
}

static json_t *suite_json(const struct pr_suite_row *suite, const struct pr_api_figures *f)
{
    static const char none[] = "no example is graded yet";
    double low, high;
    json_t *o = json_object();
    pr_json_set_str(o, "suite", suite->name);
    pr_json_set_int(o, "n", (int64_t)suite->n);
    pr_json_set_int(o, "graded", (int64_t)f->done);
    const char *why = f->done ? "no example has a loss" : none;
    pr_json_set_real(o, "loss", pr_tally_loss(&f->tally), why);
    pr_json_set_real(o, "loss_mean_per_example", pr_tally_mean_loss(&f->tally), why);
    pr_json_set_real(o, "accuracy", pr_api_accuracy(&f->tally, &low, &high),
        f->done ? "no example has a verdict" : none);
    pr_json_set_real(
        o, "ece", f->ece, f->done ? "no example has a verdict and a confidence" : none);
    pr_json_set_int(o, "bad_numbers", (int64_t)f->tally.n_bad);
    return o;
}

static enum pr_code set_suites(
    const struct list *l, const struct pr_checkpoint_row *c, json_t *o, struct pr_error *e)
{
    json_t *list = json_array();
    struct pr_api_asked asked = {.model = c->model};
    enum pr_code code = PR_OK;
    pr_json_set(o, "suites", list);
    if (c->model)
        code = pr_gradebook_settings(l->x->g, c->model, l->options, &asked.settings, e);
    for (size_t i = 0; i < l->n_suites && !code; i++) {
        struct pr_api_figures_set set;
        if ((code = pr_api_figures(l->x, &l->suites[i], &asked, 1, &set, e)))
            break;
        json_array_append_new(list, suite_json(&l->suites[i], &set.v[0]));
        pr_api_figures_done(&set);
    }
    return code;
}

static enum pr_code add_row(
    const struct list *l, const struct listed *x, json_t *list, struct pr_error *e)
{
    struct pr_checkpoint_row c;
    bool pinned;
    int64_t id = x->place.listed.key[PR_LISTED_KEYS - 1];
    enum pr_code code = pr_gradebook_checkpoint(l->x->g, id, &c, e);
    if (code)
        return code;
    const char *why = l->ranking ? "the last ranking does not list it" : "nothing was ranked yet";
    json_t *o = json_object();
    json_array_append_new(list, o);
    set_row(o, &c);
    if ((code = set_level(l, &c, o, e)) ||
        (code = pr_gradebook_is_pinned(l->x->g, c.id, &pinned, e)))
        goto out;
    pr_json_set_bool(o, "pinned", pinned);
    set_copy(o, "rank", x->ranked, why);
    set_copy(o, "score", x->ranked, why);
    code = set_suites(l, &c, o, e);
out:
    pr_checkpoint_row_done(&c);
    return code;
}

static enum pr_code page(
    const struct list *l, const struct pr_api_request *q, json_t *doc, struct pr_error *e)
{
    json_t *list = json_array();
    const char *cursor = pr_api_text(q, "cursor");
    int64_t limit = 0;
    size_t from = 0;
    struct place after;
    pr_json_set(doc, "checkpoints", list);
    pr_json_set_int(doc, "n", (int64_t)l->n);
    pr_json_set(doc, "next_cursor", json_null());
    (void)pr_api_int(q, "limit", &limit);
    enum pr_code code = cursor ? read_cursor(cursor, &after, e) : PR_OK;
    while (!code && cursor && from < l->n && compare(&l->v[from].place, &after) <= 0)
        from++;
    for (size_t i = from; i < l->n && i - from < (size_t)limit && !code; i++)
        code = add_row(l, &l->v[i], list, e);
    if (!code && l->n - from > (size_t)limit)
        put_cursor(doc, &l->v[from + (size_t)limit - 1].place);
    return code;
}

static void main_first(struct list *l)
{
    for (size_t i = 0; i < l->n_suites; i++) {
        if (strcmp(l->suites[i].name, PR_SUITE_MAIN) != 0)
            continue;
        struct pr_suite_row main = l->suites[i];
        memmove(l->suites + 1, l->suites, i * sizeof main);
        l->suites[0] = main;
        l->main = main.id;
    }
}

static enum pr_code get_list(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    struct list l = {.x = x, .main = -1};
    enum pr_code code = PR_OK;
    json_t *doc = json_object();
    pr_api_options(x, l.options);
    if (x->g && ((code = pr_gradebook_suites(x->g, true, &l.suites, &l.n_suites, e)) ||
                    (code = pr_api_finding(x, "model-comparison", &l.ranking, e))))
        goto out;
    main_first(&l);
    if (x->g && (code = gather(&l, q, e)))
        goto out;
    if (!(code = page(&l, q, doc, e)))
        *ret = json_incref(doc);
out:
    json_decref(doc);
    json_decref(l.ranking);
    pr_suite_rows_free(l.suites, l.n_suites);
    pr_free(l.v);
    return code;
}

static enum pr_code get_why(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    char options[65];
    int64_t id = 0;
    enum pr_code code = pr_api_need_gradebook(x, e);
    if (code)
        return code;
    (void)pr_api_int(q, "id", &id);
    pr_api_options(x, options);
    return pr_why_document_of(x->g, options, id, x->now_ms, ret, e);
}

static const struct pr_api_param of_list[] = {
    {.name = "run", .type = PR_API_INT, .min = 1, .max = 1e15, .help = "of this run (its id)"},
    {.name = "state",
        .type = PR_API_CHOICE,
        .fallback = "all",
        .choices = "all|ready|refused|quarantined|found|gone",
        .help = "all: those whose folder is there"},
    {.name = "order", .type = PR_API_CHOICE, .fallback = "newest", .choices = "newest|best"},
    {.name = "limit", .type = PR_API_INT, .fallback = "50", .min = 1, .max = 500},
    {.name = "cursor", .type = PR_API_TEXT, .help = "next_cursor of the page before"},
};
static const struct pr_api_param of_one[] = {
    {.name = "id", .type = PR_API_INT, .min = 1, .max = 1e15, .required = true},
};

static bool present(const struct pr_api_context *x)
{
    return x->g != NULL;
}

static const struct pr_api_route routes[] = {
    {.path = "/api/checkpoints",
        .summary = "All checkpoints with their figures",
        .params = of_list,
        .n_params = sizeof of_list / sizeof *of_list,
        .schema = "Checkpoints",
        .get = get_list},
    {.path = "/api/checkpoints/{id}",
        .summary = "Why a checkpoint stands as it does, as `proctor why --json` says it",
        .params = of_one,
        .n_params = 1,
        .schema = "Why",
        .get = get_why},
};

const struct pr_api_plugin pr_api_plugin_checkpoints = {
    .name = "checkpoints",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "checkpoints",
    .title = "Checkpoints",
    .present = present,
};
