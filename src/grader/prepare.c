/* Before a grader's first order: it lowers itself, shuts itself in, and opens its checkpoint.
 *
 * What needs /proc, /sys or the configuration of a library is done before the sandbox is entered;
 * no file of the checkpoint is opened before it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/sha256.h"
#include "compute/cpus.h"
#include "exam/prompt.h"
#include "grader/sandbox.h"
#include "grader/serve.h"
#include "model/hf_cache.h"

#define OOM_SCORE "600" /* of 1000: a grader goes before the training that it watches */
#define MAX_BAD   10000 /* names of tensors with NaN that are told */

/* What belongs to a daemon: it dies with its parent; one that died before this call is told by the
 * other parent's id. */
static void die_with_parent(pid_t parent)
{
    if (!parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NAME, "proctor-grader"); /* else top shows "exe", by which it was started */
    if (getppid() != parent)
        _exit(1);
}

/* A mapped file that becomes shorter is told by how the grader dies (process.c): by the signal, and
 * not by what a sanitizer's handler would make of it. */
static void die_of_sigbus(void)
{
    signal(SIGBUS, SIG_DFL);
}

/* Limits that cannot be set (a container may forbid it) are no reason not to grade. */
static void lower(const struct pr_wire_task *t)
{
    struct rlimit none = {0};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, OOM_SCORE, sizeof OOM_SCORE - 1) < 0) {
            /* As it was, then. */
        }
        close(fd);
    }
    if (getpriority(PRIO_PROCESS, 0) < t->nice)
        setpriority(PRIO_PROCESS, 0, t->nice);
    setrlimit(RLIMIT_CORE, &none);
    pr_sandbox_limit_memory(t->max_memory);
}

/* --- the folders that may be read --- */

struct folders {
    char **v;
    size_t n, cap;
};

static void add_folder(struct folders *f, const char *path)
{
    static const char mark[] = "/snapshots/";
    char real[PATH_MAX];
    if (!realpath(path, real))
        return;
    PR_PUSH(f->v, f->n, f->cap, pr_strdup(real));
    char *at = NULL;
    for (char *p = real; (p = strstr(p, mark)); p++)
        at = p;
    if (!at)
        return;
    /* A snapshot of the Hugging Face cache: its files are links to the blobs beside it. */
    *at = 0;
    PR_PUSH(f->v, f->n, f->cap, pr_path_join(real, "blobs"));
}

/* An adapter is read over its base; only its own file says which, and that is not read out here. */
static void add_bases(struct folders *f, const struct pr_wire_task *t)
{
    char *adapter = pr_path_join(t->path, "adapter_config.json");
    char **caches;
    size_t n;
    if (pr_path_exists(adapter)) {
        for (size_t i = 0; i < t->n_bases; i++)
            add_folder(f, t->bases[i][1]);
        pr_hf_cache_places(&caches, &n);
        for (size_t i = 0; i < n; i++)
            add_folder(f, caches[i]);
        pr_names_free(caches, n);
    }
    pr_free(adapter);
}

static enum pr_code shut_in(struct pr_serve *s, struct pr_error *e)
{
    struct folders f = {0};
    uint8_t warm[PR_SHA256_LEN];
    if (!s->task.n_threads)
        s->task.n_threads = pr_cpus_usable(); /* looks at control groups */
    pr_sha256("", 0, warm);                   /* lets libcrypto read its configuration */
    add_folder(&f, s->task.path);
    add_bases(&f, &s->task);
    enum pr_code code =
        pr_sandbox_enter(pr_sandbox_profile("cpu"), (const char *const *)f.v, f.n, s->sandbox, e);
    pr_names_free(f.v, f.n);
    return code;
}

/* --- opening --- */

static enum pr_code open_checkpoint(struct pr_serve *s, struct pr_error *e)
{
    const struct pr_wire_task *t = &s->task;
    struct pr_checkpoint_options o = {.bases = (const char *const(*)[2])t->bases,
        .n_bases = t->n_bases,
        .weights = true,
        .scan = t->scan};
    enum pr_code code = t->scan ? pr_pool_new(t->n_threads, &o.pool, e) : PR_OK;
    if (!code)
        code = pr_checkpoint_open(t->path, &o, &s->checkpoint, e);
    pr_pool_free(o.pool);
    if (code && code != PR_E_MEMORY && !pr_path_exists(t->path))
        code = pr_fail(e, PR_E_CHANGED, "the folder is gone");
    return code;
}

static json_t *texts(const struct pr_notes *notes, size_t max)
{
    json_t *list = json_array();
    for (size_t i = 0; i < notes->n && i < max; i++)
        json_array_append_new(list, json_string(notes->v[i]));
    return list;
}

/* The settings under which this process will grade, without an engine. */
static enum pr_code find_settings(
    struct pr_serve *s, struct pr_grader_opened *o, struct pr_error *e)
{
    const struct pr_wire_task *t = &s->task;
    struct pr_prompt_options po = {.template_vars = t->template_vars, .now_utc_ms = t->now_utc_ms};
    struct pr_engine_options eo = {.math = t->math};
    struct pr_prompter *p;
    enum pr_math math;
    char numerics[PR_NUMERICS_MAX];
    enum pr_code code = pr_engine_choose(s->checkpoint, &eo, &math, numerics, e);
    if (code || (code = pr_prompter_new(s->checkpoint, &po, &p, e)))
        return code;
    pr_grade_settings(p, numerics, t->max_new_tokens, &o->settings, o->settings_fingerprint);
    pr_prompter_free(p);
    return PR_OK;
}

static enum pr_code say_opened(struct pr_serve *s, struct pr_error *e)
{
    struct pr_grader_opened o = {.sandbox = s->sandbox};
    enum pr_code code = find_settings(s, &o, e);
    if (!code)
        code = pr_checkpoint_fingerprint(s->checkpoint, s->task.n_threads, o.fingerprint, e);
    if (!code)
        code = pr_checkpoint_origin(s->task.path, &o.origin, e);
    if (!code)
        code = pr_checkpoint_unchanged(s->checkpoint, e);
    if (!code) {
        o.weight_bytes = pr_checkpoint_weight_bytes(s->checkpoint);
        o.parameters = pr_model_config_parameters(pr_checkpoint_config(s->checkpoint));
        o.notes = texts(pr_checkpoint_notes(s->checkpoint), SIZE_MAX);
        o.bad_weights = texts(pr_checkpoint_bad_weights(s->checkpoint), MAX_BAD);
        pr_fault_point(PR_FAULT_GRADER_OPENED);
        pr_serve_say(s, pr_wire_put_opened(&o));
    }
    json_decref(o.settings);
    json_decref(o.notes);
    json_decref(o.bad_weights);
    return code;
}

enum pr_code pr_serve_prepare(struct pr_serve *s, struct pr_error *e)
{
    struct pr_error changed;
    die_of_sigbus();
    die_with_parent(s->task.parent);
    lower(&s->task);
    enum pr_code code = shut_in(s, e);
    if (!code)
        code = open_checkpoint(s, e);
    if (code)
        return code;
    code = say_opened(s, e);
    /* Whatever a file that changed meanwhile looked like, that it changed is what matters. */
    if (code && code != PR_E_CHANGED && pr_checkpoint_unchanged(s->checkpoint, &changed)) {
        *e = changed;
        code = changed.code;
    }
    return code;
}
