/* TensorBoard event files as a source of where a training stands. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "model/events.h"
#include "systems/training_internal.h"

#define MAX_ENTRIES 20000 /* of folders that are read for event files */
#define MAX_FILES   3     /* read: the newest, and what lies beside it */
#define STAMPED     64    /* that are looked at to see whether anything changed */
#define RATE_POINTS 20    /* over which steps a second are taken */

/* Tags that loggers use.  point: see pr_training_point; -1: none. */
static const struct {
    const char *tag;
    enum pr_training_field field;
    int point;
} tags[] = {
    {"train/loss", PR_TRAINING_LOSS, 0},
    {"loss", PR_TRAINING_LOSS, 0},
    {"loss/train", PR_TRAINING_LOSS, 0},
    {"train_loss", PR_TRAINING_LOSS, 0},
    {"training_loss", PR_TRAINING_LOSS, 0},
    {"training/loss", PR_TRAINING_LOSS, 0},
    {"eval/loss", PR_TRAINING_EVAL_LOSS, 1},
    {"eval_loss", PR_TRAINING_EVAL_LOSS, 1},
    {"loss/eval", PR_TRAINING_EVAL_LOSS, 1},
    {"loss/val", PR_TRAINING_EVAL_LOSS, 1},
    {"val/loss", PR_TRAINING_EVAL_LOSS, 1},
    {"val_loss", PR_TRAINING_EVAL_LOSS, 1},
    {"validation/loss", PR_TRAINING_EVAL_LOSS, 1},
    {"validation_loss", PR_TRAINING_EVAL_LOSS, 1},
    {"train/learning_rate", PR_TRAINING_RATE, 2},
    {"learning_rate", PR_TRAINING_RATE, 2},
    {"train/lr", PR_TRAINING_RATE, 2},
    {"lr", PR_TRAINING_RATE, 2},
    {"train/grad_norm", PR_TRAINING_GRAD_NORM, -1},
    {"grad_norm", PR_TRAINING_GRAD_NORM, -1},
    {"train/epoch", PR_TRAINING_EPOCH, -1},
    {"epoch", PR_TRAINING_EPOCH, -1},
    {"train/tokens_per_second", PR_TRAINING_TOKENS_PER_SECOND, -1},
    {"tokens_per_second", PR_TRAINING_TOKENS_PER_SECOND, -1},
};
#define N_TAGS (sizeof tags / sizeof *tags)

/* ---- which files ---- */

struct found {
    char *path;
    int64_t mtime_ns;
    size_t folder; /* length of the folder's part of path */
};
struct search {
    struct found *v;
    size_t n, cap, entries;
};

static void search_folder(struct search *s, const char *folder, int levels)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (struct dirent *ent; s->entries < MAX_ENTRIES && (ent = readdir(d));) {
        struct stat st;
        s->entries++;
        bool events = !strncmp(ent->d_name, "events.out.tfevents.", 20);
        if (ent->d_name[0] == '.' || (!events && !levels) ||
            (!events && ent->d_type != DT_DIR && ent->d_type != DT_UNKNOWN &&
                ent->d_type != DT_LNK) ||
            fstatat(dirfd(d), ent->d_name, &st, 0))
            continue;
        char *path = pr_path_join(folder, ent->d_name);
        if (events && S_ISREG(st.st_mode) && st.st_size > 0) {
            struct found f = {path, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                strlen(path) - strlen(ent->d_name)};
            PR_PUSH(s->v, s->n, s->cap, f);
            continue;
        }
        if (S_ISDIR(st.st_mode) && levels)
            search_folder(s, path, levels - 1);
        pr_free(path);
    }
    closedir(d);
}

/* The newest first; of two of one moment the one that names sort last. */
static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->mtime_ns != y->mtime_ns)
        return x->mtime_ns < y->mtime_ns ? 1 : -1;
    return strcmp(y->path, x->path);
}

/* The newest first. */
static void search(const char *folder, struct search *ret)
{
    static const char *const below[] = {"runs", "logs"};
    *ret = (struct search){0};
    if (!folder)
        return;
    search_folder(ret, folder, 0);
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        char *sub = pr_path_join(folder, below[i]);
        search_folder(ret, sub, 2);
        pr_free(sub);
    }
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, newest_first);
}

static void search_done(struct search *s)
{
    for (size_t i = 0; i < s->n; i++)
        pr_free(s->v[i].path);
    pr_free(s->v);
}

/* ---- what they say ---- */

struct series {
    struct pr_training_source *s;
    int64_t at[N_TAGS]; /* step of the value held, by tag */
    double last_time;   /* wall time of the newest value; 0: none */
    int64_t step;       /* the largest */
    struct {
        int64_t step;
        double time;
    } marks[RATE_POINTS]; /* of the last losses */
    size_t n_marks;
};

static int point_of(const void *a, const void *b)
{
    const struct pr_training_point *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

static void mark(struct series *x, const struct pr_event *e)
{
    if (!isfinite(e->wall_time))
        return;
    size_t last = x->n_marks;
    if (last && e->step <= x->marks[last - 1].step)
        x->n_marks = last = 0; /* steps went back: a training begun again */
    if (last == RATE_POINTS) {
        memmove(x->marks, x->marks + 1, (RATE_POINTS - 1) * sizeof *x->marks);
        last--;
    }
    x->marks[last].step = e->step;
    x->marks[last].time = e->wall_time;
    x->n_marks = last + 1;
}

static void take_event(struct series *x, const struct pr_event *e)
{
    size_t i = 0;
    while (i < N_TAGS && strcasecmp(tags[i].tag, e->tag) != 0)
        i++;
    if (i == N_TAGS || e->step < 0)
        return;
    if (isfinite(e->wall_time) && e->wall_time > x->last_time)
        x->last_time = e->wall_time;
    x->step = e->step > x->step ? e->step : x->step;
    if (tags[i].point >= 0)
        pr_training_point(x->s, e->step, tags[i].point, e->value);
    if (tags[i].point == 0)
        mark(x, e);
    if (e->step < x->at[i])
        return;
    x->at[i] = e->step;
    if (isfinite(e->value))
        pr_training_set(x->s, tags[i].field, e->value);
    else
        pr_training_not(x->s, tags[i].field, "the last value in the event file is not finite");
}

/* Values of one step came in any order; brings them together. */
static void merge_points(struct pr_training_source *s)
{
    size_t n = 0;
    if (s->n) /* which of two values of one step is kept does not matter: both were logged */
        qsort(s->points, s->n, sizeof *s->points, point_of);
    for (size_t i = 0; i < s->n; i++) {
        struct pr_training_point *to = n ? &s->points[n - 1] : NULL, *p = &s->points[i];
        if (!to || to->step != p->step) {
            s->points[n++] = *p;
            continue;
        }
        to->loss = isfinite(p->loss) ? p->loss : to->loss;
        to->eval_loss = isfinite(p->eval_loss) ? p->eval_loss : to->eval_loss;
        to->learning_rate = isfinite(p->learning_rate) ? p->learning_rate : to->learning_rate;
        to->nan |= p->nan;
    }
    s->n = n;
}

static void read_file(struct series *x, const char *path, struct pr_notes *warnings)
{
    struct pr_events l;
    struct pr_error e;
    struct stat st;
    if (stat(path, &st))
        return;
    if ((uint64_t)st.st_size > PR_TRAINING_EVENTS_MAX) {
        pr_notes_add(warnings, "%s: %lld bytes, at most %zu are read", path, (long long)st.st_size,
            PR_TRAINING_EVENTS_MAX);
        return;
    }
    if (pr_events_read(AT_FDCWD, path, &l, NULL, &e)) {
        pr_notes_add(warnings, "%s", e.message);
        return;
    }
    for (size_t i = 0; i < l.n; i++)
        take_event(x, &l.v[i]);
    pr_events_done(&l);
}

static void finish(struct series *x, const struct found *newest)
{
    struct pr_training_source *s = x->s;
    if (!x->last_time && !s->n)
        return; /* nothing that says how the training goes */
    s->kind = "events";
    s->path = pr_strdup(newest->path);
    s->mtime_ms = newest->mtime_ns / 1000000;
    if (x->last_time > 0 && x->last_time < 1e11)
        s->timestamp_ms = (int64_t)(x->last_time * 1000);
    pr_training_set(s, PR_TRAINING_STEP, (double)x->step);
    if (x->n_marks > 1) {
        double steps = (double)(x->marks[x->n_marks - 1].step - x->marks[0].step);
        double seconds = x->marks[x->n_marks - 1].time - x->marks[0].time;
        if (steps > 0 && seconds > 0) {
            pr_training_set(s, PR_TRAINING_STEPS_PER_SECOND, steps / seconds);
            s->v[PR_TRAINING_STEPS_PER_SECOND].where = pr_strdup("times in the event file");
        }
    }
    merge_points(s);
}

void pr_training_events(const char *folder, struct pr_training_source *s, struct pr_notes *warnings)
{
    struct search all;
    struct series x = {.s = s};
    search(folder, &all);
    if (all.n) {
        /* One run's files lie in one folder: a trainer opens another for its last evaluation. */
        size_t take = 1, file[MAX_FILES] = {0};
        for (size_t i = 1; i < all.n && take < MAX_FILES; i++)
            if (all.v[i].folder == all.v[0].folder &&
                !strncmp(all.v[i].path, all.v[0].path, all.v[0].folder))
                file[take++] = i;
        while (take--)
            read_file(&x, all.v[file[take]].path, warnings);
        finish(&x, &all.v[0]);
    }
    search_done(&all);
}

void pr_training_events_stamp(const char *folder, struct pr_sha256 *h)
{
    struct search all;
    search(folder, &all);
    for (size_t i = 0; i < all.n && i < STAMPED; i++)
        pr_training_stamp_file(all.v[i].path, h);
    pr_sha256_update(h, &all.n, sizeof all.n);
    search_done(&all);
}
