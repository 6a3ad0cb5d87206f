/* What the grader says: opened, grades, done, and how it ended; all of it stored in the turn's
 * transaction. */
#include <string.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"

#define BLAMED_AT 2 /* graders that died of it */

/* ---- orders ---- */

void pr_sv_order_done(struct pr_sv_order *o)
{
    for (size_t i = 0; i < o->n_lines; i++)
        pr_free(o->lines[i].line);
    pr_free(o->lines);
    pr_free(o->row.asked_by);
    *o = (struct pr_sv_order){0};
}

void pr_sv_order_finish(
    struct pr_supervisor *s, size_t index, const char *state, const char *reason)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_sv_order o = g->orders[index];
    struct pr_error e;
    memmove(
        &g->orders[index], &g->orders[index + 1], (g->n_orders - index - 1) * sizeof *g->orders);
    g->n_orders--;
    o.row.state = (char *)state;
    o.row.reason = (char *)reason;
    o.row.ended_ms = pr_clock_utc_ms();
    pr_log(PR_LOG_INFO, PR_SV_NAME, "order-over",
        "id=%lld checkpoint=%lld state=%s scored=%llu generated=%llu prefilled=%llu shared=%llu",
        (long long)o.row.id, (long long)o.row.checkpoint, state,
        (unsigned long long)o.row.tokens_scored, (unsigned long long)o.row.tokens_generated,
        (unsigned long long)o.row.tokens_prefilled, (unsigned long long)o.row.tokens_shared);
    if (pr_sv_begin(s, &e) || pr_gradebook_put_order(s->g, &o.row, &e))
        pr_sv_failed(s, "note an order", &e);
    pr_sv_order_done(&o);
}

void pr_sv_close_orders(struct pr_supervisor *s, const char *state, const char *reason)
{
    while (s->grader.n_orders)
        pr_sv_order_finish(s, 0, state, reason);
}

struct pr_sv_order *pr_sv_find_order(struct pr_supervisor *s, int64_t id)
{
    for (size_t i = 0; i < s->grader.n_orders; i++)
        if (s->grader.orders[i].row.id == id)
            return &s->grader.orders[i];
    return NULL;
}

void pr_sv_settle_orders(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    for (size_t i = g->n_orders; i-- > 0;) {
        const struct pr_sv_order *o = &g->orders[i];
        if (!o->over || o->n_judging)
            continue;
        bool all = o->n_stored >= o->row.examples, cancelled = o->cancelled;
        if (!all && !cancelled) { /* ordering the rest again must not become a circle */
            pr_log(PR_LOG_WARN, PR_SV_NAME, "grades-missing", "order=%lld got=%zu of=%llu",
                (long long)o->row.id, o->n_stored, (unsigned long long)o->row.examples);
            pr_sv_block(s, o->row.checkpoint, false);
        }
        pr_sv_order_finish(s, i, cancelled ? "cancelled" : "done", NULL);
        s->stage_over |= !cancelled;
        pr_sv_plan_soon(s, 0);
    }
}

/* ---- events ---- */

static void fill_opened(
    const struct pr_supervisor *s, const struct pr_grader_opened *o, struct pr_opened *ret)
{
    *ret = (struct pr_opened){.origin = o->origin,
        .weight_bytes = o->weight_bytes,
        .parameters = o->parameters,
        .notes = o->notes,
        .bad_weights = o->bad_weights,
        .options = s->options,
        .settings = o->settings};
    memcpy(ret->fingerprint, o->fingerprint, sizeof ret->fingerprint);
    memcpy(ret->settings_fingerprint, o->settings_fingerprint, sizeof ret->settings_fingerprint);
}

/* Notes what opening told, and reads back under which keys its grades are kept. */
static enum pr_code note_opened(
    struct pr_supervisor *s, const struct pr_grader_opened *o, struct pr_error *e)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_opened opened;
    struct pr_checkpoint_row row;
    fill_opened(s, o, &opened);
    enum pr_code code = pr_sv_begin(s, e);
    if (code ||
        (code = pr_gradebook_set_opened(s->g, g->checkpoint, &opened, pr_clock_utc_ms(), e)) ||
        (code = pr_gradebook_checkpoint(s->g, g->checkpoint, &row, e)))
        return code;
    g->model = row.model;
    pr_sv_curves_opened(s, &row);
    pr_checkpoint_row_done(&row);
    if ((code = pr_gradebook_settings(s->g, g->model, s->options, &g->settings, e)))
        return code;
    return g->settings ? PR_OK : pr_fail(e, PR_E_IO, "the settings of an opened model are lost");
}

static void opened(void *ctx, const struct pr_grader_opened *o)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_grader *g = &s->grader;
    struct pr_error e;
    char key[64];
    if (g->abandoned)
        return;
    if (note_opened(s, o, &e)) {
        pr_sv_failed(s, "note an opened checkpoint", &e);
        return;
    }
    g->opened = g->fresh = true;
    g->sandbox = pr_strdup(o->sandbox ? o->sandbox : "none");
    pr_sv_key(key, "refused", g->checkpoint);
    pr_sv_clear(s, key);
    s->changes++;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "opened", "checkpoint=%lld step=%lld fingerprint=%.12s",
        (long long)g->checkpoint, (long long)o->origin.step, o->fingerprint);
    pr_sv_plan_soon(s, 0);
}

static void grade(
    void *ctx, int64_t order, const char *digest, const struct pr_grade *v, bool judge)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_grader *g = &s->grader;
    struct pr_sv_order *o = pr_sv_find_order(s, order);
    struct pr_error e;
    if (g->abandoned || !g->opened || !o)
        return;
    if (judge && v->answer && pr_sv_judge(s, o, digest, v)) {
        o->n_judging++;
        return;
    }
    o->n_stored += pr_sv_store_grade(s, g->model, g->settings, digest, v, &e);
}

bool pr_sv_store_grade(struct pr_supervisor *s, int64_t model, int64_t settings, const char *digest,
    const struct pr_grade *v, struct pr_error *e)
{
    bool fresh = false;
    enum pr_code code = pr_sv_begin(s, e);
    if (!code)
        code =
            pr_gradebook_put_grade(s->g, model, settings, digest, v, pr_clock_utc_ms(), &fresh, e);
    if (code == PR_E_NOT_FOUND) { /* nobody asked for it */
        pr_log(PR_LOG_WARN, PR_SV_NAME, "unknown-example", "model=%lld digest=%.12s",
            (long long)model, digest);
        return false;
    }
    if (code) {
        pr_sv_failed(s, "store a grade", e);
        return false;
    }
    s->grades_stored = true;
    s->examples += fresh;
    s->changes++;
    return true;
}

static void done(void *ctx, const struct pr_grader_done *d)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_order *o = pr_sv_find_order(s, d->order);
    s->tokens.scored += d->tokens_scored;
    s->tokens.generated += d->tokens_generated;
    s->tokens.prefilled += d->tokens_prefilled;
    s->tokens.shared += d->tokens_shared;
    if (!o)
        return;
    o->row.tokens_scored = d->tokens_scored;
    o->row.tokens_generated = d->tokens_generated;
    o->row.tokens_prefilled = d->tokens_prefilled;
    o->row.tokens_shared = d->tokens_shared;
    o->row.seconds = d->seconds;
    o->over = true;
    o->cancelled = d->cancelled;
}

static void order_failed(void *ctx, int64_t order, const struct pr_error *why)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_order *o = pr_sv_find_order(s, order);
    if (!o)
        return;
    pr_log(PR_LOG_WARN, PR_SV_NAME, "order-failed", "id=%lld error=%s", (long long)order,
        pr_log_quote(why->message));
    pr_sv_block(s, o->row.checkpoint, false);
    pr_sv_order_finish(s, (size_t)(o - s->grader.orders), "failed", why->message);
    pr_sv_plan_soon(s, 0);
}

/* ---- ends ---- */

static void refused(struct pr_supervisor *s, const char *reason)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_error e;
    char key[64];
    if (pr_sv_begin(s, &e) ||
        pr_gradebook_set_state(s->g, g->checkpoint, PR_CHECKPOINT_REFUSED, reason, &e)) {
        pr_sv_failed(s, "refuse a checkpoint", &e);
        return;
    }
    pr_sv_key(key, "refused", g->checkpoint);
    pr_sv_alert(
        s, key, g->checkpoint, PR_ALERT_WARNING, "%s cannot be graded: %s", g->name, reason);
    s->changes++;
}

/* Its files are not those that were noted: the arrivals tell what they are now. */
static void files_changed(struct pr_supervisor *s, const char *reason)
{
    (void)reason;
    pr_sv_block(s, s->grader.checkpoint, false);
    pr_arrivals_scan(s->arrivals);
    pr_sv_arm_arrivals(s);
}

static void died(struct pr_supervisor *s, const char *reason)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_error e;
    int n = 0;
    if (pr_sv_begin(s, &e) || pr_gradebook_add_failure(s->g, g->checkpoint, reason, &n, &e) ||
        (n >= BLAMED_AT &&
            pr_gradebook_set_state(s->g, g->checkpoint, PR_CHECKPOINT_QUARANTINED, reason, &e))) {
        pr_sv_failed(s, "note a grader's death", &e);
        return;
    }
    s->changes++;
    if (n < BLAMED_AT) {
        pr_sv_block(s, g->checkpoint, false);
        return;
    }
    char key[64];
    pr_sv_key(key, "quarantined", g->checkpoint);
    pr_sv_alert(s, key, g->checkpoint, PR_ALERT_CRITICAL,
        "%s is quarantined: %d graders died of it, the last because %s", g->name, n, reason);
}

static void finished(struct pr_supervisor *s, const char *reason)
{
    (void)s;
    (void)reason;
}

static const struct {
    const char *name, *order; /* in the log; what becomes of orders left open */
    void (*settle)(struct pr_supervisor *s, const char *reason);
} ends[] = {
    [PR_GRADER_FINISHED] = {"finished", "cancelled", finished},
    [PR_GRADER_REFUSED] = {"refused", "failed", refused},
    [PR_GRADER_CHANGED] = {"changed", "cancelled", files_changed},
    [PR_GRADER_DIED] = {"died", "failed", died},
    [PR_GRADER_KILLED] = {"killed", "cancelled", finished},
};

static void ended(void *ctx, enum pr_grader_end how, const struct pr_error *why)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_grader *g = &s->grader;
    const char *reason = why && how != PR_GRADER_FINISHED ? why->message : "its grader ended";
    pr_log(how == PR_GRADER_DIED ? PR_LOG_WARN : PR_LOG_INFO, PR_SV_NAME, "grader-over",
        "checkpoint=%lld end=%s reason=%s", (long long)g->checkpoint, ends[how].name,
        pr_log_quote(reason));
    g->ended = true;
    pr_sv_settle_orders(s);
    pr_sv_close_orders(s, ends[how].order, reason);
    if (!g->abandoned)
        ends[how].settle(s, reason);
}

void pr_sv_grader_events(struct pr_supervisor *s, struct pr_grader_events *ret)
{
    *ret = (struct pr_grader_events){.opened = opened,
        .grade = grade,
        .done = done,
        .order_failed = order_failed,
        .ended = ended,
        .ctx = s};
}
