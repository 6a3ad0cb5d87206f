/* The supervisor's own rules (rules.h). */
#include "daemon/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define MINUTE_NS    60000000000LL
#define GAPS         3 /* so many times the usual wait between two steps is no standstill yet */
#define FAILURES     3 /* in a row make a system's failing an alert */
#define GB           1e9
#define DISK_BAND    1.1  /* it is in order again with so much more than the limit */
#define DISK_DANGER  0.25 /* of the limit: critical */
#define GPU_BAND     3    /* degrees below the limit */
#define MAX_GPUS     64
#define UNKNOWN      (-1) /* a level: nothing was said yet */
#define IN_ORDER     0
#define WRONG(level) ((level) + 1)

struct pr_rules {
    json_t *said;  /* key → IN_ORDER or WRONG(level) */
    json_t *files; /* key → the files of the queue that it was said of */
    /* training */
    bool seen;
    int64_t step, since_ns, gap_ns; /* gap: the last wait that ended with a step; 0: none did */
};

struct look {
    struct pr_rules *r;
    const struct pr_rule_input *in;
    pr_rule_raise *raise;
    pr_rule_clear *clear;
    void *ctx;
};

/* ---- what is said ---- */

static int said_of(const struct look *l, const char *key)
{
    const json_t *v = json_object_get(l->r->said, key);
    return v ? (int)json_integer_value(v) : UNKNOWN;
}

static void say_in_order(const struct look *l, const char *key)
{
    if (said_of(l, key) != IN_ORDER)
        l->clear(l->ctx, key);
    json_object_set_new(l->r->said, key, json_integer(IN_ORDER));
}

static void say_wrong(const struct look *l, const char *key, enum pr_alert_level level,
    const char *fmt, ...) PR_PRINTF(4, 5);
static void say_wrong(
    const struct look *l, const char *key, enum pr_alert_level level, const char *fmt, ...)
{
    char text[1000];
    va_list args;
    if (said_of(l, key) == WRONG((int)level))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    l->raise(l->ctx, key, level, text);
    json_object_set_new(l->r->said, key, json_integer(WRONG((int)level)));
}

/* ---- training ---- */

static bool is_over(const json_t *t)
{
    static const char *const words[] = {"completed", "complete", "finished", "done", "stopped",
        "failed", "error", "cancelled", "canceled", "idle"};
    const char *status = json_string_value(json_object_get(t, "status"));
    const json_t *step = json_object_get(t, "current_step"),
                 *total = json_object_get(t, "total_steps");
    for (size_t i = 0; status && i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(status, words[i]))
            return true;
    return json_is_integer(step) && json_is_integer(total) &&
           json_integer_value(step) >= json_integer_value(total);
}

/* The last step that is known of, -1: none. */
static int64_t step_of(const json_t *t)
{
    const json_t *step = json_object_get(t, "current_step"),
                 *logged = json_object_get(json_object_get(t, "latest_logged"), "step");
    int64_t a = json_is_integer(step) ? json_integer_value(step) : -1,
            b = json_is_integer(logged) ? json_integer_value(logged) : -1;
    return a > b ? a : b;
}

/* Checkpoints alone say nothing of the steps between them: how long that takes must be seen once.
 */
static bool steps_show(const json_t *t, const struct pr_rules *r)
{
    const char *source = json_string_value(json_object_get(t, "source"));
    return r->gap_ns || json_is_object(json_object_get(t, "latest_logged")) ||
           (source && strcmp(source, "trainer_state.json") != 0);
}

/* Of proctor train --queue it is known why. */
static bool waits_for_files(const json_t *t)
{
    const char *status = json_string_value(json_object_get(t, "status"));
    return status && !strcasecmp(status, "waiting for training files");
}

static void look_at_steps(const struct look *l)
{
    static const char key[] = "training-stalled";
    struct pr_rules *r = l->r;
    const json_t *t = l->in->training;
    int64_t now = l->in->now_ns, limit = l->in->stalled_minutes * MINUTE_NS;
    if (!limit) {
        say_in_order(l, key);
        return;
    }
    int64_t step = step_of(t);
    if (!t || step < 0)
        return;
    if (!r->seen || step != r->step) {
        bool moved = r->seen;
        r->gap_ns = moved && step > r->step ? now - r->since_ns : 0;
        r->seen = true;
        r->step = step;
        r->since_ns = now;
        if (moved)
            say_in_order(l, key);
    }
    if (is_over(t))
        say_in_order(l, key);
    else if (steps_show(t, r) && now - r->since_ns >= limit &&
             now - r->since_ns >= GAPS * r->gap_ns)
        say_wrong(l, key, PR_ALERT_WARNING,
            "the training stands still: it is at step %lld for more than %lld minutes%s",
            (long long)step, (long long)l->in->stalled_minutes,
            waits_for_files(t) ? ", and its queue of training files is empty" : "");
}

static bool says_not_finite(const json_t *o)
{
    const char *why = json_string_value(json_object_get(o, "loss_reason"));
    return json_is_null(json_object_get(o, "loss")) && why &&
           (strstr(why, "NaN") || strstr(why, "not finite"));
}

static void look_at_loss(const struct look *l)
{
    static const char key[] = "training-loss";
    const json_t *t = l->in->training, *history = json_object_get(t, "history");
    if (says_not_finite(t)) {
        say_wrong(l, key, PR_ALERT_CRITICAL, "the training's loss is no number: %.300s",
            json_string_value(json_object_get(t, "loss_reason")));
        return;
    }
    for (size_t i = json_array_size(history); i--;) {
        const json_t *p = json_array_get(history, i);
        if (says_not_finite(p)) {
            say_wrong(l, key, PR_ALERT_CRITICAL,
                "the training's loss is no number: NaN or infinity was logged at step %lld",
                (long long)json_integer_value(json_object_get(p, "step")));
            return;
        }
        if (json_is_number(json_object_get(p, "loss")))
            break; /* the last one that was logged */
    }
    if (json_is_number(json_object_get(t, "loss")))
        say_in_order(l, key);
}

/* ---- systems ---- */

static void look_at_systems(const struct look *l)
{
    for (size_t i = 0; i < l->in->n_systems; i++) {
        const struct pr_rule_system *s = &l->in->systems[i];
        char key[120];
        snprintf(key, sizeof key, "failing:%.100s", s->name);
        if (s->failures >= FAILURES)
            say_wrong(l, key, PR_ALERT_WARNING, "%s failed %d times in a row: %.600s", s->name,
                s->failures, s->reason ? s->reason : "no reason was noted");
        else if (!s->failures)
            say_in_order(l, key);
    }
}

/* ---- disk ---- */

static void look_at_disk(const struct look *l)
{
    static const char key[] = "disk";
    double free_gb = l->in->disk_free / GB, limit = l->in->disk_free_gb;
    int was = said_of(l, key);
    if (!(limit > 0)) {
        say_in_order(l, key);
        return;
    }
    if (isnan(free_gb))
        return;
    double danger = limit * DISK_DANGER;
    if (free_gb < danger || (was == WRONG(PR_ALERT_CRITICAL) && free_gb < danger * DISK_BAND))
        say_wrong(l, key, PR_ALERT_CRITICAL,
            "%.2f GB are free on the base folder's disk: when it is full nothing is stored",
            free_gb);
    else if (free_gb < limit || (was == WRONG(PR_ALERT_CRITICAL) && free_gb < limit * DISK_BAND))
        say_wrong(l, key, PR_ALERT_WARNING,
            "%.2f GB are free on the base folder's disk, less than %g (alerts.disk_free_gb)",
            free_gb, limit);
    else if (free_gb >= limit * DISK_BAND)
        say_in_order(l, key);
}

/* ---- GPUs ---- */

static void look_at_gpus(const struct look *l)
{
    size_t i;
    const json_t *gpu;
    int64_t limit = l->in->gpu_celsius;
    json_array_foreach (json_object_get(l->in->machine, "gpus"), i, gpu) {
        const json_t *t = json_object_get(gpu, "temperature_celsius");
        const char *name = json_string_value(json_object_get(gpu, "name"));
        long long index = json_integer_value(json_object_get(gpu, "index"));
        char key[40];
        if (i >= MAX_GPUS)
            break;
        snprintf(key, sizeof key, "gpu:%lld", index);
        if (!limit)
            say_in_order(l, key);
        else if (!json_is_number(t))
            continue;
        else if (json_number_value(t) >= (double)limit)
            say_wrong(l, key, PR_ALERT_WARNING,
                "GPU %lld (%.60s) is at %.0f degrees Celsius, from %lld on that is an alert "
                "(alerts.gpu_celsius)",
                index, name ? name : "its name is not known", json_number_value(t),
                (long long)limit);
        else if (json_number_value(t) <= (double)(limit - GPU_BAND))
            say_in_order(l, key);
    }
}

/* ---- the queue ---- */

/* The worst reason of this code: red ones come first.  NULL: there is none. */
static const json_t *reason_of(const json_t *health, const char *code)
{
    size_t i;
    const json_t *r;
    json_array_foreach (json_object_get(health, "reasons"), i, r) {
        const char *is = json_string_value(json_object_get(r, "code"));
        if (is && !strcmp(is, code))
            return r;
    }
    return NULL;
}

static bool is_red(const json_t *reason)
{
    const char *level = json_string_value(json_object_get(reason, "level"));
    return level && !strcmp(level, "red");
}

/* A queue that is empty, or long, is no fault of anybody. */
static void look_at_queue(const struct look *l)
{
    static const char *const codes[] = {"stuck", "invalid", "failed"};
    for (size_t i = 0; l->in->queue && i < sizeof codes / sizeof *codes; i++) {
        const json_t *r = reason_of(l->in->queue, codes[i]), *files = json_object_get(r, "files");
        const char *text = json_string_value(json_object_get(r, "text"));
        char key[32];
        snprintf(key, sizeof key, "queue:%s", codes[i]);
        if (!r || !text) {
            say_in_order(l, key);
            continue;
        }
        /* Other files are said anew, which changes the alert and tells nobody again. */
        if (!json_equal(files, json_object_get(l->r->files, key)))
            json_object_del(l->r->said, key);
        json_object_set(l->r->files, key, (json_t *)(uintptr_t)files);
        say_wrong(l, key, is_red(r) ? PR_ALERT_CRITICAL : PR_ALERT_WARNING,
            "the queue of training files: %.800s", text);
    }
}

/* ---- the table ---- */

static void (*const rules[])(const struct look *l) = {
    look_at_steps,
    look_at_loss,
    look_at_systems,
    look_at_disk,
    look_at_gpus,
    look_at_queue,
};

void pr_rules_look(struct pr_rules *r, const struct pr_rule_input *in, pr_rule_raise *raise,
    pr_rule_clear *clear, void *ctx)
{
    const struct look l = {.r = r, .in = in, .raise = raise, .clear = clear, .ctx = ctx};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        rules[i](&l);
}

struct pr_rules *pr_rules_new(void)
{
    struct pr_rules *r = pr_zalloc(sizeof *r);
    r->said = json_object();
    r->files = json_object();
    return r;
}

void pr_rules_free(struct pr_rules *r)
{
    if (!r)
        return;
    json_decref(r->said);
    json_decref(r->files);
    pr_free(r);
}
