/* Reading trainer_state.json. */
#include "model/trainer_state.h"

#include <fcntl.h>
#include <math.h>

#include "base/alloc.h"
#include "base/file.h"

/* obj[key] as a number: true where the key is there, *ret NaN unless it holds a number. */
static bool number_of(const json_t *obj, const char *key, double *ret)
{
    const json_t *v = json_object_get(obj, key);
    *ret = json_is_number(v) ? json_number_value(v) : NAN;
    return v != NULL;
}

static enum pr_code read_entry(const json_t *raw, struct pr_log_entry *ret, struct pr_error *e)
{
    struct pr_log_entry x = {.raw = raw};
    const struct {
        const char *key;
        double *value;
        unsigned bit;
    } fields[] = {
        {"epoch", &x.epoch, PR_LOG_EPOCH},
        {"loss", &x.loss, PR_LOG_LOSS},
        {"eval_loss", &x.eval_loss, PR_LOG_EVAL_LOSS},
        {"learning_rate", &x.learning_rate, PR_LOG_LEARNING_RATE},
        {"grad_norm", &x.grad_norm, PR_LOG_GRAD_NORM},
        {"train_loss", &x.train_loss, PR_LOG_TRAIN_LOSS},
    };
    if (!json_is_object(raw))
        return pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(raw));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (number_of(raw, fields[i].key, fields[i].value))
            x.has |= fields[i].bit;
    enum pr_code code = pr_json_get_int(raw, "step", true, 0, INT64_MAX, &x.step, e);
    if (!code)
        *ret = x;
    return code;
}

static enum pr_code read_log(
    const json_t *list, struct pr_trainer_state *s, struct pr_notes *notes, struct pr_error *e)
{
    if (!json_is_array(list))
        return pr_fail(
            e, PR_E_FORMAT, "'log_history' is %s, an array was expected", pr_json_type_name(list));
    size_t n = json_array_size(list), back = 0, first = 0;
    s->log = pr_zalloc((n + 1) * sizeof *s->log);
    s->has_log = true;
    for (size_t i = 0; i < n; i++) {
        enum pr_code code = read_entry(json_array_get(list, i), &s->log[i], e);
        if (code)
            return pr_wrap(e, code, "'log_history'[%zu]", i);
        s->n_log = i + 1;
        if (i && s->log[i].step < s->log[i - 1].step && !back++)
            first = i;
    }
    if (back)
        pr_notes_add(notes,
            "'log_history': steps go back %zu time%s, first from %lld to %lld at entry %zu", back,
            back == 1 ? "" : "s", (long long)s->log[first - 1].step, (long long)s->log[first].step,
            first);
    return PR_OK;
}

static enum pr_code read_root(
    struct pr_trainer_state *s, struct pr_notes *notes, struct pr_error *e)
{
    if (!json_is_object(s->root))
        return pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(s->root));
    s->max_steps = -1;
    number_of(s->root, "epoch", &s->epoch);
    number_of(s->root, "best_metric", &s->best_metric);
    s->best_checkpoint = json_string_value(json_object_get(s->root, "best_model_checkpoint"));
    enum pr_code code =
        pr_json_get_int(s->root, "global_step", true, 0, INT64_MAX, &s->global_step, e);
    if (!code)
        code = pr_json_get_int(s->root, "max_steps", false, INT64_MIN, INT64_MAX, &s->max_steps, e);
    if (code)
        return code;
    const json_t *list = json_object_get(s->root, "log_history");
    if (list && !json_is_null(list))
        return read_log(list, s, notes, e);
    pr_notes_add(notes, "there is no 'log_history'");
    return PR_OK;
}

enum pr_code pr_trainer_state_parse(const char *text, size_t n, const char *name,
    struct pr_trainer_state *ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_trainer_state s = {0};
    enum pr_code code = pr_json_parse(text, n, PR_JSON_NAN, name, &s.root, NULL, e);
    if (code)
        return code;
    code = read_root(&s, notes, e);
    if (code) {
        pr_trainer_state_done(&s);
        return pr_wrap(e, code, "%s", name);
    }
    *ret = s;
    return PR_OK;
}

enum pr_code pr_trainer_state_read(int dir_fd, const char *name, struct pr_trainer_state *ret,
    struct pr_notes *notes, struct pr_error *e)
{
    char *text;
    size_t n;
    enum pr_code code = pr_file_read(dir_fd, name, PR_TRAINER_STATE_MAX, &text, &n, e);
    if (code)
        return code;
    code = pr_trainer_state_parse(text, n, name, ret, notes, e);
    pr_free(text);
    return code;
}

void pr_trainer_state_done(struct pr_trainer_state *s)
{
    pr_free(s->log);
    json_decref(s->root);
    *s = (struct pr_trainer_state){0};
}
