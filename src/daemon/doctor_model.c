/* doctor: checkpoints and the reference model.
 *
 * Whether a folder is complete is looked at for many; the newest are opened too (headers,
 * configuration, tokenizer; no weight is read). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/doctor_internal.h"
#include "model/checkpoint.h"

#define MAX_LOOKED  200 /* newest first */
#define MAX_OPENED  10
#define MAX_SHOWN   5    /* of one kind */
#define ABANDONED_S 3600 /* nobody writes to it any more */

struct folder {
    char *path, *name;
    int64_t step;
};

struct tally {
    size_t n, looked, complete, waiting, refused;
};

/* N of checkpoint-N, else -1. */
static int64_t step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    char *end;
    if (strncmp(name, prefix, sizeof prefix - 1) || !name[sizeof prefix - 1])
        return -1;
    long long step = strtoll(name + sizeof prefix - 1, &end, 10);
    return *end || step < 0 ? -1 : step;
}

static bool is_model(const char *path)
{
    static const char *const files[] = {"config.json", "adapter_config.json"};
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char *file = pr_path_join(path, files[i]);
        found = pr_path_exists(file);
        pr_free(file);
    }
    return found;
}

static int newest_first(const void *a, const void *b)
{
    const struct folder *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? 1 : -1;
    return strcmp(y->name, x->name);
}

/* The checkpoint folders in `root`, which may be one itself. */
static void list(const char *root, struct folder **v, size_t *n)
{
    char **names;
    size_t n_names, cap = *n;
    if (is_model(root)) {
        struct folder f = {pr_strdup(root), pr_path_base(root), -1};
        PR_PUSH(*v, *n, cap, f);
        return;
    }
    if (pr_dir_list(root, &names, &n_names, NULL))
        return;
    for (size_t i = 0; i < n_names; i++) {
        char *path = pr_path_join(root, names[i]);
        int64_t step = step_of(names[i]);
        if (pr_path_is_dir(path) && (step >= 0 || is_model(path))) {
            struct folder f = {path, pr_strdup(names[i]), step};
            PR_PUSH(*v, *n, cap, f);
        } else {
            pr_free(path);
        }
    }
    pr_names_free(names, n_names);
    if (*n)
        qsort(*v, *n, sizeof **v, newest_first);
}

/* The reason without the folder's name, with which messages begin. */
static const char *without_name(const struct folder *f, const char *why)
{
    size_t n = strlen(f->name);
    return !strncmp(why, f->name, n) && !strncmp(why + n, ": ", 2) ? why + n + 2 : why;
}

static void say_refused(
    struct pr_doctor *d, struct tally *t, const struct folder *f, const struct pr_error *e)
{
    struct pr_str remedy = PR_STR_INIT(8192);
    pr_str_printf(&remedy, "proctor inspect %s says more", f->path);
    if (t->refused++ < MAX_SHOWN)
        pr_doctor_say(d, PR_DOCTOR_WARNING, pr_str_cstr(&remedy), "%s cannot be used: %s", f->name,
            without_name(f, e->message));
    pr_str_done(&remedy);
}

/* When something in the folder was last written, seconds since 1970: by ctime, since programs that
 * copy set the other times as they were at the source. */
static int64_t last_written(const char *path)
{
    struct stat st;
    char **names;
    size_t n;
    int64_t last = stat(path, &st) ? 0 : st.st_ctime;
    if (pr_dir_list(path, &names, &n, NULL))
        return last;
    for (size_t i = 0; i < n; i++) {
        char *file = pr_path_join(path, names[i]);
        if (!lstat(file, &st) && st.st_ctime > last)
            last = st.st_ctime;
        pr_free(file);
    }
    pr_names_free(names, n);
    return last;
}

static void say_waiting(
    struct pr_doctor *d, struct tally *t, const struct folder *f, const char *why)
{
    if (t->waiting++ >= MAX_SHOWN)
        return;
    int64_t age = d->now_ms / 1000 - last_written(f->path);
    bool abandoned = age > ABANDONED_S;
    why = without_name(f, why);
    if (abandoned)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "remove the folder, or copy it again: nothing has been written to it for a while",
            "%s is incomplete since %lld h: %s", f->name, (long long)(age / 3600), why);
    else
        pr_doctor_say(d, PR_DOCTOR_NOTE, "it is taken up once it is complete",
            "%s is still being written: %s", f->name, why);
}

/* Opens a complete one; what later checks need is kept of it. */
static void look_inside(struct pr_doctor *d, struct tally *t, const struct folder *f)
{
    struct pr_checkpoint_options o = {.bases = (const char *const(*)[2])d->config.bases,
        .n_bases = d->config.n_bases,
        .weights = true};
    struct pr_checkpoint *c = NULL;
    const struct pr_tokenizer *tokenizer = NULL;
    struct pr_error e;
    if (pr_checkpoint_open(f->path, &o, &c, &e) || pr_checkpoint_tokenizer(c, &tokenizer, &e)) {
        say_refused(d, t, f, &e);
        pr_checkpoint_free(c);
        return;
    }
    t->complete++;
    if (!*d->newest) {
        snprintf(d->newest, sizeof d->newest, "%s", f->name);
        memcpy(d->tokenizer, pr_tokenizer_digest(tokenizer), sizeof d->tokenizer);
        d->has_tokenizer = true;
    }
    if (pr_checkpoint_weight_bytes(c) > d->largest_bytes) {
        d->largest_bytes = pr_checkpoint_weight_bytes(c);
        snprintf(d->largest, sizeof d->largest, "%s", f->name);
    }
    pr_checkpoint_free(c);
}

static void look(struct pr_doctor *d, struct tally *t, const struct folder *f)
{
    struct pr_error reason, e;
    struct stat st;
    bool complete;
    if (!stat(f->path, &st))
        pr_doctor_time(d, f->path, st.st_mtime);
    if (t->looked++ >= MAX_LOOKED)
        return;
    if (pr_checkpoint_complete(f->path, &complete, &reason, &e))
        say_refused(d, t, f, &e);
    else if (!complete && reason.code == PR_E_INCOMPLETE)
        say_waiting(d, t, f, reason.message);
    else if (!complete)
        say_refused(d, t, f, &reason);
    else if (t->complete < MAX_OPENED)
        look_inside(d, t, f);
    else
        t->complete++;
}

static void say_total(struct pr_doctor *d, const struct tally *t)
{
    char more[100] = "";
    if (t->n > MAX_LOOKED)
        snprintf(more, sizeof more, " among the newest %d of %zu", MAX_LOOKED, t->n);
    pr_doctor_say(d, t->complete ? PR_DOCTOR_OK : PR_DOCTOR_NOTE, NULL,
        "%zu complete, %zu being written, %zu that cannot be used%s", t->complete, t->waiting,
        t->refused, more);
}

void pr_doctor_checkpoints(struct pr_doctor *d)
{
    static const char *const usual[] = {"models/current_model", "current_model"};
    struct folder *v = NULL;
    struct tally t = {0};
    bool there = d->config.current && pr_path_is_dir(d->config.current);
    if (d->config.current)
        list(d->config.current, &v, &t.n);
    for (size_t i = 0; i < 2 && !d->config.current && !t.n; i++) {
        char *path = pr_doctor_path(d, usual[i]);
        there |= pr_path_is_dir(path);
        list(path, &v, &t.n);
        pr_free(path);
    }
    for (size_t i = 0; i < t.n; i++) {
        look(d, &t, &v[i]);
        pr_free(v[i].path);
        pr_free(v[i].name);
    }
    pr_free(v);
    d->n_folders = t.n;
    if (t.n)
        say_total(d, &t);
    else if (there)
        pr_doctor_say(d, PR_DOCTOR_NOTE, "they are taken up as the trainer writes them there",
            "no checkpoint yet");
    else
        pr_doctor_say(d, d->config.current ? PR_DOCTOR_WARNING : PR_DOCTOR_NOTE,
            "let the trainer write there, or name its folder as models.current in proctor.yaml",
            "%s is not there", d->config.current ? d->config.current : "models/current_model");
}

void pr_doctor_reference(struct pr_doctor *d)
{
    const char *path = d->config.reference;
    struct pr_checkpoint_options o = {.bases = (const char *const(*)[2])d->config.bases,
        .n_bases = d->config.n_bases,
        .weights = true};
    struct pr_checkpoint *c = NULL;
    const struct pr_tokenizer *tokenizer = NULL;
    struct pr_error e;
    if (!path) {
        pr_doctor_say(d, PR_DOCTOR_NOTE,
            "name the model that training started from as models.reference to see the checkpoints "
            "beside it",
            "no reference model");
        return;
    }
    if (pr_checkpoint_open(path, &o, &c, &e) || pr_checkpoint_tokenizer(c, &tokenizer, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct models.reference in proctor.yaml, or remove it",
            "%s", e.message);
    else if (d->has_tokenizer &&
             memcmp(d->tokenizer, pr_tokenizer_digest(tokenizer), sizeof d->tokenizer))
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "name the base that this run started from as models.reference",
            "%s has another tokenizer than %s: their losses are over other tokens and not to be "
            "compared, only their answers are",
            path, d->newest);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s%s", path,
            d->has_tokenizer ? " has the tokenizer of the checkpoints" : "");
    pr_checkpoint_free(c);
}
