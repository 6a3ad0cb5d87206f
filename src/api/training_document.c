/* Where the training stands; see answers.h.  Logs of long trainings are large: they are read again
 * only when a file changed, and in between the ages alone go on. */
#include <pthread.h>
#include <string.h>

#include "api/answers.h"
#include "daemon/state.h"
#include "gradebook/browse.h"

/* The last document, made at at_ms of files with this stamp; by base folder. */
static struct {
    pthread_mutex_t lock; /* guards the rest */
    char *base_dir;
    char stamp[65];
    int64_t at_ms;
    json_t *document;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The folders of the newest checkpoints, the newest last; as the state document has them. */
static enum pr_code newest_folders(const struct pr_api_context *x, struct pr_checkpoint_row **ret,
    size_t *ret_n, struct pr_error *e)
{
    const struct pr_checkpoint_filter f = {.newest = PR_STATE_TRAINING_FOLDERS};
    *ret = NULL;
    *ret_n = 0;
    return x->g ? pr_gradebook_checkpoints(x->g, &f, ret, ret_n, e) : PR_OK;
}

static void age(json_t *o, int64_t ms)
{
    const json_t *old = json_object_get(o, "age_seconds");
    if (json_is_number(old))
        pr_json_set_real(o, "age_seconds", json_number_value(old) + (double)ms / 1000, NULL);
}

/* Does an age only go on?  One that is not known may become known with time. */
static bool lasts(const json_t *document)
{
    return json_is_number(json_object_get(document, "age_seconds"));
}

static json_t *aged(const json_t *document, int64_t ms)
{
    json_t *o = json_deep_copy(document);
    age(o, ms);
    age(json_object_get(o, "latest_logged"), ms);
    return o;
}

static json_t *from_kept(const char *base_dir, const char *stamp, int64_t now_ms)
{
    json_t *ret = NULL;
    pthread_mutex_lock(&kept.lock);
    if (kept.document && !strcmp(kept.base_dir, base_dir) && !strcmp(kept.stamp, stamp) &&
        now_ms >= kept.at_ms)
        ret = aged(kept.document, now_ms - kept.at_ms);
    pthread_mutex_unlock(&kept.lock);
    return ret;
}

static void keep(const char *base_dir, const char *stamp, int64_t now_ms, const json_t *document)
{
    pthread_mutex_lock(&kept.lock);
    json_decref(kept.document);
    pr_free(kept.base_dir);
    kept.base_dir = pr_strdup(base_dir);
    memcpy(kept.stamp, stamp, sizeof kept.stamp);
    kept.at_ms = now_ms;
    kept.document = json_deep_copy(document);
    pthread_mutex_unlock(&kept.lock);
}

enum pr_code pr_api_training(const struct pr_api_context *x, json_t **ret, struct pr_error *e)
{
    struct pr_checkpoint_row *rows;
    const char *folders[PR_STATE_TRAINING_FOLDERS];
    char stamp[65];
    size_t n;
    enum pr_code code = newest_folders(x, &rows, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++)
        folders[i] = rows[i].path;
    pr_state_training_stamp(x->config, folders, n, stamp);
    json_t *o = from_kept(x->config->base_dir, stamp, x->now_ms);
    if (!o) {
        o = pr_state_training(x->config, folders, n, x->now_ms);
        if (lasts(o))
            keep(x->config->base_dir, stamp, x->now_ms, o);
    }
    pr_checkpoint_rows_free(rows, n);
    *ret = o;
    return PR_OK;
}
