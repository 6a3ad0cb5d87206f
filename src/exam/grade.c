/* Grading a suite: requests for the engine, run in batches, each example finished as its last
 * request comes back. */
#include "exam/grade.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"

#define BATCH_BYTES ((size_t)256 << 20) /* of request buffers at a time */

/* One example on its way. */
struct job {
    struct pr_grade *g;
    struct pr_prompt *prompts; /* one, or one a choice */
    size_t n_prompts;
    struct pr_request *ask;    /* the request that generates, or NULL */
    struct pr_request **score; /* n_prompts of them */
    size_t waiting;            /* requests not back yet */
};

struct grading {
    struct pr_grades *out;
    const struct pr_grade_options *o;
    struct pr_prompter *prompter;
    const struct pr_model_config *config;
    struct pr_judges *judges;
    const int32_t *stops;
    size_t n_stops;
    struct job *jobs; /* of this batch */
    size_t n_jobs;
    struct pr_request *requests;
    size_t n_requests, requests_cap;
    struct pr_grade_progress progress;
    uint64_t tokens_before; /* of the batches before this one */
    struct pr_error *e;
    enum pr_code code; /* of a callback of ours that failed */
};

static void set_reason(struct pr_grade *g, const char *text)
{
    pr_free(g->reason);
    g->reason = pr_strdup(text);
}

/* Would the engine take these ids?  It refuses a whole run for one bad request. */
static enum pr_code check_ids(const struct grading *r, const struct pr_ids *ids, struct pr_error *e)
{
    if (ids->n > r->config->max_position)
        return pr_fail(e, PR_E_LIMIT, "prompt and answer have %zu tokens, the model takes %u",
            ids->n, r->config->max_position);
    for (size_t i = 0; i < ids->n; i++)
        if (ids->v[i] < 0 || (uint32_t)ids->v[i] >= r->config->vocab)
            return pr_fail(e, PR_E_FORMAT, "token %d is outside the model's vocabulary of %u",
                ids->v[i], r->config->vocab);
    return PR_OK;
}

static struct pr_text answer_of(const struct pr_example *x, size_t i)
{
    return x->check.n_choices ? x->check.choices[i] : x->golden;
}

static void job_done(struct job *j)
{
    for (size_t i = 0; i < j->n_prompts; i++) {
        pr_prompt_done(&j->prompts[i]);
        if (j->score[i])
            pr_free(j->score[i]->logprobs);
    }
    if (j->ask) {
        pr_free(j->ask->new_ids);
        pr_free(j->ask->new_logprobs);
    }
    pr_free(j->prompts);
    pr_free(j->score);
    *j = (struct job){0};
}

/* Builds the prompts of one example; an example that cannot be asked says why in its grade. */
static bool prepare(struct grading *r, struct job *j, struct pr_grade *g)
{
    const struct pr_example *x = g->example;
    struct pr_error e;
    *j = (struct job){.g = g, .n_prompts = x->check.n_choices ? x->check.n_choices : 1};
    j->prompts = pr_zalloc(j->n_prompts * sizeof *j->prompts);
    j->score = pr_zalloc(j->n_prompts * sizeof(struct pr_request *));
    for (size_t i = 0; i < j->n_prompts; i++) {
        if (pr_prompter_build(r->prompter, x, answer_of(x, i), &j->prompts[i], &e) ||
            check_ids(r, &j->prompts[i].ids, &e)) {
            set_reason(g, e.message);
            job_done(j);
            return false;
        }
    }
    return true;
}

/* Does this example ask for an answer?  Then there must be room for at least one token of it. */
static size_t room_for_answer(const struct grading *r, const struct job *j)
{
    const struct pr_check_type *type = j->g->example->check.type;
    if (!type || !type->generates || r->o->no_answers)
        return 0;
    size_t left = r->config->max_position - j->prompts[0].n_prompt;
    return left < r->out->max_new_tokens ? left : r->out->max_new_tokens;
}

/* Requests are laid out first and their addresses taken after, since the list may move as it grows.
 */
static size_t add_requests(struct grading *r, struct job *j)
{
    size_t bytes = 0;
    for (size_t i = 0; i < j->n_prompts; i++) {
        const struct pr_prompt *p = &j->prompts[i];
        size_t from = p->n_prompt ? p->n_prompt : 1;
        struct pr_request q = {.ids = p->ids.v, .n = p->ids.n, .score_from = from, .user = j};
        if (from < p->ids.n) {
            q.logprobs = pr_zalloc((p->ids.n - from) * sizeof *q.logprobs);
            PR_PUSH(r->requests, r->n_requests, r->requests_cap, q);
        }
        bytes += p->ids.n * 8 + sizeof q;
    }
    size_t room = room_for_answer(r, j);
    if (room) {
        struct pr_request q = {.ids = j->prompts[0].ids.v,
            .n = j->prompts[0].n_prompt,
            .user = j,
            .score_from = j->prompts[0].n_prompt,
            .max_new = room,
            .stop = r->stops,
            .n_stop = r->n_stops};
        q.new_ids = pr_zalloc(room * sizeof *q.new_ids);
        q.new_logprobs = pr_zalloc(room * sizeof *q.new_logprobs);
        PR_PUSH(r->requests, r->n_requests, r->requests_cap, q);
        bytes += room * 8 + sizeof q;
    }
    return bytes;
}

/* Tells each job its requests, in the order in which add_requests made them. */
static void link_requests(struct grading *r)
{
    size_t k = 0;
    for (size_t j = 0; j < r->n_jobs; j++) {
        struct job *job = &r->jobs[j];
        for (size_t i = 0; i < job->n_prompts; i++) {
            size_t n = job->prompts[i].ids.n;
            if (job->prompts[i].n_prompt < n && n > 1)
                job->score[i] = &r->requests[k++];
        }
        if (k < r->n_requests && r->requests[k].user == job && r->requests[k].max_new)
            job->ask = &r->requests[k++];
        job->waiting = job->ask != NULL;
        for (size_t i = 0; i < job->n_prompts; i++)
            job->waiting += job->score[i] != NULL;
    }
}

/* Σ −ln p of a scored request; NaN when anything is not a number. */
static double nll_of(const struct pr_request *q, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum -= (double)q->logprobs[i];
    return q->bad_number || !isfinite(sum) ? NAN : sum;
}

static void read_loss(const struct job *j)
{
    struct pr_grade *g = j->g;
    size_t at = g->example->check.n_choices ? g->example->check.right_choice : 0;
    const struct pr_request *q = j->score[at];
    g->nll = g->loss = NAN;
    if (!q) {
        g->loss_reason = pr_strdup("a text of one token has nothing to predict");
        return;
    }
    g->answer_tokens = q->n - q->score_from;
    g->nll = nll_of(q, g->answer_tokens);
    g->loss = g->nll / (double)g->answer_tokens;
    if (isnan(g->nll)) {
        g->loss_reason = pr_strdup("NaN or infinity in the model's output");
        g->bad_number = true;
    }
}

static size_t characters(struct pr_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += ((unsigned char)t.s[i] & 0xc0) != 0x80;
    return n ? n : 1;
}

/* The choice with the largest log-likelihood, plain and per character; its probability among the
 * choices is the confidence.  A choice without a number leaves all undecided. */
static void read_choices(const struct job *j)
{
    struct pr_grade *g = j->g;
    const struct pr_check *c = &g->example->check;
    double best = -INFINITY, best_per = -INFINITY, sum = 0;
    g->n_choices = c->n_choices;
    g->choices = pr_zalloc(c->n_choices * sizeof *g->choices);
    for (size_t i = 0; i < c->n_choices; i++) {
        const struct pr_request *q = j->score[i];
        struct pr_choice_score *s = &g->choices[i];
        s->tokens = q->n - q->score_from;
        s->log_likelihood = -nll_of(q, s->tokens);
        if (isnan(s->log_likelihood)) {
            g->bad_number = true;
            g->correct_reason = pr_strdup("NaN or infinity in the model's output");
            return;
        }
        double per = s->log_likelihood / (double)characters(c->choices[i]);
        if (s->log_likelihood > best) {
            best = s->log_likelihood;
            g->chosen = i;
        }
        if (per > best_per) {
            best_per = per;
            g->chosen_per_length = i;
        }
    }
    for (size_t i = 0; i < c->n_choices; i++)
        sum += exp(g->choices[i].log_likelihood - best);
    g->confidence = g->confidence_all = 1 / sum;
    g->finish = "choice";
    g->well_formed = true;
    g->answer_len = c->choices[g->chosen].n;
    g->answer = pr_strndup(c->choices[g->chosen].s, g->answer_len);
    g->correct = g->chosen == c->right_choice ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    g->correct_per_length =
        g->chosen_per_length == c->right_choice ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
}

static enum pr_code read_answer(struct grading *r, const struct job *j, struct pr_error *e)
{
    struct pr_grade *g = j->g;
    const struct pr_request *q = j->ask;
    if (q->bad_number) {
        g->bad_number = true;
        g->correct_reason = pr_strdup("NaN or infinity in the model's output");
        return PR_OK;
    }
    enum pr_code code = pr_answer_read(pr_prompter_tokenizer(r->prompter), q->new_ids,
        q->new_logprobs, q->n_new, q->finish, j->prompts[0].think_open, g, e);
    if (code)
        return code;
    if (g->truncated) {
        g->correct = PR_VERDICT_WRONG;
        return PR_OK;
    }
    bool right = false;
    struct pr_error why;
    struct pr_answer a = {
        .example = g->example, .text = {g->answer, g->answer_len}, .judges = r->judges};
    if (pr_check_decide(&a, &right, &why))
        g->correct_reason = pr_strdup(why.message);
    else
        g->correct = right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    return PR_OK;
}

/* All requests of a job are back. */
static enum pr_code finish(struct grading *r, struct job *j, struct pr_error *e)
{
    struct pr_grade *g = j->g;
    enum pr_code code = PR_OK;
    g->graded = true;
    read_loss(j);
    if (g->example->check.n_choices)
        read_choices(j);
    else if (j->ask)
        code = read_answer(r, j, e);
    else if (g->example->golden.s)
        g->correct_reason = pr_strdup(r->o->no_answers ? "no answers were asked for"
                                                       : "the prompt leaves no room for an answer");
    for (size_t i = 0; i < j->n_prompts; i++)
        if (j->score[i])
            r->out->tokens_scored += j->score[i]->n - j->score[i]->score_from;
    r->out->tokens_generated += j->ask ? j->ask->n_new : 0;
    job_done(j);
    return code;
}

static int tell_grade(struct grading *r, const struct pr_grade *g)
{
    r->progress.examples_done++;
    return r->o->on_grade ? r->o->on_grade(r->o->ctx, g) : 0;
}

static int on_request(void *ctx, struct pr_request *q)
{
    struct grading *r = ctx;
    struct job *j = q->user;
    if (--j->waiting)
        return 0;
    struct pr_grade *g = j->g;
    r->code = finish(r, j, r->e);
    return r->code ? 1 : tell_grade(r, g);
}

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct grading *r = ctx;
    r->progress.tokens_done = r->tokens_before + done;
    r->progress.tokens_total = r->tokens_before + total;
    return r->o->on_progress ? r->o->on_progress(r->o->ctx, &r->progress) : 0;
}

/* Jobs without any request (a text of one token) are finished at once. */
static enum pr_code finish_idle(struct grading *r, struct pr_error *e)
{
    for (size_t i = 0; i < r->n_jobs; i++) {
        struct pr_grade *g = r->jobs[i].g;
        if (r->jobs[i].waiting)
            continue;
        enum pr_code code = finish(r, &r->jobs[i], e);
        if (code)
            return code;
        if (tell_grade(r, g))
            return pr_fail(e, PR_E_CANCELLED, "stopped");
    }
    return PR_OK;
}

/* Runs examples from *at on, as many as fit into a batch. */
static enum pr_code run_batch(
    struct grading *r, struct pr_engine *engine, size_t *at, struct pr_error *e)
{
    struct pr_grades *out = r->out;
    struct pr_run run = {.done = on_request, .progress = on_progress, .ctx = r};
    size_t bytes = 0;
    enum pr_code code = PR_OK;
    r->jobs = pr_zalloc((out->n - *at) * sizeof *r->jobs);
    r->n_jobs = r->n_requests = 0;
    for (; *at < out->n && bytes < BATCH_BYTES; ++*at) {
        struct job *j = &r->jobs[r->n_jobs];
        if (prepare(r, j, &out->v[*at])) {
            bytes += add_requests(r, j);
            r->n_jobs++;
        } else if (tell_grade(r, &out->v[*at])) {
            code = pr_fail(e, PR_E_CANCELLED, "stopped");
            break;
        }
    }
    link_requests(r);
    if (!code)
        code = finish_idle(r, e);
    if (!code && r->n_requests) {
        code = pr_engine_run(engine, r->requests, r->n_requests, &run, e);
        code = r->code ? r->code : code;
        out->tokens_prefilled += run.tokens_prefilled;
        out->tokens_shared += run.tokens_shared;
        r->tokens_before = r->progress.tokens_done;
    }
    for (size_t i = 0; i < r->n_jobs; i++)
        job_done(&r->jobs[i]);
    pr_free(r->jobs);
    r->jobs = NULL;
    return code;
}

void pr_grade_settings(const struct pr_prompter *p, const char *numerics, size_t max_new_tokens,
    json_t **ret, char ret_fingerprint[PR_SHA256_HEX])
{
    struct pr_str text = PR_STR_INIT(1 << 26);
    uint8_t hash[PR_SHA256_LEN];
    json_t *settings = pr_prompter_settings(p);
    pr_json_set_str(settings, "numerics", numerics);
    pr_json_set_int(
        settings, "max_new_tokens", (int64_t)(max_new_tokens ? max_new_tokens : PR_GRADE_MAX_NEW));
    pr_json_dump_canonical(settings, &text);
    pr_sha256(pr_str_cstr(&text), text.len, hash);
    pr_sha256_hex(hash, ret_fingerprint);
    pr_str_done(&text);
    *ret = settings;
}

static void describe(struct pr_grades *out, const struct pr_checkpoint *c,
    const struct pr_engine *g, const struct pr_prompter *p)
{
    out->checkpoint = pr_strdup(pr_checkpoint_name(c));
    out->path = pr_strdup(pr_checkpoint_dir(c));
    out->dtype = pr_engine_math(g) == PR_MATH_BF16 ? "bf16" : "f32";
    out->numerics = pr_strdup(pr_engine_numerics(g));
    out->has_template = pr_prompter_has_template(p);
    pr_grade_settings(
        p, out->numerics, out->max_new_tokens, &out->settings, out->settings_fingerprint);
}

/* Nothing could be asked: that is an error with its reason, not an empty grade. */
static enum pr_code check_any(const struct pr_grades *out, struct pr_error *e)
{
    for (size_t i = 0; i < out->n; i++)
        if (out->v[i].graded)
            return PR_OK;
    return pr_fail(e, PR_E_FORMAT, "no example could be graded; the first, '%.100s': %s",
        out->n ? out->v[0].example->id : "none",
        out->n && out->v[0].reason ? out->v[0].reason : "");
}

static struct pr_grades *grades_new(const struct pr_suite *s, const struct pr_grade_options *o)
{
    struct pr_grades *out = pr_zalloc(sizeof *out);
    out->suite = s;
    out->n = s->n;
    out->v = pr_zalloc((s->n + 1) * sizeof *out->v);
    out->samples = s->n < s->n_all ? s->n : 0;
    out->max_new_tokens = o->max_new_tokens ? o->max_new_tokens : PR_GRADE_MAX_NEW;
    for (size_t i = 0; i < s->n; i++)
        out->v[i] = (struct pr_grade){
            .example = &s->v[i], .nll = NAN, .loss = NAN, .confidence = NAN, .confidence_all = NAN};
    return out;
}

static void tell_cost(const struct grading *r, int64_t start_ns)
{
    if (r->o->ret_cost)
        *r->o->ret_cost = (struct pr_grade_cost){.examples = r->progress.examples_done,
            .tokens_scored = r->out->tokens_scored,
            .tokens_generated = r->out->tokens_generated,
            .tokens_prefilled = r->out->tokens_prefilled,
            .tokens_shared = r->out->tokens_shared,
            .seconds = (double)(pr_clock_monotonic_ns() - start_ns) / 1e9};
}

enum pr_code pr_grade_suite(struct pr_checkpoint *c, struct pr_engine *g, const struct pr_suite *s,
    const struct pr_grade_options *options, struct pr_grades **ret, struct pr_error *e)
{
    static const struct pr_grade_options none;
    struct pr_error own;
    const struct pr_grade_options *o = options ? options : &none;
    e = e ? e : &own;
    struct grading r = {.o = o,
        .out = grades_new(s, o),
        .config = pr_checkpoint_config(c),
        .e = e,
        .judges = o->no_commands ? NULL : pr_judges_new(),
        .progress.examples_total = s->n};
    int64_t start = pr_clock_monotonic_ns();
    enum pr_code code = pr_prompter_new(c, &o->prompt, &r.prompter, e);
    if (code || (code = pr_checkpoint_fingerprint(c, o->n_threads, r.out->fingerprint, e)) ||
        (code = pr_checkpoint_origin(pr_checkpoint_dir(c), &r.out->origin, e)))
        goto out;
    r.stops = pr_prompter_stops(r.prompter, &r.n_stops);
    describe(r.out, c, g, r.prompter);
    for (size_t at = 0; !code && at < r.out->n;)
        code = run_batch(&r, g, &at, e);
    if (code || (code = pr_checkpoint_unchanged(c, e)) || (code = check_any(r.out, e)))
        goto out;
    r.out->seconds = (double)(pr_clock_monotonic_ns() - start) / 1e9;
    *ret = r.out;
out:
    tell_cost(&r, start);
    if (!code)
        r.out = NULL;
    pr_free(r.requests);
    pr_judges_free(r.judges);
    pr_prompter_free(r.prompter);
    pr_grades_free(r.out);
    return code;
}

const char *pr_grade_finish(const char *text)
{
    static const char *const known[] = {"stop", "length", "choice"};
    for (size_t i = 0; text && i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], text))
            return known[i];
    return NULL;
}

void pr_grade_done(struct pr_grade *g)
{
    pr_free(g->reason);
    pr_free(g->loss_reason);
    pr_free(g->answer);
    pr_free(g->output);
    pr_free(g->correct_reason);
    pr_free(g->choices);
    *g = (struct pr_grade){0};
}

void pr_grades_free(struct pr_grades *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        pr_grade_done(&g->v[i]);
    pr_free(g->v);
    pr_free(g->checkpoint);
    pr_free(g->path);
    pr_free(g->numerics);
    json_decref(g->settings);
    pr_free(g);
}
