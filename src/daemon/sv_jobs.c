/* The systems' turns: who asked for which, and when it runs.  A run happens on the worker with a
 * gradebook of its own, read-only, in one moment of it; what it found is applied on the loop. */
#include <malloc.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/deploy_config.h"
#include "daemon/skill_sources.h"
#include "daemon/supervisor_internal.h"

/* ---- a run ---- */

struct run {
    struct pr_sv_task task; /* first */
    struct pr_sv_runner *runner;
    const struct pr_system *system;
    char *db_path;
    struct pr_settings settings;
    struct pr_config config; /* of a system that uses pool or data; else empty */
    struct pr_view_data data;
    struct pr_sv_mover *mover; /* of a system that moves checkpoints */
    struct pr_move move;
    struct pr_deploy_config deploy;
    struct pr_probe_spent *lost;
    size_t n_lost;
    struct pr_question *question;
    char options[65];
    int64_t now_ms;
    uint64_t changes;
    struct pr_findings findings;
    bool failed, stopped;
    struct pr_error e;
};

/* What probes would train on, where the system wants to know. */
static enum pr_code look_at_pool(struct run *r, struct pr_view *v, struct pr_error *e)
{
    const struct pr_question_options o = {
        .config = &r->config, .lost = r->lost, .n_lost = r->n_lost};
    if (!r->system->uses_pool)
        return PR_OK;
    enum pr_code code = pr_question_look(v, &o, &r->question, e);
    if (!code)
        v->pool = &r->question->view;
    return code;
}

static enum pr_code look(struct run *r, struct pr_gradebook *g, struct pr_error *e)
{
    struct pr_view v;
    enum pr_code code = pr_gradebook_begin(g, e);
    if (code)
        return code;
    code = pr_view_open(g, &r->settings, r->options, r->now_ms, &v, e);
    if (!code) {
        v.data = r->system->uses_data ? &r->data : NULL;
        v.move = r->system->act ? &r->move : NULL;
        code = look_at_pool(r, &v, e);
        if (!code)
            code = r->system->run(&v, &r->findings, e);
        pr_view_close(&v);
    }
    pr_gradebook_rollback(g);
    return code;
}

static void work(struct pr_sv_task *t)
{
    struct run *r = (struct run *)t;
    struct pr_gradebook *g = NULL;
    enum pr_code code = pr_gradebook_open(r->db_path, PR_GRADEBOOK_READ, &g, &r->e);
    struct pr_skill_source **sources = NULL;
    if (!code && r->system->uses_data)
        code = pr_skill_sources_of(&r->config, &sources, &r->data.n_sources, &r->e);
    r->data.sources = sources;
    if (!code)
        code = look(r, g, &r->e);
    pr_skill_sources_free(sources, r->data.n_sources);
    pr_gradebook_close(g);
    if (!code && r->system->act)
        code = r->system->act(&r->move, &r->findings, &r->e);
    r->failed = code;
    r->stopped = code == PR_E_CANCELLED;
    malloc_trim(0); /* a view of many grades must not stay as resident memory */
}

static void run_done(struct pr_sv_task *t)
{
    struct run *r = (struct run *)t;
    struct pr_sv_runner *runner = r->runner;
    struct pr_supervisor *s = runner->s;
    runner->running = false;
    if (!runner->jobs || s->stopped) {
        pr_sv_mover_stop(runner); /* it was not while it ran: what it keeps goes now */
        return;
    }
    if (r->stopped && runner->again) /* for somebody who left; others came since */
        return pr_sv_run(runner);
    if (s->paused) { /* it runs again when there is room to store what it finds */
        runner->again = true;
        return;
    }
    runner->seen = r->changes;
    runner->applied = true;
    pr_sv_apply(runner, &r->findings, r->now_ms, r->failed ? &r->e : NULL);
    pr_sv_probes_found(runner, r->failed || runner->again ? NULL : &r->findings, r->question);
    r->question = NULL;
    if (!r->failed && r->findings.again)
        runner->again = true;
    if (runner->again && runner->jobs)
        pr_sv_run(runner);
    pr_sv_plan_soon(s, 0); /* what was found may need more to be graded */
}

static void run_free(struct pr_sv_task *t)
{
    struct run *r = (struct run *)t;
    pr_findings_done(&r->findings);
    pr_question_free(r->question);
    pr_sv_mover_leave(r->mover);
    pr_deploy_config_done(&r->deploy);
    if (r->config.base_dir)
        pr_config_done(&r->config);
    pr_free(r->lost);
    pr_free(r->db_path);
    pr_free(r);
}

static int64_t interval_of(const struct pr_supervisor *s, const struct pr_job *j)
{
    const json_t *own = json_object_get(s->config.intervals, j->system->name);
    if (j->interval_ms)
        return j->interval_ms;
    return 1000 * (json_is_integer(own) ? json_integer_value(own) : j->system->interval_s);
}

int64_t pr_sv_interval_ms(const struct pr_sv_runner *r)
{
    return r->jobs ? interval_of(r->s, r->jobs) : 1000 * r->system->interval_s;
}

bool pr_sv_runs_once(const struct pr_sv_runner *r)
{
    for (const struct pr_job *j = r->jobs; j; j = j->next)
        if (!j->once && !j->dead)
            return false;
    return true;
}

/* The shortest of those that asked for more than one run. */
static void arm(struct pr_sv_runner *r)
{
    int64_t best = 0;
    for (const struct pr_job *j = r->jobs; j; j = j->next) {
        int64_t ms = interval_of(r->s, j);
        if (!j->dead && !j->once && (!best || ms < best))
            best = ms;
    }
    if (best)
        pr_timer_after(r->s->loop, &r->timer, best);
    else
        pr_timer_stop(r->s->loop, &r->timer);
}

/* Its settings lie in the run's own configuration. */
static enum pr_code prepare_move(struct pr_sv_runner *r, struct run *run, struct pr_error *e)
{
    if (!r->system->act)
        return PR_OK;
    run->mover = pr_sv_mover_enter(r, e);
    if (!run->mover)
        return e->code;
    run->config.sync.current = run->config.current;
    pr_deploy_config_of(&run->config, &run->deploy);
    run->move = (struct pr_move){.base_dir = run->config.base_dir,
        .sync = &run->config.sync,
        .deploy = &run->deploy.settings,
        .interval_ms = pr_sv_interval_ms(r),
        .once_ms = pr_sv_runs_once(r) ? r->jobs->asked_ms : 0};
    pr_sv_mover_fill(run->mover, &run->move);
    return PR_OK;
}

static void put(struct pr_sv_runner *r, struct run *run)
{
    if (prepare_move(r, run, &run->e)) {
        pr_log(PR_LOG_ERROR, r->system->name, "not-run", "error=%s", pr_log_quote(run->e.message));
        r->running = false;
        run_free(&run->task);
    } else if (run->mover) {
        pr_sv_mover_put(run->mover, &run->task);
    } else {
        pr_sv_worker_put(r->s->worker, &run->task);
    }
}

void pr_sv_run(struct pr_sv_runner *r)
{
    struct pr_supervisor *s = r->s;
    if (!r->jobs || s->stopped)
        return;
    /* It reads by a connection of its own: what this turn stored is committed before. */
    r->again = r->running || s->paused || !s->scanned || !pr_sv_end(s);
    if (r->again)
        return;
    struct run *run = pr_zalloc(sizeof *run);
    *run = (struct run){.task = {.work = work, .done = run_done, .free = run_free},
        .runner = r,
        .system = r->system,
        .db_path = pr_strdup(s->db_path),
        .settings = r->config.settings,
        .now_ms = pr_clock_utc_ms(),
        .changes = s->changes};
    memcpy(run->options, s->options, sizeof run->options);
    if (r->system->uses_pool || r->system->uses_data || r->system->act)
        pr_config_copy(&r->config, &run->config);
    if (r->system->uses_data)
        run->data = (struct pr_view_data){.base_dir = run->config.base_dir,
            .skill_weights = run->config.generation_skills,
            .correction_queue = run->config.correction_queue,
            .generation_count = run->config.generation_count,
            .interval_ms = pr_sv_interval_ms(r),
            .once_ms = pr_sv_runs_once(r) ? r->jobs->asked_ms : 0};
    if (r->system->uses_pool) {
        run->n_lost = s->probes.n_lost;
        run->lost = pr_zalloc((run->n_lost + 1) * sizeof *run->lost);
        if (run->n_lost)
            memcpy(run->lost, s->probes.lost, run->n_lost * sizeof *run->lost);
    }
    json_decref(r->run_set); /* somebody may register while it runs */
    r->run_set = pr_sv_set(r);
    r->running = true;
    arm(r);
    put(r, run);
}

void pr_sv_run_all(struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->n_runners; i++)
        pr_sv_run(&s->runners[i]);
}

void pr_sv_run_graded(struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        if (!r->system->asks_nothing || !pr_sv_runs_once(r))
            pr_sv_run(r);
    }
}

static void fired(void *ctx)
{
    pr_sv_run(ctx);
}

/* ---- jobs that end ---- */

/* It has seen all there is that matters to it.  A second run would say of itself that it did
 * nothing, and that would be all that whoever asked gets to see. */
static bool has_seen_all(const struct pr_sv_runner *r)
{
    return r->system->asks_nothing || r->seen == r->s->changes;
}

/* Nothing that this system needs is to be graded any more, and it has seen all there is. */
static bool is_through(const struct pr_sv_runner *r)
{
    const struct pr_supervisor *s = r->s;
    return s->scanned && !s->plan.pending && !s->suites_pending && !r->outstanding && r->applied &&
           !r->running && !r->again && has_seen_all(r) && !pr_sv_probes_pending(r);
}

static void tell_finished(struct pr_sv_runner *r)
{
    for (struct pr_job *j = r->jobs; j; j = j->next) {
        if (!j->once || j->dead || !j->finished)
            continue;
        void (*finished)(void *) = j->finished;
        j->finished = NULL; /* said once */
        finished(j->ctx);
    }
}

static bool has_once(const struct pr_sv_runner *r)
{
    for (const struct pr_job *j = r->jobs; j; j = j->next)
        if (j->once && !j->dead && j->finished)
            return true;
    return false;
}

void pr_sv_check_once(struct pr_supervisor *s)
{
    s->in_callback++;
    for (size_t i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        if (!has_once(r))
            continue;
        bool through = is_through(r);
        if (through && !pr_sv_deliveries_pending(s))
            tell_finished(r);
        else if (!through && !r->outstanding && !r->running && !pr_sv_probes_pending(r))
            pr_sv_run(r);
    }
    s->in_callback--;
    pr_sv_reap_jobs(s);
}

/* ---- who asked ---- */

static void free_job(struct pr_job *j)
{
    json_decref(j->set);
    pr_free(j);
}

static void stop_runner(struct pr_sv_runner *r)
{
    pr_timer_stop(r->s->loop, &r->timer);
    pr_sv_mover_stop(r);
    pr_sv_probes_forget(r);
    if (r->config.base_dir)
        pr_config_done(&r->config);
    r->config = (struct pr_config){0};
    r->applied = r->again = false;
}

void pr_sv_reap_jobs(struct pr_supervisor *s)
{
    struct pr_error e;
    if (s->in_callback)
        return;
    for (size_t i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        bool any = false;
        for (struct pr_job **at = &r->jobs; *at;) {
            struct pr_job *j = *at;
            if (!j->dead) {
                at = &j->next;
                continue;
            }
            *at = j->next;
            free_job(j);
            any = true;
        }
        if (any && !r->jobs)
            stop_runner(r);
        else if (any && pr_sv_configure(r, &e))
            pr_log(PR_LOG_ERROR, r->system->name, "failed", "doing=configure error=%s",
                pr_log_quote(e.message));
        if (any)
            pr_sv_plan_soon(s, 0);
    }
}

static enum pr_code set_keys(struct pr_config *c, const json_t *set, struct pr_error *e)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)set, key, value) {
        enum pr_code code = json_is_string(value)
                                ? pr_config_set(c, key, json_string_value(value), e)
                                : pr_fail(e, PR_E_FORMAT, "%s: a text was expected", key);
        if (code)
            return code;
    }
    return PR_OK;
}

static bool is_empty(const json_t *set)
{
    return !set || !json_object_size(set);
}

/* Who has had it run for the longest. */
static const struct pr_job *oldest(const struct pr_sv_runner *r)
{
    const struct pr_job *found = r->jobs;
    for (const struct pr_job *j = r->jobs; j; j = j->next)
        if (!j->dead)
            found = j;
    return found;
}

json_t *pr_sv_set(const struct pr_sv_runner *r)
{
    const json_t *first = r->jobs ? oldest(r)->set : NULL;
    json_t *o = r->jobs && r->jobs->set ? json_copy(r->jobs->set) : json_object();
    for (size_t i = 0; i < r->system->n_options; i++) {
        const struct pr_system_option *x = &r->system->options[i];
        json_t *v = json_object_get(first, x->key);
        if (x->asks_anew && v)
            json_object_set(o, x->key, v);
        else if (x->asks_anew)
            json_object_del(o, x->key);
    }
    return o;
}

/* The option with which `set` would have another question asked than under `now`; NULL: none. */
static const struct pr_system_option *asks_anew(
    const struct pr_system *system, const struct pr_config *now, const json_t *set)
{
    struct pr_error ignored;
    const struct pr_system_option *found = NULL;
    for (size_t i = 0; i < system->n_options && !found; i++) {
        const struct pr_system_option *x = &system->options[i];
        const char *value = json_string_value(json_object_get(set, x->key));
        struct pr_config trial;
        if (!x->asks_anew || !value)
            continue;
        char *section = pr_strndup(x->key, strcspn(x->key, "."));
        pr_config_copy(now, &trial);
        if (!pr_config_set(&trial, x->key, value, &ignored) &&
            !pr_config_same_section(&trial, now, section))
            found = x;
        pr_config_done(&trial);
        pr_free(section);
    }
    return found;
}

bool pr_sv_only_looks(const struct pr_sv_runner *r)
{
    if (!pr_sv_runs_once(r))
        return false;
    json_t *set = pr_sv_set(r);
    bool other = asks_anew(r->system, &r->s->config, set) != NULL;
    json_decref(set);
    return other;
}

enum pr_code pr_sv_configure(struct pr_sv_runner *r, struct pr_error *e)
{
    struct pr_config c;
    pr_config_copy(&r->s->config, &c);
    json_t *set = pr_sv_set(r);
    enum pr_code code = set_keys(&c, set, e);
    json_decref(set);
    if (code) {
        pr_config_done(&c);
        return code;
    }
    if (r->config.base_dir)
        pr_config_done(&r->config);
    r->config = c;
    arm(r);
    return PR_OK;
}

static struct pr_sv_runner *find_runner(struct pr_supervisor *s, const struct pr_system *system)
{
    for (size_t i = 0; i < s->n_runners; i++)
        if (s->runners[i].system == system)
            return &s->runners[i];
    if (s->n_runners == PR_SV_MAX_SYSTEMS)
        return NULL;
    struct pr_sv_runner *r = &s->runners[s->n_runners];
    *r = (struct pr_sv_runner){.s = s, .index = (unsigned)s->n_runners++, .system = system};
    r->timer = (struct pr_timer){.fired = fired, .ctx = r};
    return r;
}

enum pr_code pr_supervisor_add(struct pr_supervisor *s, const struct pr_job_options *o,
    struct pr_job **ret, struct pr_error *e)
{
    struct pr_sv_runner *r = find_runner(s, o->system);
    if (!r)
        return pr_fail(e, PR_E_LIMIT, "more than %d systems", PR_SV_MAX_SYSTEMS);
    const struct pr_system_option *other =
        r->jobs && r->config.base_dir ? asks_anew(o->system, &r->config, o->set) : NULL;
    if (other)
        return pr_fail(e, PR_E_USAGE,
            "%s runs here already, and --%s would end its probe and have another question asked; "
            "to ask that from now on, set %s in proctor.yaml",
            o->system->name, other->name, other->key);
    struct pr_job *j = pr_zalloc(sizeof *j);
    *j = (struct pr_job){.system = o->system,
        .interval_ms = o->interval_ms,
        .set = is_empty(o->set) ? NULL : json_deep_copy(o->set),
        .once = o->once,
        .asked_ms = pr_clock_utc_ms(),
        .found = o->found,
        .finished = o->finished,
        .ctx = o->ctx,
        .next = r->jobs};
    r->jobs = j;
    enum pr_code code = pr_sv_configure(r, e);
    if (code) {
        r->jobs = j->next;
        free_job(j);
        return pr_wrap(e, code, "%s", o->system->name);
    }
    r->again |= r->running; /* what runs now has the settings of before */
    pr_sv_run(r);
    pr_sv_plan_soon(s, 0);
    *ret = j;
    return PR_OK;
}

void pr_supervisor_remove(struct pr_supervisor *s, struct pr_job *j)
{
    if (!j)
        return;
    j->dead = true;
    pr_sv_reap_jobs(s);
}

void pr_sv_runners_done(struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->n_runners; i++)
        pr_sv_mover_stop(&s->runners[i]); /* all at once: each may take its time to notice */
    for (size_t i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        for (struct pr_job *j = r->jobs, *next; j; j = next) {
            next = j->next;
            free_job(j);
        }
        r->jobs = NULL;
        stop_runner(r);
        pr_sv_mover_done(r);
        json_decref(r->document);
        json_decref(r->run_set);
        pr_free(r->reason);
    }
}
