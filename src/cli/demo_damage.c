/* See demo.h: what a training that blows up leaves behind, made by hand. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "cli/demo.h"
#include "model/safetensors.h"

#define MAX_FILE ((size_t)256 << 20)
#define HIDDEN   PR_DEMO_TRAINER "/.damaged.tmp" /* not a checkpoint's name: nobody looks */
#define WEIGHTS  "model.safetensors"
#define STATE    "trainer_state.json"

/* Adds normal noise of the weights' own spread to every one of them. */
static void disturb(const struct pr_tensor *t, char *bytes, struct pr_rng *rng)
{
    float *w = pr_alloc((size_t)t->n * sizeof *w);
    double sum = 0;
    pr_to_f32(t->dtype, bytes + t->offset, (size_t)t->n, w);
    for (uint64_t i = 0; i < t->n; i++)
        sum += (double)w[i] * (double)w[i];
    double spread = sqrt(sum / (double)t->n);
    for (uint64_t i = 0; i < t->n; i++)
        w[i] += (float)(spread * pr_rng_normal(rng));
    void *back = pr_alloc((size_t)t->bytes);
    pr_convert(PR_F32, w, (size_t)t->n, t->dtype, back);
    memcpy(bytes + t->offset, back, (size_t)t->bytes);
    pr_free(back);
    pr_free(w);
}

static enum pr_code disturb_file(const char *name, char *bytes, size_t n, struct pr_error *e)
{
    struct pr_safetensors *s;
    struct pr_rng rng;
    enum pr_code code = pr_safetensors_open(AT_FDCWD, name, false, &s, e);
    if (code)
        return code;
    pr_rng_seed(&rng, 1);
    for (size_t i = 0; i < pr_safetensors_count(s); i++) {
        const struct pr_tensor *t = pr_safetensors_at(s, i);
        if (pr_dtype_is_float(t->dtype) && t->rank == 2 && strstr(t->name, ".layers.") &&
            t->offset + t->bytes <= n)
            disturb(t, bytes, &rng);
    }
    pr_safetensors_free(s);
    return PR_OK;
}

/* The copy is a step of its own. */
static enum pr_code next_step(
    const char *name, int64_t step, char **bytes, size_t *n, struct pr_error *e)
{
    json_t *state;
    enum pr_code code = pr_json_read(AT_FDCWD, name, MAX_FILE, PR_JSON_NAN, &state, e);
    if (code)
        return code;
    struct pr_str text = PR_STR_INIT(MAX_FILE);
    json_object_set_new(state, "global_step", json_integer(step));
    pr_json_dump(state, 2, 0, &text);
    json_decref(state);
    pr_free(*bytes);
    *n = text.len;
    *bytes = pr_str_take(&text);
    pr_str_done(&text);
    return PR_OK;
}

static enum pr_code copy(const char *from, const char *name, int64_t step, struct pr_error *e)
{
    char *source = pr_path_join(from, name), *target = pr_path_join(HIDDEN, name), *bytes = NULL;
    size_t n = 0;
    enum pr_code code = pr_file_read(AT_FDCWD, source, MAX_FILE, &bytes, &n, e);
    if (!code && !strcmp(name, WEIGHTS))
        code = disturb_file(source, bytes, n, e);
    if (!code && !strcmp(name, STATE))
        code = next_step(source, step, &bytes, &n, e);
    if (!code)
        code = pr_file_write_atomic(target, bytes, n, e);
    pr_free(bytes);
    pr_free(source);
    pr_free(target);
    return code;
}

/* What an interrupted attempt left. */
static void clear_hidden(void)
{
    char **names;
    size_t n;
    struct pr_error ignored;
    if (pr_dir_list(HIDDEN, &names, &n, &ignored))
        return;
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(HIDDEN, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
    rmdir(HIDDEN);
}

enum pr_code pr_demo_damage(int64_t step, struct pr_error *e)
{
    char from[128], to[128], **names = NULL;
    size_t n = 0;
    snprintf(from, sizeof from, PR_DEMO_TRAINER "/checkpoint-%lld", (long long)step);
    snprintf(to, sizeof to, PR_DEMO_TRAINER "/checkpoint-%lld", (long long)step + 1);
    clear_hidden();
    enum pr_code code = pr_dir_list(from, &names, &n, e);
    if (!code)
        code = pr_mkdirs(HIDDEN, e);
    for (size_t i = 0; i < n && !code; i++) {
        char *path = pr_path_join(from, names[i]);
        if (!pr_path_is_dir(path)) /* not the optimizer's state: nobody goes on from this one */
            code = copy(from, names[i], step + 1, e);
        pr_free(path);
    }
    if (!code && rename(HIDDEN, to))
        code = pr_fail_errno(e, errno, "%s", to);
    pr_names_free(names, n);
    return code;
}
