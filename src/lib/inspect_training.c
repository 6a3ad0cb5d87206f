/* Facts of what a training leaves behind: trainer_state.json and TensorBoard's event files. */
#include <fcntl.h>
#include <math.h>

#include "lib/inspect.h"
#include "model/events.h"
#include "model/trainer_state.h"

/* The last value of one kind in the log; null where there is none, and where Python wrote NaN. */
static void put_last(json_t *doc, const char *key, const struct pr_trainer_state *s,
    enum pr_log_has kind, size_t offset)
{
    for (size_t i = s->n_log; i--;) {
        const struct pr_log_entry *entry = &s->log[i];
        if (entry->has & kind) {
            pr_json_set_real(doc, key, *(const double *)((const char *)entry + offset), NULL);
            return;
        }
    }
    pr_json_set_null(doc, key, "the log has none");
}

static size_t count(const struct pr_trainer_state *s, enum pr_log_has kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_log; i++)
        n += (s->log[i].has & kind) != 0;
    return n;
}

static void put_state(json_t *doc, const struct pr_trainer_state *s)
{
    pr_json_set_int(doc, "step", s->global_step);
    if (s->max_steps >= 0)
        pr_json_set_int(doc, "max_steps", s->max_steps);
    else
        pr_json_set_null(doc, "max_steps", "not given");
    pr_json_set_real(doc, "epoch", s->epoch, "not given");
    pr_json_set_int(doc, "log_lines", (int64_t)count(s, PR_LOG_LOSS));
    pr_json_set_int(doc, "eval_lines", (int64_t)count(s, PR_LOG_EVAL_LOSS));
    if (s->n_log) {
        pr_json_set_int(doc, "first_step", s->log[0].step);
        pr_json_set_int(doc, "last_step", s->log[s->n_log - 1].step);
    }
    put_last(doc, "last_loss", s, PR_LOG_LOSS, offsetof(struct pr_log_entry, loss));
    put_last(doc, "last_eval_loss", s, PR_LOG_EVAL_LOSS, offsetof(struct pr_log_entry, eval_loss));
    put_last(doc, "last_learning_rate", s, PR_LOG_LEARNING_RATE,
        offsetof(struct pr_log_entry, learning_rate));
    pr_json_set_real(doc, "best_metric", s->best_metric, "not given");
    pr_json_set_str(doc, "best_checkpoint", s->best_checkpoint);
}

enum pr_code pr_inspect_trainer_state(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    struct pr_trainer_state s = {0};
    (void)options;
    enum pr_code code = pr_trainer_state_read(AT_FDCWD, path, &s, &ret->notes, e);
    if (!code)
        put_state(ret->doc, &s);
    pr_trainer_state_done(&s);
    return code;
}

/* {"count","last_step","last"} a tag, in the order of their first value. */
static json_t *tags_of(const struct pr_events *l)
{
    json_t *tags = json_object();
    for (size_t i = 0; i < l->n; i++) {
        const struct pr_event *event = &l->v[i];
        json_t *tag = json_object_get(tags, event->tag);
        if (!tag)
            pr_json_set(tags, event->tag, tag = json_object());
        pr_json_set_int(tag, "count", json_integer_value(json_object_get(tag, "count")) + 1);
        pr_json_set_int(tag, "last_step", event->step);
        json_object_del(tag, "last_reason");
        pr_json_set_real(tag, "last", event->value, NULL);
    }
    return tags;
}

enum pr_code pr_inspect_events(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    struct pr_events l = {0};
    (void)options;
    enum pr_code code = pr_events_read(AT_FDCWD, path, &l, &ret->notes, e);
    if (!code) {
        int64_t first = 0, last = 0;
        for (size_t i = 0; i < l.n; i++) {
            first = !i || l.v[i].step < first ? l.v[i].step : first;
            last = !i || l.v[i].step > last ? l.v[i].step : last;
        }
        pr_json_set_int(ret->doc, "records", (int64_t)l.n_records);
        pr_json_set_int(ret->doc, "values", (int64_t)l.n);
        if (l.n) {
            pr_json_set_int(ret->doc, "first_step", first);
            pr_json_set_int(ret->doc, "last_step", last);
        }
        pr_json_set(ret->doc, "tags", tags_of(&l));
    }
    pr_events_done(&l);
    return code;
}
