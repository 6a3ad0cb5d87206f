/* See watch.h. */
#include "api/watch.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static bool look_at(struct pr_api_file *f)
{
    struct stat st;
    uint64_t now[3] = {0};
    if (!stat(f->path, &st)) {
        now[0] = st.st_ino;
        now[1] = (uint64_t)st.st_size;
        now[2] = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    }
    bool changed = memcmp(now, f->seen, sizeof now) != 0;
    memcpy(f->seen, now, sizeof now);
    return changed;
}

void pr_api_watch_init(struct pr_api_watch *w, const char *base_dir, struct pr_api_live *live)
{
    *w = (struct pr_api_watch){.live = live};
    pr_api_book_init(&w->book, base_dir);
    w->config.path = pr_path_join(base_dir, "proctor.yaml");
    look_at(&w->config);
    for (size_t i = 0; i < PR_N_QUEUES; i++) {
        w->queues[i].path = pr_queue_path(base_dir, (enum pr_queue)i, NULL);
        look_at(&w->queues[i]);
    }
    pr_api_live_look(live, &w->now);
}

static void forget_training(struct pr_api_watch *w)
{
    for (size_t i = 0; i < w->n_training; i++)
        pr_free(w->training[i].path);
    w->n_training = 0;
}

void pr_api_watch_done(struct pr_api_watch *w)
{
    forget_training(w);
    pr_api_book_done(&w->book);
    pr_free(w->config.path);
    for (size_t i = 0; i < PR_N_QUEUES; i++)
        pr_free(w->queues[i].path);
    pr_api_live_look_done(&w->now);
}

/* A gradebook that cannot be read is looked at again each time: it may become readable. */
static unsigned look_at_book(struct pr_api_watch *w)
{
    struct pr_error e;
    bool changed = false;
    enum pr_code before = w->book_code;
    w->book_code = pr_api_book_look(&w->book, &changed, &e);
    if (w->book_code) {
        bool same = before && !strcmp(e.message, w->book_error.message);
        w->book_error = e;
        return same ? 0 : PR_API_GRADEBOOK;
    }
    return changed || before ? PR_API_GRADEBOOK : 0;
}

static unsigned look_at_live(struct pr_api_watch *w)
{
    struct pr_api_live_look now;
    pr_api_live_look(w->live, &now);
    unsigned ret = (now.n_state != w->now.n_state ? PR_API_LIVE : 0U) |
                   (now.n_machine != w->now.n_machine ? PR_API_MACHINE : 0U);
    pr_api_live_look_done(&w->now);
    w->now = now;
    return ret;
}

unsigned pr_api_watch_look(struct pr_api_watch *w)
{
    unsigned ret = look_at_book(w) | look_at_live(w);
    if (look_at(&w->config))
        ret |= PR_API_CONFIG;
    for (size_t i = 0; i < w->n_training; i++)
        if (look_at(&w->training[i]))
            ret |= PR_API_TRAINING;
    for (size_t i = 0; i < PR_N_QUEUES; i++)
        if (look_at(&w->queues[i]))
            ret |= PR_API_QUEUE;
    return ret;
}

/* ---- the trainer's files ---- */

static void add(struct pr_api_file *v, size_t *n, const struct pr_api_watch *old, char *path)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(v[i].path, path)) {
            pr_free(path);
            return;
        }
    if (*n == PR_API_WATCHED) {
        pr_free(path);
        return;
    }
    v[*n] = (struct pr_api_file){.path = path};
    for (size_t i = 0; i < old->n_training; i++)
        if (!strcmp(old->training[i].path, path))
            memcpy(v[*n].seen, old->training[i].seen, sizeof v[*n].seen);
    if (!v[*n].seen[0])
        look_at(&v[*n]);
    ++*n;
}

/* Event files grow under names that nobody knows before: their folders change with a new one, and
 * the newest of each is watched by its own size. */
static void add_events(
    struct pr_api_file *v, size_t *n, const struct pr_api_watch *old, const char *folder)
{
    char **names = NULL;
    size_t k = 0;
    struct pr_error e;
    char *newest = NULL;
    add(v, n, old, pr_strdup(folder));
    if (pr_dir_list(folder, &names, &k, &e))
        return;
    for (size_t i = 0; i < k; i++)
        if (!strncmp(names[i], "events.out.tfevents.", 20))
            newest = names[i];
    if (newest)
        add(v, n, old, pr_path_join(folder, newest));
    pr_names_free(names, k);
}

void pr_api_watch_training(struct pr_api_watch *w, const char *base_dir, const char *current)
{
    static const char *const folders[] = {"runs", "logs"};
    struct pr_api_file v[PR_API_WATCHED];
    size_t n = 0, k = 0;
    struct pr_checkpoint_row *rows = NULL;
    struct pr_error e;
    const struct pr_checkpoint_filter newest = {.newest = 2};
    add(v, &n, w, pr_path_join(base_dir, "status/training_status.json"));
    char *models = current ? pr_strdup(current) : pr_path_join(base_dir, "models/current_model");
    if (!current && !pr_path_is_dir(models)) {
        pr_free(models);
        models = pr_path_join(base_dir, "current_model");
    }
    add_events(v, &n, w, models);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = pr_path_join(models, folders[i]);
        add_events(v, &n, w, path);
        pr_free(path);
    }
    pr_free(models);
    if (w->book.g && !pr_gradebook_checkpoints(w->book.g, &newest, &rows, &k, &e)) {
        for (size_t i = 0; i < k; i++)
            add(v, &n, w, pr_path_join(rows[i].path, "trainer_state.json"));
        pr_checkpoint_rows_free(rows, k);
    }
    forget_training(w);
    memcpy(w->training, v, n * sizeof *v);
    w->n_training = n;
}
