/* A checkpoint's state back into a net and its optimizer.  All of it is checked before any of it is
 * taken over. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "train/save_internal.h"

#define STATE_PATH PR_SAVE_STATE_FOLDER "/" PR_SAVE_STATE_FILE

struct stored {
    struct pr_safetensors *state;
    struct pr_safetensors **weights; /* of the model or adapter */
    size_t n, cap;
};

static void stored_done(struct stored *s)
{
    pr_safetensors_free(s->state);
    for (size_t i = 0; i < s->n; i++)
        pr_safetensors_free(s->weights[i]);
    pr_free(s->weights);
}

static enum pr_code open_all(int dir_fd, const char *dir, struct stored *ret, struct pr_error *e)
{
    char **names;
    size_t n;
    enum pr_code code = pr_safetensors_open(dir_fd, STATE_PATH, true, &ret->state, e);
    if (code)
        return code;
    if ((code = pr_dir_list(dir, &names, &n, e)))
        return code;
    for (size_t i = 0; i < n && !code; i++) {
        struct pr_safetensors *s;
        if (!pr_save_is_weights(names[i]))
            continue;
        code = pr_safetensors_open(dir_fd, names[i], true, &s, e);
        if (!code)
            PR_PUSH(ret->weights, ret->n, ret->cap, s);
    }
    pr_names_free(names, n);
    return code;
}

static enum pr_code check_shape(const struct pr_tensor *t, const struct pr_param *p,
    const char *file, const char *name, struct pr_error *e)
{
    if (!t)
        return pr_fail(e, PR_E_FORMAT, "%s: tensor '%s' is missing", file, name);
    bool same = t->rank == p->rank && t->n == p->n &&
                (p->rank == 1 || (t->shape[0] == p->rows && t->shape[1] == p->cols));
    return same ? PR_OK
                : pr_fail(e, PR_E_FORMAT, "%s: tensor '%s' has another shape than what is trained",
                      file, name);
}

static enum pr_code check_finite(const struct pr_tensor *t, struct pr_error *e)
{
    const unsigned char *p = t->data;
    for (uint64_t i = 0; i < t->n; i++) {
        float x;
        memcpy(&x, p + 4 * i, 4);
        if (!isfinite(x))
            return pr_fail(e, PR_E_FORMAT,
                STATE_PATH ": tensor '%s' holds a number that is not finite", t->name);
    }
    return PR_OK;
}

/* The state's tensor of a parameter; *ret stays NULL where it is missing and not required. */
static enum pr_code find_state(const struct stored *s, const char *prefix, const struct pr_param *p,
    bool required, const struct pr_tensor **ret, struct pr_error *e)
{
    struct pr_str name = PR_STR_INIT(1024);
    pr_str_printf(&name, "%s%s", prefix, p->name);
    const struct pr_tensor *t = pr_safetensors_find(s->state, pr_str_cstr(&name));
    enum pr_code code =
        t || required ? check_shape(t, p, STATE_PATH, pr_str_cstr(&name), e) : PR_OK;
    if (!code && t && t->dtype != PR_F32)
        code = pr_fail(e, PR_E_FORMAT, STATE_PATH ": tensor '%s' is %s, expected F32", t->name,
            pr_dtype_name(t->dtype));
    if (!code && t)
        code = check_finite(t, e);
    pr_str_done(&name);
    *ret = t;
    return code;
}

static enum pr_code find_weight(const struct stored *s, const struct pr_param *p,
    const struct pr_tensor **ret, struct pr_error *e)
{
    const struct pr_tensor *t = NULL;
    for (size_t i = 0; i < s->n && !t; i++)
        t = pr_safetensors_find(s->weights[i], p->name);
    *ret = t;
    return check_shape(t, p, "the weights", p->name, e);
}

/* Are the weights what the masters round to?  Else they were exchanged since. */
static enum pr_code check_rounded(
    const struct pr_tensor *weight, const struct pr_tensor *master, struct pr_error *e)
{
    enum { PART = 4096 };
    unsigned char part[PART * 8] __attribute__((aligned(64)));
    size_t size = pr_dtype_size(weight->dtype);
    if (!pr_dtype_is_float(weight->dtype) || weight->dtype == PR_F64)
        return pr_fail(e, PR_E_FORMAT, "the weights: tensor '%s' is %s", weight->name,
            pr_dtype_name(weight->dtype));
    for (uint64_t i = 0; i < weight->n; i += PART) {
        size_t m = weight->n - i < PART ? (size_t)(weight->n - i) : PART;
        pr_convert(PR_F32, (const unsigned char *)master->data + 4 * i, m, weight->dtype, part);
        if (memcmp(part, (const unsigned char *)weight->data + size * i, m * size))
            return pr_fail(e, PR_E_FORMAT,
                "the weights: tensor '%s' is not what " STATE_PATH " was saved with", weight->name);
    }
    return PR_OK;
}

/* Where each of a parameter's three blocks is to come from. */
static enum pr_code find_sources(const struct stored *s, const struct pr_param *p,
    const struct pr_tensor *ret[3], struct pr_error *e)
{
    const struct pr_tensor *weight, *master;
    enum pr_code code = find_state(s, PR_SAVE_M, p, true, &ret[0], e);
    if (!code)
        code = find_state(s, PR_SAVE_V, p, true, &ret[1], e);
    if (!code)
        code = find_state(s, PR_SAVE_MASTER, p, false, &master, e);
    if (!code)
        code = find_weight(s, p, &weight, e);
    if (code)
        return code;
    ret[2] = master ? master : weight;
    if (ret[2]->dtype != PR_F32)
        return pr_fail(
            e, PR_E_FORMAT, STATE_PATH ": tensor '" PR_SAVE_MASTER "%s' is missing", p->name);
    return master ? check_rounded(weight, master, e) : PR_OK;
}

static enum pr_code find_step(const struct stored *s, int64_t *ret, struct pr_error *e)
{
    const struct pr_tensor *t = pr_safetensors_find(s->state, "step");
    if (!t || t->dtype != PR_I64 || t->n != 1)
        return pr_fail(e, PR_E_FORMAT, STATE_PATH ": tensor 'step' is missing or no whole number");
    memcpy(ret, t->data, sizeof *ret);
    return *ret >= 0 ? PR_OK
                     : pr_fail(e, PR_E_FORMAT, STATE_PATH ": 'step' is %lld", (long long)*ret);
}

static enum pr_code take_over(
    const struct stored *s, struct pr_net *net, struct pr_optimizer *o, struct pr_error *e)
{
    size_t n, all;
    int64_t step = 0;
    const struct pr_param *params = pr_net_params(net, &n);
    float *values = pr_net_values(net, &all);
    const struct pr_tensor *(*sources)[3] = pr_zalloc((n + 1) * sizeof *sources);
    enum pr_code code = find_step(s, &step, e);
    for (size_t i = 0; i < n && !code; i++)
        code = find_sources(s, &params[i], sources[i], e);
    for (size_t i = 0; i < n && !code; i++) {
        size_t at = (size_t)(params[i].value - values);
        float *to[3] = {o->m + at, o->v + at, values + at};
        for (size_t k = 0; k < 3; k++) {
            memcpy(to[k], sources[i][k]->data, params[i].n * sizeof(float));
            pr_safetensors_drop(s->state, sources[i][k]->data, sources[i][k]->bytes);
        }
    }
    if (!code) {
        o->step = step;
        pr_net_changed(net);
    }
    pr_free(sources);
    return code;
}

enum pr_code pr_save_restore(
    const char *checkpoint, struct pr_net *net, struct pr_optimizer *o, struct pr_error *e)
{
    struct stored s = {0};
    char *name = pr_path_base(checkpoint);
    int fd = open(checkpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pr_code code =
        fd < 0 ? pr_fail_errno(e, errno, "%s", checkpoint) : open_all(fd, checkpoint, &s, e);
    if (!code)
        code = take_over(&s, net, o, e);
    if (code && fd >= 0)
        code = pr_wrap(e, code, "%s", name);
    stored_done(&s);
    if (fd >= 0)
        close(fd);
    pr_free(name);
    return code;
}
