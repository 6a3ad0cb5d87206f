/* proctor deploy: a checkpoint becomes what a server serves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/deploying.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "deploy/expect.h"
#include "deploy/gate.h"
#include "deploy/source.h"
#include "deploy/weighed.h"
#include "systems/auto_deployment.h"

struct job {
    struct pr_deploying d;
    const struct pr_args *args;
    struct pr_gradebook *g; /* NULL: there is none */
    struct pr_deploy_candidate candidate;
    struct pr_suite *suite;
    json_t *questions, *gate;
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- --list ---- */

static void put_versions(const json_t *status, struct pr_str *out)
{
    static const char *const headings[] = {"<version", "<checkpoint", "<served"};
    struct pr_table t;
    const json_t *x, *now = json_object_get(status, "current");
    size_t i;
    bool served = false;
    pr_table_init(&t, 3, headings);
    json_array_foreach (json_object_get(status, "versions"), i, x)
        served |= json_is_true(json_object_get(x, "served"));
    if (json_is_object(now) && !served) { /* a real folder, or a link to one of the user's own */
        pr_table_cell(&t, *text_of(now, "version") ? text_of(now, "version") : "(your own)", 60);
        pr_table_cell(&t, text_of(now, "checkpoint"), 40);
        pr_table_cell(&t, "yes", 4);
    }
    json_array_foreach (json_object_get(status, "versions"), i, x) {
        pr_table_cell(&t, text_of(x, "version"), 60);
        pr_table_cell(&t, text_of(x, "checkpoint"), 40);
        pr_table_cell(&t, json_is_true(json_object_get(x, "served")) ? "yes" : "", 4);
    }
    pr_table_finish(&t, out);
}

static void put_history(const json_t *status, struct pr_str *out)
{
    static const char *const headings[] = {"<when", "<version", "<how", "<why"};
    struct pr_table t;
    const json_t *x, *list = json_object_get(status, "history");
    size_t i;
    if (!json_array_size(list))
        return;
    pr_str_puts(out, "\n");
    pr_table_init(&t, 4, headings);
    json_array_foreach (list, i, x) {
        if (i == PR_DEPLOY_SHOWN)
            break;
        pr_table_cell(&t, text_of(x, "began_at"), 20);
        pr_table_cell(&t, text_of(x, "version"), 50);
        pr_table_cell(&t, text_of(x, "step"), 12);
        pr_table_cell(&t, text_of(x, "reason"), 80);
    }
    pr_table_finish(&t, out);
}

static int list(struct job *j)
{
    struct pr_error e;
    json_t *status = NULL;
    struct pr_str out = PR_STR_INIT((size_t)8 << 20);
    if (pr_deploy_status(&j->d.deploy.settings, &status, &e))
        return pr_deploying_failed(&j->d, &e);
    if (pr_args_flag(j->args, "json")) {
        json_t *doc = pr_deploy_document(status, NULL);
        pr_out_json(doc);
        json_decref(doc);
    } else {
        put_versions(status, &out);
        put_history(status, &out);
        pr_out_text(pr_str_cstr(&out), out.len);
    }
    pr_str_done(&out);
    json_decref(status);
    return pr_out_status(PR_EXIT_OK);
}

/* ---- the checkpoint ---- */

/* A folder, or a name in models.current. */
static enum pr_code find(struct job *j, struct pr_error *e)
{
    const char *given = j->args->positional[0];
    const struct pr_deploy_settings *s = &j->d.deploy.settings;
    const struct pr_place place = {
        .bases = (const char *const(*)[2])s->bases, .n_bases = s->n_bases, .lock = -1};
    bool plain = !strchr(given, '/') && given[0] != '.';
    char *named = plain ? pr_path_join(s->models, given) : NULL;
    const char *path = named && pr_path_is_dir(named) ? named : given;
    char *real = realpath(path, NULL);
    struct pr_deploy_candidate *c = &j->candidate;
    enum pr_code code = PR_OK;
    if (!real)
        code = pr_fail(
            e, PR_E_NOT_FOUND, "%s: neither a folder nor a checkpoint in %s", given, s->models);
    else if (!(code = pr_place_fingerprint(&place, real, c->fingerprint, e))) {
        char fingerprint[65];
        memcpy(fingerprint, c->fingerprint, sizeof fingerprint);
        struct pr_deploy_candidate known;
        *c = (struct pr_deploy_candidate){
            .path = pr_strdup(real), .name = pr_path_base(real), .step = -1};
        memcpy(c->fingerprint, fingerprint, sizeof fingerprint);
        if (pr_deploy_known(j->g, fingerprint, &known)) {
            c->step = known.step;
            memcpy(c->run, known.run, sizeof c->run);
            pr_deploy_candidate_done(&known);
        }
    }
    pr_free(real);
    pr_free(named);
    return code;
}

static void open_book(struct job *j)
{
    struct pr_error e;
    char *path = pr_path_join(j->d.config.base_dir, "proctor.db");
    if (pr_path_exists(path) && pr_gradebook_open(path, PR_GRADEBOOK_READ, &j->g, &e)) {
        pr_say("deploy", "%s", e.message);
        j->g = NULL;
    }
    pr_free(path);
}

/* ---- the gate ---- */

/* The gate judges the candidate of model comparison: another checkpoint is held for that. */
static enum pr_code judge(struct job *j, struct pr_error *e)
{
    struct pr_deploy_documents d;
    json_t *status = NULL;
    const struct pr_deploy_settings *s = &j->d.deploy.settings;
    enum pr_code code = pr_deploy_documents_read(s, j->d.config.base_dir, NULL, &d, e);
    if (code)
        return code;
    code = pr_deploy_status(s, &status, e);
    if (!code) {
        const struct pr_gate gate = {d.comparison, d.regression, status, s};
        j->gate = pr_gate_judge(&gate);
        const json_t *c = json_object_get(j->gate, "candidate");
        if (!pr_args_flag(j->args, "dry-run"))
            code = pr_weighed_note(s, status, j->gate, e);
        if (json_is_object(c) && strcmp(text_of(c, "fingerprint"), j->candidate.fingerprint) != 0) {
            char why[300];
            snprintf(why, sizeof why, "the candidate of model comparison is %.100s, not %.100s",
                text_of(c, "checkpoint"), j->candidate.name);
            pr_json_set_str(j->gate, "verdict", "hold");
            pr_json_set_str(j->gate, "why", why);
        }
    }
    json_decref(status);
    pr_deploy_documents_done(&d);
    return code;
}

static void show_gate(const struct job *j)
{
    const json_t *x;
    size_t i;
    struct pr_str out = PR_STR_INIT((size_t)1 << 20), why = PR_STR_INIT(65536);
    json_array_foreach (json_object_get(j->gate, "checks"), i, x) {
        bool passed = json_is_true(json_object_get(x, "passed"));
        pr_str_clear(&why);
        pr_term_clean(&why, text_of(x, "why"), strlen(text_of(x, "why")), 0);
        pr_str_printf(&out, "%-5s %s%s%s\n", passed ? "ok" : "HELD", text_of(x, "name"),
            passed ? "" : ": ", pr_str_cstr(&why));
    }
    pr_str_clear(&why);
    pr_term_clean(&why, text_of(j->gate, "why"), strlen(text_of(j->gate, "why")), 0);
    pr_str_printf(&out, "gate: %s%s%s\n", text_of(j->gate, "verdict"), why.len ? ": " : "",
        pr_str_cstr(&why));
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    pr_str_done(&why);
}

/* ---- deploying ---- */

static enum pr_code compute(void *ctx, const char *dir, json_t **ret, struct pr_error *e)
{
    const struct job *j = ctx;
    if (!j->suite) {
        pr_say("deploy", "no suite is in the gradebook: the server's health alone is probed");
        *ret = json_array();
        return PR_OK;
    }
    return pr_expect_compute(dir, &j->d.deploy.settings, j->suite, NULL, ret, e);
}

static enum pr_code questions(struct job *j, struct pr_error *e)
{
    char options[65];
    pr_config_grading_fingerprint(&j->d.config, options);
    enum pr_code code = pr_deploy_questions(j->g, &j->d.deploy.settings, options,
        j->candidate.fingerprint, &j->questions, &j->suite, e);
    if (!code && j->questions)
        code = pr_expect_shape(j->candidate.path, &j->d.deploy.settings, j->questions, e);
    return code;
}

static int go(struct job *j)
{
    struct pr_error e;
    struct pr_deploy_outcome out;
    json_t *more = pr_deploy_more(j->gate, &j->candidate, "hand");
    enum pr_code code = questions(j, &e);
    const struct pr_deploy_wanted wanted = {.from = j->candidate.path,
        .checkpoint = j->candidate.name,
        .fingerprint = j->candidate.fingerprint,
        .questions = j->questions,
        .ask = compute,
        .ask_ctx = j,
        .more = more};
    if (!code)
        code = pr_deploy_run(&j->d.call, &wanted, &out, &e);
    json_decref(more);
    return code ? pr_deploying_failed(&j->d, &e)
                : pr_deploying_end(&j->d, &out, pr_args_flag(j->args, "json"));
}

static int deploy(struct job *j)
{
    struct pr_error e;
    bool json = pr_args_flag(j->args, "json"), dry = pr_args_flag(j->args, "dry-run"),
         force = pr_args_flag(j->args, "force");
    open_book(j);
    if (find(j, &e) || judge(j, &e))
        return pr_deploying_failed(&j->d, &e);
    bool held = strcmp(text_of(j->gate, "verdict"), "deploy") != 0;
    if (json && (dry || (held && !force)))
        pr_out_json(j->gate);
    else if (!json)
        show_gate(j);
    if (dry)
        return pr_out_status(held ? PR_EXIT_REFUSED : PR_EXIT_OK);
    if (held && !force) {
        pr_say("deploy", "held: %s (--force deploys it all the same)", text_of(j->gate, "why"));
        return PR_EXIT_REFUSED;
    }
    return go(j);
}

static int run(const struct pr_args *a)
{
    struct job j = {.args = a};
    int status = pr_deploying_init(&j.d, a);
    if (!status && !a->n_positional && !pr_args_flag(a, "list")) {
        pr_say("deploy", "which checkpoint? (--list shows what is there)");
        status = PR_EXIT_USAGE;
    } else if (!status) {
        status = pr_args_flag(a, "list") ? list(&j) : deploy(&j);
    }
    pr_gradebook_close(j.g);
    pr_suite_free(j.suite);
    json_decref(j.questions);
    json_decref(j.gate);
    pr_deploy_candidate_done(&j.candidate);
    pr_deploying_done(&j.d);
    return status;
}

static const struct pr_option options[] = {
    {"dry-run", NULL, "show what the gate says, and change nothing", NULL, PR_OPT_FLAG},
    {"force", NULL, "deploy it although the gate holds it", NULL, PR_OPT_FLAG},
    {"list", NULL, "show the versions and what was deployed", NULL, PR_OPT_FLAG},
    PR_OPTION_DEPLOY_TARGET,
    PR_OPTION_DEPLOY_JSON,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_deploy = {
    .name = "deploy",
    .summary = "bring a checkpoint to what a server serves",
    .arguments = "[CHECKPOINT]",
    .about =
        "Copies CHECKPOINT (a folder, or a name in models.current) to a version beside "
        "deploy.target, verifies it, swaps the target atomically, has the server load it, and "
        "probes that it answers like the graded checkpoint; what fails after the swap is rolled "
        "back. Killed at any moment, the next start finishes or undoes it.\n\n"
        "Before, it shows what the gate of auto-deployment says; what it holds is refused (exit "
        "status 1) without --force.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"Would it be deployed?", "proctor deploy checkpoint-1200 --dry-run"},
        {"Deploy it whatever the gate says", "proctor deploy checkpoint-1200 --force"},
        {"What is served, and what was", "proctor deploy --list"}},
    .run = run,
};
