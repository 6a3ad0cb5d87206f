/* The plan: what all systems need, less what is graded, by checkpoint.  Made anew whenever
 * something changed that it depends on; what is known to be complete is not counted again. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"

#define TRIM_PLACES                                                                                \
    1000 /* a plan over more checkpoints than this gives its memory back at once                   \
          */

/* ---- what is graded completely ---- */

static size_t place_of(const struct pr_sv_graded *g, const struct pr_sv_key *k)
{
    uint64_t h = (uint64_t)k->model * 0x9e3779b97f4a7c15u;
    h = (h ^ (uint64_t)k->settings) * 0x9e3779b97f4a7c15u;
    h = (h ^ (uint64_t)k->suite) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 20) & (g->cap - 1);
    while (g->v[i].model && memcmp(&g->v[i], k, sizeof *k))
        i = (i + 1) & (g->cap - 1);
    return i;
}

static void graded_add(struct pr_sv_graded *g, const struct pr_sv_key *k)
{
    if (2 * (g->n + 1) > g->cap) {
        struct pr_sv_graded old = *g;
        g->cap = old.cap ? 2 * old.cap : 64;
        g->v = pr_zalloc(g->cap * sizeof *g->v);
        for (size_t i = 0; i < old.cap; i++)
            if (old.v[i].model)
                g->v[place_of(g, &old.v[i])] = old.v[i];
        pr_free(old.v);
    }
    size_t i = place_of(g, k);
    g->n += !g->v[i].model;
    g->v[i] = *k;
}

static bool graded_has(const struct pr_sv_graded *g, const struct pr_sv_key *k)
{
    return g->cap && g->v[place_of(g, k)].model;
}

/* ---- checkpoints that must wait ---- */

void pr_sv_block(struct pr_supervisor *s, int64_t checkpoint, bool for_good)
{
    struct pr_sv_blocked *b = NULL;
    for (size_t i = 0; i < s->n_blocked; i++)
        if (s->blocked[i].checkpoint == checkpoint)
            b = &s->blocked[i];
    if (!b) {
        struct pr_sv_blocked x = {.checkpoint = checkpoint};
        PR_PUSH(s->blocked, s->n_blocked, s->blocked_cap, x);
        b = &s->blocked[s->n_blocked - 1];
    }
    b->tries++;
    b->until_ns =
        for_good ? INT64_MAX : pr_clock_monotonic_ns() + pr_orders_backoff_ms(b->tries) * 1000000;
}

void pr_sv_unblock(struct pr_supervisor *s, int64_t checkpoint)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_blocked; i++)
        if (checkpoint && s->blocked[i].checkpoint != checkpoint)
            s->blocked[kept++] = s->blocked[i];
    s->n_blocked = kept;
}

bool pr_sv_is_blocked_for_good(const struct pr_supervisor *s, int64_t checkpoint)
{
    for (size_t i = 0; i < s->n_blocked; i++)
        if (s->blocked[i].checkpoint == checkpoint)
            return s->blocked[i].until_ns == INT64_MAX;
    return false;
}

/* ---- the plan ---- */

struct need {
    struct pr_need need;
    uint32_t systems;
};
/* A checkpoint that is there: its row, and how many are newer.  Which run a checkpoint belongs to
 * is not known before it is opened.  One that came while we watched is newer than all that are
 * open, whatever its step: an output folder may be used again for a new training.  One that lay
 * there at the start is taken for one of the newest run, unless that run itself began while we
 * watched. */
struct place {
    const struct pr_checkpoint_row *row;
    int64_t run, step, rank, newer;
};
struct planning {
    struct pr_supervisor *s;
    struct pr_view view;
    struct need *needs;
    size_t n_needs, needs_cap;
    struct place *places; /* by id */
    size_t n_places;
    size_t outstanding[PR_SV_MAX_SYSTEMS];
};

/* The step, or what the folder's name says of it before it is opened. */
static int64_t step_of(const struct pr_checkpoint_row *r)
{
    if (r->step >= 0)
        return r->step;
    size_t n = strlen(r->name);
    while (n && r->name[n - 1] >= '0' && r->name[n - 1] <= '9')
        n--;
    return r->name[n] ? strtoll(r->name + n, NULL, 10) : -1;
}

static int by_age(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    return a->row->id < b->row->id ? -1 : a->row->id > b->row->id;
}

static int by_id(const void *pa, const void *pb)
{
    int64_t a = ((const struct place *)pa)->row->id, b = ((const struct place *)pb)->row->id;
    return a < b ? -1 : a > b;
}

static void rank_places(struct planning *p)
{
    const struct pr_view *v = &p->view;
    size_t n = v->n_checkpoints;
    int64_t newest_run = 0, looked = p->s->looked;
    bool live = true; /* the newest run began while we watched */
    p->places = pr_zalloc((n + 1) * sizeof *p->places);
    for (size_t i = 0; i < n; i++)
        if (v->checkpoints[i].run_id > newest_run)
            newest_run = v->checkpoints[i].run_id;
    for (size_t i = 0; i < n; i++)
        live &= v->checkpoints[i].run_id != newest_run || v->checkpoints[i].id > looked;
    for (size_t i = 0; i < n; i++) {
        const struct pr_checkpoint_row *r = &v->checkpoints[i];
        p->places[i].row = r;
        bool came = !r->run_id && r->id > looked;
        p->places[i].run = r->run_id ? r->run_id : came ? newest_run + 1 : newest_run - live;
        p->places[i].step = came ? r->id : step_of(r);
    }
    qsort(p->places, n, sizeof *p->places, by_age);
    for (size_t i = 0; i < n; i++) {
        p->places[i].rank = (int64_t)i + 1;
        p->places[i].newer = (int64_t)(n - 1 - i);
    }
    if (v->reference)
        p->places[n++] = (struct place){.row = v->reference}; /* never too old */
    p->n_places = n;
    qsort(p->places, n, sizeof *p->places, by_id);
}

static const struct place *find_place(const struct planning *p, int64_t id)
{
    size_t lo = 0, hi = p->n_places;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->places[mid].row->id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->n_places && p->places[lo].row->id == id ? &p->places[lo] : NULL;
}

static void ask_systems(struct planning *p)
{
    struct pr_supervisor *s = p->s;
    for (unsigned i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        struct pr_needs needs = {0};
        struct pr_error e;
        if (!r->jobs)
            continue;
        p->view.settings = &r->config.settings;
        if (r->system->plan(&p->view, &needs, &e))
            pr_log(
                PR_LOG_ERROR, r->system->name, "plan-failed", "error=%s", pr_log_quote(e.message));
        for (size_t k = 0; k < needs.n; k++) {
            struct need x = {needs.v[k], (uint32_t)1 << i};
            PR_PUSH(p->needs, p->n_needs, p->needs_cap, x);
        }
        pr_free(needs.v);
    }
    p->view.settings = &s->config.settings;
}

/* By checkpoint and suite. */
static int by_need(const void *pa, const void *pb)
{
    const struct need *a = pa, *b = pb;
    if (a->need.checkpoint != b->need.checkpoint)
        return a->need.checkpoint < b->need.checkpoint ? -1 : 1;
    if (a->need.suite != b->need.suite)
        return a->need.suite < b->need.suite ? -1 : 1;
    return 0;
}

static void merge_needs(struct planning *p)
{
    size_t n = 0;
    if (p->n_needs)
        qsort(p->needs, p->n_needs, sizeof *p->needs, by_need);
    for (size_t i = 0; i < p->n_needs; i++) {
        struct need *last = n ? &p->needs[n - 1] : NULL;
        if (!last || by_need(last, &p->needs[i])) {
            p->needs[n++] = p->needs[i];
            continue;
        }
        last->systems |= p->needs[i].systems;
        if (p->needs[i].need.priority > last->need.priority)
            last->need.priority = p->needs[i].need.priority;
    }
    p->n_needs = n;
}

static void count_outstanding(struct planning *p, uint32_t systems)
{
    for (unsigned i = 0; i < p->s->n_runners; i++)
        p->outstanding[i] += systems >> i & 1;
}

static void add_wanted(struct planning *p, struct pr_wanted *w, uint32_t systems)
{
    struct pr_sv_plan *plan = &p->s->plan;
    if (!pr_sv_is_blocked_for_good(p->s, w->checkpoint))
        count_outstanding(p, systems);
    size_t n = plan->n;
    PR_PUSH(plan->systems, n, plan->systems_cap, systems);
    PR_PUSH(plan->v, plan->n, plan->cap, *w);
}

/* Some examples of this suite lack a grade.  *first: so many that the first piece was not done. */
static enum pr_code is_missing(struct planning *p, const struct pr_checkpoint_row *row,
    int64_t settings, int64_t suite, bool *ret, bool *first, struct pr_error *e)
{
    struct pr_sv_key key = {row->model, settings, suite};
    *ret = !graded_has(&p->s->plan.graded, &key);
    if (!*ret)
        return PR_OK;
    size_t done, all;
    enum pr_code code = pr_gradebook_count(p->view.g, row->model, settings, suite, &done, &all, e);
    if (code)
        return code;
    const struct pr_suite_row *main = pr_view_suite(&p->view, PR_SUITE_MAIN);
    *ret = done < all;
    *first |= done < all && done < PR_ORDER_FIRST && main && main->id == suite;
    if (!*ret)
        graded_add(&p->s->plan.graded, &key);
    return PR_OK;
}

static int64_t suite_rank(const struct planning *p, int64_t suite)
{
    for (size_t i = 0; i < p->view.n_suites; i++)
        if (p->view.suites[i].id == suite)
            return (int64_t)i;
    return (int64_t)p->view.n_suites;
}

/* Keeps w->suites in order: by priority, then as the view has them. */
static void insert_suite(
    struct planning *p, struct pr_wanted *w, int *priorities, const struct pr_need *need)
{
    size_t k = w->n_suites++;
    for (; k; k--) {
        if (priorities[k - 1] > need->priority ||
            (priorities[k - 1] == need->priority &&
                suite_rank(p, w->suites[k - 1]) <= suite_rank(p, need->suite)))
            break;
        priorities[k] = priorities[k - 1];
        w->suites[k] = w->suites[k - 1];
    }
    priorities[k] = need->priority;
    w->suites[k] = need->suite;
}

static bool can_be_graded(const struct pr_checkpoint_row *r)
{
    return r->state == PR_CHECKPOINT_FOUND || r->state == PR_CHECKPOINT_READY;
}

static bool is_newest(const struct place *at)
{
    return !at->row->reference && !at->newer;
}

/* What is urgent about a checkpoint that was never opened is told by its rank: systems go by steps,
 * which are not known yet. */
static int priority_of(const struct place *at, int priority)
{
    if (at->row->state != PR_CHECKPOINT_FOUND)
        return priority;
    return is_newest(at) ? PR_PRIORITY_NEWEST : PR_PRIORITY_BACKFILL;
}

static bool is_too_old(const struct planning *p, const struct place *at, int priority)
{
    int64_t backfill = p->s->config.backfill;
    return backfill >= 0 && priority <= PR_PRIORITY_BACKFILL && at->newer > backfill;
}

/* All needs of one checkpoint: n of them. */
static enum pr_code want_suites(struct planning *p, const struct place *at,
    const struct need *needs, size_t n, struct pr_error *e)
{
    struct pr_wanted w = {.checkpoint = at->row->id, .rank = at->rank};
    int64_t settings = 0;
    uint32_t systems = 0;
    bool first = false;
    enum pr_code code = PR_OK;
    if (at->row->model)
        code = pr_gradebook_settings(p->view.g, at->row->model, p->s->options, &settings, e);
    if (code)
        return code;
    w.suites = pr_zalloc(n * sizeof *w.suites);
    int *priorities = pr_zalloc(n * sizeof *priorities);
    for (size_t i = 0; i < n && !code; i++) {
        bool missing = true;
        struct pr_need need = needs[i].need;
        need.priority = priority_of(at, need.priority);
        if (is_too_old(p, at, need.priority))
            continue;
        if (settings)
            code = is_missing(p, at->row, settings, need.suite, &missing, &first, e);
        if (code || !missing)
            continue;
        insert_suite(p, &w, priorities, &need);
        systems |= needs[i].systems;
    }
    w.priority = w.n_suites ? priorities[0] : 0;
    if (settings && !first)
        w.priority = pr_orders_rest(w.priority);
    w.first = first;
    pr_free(priorities);
    if (code || !w.n_suites)
        pr_free(w.suites);
    else
        add_wanted(p, &w, systems);
    return code;
}

/* One that no system knows of yet, because it was never opened. */
static void want_opened(struct planning *p, const struct place *at)
{
    struct pr_wanted w = {.checkpoint = at->row->id,
        .rank = at->rank,
        .priority = priority_of(at, PR_PRIORITY_BACKFILL),
        .open_only = true};
    uint32_t all = 0;
    for (unsigned i = 0; i < p->s->n_runners; i++)
        all |= p->s->runners[i].jobs ? (uint32_t)1 << i : 0;
    if (!is_too_old(p, at, w.priority))
        add_wanted(p, &w, all);
}

static void clear(struct pr_sv_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        pr_free(plan->v[i].suites);
    plan->n = 0;
}

static enum pr_code want(struct planning *p, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    clear(&p->s->plan);
    rank_places(p);
    ask_systems(p);
    merge_needs(p);
    for (size_t i = 0, n; i < p->n_needs && !code; i += n) {
        n = 1;
        while (i + n < p->n_needs && p->needs[i + n].need.checkpoint == p->needs[i].need.checkpoint)
            n++;
        const struct place *at = find_place(p, p->needs[i].need.checkpoint);
        if (at && can_be_graded(at->row))
            code = want_suites(p, at, &p->needs[i], n, e);
    }
    for (size_t i = 0; i < p->n_places && !code; i++) {
        const struct place *at = &p->places[i];
        if (at->row->state == PR_CHECKPOINT_FOUND && !pr_sv_wanted(p->s, at->row->id))
            want_opened(p, at);
    }
    return code;
}

static enum pr_code make(struct pr_supervisor *s, struct pr_error *e)
{
    struct planning p = {.s = s};
    enum pr_code code = pr_gradebook_begin(s->g, e);
    if (code)
        return code;
    code = pr_view_open(s->g, &s->config.settings, s->options, pr_clock_utc_ms(), &p.view, e);
    if (!code) {
        code = want(&p, e);
        pr_view_close(&p.view);
    }
    pr_gradebook_rollback(s->g);
    for (size_t i = 0; i < s->n_runners; i++)
        s->runners[i].outstanding = p.outstanding[i];
    pr_free(p.needs);
    pr_free(p.places);
    if (p.n_places > TRIM_PLACES)
        malloc_trim(0);
    return code;
}

void pr_sv_plan_make(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_error e;
    if (s->paused || s->stopped)
        return;
    s->plan.pending = false;
    if (!s->scanned) /* it is made when the first look is over */
        return;
    if (make(s, &e)) {
        pr_sv_failed(s, "plan", &e);
        return;
    }
    pr_sv_step(s);
    pr_sv_check_once(s);
    pr_sv_end(s);
}

void pr_sv_plan_soon(struct pr_supervisor *s, int64_t ms)
{
    struct pr_timer *t = &s->plan.timer;
    int64_t at = pr_clock_monotonic_ns() + ms * 1000000;
    if (s->plan.pending && t->at_ns && t->at_ns <= at)
        return;
    s->plan.pending = true;
    pr_timer_set(s->loop, t, at);
}

const struct pr_wanted *pr_sv_wanted(const struct pr_supervisor *s, int64_t checkpoint)
{
    for (size_t i = 0; i < s->plan.n; i++)
        if (s->plan.v[i].checkpoint == checkpoint)
            return &s->plan.v[i];
    return NULL;
}

void pr_sv_plan_done(struct pr_sv_plan *p)
{
    clear(p);
    pr_free(p->v);
    pr_free(p->systems);
    pr_free(p->graded.v);
    *p = (struct pr_sv_plan){0};
}
