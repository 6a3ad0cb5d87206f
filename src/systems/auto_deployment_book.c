/* What the gradebook knows of a checkpoint that is to be deployed. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/expect.h"
#include "systems/auto_deployment.h"
#include "systems/view.h"

void pr_deploy_candidate_done(struct pr_deploy_candidate *c)
{
    pr_free(c->path);
    pr_free(c->name);
    *c = (struct pr_deploy_candidate){0};
}

static void take(struct pr_deploy_candidate *ret, const char *path, const char *name,
    const char *fingerprint, const struct pr_checkpoint_row *row)
{
    *ret = (struct pr_deploy_candidate){.path = pr_strdup(path),
        .name = name ? pr_strdup(name) : pr_path_base(path),
        .step = row ? row->step : -1,
        .id = row ? row->id : 0};
    snprintf(ret->fingerprint, sizeof ret->fingerprint, "%s", fingerprint);
    snprintf(ret->run, sizeof ret->run, "%s", row ? row->run : "");
}

bool pr_deploy_known(
    struct pr_gradebook *g, const char *fingerprint, struct pr_deploy_candidate *ret)
{
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0;
    struct pr_error e;
    bool found = false;
    if (!g || pr_gradebook_checkpoints(g, NULL, &rows, &n, &e))
        return false;
    for (size_t i = n; i-- > 0 && !found;)
        if (rows[i].state == PR_CHECKPOINT_READY && !strcmp(rows[i].fingerprint, fingerprint)) {
            take(ret, rows[i].path, rows[i].name, fingerprint, &rows[i]);
            found = true;
        }
    pr_checkpoint_rows_free(rows, n);
    return found;
}

int64_t pr_deploy_row(struct pr_gradebook *g, const char *fingerprint)
{
    const struct pr_checkpoint_filter all = {.gone = true};
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0;
    struct pr_error ignored;
    int64_t id = 0;
    if (pr_gradebook_checkpoints(g, &all, &rows, &n, &ignored))
        return 0;
    for (size_t i = n; i-- > 0 && !id;)
        if (rows[i].model && !strcmp(rows[i].fingerprint, fingerprint))
            id = rows[i].id;
    pr_checkpoint_rows_free(rows, n);
    return id;
}

/* Is this folder of this content?  Its fingerprint is cached. */
static bool holds(const struct pr_deploy_settings *s, const char *path, const char *fingerprint)
{
    char found[65];
    struct pr_error e;
    const struct pr_place place = {
        .bases = (const char *const(*)[2])s->bases, .n_bases = s->n_bases, .lock = -1};
    return path && path[0] == '/' && pr_path_is_dir(path) &&
           !pr_place_fingerprint(&place, path, found, &e) && !strcmp(found, fingerprint);
}

enum pr_code pr_deploy_find(struct pr_gradebook *g, const struct pr_deploy_settings *s,
    const char *name, const char *path, const char *fingerprint, struct pr_deploy_candidate *ret,
    struct pr_error *e)
{
    struct pr_deploy_candidate known;
    bool has = pr_deploy_known(g, fingerprint, &known);
    bool plain = name && *name && name[0] != '.' && !strchr(name, '/');
    char *usual = plain && s->models ? pr_path_join(s->models, name) : NULL;
    const char *places[] = {path, has ? known.path : NULL, usual};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places && !found; i++)
        if (holds(s, places[i], fingerprint))
            found = places[i];
    enum pr_code code =
        found ? PR_OK
              : pr_fail(e, PR_E_NOT_FOUND,
                    "%s is not on this machine with the fingerprint %.12s…: checkpoint-sync (or a "
                    "copy in %s) brings it",
                    name ? name : "the candidate", fingerprint, s->models ? s->models : "?");
    if (found) {
        take(ret, found, name, fingerprint, NULL);
        if (has) {
            ret->step = known.step;
            ret->id = known.id;
            memcpy(ret->run, known.run, sizeof ret->run);
        }
    }
    if (has)
        pr_deploy_candidate_done(&known);
    pr_free(usual);
    return code;
}

json_t *pr_deploy_more(const json_t *gate, const struct pr_deploy_candidate *c, const char *by)
{
    const json_t *x = json_object_get(gate, "candidate");
    const char *fingerprint = json_string_value(json_object_get(x, "fingerprint"));
    json_t *o = json_object();
    if (!fingerprint || strcmp(fingerprint, c->fingerprint) != 0)
        x = NULL;
    json_t *score = json_object_get(x, "score_confirm"), *step = json_object_get(x, "step"),
           *run = json_object_get(x, "run");
    if (score)
        json_object_set(o, "score", score);
    if (json_is_integer(step))
        json_object_set(o, "run_step", step);
    else if (c->step >= 0)
        pr_json_set_int(o, "run_step", c->step);
    if (json_is_string(run))
        json_object_set(o, "run", run);
    else if (*c->run)
        pr_json_set_str(o, "run", c->run);
    pr_json_set_str(o, "by", by);
    pr_json_set(o, "gate", gate ? json_deep_copy(gate) : json_null());
    return o;
}

/* ---- questions ---- */

static enum pr_code main_suite(struct pr_gradebook *g, struct pr_suite **ret, struct pr_error *e)
{
    struct pr_suite_row *rows = NULL;
    size_t n = 0;
    *ret = NULL;
    enum pr_code code = pr_gradebook_suites(g, true, &rows, &n, e);
    for (size_t i = 0; i < n && !code && !*ret; i++)
        if (!strcmp(rows[i].name, PR_SUITE_MAIN))
            code = pr_gradebook_load_suite(g, rows[i].id, ret, e);
    pr_suite_rows_free(rows, n);
    return code;
}

static bool is_usable(const struct pr_grade *x, const struct pr_deploy_settings *s)
{
    return x->graded && x->answer && !x->bad_number && x->finish && !strcmp(x->finish, "stop") &&
           x->output_tokens <= (size_t)s->probe_tokens && pr_expect_fits(x->example);
}

/* In the order that all checkpoints share, a random one. */
static json_t *choose(
    const struct pr_grades *gs, const struct pr_suite *suite, const struct pr_deploy_settings *s)
{
    json_t *list = json_array();
    size_t *order = NULL, wanted = (size_t)s->probe_questions;
    pr_gradebook_order(suite, &order);
    for (size_t k = 0; k < suite->n && json_array_size(list) < wanted; k++) {
        const struct pr_grade *x = &gs->v[order[k]];
        if (is_usable(x, s))
            json_array_append_new(list,
                pr_expect_question(x->example, s, x->answer, x->answer_len, x->output_tokens + 1));
    }
    pr_free(order);
    if (json_array_size(list) < wanted) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static enum pr_code graded(struct pr_gradebook *g, const struct pr_deploy_settings *s,
    const char *options, const char *fingerprint, const struct pr_suite *suite, json_t **ret,
    struct pr_error *e)
{
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0;
    const struct pr_checkpoint_filter all = {.gone = true};
    enum pr_code code = pr_gradebook_checkpoints(g, &all, &rows, &n, e);
    for (size_t i = 0; i < n && !code && !*ret; i++) {
        struct pr_grades *gs = NULL;
        int64_t settings = 0;
        if (!rows[i].model || strcmp(rows[i].fingerprint, fingerprint) != 0)
            continue;
        code = pr_gradebook_settings(g, rows[i].model, options, &settings, e);
        if (code || !settings)
            continue;
        code = pr_gradebook_grades(g, &rows[i], settings, suite, true, &gs, e);
        if (!code)
            *ret = choose(gs, suite, s);
        pr_grades_free(gs);
    }
    pr_checkpoint_rows_free(rows, n);
    return code;
}

enum pr_code pr_deploy_questions(struct pr_gradebook *g, const struct pr_deploy_settings *s,
    const char *options, const char *fingerprint, json_t **ret_list, struct pr_suite **ret_suite,
    struct pr_error *e)
{
    *ret_list = NULL;
    *ret_suite = NULL;
    enum pr_code code = g && s->probe_questions ? main_suite(g, ret_suite, e) : PR_OK;
    if (!code && *ret_suite)
        code = graded(g, s, options, fingerprint, *ret_suite, ret_list, e);
    if (code) {
        pr_suite_free(*ret_suite);
        *ret_suite = NULL;
    }
    return code;
}
