/* A training that eats from a queue: file after file in place of one set of data; see feed.h. */
#include <poll.h>
#include <string.h>

#include "base/rng.h"
#include "train/feed.h"
#include "train/trainer_internal.h"

#define LOOK_MS 200 /* between two looks into an empty queue */

static void note_all(struct pr_trainer *t)
{
    struct pr_notes notes = pr_feed_notes(t->feed);
    for (size_t i = 0; i < notes.n; i++)
        pr_trainer_note(t, "%s", notes.v[i]);
    pr_notes_done(&notes);
}

enum pr_code pr_trainer_feed_open(struct pr_trainer *t, struct pr_error *e)
{
    enum pr_code code = pr_feed_open(t->o->queue, t->o->out, &t->feed, e);
    if (!code)
        code = pr_feed_resume(t->feed, t->feed_state, t->o->resume == PR_RESUME_NEVER, e);
    if (!code)
        note_all(t);
    return code;
}

/* Each file has an order of its own, which its place in the row tells. */
static uint64_t seed_of(const struct pr_trainer *t, size_t number)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, t->o->seed);
    return pr_rng_u64(&rng) + number;
}

static enum pr_code load(struct pr_trainer *t, const struct pr_feed_file *f,
    struct pr_train_data **ret, struct pr_error *e)
{
    struct pr_train_data_options d = pr_trainer_data_options(t);
    d.files = &f->path;
    d.n_files = 1;
    d.epochs = t->o->epochs_per_file;
    d.seed = seed_of(t, f->number);
    return pr_train_data_load(t->prompter, pr_net_config(t->net), &d, ret, e);
}

/* Its data become the training's. */
static enum pr_code begin(struct pr_trainer *t, const struct pr_feed_file *f,
    struct pr_train_data *data, struct pr_error *e)
{
    int64_t steps = pr_train_data_steps(data);
    pr_train_data_free(t->data);
    t->data = data;
    if (f->steps >= steps)
        return pr_fail(e, PR_E_FORMAT,
            "%s: the checkpoint holds %lld steps of it, and it has %lld in all", f->name,
            (long long)f->steps, (long long)steps);
    enum pr_code code = pr_feed_begin(t->feed, e);
    if (code)
        return code;
    t->file_step = f->steps;
    t->file_steps = steps;
    pr_trainer_note(t, "%s from queue/%s: %zu examples, %lld step%s", f->name, f->from,
        pr_train_data_size(data), (long long)steps, steps == 1 ? "" : "s");
    pr_trainer_note_data(t);
    return PR_OK;
}

static enum pr_code refuse(
    struct pr_trainer *t, const struct pr_feed_file *f, const char *reason, struct pr_error *e)
{
    pr_trainer_note(t, "%s from queue/%s goes to queue/failed: %s", f->name, f->from, reason);
    return pr_feed_refuse(t->feed, reason, e);
}

enum pr_code pr_trainer_feed(struct pr_trainer *t, bool *ret_fed, struct pr_error *e)
{
    *ret_fed = true;
    while (t->file_step == t->file_steps) {
        struct pr_feed_file f;
        struct pr_train_data *data = NULL;
        struct pr_error why;
        enum pr_code code = pr_feed_next(t->feed, &f, e);
        note_all(t);
        *ret_fed = !code && f.path;
        if (!*ret_fed)
            return code;
        code = load(t, &f, &data, &why);
        if (code == PR_E_CANCELLED || code == PR_E_MEMORY)
            return pr_fail(e, code, "%s", why.message);
        code = code ? refuse(t, &f, why.message, e) : begin(t, &f, data, e);
        if (code)
            return code;
    }
    return PR_OK;
}

void pr_trainer_fed(struct pr_trainer *t)
{
    if (++t->file_step == t->file_steps)
        pr_feed_trained(t->feed);
}

void pr_trainer_feed_saved(struct pr_trainer *t)
{
    struct pr_error e;
    if (!pr_feed_saved(t->feed, &e) || (t->feed_said && !strcmp(t->feed_said, e.message)))
        return;
    pr_trainer_note(t, "%s; it stays, and the training goes on", e.message);
    pr_free(t->feed_said);
    t->feed_said = pr_strdup(e.message);
}

void pr_trainer_wait(struct pr_trainer *t)
{
    pr_trainer_tell(t, PR_TRAIN_WAITING, NULL);
    poll(NULL, 0, LOOK_MS);
}
